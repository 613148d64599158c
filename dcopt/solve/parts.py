"""A program that falls apart: parts that share no row are solved one by one, and parts that are equal once.

Sites that neither a workload, nor a budget, nor an offer binds together are such parts. Together they are the whole
program: its optimum is the sum of theirs, and so is its bound. Branching would have to combine the leaves of every
part with those of every other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np

from dcopt.solve.matrix import Matrix

SUBSTANTIAL = 25
"""Integer columns from which a part is worth a solve of its own."""


@dataclass(frozen=True)
class Part:
    """Columns of a program that share rows with no others, as a program of its own (without the constant cost)."""

    columns: Any
    matrix: Matrix
    same: bytes
    """Equal for parts that differ in the names of columns and rows alone."""


def parts_of(matrix: Matrix) -> list[Part]:
    """Return the parts of a program, the smallest first; one part where it does not fall apart.

    Columns that are not part of anything substantial go with the largest part.
    """
    lp = matrix.lp
    rows = _Rows(np.asarray(lp.a_matrix_.value_), np.asarray(lp.a_matrix_.index_), np.asarray(lp.a_matrix_.start_))
    label = _labels(rows, lp.num_col_)
    integer = np.array([kind == highspy.HighsVarType.kInteger for kind in lp.integrality_])
    sizes = np.bincount(label, weights=integer)
    substantial = [int(part) for part in np.flatnonzero(sizes >= SUBSTANTIAL)]
    if len(substantial) < 2:
        return [_part(matrix, rows, np.arange(lp.num_col_))]
    largest = max(substantial, key=lambda part: sizes[part])
    label[~np.isin(label, substantial)] = largest
    order = sorted(substantial, key=lambda part: (sizes[part], part))
    return [_part(matrix, rows, np.flatnonzero(label == part)) for part in order]


@dataclass(frozen=True)
class _Rows:
    """The non-zeros of a matrix, row by row: those of row i are from ``starts[i]`` to ``starts[i + 1]``."""

    values: Any
    columns: Any
    starts: Any


def _labels(rows: _Rows, count: int) -> Any:
    """Return the number of the part of each column, in the order of their first columns.

    Columns in one row are in one part: each takes the least number of its rows, and then the number of that one, until
    nothing changes.
    """
    filled = rows.starts[:-1] < rows.starts[1:]
    lengths = np.diff(rows.starts)[filled]
    least = np.arange(count)
    while len(rows.columns):
        before = least.copy()
        of_rows = np.minimum.reduceat(least[rows.columns], rows.starts[:-1][filled])
        np.minimum.at(least, rows.columns, np.repeat(of_rows, lengths))
        while (least[least] < least).any():
            least = least[least]
        if (least == before).all():
            break
    return np.unique(least, return_inverse=True)[1]


def _part(matrix: Matrix, rows: _Rows, columns: Any) -> Part:
    whole = matrix.lp
    number = np.full(whole.num_col_, -1, dtype=np.int32)
    number[columns] = np.arange(len(columns), dtype=np.int32)
    lines = np.repeat(np.arange(whole.num_row_), np.diff(rows.starts))
    mine = number[rows.columns] >= 0
    filled = np.unique(lines[mine])
    if len(columns) == whole.num_col_:
        filled = np.arange(whole.num_row_)  # rows without columns too: they may be what cannot be kept
    values, index = rows.values[mine], number[rows.columns[mine]]
    starts = np.searchsorted(lines[mine], np.append(filled, whole.num_row_)).astype(np.int32)
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(columns), len(filled)
    for name, chosen in (("col_cost_", columns), ("col_lower_", columns), ("col_upper_", columns)):
        setattr(lp, name, np.asarray(getattr(whole, name))[chosen])
    lp.row_lower_, lp.row_upper_ = np.asarray(whole.row_lower_)[filled], np.asarray(whole.row_upper_)[filled]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = starts, index, values
    kinds = whole.integrality_
    lp.integrality_ = [kinds[column] for column in columns]
    arrays = (lp.col_cost_, lp.col_lower_, lp.col_upper_, lp.row_lower_, lp.row_upper_, values)
    same = b"|".join(
        [np.asarray(array, dtype=float).tobytes() for array in arrays]
        + [starts.astype(np.int64).tobytes(), index.astype(np.int64).tobytes()]
        + [bytes(kind == highspy.HighsVarType.kInteger for kind in lp.integrality_)]
    )
    of_columns, of_rows = [matrix.columns[c] for c in columns], [matrix.rows[r] for r in filled]
    return Part(columns, replace(matrix, lp=lp, columns=of_columns, rows=of_rows, offset=0.0), same)
