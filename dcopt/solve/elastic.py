"""Programs whose limits give way: whether all can be kept, and how far one must be moved, as the least of a column.

A program with a tight limit has few solutions, and a solver without an incumbent learns little from looking for one.
With the limit as something to minimize, any way to run the work is a solution: an incumbent within the limit shows
that there is one, a bound above it proves that there is none, and the optimum is the least limit that allows one
(elastic programs: Chinneck, Feasibility and Infeasibility in Optimization, 2008, chapter 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np

from dcopt.solve.matrix import Matrix

BEYOND_COST = 1000.0
"""Cost of exceeding a row by all of its right side; the cost of using up a limit is 1."""
ROUNDING = 1e-9
"""Share of the sum of all terms of a bound that rounding in double precision may add to it at most."""


@dataclass(frozen=True)
class Elastic:
    """A program whose rows may be exceeded at a cost; ``columns`` hold by how much, relative to their right sides.

    Its cost is at most ``most`` for whatever exceeds nothing.
    """

    matrix: Matrix
    columns: Any
    most: float


def elastic(matrix: Matrix, rows: Sequence[int]) -> Elastic:
    """Return the program in which ``rows``, of the form body ≤ limit, may be exceeded.

    It minimizes `BEYOND_COST` times what is exceeded and, far below, what is used of the limits: else all that keeps
    them would look alike to the solver.
    """
    lp = matrix.lp
    values, index, starts = _arrays(lp)
    right = np.asarray(lp.row_upper_)[list(rows)]
    cost = np.zeros(lp.num_col_)
    low, high = np.asarray(lp.col_lower_), np.asarray(lp.col_upper_)
    scales, bounds, most = [], [], 0.0
    for row, limit in zip(rows, right, strict=True):
        of_row = slice(starts[row], starts[row + 1])
        scale = abs(limit) if limit else float(np.abs(values[of_row]).max(initial=0.0)) or 1.0
        scales.append(scale)
        largest = np.maximum(values[of_row] * low[index[of_row]], values[of_row] * high[index[of_row]]).sum()
        bounds.append((0.0, max(0.0, float(largest - limit) / scale)))
        if limit > 0:
            cost[index[of_row]] += values[of_row] / scale
            most += 1.0
    weights = {row: (column, -scale) for column, (row, scale) in enumerate(zip(rows, scales, strict=True))}
    wider = _with_columns(matrix, cost, [BEYOND_COST] * len(scales), bounds, weights)
    return Elastic(wider, np.arange(lp.num_col_, lp.num_col_ + len(scales)), most)


def least_limit(matrix: Matrix, rows: Sequence[int], limit: float, between: tuple[float, float]) -> Matrix:
    """Return the program whose ``rows`` have one variable limit, the last column, ``between`` two, and minimize it.

    As they are, their limit is the number ``limit``.
    """
    lp = matrix.lp
    weights = dict.fromkeys(rows, (0, -1.0))
    wider = _with_columns(matrix, np.zeros(lp.num_col_), [1.0], [between], weights)
    upper = np.array(wider.lp.row_upper_)
    upper[list(rows)] -= limit
    wider.lp.row_upper_ = upper
    return wider


def _arrays(lp: Any) -> tuple[Any, Any, Any]:
    rows = lp.a_matrix_
    return np.asarray(rows.value_), np.asarray(rows.index_), np.asarray(rows.start_)


def _with_columns(
    matrix: Matrix,
    cost: Any,
    more_cost: Sequence[float],
    bounds: Sequence[tuple[float, float]],
    weights: Mapping[int, tuple[int, float]],
) -> Matrix:
    """Return the program with continuous columns at its end; ``weights`` give one of them in some rows."""
    old, lp, more = matrix.lp, highspy.HighsLp(), len(more_cost)
    values, index, starts = _arrays(old)
    lines = sorted(weights)
    places = starts[np.array(lines, dtype=int) + 1] if lines else np.array([], dtype=int)
    lp.num_col_, lp.num_row_ = old.num_col_ + more, old.num_row_
    lp.col_cost_ = np.append(cost, more_cost)
    lp.col_lower_ = np.append(np.asarray(old.col_lower_), [low for low, _ in bounds])
    lp.col_upper_ = np.append(np.asarray(old.col_upper_), [high for _, high in bounds])
    lp.row_lower_, lp.row_upper_ = old.row_lower_, old.row_upper_
    lp.integrality_ = [*old.integrality_, *[highspy.HighsVarType.kContinuous] * more]
    lp.a_matrix_.format_ = old.a_matrix_.format_
    lp.a_matrix_.value_ = np.insert(values, places, [weights[line][1] for line in lines])
    lp.a_matrix_.index_ = np.insert(index, places, [old.num_col_ + weights[line][0] for line in lines]).astype(np.int32)
    grown = np.zeros(old.num_row_ + 1, dtype=int)
    grown[np.array(lines, dtype=int) + 1] = 1
    lp.a_matrix_.start_ = (starts + np.cumsum(grown)).astype(np.int32)
    return replace(matrix, lp=lp, columns=[*matrix.columns, *[None] * more], offset=0.0)


def relaxed_bound(matrix: Matrix, limit_s: float) -> float | None:
    """Return a bound that the linear relaxation of a program proves, inf where it has no solution; None where neither.

    The bound is computed from the multipliers alone, so it holds whatever the solver's tolerances left of them
    (Neumaier and Shcherbina, Mathematical Programming 99, 2004). No solution is found once with and once without
    presolve before it is believed.
    """
    kinds = highspy.HighsModelStatus
    for presolve in ("choose", "off"):
        highs = highspy.Highs()
        highs.setOptionValue("log_to_console", False)
        highs.setOptionValue("time_limit", limit_s)
        highs.setOptionValue("solve_relaxation", True)
        highs.setOptionValue("presolve", presolve)
        highs.passModel(matrix.lp)
        highs.run()
        status = highs.getModelStatus()
        if status == kinds.kOptimal:
            return safe_bound(matrix, np.array(highs.getSolution().row_dual))
        if status not in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
            return None
    return float("inf")


def safe_bound(matrix: Matrix, multipliers: Any) -> float:
    """Return what no solution costs less than, by any multipliers of the rows, less what rounding may add to it.

    It is −inf where a column without a bound would have to be one.
    """
    lp = matrix.lp
    values, index, starts = _arrays(lp)
    lower, upper = np.asarray(lp.row_lower_), np.asarray(lp.row_upper_)
    usable = np.where(multipliers > 0, np.isfinite(lower), np.isfinite(upper))
    y = np.where(usable, multipliers, 0.0)
    sides = np.where(y > 0, lower, upper)
    of_rows = y * np.where(y != 0.0, sides, 0.0)
    lines = np.repeat(np.arange(lp.num_row_), np.diff(starts))
    reduced = np.asarray(lp.col_cost_) - np.bincount(index, weights=values * y[lines], minlength=lp.num_col_)
    ends = np.where(reduced > 0, np.asarray(lp.col_lower_), np.asarray(lp.col_upper_))
    of_columns = np.where(reduced != 0.0, reduced * np.where(reduced != 0.0, ends, 0.0), 0.0)
    size = float(np.abs(of_rows).sum() + np.abs(of_columns).sum())
    return float(of_rows.sum() + of_columns.sum()) - ROUNDING * size if np.isfinite(size) else -float("inf")
