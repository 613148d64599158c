"""Programs derived from a compiled one: with fewer integers, another cost, one more row.

Each is a copy; the columns keep their places and their variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np

from dcopt.solve.matrix import Matrix

_WHOLE = highspy.HighsVarType.kInteger
_ANY = highspy.HighsVarType.kContinuous


def with_integers(matrix: Matrix, stays_whole: Callable[[Any], bool]) -> Matrix:
    """Return the program in which an integer column stays so only where ``stays_whole(variable)``: a relaxation."""
    lp = _copy(matrix.lp)
    lp.integrality_ = [
        _WHOLE if kind == _WHOLE and stays_whole(variable) else _ANY
        for variable, kind in zip(matrix.columns, matrix.lp.integrality_, strict=True)
    ]
    return replace(matrix, lp=lp)


def with_cost(matrix: Matrix, cost: Any, offset: float) -> Matrix:
    """Return the program that minimizes ``cost`` (one number a column) plus ``offset``."""
    lp = _copy(matrix.lp)
    lp.col_cost_ = np.asarray(cost, dtype=float)
    lp.offset_ = offset
    return replace(matrix, lp=lp, offset=offset)


@dataclass(frozen=True)
class Row:
    """A row to be added: least ≤ Σ factor·column ≤ most; without ``factors`` each is 1."""

    columns: Any
    least: float
    most: float
    factors: Any = None


def within_cost(matrix: Matrix, limit: float) -> Matrix:
    """Return the program with one more row: its own cost, constant included, is at most ``limit``."""
    cost = np.asarray(matrix.lp.col_cost_)
    columns = np.flatnonzero(cost)
    return with_rows(matrix, [Row(columns, -highspy.kHighsInf, limit - matrix.offset, cost[columns])])


def with_rows(matrix: Matrix, rows: Sequence[Row]) -> Matrix:
    """Return the program with more rows."""
    lp = _copy(matrix.lp)
    known = matrix.lp.a_matrix_
    lengths = [len(row.columns) for row in rows]
    factors = [np.ones(len(row.columns)) if row.factors is None else np.asarray(row.factors) for row in rows]
    lp.num_row_ += len(rows)
    lp.row_lower_ = np.append(np.asarray(matrix.lp.row_lower_), [row.least for row in rows])
    lp.row_upper_ = np.append(np.asarray(matrix.lp.row_upper_), [row.most for row in rows])
    starts = np.asarray(known.start_)
    lp.a_matrix_.start_ = np.append(starts, starts[-1] + np.cumsum(lengths)).astype(np.int32)
    columns = [np.asarray(row.columns, dtype=np.int32) for row in rows]
    lp.a_matrix_.index_ = np.concatenate([np.asarray(known.index_), *columns]).astype(np.int32)
    lp.a_matrix_.value_ = np.concatenate([np.asarray(known.value_), *factors])
    return replace(matrix, lp=lp, rows=[*matrix.rows, *([None] * len(rows))])


def with_bounds(matrix: Matrix, bounds: dict[int, tuple[float, float]]) -> Matrix:
    """Return the program with other bounds of some columns."""
    lp = _copy(matrix.lp)
    lower, upper = np.array(lp.col_lower_), np.array(lp.col_upper_)
    for column, (least, most) in bounds.items():
        lower[column], upper[column] = least, most
    lp.col_lower_, lp.col_upper_ = lower, upper
    return replace(matrix, lp=lp)


def without(matrix: Matrix, columns: Any, rows: Any) -> Matrix:
    """Return the program in which some columns are in no row, and some rows are empty (masks, True: left out)."""
    lp = _copy(matrix.lp)
    starts = np.asarray(lp.a_matrix_.start_)
    index, values = np.asarray(lp.a_matrix_.index_), np.asarray(lp.a_matrix_.value_)
    of_row = np.repeat(np.arange(lp.num_row_), np.diff(starts))
    kept = ~(np.asarray(columns, dtype=bool)[index] | np.asarray(rows, dtype=bool)[of_row])
    lp.a_matrix_.start_ = np.searchsorted(of_row[kept], np.arange(lp.num_row_ + 1)).astype(np.int32)
    lp.a_matrix_.index_, lp.a_matrix_.value_ = index[kept], values[kept]
    return replace(matrix, lp=lp)


def _copy(lp: Any) -> Any:
    copy = highspy.HighsLp()
    for name in (
        "num_col_",
        "num_row_",
        "col_cost_",
        "col_lower_",
        "col_upper_",
        "row_lower_",
        "row_upper_",
        "offset_",
        "integrality_",
    ):
        setattr(copy, name, getattr(lp, name))
    copy.a_matrix_.format_ = lp.a_matrix_.format_
    for name in ("start_", "index_", "value_"):
        setattr(copy.a_matrix_, name, getattr(lp.a_matrix_, name))
    return copy
