"""The largest values of sums of columns over a linear program, one after the other from the basis of the one before."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import highspy
import numpy as np

from dcopt.solve.interrupt import heard
from dcopt.solve.matrix import Matrix

K = TypeVar("K", bound=Hashable)
AT_ONCE_S = 1.0
"""Seconds that one of them may take: a Ctrl-C is heard between them."""


def largest(matrix: Matrix, sums: Mapping[K, Sequence[int]], *, seconds: float) -> dict[K, float]:
    """Return the largest value of each sum of columns; what is not known within ``seconds`` is left out.

    Parameters
    ----------
    matrix: a program without integers that has a solution. sums: the places of the columns of each.

    Raises
    ------
    KeyboardInterrupt: Ctrl-C was pressed.
    """
    ends = time.monotonic() + seconds
    highs = highspy.Highs()
    highs.setOptionValue("log_to_console", False)
    highs.setOptionValue("threads", 1)
    highs.passModel(matrix.lp)
    count = matrix.lp.num_col_
    highs.changeColsCost(count, np.arange(count, dtype=np.int32), np.zeros(count))
    highs.changeObjectiveOffset(0.0)
    found: dict[K, float] = {}
    for key, columns in sums.items():
        left = ends - time.monotonic()
        if left <= 0:
            break
        for column in columns:
            highs.changeColCost(column, -1.0)
        with heard():
            highs.setOptionValue("time_limit", highs.getRunTime() + min(left, AT_ONCE_S))
            highs.run()
        if highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            found[key] = -float(highs.getInfo().objective_function_value)
        for column in columns:
            highs.changeColCost(column, 0.0)
    return found
