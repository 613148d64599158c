"""Smaller sets of candidates: fewer sizes, fewer pools, one year. A design for them is one for the whole problem.

A relaxation of the program with few of them is solved in seconds and shows where a good design of the whole lies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from dcopt.candidates.need import as_large_as_needed
from dcopt.candidates.pools import pool_facility
from dcopt.candidates.records import Candidates, Period, Pool, ServingCandidate, TrainingCandidate
from dcopt.candidates.targets import targets_of, used_pools
from dcopt.problem.problem import Problem

SIZES = 3
"""Sizes of a job that are looked at on each pool, the least of node-days first."""
LARGEST = 4
"""No size is larger than so many times the smallest."""


def with_ways(
    problem: Problem,
    candidates: Candidates,
    training: Mapping[str, tuple[TrainingCandidate, ...]],
    serving: Mapping[str, tuple[ServingCandidate, ...]],
    periods: tuple[Period, ...] | None = None,
) -> Candidates:
    """Return ``candidates`` with these ways to run the workloads only, on pools no larger than they need."""
    kept = candidates.periods if periods is None else periods
    ways, replicas = dict(training), dict(serving)
    pools = used_pools(candidates.pools, ways, replicas)
    targets = {key: targets_of(problem, pool, replicas) for key, pool in pools.items()}
    pools = as_large_as_needed(problem, pools, ways, replicas, kept, targets)
    pools = {key: _as_large_as_asked(candidates, pool) for key, pool in pools.items()}
    facilities = {key: pool_facility(problem, pool, targets[key]) for key, pool in pools.items()}
    return replace(
        candidates, periods=kept, pools=pools, facilities=facilities, training=ways, serving=replicas, verdicts=[]
    )


def _as_large_as_asked(candidates: Candidates, pool: Pool) -> Pool:
    """Return a pool large enough for the nodes that must stand there, needed or not."""
    least, _ = candidates.numbers.get((pool.site, pool.node.name), (0, 0))
    most = max(pool.max_nodes, min(least, candidates.pools[pool.key].max_nodes))
    return pool if most == pool.max_nodes else replace(pool, max_nodes=most)


def smallest_sizes(candidates: Candidates) -> dict[str, tuple[TrainingCandidate, ...]]:
    """Return the ways to run each job at a few sizes on each pool: of the small ones those of least node-days."""
    return {job: tuple(_few(of_job)) for job, of_job in candidates.training.items()}


def _few(of_job: tuple[TrainingCandidate, ...]) -> list[TrainingCandidate]:
    by_pool: dict[str, list[TrainingCandidate]] = {}
    for candidate in of_job:
        by_pool.setdefault(candidate.pool.key, []).append(candidate)
    kept = []
    for of_pool in by_pool.values():
        least = min(candidate.nodes for candidate in of_pool)
        node_days: dict[int, float] = {}
        for candidate in of_pool:
            if candidate.nodes <= LARGEST * least:
                spent = candidate.nodes * candidate.days
                node_days[candidate.nodes] = min(spent, node_days.get(candidate.nodes, spent))
        sizes = sorted(node_days, key=lambda nodes: (node_days[nodes], nodes))[:SIZES]
        kept += [candidate for candidate in of_pool if candidate.nodes in sizes]
    return kept


def on_pools(
    training: Mapping[str, tuple[TrainingCandidate, ...]],
    serving: Mapping[str, tuple[ServingCandidate, ...]],
    keys: Collection[str],
) -> tuple[dict[str, tuple[TrainingCandidate, ...]], dict[str, tuple[ServingCandidate, ...]]]:
    """Return the ways that run on these pools."""
    return (
        {job: tuple(c for c in of_job if c.pool.key in keys) for job, of_job in training.items()},
        {service: tuple(c for c in of_service if c.pool.key in keys) for service, of_service in serving.items()},
    )


def kinds_of(pools: Iterable[Pool]) -> frozenset[tuple[str, str]]:
    """Return (site, node) of pools."""
    return frozenset((pool.site, pool.node.name) for pool in pools)


def of_kinds(candidates: Candidates, kinds: Collection[tuple[str, str]]) -> set[str]:
    """Return the keys of the pools of these (site, node), on whatever fabric."""
    return {key for key, pool in candidates.pools.items() if (pool.site, pool.node.name) in kinds}


def hardest_year(candidates: Candidates) -> Period:
    """Return one period that asks at least as much as every year does: all jobs, each service at its largest load.

    Its first year is that of the hardest period: what jobs ask by year is what they ask then.
    """
    periods = candidates.periods
    jobs = tuple(dict.fromkeys(job for period in periods for job in period.jobs))
    peaks: dict[str, tuple[float, float]] = {}
    for period in periods:
        for service, peak, mean in period.loads:
            before = peaks.get(service, (0.0, 0.0))
            peaks[service] = (max(peak, before[0]), max(mean, before[1]))
    loads = tuple((service, peak, mean) for service, (peak, mean) in peaks.items())
    hardest = hardest_of(candidates)
    others = (year for period in periods if period is not hardest for year in period.years)
    return Period(0, (*hardest.years, *others), jobs, loads)


def hardest_of(candidates: Candidates) -> Period:
    """Return the period that asks for most: of its services' loads, each relative to the largest of all years.

    Of several that ask for as much the last: what grows is largest then.
    """
    peaks: dict[str, float] = {}
    for period in candidates.periods:
        for service, peak, _ in period.loads:
            peaks[service] = max(peak, peaks.get(service, 0.0))

    def asks(period: Period) -> float:
        return len(period.jobs) + sum(peak / peaks[service] for service, peak, _ in period.loads if peaks[service])

    return max(candidates.periods, key=lambda period: (asks(period), period.index))


def ways_of(candidates: Candidates) -> int:
    """Return the number of ways to run workloads, over all years."""
    ways = 0
    for period in candidates.periods:
        ways += sum(len(candidates.training[job]) for job in period.jobs)
        ways += sum(max(1, len(c.bands)) for service, _, _ in period.loads for c in candidates.serving[service])
    return ways
