"""How much can flow through the plant of a site: bounds from its grid connection and from its largest IT power.

The tighter a bound, the less a relaxation can carry a load with a small part of a large unit (block stage). All follow
from ``Candidates.it_kw`` and the losses of the parts that are offered; without it, from the grid connection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcopt.formulation.expressions import total, upper_bound
from dcopt.formulation.program import Program
from dcopt.infrastructure.cooling import design_kw_per_kw
from dcopt.infrastructure.power import loss_lines, units_needed, usable_kw

_ROUNDS = 4


def least_it_kw(program: Program, site: str) -> float:
    """Return what the racks of a site draw at least, at peak, if it is used at all, kW."""
    return program.candidates.it_kw.get(site, (0.0, math.inf))[0]


def most_it_kw(program: Program, site: str) -> float:
    """Return what the racks of a site draw at most, at peak, kW."""
    limit = program.problem.sites[site].power_limit_kw or 0.0
    return min(program.candidates.it_kw.get(site, (0.0, math.inf))[1], limit)


@dataclass(frozen=True)
class Least:
    """What flows at a site at least, if it is used: through each role of the chain, and as heat rejected, kW."""

    through_kw: dict[str, float]
    rejected_kw: float


def least_at(program: Program, site: str) -> Least:
    """Return what flows at a site at least, beside the IT power what parts lose at the load at which they are best.

    What fans and pumps draw is left out. The heat of racks, PDU and UPS is rejected by some unit, by none for less
    than the best one.
    """
    row, facility = program.problem.sites[site], program.candidates.sites[site]
    pdu = least_it_kw(program, site)
    ups = pdu * (1 + _least_loss(program, site, "pdu"))
    beyond_ups = ups * (1 + _least_loss(program, site, "ups"))
    rejected = beyond_ups if any(unit.kind == "air" for unit, _ in facility.collectors) else pdu
    units = [unit for of_loop in facility.rejection.values() for unit, _ in of_loop]
    rejection = min((design_kw_per_kw(unit, row) for unit in units), default=0.0)
    return Least({"pdu": pdu, "ups": ups, "transformer": beyond_ups + rejection * rejected}, rejected)


def _least_loss(program: Program, site: str, role: str) -> float:
    """Return what the parts of a role lose at least of what they carry: at the best of the loads where lines meet."""
    best = [
        max(line.fixed / load + line.slope for line in loss_lines(part))
        for part, _ in program.candidates.sites[site].power.get(role, ())
        for load in (*(load for load, _ in part.efficiency_points), 1.0)
    ]
    return max(0.0, min(best, default=0.0))


@dataclass(frozen=True)
class Most:
    """Bounds on what flows at a site: through each role of the chain, as heat of PDU and UPS, as heat rejected, kW."""

    through_kw: dict[str, float]
    losses_kw: float
    rejected_kw: float


def most_at(program: Program, site: str) -> Most:
    """Return the bounds of a site.

    Beside the IT power flow at most the fans and pumps that take its heat and that of the losses, what the parts lose,
    and what rejects the heat of all of these. What the UPS carries depends on its own losses, which are heat; each
    round maps a bound to one that is no larger.
    """
    limit = program.problem.sites[site].power_limit_kw or 0.0
    pdu, rated = most_it_kw(program, site), _rated_kw(program, site)
    beyond_pdu = pdu + _loss_kw(program, site, "pdu", pdu, rated)
    fans = _fans(program, site)
    ups = limit
    for _ in range(_ROUNDS):
        losses = min(limit, beyond_pdu - pdu + _loss_kw(program, site, "ups", ups, rated))
        ups = min(ups, beyond_pdu + fans * (pdu + losses))
    rejected = min(limit, (pdu + losses) * (1 + fans))
    transformer = ups + _loss_kw(program, site, "ups", ups, rated) + _rejection(program, site) * rejected
    through = {"pdu": pdu, "ups": ups, "transformer": min(transformer, limit)}
    return Most(through, losses, rejected)


def _fans(program: Program, site: str) -> float:
    row, facility = program.problem.sites[site], program.candidates.sites[site]
    return max((design_kw_per_kw(unit, row) for unit, _ in facility.collectors), default=0.0)


def _rejection(program: Program, site: str) -> float:
    row, facility = program.problem.sites[site], program.candidates.sites[site]
    units = [unit for of_loop in facility.rejection.values() for unit, _ in of_loop]
    return max((design_kw_per_kw(unit, row) for unit in units), default=0.0)


def _loss_kw(program: Program, site: str, role: str, load_kw: float, rated_kw: float) -> float:
    """Return what the parts of a role lose at most with a load of ``load_kw``, sized for the nameplate of the racks."""
    row = program.problem.sites[site]
    rated = max(load_kw, rated_kw)
    return max(
        (
            line.fixed
            * part.kw
            * max(
                units_needed(rated, usable_kw(part, row.ups_minutes), row.redundancy, part.max_parallel),
                program.least_offered(site, "power", part.name) + 1,
            )
            + line.slope * load_kw
            for part, _ in program.candidates.sites[site].power.get(role, ())
            for line in loss_lines(part)
        ),
        default=0.0,
    )


def _rated_kw(program: Program, site: str) -> float:
    """Return the nameplate power of the racks at most, kW."""
    pools = [pool.node for pool in program.candidates.pools.values() if pool.site == site and not pool.rented]
    ratio = max((node.max_kw / node.peak_kw for node in pools if node.max_kw and node.peak_kw), default=1.0)
    return min(upper_bound(total(program.balances[site].it_rated_kw)), max(1.0, ratio) * most_it_kw(program, site))
