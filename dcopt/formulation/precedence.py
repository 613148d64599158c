"""Jobs that come after each other: what every calendar of theirs keeps, linearly.

    first[j,t] ≥ Σ_c earliest_c·y[j,c,t]                     (earliest_c: the job's, or when pool and data are there)
    first[l,t] ≥ first[j,t] + Σ_c days_c·y[j,c,t]               for each job l after j
    first[j,t] + Σ_c days_c·y[j,c,t] ≤ due[j]

``first`` is the start of a job's first run, which follows at least one run of every job before it. The windows between
which the interval rows of nodes and storage count a job are cut by the shortest that comes before and after it. Where
no job comes after another there is nothing of this. What these rows admit and no calendar keeps is cut off by the
pipeline's loop over calendars.
"""

from __future__ import annotations

from typing import Any

from dcopt.candidates.records import Period, Pool, TrainingCandidate
from dcopt.formulation.expressions import linear
from dcopt.formulation.program import Program
from dcopt.infrastructure.staging import earliest_start_day
from dcopt.problem.demand import due_day_of
from dcopt.problem.lead import start_day

Windows = dict[str, tuple[float, float]]
"""First and last day of each job."""


def before(program: Program, period: Period, job: str) -> tuple[str, ...]:
    """Return the jobs of a period that come before a job."""
    return tuple(name for name in program.problem.training[job].after if name in period.jobs)


def first_day(program: Program, period: Period, candidate: TrainingCandidate) -> float:
    """Return the day from which a candidate may start in all years of a period."""
    pool, row = candidate.pool, program.problem.training[candidate.job]
    return earliest_start_day(program.problem, row, pool.site, pool.node.name, pool.fabric.name, period.years)


def start_in(program: Program, period: Period, pool: Pool) -> float:
    """Return the day from which a pool serves in every year of a period, 0 from the start."""
    names = (pool.site, pool.node.name, pool.fabric.name)
    return max(start_day(program.problem, *names, year) for year in period.years)


def windows(program: Program, period: Period) -> Windows:
    """Return (first day, last day) of each job of a period, cut by what comes before and after it."""
    rows = {name: program.problem.training[name] for name in period.jobs}
    found = {name: (row.earliest_start_day, due_day_of(program.problem, row)) for name, row in rows.items()}
    shortest = {name: min((c.days for c in program.candidates.training[name]), default=0.0) for name in rows}
    for _ in rows:  # a chain is no longer than there are jobs
        for later in rows:
            for earlier in before(program, period, later):
                start = found[earlier][0] + shortest[earlier]
                found[later] = (max(found[later][0], start), found[later][1])
                end = found[later][1] - shortest[later]
                found[earlier] = (found[earlier][0], min(found[earlier][1], end))
    return found


def link(program: Program, period: Period, choices: list[tuple[TrainingCandidate, Any]]) -> None:
    """Let the first run of each job start after a run of those before it, in time for its end."""
    pairs = [(earlier, later) for later in period.jobs for earlier in before(program, period, later)]
    linked = sorted({name for pair in pairs for name in pair})
    days: dict[str, Any] = {}
    for name in linked:
        row = program.problem.training[name]
        mine = [(c, v) for c, v in choices if c.job == name]
        variables = [v for _, v in mine]
        due = due_day_of(program.problem, row)
        first = program.var("first", (name, period.index), ub=due)
        days[name] = linear([c.days for c, _ in mine], variables)
        starts = [first_day(program, period, c) for c, _ in mine]
        program.require("first_data", (name, period.index), first >= linear(starts, variables))
        program.require(
            "first_due",
            (name, period.index),
            first + days[name] <= due,
            row=f"training.csv: {name} due_day",
            sentence=f"{name} ends by day {due:g}, after what comes before it",
        )
    for earlier, later in pairs:
        first = program.model.first
        program.require(
            "after",
            (later, earlier, period.index),
            first[later, period.index] >= first[earlier, period.index] + days[earlier],
            row=f"training.csv: {later} after",
            sentence=f"{later} starts after {earlier} is done",
        )
