"""How much power the racks of a site draw, and how many nodes it has, in any design no dearer than a known one.

    least, most IT power at s  =  min, max Σ kW·nodes + …   over a relaxation with active[s] = 1 and cost ≤ limit
    most nodes of kind k at s  =  max Σ_f bought + reused   over a relaxation with cost ≤ limit

Inside such a range the plant of a site is all but decided: with 70 to 80 kW at its racks two units of 40 kW or one of
100 kW may carry it, while without the range a relaxation carries it with a tenth of a unit of 1,000 kW (blocks stage
and plant_bounds). Range reduction by the objective is Caprara and Locatelli's (Mathematical Programming 125, 2010);
bounds of a mixed-integer relaxation in place of the linear one are tighter and as valid.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pyomo.repn.standard_repn import generate_standard_repn

from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program
from dcopt.formulation.stages import LINEAR
from dcopt.pipeline.stated import Stated
from dcopt.solve.derived import with_bounds, with_cost, with_integers, within_cost
from dcopt.solve.extremes import largest
from dcopt.solve.matrix import Matrix
from dcopt.solve.session import SolveOptions, solve

MARGIN = 1e-6
"""Relative room around a range, for the tolerances of the solver."""


class StoppedError(Exception):
    """Ctrl-C was pressed while ranges were looked for."""


def it_ranges(
    program: Program,
    matrix: Matrix,
    limit: float,
    whole: Callable[[Any], bool],
    options: SolveOptions,
    log: Callable[[str], None],
) -> dict[str, tuple[float, float] | None]:
    """Return (least, largest) IT power of each site that is used, kW; None for a site that no such design uses.

    Parameters
    ----------
    limit: the most that a design may cost. whole: which integer variables the relaxation keeps whole. options: the
    time limit is shared by all that is solved; what it cuts short gives a range that is wider, and as valid.

    Raises
    ------
    StoppedError: Ctrl-C was pressed.
    """
    ends = time.monotonic() + options.time_limit_s
    places = {id(variable): place for place, variable in enumerate(matrix.columns)}
    relaxed = within_cost(with_integers(matrix, whole), limit)
    sites = [site for site in program.totals if id(program.model.active_site[site]) in places]
    found: dict[str, tuple[float, float] | None] = {}
    for number, site in enumerate(sites):
        active = places[id(program.model.active_site[site])]
        cost, always_kw = _it_power(program, [site], places)
        used = with_bounds(relaxed, {active: (1.0, 1.0)})
        range_kw = [0.0, math.inf]
        for end, sign in enumerate((1.0, -1.0)):
            left = (ends - time.monotonic()) / (2 * (len(sites) - number) - end)
            if left <= 0:
                break
            aimed = with_cost(used, sign * cost, sign * always_kw)
            outcome = solve(aimed, replace(options, time_limit_s=left, gap=1e-3, start=None), log=log)
            if outcome.verdict == "interrupted":
                raise StoppedError
            if outcome.verdict == "infeasible":
                range_kw = [math.inf, -math.inf]
                break
            if outcome.bound is not None:
                range_kw[end] = sign * outcome.bound
        least, most = range_kw
        found[site] = None if least > most else (least * (1 - MARGIN), most * (1 + MARGIN))
    return found


def it_range(stated: Stated, limit: float, options: SolveOptions, log: Callable[[str], None]) -> tuple[float, float]:
    """Return (least, largest) IT power of all sites together, in any design of at most ``limit``, kW.

    ``stated`` is a program of all sites as one place; its linear relaxation is looked at.

    Raises
    ------
    StoppedError: Ctrl-C was pressed.
    """
    assert stated.of_sites is not None
    places = {id(variable): place for place, variable in enumerate(stated.of_sites.columns)}
    power_kw, always_kw = _it_power(stated.program, stated.program.totals, places)
    relaxed = within_cost(with_integers(stated.matrix, LINEAR), limit)
    ends = [0.0, math.inf]
    for end, sign in enumerate((1.0, -1.0)):
        aimed = with_cost(relaxed, stated.of_sites.least(sign * power_kw), sign * always_kw)
        outcome = solve(aimed, replace(options, time_limit_s=options.time_limit_s / 2, start=None), log=log)
        if outcome.verdict == "interrupted":
            raise StoppedError
        if outcome.bound is not None:
            ends[end] = sign * outcome.bound
    return ends[0] * (1 - MARGIN), ends[1] * (1 + MARGIN)


def _it_power(program: Program, sites: Iterable[str], places: Mapping[int, int]) -> tuple[Any, float]:
    """Return the peak IT power of sites as a coefficient of each column, and what is always drawn, kW.

    ``places``: the columns by the identity of their variables.
    """
    power_kw, always_kw = np.zeros(len(places)), 0.0
    for site in sites:
        power = generate_standard_repn(total(program.balances[site].it_peak_kw))
        always_kw += float(power.constant)
        for coefficient, variable in zip(power.linear_coefs, power.linear_vars, strict=True):
            if id(variable) in places:
                power_kw[places[id(variable)]] += coefficient
    return power_kw, always_kw


def most_nodes(stated: Stated, limit: float, seconds: float) -> dict[tuple[str, str], int]:
    """Return how many nodes of each (site, node) a design of at most ``limit`` has, by the linear relaxation.

    With the site ``*``: at all sites together. What is not known within ``seconds`` is left out.

    Raises
    ------
    StoppedError: Ctrl-C was pressed.
    """
    sums: dict[tuple[str, str], list[int]] = {}
    for (site, node), places in stated.node_columns().items():
        for at in dict.fromkeys((site, "*")):
            sums.setdefault((at, node), []).extend(places)
    relaxed = within_cost(with_integers(stated.matrix, LINEAR), limit)
    try:
        found = largest(relaxed, sums, seconds=seconds)
    except KeyboardInterrupt:
        raise StoppedError from None
    return {kind: math.floor(nodes * (1 + MARGIN) + MARGIN) for kind, nodes in found.items()}


def narrower(
    known: Mapping[str, tuple[float, float]], found: Mapping[str, tuple[float, float] | None]
) -> dict[str, tuple[float, float]]:
    """Return the ranges of both together; a site that is not used has none."""
    result = dict(known)
    for site, of_site in found.items():
        if of_site is not None:
            least, most = known.get(site, (0.0, math.inf))
            result[site] = (max(least, of_site[0]), min(most, of_site[1]))
    return result
