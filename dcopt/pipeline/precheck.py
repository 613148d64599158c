"""Necessary conditions, tested before any solve: what no candidate can keep, and which input to change."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dcopt.candidates.records import Candidates, DataItem, Verdict
from dcopt.infrastructure.power import CHAIN, feeds_are_doubled
from dcopt.infrastructure.racks import NETWORK_STORAGE, weakest_floor, why_not_in_rack
from dcopt.infrastructure.topology import usable
from dcopt.performance.compatibility import IN_TRANSIT
from dcopt.pipeline.lateness import late_workloads, words
from dcopt.problem.demand import days_allowed
from dcopt.problem.epochs import views_of
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Dataset, TrainingJob

HIGHLY_AVAILABLE_PCT = 99.95
"""Availability from which a note says what spares do not cover: about four hours a year, less than it takes to mend a
rack's power (an estimate)."""

NAMED = 3
"""Sites that a note about several names."""


@dataclass(frozen=True)
class Obstacle:
    """A promise that nothing on offer can keep: the row, what is wrong, and what would help.

    ``workload`` is the job or service that the row is about, where it is one.
    """

    row: str
    problem: str
    cure: str
    workload: str = ""

    def __str__(self) -> str:
        return f"{self.row}: {self.problem}. {self.cure}"


class LateObstacle(Obstacle):
    """What comes too late for an epoch, and so for those before it: of several of a row the first is told."""


def precheck(problem: Problem, candidates: Candidates) -> tuple[Obstacle, ...]:
    """Return the obstacles to any design, of every epoch; none means that the program decides."""
    if candidates.epochs:
        views = zip(views_of(problem), candidates.epochs, strict=True)
        every = dict.fromkeys(found for seen, of_epoch in views for found in precheck(seen, of_epoch))
        first = {found.row: found for found in reversed(every) if isinstance(found, LateObstacle)}
        return tuple(found for found in every if not isinstance(found, LateObstacle) or found == first[found.row])
    late = late_workloads(problem, candidates)
    waiting = {(one.table, one.name) for one in late}
    obstacles = [
        *(replace(LateObstacle(*words(problem, one)), workload=one.name) for one in late),
        *(
            replace(_job_obstacle(problem, candidates, name), workload=name)
            for name, found in candidates.training.items()
            if not found and ("training", name) not in waiting
        ),
        *(
            replace(_service_obstacle(problem, candidates, name), workload=name)
            for name, found in candidates.serving.items()
            if not found and ("inference", name) not in waiting
        ),
        *(
            replace(o, workload=name)
            for name, found in candidates.serving.items()
            if found
            for o in _domain_obstacles(problem, candidates, name)
        ),
        *_storage_obstacles(problem, candidates),
        *_facility_obstacles(problem, candidates),
    ]
    return tuple(obstacles)


def _verdicts(candidates: Candidates, workload: str) -> list[Verdict]:
    return [verdict for verdict in candidates.verdicts if verdict.workload == workload]


def _job_obstacle(problem: Problem, candidates: Candidates, name: str) -> Obstacle:
    job = problem.training[name]
    verdicts = [v for v in _verdicts(candidates, name) if v.shortfall < 1e9]
    if not verdicts:
        return Obstacle(
            f"training.csv: {name}",
            f"no node, layout, precision ({' '.join(job.precisions)}) and framework on offer can train {job.model}"
            f"{_fabric_asked(job)}",
            _any_pool_cure(problem, candidates, name)
            or "Offer nodes with more memory, a fabric between them, or allow another precision",
        )
    best = min(verdicts, key=lambda v: v.shortfall)
    allowed = days_allowed(problem, job)
    return Obstacle(
        f"training.csv: {name} deadline_days",
        f"no candidate finishes within {allowed:g} days; the nearest is {best.best} of {best.node} on {best.fabric}"
        f" at {best.site}: {best.reason}",
        f"Allow at least {math.ceil(allowed * best.shortfall):,} days, or offer faster or more nodes (pools are "
        f"limited by power_limit_kw of sites.csv and max_units of offers.csv){_less_confidence(problem)}"
        f"{_fabric_asked(job)}",
    )


