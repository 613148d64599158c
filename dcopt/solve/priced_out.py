"""A part of a program priced out: what it costs at least, as a linear function of the columns that it shares.

    minimize  cost·z   subject to   low ≤ A·x + B·z ≤ high,   l ≤ z ≤ u      (x shared, z of the part alone)

By weak duality, for any prices π of the rows,

    cost·z ≥ Σ_j min(d_j·l_j, d_j·u_j) + Σ_r (π_r⁺·low_r − π_r⁻·high_r) − (π·A)·x,    d = cost − π·B

The prices that solve the part for one x make this exact there (a cut of Benders 1962); any others leave it valid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcopt.solve.matrix import Matrix


@dataclass(frozen=True)
class Least:
    """A part costs at least ``constant`` + Σ ``slopes[name]``·x[name], over the shared columns by name."""

    constant: float
    slopes: dict[str, float]


def priced_out(matrix: Matrix, is_shared: Callable[[Any], bool], cost: Any, prices: Any) -> Least:
    """Return what the columns that are not shared cost at least.

    Parameters
    ----------
    matrix: the program. is_shared: which columns (by their variables) the rest of the world has too. cost: of each
    column, those of shared columns not counted. prices: of each row, any numbers; those of a wrong sign for a row
    without a bound on that side are taken as 0.
    """
    lp = matrix.lp
    shared = np.array([is_shared(variable) for variable in matrix.columns], dtype=bool)
    low, high = np.asarray(lp.row_lower_), np.asarray(lp.row_upper_)
    prices = np.array(prices, dtype=float)
    prices[(prices > 0) & ~np.isfinite(low)] = 0.0
    prices[(prices < 0) & ~np.isfinite(high)] = 0.0
    rows = lp.a_matrix_
    starts, index, values = np.asarray(rows.start_), np.asarray(rows.index_), np.asarray(rows.value_)
    of_row = np.repeat(np.arange(lp.num_row_), np.diff(starts))
    priced = np.bincount(index, weights=values * prices[of_row], minlength=lp.num_col_)
    reduced = np.where(shared, 0.0, np.asarray(cost) - priced)
    least, most = np.asarray(lp.col_lower_), np.asarray(lp.col_upper_)
    ends = np.where(reduced > 0, least, most)
    alone = np.where(reduced == 0.0, 0.0, reduced * np.where(reduced == 0.0, 0.0, ends))
    sides = np.where(prices > 0, low, np.where(prices < 0, high, 0.0))
    constant = float(alone.sum() + (prices * np.where(prices == 0.0, 0.0, sides)).sum())
    slopes = {
        variable.name: -float(priced[place])
        for place, variable in enumerate(matrix.columns)
        if shared[place] and priced[place]
    }
    return Least(constant, slopes)
