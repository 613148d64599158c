"""A program that falls apart: parts that share no row are solved one by one, and parts that are equal once.

Sites that neither a workload, nor a budget, nor an offer binds together are such parts. Together they are the whole
program: its optimum is the sum of theirs, and so is its bound. Branching would have to combine the leaves of every
part with those of every other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

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
    rows = csr_matrix(
        (np.asarray(lp.a_matrix_.value_), np.asarray(lp.a_matrix_.index_), np.asarray(lp.a_matrix_.start_)),
        shape=(lp.num_row_, lp.num_col_),
    )
    label = _labels(rows)
    integer = np.array([kind == highspy.HighsVarType.kInteger for kind in lp.integrality_])
    sizes = np.bincount(label, weights=integer)
    substantial = [int(part) for part in np.flatnonzero(sizes >= SUBSTANTIAL)]
    if len(substantial) < 2:
        return [_part(matrix, rows, np.arange(lp.num_col_))]
    largest = max(substantial, key=lambda part: sizes[part])
    label[~np.isin(label, substantial)] = largest
    order = sorted(substantial, key=lambda part: (sizes[part], part))
    return [_part(matrix, rows, np.flatnonzero(label == part)) for part in order]


def _labels(rows: Any) -> Any:
    """Return the number of the part of each column: columns in one row are in one part."""
    count = rows.shape[1]
    pairs = rows.tocoo()
    ends = np.concatenate([pairs.row + count, pairs.col]), np.concatenate([pairs.col, pairs.row + count])
    graph = csr_matrix((np.ones(2 * pairs.nnz, dtype=np.int8), ends), shape=(count + rows.shape[0],) * 2)
    return connected_components(graph, directed=False)[1][:count].copy()


def _part(matrix: Matrix, rows: Any, columns: Any) -> Part:
    whole = matrix.lp
    mine = rows[:, columns]
    filled = np.flatnonzero(np.diff(mine.indptr))
    if len(columns) == whole.num_col_:
        filled = np.arange(whole.num_row_)  # rows without columns too: they may be what cannot be kept
    mine = mine[filled].tocsr()
    mine.sort_indices()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(columns), len(filled)
    for name, chosen in (("col_cost_", columns), ("col_lower_", columns), ("col_upper_", columns)):
        setattr(lp, name, np.asarray(getattr(whole, name))[chosen])
    lp.row_lower_, lp.row_upper_ = np.asarray(whole.row_lower_)[filled], np.asarray(whole.row_upper_)[filled]
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = mine.indptr, mine.indices, mine.data
    kinds = whole.integrality_
    lp.integrality_ = [kinds[column] for column in columns]
    arrays = (lp.col_cost_, lp.col_lower_, lp.col_upper_, lp.row_lower_, lp.row_upper_, mine.data)
    same = b"|".join(
        [np.asarray(array, dtype=float).tobytes() for array in arrays]
        + [mine.indptr.astype(np.int64).tobytes(), mine.indices.astype(np.int64).tobytes()]
        + [bytes(kind == highspy.HighsVarType.kInteger for kind in lp.integrality_)]
    )
    program = Matrix(lp, [matrix.columns[c] for c in columns], [matrix.rows[r] for r in filled], 0.0)
    return Part(columns, program, same)
