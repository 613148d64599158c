"""Training: each job takes one candidate in each period in which it runs.

    Σ_c y[j,c,t] = 1
    Σ_{c in p} nodes_c·y[j,c,t] + hosts[p,t] ≤ work[p]                              a job fits beside the services
    Σ_{j,c in p} runs·overhead·nodes_c·days_c·y[j,c,t] ≤ 365·schedulable·(work[p] − hosts[p,t])
    Σ_{jobs with window in [a,b]} runs·nodes·days·y ≤ (b − a)·(work[p] − hosts[p,t])   each interval of windows

Where services leave nodes free in some hours of the day (block night), ``hosts`` and the three rows are those of each
such band of hours, over the candidates that run in it; runs on nodes under commitments have rows of their own, with the
nodes that are kept for them (block commitments). Jobs that come after each other: `dcopt.formulation.precedence`,
which also cuts the windows.

``hosts`` are the whole nodes that services hold (block serving). What these admit and no calendar can keep is cut off
by the pipeline's loop over calendars.
"""

from __future__ import annotations

from typing import Any

from dcopt.candidates.records import Period, TrainingCandidate
from dcopt.design.records import TrainingRecord
from dcopt.formulation import commitments, precedence
from dcopt.formulation.expressions import linear, total, whole
from dcopt.formulation.night import Holding, holdings
from dcopt.formulation.program import Program
from dcopt.performance.workloads import DAYS_PER_YEAR, HOURS_PER_YEAR


def declare(program: Program) -> None:
    """Declare the choice of each job, with its rent, licences and power."""
    for period in program.candidates.periods:
        for job in period.jobs:
            for index, candidate in enumerate(program.candidates.training[job]):
                if not candidate.is_asked_in(period.years):
                    continue
                choice = program.var("train", (job, index, period.index), ub=1, binary=True)
                program.choices.setdefault(period.index, []).append((candidate, choice))
                _running(program, period, candidate, choice)


def node_days(program: Program, candidate: TrainingCandidate) -> float:
    """Return the node-days in which a candidate runs in a year, all runs and their overhead included."""
    job = program.problem.training[candidate.job]
    return candidate.runs * job.overhead_factor * candidate.nodes * candidate.running_days


def _running(program: Program, period: Period, candidate: TrainingCandidate, choice: Any) -> None:
    pool = candidate.pool
    used = node_days(program, candidate)
    share = used / candidate.nodes / DAYS_PER_YEAR
    program.pay(pool.site, "licences", share * choice, candidate.licence_usd_per_year, period.years)
    if pool.rented and candidate.committed:
        commitments.declare_kept(program, pool, period)
        return
    if pool.rented:
        program.pay(pool.site, "rent", used * 24 * choice, pool.rent_usd_per_hour, period.years)
        return
    hours = DAYS_PER_YEAR * len(candidate.hours) if candidate.hours else HOURS_PER_YEAR
    extra_kw = used * 24 / hours * (candidate.node_kw - pool.node.standby_kw)
    for piece in program.slices_of(period):
        if candidate.runs_in(piece.hours):
            program.draw(pool, piece, extra_kw * choice)


def chosen(program: Program, period: Period) -> list[tuple[TrainingCandidate, Any]]:
    """Return every (candidate, variable) of a period."""
    return program.choices.get(period.index, [])


def link(program: Program) -> None:
    """Give every job one candidate, and keep the jobs of a pool within its nodes and node-days."""
    for period in program.candidates.periods:
        choices = chosen(program, period)
        by_job: dict[str, list[Any]] = {}
        by_pool: dict[str, list[tuple[TrainingCandidate, Any]]] = {}
        for candidate, variable in choices:
            by_job.setdefault(candidate.job, []).append(variable)
            by_pool.setdefault(candidate.pool.key, []).append((candidate, variable))
        for job in period.jobs:
            variables = by_job.get(job, [])
            program.require(
                "every_job",
                (job, period.index),
                total(variables) == 1,
                row=f"training.csv: {job} deadline_days",
                sentence=f"job {job} is run within its deadline",
            )
        precedence.link(program, period, choices)
        windows = precedence.windows(program, period)
        for key in program.candidates.pools:
            if key in by_pool:
                _capacity(program, period, key, by_pool[key], windows)


