"""Programs whose limits give way, held against enumeration; a bound by any multipliers is one."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import highspy
import numpy as np
import pytest

from dcopt.solve.elastic import elastic, least_limit, relaxed_bound, safe_bound
from dcopt.solve.matrix import Matrix
from dcopt.solve.session import SolveOptions, solve

MOST = 3
"""Upper bound of every column."""


def program(rows: list[tuple[list[float], float, float]], cost: list[float]) -> Matrix:
    """Return the program of integer columns in [0, MOST] with rows (coefficients, lower, upper)."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(cost), len(rows)
    lp.col_cost_ = np.array(cost, dtype=float)
    lp.col_lower_, lp.col_upper_ = np.zeros(len(cost)), np.full(len(cost), float(MOST))
    lp.row_lower_ = np.array([low for _, low, _ in rows], dtype=float)
    lp.row_upper_ = np.array([high for _, _, high in rows], dtype=float)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.arange(0, len(cost) * (len(rows) + 1), len(cost), dtype=np.int32)
    lp.a_matrix_.index_ = np.tile(np.arange(len(cost), dtype=np.int32), len(rows))
    lp.a_matrix_.value_ = np.array([c for terms, _, _ in rows for c in terms], dtype=float)
    lp.integrality_ = [highspy.HighsVarType.kInteger] * len(cost)
    return Matrix(lp, [None] * len(cost), [None] * len(rows), 0.0)


def drawn(seed: int) -> tuple[Matrix, list[tuple[list[float], float, float]]]:
    """Return a program of one demand and two limits, which may be too tight for it."""
    draw = random.Random(seed)
    columns = 3
    need = [float(draw.randint(1, 5)) for _ in range(columns)]
    rows = [(need, float(draw.randint(4, 25)), math.inf)]
    rows += [
        ([float(draw.randint(1, 9)) for _ in range(columns)], -math.inf, float(draw.randint(5, 40))) for _ in range(2)
    ]
    return program(rows, [float(draw.randint(1, 9)) for _ in range(columns)]), rows


def points(rows: list[tuple[list[float], float, float]]) -> Any:
    """Yield every whole point that keeps the rows."""
    for point in itertools.product(range(MOST + 1), repeat=3):
        if all(low <= sum(c * x for c, x in zip(terms, point, strict=True)) <= high for terms, low, high in rows):
            yield point


@pytest.mark.parametrize("seed", range(40))
def test_limits_that_give_way_tell_whether_they_can_be_kept(seed: int) -> None:
    matrix, rows = drawn(seed)
    given = elastic(matrix, [1, 2])
    outcome = solve(given.matrix, SolveOptions(gap=1e-9))
    if not any(points(rows[:1])):
        assert outcome.verdict == "infeasible"
        return
    exceeds = (outcome.values[given.columns] > 1e-9).any()
    assert exceeds == (not any(points(rows)))
    assert (outcome.objective > given.most + 1e-6) == exceeds
    bound = relaxed_bound(given.matrix, 10.0)
    assert bound is not None
    assert bound <= outcome.objective + 1e-9


@pytest.mark.parametrize("seed", range(40))
def test_the_least_limit_is_the_one_that_enumeration_finds(seed: int) -> None:
    matrix, rows = drawn(seed)
    limit = rows[1][2]
    wider = [rows[0], (rows[1][0], -math.inf, 10 * limit), rows[2]]
    used = [sum(c * x for c, x in zip(rows[1][0], point, strict=True)) for point in points(wider)]
    matrix = program(wider, [0.0] * 3)
    outcome = solve(least_limit(matrix, [1], 10 * limit, (limit, 10 * limit)), SolveOptions(gap=1e-9))
    if not used:
        assert outcome.verdict == "infeasible"
        return
    assert outcome.objective == pytest.approx(max(limit, min(used)))
    assert outcome.values[-1] == pytest.approx(max(limit, min(used)))


@pytest.mark.parametrize("seed", range(20))
def test_any_multipliers_bound_every_solution(seed: int) -> None:
    matrix, rows = drawn(seed)
    draw = random.Random(f"multipliers {seed}")
    costs = np.asarray(matrix.lp.col_cost_)
    least = min((float(np.dot(costs, point)) for point in points(rows)), default=math.inf)
    for _ in range(20):
        assert safe_bound(matrix, np.array([draw.uniform(-3, 3) for _ in rows])) <= least
    assert relaxed_bound(matrix, 10.0) <= least  # type: ignore[operator]


def test_a_relaxation_without_a_solution_is_told() -> None:
    rows = [([1.0, 1.0, 1.0], 20.0, math.inf)]  # at most 9
    assert relaxed_bound(program(rows, [1.0] * 3), 10.0) == math.inf


def test_a_solve_ends_where_what_is_known_is_enough() -> None:
    matrix, _ = drawn(3)
    seen: list[Any] = []

    def enough(progress: Any, values: Any) -> bool:
        seen.append(values)
        return values is not None

    outcome = solve(matrix, SolveOptions(), enough=enough)
    assert outcome.verdict in ("interrupted", "optimal")
    assert all(values is None or len(values) == 3 for values in seen)
