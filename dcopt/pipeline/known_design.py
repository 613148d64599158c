"""What a known design holds: no relaxation that is believed excludes it."""

from __future__ import annotations

import math

from dcopt.candidates.records import Candidates
from dcopt.formulation.expressions import number, total, whole
from dcopt.pipeline.by_numbers import Numbers
from dcopt.pipeline.ranges import MARGIN
from dcopt.pipeline.solving import Solved


def sites_of(best: Solved) -> set[str]:
    """Return the sites that a solution uses."""
    active = best.program.model.component("active_site")
    return {site for site, variable in active.items() if whole(variable)} if active is not None else set()


def holds_ways(left: Candidates, best: Solved) -> bool:
    """Whether every way to run a workload that a solution chooses is among the candidates that are left."""
    kept = {id(way) for ways in (*left.training.values(), *left.serving.values()) for way in ways}
    chosen = best.program.model.component("train")
    jobs = best.program.candidates.training
    return all(
        id(jobs[key[0]][key[1]]) in kept
        for key, variable in (chosen.items() if chosen is not None else ())
        if variable.value is not None and variable.value > 0.5
    )


def holds_power(ranges: dict[str, tuple[float, float] | None], best: Solved, *, is_exact: bool = False) -> bool:
    """Whether every site that a solution uses draws at least what it must.

    It may draw more than a relaxation allows, which need not have all that the solution has, unless that ``is_exact``:
    the solution's own program.
    """
    program = best.program
    for site, found in ranges.items():
        if site not in program.totals or not whole(program.model.active_site[site]):
            continue
        drawn = number(total(program.balances[site].it_peak_kw))
        most = found[1] if found is not None and is_exact else math.inf
        if found is None or not found[0] * (1 - MARGIN) <= drawn <= most * (1 + MARGIN):
            return False
    return True


def numbers_of(best: Solved) -> Numbers:
    """Return how many nodes of each (site, node) a solution has, and at all sites (``*``) together."""
    model, pools = best.program.model, best.program.candidates.pools
    there: Numbers = {}
    for key, pool in pools.items():
        if not pool.rented:
            nodes = whole(model.bought[key]) + whole(model.reused[key])
            for site in (pool.site, "*"):
                there[site, pool.node.name] = there.get((site, pool.node.name), 0) + nodes
    return there


def holds_nodes(most: Numbers, best: Solved) -> bool:
    """Whether a solution has no more nodes than ``most`` says, at each site and at all together."""
    return all(nodes <= most.get(kind, nodes) for kind, nodes in numbers_of(best).items())
