"""Programs that differ from solved ones in their costs and limits alone: often answered without a search.

Over one feasible set X the least cost v(c) = min {c·x : x in X} is concave in the costs c, and any solution for other
costs is a solution for these. So neighbours i with costs c_i, proven bounds b_i and feasible sets that hold X give

    v(c) ≥ Σ_i w_i·b_i + min {r·x : x within its bounds},   r = c − Σ_i w_i·c_i,   for whatever weights w ≥ 0,

(Geoffrion and Nauss 1977 for one parameter) and the cheapest of their solutions that is feasible here is an incumbent.
Where the two meet within the gap that is the proof; else the search starts from that incumbent. The weights are those
of a linear program, but the bound is computed from them alone, so that its tolerances cannot flatter it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcopt.solve import together
from dcopt.solve.matrix import Matrix
from dcopt.solve.session import Outcome, Progress, SolveOptions, relative_gap

Floats = NDArray[np.float64]

MOST_KEPT = 64
"""Searches that are kept of programs of one shape; the oldest go first."""
MOST_SHAPES = 4
"""Shapes that are kept; a shape is the rows' coefficients and which columns are integer."""
FEASIBLE = 1e-9
"""What a row may miss its limit by, relative to the limit and to the size of its terms, for a solution to hold here."""


@dataclass(frozen=True)
class Limits:
    """The limits of rows and columns: ``lower`` and ``upper`` hold the rows first, then the columns."""

    lower: Floats
    upper: Floats

    def same(self, other: Limits) -> bool:
        """Whether both are equal."""
        return np.array_equal(self.lower, other.lower) and np.array_equal(self.upper, other.upper)

    def within(self, other: Limits) -> bool:
        """Whether whatever keeps these limits keeps the ``other`` ones."""
        return bool(np.all(self.lower >= other.lower) and np.all(self.upper <= other.upper))


@dataclass(frozen=True)
class Known:
    """A search that ended: costs, limits, the columns of its incumbent, and the proven bound without the offset."""

    costs: Floats
    limits: Limits
    values: Floats
    bound: float


@dataclass
class Neighbours:
    """The searches of programs before this one, by shape."""

    shapes: dict[bytes, list[Known]] = field(default_factory=dict)

    def answer(self, matrix: Matrix, gap: float) -> Outcome | None:
        """Return the answer that neighbours prove to ``gap``, or None."""
        start = time.monotonic()
        incumbent = self._incumbent(matrix)
        if incumbent is None:
            return None
        costs, limits = _costs(matrix), limits_of(matrix)
        wider = [one for one in self.shapes[shape_of(matrix)] if limits.within(one.limits)]
        least = bound_from(wider, costs, limits, len(matrix.rows))
        if least is None:
            return None
        objective = float(costs @ incumbent) + matrix.offset
        bound = min(least + matrix.offset, objective)
        reached = relative_gap(objective, bound)
        if reached is None or reached > gap:
            return None
        return Outcome("optimal", incumbent, objective, bound, reached, 0, time.monotonic() - start, [])

    def start_of(self, matrix: Matrix) -> dict[str, float] | None:
        """Return the integers of the cheapest known solution that is feasible here, by the names of their variables."""
        incumbent = self._incumbent(matrix)
        if incumbent is None:
            return None
        return {name: float(round(incumbent[column])) for name, column in matrix.integers_by_name().items()}

    def take_up(self, matrix: Matrix, outcome: Outcome) -> None:
        """Keep a search that found a solution and a bound."""
        if outcome.values is None or outcome.bound is None:
            return
        shape = shape_of(matrix)
        kept = self.shapes.pop(shape, [])
        limits = limits_of(matrix)
        limits = next((one.limits for one in kept if one.limits.same(limits)), limits)  # once in memory
        found = Known(_costs(matrix), limits, np.array(outcome.values), outcome.bound - matrix.offset)
        self.shapes[shape] = [*kept, found][-MOST_KEPT:]
        while len(self.shapes) > MOST_SHAPES:
            del self.shapes[next(iter(self.shapes))]

    def _incumbent(self, matrix: Matrix) -> Floats | None:
        known = self.shapes.get(shape_of(matrix), [])
        costs, limits, rows = _costs(matrix), limits_of(matrix), _rows(matrix)
        for one in sorted(known, key=lambda one: float(costs @ one.values)):
            if one.limits.same(limits) or _keeps(one.values, rows, limits):
                return one.values
        return None