def _fabric_asked(job: TrainingJob) -> str:
    """Return what the job asks of the fabric between its nodes, '' where that is nothing."""
    return f", on a fabric with {IN_TRANSIT} where it needs several nodes" if IN_TRANSIT in job.requires else ""


def _less_confidence(problem: Problem) -> str:
    """Return the cure that the asked confidence adds, '' where none is asked."""
    asked = problem.settings.confidence_pct
    return "" if asked is None else f", or lower confidence_pct ({asked:g}) in settings.csv"


def _any_pool_cure(problem: Problem, candidates: Candidates, name: str) -> str:
    if _verdicts(candidates, name):
        return ""
    return (
        "No site has room for even one node: raise power_limit_kw in sites.csv, or offer nodes (price at owned sites, "
        "rent and the fabric 'builtin' at cloud sites)"
    )


def _service_obstacle(problem: Problem, candidates: Candidates, name: str) -> Obstacle:
    service = problem.inference[name]
    promises = [
        f"{column} {getattr(service, column):g}"
        for column in ("ttft_ms", "tpot_ms", "latency_ms")
        if getattr(service, column) is not None
    ]
    return Obstacle(
        f"inference.csv: {name}",
        f"no node, variant and engine on offer answers {service.model} within {', '.join(promises) or 'its memory'} "
        f"at the {service.percentile:g}th percentile with a loss of at most {service.max_quality_loss_pct:g} %"
        + (f", by an engine with {' and '.join(service.requires)}" if service.requires else ""),
        _any_pool_cure(problem, candidates, name)
        or "Allow a longer time or a larger quality loss, offer faster nodes, or a site nearer to the users"
        f"{_less_confidence(problem)}",
    )


def _domain_obstacles(problem: Problem, candidates: Candidates, name: str) -> list[Obstacle]:
    """Return the obstacle where no site of a service has the racks or feeds that it is to be dealt over."""
    domains = problem.inference[name].failure_domains
    sites = sorted({candidate.pool.site for candidate in candidates.serving[name]})
    if domains == "none" or not all(_has_one_domain(problem, candidates, site, domains) for site in sites):
        return []
    what = "room for a second rack (rack_positions)" if domains == "rack" else "a distribution unit (pdu) on offer"
    cure = (
        "Raise rack_positions in sites.csv"
        if domains == "rack"
        else "Offer a row of power.csv with the role pdu, or set redundancy to 2N (colocation: the landlord's feeds)"
    )
    return [
        Obstacle(
            f"inference.csv: {name} failure_domains",
            f"it is to stand over several {domains}s, and no site where it may run ({', '.join(sites)}) has {what}",
            f"{cure}, allow more sites, or write none",
        )
    ]


def _has_one_domain(problem: Problem, candidates: Candidates, site: str, domains: str) -> bool:
    """Whether everything at a site would be lost with one rack or feed."""
    row = problem.sites[site]
    if row.kind == "cloud":
        return False
    if domains == "rack":
        return row.rack_positions is not None and row.rack_positions < 2
    return not feeds_are_doubled(row.redundancy) and not candidates.sites[site].power.get("pdu")


