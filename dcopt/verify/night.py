"""Replicas that rest in hours of lower load: what each hour asks against what stands then, and the nodes it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dcopt.design.records import Design, PoolRecord, ServiceRecord, pool_key
from dcopt.problem.day import ALL_DAY, bands_of_day, largest_share, releases_nodes, shares_of
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
        if any(record.awake or record.hourly_requests_per_s for record in records):
            _service(problem, name, year, records, checker)
    for pool in design.pools:
        place = f"pool {pool_key(pool)} year {pool.year} service_nodes_by_hour"
        if pool.service_nodes_by_hour:
            _by_band(problem, place, pool.service_nodes_by_hour, checker)
            checker.at_most(place, max(pool.service_nodes_by_hour), pool.service_nodes, "service_nodes")


def _by_band(problem: Problem, place: str, values: Sequence[float], checker: Checker) -> None:
    """Check that there is one value for each hour, the same in all hours of a band of the day."""
    checker.same(f"{place}: hours", len(values), len(ALL_DAY))
    for hours in bands_of_day(problem):
        alike = {values[hour] for hour in hours}
        checker.same(f"{place}: values from hour {hours[0]} to {hours[-1]}", len(alike), 1)


def _service(problem: Problem, name: str, year: int, records: list[ServiceRecord], checker: Checker) -> None:
    service = problem.inference[name]
    shares = shares_of(problem, service)
    rests = shares is not None and releases_nodes(problem, service)
    peak = load_in(problem, service, year)[0]
    for hours in bands_of_day(problem):
        needed = (largest_share(shares, hours) if shares and rests else 1.0) * peak
        there = sum(record.hourly_requests_per_s[hours[0]] for record in records)
        checker.equal(f"inference {name} year {year} hour {hours[0]} hourly_requests_per_s", there, needed)
    for record in records:
        place = f"inference {name} on {record.site}/{record.node} year {year} awake"
        _by_band(problem, place, record.awake, checker)
        _by_band(problem, place.replace("awake", "hourly_requests_per_s"), record.hourly_requests_per_s, checker)
        site = problem.sites[record.site]
        at_night = site.kind != "cloud" and any(job.preemptible for job in problem.training.values())
        may = rests and (site.elastic or at_night)
        checker.holds(place, may or min(record.awake) == record.replicas, "replicas that rest", "they stand all day")
        checker.at_most(place, max(record.awake), record.replicas, "replicas")
