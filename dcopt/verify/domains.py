"""Failure domains within a site: for each rack or feed that is lost, what is left of each service."""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import Design, ServiceRecord
from dcopt.infrastructure.power import feeds_are_doubled
from dcopt.performance.compatibility import cluster_for, engine_for
from dcopt.performance.expected import Expectations, expectations_of
from dcopt.performance.serving import variant_of
from dcopt.performance.serving_expected import promised_rate
from dcopt.performance.workloads import replica_name, rtt_ms, servers_of, serving_task_of
from dcopt.problem.corrections import rate_factor
from dcopt.problem.demand import load_in
from dcopt.problem.problem import Problem
from dcopt.verify import serving
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that services stand on nodes of their own over domains that exist, and what each domain leaves of them."""
    expectations = expectations_of(problem)
    by_service: dict[tuple[str, int], list[ServiceRecord]] = defaultdict(list)
    for record in design.inference:
        by_service[record.service, record.year].append(record)
    for (name, year), records in sorted(by_service.items()):
        service = problem.inference[name]
        at_risk = [record for record in records if _at_risk(problem, record)]
        for record in records:
            _dealt(problem, design, record, checker, at_risk=any(record is other for other in at_risk))
        groups: dict[tuple[str, ...], list[ServiceRecord]] = defaultdict(list)
        for record in at_risk:
            rack = service.failure_domains == "rack"
            groups[(record.site, record.node) if rack else (record.site,)].append(record)
        peak = load_in(problem, service, year)[0] / (1 + service.headroom_pct / 100)
        needed = service.domain_survive_pct / 100 * peak
        for group, lost in sorted(groups.items()):
            left = sum(record.capacity_requests_per_s for record in records if not any(record is r for r in lost))
            left += sum(_left(problem, record, expectations) for record in lost)
            place = f"service {name} year {year} without a {service.failure_domains} of {'/'.join(group)}"
            checker.at_most(f"{place}: domain_survive_pct", needed, left, "what is left")
    _apart(problem, design, checker)


def _at_risk(problem: Problem, record: ServiceRecord) -> bool:
    domains, site = problem.inference[record.service].failure_domains, problem.sites[record.site]
    if domains == "none" or site.kind == "cloud":
        return False
    return domains == "rack" or not feeds_are_doubled(site.redundancy)


def _dealt(problem: Problem, design: Design, record: ServiceRecord, checker: Checker, *, at_risk: bool) -> None:
    """Check the nodes of its own of a record, and that there are as many racks or feeds as it is dealt over."""
    place = f"inference {record.service} on {record.site}/{record.node} year {record.year}"
    stated = (record.own_nodes, record.domains, record.lost_replicas)
    on_node = problem.nodes[record.node].accelerators // record.accelerators_per_replica
    if not at_risk or on_node == 0:
        checker.same(f"{place} own_nodes, domains, lost_replicas", stated, (0, 0, 0))
        return
    checker.at_most(f"{place} lost_replicas", record.replicas, record.lost_replicas * record.domains, "over domains")
    needed = record.domains * -(-record.lost_replicas // on_node)
    checker.at_most(f"{place} own_nodes", needed, record.own_nodes, "nodes of its own")
    here = (record.site, record.year)
    if problem.inference[record.service].failure_domains == "rack":
        racks = [r for r in design.racks if (r.site, r.year) == here and r.node == record.node]
        checker.at_most(f"{place} domains", record.domains, sum(rack.count for rack in racks), "racks")
        checker.holds(f"{place} domains", len({rack.name for rack in racks}) == 1, "racks", "one kind of rack")
    else:
        units = sum(r.units for r in design.power if (r.site, r.year) == here and r.role == "pdu")
        checker.at_most(f"{place} domains", record.domains, units, "distribution units")


def _left(problem: Problem, record: ServiceRecord, expectations: Expectations) -> float:
    """Return the requests/s that the replicas of a record carry within the promises without those that are lost."""
    left = record.replicas - record.lost_replicas if record.domains else 0
    service = problem.inference[record.service]
    task = serving_task_of(service, problem, record.speculation)
    engine = engine_for(problem.software[record.software], service)
    stack = [problem.compression[name] for name in record.compression.split("+")]
    variant = variant_of(stack, problem.accelerators[problem.nodes[record.node].accelerator], engine)
    layout = serving.layout_of(record, task.model)
    if left == 0 or variant is None or layout is None:
        return 0.0
    trip = rtt_ms(service, record.site, problem)
    names = [row.name for row in stack]
    expected = expectations.serving(service, task, record.node, names, record.software, layout, variant)
    where = (task, cluster_for(problem, record.node, record.fabric), layout, variant, engine)
    factor = rate_factor(problem.corrections, replica_name(service, record.node, record.fabric, where, trip))
    rated = promised_rate(service, expected, where, trip, servers_of(service, left), factor)
    return 0.0 if rated is None else left * rated.requests_per_s


def _apart(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that nodes of their own and the nodes of all other replicas are there."""
    for pool in design.pools:
        key = (pool.site, pool.node, pool.fabric, pool.year)
        here = [r for r in design.inference if (r.site, r.node, r.fabric, r.year) == key]
        own = sum(record.own_nodes for record in here)
        if own:
            others = [size for r in here if not r.own_nodes for size in [r.accelerators_per_replica] * r.replicas]
            needed = own + serving.nodes_for(others, problem.nodes[pool.node].accelerators)
            place = f"pool {pool.site}/{pool.node}/{pool.fabric} year {pool.year} nodes of their own and others"
            checker.at_most(place, needed, pool.service_nodes, "nodes that host services")
