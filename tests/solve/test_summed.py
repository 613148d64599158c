"""Sums in place of columns (solve/summed.py): a relaxation however columns and rows are grouped."""

from __future__ import annotations

import highspy
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dcopt.solve.derived import with_integers
from dcopt.solve.matrix import Matrix
from dcopt.solve.session import SolveOptions, solve
from dcopt.solve.summed import Groups, numbered, summed

OPTIONS = SolveOptions(gap=1e-9, time_limit_s=30, threads=1)
WHOLE, ANY = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous


def _program(
    costs: list[float], rows: list[tuple[list[float], float, float]], whole: list[bool], most: float
) -> Matrix:
    """Return the program: minimize costs·x, low ≤ row·x ≤ high, 0 ≤ x ≤ most."""
    lp = highspy.HighsLp()
    count = len(costs)
    lp.num_col_, lp.num_row_ = count, len(rows)
    lp.col_cost_ = np.array(costs, dtype=float)
    lp.col_lower_, lp.col_upper_ = np.zeros(count), np.full(count, most)
    lp.row_lower_ = np.array([low for _, low, _ in rows])
    lp.row_upper_ = np.array([high for _, _, high in rows])
    lp.integrality_ = [WHOLE if is_whole else ANY for is_whole in whole]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    places = [[at for at, factor in enumerate(row) if factor] for row, _, _ in rows]
    lp.a_matrix_.start_ = np.cumsum([0, *map(len, places)]).astype(np.int32)
    lp.a_matrix_.index_ = np.array([at for of_row in places for at in of_row], dtype=np.int32)
    lp.a_matrix_.value_ = np.array([row[at] for (row, _, _), of_row in zip(rows, places, strict=True) for at in of_row])
    names = [f"x{at}" for at in range(count)]
    return Matrix(lp, names, [(f"row{number}", 0) for number in range(len(rows))], 0.0)


FACTORS = st.integers(-3, 4).map(float)
SIDES = st.tuples(st.integers(-6, 6), st.one_of(st.integers(0, 8), st.just(np.inf)))


@st.composite
def _grouped(draw: st.DrawFn) -> tuple[Matrix, list[int], list[int]]:
    count, lines = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    costs = draw(st.lists(st.integers(-3, 5).map(float), min_size=count, max_size=count))
    whole = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    rows = []
    for _ in range(lines):
        low, room = draw(SIDES)
        rows.append((draw(st.lists(FACTORS, min_size=count, max_size=count)), float(low), float(low + room)))
    groups = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    row_groups = draw(st.lists(st.integers(0, 2), min_size=lines, max_size=lines))
    return _program(costs, rows, whole, 4.0), groups, row_groups


@settings(max_examples=150, deadline=None)
@given(_grouped())
def test_no_solution_is_lost_and_none_becomes_dearer(case: tuple[Matrix, list[int], list[int]]) -> None:
    matrix, columns, rows = case
    best = solve(matrix, OPTIONS, second_opinion=False)
    assume(best.objective is not None)
    groups, row_groups = numbered(columns), numbered(rows)
    small = summed(matrix, groups, row_groups)
    assert small.lp.num_col_ == len(small.columns) == len(set(columns))
    assert small.lp.num_row_ == len(small.rows)
    for relaxed in (small, with_integers(small, lambda _: False)):
        found = solve(relaxed, OPTIONS, second_opinion=False)
        assert found.objective is not None
        assert found.objective <= best.objective + 1e-6
    totals = np.zeros(small.lp.num_col_)
    np.add.at(totals, groups, np.asarray(best.values))
    starts = np.asarray(small.lp.a_matrix_.start_)
    for number in range(small.lp.num_row_):
        cells = slice(starts[number], starts[number + 1])
        value = float(
            np.asarray(small.lp.a_matrix_.value_)[cells]
            @ totals[np.asarray(small.lp.a_matrix_.index_, dtype=int)[cells]]
        )
        assert small.lp.row_lower_[number] - 1e-6 <= value <= small.lp.row_upper_[number] + 1e-6


def test_equal_copies_lose_nothing_but_their_rounding() -> None:
    """Two copies that share a demand: at most one unit of each, 1.5 wanted, 2 bought either way."""
    rows = [([1.0, 1.0], 1.5, np.inf), ([1.0, 0.0], -np.inf, 1.0), ([0.0, 1.0], -np.inf, 1.0)]
    matrix = _program([3.0, 3.0], rows, [True, True], 5.0)
    small = summed(matrix, numbered(["x", "x"]), numbered(["demand", "most", "most"]))
    assert (small.lp.num_col_, small.lp.num_row_) == (1, 2)
    assert small.integer_columns == 1
    assert solve(small, OPTIONS).objective == pytest.approx(6.0)
    assert small.lp.row_upper_[1] == 2.0


def test_coefficients_that_differ_count_at_their_best() -> None:
    """a: 2 for 1, b: 3 for 5; 6 wanted. As one: 3 for 1."""
    matrix = _program([1.0, 5.0], [([2.0, 3.0], 6.0, np.inf)], [False, False], 10.0)
    small = summed(matrix, numbered([0, 0]), numbered([0]))
    assert solve(small, OPTIONS).objective == pytest.approx(2.0)
    both = _program([1.0, 5.0], [([2.0, 3.0], 6.0, 6.0)], [False, False], 10.0)
    split = summed(both, numbered([0, 0]), numbered([0]))
    assert sorted(zip(split.lp.row_lower_, split.lp.row_upper_, strict=True)) == [(-np.inf, 6.0), (6.0, np.inf)]
    assert list(split.lp.a_matrix_.value_) == [2.0, 3.0]
    assert [side for _, side in split.rows] == [1, -1]
    assert list(Groups(matrix.columns, numbered([0, 0])).least([4.0, 7.0])) == [4.0]


def test_a_column_that_may_be_negative_stays_alone() -> None:
    matrix = _program([1.0, 1.0], [([1.0, 1.0], 1.0, np.inf)], [False, False], 10.0)
    matrix.lp.col_lower_ = np.array([-1.0, 0.0])
    with pytest.raises(ValueError, match="negative"):
        summed(matrix, numbered([0, 0]), numbered([0]))
    assert summed(matrix, numbered([0, 1]), numbered([0])).lp.num_col_ == 2