def _storage_obstacles(problem: Problem, candidates: Candidates) -> list[Obstacle]:
    found = []
    options = candidates.storage_options
    for dataset in problem.datasets.values():
        parts = [item for item in candidates.items if item.owner == f"datasets/{dataset.name}"]
        sites = [site for site in problem.sites if all(options.get((part.key, site)) for part in parts)]
        if len(sites) < dataset.min_copies:
            found.append(
                Obstacle(
                    f"datasets.csv: {dataset.name}",
                    f"only {len(sites)} of the {dataset.min_copies} sites that its copies need can hold it",
                    f"{_what_storage(problem, dataset)}Offer such storage there (hot data needs nvme or ssd; "
                    "cloud sites need rented storage; a protection needs as many drives or units as it has parts), "
                    "allow more sites, ask for fewer copies, or lower survive_failures in settings.csv",
                )
            )
        else:
            found += [obstacle for part in parts if (obstacle := _unsafe(problem, candidates, part)) is not None]
    for name, service in problem.inference.items():
        sites_used = {c.pool.site for c in candidates.serving[name]}
        if service.reload_s and sites_used and not any(options.get((f"{name}:weights", site)) for site in sites_used):
            problem_text = "no storage on offer can hold its weights at any site where it could run"
            cure = "Offer nvme or ssd storage there, or leave reload_s blank: then they lie on the nodes' own drives"
            found.append(Obstacle(f"inference.csv: {name} reload_s", problem_text, cure))
    for name in problem.training:
        sites_used = {c.pool.site for c in candidates.training[name]}
        if sites_used and not any(options.get((f"{name}:checkpoint", site)) for site in sites_used):
            found.append(
                Obstacle(
                    f"training.csv: {name}",
                    "no storage on offer can hold its checkpoints at any site where it could run",
                    f"{_what_storage(problem, problem.training[name])}Offer such nvme or ssd storage there",
                )
            )
    return found


def _what_storage(problem: Problem, owner: TrainingJob | Dataset) -> str:
    """Return what storage must offer, as a sentence, or '' where nothing is required."""
    asked = {feature for site in problem.sites.values() for feature in site.requires} | set(owner.requires)
    if isinstance(owner, TrainingJob) and owner.dataset:
        asked |= set(problem.datasets[owner.dataset].requires)
    return f"It requires {' '.join(sorted(asked))} (features in storage.csv). " if asked else ""


def _unsafe(problem: Problem, candidates: Candidates, item: DataItem) -> Obstacle | None:
    """Return the obstacle where even copies at all sites, each at its safest, are lost too often."""
    best = [
        max((option.nines for option in options), default=0.0)
        for (key, _), options in candidates.storage_options.items()
        if key == item.key
    ]
    if sum(best) >= item.nines * (1 - 1e-9):
        return None
    return Obstacle(
        f"datasets.csv: {item.name} max_annual_loss_probability",
        f"drive failures lose some of its {item.part} data with a probability of 1 in {10 ** sum(best):,.0f} a year, "
        f"with every copy as safe as what is on offer; 1 in {10**item.nines:,.0f} is asked",
        "Offer protection with more redundant parts, drives that fail less or rebuild faster, allow more sites, or "
        "accept a larger probability",
    )


def _facility_obstacles(problem: Problem, candidates: Candidates) -> list[Obstacle]:
    """Return what no site can house: an obstacle only where some workload has no other place to go."""
    wrong = {site: _unhoused(problem, candidates, site) for site in problem.sites}
    found: dict[str, Obstacle] = {}
    ways = [[c.pool for c in of_job] for of_job in candidates.training.values()]
    ways += [[c.pool for c in of_service] for of_service in candidates.serving.values()]
    for pools in ways:
        obstacles = {pool.key: wrong[pool.site].get(pool.node.name) for pool in pools}
        if all(obstacles.values()):
            found |= {obstacle.row: obstacle for obstacle in obstacles.values() if obstacle is not None}
    return list(found.values())


def _unhoused(problem: Problem, candidates: Candidates, site: str) -> dict[str, Obstacle]:
    """Return what keeps each kind of node from standing at a site."""
    facility, kind = candidates.sites[site], problem.sites[site].kind
    if kind == "cloud":
        return {}
    nodes = {pool.node.name for pool in candidates.pools.values() if pool.site == site}
    if kind != "colocation" and not any(facility.rejection.values()):
        obstacle = Obstacle(
            f"sites.csv: {site}",
            "no heat rejection is on offer",
            "Offer a row of cooling.csv of kind heat-rejection",
        )
        return dict.fromkeys(nodes, obstacle)
    return {node: _no_rack(problem, site, node) for node in sorted(nodes) if not facility.racks.get(node)}


