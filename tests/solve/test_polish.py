"""Integers are rounded, fixed and solved again: what does not hold then is refused."""

from __future__ import annotations

import numpy as np
import pytest
from small_programs import INF, Small, knapsack, matrix_of

from dcopt.solve.integers import polish
from dcopt.solve.session import SolveOptions, SolverError, solve

TRANSPORT = Small([1, 4], [0, 0], [9, 9], [[3, 1]], [10], [INF], [True, False])
"""min x + 4z, 3x + z >= 10, x whole: x = 4, z = 0."""


def test_rounds_noise_and_solves_the_rest_again() -> None:
    values, objective = polish(matrix_of(TRANSPORT), np.array([3.9999999, 0.0000003]), 4.0)
    assert list(values) == [4.0, 0.0]
    assert objective == pytest.approx(4.0)


def test_continuous_values_are_made_optimal() -> None:
    values, objective = polish(matrix_of(TRANSPORT), np.array([3.0, 5.0]), 23.0)
    assert values == pytest.approx([3.0, 1.0])
    assert objective == pytest.approx(7.0)


def test_fraction_that_does_not_hold_is_refused() -> None:
    with pytest.raises(SolverError, match="raises the objective"):
        polish(matrix_of(TRANSPORT), np.array([10 / 3, 0.0]), 10 / 3)


def test_rounded_integers_without_a_solution_are_refused() -> None:
    whole = Small([1], [0], [9], [[2]], [3], [4], [True])
    with pytest.raises(SolverError, match="does not hold once its integers are rounded"):
        polish(matrix_of(whole), np.array([1.4]), 1.4)


def test_program_without_integers_stays() -> None:
    small = Small([1, 1], [0, 0], [9, 9], [[2, 1]], [4], [INF], [False, False])
    values, objective = polish(matrix_of(small), np.array([2.0, 0.0]), 2.0)
    assert (list(values), objective) == ([2.0, 0.0], 2.0)


def test_matrix_is_left_as_it_was() -> None:
    matrix = matrix_of(TRANSPORT)
    polish(matrix, np.array([4.0, 0.0]), 4.0)
    assert matrix.integer_columns == 1
    assert list(matrix.lp.col_upper_) == [9, 9]
    assert solve(matrix, SolveOptions(gap=0.0, threads=1)).objective == pytest.approx(4.0)


def test_polish_of_a_solved_program_changes_nothing() -> None:
    matrix = matrix_of(knapsack(20))
    outcome = solve(matrix, SolveOptions(gap=0.0, threads=1))
    values, objective = polish(matrix, outcome.values, outcome.objective or 0.0)
    assert objective == pytest.approx(outcome.objective)
    assert values == pytest.approx(outcome.values)


def test_log_receives_what_highs_says() -> None:
    log: list[str] = []
    polish(matrix_of(TRANSPORT), np.array([4.0, 0.0]), 4.0, log=log.append)
    assert "Optimal" in "".join(log) or log
