"""A compiled program with other costs and bounds of its columns, and its linear relaxation with the reduced costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import highspy
import numpy as np
from numpy.typing import NDArray

from dcopt.solve.matrix import Matrix

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Relaxation:
    """The optimum of a program whose integers may be fractions.

    ``values`` and ``reduced`` hold one number a column: its value, and by how much the optimum rises for each unit that
    a bound which holds it is raised.
    """

    objective: float
    values: Floats
    reduced: Floats


def changed(
    matrix: Matrix,
    *,
    costs: Mapping[int, float] | None = None,
    bounds: Mapping[int, tuple[float, float]] | None = None,
) -> Matrix:
    """Return the program with other costs and (lower, upper) bounds of some columns; the rest is shared with it."""
    lp, whole = highspy.HighsLp(), matrix.lp
    for name in ("num_col_", "num_row_", "offset_", "row_lower_", "row_upper_", "integrality_"):
        setattr(lp, name, getattr(whole, name))
    lp.a_matrix_ = whole.a_matrix_
    cost, lower, upper = (
        np.array(column, dtype=float) for column in (whole.col_cost_, whole.col_lower_, whole.col_upper_)
    )
    for column, usd in (costs or {}).items():
        cost[column] = usd
    for column, (low, high) in (bounds or {}).items():
        lower[column], upper[column] = low, high
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, upper
    return replace(matrix, lp=lp)


def relaxed(matrix: Matrix) -> Relaxation | None:
    """Return the optimum of the linear relaxation; None where HiGHS finds none."""
    highs = highspy.Highs()
    highs.setOptionValue("log_to_console", False)
    highs.setOptionValue("solve_relaxation", True)
    highs.setOptionValue("threads", 1)
    highs.passModel(matrix.lp)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    solution = highs.getSolution()
    return Relaxation(
        float(highs.getInfo().objective_function_value),
        np.array(solution.col_value, dtype=float),
        np.array(solution.col_dual, dtype=float),
    )
