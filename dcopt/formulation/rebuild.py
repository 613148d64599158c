"""Rebuilds: a fabric that grows past a tier of switches between two purchase dates is cabled anew.

    relinked[p] ≥ links_before[p] − U·(2 − Σ_{g of at most t tiers} step_before[p,g] − Σ_{g of more} step[p,g])

for every number of tiers t, where U is the most that ``links_before`` can be. Switches of a fabric are of one kind, so
those that stand serve in the larger one; every link that was there is unplugged and led anew, and the switches and
cables that are more are bought (block `fabric`, by way of the stocks). A pool that was laid out with more tiers from
the start pays nothing: it may have more steps than its nodes need.
"""

from __future__ import annotations

from typing import Any

from dcopt.formulation.compute import nodes_of
from dcopt.formulation.expressions import linear, upper_bound
from dcopt.formulation.program import Program


def declare(program: Program) -> None:
    """What is built anew follows from the steps of two epochs; everything is declared in `link`."""


def link(program: Program) -> None:
    """Pay for the links of every pool that grows past a tier since the epoch before."""
    before, usd = program.before, program.problem.settings.recabling_usd_per_link
    for key, facility in program.candidates.facilities.items() if before is not None and usd else ():
        assert before is not None
        known = before.candidates.facilities.get(key)
        if facility.cabling is None or known is None or known.cabling is None:
            continue
        tiers = sorted({step.tiers for step, _ in known.fabric_steps})
        most = max((step.tiers for step, _ in facility.fabric_steps), default=0)
        bounds = [t for t in tiers if t < most]
        if not bounds:
            continue
        there = _links(before, key)
        room = upper_bound(there)
        relinked = program.var("relinked", key, ub=room)
        shown: list[Any] = [0.0]
        for t in bounds:
            small = [float(step.tiers <= t) for step, _ in known.fabric_steps]
            large = [float(step.tiers > t) for step, _ in facility.fabric_steps]
            needed = there - room * (2 - _steps(before, key, small) - _steps(program, key, large))
            program.require("rebuilt", (key, t), relinked >= needed)
            shown.append(needed)
        program.envelopes.append((relinked, shown))
        pool = program.candidates.pools[key]
        program.pay(pool.site, "moving", relinked, usd, (program.problem.years[0],))


def _steps(program: Program, key: str, numbers: list[float]) -> Any:
    return linear(numbers, [program.model.fabric_step[key, g] for g in range(len(numbers))])


def _links(program: Program, key: str) -> Any:
    """Return the access and trunk links of a pool."""
    facility = program.candidates.facilities[key]
    assert facility.cabling is not None
    trunks = [float(step.leaf_spine_links + step.spine_core_links) for step, _ in facility.fabric_steps]
    return facility.cabling.shape.ports_per_node * nodes_of(program, key) + _steps(program, key, trunks)
