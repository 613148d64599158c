"""A smaller relaxation of a program: groups of its columns as their sums.

    X_g = Σ_{j∈g} x_j,      Σ_{j∈g} l_j ≤ X_g ≤ Σ_{j∈g} u_j,      cost ≥ Σ_g min_{j∈g} cost_j · X_g
    rows r∈h together, with a_j = Σ_{r∈h} a_rj:    Σ_j a_j·x_j ≥ Σ_{r∈h} b_r   gives   Σ_g max_{j∈g} a_j · X_g ≥ Σ b_r

(≤ with the minimum). As no column of a group is negative every solution of the program gives one of these sums that
costs no more, however columns and rows are grouped. Little is lost where the groups are the orbits of a symmetry: what
is equal then adds up to one of its kind, counted with integers, and the program is as much smaller (orbital shrinking:
Fischetti and Liberti, LNCS 7422, 2012; the smallest and largest coefficients carry it over to what is nearly alike).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np

from dcopt.solve.matrix import Matrix

SAME = 1e-12
"""Relative difference of coefficients that are the same."""


@dataclass(frozen=True)
class Groups:
    """The variables of the columns of a program that were summed, and the number of the group of each."""

    columns: list[Any]
    numbers: Any

    def least(self, values: Any) -> Any:
        """Return the least of ``values`` (one a column) in each group: what a sum is multiplied with at the least."""
        return _least(np.asarray(values, dtype=float), self.numbers, int(self.numbers.max()) + 1)


def numbered(keys: Sequence[Hashable]) -> Any:
    """Return the number of each key, equal keys the same, in the order in which they first come."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def summed(matrix: Matrix, groups: Any, row_groups: Any) -> Matrix:
    """Return the program of the sums of columns.

    Parameters
    ----------
    matrix: the program. groups: the group of each column, numbered from 0 without gaps. row_groups: that of each row.
    The variable of a sum is that of the first column of its group, the constraint of a row that of its first row.

    Raises
    ------
    ValueError: a column that is not alone in its group may be negative.
    """
    lp = matrix.lp
    groups, row_groups = np.asarray(groups), np.asarray(row_groups)
    lower, upper = np.asarray(lp.col_lower_, dtype=float), np.asarray(lp.col_upper_, dtype=float)
    count, sizes = int(groups.max()) + 1, np.bincount(groups)
    if ((lower < 0) & (sizes[groups] > 1)).any():
        raise ValueError("a column that may be negative is summed with others")
    small = highspy.HighsLp()
    small.num_col_, small.offset_ = count, lp.offset_
    small.col_cost_ = _least(np.asarray(lp.col_cost_, dtype=float), groups, count)
    small.col_lower_ = _total(lower, groups, count)
    small.col_upper_ = _total(upper, groups, count)
    is_whole = np.array([kind == highspy.HighsVarType.kInteger for kind in lp.integrality_])
    all_whole = np.bincount(groups, weights=is_whole, minlength=count) == sizes
    kinds = highspy.HighsVarType
    small.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in all_whole]
    _rows(small, lp, groups, row_groups)
    firsts = np.unique(groups, return_index=True)[1]
    columns = [matrix.columns[place] for place in firsts]
    first_rows = np.unique(row_groups, return_index=True)[1]
    rows = [_side(matrix.rows[first_rows[number]], side) for number, side in _rows(small, lp, groups, row_groups)]
    return replace(matrix, lp=small, columns=columns, rows=rows)


def _side(row: tuple[Any, int], side: int | None) -> tuple[Any, int]:
    return row if side is None else (row[0], side)


def _rows(small: Any, lp: Any, groups: Any, row_groups: Any) -> list[tuple[int, int | None]]:
    """Give a program the sums of rows: one where it has the same coefficients for all of a group, else its two sides.

    Returns the group of each row, with its side where there may be two.
    """
    count = int(row_groups.max()) + 1 if len(row_groups) else 0
    low = _total(np.asarray(lp.row_lower_, dtype=float), row_groups, count)
    high = _total(np.asarray(lp.row_upper_, dtype=float), row_groups, count)
    line, group, least, most = _coefficients(lp, groups, row_groups)
    differs = np.bincount(line, weights=_differ(least, most), minlength=count) > 0
    lows = np.where(differs, -np.inf, low)  # a row that differs is stated with its least coefficients as ≤ …
    kept = (np.isfinite(lows) | np.isfinite(high)).nonzero()[0]
    again = (differs & np.isfinite(low)).nonzero()[0]  # … and with its largest as ≥
    parts = [
        (kept, line, group, least, lows[kept], high[kept]),
        (again, line, group, most, low[again], np.full(len(again), np.inf)),
    ]
    starts, index, values, sides = [np.zeros(1, dtype=np.int64)], [], [], []
    cells = 0
    for lines, of_line, of_group, factors, from_low, to_high in parts:
        chosen = np.isin(of_line, lines) & (factors != 0.0)
        lengths = np.bincount(np.searchsorted(lines, of_line[chosen]), minlength=len(lines))
        starts.append(cells + np.cumsum(lengths))
        cells += int(lengths.sum())
        index.append(of_group[chosen])
        values.append(factors[chosen])
        sides.append((from_low, to_high))
    small.num_row_ = len(kept) + len(again)
    small.row_lower_ = np.concatenate([low for low, _ in sides])
    small.row_upper_ = np.concatenate([high for _, high in sides])
    small.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    small.a_matrix_.start_ = np.concatenate(starts).astype(np.int32)
    small.a_matrix_.index_ = np.concatenate(index).astype(np.int32)
    small.a_matrix_.value_ = np.concatenate(values)
    return [(int(row), 1 if differs[row] else None) for row in kept] + [(int(row), -1) for row in again]


def _coefficients(lp: Any, groups: Any, row_groups: Any) -> tuple[Any, Any, Any, Any]:
    """Return (row, group, least, most) of the coefficients of summed rows, sorted by row and group.

    A column of a group that is not in the row has the coefficient 0 there.
    """
    starts, index = np.asarray(lp.a_matrix_.start_), np.asarray(lp.a_matrix_.index_, dtype=np.int64)
    if not len(index):
        return index, index, np.zeros(0), np.zeros(0)
    of_row = row_groups[np.repeat(np.arange(lp.num_row_), np.diff(starts))]
    cells, place = np.unique(of_row * lp.num_col_ + index, return_inverse=True)
    factors = np.bincount(place, weights=np.asarray(lp.a_matrix_.value_), minlength=len(cells))
    of_row, column = np.divmod(cells, lp.num_col_)
    pairs, place, there = np.unique(
        of_row * (int(groups.max()) + 1) + groups[column], return_inverse=True, return_counts=True
    )
    line, group = np.divmod(pairs, int(groups.max()) + 1)
    lacks = there < np.bincount(groups)[group]
    least, most = np.where(lacks, 0.0, np.inf), np.where(lacks, 0.0, -np.inf)
    np.minimum.at(least, place, factors)
    np.maximum.at(most, place, factors)
    return line, group, least, most


def _differ(least: Any, most: Any) -> Any:
    return most - least > SAME * np.maximum(1.0, np.maximum(np.abs(least), np.abs(most)))


def _total(values: Any, groups: Any, count: int) -> Any:
    total = np.zeros(count)
    np.add.at(total, groups, values)
    return total


def _least(values: Any, groups: Any, count: int) -> Any:
    least = np.full(count, np.inf)
    np.minimum.at(least, groups, values)
    return least
