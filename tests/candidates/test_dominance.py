"""Dominance by columns of numbers equals the definition, pair by pair."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dcopt.candidates.dominance import undominated

_merits = st.integers(1, 4).flatmap(
    lambda columns: st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, 2.5, float("inf")])] * columns), max_size=12)
)


@given(_merits)
def test_undominated_is_what_no_earlier_item_beats_or_equals(rows: list[tuple[float, ...]]) -> None:
    expected = [
        index
        for index, mine in enumerate(rows)
        if not any(all(a <= b for a, b in zip(other, mine, strict=True)) for other in rows[:index])
    ]
    assert undominated(range(len(rows)), lambda index: rows[index]) == expected


@given(_merits)
def test_the_order_of_merits_leaves_exactly_the_pareto_front(rows: list[tuple[float, ...]]) -> None:
    front = undominated(sorted(rows), lambda row: row)
    assert len(set(front)) == len(front)
    for row in rows:
        assert any(all(a <= b for a, b in zip(best, row, strict=True)) for best in front)