def _no_rack(problem: Problem, site: str, node: str) -> Obstacle:
    """Return why no rack on offer at a site holds a node: the reason of each, where racks are few."""
    racks = [offer.row for offer in offered(problem, "racks", site).values()]
    floor = weakest_floor(problem.sites[site].floor_kg_per_m2, problem.halls_at(site))
    row = problem.nodes[node]
    reasons = []
    for rack in racks:
        kinds = [o.row for o in offered(problem, "cooling", site).values() if o.row.kind == rack.cooling]
        densest = max((unit.max_rack_kw or math.inf for unit in kinds), default=0.0)
        if why := why_not_in_rack(row, rack, None, floor):
            reasons.append(why)
        elif not kinds:
            reasons.append(f"cooling.csv: no unit of the kind {rack.cooling} is on offer for {rack.name}")
        else:
            reasons.append(why_not_in_rack(row, rack, densest, floor) or f"no air unit is on offer beside {rack.name}")
    return Obstacle(
        f"sites.csv: {site}",
        f"no rack and cooling unit on offer can hold {node} ({'; '.join(reasons[:4]) or 'no rack is on offer'})",
        "Offer racks (racks.csv) with enough units, kW and weight, and cooling units of the same kind",
    )


def _unused_fabrics(problem: Problem) -> list[str]:
    """Return why a fabric that is offered by name connects none of the nodes that can be had where it is offered."""
    found = []
    named = {offer.name for offer in problem.offers.values() if offer.table == "fabrics"}
    for site in problem.sites:
        nodes = [offer.row for offer in offered(problem, "nodes", site).values()]
        for name, offer in offered(problem, "fabrics", site).items():
            if name not in named or offer.row.switch is None or problem.sites[site].kind == "cloud" or not nodes:
                continue
            reasons = [usable(node, offer.row, problem.switches[offer.row.switch], problem.links) for node in nodes]
            if all(reason is not None for reason in reasons):
                found.append(f"offers.csv: fabrics/{name} connects no node at {site}: {reasons[0]}")
    return found


def _named(sites: list[str]) -> str:
    """Return the names of sites, the first of them where they are many."""
    more = len(sites) - NAMED
    return ", ".join(sites) if more <= 1 else f"{', '.join(sites[:NAMED])} and {more} others"


def remarks(problem: Problem, candidates: Candidates) -> tuple[str, ...]:
    """Return what the reader of a design should know about what was left out of it."""
    of_sites: dict[str, list[str]] = {}
    for site, facility in candidates.sites.items():
        kind = problem.sites[site].kind
        if kind not in ("owned", "edge") or not any(pool.site == site for pool in candidates.pools.values()):
            continue
        missing = [role for role in (*CHAIN, "generator") if not facility.power.get(role)]
        said = [f"no {' and no '.join(missing)} is on offer, so none is bought or counted"] if missing else []
        if not any(unit.kind == "air" for unit, _ in facility.collectors):
            said.append("no air unit is on offer, so the heat of PDUs and UPS is counted as ventilated")
        if not facility.racks.get(NETWORK_STORAGE):
            said.append("no rack on offer can hold switches and storage")
        for sentence in said:
            of_sites.setdefault(sentence, []).append(site)
    notes = [f"sites.csv: {_named(sites)}: {sentence}" for sentence, sites in of_sites.items()]
    notes += _unused_fabrics(problem)
    notes += [
        f"inference.csv: {name}: {service.availability_pct:g} % are promised and failure_domains is none: spares cover "
        "failed nodes, not the loss of a rack or a power feed"
        for name, service in problem.inference.items()
        if (service.availability_pct or 0.0) >= HIGHLY_AVAILABLE_PCT and service.failure_domains == "none"
    ]
    return tuple(notes)
