"""Programs that fall apart: the sum of the parts is the whole, and equal parts are solved once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_programs import INF, Small, by_hand, matrix_of

import dcopt.solve.parts as parts_module
from dcopt.solve import session, together
from dcopt.solve.parts import parts_of
from dcopt.solve.session import Outcome, SolveOptions


@pytest.fixture
def every_part_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take parts of a single integer column for substantial."""
    monkeypatch.setattr(parts_module, "SUBSTANTIAL", 1)


def blocks(costs: list[list[float]], needs: list[float], offset: float = 0.0) -> Small:
    """Return one knapsack of three columns for each row of costs: 3a + 2b + c ≥ need, each at most 3."""
    width = 3 * len(costs)
    rows = [[0.0] * (3 * i) + [3.0, 2.0, 1.0] + [0.0] * (width - 3 * i - 3) for i in range(len(costs))]
    flat = [cost for block in costs for cost in block]
    return Small(flat, [0.0] * width, [2.0] * width, rows, needs, [INF] * len(needs), [True] * width, offset)


@pytest.mark.usefixtures("every_part_counts")
@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(1, 9)] * 3, st.integers(0, 12)), min_size=1, max_size=3),
    st.integers(-5, 5),
)
def test_the_sum_of_the_parts_is_the_whole(data: list[tuple[int, int, int, int]], offset: int) -> None:
    small = blocks([[float(c) for c in row[:3]] for row in data], [float(row[3]) for row in data], float(offset))
    outcome = together.solve(matrix_of(small), SolveOptions(gap=0.0, time_limit_s=60))
    assert outcome.verdict == "optimal"
    assert outcome.objective == pytest.approx(by_hand(small))
    assert outcome.bound == pytest.approx(outcome.objective, abs=1e-5)
    assert outcome.values @ small.cost + offset == pytest.approx(outcome.objective)


@pytest.mark.usefixtures("every_part_counts")
def test_equal_parts_are_solved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    solved = []
    real = session.solve

    def counted(matrix: object, *args: object, **options: object) -> Outcome:
        solved.append(matrix)
        return real(matrix, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "solve", counted)
    small = blocks([[4.0, 3.0, 2.0], [4.0, 3.0, 2.0], [5.0, 3.0, 2.0]], [7.0, 7.0, 7.0])
    outcome = together.solve(matrix_of(small), SolveOptions(gap=0.0))
    assert len(solved) == 2
    assert outcome.objective == pytest.approx(by_hand(small))


@pytest.mark.usefixtures("every_part_counts")
def test_one_part_that_nothing_keeps_makes_the_whole_infeasible() -> None:
    small = blocks([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]], [3.0, 13.0])
    assert together.solve(matrix_of(small), SolveOptions()).verdict == "infeasible"


@pytest.mark.usefixtures("every_part_counts")
def test_a_row_over_all_columns_leaves_one_part() -> None:
    small = blocks([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [3.0, 4.0])
    assert len(parts_of(matrix_of(small))) == 2
    bound = Small(
        small.cost, small.lower, small.upper, [*small.rows, [1.0] * 6], [*small.row_lower, 5.0],
        [*small.row_upper, INF], small.integer,
    )  # fmt: skip
    assert len(parts_of(matrix_of(bound))) == 1
    assert together.solve(matrix_of(bound), SolveOptions(gap=0.0)).objective == pytest.approx(by_hand(bound))


def test_small_parts_are_not_worth_it() -> None:
    assert len(parts_of(matrix_of(blocks([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], [3.0, 4.0])))) == 1


@pytest.mark.usefixtures("every_part_counts")
def test_after_an_interrupt_the_rest_stops_at_its_first_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = []
    real = session.solve

    def interrupted(matrix: object, options: SolveOptions, **others: object) -> Outcome:
        gaps.append(options.gap)
        outcome = real(matrix, options, **others)  # type: ignore[arg-type]
        outcome.verdict = "interrupted" if len(gaps) == 1 else outcome.verdict
        return outcome

    monkeypatch.setattr(session, "solve", interrupted)
    small = blocks([[4.0, 3.0, 2.0], [5.0, 3.0, 2.0], [6.0, 3.0, 2.0]], [7.0, 7.0, 7.0])
    outcome = together.solve(matrix_of(small), SolveOptions(gap=1e-4))
    assert gaps == [1e-4, together.FIRST_SOLUTION, together.FIRST_SOLUTION]
    assert outcome.verdict == "interrupted"
    assert outcome.values is not None
