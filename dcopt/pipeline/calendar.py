"""The calendar of a solved program: start days for every run, or the cuts that exclude what no calendar keeps.

Runs hold the nodes of their pool and the GB/s of the storage of their site (in units of it), so all jobs of a site
that share a pool, or a storage system that cannot carry all of them at once, are packed together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from dcopt.candidates.records import Period, TrainingCandidate
from dcopt.design.records import CalendarEntry, Design, pool_key
from dcopt.formulation.expressions import number, total, whole
from dcopt.formulation.night import Holding, holdings
from dcopt.formulation.precedence import first_day
from dcopt.formulation.program import Program
from dcopt.formulation.storage_flow import Share, free_of, heavier_ways, reloads, shares_of
from dcopt.formulation.training import chosen
from dcopt.problem.demand import due_day_of
from dcopt.problem.tables.building_rows import HOURS_PER_DAY
from dcopt.solve.calendar import Conflict, Effort, Job, conflict_of, pack, sooner

_AFTER = "after "
"""With the name of a job: what it shares with those that come after it."""


@dataclass(frozen=True)
class Running:
    """A chosen candidate, what it is to the calendar, and what it takes of storage."""

    candidate: TrainingCandidate
    job: Job
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Clash:
    """A conflict of a period, with those that it is about."""

    conflict: Conflict
    running: tuple[Running, ...]
    period: Period


@dataclass
class Calendar:
    """Runs by period, or the conflicts that have to be cut off."""

    entries: list[CalendarEntry] = field(default_factory=list)
    conflicts: list[Clash] = field(default_factory=list)


def calendar_of(program: Program, *, exact: bool = True, effort: Effort | None = None) -> Calendar:
    """Pack the jobs of every site in every period of a program whose variables hold a solution.

    Unless ``exact``, and once ``effort`` is spent, what a few orders of the runs do not manage is a conflict, of which
    nothing is proven.

    Raises
    ------
    KeyboardInterrupt: Ctrl-C was pressed, where it is deferred too.
    """
    calendar = Calendar()
    effort = Effort() if effort is None else effort
    for period in program.candidates.periods:
        running = [_running(program, period, c) for c, variable in chosen(program, period) if whole(variable)]
        for together, capacity in _groups(program, period, running):
            _pack(program, period, together, capacity, calendar, effort, exact=exact)
    calendar.entries.sort(key=lambda entry: (entry.year, entry.start_day, entry.job, entry.run))
    return calendar


def on_nodes(program: Program, period: Period, candidate: TrainingCandidate) -> Running:
    """Return what a candidate is to the calendar, without what it takes of storage."""
    row = program.problem.training[candidate.job]
    needs = {
        holding.name: float(candidate.nodes)
        for holding in holdings(program, candidate.pool.key, period)
        if holding.covers(candidate)
    }
    start = first_day(program, period, candidate)
    due = due_day_of(program.problem, row)
    part = candidate.hours[0] / HOURS_PER_DAY if candidate.hours else None
    job = Job(row.name, tuple(needs.items()), candidate.days, candidate.runs, start, due, row.after, part)
    return Running(candidate, job, ())


def _running(program: Program, period: Period, candidate: TrainingCandidate) -> Running:
    one = on_nodes(program, period, candidate)
    shares = tuple(shares_of(program, candidate, period.index))
    needs = dict(one.job.needs)
    for share in shares:
        needs[share.resource.key] = needs.get(share.resource.key, 0.0) + share.units
    return Running(candidate, replace(one.job, needs=tuple(needs.items())), shares)


def _groups(program: Program, period: Period, running: list[Running]) -> list[tuple[list[Running], dict[str, float]]]:
    """Return those that share a resource which cannot hold them all at once, or come after each other.

    With the capacities that they share.
    """
    capacity = _capacities(program, period, running)
    at_once = {name: sum(r.job.need_of(name) * r.job.runs for r in running) for name in capacity}
    nodes = _holdings(program, period)
    scarce = {name: level for name, level in capacity.items() if name in nodes or at_once[name] > level}
    groups: list[tuple[list[Running], set[str]]] = []
    for one in running:
        mine = {name for name, need in one.job.needs if need and (name in scarce or name in nodes)}
        mine |= {f"{_AFTER}{name}" for name in (one.job.name, *one.job.after)}
        joined = [group for group in groups if group[1] & mine]
        groups = [group for group in groups if not group[1] & mine]
        members = [other for of, _ in joined for other in of]
        groups.append(([*members, one], mine.union(*(names for _, names in joined))))
    return [(of, {name: scarce[name] for name in names if name in scarce}) for of, names in groups]


def _holdings(program: Program, period: Period) -> dict[str, Holding]:
    """Return what services hold of every pool in a period, by name."""
    return {holding.name: holding for key in program.candidates.pools for holding in holdings(program, key, period)}


def _capacities(program: Program, period: Period, running: list[Running]) -> dict[str, float]:
    """Return the nodes of every limited pool, and the storage units by resource, that are there."""
    found: dict[str, float] = {}
    for one in running:
        pool = one.candidate.pool
        for holding in holdings(program, pool.key, period):
            if holding.is_scarce(program):
                found[holding.name] = whole(holding.free(program))
        for share in one.shares:
            found[share.resource.key] = number(free_of(program, share.resource, period.index))
    return found


def _pack(
    program: Program,
    period: Period,
    running: list[Running],
    capacity: dict[str, float],
    calendar: Calendar,
    effort: Effort,
    *,
    exact: bool,
) -> None:
    jobs = [one.job for one in running]
    packing = pack(jobs, capacity, exact=exact, effort=effort)
    if packing.starts is None:
        conflict = conflict_of(jobs, capacity, exact=exact, effort=effort)
        members = tuple(one for one in running if one.job in conflict.jobs)
        calendar.conflicts.append(Clash(conflict, members, period))
        return
    capacity = {**capacity, **_rented(running, capacity)}
    starts = pack(jobs, capacity, effort=effort).starts or packing.starts
    starts = sooner(jobs, capacity, starts, _by_priority(program, jobs), effort)
    for one in running:
        for run in range(one.job.runs):
            start = starts[one.job.name, run]
            calendar.entries += [
                CalendarEntry(
                    job=one.job.name,
                    run=run + 1,
                    year=year,
                    start_day=start,
                    end_day=start + one.job.days,
                    pool=one.candidate.pool.key,
                    nodes=one.candidate.nodes,
                )
                for year in period.years
            ]


def _by_priority(program: Program, jobs: list[Job]) -> list[str]:
    """Return the jobs that have a priority, the highest first; what recurs keeps its even spread over the year."""
    rank = {job.name: program.problem.training[job.name].priority for job in jobs}
    wanted = [job for job in jobs if rank[job.name] > 0 and job.runs == 1]
    return [job.name for job in sorted(wanted, key=lambda job: (-rank[job.name], job.end_day, job.name))]


def _rented(running: list[Running], capacity: dict[str, float]) -> dict[str, float]:
    """Return rented nodes by pool on which the runs fit, one after another as far as their windows allow."""
    jobs = [one.job for one in running]
    pools = {one.candidate.pool.key for one in running if not one.candidate.pool.limited}
    nodes = {key: max(job.need_of(key) for job in jobs) for key in pools}
    while nodes and pack(jobs, {**capacity, **nodes}).starts is None:
        nodes = {key: 2 * count for key, count in nodes.items()}
    return nodes


def cut_off(program: Program, clash: Clash, number: int) -> None:
    """Exclude a conflict: its jobs run as they clash only where one of the resources reaches what may help.

    With what is chosen, Σ_jobs ŷ + Σ_items p̂ − (|jobs| + |items|) + 1 = 1: ŷ sums the job's candidates that take no
    less of the conflict's resources for no fewer days, p̂ the ways to store an item of theirs that take no less. One
    resource must then be at its least (formulation.md, point 6); of several, one that a binary names. A conflict over
    the nodes of one pool holds on every pool. With no resource that helps the choice is excluded.

    What a conflict holds of precedences is valid wherever its jobs run: a calendar in which each takes no less for no
    fewer days becomes one for those that clash by shortening every run at its end, which no precedence forbids. A job
    of the conflict that takes none of its resources is in it only for when it ends, so it may run anywhere.
    """
    names = list(clash.conflict.least)
    for period in program.candidates.periods:
        if not all(one.job.name in period.jobs for one in clash.running):
            continue
        nodes = _holdings(program, period)
        places: list[Holding | None] = [None]
        if len(names) == 1 and names[0] in _holdings(program, clash.period):
            same = _holdings(program, clash.period)[names[0]]
            kind = (same.hours, same.kept is None)
            places = [h for h in nodes.values() if (h.hours, h.kept is None) == kind and h.is_scarce(program)]
        elif any(name in _holdings(program, clash.period) and name not in nodes for name in names):
            continue  # in that period services hold their nodes all day
        for holding in places:
            chosen_so = _as_chosen(program, clash, period, holding)
            if chosen_so is not None:
                where = "*" if holding is None else holding.name
                _cut(program, clash, period, chosen_so, (number, where, period.index), holding)


def _as_chosen(program: Program, clash: Clash, period: Period, holding: Holding | None) -> Any:
    """Return an expression that is 1 where all is chosen as it clashes or worse, and at most 0 elsewhere."""
    terms, count = [], 0
    items: dict[tuple[str, str, str], list[Any]] = {}
    for one in clash.running:
        alike = [
            variable
            for candidate, variable in chosen(program, period)
            if candidate.job == one.job.name and _no_less(program, clash, one, candidate, holding)
        ]
        if not alike:
            return None
        terms += alike
        count += 1
        for share in one.shares:
            if share.resource.key in clash.conflict.least:
                at = (share.stream.item.key, share.stream.site, share.resource.key)
                items[at] = heavier_ways(program, share, one.candidate, period.index)
    for ways in items.values():
        terms += ways
    return total(terms) - (count + len(items)) + 1


def _no_less(
    program: Program, clash: Clash, one: Running, candidate: TrainingCandidate, holding: Holding | None
) -> bool:
    """Whether a candidate takes no less of what the conflict is about, for no fewer runs, days and no wider a window.

    What starts at a part of the day may be replaced by what starts at any time only if that takes a day longer.
    ``holding``: of the nodes of that pool, in its hours.
    """
    mine = one.candidate
    if candidate.runs < mine.runs or candidate.days < mine.days + (mine.hours != candidate.hours and bool(mine.hours)):
        return False
    if first_day(program, clash.period, candidate) < one.job.start_day:
        return False
    taken = [name for name in clash.conflict.least if one.job.need_of(name)]
    if not taken:
        return True
    if holding is not None:
        return candidate.pool.key == holding.pool and holding.covers(candidate) and candidate.nodes >= mine.nodes
    if candidate.pool.site != mine.pool.site:
        return False
    for place in holdings(program, mine.pool.key, clash.period):
        if place.name in taken and not (
            candidate.pool.key == mine.pool.key and place.covers(candidate) and candidate.nodes >= mine.nodes
        ):
            return False
    writes = any(s.stream.writes for s in one.shares if s.resource.key in clash.conflict.least)
    reads = any(not s.stream.writes for s in one.shares if s.resource.key in clash.conflict.least)
    return not (
        (writes and candidate.checkpoint_gb_per_s < mine.checkpoint_gb_per_s)
        or (reads and candidate.ingest_gb_per_s < mine.ingest_gb_per_s)
    )


def _cut(
    program: Program, clash: Clash, period: Period, chosen_so: Any, key: tuple[int, str, int], place: Holding | None
) -> None:
    nodes = _holdings(program, period)
    names = " and ".join(job.name for job in clash.conflict.jobs)
    resources = {s.resource.key: s.resource for one in clash.running for s in one.shares}
    helps = []
    for name, least in clash.conflict.least.items():
        if name in resources:
            resource = resources[name]
            there, shared = free_of(program, resource, period.index), f"what {resource.name} carries"
            if reloads(program, resource.site, resource.name):  # where weights lie moves it by parts of a unit
                least += 1e-6 - 1
        else:
            holding = place or nodes[name]
            there, shared = holding.free(program), holding.name
        enough: Any = chosen_so
        if len(clash.conflict.least) > 1:
            enough = program.var("calendar_helps", (*key, name), ub=1, binary=True)
            helps.append(enough)
        program.require(
            "calendar",
            (*key, name),
            there >= least * enough,
            row=f"training.csv: {clash.conflict.jobs[0].name} due_day",
            sentence=f"{names} have start days that share {shared}",
        )
    if len(clash.conflict.least) != 1:
        program.require("calendar_helps", key, total(helps) >= chosen_so)


def with_calendar(design: Design, calendar: Calendar) -> Design:
    """Return the design with its runs' start days, and cloud pools as large as the runs at once make them."""
    first: dict[tuple[str, int], float] = {}
    for entry in calendar.entries:
        key = (entry.job, entry.year)
        first[key] = min(entry.start_day, first.get(key, entry.start_day))
    training = tuple(
        record.model_copy(update={"start_day": first[record.job, record.year]}) for record in design.training
    )
    pools = []
    for pool in design.pools:
        if pool.rented:
            name = pool_key(pool)
            entries = [entry for entry in calendar.entries if (entry.pool, entry.year) == (name, pool.year)]
            nodes = pool.service_nodes + at_once(entries)
            per_node = pool.accelerators // pool.nodes
            pool = pool.model_copy(update={"nodes": nodes, "accelerators": nodes * per_node})
        if pool.nodes:
            pools.append(pool)
    return design.model_copy(update={"training": training, "pools": tuple(pools), "calendar": tuple(calendar.entries)})


def at_once(entries: list[CalendarEntry]) -> int:
    """Return the most nodes that runs of one pool and year hold at the same time."""
    return max(
        (
            sum(
                e.nodes
                for e in entries
                if e.start_day <= moment.start_day + 1e-9 and e.end_day > moment.start_day + 1e-9
            )
            for moment in entries
        ),
        default=0,
    )
