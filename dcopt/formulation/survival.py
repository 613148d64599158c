"""Surviving capacity: what is left of a service when any one site is lost.

For each site k:  Σ_{c not at k} rate_c·replicas[i,c,t] ≥ survive_pct · peak[i,t]

The rate is that of a replica on its own, which replicas behind one balancer never fall below. What stands by carries
a hundredth of what it could, or of its part of the peak where that is less, so that it is known to work.
"""

from __future__ import annotations

from typing import Any

from dcopt.candidates.records import Period
from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program

WARM_SHARE = 0.01
"""Share of its own rate (or of its part of the peak) that a replica carries where replicas stand by for others."""


def declare(program: Program) -> None:
    """Surviving capacity is of replicas that block serving declares."""


def link(program: Program) -> None:
    """Keep the capacity that each service asks to survive."""
    for period in program.candidates.periods:
        for name, peak, _ in period.loads:
            service = program.problem.inference[name]
            if not service.survive_pct:
                continue
            needed = service.survive_pct / 100 * peak / (1 + service.headroom_pct / 100)
            keep_warm(program, name, peak, period)
            capacity: dict[str, list[Any]] = {}
            for index, candidate in enumerate(program.candidates.serving[name]):
                replicas = program.model.replicas[name, index, period.index]
                capacity.setdefault(candidate.pool.site, []).append(candidate.requests_per_s * replicas)
            for lost in capacity:
                program.require(
                    "surviving",
                    (name, lost, period.index),
                    total(term for site, terms in capacity.items() if site != lost for term in terms) >= needed,
                    row=f"inference.csv: {name} survive_pct",
                    sentence=f"without {lost} the other sites carry {service.survive_pct:g} % of {name}",
                )


def keep_warm(program: Program, service: str, peak: float, period: Period) -> None:
    """Give every replica of a service a share of the load that shows that it works."""
    for index, candidate in enumerate(program.candidates.serving[service]):
        key = (service, index, period.index)
        replicas = program.model.replicas[key]
        if not replicas.ub:
            continue
        least = WARM_SHARE * min(candidate.requests_per_s, peak / replicas.ub) * replicas
        if program.model.component("keep_warm") is None or key not in program.model.keep_warm:
            program.require("warm", key, program.model.carried_load[key] >= least)