def solve(
    matrix: Matrix,
    options: SolveOptions,
    *,
    log: Callable[[str], None] = lambda text: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Minimize the program as `dcopt.solve.together.solve` does, by the neighbours in the options where they suffice.

    Raises
    ------
    SolverError: HiGHS failed.
    """
    near = options.neighbours
    if near is None:
        return together.solve(matrix, options, log=log, on_progress=on_progress)
    known = near.answer(matrix, options.gap)
    if known is not None:
        log("\ndcopt: programs that differ in costs and limits alone prove the answer\n")
        return known
    started = replace(options, start=near.start_of(matrix) or options.start)
    outcome = together.solve(matrix, started, log=log, on_progress=on_progress)
    near.take_up(matrix, outcome)
    return outcome


def bound_from(neighbours: list[Known], costs: Floats, limits: Limits, rows: int) -> float | None:
    """Return the best bound that ``neighbours`` give at ``costs``; None where they give none.

    Parameters
    ----------
    neighbours: searches over feasible sets that hold this one. rows: how many rows the limits begin with.
    """
    if not neighbours:
        return None
    lower, upper = limits.lower[rows:], limits.upper[rows:]
    each = np.array([one.costs for one in neighbours]).T
    bounds = np.array([one.bound for one in neighbours])
    weights = _weights(each, bounds, costs, lower)
    if weights is None:
        return None
    mixed = each @ weights
    above = mixed > 0
    shrunk = min(
        1.0, float(np.min(costs[above] / mixed[above], initial=1.0))
    )  # takes rounding out of unbounded columns
    found = [
        float(one @ bounds) + _least(costs - each @ one, lower, upper) for one in (weights, max(0.0, shrunk) * weights)
    ]
    return max(found) if np.isfinite(max(found)) else None


def _least(costs: Floats, lower: Floats, upper: Floats) -> float:
    """Return the least cost of columns that only their own limits hold."""
    with np.errstate(invalid="ignore"):
        return float(np.where(costs > 0, costs * lower, np.where(costs < 0, costs * upper, 0.0)).sum())


def _weights(each: Floats, bounds: Floats, costs: Floats, lower: Floats) -> Floats | None:
    """Return w ≥ 0 with the largest w·bounds and each·w ≤ costs, equal where a column may be negative.

    ``each`` holds the neighbours' costs, shape (columns, neighbours). Alike rows count once.
    """
    table = np.column_stack([each, costs])
    sizes = np.abs(table).max(axis=1)
    known = sizes > 0
    table = table[known] / sizes[known, None]
    most, same = (np.unique(table[pick], axis=0) for pick in (lower[known] >= 0, lower[known] < 0))
    from scipy.optimize import linprog  # here: its import takes longer than most solves

    found = linprog(
        -bounds / max(1e-300, float(np.abs(bounds).max())),
        A_ub=most[:, :-1],
        b_ub=most[:, -1],
        A_eq=same[:, :-1],
        b_eq=same[:, -1],
        method="highs",
    )
    return np.maximum(np.asarray(found.x, dtype=float), 0.0) if found.status == 0 else None


def shape_of(matrix: Matrix) -> bytes:
    """Return a hash of the rows' coefficients and of which columns are integer."""
    lp = matrix.lp
    digest = hashlib.sha256(f"{lp.num_row_} {lp.num_col_}".encode())
    for numbers in (lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_):
        digest.update(np.ascontiguousarray(numbers).tobytes())
    digest.update(bytes(int(kind) for kind in lp.integrality_))
    return digest.digest()


def limits_of(matrix: Matrix) -> Limits:
    """Return the limits of a program's rows and columns."""
    lp = matrix.lp
    return Limits(
        np.concatenate([np.asarray(lp.row_lower_), np.asarray(lp.col_lower_)]),
        np.concatenate([np.asarray(lp.row_upper_), np.asarray(lp.col_upper_)]),
    )


def _costs(matrix: Matrix) -> Floats:
    return np.array(matrix.lp.col_cost_, dtype=float)


def _rows(matrix: Matrix) -> Any:
    """Return the coefficients as a sparse matrix of shape (rows, columns)."""
    lp = matrix.lp
    parts = (np.asarray(lp.a_matrix_.value_), np.asarray(lp.a_matrix_.index_), np.asarray(lp.a_matrix_.start_))
    from scipy.sparse import csr_matrix

    return csr_matrix(parts, shape=(lp.num_row_, lp.num_col_))


def _keeps(values: Floats, rows: Any, limits: Limits) -> bool:
    """Whether a solution keeps all limits, up to rounding."""
    reached = np.concatenate([rows @ values, values])
    sizes = np.concatenate([abs(rows) @ np.abs(values), np.abs(values)])
    room = FEASIBLE * np.maximum(1.0, sizes)
    return bool(np.all(reached >= limits.lower - room) and np.all(reached <= limits.upper + room))
