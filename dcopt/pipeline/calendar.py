"""The calendar of a solved program: start days for every run, or the cuts that exclude what no calendar keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from dcopt.candidates.records import Period, TrainingCandidate
from dcopt.design.records import CalendarEntry, Design, pool_key
from dcopt.formulation.program import Program, total, whole
from dcopt.formulation.training import chosen, hosts
from dcopt.solve.calendar import Conflict, Job, conflict_of, pack


@dataclass
class Calendar:
    """Runs by period, or the conflicts that have to be cut off."""

    entries: list[CalendarEntry] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def calendar_of(program: Program) -> Calendar:
    """Pack the jobs of every pool in every period of a program whose variables hold a solution."""
    calendar = Calendar()
    for period in program.candidates.periods:
        by_pool: dict[str, list[TrainingCandidate]] = {}
        for candidate, variable in chosen(program, period):
            if whole(variable):
                by_pool.setdefault(candidate.pool.key, []).append(candidate)
        for key, candidates in by_pool.items():
            _pack_pool(program, period, key, candidates, calendar)
    calendar.entries.sort(key=lambda entry: (entry.year, entry.start_day, entry.job, entry.run))
    return calendar


def _pack_pool(
    program: Program, period: Period, key: str, candidates: list[TrainingCandidate], calendar: Calendar
) -> None:
    jobs = [_job(program, candidate) for candidate in candidates]
    if program.candidates.pools[key].limited:
        capacity = whole(program.model.work[key]) - whole(hosts(program, key, period))
    else:
        capacity = _smallest(jobs)
    packing = pack(jobs, capacity)
    if packing.starts is None:
        calendar.conflicts.append(conflict_of(jobs, capacity))
        return
    for job in jobs:
        for run in range(job.runs):
            start = packing.starts[job.name, run]
            calendar.entries += [
                CalendarEntry(
                    job=job.name,
                    run=run + 1,
                    year=year,
                    start_day=start,
                    end_day=start + job.days,
                    pool=key,
                    nodes=job.nodes,
                )
                for year in period.years
            ]


def _smallest(jobs: list[Job]) -> int:
    """Return a number of rented nodes on which the runs fit, one after another as far as their windows allow."""
    capacity = max(job.nodes for job in jobs)
    while pack(jobs, capacity).starts is None:
        capacity *= 2
    return capacity


def _job(program: Program, candidate: TrainingCandidate) -> Job:
    row = program.problem.training[candidate.job]
    return Job(row.name, candidate.nodes, candidate.days, row.runs_per_year, row.earliest_start_day, row.due_day)


def cut_off(program: Program, conflict: Conflict, number: int) -> None:
    """Exclude a conflict on every pool: work − hosts ≥ least·(Σ_jobs ŷ − |jobs| + 1).

    ŷ sums the job's candidates on the pool that take no fewer nodes and no fewer days than the conflicting one, so
    each of them needs at least ``least_nodes`` beside the others (formulation.md, point 6).
    """
    for period in program.candidates.periods:
        if not all(job.name in period.jobs for job in conflict.jobs):
            continue
        choices = chosen(program, period)
        for key, pool in program.candidates.pools.items():
            if not pool.limited:
                continue
            taken = []
            for job in conflict.jobs:
                alike = [
                    variable
                    for c, variable in choices
                    if (c.job, c.pool.key) == (job.name, key) and c.nodes >= job.nodes and c.days >= job.days
                ]
                if not alike:
                    break
                taken.append(total(alike))
            if len(taken) < len(conflict.jobs):
                continue
            names = " and ".join(job.name for job in conflict.jobs)
            program.require(
                "calendar",
                (number, key, period.index),
                program.model.work[key] - hosts(program, key, period)
                >= conflict.least_nodes * (total(taken) - len(conflict.jobs) + 1),
                row=f"training.csv: {conflict.jobs[0].name} due_day",
                sentence=f"{names} have start days that share {key}",
            )


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
