"""The cheapest design by brute force: every choice enumerated, every part counted and priced by arithmetic of its own.

Physics (days, rates, sizes) is taken from the candidate objects; what the program decides (who runs where, replicas,
nodes, spares, storage, racks, power, cooling, purchases, costs) is enumerated here without Pyomo and without reading
`dcopt.formulation`. Exact for problems in which all of that can be enumerated.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from facility_oracle import Purse, Standing, site_purses

from dcopt.candidates.records import Candidates, ServingCandidate, StorageOption, TrainingCandidate
from dcopt.infrastructure.topology import count_for
from dcopt.performance.packing import packing_core_hours
from dcopt.problem.problem import Problem

Load = tuple[tuple[ServingCandidate, int, float], ...]
"""How a service is served: candidate, replicas, requests/s carried."""


@dataclass
class Use:
    """What runs on a pool in one year."""

    jobs: list[TrainingCandidate] = field(default_factory=list)
    served: list[tuple[str, ServingCandidate, int, float]] = field(default_factory=list)

    @property
    def hosts(self) -> int:
        """Whole nodes that services hold."""
        chips = sum(c.accelerators * replicas for _, c, replicas, _ in self.served)
        return -(-chips // self.served[0][1].pool.node.accelerators) if self.served else 0


KINDS = 2
"""Candidates among which one service is split at most: more are never enumerated."""


Plan = dict[int, dict[str, Use]]
"""What runs on each pool in each year."""


def asked_of(problem: Problem) -> dict[tuple[str, tuple[float, float] | None], list[int]]:
    """Return what is asked and in which years: (job, None), or (service, (peak with headroom, mean))."""
    last = problem.settings.horizon_years
    asked: dict[tuple[str, tuple[float, float] | None], list[int]] = defaultdict(list)
    for year in range(1, last + 1):
        for job in problem.training.values():
            if job.first_year <= year <= (job.last_year or last):
                asked[job.name, None].append(year)
        for row in problem.inference.values():
            if row.first_year <= year <= (row.last_year or last):
                growth = (1 + row.growth_pct_per_year / 100) ** (year - 1)
                mean = row.peak_requests_per_s if row.mean_requests_per_s is None else row.mean_requests_per_s
                peak = row.peak_requests_per_s * growth * (1 + row.headroom_pct / 100)
                asked[row.name, (peak, mean * growth)].append(year)
    return asked


def cheapest(problem: Problem, candidates: Candidates) -> float:
    """Return the least TCO of any design, USD; inf where there is none."""
    asked = asked_of(problem)
    options: list[list[Any]] = [
        list(candidates.training[name]) if load is None else list(ways_to_serve(candidates.serving[name], load[0]))
        for name, load in asked
    ]
    facilities: dict[str, list[Purse]] = {}
    best = math.inf
    for picks in itertools.product(*options):
        plan: Plan = {year: defaultdict(Use) for year in range(1, problem.settings.horizon_years + 1)}
        for ((name, load), when), pick in zip(asked.items(), picks, strict=True):
            for year in when:
                if load is None:
                    plan[year][pick.pool.key].jobs.append(pick)
                    continue
                for candidate, replicas, rate in pick:
                    use = (name, candidate, replicas, rate * load[1] / load[0])
                    plan[year][candidate.pool.key].served.append(use)
        best = min(best, price(problem, candidates, plan, facilities, best))
    return best


def ways_to_serve(candidates: tuple[ServingCandidate, ...], peak: float) -> Iterator[Load]:
    """Yield every number of replicas of one or two candidates that carries ``peak``, and how they can share it."""
    for size in range(1, KINDS + 1):
        for kinds in itertools.combinations(candidates, size):
            most = [next(n for n in itertools.count(1) if pooled(c, n) * n >= peak * (1 - 1e-9)) for c in kinds]
            for replicas in itertools.product(*(range(1, n + 1) for n in most)):
                room = [pooled(c, n) * n for c, n in zip(kinds, replicas, strict=True)]
                if sum(room) < peak * (1 - 1e-12):
                    continue
                for order in itertools.permutations(range(size)):
                    left, loads = peak, [0.0] * size
                    for k in order:
                        loads[k] = min(left, room[k])
                        left -= loads[k]
                    yield tuple(zip(kinds, replicas, loads, strict=True))


def pooled(candidate: ServingCandidate, replicas: int) -> float:
    """Return the requests/s of each of ``replicas`` behind one balancer: those of the band that holds their number."""
    rates = [candidate.requests_per_s]
    for band in candidate.bands:
        if replicas >= band.low:
            rates.append(band.requests_per_s)
    return rates[-1]


def price(
    problem: Problem, candidates: Candidates, plan: Plan, facilities: dict[str, list[Purse]], best: float
) -> float:
    """Return the least TCO of designs in which that runs there, USD, or something above ``best``."""
    work = {}
    for key in {key for uses in plan.values() for key in uses}:
        nodes = least_working(problem, candidates, plan, key)
        if nodes is None:
            return math.inf
        work[key] = nodes
    fixed = Purse.empty(problem)
    for year, uses in plan.items():
        for use in uses.values():
            _pay_workloads(problem, use, year, fixed)
    if fixed.usd >= best:
        return math.inf
    for nodes_of in _with_spares(problem, candidates, plan, work):
        for stored, packing in _storages(problem, candidates, plan):
            packed = Purse.empty(problem)
            for dataset, codec in packing.items():
                for year in plan:
                    hours = packing_core_hours(problem, problem.datasets[dataset], codec, year)
                    packed.pay("processing", hours * problem.settings.cpu_usd_per_core_hour, year)
            standing = _standing(problem, candidates, plan, nodes_of, stored)
            best = min(best, _sites(problem, standing, [fixed, packed], facilities))
    return best


def least_working(problem: Problem, candidates: Candidates, plan: Plan, key: str) -> int | None:
    """Return the fewest working nodes of a pool that keep what runs there; None where its limit is lower."""
    pool = candidates.pools[key]
    offers = [o for o in problem.offers.values() if (o.table, o.name) == ("nodes", pool.node.name) and pool.rented]
    limits = [o.max_units for o in offers if o.max_units is not None]
    most = 0
    for uses in plan.values():
        use = uses.get(key, Use())
        free = max((c.nodes for c in use.jobs), default=0)
        rows = {c.job: problem.training[c.job] for c in use.jobs}
        days = sum(rows[c.job].runs_per_year * rows[c.job].overhead_factor * c.nodes * c.days for c in use.jobs)
        share = problem.settings.schedulable_pct / 100
        while use.jobs and (not pool.rented or limits):
            if days <= 365 * share * free * (1 + 1e-9) and calendar_exists(problem, use.jobs, free):
                break
            free += 1
        most = max(most, free + use.hosts)
    return None if any(most > limit for limit in limits) else most


def calendar_exists(problem: Problem, jobs: list[TrainingCandidate], capacity: int) -> bool:
    """Whether runs can be given start days, by trying every order in which they are put down as early as possible."""
    runs = [(c, problem.training[c.job]) for c in jobs for _ in range(problem.training[c.job].runs_per_year)]
    if sum(c.nodes for c, _ in runs) <= capacity:
        return True
    return any(_put_down([runs[k] for k in order], capacity) for order in itertools.permutations(range(len(runs))))


def _put_down(runs: list[tuple[TrainingCandidate, Any]], capacity: int) -> bool:
    down: list[tuple[float, float, int]] = []
    for run, row in runs:
        for start in sorted({row.earliest_start_day, *(end for _, end, _ in down if end > row.earliest_start_day)}):
            moments = [start, *(s for s, _, _ in down if start < s < start + run.days - 1e-9)]
            busy = max(sum(n for s, e, n in down if s <= m + 1e-9 < e) for m in moments)
            if busy + run.nodes <= capacity and start + run.days <= row.due_day + 1e-9:
                down.append((start, start + run.days, run.nodes))
                break
        else:
            return False
    return True


def _pay_workloads(problem: Problem, use: Use, year: int, purse: Purse) -> None:
    for c in use.jobs:
        row = problem.training[c.job]
        days = row.runs_per_year * row.overhead_factor * c.days
        purse.pay("licences", days / 365 * c.licence_usd_per_year, year)
        if c.pool.rented:
            purse.pay("rent", days * 24 * c.nodes * (c.pool.node.rent_usd_per_hour or 0.0), year)
    for _, s, replicas, _ in use.served:
        purse.pay("licences", replicas * s.licence_usd_per_year, year)
    if use.served and use.served[0][1].pool.rented:
        purse.pay("rent", use.hosts * 8760 * (use.served[0][1].pool.node.rent_usd_per_hour or 0.0), year)


def spares(working: int, down: float, target: float) -> int:
    """Return the fewest spares such that, with that probability, no more nodes are down than there are spares."""
    for k in itertools.count():
        n = working + k
        kept = sum(math.comb(n, i) * down**i * (1 - down) ** (n - i) for i in range(k + 1))
        if kept >= target - 1e-12:
            return k
    raise AssertionError


def _with_spares(
    problem: Problem, candidates: Candidates, plan: Plan, work: dict[str, int]
) -> Iterator[dict[str, int]]:
    """Yield the nodes of every owned pool; what pools of one node type need together may stand in any of them."""
    owned = {key: n for key, n in work.items() if n and not candidates.pools[key].rented}
    targets: dict[str, float] = {}
    for key in owned:
        names = {name for uses in plan.values() if key in uses for name, *_ in uses[key].served}
        asked = [problem.inference[name].availability_pct or 0.0 for name in names]
        targets[key] = max([problem.settings.spare_target_pct, *asked]) / 100
    base, extra = {}, []
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, n in owned.items():
        node = candidates.pools[key].node
        down = node.repair_hours / (node.repair_hours + node.mtbf_hours)
        base[key] = n + spares(n, down, targets[key])
        groups[key.split("/")[0], node.name].append(key)
    for keys in groups.values():
        node = candidates.pools[keys[0]].node
        down = node.repair_hours / (node.repair_hours + node.mtbf_hours)
        needed = spares(sum(owned[k] for k in keys), down, max(targets[k] for k in keys))
        missing = needed - sum(base[k] - owned[k] for k in keys)
        extra += [keys] * max(0, missing)
    for homes in itertools.product(*extra):
        yield {key: n + homes.count(key) for key, n in base.items()}


Stored = dict[str, dict[str, int]]
"""Storage units by site and row."""


def _storages(problem: Problem, candidates: Candidates, plan: Plan) -> Iterator[tuple[Stored, dict[str, Any]]]:
    """Yield every way to store what must be stored: units by site, and the codec of each dataset."""
    runs = {(c.job, c.pool.site) for uses in plan.values() for use in uses.values() for c in use.jobs}
    homes: list[list[list[tuple[Any, str]]]] = []
    for row in problem.datasets.values():
        needed = {site for job, site in runs if problem.training[job].dataset == row.name}
        items = [i for i in candidates.items if i.owner == f"datasets/{row.name}"]
        ways = []
        for count in range(len(problem.sites) + 1):
            for sites in itertools.combinations(problem.sites, count):
                allowed = all(not row.sites or site in row.sites for site in sites)
                if needed <= set(sites) and count >= row.min_copies and allowed:
                    ways.append([(item, site) for site in sites for item in items])
        homes.append(ways)
    kept = [(item, site) for item in candidates.items for job, site in runs if item.owner == f"training/{job}"]
    seen = set()
    for way in itertools.product(*homes):
        places = [*kept, *(place for of_dataset in way for place in of_dataset)]
        for choice in itertools.product(*(candidates.storage_options.get((i.key, s), ()) for i, s in places)):
            codecs: dict[str, set[str]] = defaultdict(set)
            for (item, _), option in zip(places, choice, strict=True):
                if item.part != "checkpoint":
                    codecs[item.name].add(option.codec.name)
            if any(len(names) > 1 for names in codecs.values()):
                continue
            units = _units(problem, plan, list(zip(places, choice, strict=True)))
            if units is None:
                continue
            key = (repr(sorted(units.items())), repr(sorted(codecs.items())))
            if key not in seen:
                seen.add(key)
                by_name = {o.codec.name: o.codec for o in choice}
                yield units, {name: by_name[next(iter(of))] for name, of in codecs.items()}


def _units(problem: Problem, plan: Plan, placed: list[tuple[tuple[Any, str], StorageOption]]) -> Stored | None:
    """Return the least units that hold and move everything; None where a unit cannot move at all."""
    units: Stored = defaultdict(dict)
    for site, name in {(site, option.storage.name) for (_, site), option in placed}:
        here = [(i, o) for (i, s), o in placed if (s, o.storage.name) == (site, name)]
        row = here[0][1].storage
        raw = 0.0
        for item, option in here:
            protection, ratio = option.protection, option.codec.ratio(item.compressibility)
            raw += item.size_tb / ratio * (protection.data + protection.parity) / protection.data
        needs = [raw / row.raw_tb, row.min_units]
        for uses in plan.values():
            moved = {"read": 0.0, "write": 0.0, "kiops": 0.0}
            for c in (c for use in uses.values() for c in use.jobs if c.pool.site == site):
                for item, option in here:
                    if item.owner == f"training/{c.job}":
                        wide = (option.protection.data + option.protection.parity) / option.protection.data
                        moved["write"] += c.checkpoint_gb_per_s * (option.protection.write_penalty or wide)
                    if item.owner == f"datasets/{problem.training[c.job].dataset}":
                        ratio = option.codec.ratio(item.compressibility)
                        moved["read"] += c.ingest_gb_per_s * item.share / ratio
                        moved["kiops"] += c.read_kiops * item.share
            rates = {"read": row.read_gb_per_s, "write": row.write_gb_per_s, "kiops": row.read_kiops}
            for way, amount in moved.items():
                rate = rates[way]
                if amount and rate == 0:
                    return None
                needs.append(amount / rate if rate else 0.0)
        units[site][name] = max(math.ceil(need - 1e-9) for need in needs)
    return units


def _standing(
    problem: Problem, candidates: Candidates, plan: Plan, nodes: dict[str, int], stored: Stored
) -> dict[str, Standing]:
    """Return what stands at every site, and the power above standby of what runs there."""
    found = {site: Standing(storage=dict(stored.get(site, {}))) for site in problem.sites}
    for key, count in nodes.items():
        pool = candidates.pools[key]
        switch = problem.switches.get(pool.fabric.switch or "")
        network = count_for(pool.node, pool.fabric, switch, count) if switch else None
        found[pool.site].pools.append((pool.node, pool.fabric, count, network))
    for year, uses in plan.items():
        for key, use in uses.items():
            pool = candidates.pools[key]
            if pool.rented:
                continue
            busy = 0.0
            for c in use.jobs:
                row = problem.training[c.job]
                share = row.runs_per_year * row.overhead_factor * c.days / 365
                busy += share * c.nodes * (c.node_kw - pool.node.standby_kw)
            busy += sum(s.kw_per_request * rate for _, s, _, rate in use.served)
            busy += use.hosts * use.served[0][1].idle_kw if use.served else 0.0
            found[pool.site].activity(year, pool.node.name, busy)
    return found


def _sites(
    problem: Problem, standing: dict[str, Standing], purses: list[Purse], facilities: dict[str, list[Purse]]
) -> float:
    """Return the least TCO over all facilities of all sites, within the budgets that sites share."""
    choices = [[Purse.sum(problem, purses)]]
    for site, what in standing.items():
        key = f"{site} {what.key()}"
        if key not in facilities:
            facilities[key] = site_purses(problem, site, what)
        choices.append(facilities[key])
    totals = (Purse.sum(problem, of) for of in itertools.product(*choices))
    return min((total.usd for total in totals if total.kept()), default=math.inf)
