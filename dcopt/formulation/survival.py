"""Surviving capacity: what is left of a service when any one site is lost.

For each site k:  Σ_{c not at k} rate_c·replicas[i,c,t] ≥ survive_pct · peak[i,t]

The rate is that of a replica on its own, which replicas behind one balancer never fall below.
"""

from __future__ import annotations

from typing import Any

from dcopt.formulation.program import Program, total


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
