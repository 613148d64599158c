"""Uncertain cells: their quantiles, their extremes and joint samples of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.stats import qmc

from dcopt.problem.tables.study_rows import OPERATOR, UncertainCell
from dcopt.study.grid import heading
from dcopt.study.records import NOTHING_UNCERTAIN, Scenario

Floats = NDArray[np.float64]
Method = Literal["lhs", "sobol", "random"]

TAIL = 0.05
"""low and high of normal and lognormal cells are the quantiles at this share and at one minus it."""


def quantiles(cell: UncertainCell, shares: Floats) -> Floats:
    """Return the values of ``cell`` at cumulative ``shares`` in (0, 1), any shape."""
    if cell.distribution == "discrete":
        order = np.argsort(cell.numbers)
        values, weights = np.array(cell.numbers)[order], np.array(cell.shares)[order]
        index = np.searchsorted(np.cumsum(weights) / weights.sum(), shares, side="left")
        return np.asarray(values[np.minimum(index, len(values) - 1)], dtype=float)
    assert cell.low is not None
    assert cell.high is not None
    low, high = cell.low, cell.high
    if cell.distribution == "uniform":
        return np.asarray(low + (high - low) * shares)
    if cell.distribution == "triangular":
        mode = 0.5 * (low + high) if cell.mode is None else cell.mode
        return np.asarray(stats.triang.ppf(shares, (mode - low) / (high - low), loc=low, scale=high - low))
    reach = float(stats.norm.ppf(1.0 - TAIL))
    if cell.distribution == "normal":
        return np.asarray(stats.norm.ppf(shares, loc=0.5 * (low + high), scale=0.5 * (high - low) / reach))
    spread = 0.5 * math.log(high / low) / reach
    return np.asarray(np.exp(stats.norm.ppf(shares, loc=0.5 * math.log(low * high), scale=spread)))


def extremes(cell: UncertainCell) -> tuple[float, float]:
    """Return the low and high value that a tornado tries."""
    if cell.distribution == "discrete":
        return min(cell.numbers), max(cell.numbers)
    assert cell.low is not None
    assert cell.high is not None
    return cell.low, cell.high


def unit_sample(count: int, dimensions: int, method: Method, seed: int) -> Floats:
    """Return ``count`` points in the open unit cube, shape (count, dimensions).

    lhs is a Latin hypercube (McKay, Beckman and Conover 1979), sobol a scrambled Sobol' sequence (best with a power of
    two for ``count``), random independent points.
    """
    if method == "random":
        points = np.random.default_rng(seed).random((count, dimensions))
    elif method == "lhs":
        points = qmc.LatinHypercube(dimensions, rng=np.random.default_rng(seed)).random(count)
    else:
        sampler = qmc.Sobol(dimensions, rng=np.random.default_rng(seed))
        points = sampler.random_base2(max(0, math.ceil(math.log2(count))))[:count]
    tiny = 1e-12
    return np.asarray(np.clip(points, tiny, 1.0 - tiny))


def correlated(points: Floats, cells: Sequence[UncertainCell]) -> Floats:
    """Return the points with the rank correlations that the cells ask for, by a Gaussian copula.

    A rank correlation r of two normal variables is a linear one of 2·sin(πr/6) (Pearson 1907).

    Raises
    ------
    ValueError: a cell names an earlier row that is not there.
    """
    normal = stats.norm.ppf(points)
    places = {cell.path: index for index, cell in enumerate(cells)}
    for index, cell in enumerate(cells):
        if not cell.with_cell:
            continue
        other = places.get(cell.with_cell)
        if other is None or other >= index:
            raise ValueError(f"uncertainty.csv: {cell.path}: with_cell {cell.with_cell} is no earlier row")
        linear = 2.0 * math.sin(math.pi * (cell.correlation or 0.0) / 6.0)
        normal[:, index] = linear * normal[:, other] + math.sqrt(1.0 - linear**2) * normal[:, index]
    return np.asarray(stats.norm.cdf(normal))


def sample_scenarios(cells: Sequence[UncertainCell], count: int, method: Method, seed: int) -> tuple[Scenario, ...]:
    """Return ``count`` scenarios drawn from the cells' joint distribution.

    Raises
    ------
    ValueError: no cell is uncertain, or a correlation names a row that is not there.
    """
    if not cells:
        raise ValueError(NOTHING_UNCERTAIN)
    shares = correlated(unit_sample(count, len(cells), method, seed), cells)
    columns = [quantiles(cell, shares[:, index]) for index, cell in enumerate(cells)]
    digits = max(1, len(str(count)))
    scenarios = []
    for number in range(count):
        values = [float(f"{column[number]:.12g}") for column in columns]
        sets = tuple(cell.as_set(value) for cell, value in zip(cells, values, strict=True))
        inputs: dict[str, float | str] = {
            heading(cell.path, OPERATOR[cell.operation]): value for cell, value in zip(cells, values, strict=True)
        }
        scenarios.append(Scenario(name=f"sample-{number + 1:0{digits}d}", sets=sets, inputs=inputs))
    return tuple(scenarios)
