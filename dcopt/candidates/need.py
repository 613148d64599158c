"""How large a pool can usefully become: no cheapest design has nodes that no workload could need at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from dcopt.candidates.records import MOST_DOMAINS, Period, Pool, ServingCandidate, TrainingCandidate
from dcopt.infrastructure.spares import spares_needed
from dcopt.performance.workloads import DAYS_PER_YEAR
from dcopt.problem.problem import Problem

C = TypeVar("C", TrainingCandidate, ServingCandidate)


def as_large_as_needed(
    problem: Problem,
    pools: dict[str, Pool],
    training: dict[str, tuple[TrainingCandidate, ...]],
    serving: dict[str, tuple[ServingCandidate, ...]],
    periods: tuple[Period, ...],
    targets: dict[str, set[float]],
) -> dict[str, Pool]:
    """Return the pools with ``max_nodes`` no larger than all that may run on them at once, with spares.

    All runs of all jobs in parallel at their largest size, or spread over the year's schedulable days if that is more;
    all services at their peak; what `offers.csv` makes one buy at the least. The price of a node is never negative, so
    a design with more nodes is never cheaper.
    """
    jobs, services = _by_pool(training), _by_pool(serving)
    return {
        key: replace(
            pool,
            max_nodes=min(
                pool.max_nodes,
                _needed(problem, pool, jobs.get(key, {}), services.get(key, {}), periods, targets[key]),
            ),
        )
        for key, pool in pools.items()
    }


def _by_pool(candidates: Mapping[str, Iterable[C]]) -> dict[str, dict[str, list[C]]]:
    """Return candidates by pool and then by workload."""
    found: dict[str, dict[str, list[C]]] = {}
    for name, of_workload in candidates.items():
        for candidate in of_workload:
            found.setdefault(candidate.pool.key, {}).setdefault(name, []).append(candidate)
    return found


def _needed(
    problem: Problem,
    pool: Pool,
    training: dict[str, list[TrainingCandidate]],
    serving: dict[str, list[ServingCandidate]],
    periods: tuple[Period, ...],
    targets: set[float],
) -> int:
    """Return the nodes that the candidates of one pool, by workload, may need there at once, with spares."""
    working = sum(_of_job(problem, name, candidates) for name, candidates in training.items())
    working += sum(_of_service(pool, name, candidates, periods) for name, candidates in serving.items())
    spares = 0
    if not pool.rented:
        node = pool.node
        spares = max(spares_needed(working, node.mtbf_hours, node.repair_hours, target) for target in targets)
    least = max(
        (
            offer.min_units or 0
            for offer in problem.offers.values()
            if (offer.table, offer.name) == ("nodes", pool.node.uncapped.name) and offer.site in (None, pool.site)
        ),
        default=0,
    )
    return max(working + spares, least + pool.existing_nodes)


def _of_job(problem: Problem, name: str, candidates: list[TrainingCandidate]) -> int:
    job = problem.training[name]
    days = DAYS_PER_YEAR * problem.settings.schedulable_pct / 100
    return max(
        max(
            c.nodes * c.runs,
            math.ceil(c.runs * job.overhead_factor * c.nodes * c.held_days / days),
        )
        for c in candidates
    )


def _of_service(pool: Pool, name: str, candidates: list[ServingCandidate], periods: tuple[Period, ...]) -> int:
    """Return the nodes of a service at its peak: on its hungriest candidate, each other one rounded up besides.

    Where replicas stand on nodes of their own over failure domains, each candidate may have `MOST_DOMAINS` more.
    """
    peak = max((period.peak_of(name) or 0.0 for period in periods), default=0.0)
    most = max(math.ceil(peak * c.stands_by / c.requests_per_s) * c.accelerators for c in candidates)
    apart = MOST_DOMAINS * sum(c.stands_by > 1 for c in candidates)
    return math.ceil((most + sum(c.accelerators for c in candidates)) / pool.node.accelerators) + apart
