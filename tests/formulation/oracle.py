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

from facility_oracle import Purse, Standing, alike_hours, shares, site_purses

from dcopt.candidates.records import Candidates, ServingCandidate, StorageOption, TrainingCandidate
from dcopt.infrastructure.storage import loss_probability, rebuild_load
from dcopt.infrastructure.topology import count_fabric, shape_of
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

    def hosts_then(self, problem: Problem, candidates: Candidates, year: int, hours: tuple[int, ...]) -> int:
        """Whole nodes that services hold in some hours: fewer where jobs may run at night and loads are lower.

        Exact where each service has one candidate: then the fewest replicas that carry the load of the hour stand.
        """
        if not self.served or not at_night(problem, candidates, self.served[0][1].pool.key, year):
            return self.hosts
        chips = 0
        for name, c, replicas, mean in self.served:
            row = problem.inference[name]
            day = [shares(problem, name, hour) for hour in range(24)]
            assert len(candidates.serving[name]) == 1
            peak = mean / (sum(day) / 24) * (1 + row.headroom_pct / 100)
            load = max(day[hour] for hour in hours) * peak
            enough = (n for n in range(replicas + 1) if n == replicas or (pooled(c, n) * n >= load * (1 - 1e-9)))
            chips += c.accelerators * (next(enough) if row.profile and row.reload_s is None else replicas)
        return -(-chips // self.served[0][1].pool.node.accelerators)


def at_night(problem: Problem, candidates: Candidates, key: str, year: int) -> bool:
    """Whether some job of a year may be confined to some hours on a pool."""
    last = problem.settings.horizon_years
    alive = [row.name for row in problem.training.values() if row.first_year <= year <= (row.last_year or last)]
    return any(c.hours and c.pool.key == key for name in alive for c in candidates.training[name])


def runs_then(c: TrainingCandidate, hours: tuple[int, ...]) -> bool:
    """Whether a job that runs so holds its nodes in some hours."""
    return not c.hours or set(hours) <= set(c.hours)


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
                if row.profile is not None:
                    day = [float(share) for share in problem.profiles[row.profile].hourly]
                    mean = row.peak_requests_per_s * sum(day) / 24
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
    for more in _with_more(problem, plan, work):
        for nodes_of in _with_spares(problem, candidates, plan, more):
            for stored, packing, copies in _storages(problem, candidates, plan, more):
                packed = Purse.empty(problem)
                _pay_moves(problem, copies, packed)
                for dataset, codec in packing.items():
                    for year in plan:
                        hours = packing_core_hours(problem, problem.datasets[dataset], codec, year)
                        packed.pay("processing", hours * problem.settings.cpu_usd_per_core_hour, year)
                standing = _standing(problem, candidates, plan, nodes_of, stored)
                best = min(best, _sites(problem, standing, [fixed, packed], facilities))
    return best


def _with_more(problem: Problem, plan: Plan, work: dict[str, int]) -> Iterator[dict[str, int]]:
    """Yield more working nodes too where jobs may have to run beside each other.

    For want of storage bandwidth, or to be in time for what follows them.
    """
    most = dict(work)
    ordered = any(row.after for row in problem.training.values())
    for uses in plan.values():
        for key, use in uses.items():
            if len(use.jobs) > 1 or ordered:
                runs = {c.job: problem.training[c.job].runs_per_year if ordered else 1 for c in use.jobs}
                most[key] = max(most[key], sum(runs[c.job] * c.nodes for c in use.jobs) + use.hosts)
    for counts in itertools.product(*(range(work[key], most[key] + 1) for key in work)):
        yield dict(zip(work, counts, strict=True))


def least_working(problem: Problem, candidates: Candidates, plan: Plan, key: str) -> int | None:
    """Return the fewest working nodes of a pool that keep what runs there; None where its limit is lower."""
    pool = candidates.pools[key]
    offers = [o for o in problem.offers.values() if (o.table, o.name) == ("nodes", pool.node.name) and pool.rented]
    limits = [o.max_units for o in offers if o.max_units is not None]
    most = 0
    for year, uses in plan.items():
        use = uses.get(key, Use())
        hosts = {hours: use.hosts_then(problem, candidates, year, hours) for hours in alike_hours(problem)}
        rows = {c.job: problem.training[c.job] for c in use.jobs}
        work = use.hosts
        for hours, held in hosts.items():
            work = max([work, *(held + c.nodes for c in use.jobs if runs_then(c, hours))])
        ceiling = work + sum(rows[c.job].runs_per_year * c.nodes * (1 + c.days) for c in use.jobs)
        while use.jobs and (not pool.rented or limits):
            free = {hours: work - held for hours, held in hosts.items()}
            if _enough_days(problem, use.jobs, free) and calendar_exists(problem, use.jobs, free):
                break
            work += 1
            if work > ceiling:
                return None
        most = max(most, work)
    return None if any(most > limit for limit in limits) else most


Free = dict[tuple[int, ...], int]
"""Nodes that services leave, by hours of the day."""


def _enough_days(problem: Problem, jobs: list[TrainingCandidate], free: Free) -> bool:
    """Whether the schedulable share of the year has the node-days of the jobs, in every hour of the day."""
    for hours, nodes in free.items():
        taken = 0.0
        for c in jobs:
            row = problem.training[c.job]
            if runs_then(c, hours):
                taken += row.runs_per_year * row.overhead_factor * c.nodes * (c.nights if c.hours else c.days)
        if taken > 365 * problem.settings.schedulable_pct / 100 * nodes * (1 + 1e-9):
            return False
    return True


Need = dict[str, float]
"""What a run holds of each named resource."""


def calendar_exists(problem: Problem, jobs: list[TrainingCandidate], free: Free) -> bool:
    """Whether runs can be given start days on that many nodes."""
    needs = [(c, {str(hours): float(c.nodes) for hours in free if runs_then(c, hours)}) for c in jobs]
    return keeps_calendar(problem, needs, {str(hours): float(nodes) for hours, nodes in free.items()})


def keeps_calendar(problem: Problem, jobs: list[tuple[TrainingCandidate, Need]], capacity: Need) -> bool:
    """Whether start days exist, by trying every order in which runs are put down as early as possible."""
    runs = [(c, need) for c, need in jobs for _ in range(problem.training[c.job].runs_per_year)]
    alone = not any(problem.training[c.job].after or c.hours for c, _ in jobs)
    if alone and all(sum(need.get(name, 0.0) for _, need in runs) <= level for name, level in capacity.items()):
        return True
    return any(
        _put_down(problem, [runs[k] for k in order], capacity) for order in itertools.permutations(range(len(runs)))
    )


def _from_hour(run: TrainingCandidate, day: float) -> float:
    """Return the first day from ``day`` on at which a run may start: at the first of its hours, if it has some."""
    if not run.hours:
        return day
    return math.ceil(day - run.hours[0] / 24 - 1e-9) + run.hours[0] / 24


def _put_down(problem: Problem, runs: list[tuple[TrainingCandidate, Need]], capacity: Need) -> bool:
    down: list[tuple[float, float, Need]] = []
    ends: dict[str, list[float]] = {run.job: [] for run, _ in runs}
    for run, need in runs:
        row = problem.training[run.job]
        first = first_day(problem, run.job, run.pool.site)
        for before in row.after:
            often = problem.training[before].runs_per_year
            waits = [len(ends[run.job])] if often == row.runs_per_year else list(range(often))
            if before in ends and waits[-1] >= len(ends[before]):
                return False
            first = max([first, *(sorted(ends[before])[k] for k in waits if before in ends)])
        for start in sorted({_from_hour(run, day) for day in (first, *(end for _, end, _ in down if end > first))}):
            moments = [start, *(s for s, _, _ in down if start < s < start + run.days - 1e-9)]
            beside = [[n for s, e, n in down if s <= m + 1e-9 < e] for m in moments]
            fits = all(
                sum(n.get(name, 0.0) for n in (*of, need)) <= level * (1 + 1e-9)
                for of in beside
                for name, level in capacity.items()
            )
            waiting = [s.first_day for s in problem.inference.values() if run.job in s.after and s.first_day]
            if fits and start + run.days <= min([row.due_day, *waiting]) + 1e-9:
                down.append((start, start + run.days, need))
                ends[run.job].append(start + run.days)
                break
        else:
            return False
    return True


def _pay_workloads(problem: Problem, use: Use, year: int, purse: Purse) -> None:
    for c in use.jobs:
        row = problem.training[c.job]
        held = c.alone_days + c.nights * c.lost_s / 86400 if c.hours else c.days
        days = row.runs_per_year * row.overhead_factor * held
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


def _joint_pct(problem: Problem, candidates: Candidates, plan: Plan, name: str) -> float:
    """Return the target of each pool of a service: what it may miss is shared by two pools, or by all that it has."""
    asked = problem.inference[name].availability_pct
    if asked is None:
        return 0.0
    owned = {c.pool.key for c in candidates.serving[name] if not c.pool.rented}
    used = {key for uses in plan.values() for key, use in uses.items() if any(n == name for n, *_ in use.served)}
    sharing = len(used & owned)
    return 100 - (100 - asked) / (sharing if sharing in (1, 2) else max(1, len(owned)))


def _with_spares(
    problem: Problem, candidates: Candidates, plan: Plan, work: dict[str, int]
) -> Iterator[dict[str, int]]:
    """Yield the nodes of every owned pool; what pools of one node type need together may stand in any of them."""
    owned = {key: n for key, n in work.items() if n and not candidates.pools[key].rented}
    targets: dict[str, float] = {}
    for key in owned:
        names = {name for uses in plan.values() if key in uses for name, *_ in uses[key].served}
        asked = [_joint_pct(problem, candidates, plan, name) for name in names]
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


def _storages(
    problem: Problem, candidates: Candidates, plan: Plan, work: dict[str, int]
) -> Iterator[tuple[Stored, dict[str, Any], list[tuple[str, str]]]]:
    """Yield every way to store what must be stored: units by site, the codec of each dataset, and where copies lie."""
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
    pools = [(key.split("/")[0], use) for uses in plan.values() for key, use in uses.items()]
    answers = {(name, site) for site, use in pools for name, *_ in use.served}
    kept += [(item, site) for item in candidates.items for name, site in answers if item.key == f"{name}:weights"]
    seen = set()
    for way in itertools.product(*homes):
        places = [*kept, *(place for of_dataset in way for place in of_dataset)]
        for choice in itertools.product(*(candidates.storage_options.get((i.key, s), ()) for i, s in places)):
            codecs: dict[str, set[str]] = defaultdict(set)
            for (item, _), option in zip(places, choice, strict=True):
                if item.part in ("hot", "cold"):
                    codecs[item.name].add(option.codec.name)
            if any(len(names) > 1 for names in codecs.values()):
                continue
            for units in _units(problem, candidates, plan, list(zip(places, choice, strict=True)), work):
                copies = sorted({(item.name, site) for item, site in places if item.part in ("hot", "cold")})
                key = (repr(sorted(units.items())), repr(sorted(codecs.items())), repr(copies))
                if key not in seen:
                    seen.add(key)
                    by_name = {o.codec.name: o.codec for o in choice}
                    yield units, {name: by_name[next(iter(of))] for name, of in codecs.items()}, copies


def _pay_moves(problem: Problem, copies: list[tuple[str, str]], purse: Purse) -> None:
    """Pay for copies that come from elsewhere (they stand in all years), and for the links."""
    links = {}
    for name, site in copies:
        row = problem.datasets[name]
        if row.origin in (None, site):
            continue
        link = next(x for x in problem.wan.values() if (x.from_site, x.to_site) == (row.origin, site))
        links[link.from_site, link.to_site] = link
        per_gb = link.usd_per_gb + problem.sites[link.from_site].egress_usd_per_gb
        size = 0.0
        for year in range(1, problem.settings.horizon_years + 1):
            now = row.size_tb * (1 + row.growth_pct_per_year / 100) ** (year - 1)
            purse.pay("transfer", max(0.0, now - size) * 1000 * per_gb, year)
            size = now
    for link in links.values():
        purse.always("transfer", 12 * link.usd_per_month)


def first_day(problem: Problem, job: str, site: str) -> float:
    """Return the day on which a job's data has come to a site, with all that jobs there may read from its origin."""
    row = problem.training[job]
    if row.dataset is None or problem.datasets[row.dataset].origin in (None, site):
        return row.earliest_start_day
    origin = problem.datasets[row.dataset].origin
    gbps = next(x.gbps for x in problem.wan.values() if (x.from_site, x.to_site) == (origin, site))
    read = {other.dataset for other in problem.training.values() if not other.sites or site in other.sites}
    last = problem.settings.horizon_years - 1
    tb = sum(
        data.size_tb * max(1, (1 + data.growth_pct_per_year / 100) ** last)
        for name, data in problem.datasets.items()
        if name in read and data.origin == origin
    )
    return max(row.earliest_start_day, tb * 1e12 * 8 / (gbps * 1e9) / 86400)


Placed = list[tuple[tuple[Any, str], StorageOption]]
"""Every (item, site) and how it is stored there."""


def _units(
    problem: Problem, candidates: Candidates, plan: Plan, placed: Placed, work: dict[str, int]
) -> Iterator[Stored]:
    """Yield the units that hold and move everything in some calendar: none that is more than another needs."""
    if not _safe(problem, placed):
        return
    least, most = {}, {}
    for site, name in sorted({(site, option.storage.name) for (_, site), option in placed}):
        here = [(i, o) for (i, s), o in placed if (s, o.storage.name) == (site, name)]
        row = here[0][1].storage
        raw = 0.0
        for item, option in here:
            protection, ratio = option.protection, option.codec.ratio(item.compressibility)
            raw += item.size_tb / ratio * (protection.data + protection.parity) / protection.data
        apart = row.failure_domain == "unit" or (row.failure_domain is None and row.system != "parallel-fs")
        widest = max(option.protection.data + option.protection.parity for _, option in here)
        alone, at_once = [raw / row.raw_tb, row.min_units, widest if apart else 1], [0.0]
        rebuilt = _beside(problem, candidates, placed, site, name)
        if rebuilt["read"] and any(item.part == "weights" for item, _ in here):
            alone.append(rebuilt["read"] / row.read_gb_per_s if row.read_gb_per_s else math.inf)
        for uses in plan.values():
            jobs = [c for use in uses.values() for c in use.jobs if c.pool.site == site]
            needs = [_moved(problem, c, placed) for c in jobs]
            for way, rate in (("read", row.read_gb_per_s), ("write", row.write_gb_per_s), ("kiops", row.read_kiops)):
                taken = [need.get(f"{way} {site} {name}", 0.0) for need in needs]
                if any(taken) and rate == 0:
                    return
                if any(taken) and rate:
                    alone += [(amount + rebuilt[way]) / rate for amount in taken]
                    runs = [problem.training[c.job].runs_per_year for c in jobs]
                    at_once.append((rebuilt[way] + sum(a * n for a, n in zip(taken, runs, strict=True))) / rate)
        least[site, name] = max(math.ceil(need - 1e-9) for need in alone)
        most[site, name] = max(least[site, name], *(math.ceil(need - 1e-9) for need in at_once))
    found: list[tuple[int, ...]] = []
    for counts in itertools.product(*(range(least[key], most[key] + 1) for key in least)):
        if any(all(a <= b for a, b in zip(other, counts, strict=True)) for other in found):
            continue
        units = dict(zip(least, counts, strict=True))
        if all(_calendar_with(problem, candidates, year, plan[year], placed, work, units) for year in plan):
            found.append(counts)
            stored: Stored = defaultdict(dict)
            for (site, name), count in units.items():
                stored[site][name] = count
            yield stored


def _safe(problem: Problem, placed: Placed) -> bool:
    """Whether the copies of every part of a dataset together are lost seldom enough."""
    lost: dict[str, float] = defaultdict(lambda: 1.0)
    asked: dict[str, float] = {}
    for (item, _), option in placed:
        if item.part not in ("hot", "cold"):
            continue
        row, code = option.storage, option.protection
        raw = item.size_tb / option.codec.ratio(item.compressibility) * (code.data + code.parity) / code.data
        lost[item.key] *= 0.0 if code.name == "provider-managed" else loss_probability(row, code, raw)
        asked[item.key] = problem.datasets[item.name].max_annual_loss_probability * item.share
    return all(lost[key] <= asked[key] * (1 + 1e-9) for key in asked)


def _beside(problem: Problem, candidates: Candidates, placed: Placed, site: str, name: str) -> dict[str, float]:
    """Return what a system moves beside the jobs: the rebuild of a drive in the widest group, and weights again."""
    options = [o for (_, at), of in candidates.storage_options.items() for o in of if at == site]
    loads = [rebuild_load(o.storage, o.protection) for o in options if o.storage.name == name]
    again = 0.0
    for (item, at), option in placed:
        if item.part == "weights" and (at, option.storage.name) == (site, name):
            gb = item.size_tb * 1000 / (problem.inference[item.name].reload_s or math.inf)
            loss = option.storage.encryption_loss_pct if problem.sites[site].requires else 0.0
            again += gb / (1 - loss / 100)
    return {"read": max(r for r, _ in loads) + again, "write": max(w for _, w in loads), "kiops": 0.0}


def _moved(problem: Problem, c: TrainingCandidate, placed: Placed) -> Need:
    """Return what a run takes of the storage of its site, by way, site and row: GB/s, or thousand reads a second."""
    moved: Need = defaultdict(float)
    dataset = problem.training[c.job].dataset
    for (item, site), option in placed:
        names = {item.name} if item.part in ("hot", "cold") else {dataset} - {None}
        asked = [problem.sites[site].requires, *(problem.datasets[name].requires for name in names if name)]
        slow = 1 / (1 - option.storage.encryption_loss_pct / 100) if any(asked) else 1.0
        where = f"{site} {option.storage.name}"
        if site == c.pool.site and item.owner == f"training/{c.job}":
            wide = (option.protection.data + option.protection.parity) / option.protection.data
            moved[f"write {where}"] += c.checkpoint_gb_per_s * (option.protection.write_penalty or wide) * slow
        if site == c.pool.site and item.owner == f"datasets/{dataset}":
            moved[f"read {where}"] += c.ingest_gb_per_s * item.share / option.codec.ratio(item.compressibility) * slow
            moved[f"kiops {where}"] += c.read_kiops * item.share * slow
    return moved


def _calendar_with(
    problem: Problem,
    candidates: Candidates,
    year: int,
    uses: dict[str, Use],
    placed: Placed,
    work: dict[str, int],
    units: dict[tuple[str, str], int],
) -> bool:
    """Whether the jobs of a year have start days that keep the nodes and what the storage units move."""
    capacity: Need = {}
    for (site, name), count in units.items():
        row = problem.storage[name]
        for way, rate in (("read", row.read_gb_per_s), ("write", row.write_gb_per_s), ("kiops", row.read_kiops)):
            if rate is not None:
                beside = _beside(problem, candidates, placed, site, name)[way]
                capacity[f"{way} {site} {name}"] = rate * count - beside
    jobs = []
    for key, use in uses.items():
        owned = bool(use.jobs) and not use.jobs[0].pool.rented
        limited = owned or any(o.max_units is not None for o in problem.offers.values())
        if limited:
            for hours in alike_hours(problem):
                capacity[f"{key} {hours}"] = work[key] - use.hosts_then(problem, candidates, year, hours)
        for c in use.jobs:
            needs = {f"{key} {hours}": float(c.nodes) for hours in alike_hours(problem) if runs_then(c, hours)}
            jobs.append((c, {**needs, **_moved(problem, c, placed)}))
    return keeps_calendar(problem, jobs, capacity)


def _standing(
    problem: Problem, candidates: Candidates, plan: Plan, nodes: dict[str, int], stored: Stored
) -> dict[str, Standing]:
    """Return what stands at every site, and the power above standby of what runs there."""
    found = {site: Standing(storage=dict(stored.get(site, {}))) for site in problem.sites}
    for key, count in nodes.items():
        pool = candidates.pools[key]
        switch = problem.switches.get(pool.fabric.switch or "")
        network = count_fabric(shape_of(pool.node, pool.fabric, switch), count) if switch else None
        found[pool.site].pools.append((pool.node, pool.fabric, count, network))
    for year, uses in plan.items():
        for key, use in uses.items():
            pool = candidates.pools[key]
            if pool.rented:
                continue
            for hours in alike_hours(problem):
                busy = 0.0
                for c in use.jobs:
                    row = problem.training[c.job]
                    share = row.runs_per_year * row.overhead_factor * c.days / 365
                    if c.hours:
                        held = c.alone_days + c.nights * c.lost_s / 86400
                        share = row.runs_per_year * row.overhead_factor * held * 24 / len(c.hours) / 365
                    busy += share * c.nodes * (c.node_kw - pool.node.standby_kw) * runs_then(c, hours)
                if use.served:
                    busy += use.hosts_then(problem, candidates, year, hours) * use.served[0][1].idle_kw
                for name, s, _, rate in use.served:
                    mean = sum(shares(problem, name, hour) for hour in range(24)) / 24
                    busy_then = s.kw_per_request * rate * shares(problem, name, hours[0]) / mean
                    found[pool.site].activity((year, hours), pool.node.name, busy_then)
                found[pool.site].activity((year, hours), pool.node.name, busy)
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
