"""Small programs, handed to HiGHS as they are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np

from dcopt.solve.matrix import Matrix

INF = highspy.kHighsInf


@dataclass(frozen=True)
class Small:
    """min cost·x within lower ≤ x ≤ upper, row_lower ≤ rows·x ≤ row_upper; ``integer`` says which x are whole."""

    cost: list[float]
    lower: list[float]
    upper: list[float]
    rows: list[list[float]]
    row_lower: list[float]
    row_upper: list[float]
    integer: list[bool]
    offset: float = 0.0


def matrix_of(small: Small) -> Matrix:
    """Return the program as the session takes it."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(small.cost), len(small.rows)
    lp.col_cost_ = np.array(small.cost, dtype=float)
    lp.offset_ = small.offset
    lp.col_lower_, lp.col_upper_ = np.array(small.lower, dtype=float), np.array(small.upper, dtype=float)
    lp.row_lower_, lp.row_upper_ = np.array(small.row_lower, dtype=float), np.array(small.row_upper, dtype=float)
    starts, indices, values = [0], [], []
    for row in small.rows:
        for column, value in enumerate(row):
            if value:
                indices.append(column)
                values.append(float(value))
        starts.append(len(indices))
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.array(starts, dtype=np.int32)
    lp.a_matrix_.index_ = np.array(indices, dtype=np.int32)
    lp.a_matrix_.value_ = np.array(values, dtype=float)
    kinds = highspy.HighsVarType
    lp.integrality_ = [kinds.kInteger if whole else kinds.kContinuous for whole in small.integer]
    return Matrix(lp, list(range(len(small.cost))), list(range(len(small.rows))), small.offset)


def by_hand(small: Small) -> float | None:
    """Return the optimum of an all-integer program by trying every point, or None where none is feasible."""
    assert all(small.integer)
    best = None
    spans = [range(int(low), int(high) + 1) for low, high in zip(small.lower, small.upper, strict=True)]
    for point in itertools.product(*spans):
        sums = [sum(a * x for a, x in zip(row, point, strict=True)) for row in small.rows]
        if all(l <= s <= u for l, s, u in zip(small.row_lower, sums, small.row_upper, strict=True)):  # noqa: E741
            value = small.offset + sum(c * x for c, x in zip(small.cost, point, strict=True))
            best = value if best is None else min(best, value)
    return best


def knapsack(items: int = 40, seed: int = 1) -> Small:
    """Return a many-dimensional knapsack (to minimize): quick to start, long to prove."""
    random: Any = np.random.default_rng(seed)
    rows = random.integers(5, 100, size=(8, items))
    return Small(
        cost=[-float(v) for v in random.integers(50, 100, size=items)],
        lower=[0.0] * items,
        upper=[1.0] * items,
        rows=[[float(v) for v in row] for row in rows],
        row_lower=[-INF] * 8,
        row_upper=[float(row.sum() // 2) for row in rows],
        integer=[True] * items,
    )
