"""Coarser candidates whose program costs no more than any design: the fabrics of a node at a site as one pool.

The pool without a fabric stands for all pools of its node and site and takes over their ways to run workloads, so that
work which spans nodes is possible there and no switch is paid for. Every design is one of the coarse program: its
nodes, replicas and choices are summed over the fabrics, what carries them there carries them together (spares of one
node count together anyway, more replicas behind one balancer are rated no lower), and nothing costs more. Of the
ways to run a job few are left: those that no calendar and no storage could make another one better than. What the
fabrics cost, and what a tight calendar and bandwidth cost, is what the bound loses.

Nodes at different power caps keep pools apart but share their spares: there the
coarse pools need no spares of their own, only those that all of them need together.
"""

from __future__ import annotations

from dataclasses import replace

from dcopt.candidates.dominance import undominated
from dcopt.candidates.pools import pool_facility
from dcopt.candidates.records import Candidates, Period, Pool, PoolFacility, ServingCandidate, TrainingCandidate
from dcopt.candidates.targets import targets_of
from dcopt.problem.problem import Problem

RATES = ("checkpoint_gb_per_s", "ingest_gb_per_s", "read_kiops")
"""What a run moves to and from storage, by the second."""


def coarse(problem: Problem, candidates: Candidates, periods: tuple[Period, ...]) -> Candidates:
    """Return candidates of these periods with one pool for the fabrics of each (site, node), where that is a bound.

    Where a node is offered without a fabric nowhere at a site, or services stand by over failure domains, the pools
    stay as they are.
    """
    stands_for = _stands_for(candidates)
    in_hurry = problem.settings.order_day is not None or any(job.after for job in problem.training.values())
    training = {job: tuple(_jobs(of_job, stands_for, in_hurry=in_hurry)) for job, of_job in candidates.training.items()}
    serving = {name: tuple(_replicas(of_one, stands_for)) for name, of_one in candidates.serving.items()}
    members: dict[str, list[Pool]] = {}
    for key, pool in candidates.pools.items():
        members.setdefault(stands_for.get(key, pool).key, []).append(pool)
    pools = {key: _together(candidates, candidates.pools[key], of_key) for key, of_key in members.items()}
    facilities = {key: pool_facility(problem, pool, targets_of(problem, pool, serving)) for key, pool in pools.items()}
    caps: dict[tuple[str, str], set[str]] = {}
    for pool in pools.values():
        caps.setdefault((pool.site, pool.node.uncapped.name), set()).add(pool.node.name)
    for key, pool in pools.items():
        if len(members[key]) > 1 and len(caps[pool.site, pool.node.uncapped.name]) > 1:
            most = sum(_most_spares(candidates.facilities[member.key]) for member in members[key])
            facilities[key] = _any_spares(facilities[key], most, pool.max_nodes)
    return replace(
        candidates,
        periods=periods,
        pools=pools,
        facilities=facilities,
        training=training,
        serving=serving,
        verdicts=[],
    )


def _together(candidates: Candidates, pool: Pool, members: list[Pool]) -> Pool:
    """Return the pool that stands for ``members``, as large as all of them together may be."""
    most = sum(member.max_nodes for member in members)
    return replace(pool, max_nodes=min(most, candidates.numbers.get((pool.site, pool.node.name), (0, most))[1]))


def _most_spares(facility: PoolFacility) -> int:
    return max((spares for steps in facility.spare_steps.values() for spares, _ in steps), default=0)


def _any_spares(facility: PoolFacility, most: int, nodes: int) -> PoolFacility:
    """Return a pool that may have any number of spares up to ``most``, however many of its ``nodes`` work."""
    steps = tuple((spares, nodes) for spares in range(most + 1))
    return replace(facility, spare_steps=dict.fromkeys(facility.spare_steps, steps))


def _stands_for(candidates: Candidates) -> dict[str, Pool]:
    """Return the pool that takes the place of each, by key, where it is another."""
    if any(c.stands_by > 1 for of_service in candidates.serving.values() for c in of_service):
        return {}
    plain = {
        (pool.site, pool.node.name): pool
        for pool in candidates.pools.values()
        if pool.fabric.switch is None and not pool.rented
    }
    return {
        key: plain[pool.site, pool.node.name]
        for key, pool in candidates.pools.items()
        if not pool.rented and (pool.site, pool.node.name) in plain
    }


def _jobs(
    of_job: tuple[TrainingCandidate, ...], stands_for: dict[str, Pool], *, in_hurry: bool
) -> list[TrainingCandidate]:
    """Return the ways of a job on the coarse pools, without those that another one there beats in every respect."""
    groups: dict[tuple[object, ...], list[TrainingCandidate]] = {}
    for candidate in of_job:
        pool = stands_for.get(candidate.pool.key, candidate.pool)
        groups.setdefault((pool.key, candidate.hours, candidate.years, candidate.committed), []).append(candidate)
    return [
        replace(candidate, pool=stands_for.get(candidate.pool.key, candidate.pool))
        for group in groups.values()
        for candidate in _in_no_hurry(group, in_hurry=in_hurry)
    ]


def _in_no_hurry(group: list[TrainingCandidate], *, in_hurry: bool) -> list[TrainingCandidate]:
    """Return the ways that are left where none is worth it for its shortness or its bandwidth alone.

    A way on more nodes for no fewer node-days is worth it for what comes after it (``in_hurry``): there every way is
    as short as the shortest. What each moves is the least that any moves, at the pace of the longest.
    """
    longest = max(candidate.days for candidate in group)
    shortest = min(candidate.days for candidate in group)
    least = {name: min(getattr(candidate, name) * candidate.days for candidate in group) / longest for name in RATES}
    judged = [(_merits(c, shortest if in_hurry else c.days), c) for c in group]
    left = undominated(sorted(judged, key=_first), _first)
    return [replace(c, days=shortest if in_hurry else c.days, **least) for _, c in left]


def _first(judged: tuple[tuple[float, ...], TrainingCandidate]) -> tuple[float, ...]:
    return judged[0]


def _merits(c: TrainingCandidate, days: float) -> tuple[float, ...]:
    """Return what a way that takes so many days holds and uses: less of each is better."""
    held, running = (c.held_days, c.running_days) if c.hours else (days, days)
    return (
        c.nodes,
        c.nodes * held,
        c.nodes * days,
        c.node_kw * c.nodes * running,
        c.licence_usd_per_year * running,
    )


def _replicas(of_service: tuple[ServingCandidate, ...], stands_for: dict[str, Pool]) -> list[ServingCandidate]:
    """Return the ways of a service on the coarse pools, each once."""
    found: dict[tuple[object, ...], ServingCandidate] = {}
    for candidate in of_service:
        pool = stands_for.get(candidate.pool.key, candidate.pool)
        same = (
            pool.key,
            candidate.accelerators,
            candidate.requests_per_s,
            candidate.bands,
            candidate.idle_kw,
            candidate.kw_per_request,
            candidate.licence_usd_per_year,
            candidate.compression,
        )
        found.setdefault(same, replace(candidate, pool=pool))
    return list(found.values())
