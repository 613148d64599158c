"""Replicas that rest in hours of lower load: what each hour asks against what stands then, and the nodes it holds."""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import Design, PoolRecord, ServiceRecord
from dcopt.problem.day import ALL_DAY, releases_nodes, shares_of
from dcopt.problem.demand import load_in
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker


def held_at(pool: PoolRecord, hour: int) -> int:
    """Return the nodes of a pool that services hold in an hour, UTC."""
    return pool.service_nodes_by_hour[hour] if pool.service_nodes_by_hour else pool.service_nodes


def standing(record: ServiceRecord, hour: int) -> int:
    """Return the replicas of a record that stand in an hour, UTC."""
    return record.awake[hour] if record.awake else record.replicas


def check_hours(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that what must be carried in each hour is, and that only services that may rest do.

    What the replicas that stand can carry is checked with their rates, in `dcopt.verify.serving`.
    """
    carried: dict[tuple[str, int], list[ServiceRecord]] = defaultdict(list)
    for record in design.inference:
        if record.service in problem.inference:
            carried[record.service, record.year].append(record)
    for (name, year), records in carried.items():
        if not any(record.hourly_requests_per_s for record in records):
            continue
        service = problem.inference[name]
        shares = shares_of(problem, service) or (1.0,) * len(ALL_DAY)
        peak = load_in(problem, service, year)[0]
        for hour in ALL_DAY:
            there = sum(r.hourly_requests_per_s[hour] if r.hourly_requests_per_s else r.requests_per_s for r in records)
            place = f"inference {name} year {year} hour {hour} requests_per_s"
            checker.at_most(place, shares[hour] * peak, there, "what is carried")
        for record in records:
            rests = record.awake and min(record.awake) < record.replicas
            may = releases_nodes(problem, service) and problem.sites[record.site].kind != "cloud"
            may = may and any(job.preemptible for job in problem.training.values())
            checker.holds(
                f"inference {name} on {record.site} awake", may or not rests, "rests", "it must stand all day"
            )
            if record.awake:
                place = f"inference {name} on {record.site}/{record.node} year {year} awake"
                checker.at_most(place, max(record.awake), record.replicas, "replicas")
