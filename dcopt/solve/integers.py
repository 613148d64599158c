"""The integrity of an incumbent: integers rounded and fixed, the rest solved again, cost and rows held exactly.

HiGHS leaves at most `session.WHOLE_TO` of an integer; what it leaves is rounded away here, and everything that follows
from the integers is solved once more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import highspy
import numpy as np

from dcopt.solve.exact import exactly
from dcopt.solve.matrix import Matrix
from dcopt.solve.session import SolverError

WORSE_AT_MOST = 1e-6
"""Relative increase of the objective that rounding may bring: more means that the solver leaned on its tolerances."""


def polish(
    matrix: Matrix, values: Any, objective: float, *, log: Callable[[str], None] = lambda text: None
) -> tuple[Any, float]:
    """Round the integer columns of ``values``, solve the rest again, and return (values, exact objective).

    Raises
    ------
    SolverError: with the rounded integers there is no solution, it costs more than `WORSE_AT_MOST` allows, or exact
        arithmetic finds a row, bound or integer that does not hold (`dcopt.solve.exact`).
    """
    lp = matrix.lp
    is_integer = np.array([kind == highspy.HighsVarType.kInteger for kind in lp.integrality_])
    rounded = np.where(is_integer, np.round(values), values)
    highs = highspy.Highs()
    highs.setOptionValue("log_to_console", False)
    highs.cbLogging.subscribe(lambda event: log(event.message))
    highs.passModel(lp)
    count = int(is_integer.sum())
    if count:
        indices = np.nonzero(is_integer)[0].astype(np.int32)
        highs.changeColsIntegrality(count, indices, np.zeros(count, dtype=np.uint8))
        highs.changeColsBounds(count, indices, rounded[is_integer], rounded[is_integer])
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise SolverError(
            "the solver's incumbent does not hold once its integers are rounded "
            f"({highs.modelStatusToString(highs.getModelStatus())}); this is a fault of dcopt or HiGHS"
        )
    cost = float(highs.getInfo().objective_function_value)
    if cost - objective > WORSE_AT_MOST * max(1.0, abs(objective)):
        raise SolverError(f"rounding the integers raises the objective from {objective!r} to {cost!r}")
    result = np.where(is_integer, rounded, np.array(highs.getSolution().col_value))
    found = exactly(matrix, result)
    if not found.holds:
        raise SolverError(f"in exact arithmetic {found.where} is missed by {found.worst:.3g} times its tolerance")
    return result, float(found.objective)