def _capacity(
    program: Program,
    period: Period,
    key: str,
    of_pool: list[tuple[TrainingCandidate, Any]],
    windows: precedence.Windows,
) -> None:
    model = program.model
    held = holdings(program, key, period)
    by_job: dict[str, list[tuple[TrainingCandidate, Any]]] = {}
    for candidate, variable in of_pool:
        by_job.setdefault(candidate.job, []).append((candidate, variable))
    for job, mine in by_job.items():
        program.require("job_opens", (job, key, period.index), total(v for _, v in mine) <= model.open[key])
        for holding in held:
            there = [(c, v) for c, v in mine if holding.covers(c)]
            nodes = linear([float(c.nodes) for c, _ in there], [v for _, v in there])
            room = holding.free(program) if holding.is_scarce(program) else model.work[key]
            if there:
                program.require("job_fits", (job, holding.name, period.index), nodes <= room)
    for holding in (holding for holding in held if holding.is_scarce(program)):
        there = [(c, v) for c, v in of_pool if holding.covers(c)]
        if there:
            _days(program, period, holding, there, windows)


def _days(
    program: Program,
    period: Period,
    holding: Holding,
    choices: list[tuple[TrainingCandidate, Any]],
    all_windows: precedence.Windows,
) -> None:
    """Keep the jobs that run in some hours of a pool within the node-days of the year, and of every interval."""
    free = holding.free(program)
    jobs = program.problem.training
    held = [c.runs * jobs[c.job].overhead_factor * c.nodes * c.held_days for c, _ in choices]
    yearly = DAYS_PER_YEAR * program.problem.settings.schedulable_pct / 100
    program.require("node_days", (holding.name, period.index), linear(held, [v for _, v in choices]) <= yearly * free)
    pool = program.candidates.pools[holding.pool]
    late = precedence.start_in(program, period, pool)
    here = {c.job for c, _ in choices}
    windows = {name: (max(first, late), last) for name, (first, last) in all_windows.items() if name in here}
    for start in sorted({first for first, _ in windows.values()}):
        for end in sorted({last for _, last in windows.values()}):
            inside = {name for name, (first, last) in windows.items() if start <= first and last <= end}
            if not inside or (start, end) == (0.0, DAYS_PER_YEAR):
                continue
            counted = [(c.runs * c.nodes * c.days, v) for c, v in choices if c.job in inside]
            used = linear([days for days, _ in counted], [v for _, v in counted])
            names = " and ".join(sorted(inside))
            program.require(
                "window",
                (holding.name, period.index, start, end),
                used <= (end - start) * free,
                row=f"training.csv: {sorted(inside)[0]} due_day",
                sentence=f"{names} share {holding.name} between day {start:g} and day {end:g}",
            )


def extract(program: Program) -> list[TrainingRecord]:
    """Return how every job runs; start days are set from the calendar by the pipeline."""
    return [
        _record(program, candidate, year)
        for period in program.candidates.periods
        for candidate, variable in chosen(program, period)
        if whole(variable)
        for year in period.years
    ]


def _record(program: Program, candidate: TrainingCandidate, year: int) -> TrainingRecord:
    job = program.problem.training[candidate.job]
    step, layout = candidate.step, candidate.step.layout
    return TrainingRecord(
        job=candidate.job,
        site=candidate.pool.site,
        node=candidate.pool.node.name,
        fabric=candidate.pool.fabric.name,
        year=year,
        nodes=candidate.nodes,
        accelerators=step.accelerators,
        tensor=layout.tensor,
        pipeline=layout.pipeline,
        data=layout.data,
        expert=layout.expert,
        context=layout.context,
        virtual_stages=layout.virtual_stages,
        micro_batch=layout.micro_batch,
        recompute=layout.recompute,
        sharding=layout.sharding,
        precision=step.precision,
        software=candidate.software,
        days=candidate.days,
        deadline_days=job.deadline_days,
        runs_per_year=candidate.runs,
        tokens=candidate.tokens,
        step_s=step.step_s,
        tflops_per_accelerator=step.tflops_per_accelerator,
        mfu=step.mfu,
        memory_gb=step.memory_gb,
        goodput=candidate.goodput.fraction,
        production_factor=candidate.production_factor,
        interruptions_per_day=candidate.goodput.interruptions_per_day,
        checkpoint_gb=candidate.checkpoint_gb,
        checkpoint_gb_per_s=candidate.checkpoint_gb_per_s,
        checkpoint_interval_s=candidate.goodput.checkpoint_interval_s,
        ingest_gb_per_s=candidate.ingest_gb_per_s,
        breakdown_s=dict(step.breakdown),
        time_factor=candidate.expected.factor,
        start_day=job.earliest_start_day,
        hours=candidate.hours,
        nights=candidate.nights,
        lost_s=candidate.lost_s,
        running_days=candidate.running_days,
        committed=candidate.committed,
    )
