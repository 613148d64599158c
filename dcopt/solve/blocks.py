"""Programs made of blocks that a few rows link: bounds and designs from solving the blocks one by one.

With duals λ of the linking rows a block e can do no better than V_e(λ) = min (c_e − λ·A_e)·x_e over its own rows and
integers, so (c_e − λ·A_e)·x_e ≥ V_e(λ) holds for every solution: a Lagrangian cut. Added to the linear relaxation
until its duals no longer give a violated one, they bring its bound to that of the Lagrangian dual, as if every block
were replaced by the convex hull of its integer points (Geoffrion 1974; cuts of this kind: Zou, Ahmed and Sun 2019,
Chen and Luedtke 2022). The duals are smoothed towards the best seen so far (Wentges 1997).

Every solved block is a design of that block; the cheapest combination of one design a block, with everything that
belongs to none, is a small program of its own and gives an incumbent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csr_matrix, vstack

from dcopt.solve.matrix import Matrix

SMOOTHING = 0.0
"""Share of the best duals so far in those that the blocks are asked at."""
LEAST_GAIN = 1e-4
"""Rounds end when the bound rises by less than this share of it in three of them."""
BLOCK_GAP = 1e-3
"""Relative gap to which a block is solved; the cut takes the proven bound."""

Log = Callable[[str], None]


@dataclass
class Block:
    """The columns of a block, the rows that hold no others, its part of the linking rows, and what was found of it."""

    columns: Any
    rows: Any
    inner: csr_matrix
    outer: csr_matrix
    designs: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Decomposed:
    """A program with the cuts of its blocks, a start (None: none was found), and the bound of the last relaxation."""

    matrix: Matrix
    start: Any
    start_usd: float | None
    bound: float
    rounds: int
    cuts: int


def decompose(
    matrix: Matrix, block_of: Any, *, time_limit_s: float, gap: float, threads: int = 0, log: Log = lambda text: None
) -> Decomposed | None:
    """Return the program with Lagrangian cuts and a start; None where the linear relaxation has no solution.

    Parameters
    ----------
    block_of: block of each column, −1 for those of none, shape (columns,).
    time_limit_s: wall-clock time that all of this may take, seconds.
    gap: relative gap between start and bound at which nothing more is worth adding.
    """
    begin = time.monotonic()
    full = csr_matrix(
        (matrix.lp.a_matrix_.value_, matrix.lp.a_matrix_.index_, matrix.lp.a_matrix_.start_),
        shape=(matrix.lp.num_row_, matrix.lp.num_col_),
    )
    blocks, linking = _split(full, np.asarray(block_of))
    cost = np.asarray(matrix.lp.col_cost_)
    relaxed = _highs(matrix.lp, threads, integers=False)
    cuts: list[tuple[Any, float]] = []
    best_duals, best_bound, history = None, -np.inf, []
    start, start_usd = None, None
    rounds = 0
    lower = 0.0
    while True:
        relaxed.setOptionValue("time_limit", 1e4)
        relaxed.run()
        if relaxed.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            if rounds == 0:
                return None
            break
        lower = float(relaxed.getInfo().objective_function_value)
        history.append(lower)
        duals = np.asarray(relaxed.getSolution().row_dual)[linking]
        asked = duals if best_duals is None else SMOOTHING * best_duals + (1 - SMOOTHING) * duals
        point = np.asarray(relaxed.getSolution().col_value)
        violated, proven = 0, 0.0
        for block in blocks:
            left = time_limit_s - (time.monotonic() - begin)
            if left <= 0:
                break
            found = _cheapest(matrix.lp, block, cost[block.columns] - block.outer.T @ asked, left, threads)
            if found is None:
                continue
            weights, value, design = found
            block.designs.append(design)
            proven += value
            if weights @ point[block.columns] < value - 1e-6 * max(1.0, abs(value)):
                relaxed.addRow(value, highspy.kHighsInf, len(weights), block.columns.astype(np.int32), weights)
                cuts.append((_row(block.columns, weights, full.shape[1]), value))
                violated += 1
        rounds += 1
        if proven > best_bound or best_duals is None:
            best_bound, best_duals = proven, asked
        log(f"dcopt: blocks, round {rounds}: bound {lower:,.0f}, {violated} cuts\n")
        stalled = len(history) > 3 and history[-1] - history[-4] < LEAST_GAIN * abs(history[-1])
        out_of_time = time.monotonic() - begin > time_limit_s
        if rounds % 5 == 0 or stalled or out_of_time or not violated:
            start, start_usd = _combined(matrix, full, blocks, linking, threads, start_usd, start)
            if start_usd is not None:
                log(f"dcopt: blocks, best combination of their designs {start_usd:,.0f}\n")
            if start_usd is not None and start_usd - lower <= gap * abs(start_usd):
                break
        if stalled or out_of_time or not violated:
            break
    return Decomposed(_with_rows(matrix, full, cuts), start, start_usd, lower, rounds, len(cuts))


def _split(full: csr_matrix, block_of: Any) -> tuple[list[Block], Any]:
    """Return the blocks and the rows that link them (or hold columns of none)."""
    rows = np.repeat(np.arange(full.shape[0]), np.diff(full.indptr))
    of_entry = block_of[full.indices]
    least = np.full(full.shape[0], np.iinfo(np.int64).max)
    most = np.full(full.shape[0], -2)
    np.minimum.at(least, rows, of_entry)
    np.maximum.at(most, rows, of_entry)
    own = (least == most) & (least >= 0)
    linking = np.nonzero(~own)[0]
    blocks = []
    for number in range(int(block_of.max()) + 1):
        columns = np.nonzero(block_of == number)[0]
        mine = np.nonzero(own & (least == number))[0]
        blocks.append(Block(columns, mine, full[mine][:, columns].tocsr(), full[linking][:, columns].tocsr()))
    return blocks, linking


def _highs(lp: Any, threads: int, *, integers: bool) -> Any:
    highs = highspy.Highs()
    highs.setOptionValue("log_to_console", False)
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", threads)
    highs.passModel(lp)
    if not integers:
        count = lp.num_col_
        highs.changeColsIntegrality(count, np.arange(count, dtype=np.int32), np.zeros(count, dtype=np.uint8))
    return highs


def _sub_program(lp: Any, block: Block, weights: Any) -> Any:
    """Return the program of a block alone, with these costs."""
    sub = highspy.HighsLp()
    sub.num_col_, sub.num_row_ = len(block.columns), len(block.rows)
    sub.col_cost_ = weights
    sub.col_lower_ = np.asarray(lp.col_lower_)[block.columns]
    sub.col_upper_ = np.asarray(lp.col_upper_)[block.columns]
    sub.row_lower_ = np.asarray(lp.row_lower_)[block.rows]
    sub.row_upper_ = np.asarray(lp.row_upper_)[block.rows]
    sub.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    sub.a_matrix_.start_ = block.inner.indptr
    sub.a_matrix_.index_ = block.inner.indices
    sub.a_matrix_.value_ = block.inner.data
    kinds = list(lp.integrality_)
    sub.integrality_ = [kinds[column] for column in block.columns]
    return sub


def _cheapest(lp: Any, block: Block, weights: Any, time_limit_s: float, threads: int) -> Any:
    """Return (weights, proven least value, solution) of a block at these costs; None where none was found in time."""
    highs = _highs(_sub_program(lp, block, weights), threads, integers=True)
    highs.setOptionValue("mip_rel_gap", BLOCK_GAP)
    highs.setOptionValue("time_limit", max(time_limit_s, 0.1))
    highs.run()
    info = highs.getInfo()
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None
    bound = float(info.mip_dual_bound)
    if not np.isfinite(bound) or abs(bound) >= highspy.kHighsInf:
        return None
    return weights, bound - 1e-9 * max(1.0, abs(bound)), np.array(highs.getSolution().col_value)


def _row(columns: Any, weights: Any, width: int) -> csr_matrix:
    return csr_matrix((weights, (np.zeros(len(columns), dtype=int), columns)), shape=(1, width))


def _combined(
    matrix: Matrix,
    full: csr_matrix,
    blocks: list[Block],
    linking: Any,
    threads: int,
    best_usd: float | None,
    best: Any,
) -> tuple[Any, float | None]:
    """Return the cheapest program in which every block is one of its designs, if it is better than ``best``."""
    lp = matrix.lp
    cost = np.asarray(lp.col_cost_)
    inside = np.zeros(full.shape[1], dtype=bool)
    for block in blocks:
        inside[block.columns] = True
    free = np.nonzero(~inside)[0]
    choices = [np.unique(np.round(np.array(block.designs), 9), axis=0) for block in blocks if block.designs]
    if len(choices) < len(blocks):
        return best, best_usd
    parts = [full[linking][:, free]]
    costs = [cost[free]]
    for block, designs in zip(blocks, choices, strict=True):
        parts.append(csr_matrix(block.outer @ designs.T))
        costs.append(designs @ cost[block.columns])
    from scipy.sparse import hstack

    body = hstack(parts).tocsr()
    counts = [len(designs) for designs in choices]
    chosen = csr_matrix(
        (
            np.ones(sum(counts)),
            (np.repeat(np.arange(len(counts)), counts), len(free) + np.arange(sum(counts))),
        ),
        shape=(len(counts), body.shape[1]),
    )
    body = vstack([body, chosen]).tocsr()
    small = highspy.HighsLp()
    small.num_col_, small.num_row_ = body.shape[1], body.shape[0]
    small.col_cost_ = np.concatenate(costs)
    small.offset_ = lp.offset_
    small.col_lower_ = np.concatenate([np.asarray(lp.col_lower_)[free], np.zeros(sum(counts))])
    small.col_upper_ = np.concatenate([np.asarray(lp.col_upper_)[free], np.ones(sum(counts))])
    small.row_lower_ = np.concatenate([np.asarray(lp.row_lower_)[linking], np.ones(len(counts))])
    small.row_upper_ = np.concatenate([np.asarray(lp.row_upper_)[linking], np.ones(len(counts))])
    small.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    small.a_matrix_.start_, small.a_matrix_.index_, small.a_matrix_.value_ = body.indptr, body.indices, body.data
    kinds = list(lp.integrality_)
    small.integrality_ = [kinds[i] for i in free] + [highspy.HighsVarType.kInteger] * sum(counts)
    highs = _highs(small, threads, integers=True)
    highs.setOptionValue("time_limit", 20.0)
    highs.setOptionValue("mip_rel_gap", BLOCK_GAP)
    highs.run()
    info = highs.getInfo()
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return best, best_usd
    value = float(info.objective_function_value)
    if best_usd is not None and value >= best_usd:
        return best, best_usd
    found = np.array(highs.getSolution().col_value)
    solution = np.zeros(full.shape[1])
    solution[free] = found[: len(free)]
    at = len(free)
    for block, designs in zip(blocks, choices, strict=True):
        solution[block.columns] = designs[int(np.argmax(found[at : at + len(designs)]))]
        at += len(designs)
    return solution, value


def _with_rows(matrix: Matrix, full: csr_matrix, cuts: list[tuple[Any, float]]) -> Matrix:
    """Return the program with the cuts as further rows."""
    if not cuts:
        return matrix
    body = vstack([full, *(row for row, _ in cuts)]).tocsr()
    lp = highspy.HighsLp()
    for name in ("num_col_", "col_cost_", "col_lower_", "col_upper_", "offset_", "integrality_"):
        setattr(lp, name, getattr(matrix.lp, name))
    lp.num_row_ = body.shape[0]
    lp.row_lower_ = np.concatenate([np.asarray(matrix.lp.row_lower_), [value for _, value in cuts]])
    lp.row_upper_ = np.concatenate([np.asarray(matrix.lp.row_upper_), np.full(len(cuts), highspy.kHighsInf)])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = body.indptr, body.indices, body.data
    return Matrix(lp, matrix.columns, [*matrix.rows, *([None] * len(cuts))], matrix.offset)
