"""Every training job: its predicted days, its promises, and the calendar, replayed event by event."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import cast

from dcopt.design.records import CalendarEntry, Design, TrainingRecord, pool_key
from dcopt.infrastructure.staging import earliest_start_day
from dcopt.performance.compatibility import cluster_for, computes_in, runs_on
from dcopt.performance.expected import Expectations, expectations_of
from dcopt.performance.goodput import checkpoint_gb, goodput
from dcopt.performance.night import handover_s, lost_s, night_run
from dcopt.performance.training import Layout, predict_step
from dcopt.performance.training_records import Recompute, Sharding
from dcopt.performance.workloads import (
    DAYS_PER_YEAR,
    TRAINING_LOSS_PCT,
    ingest_gb_per_s,
    node_mtbf_hours,
    production_factor,
    run_days,
    run_of,
)
from dcopt.problem.day import ALL_DAY
from dcopt.problem.demand import due_day_of, is_alive, job_in
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.building_rows import HOURS_PER_DAY
from dcopt.verify.checker import Checker
from dcopt.verify.night import held_at


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that every job runs as stated, in every one of its years, within its promises."""
    horizon = problem.settings.horizon_years
    stated = [(record.job, record.year) for record in design.training]
    due = [
        (job.name, year) for year in problem.years for job in problem.training.values() if is_alive(job, year, horizon)
    ]
    checker.same("training: jobs and years", sorted(stated), sorted(due))
    expectations = expectations_of(problem)
    for record in design.training:
        if record.job in problem.training:
            _record(problem, record, checker, expectations)
    _node_days(problem, design, checker)
    _calendar(problem, design, checker)


def layout_of(record: TrainingRecord) -> Layout:
    """Return the layout that a record states."""
    return Layout(
        tensor=record.tensor,
        pipeline=record.pipeline,
        data=record.data,
        expert=record.expert,
        context=record.context,
        virtual_stages=record.virtual_stages,
        micro_batch=record.micro_batch,
        recompute=cast(Recompute, record.recompute),
        sharding=cast(Sharding, record.sharding),
    )


def _record(problem: Problem, record: TrainingRecord, checker: Checker, expectations: Expectations) -> None:
    place = f"training {record.job} year {record.year}"
    job = job_in(problem, problem.training[record.job], record.year)
    run = run_of(job, problem)
    node = problem.nodes[record.node]
    software = problem.software[record.software]
    layout = layout_of(record)
    try:
        step = predict_step(
            run.task,
            cluster_for(problem, record.node, record.fabric, job.requires),
            layout,
            record.precision,
            software,
        )
    except ValueError as error:
        checker.holds(f"{place} layout", False, "a layout that runs", str(error))
        return
    mtbf_hours = node_mtbf_hours(problem, record.node, record.fabric)
    kept = goodput(record.nodes, mtbf_hours, record.checkpoint_gb, record.checkpoint_gb_per_s)
    slower = production_factor(job, record.nodes)
    expected = expectations.training(
        job, record.node, record.fabric, record.precision, record.software, record.nodes, layout
    )
    alone = run_days(run.steps, record.step_s * record.time_factor, record.goodput, slower)
    fastest = alone / max(1.0, record.time_factor)
    days = _elapsed(problem, record, kept.checkpoint_write_s, alone, checker)
    for name, stated, found in (
        ("step_s", record.step_s, step.step_s),
        ("tflops_per_accelerator", record.tflops_per_accelerator, step.tflops_per_accelerator),
        ("mfu", record.mfu, step.mfu),
        ("memory_gb", record.memory_gb, step.memory_gb),
        ("accelerators", record.accelerators, step.accelerators),
        ("accelerators", record.accelerators, record.nodes * node.accelerators),
        ("tokens", record.tokens, run.tokens),
        ("checkpoint_gb", record.checkpoint_gb, checkpoint_gb(run.task.model, job.optimizer, job.method)),
        ("goodput", record.goodput, kept.fraction),
        ("production_factor", record.production_factor, slower),
        ("interruptions_per_day", record.interruptions_per_day, kept.interruptions_per_day),
        ("checkpoint_interval_s", record.checkpoint_interval_s, kept.checkpoint_interval_s),
        ("days", record.days, days),
        ("ingest_gb_per_s", record.ingest_gb_per_s, ingest_gb_per_s(run, fastest)),
        ("time_factor", record.time_factor, expected.factor),
        ("deadline_days", record.deadline_days, job.deadline_days),
        ("runs_per_year", record.runs_per_year, job.runs_per_year),
    ):
        checker.equal(f"{place} {name}", float(stated), float(found))
    for part in sorted(set(step.breakdown) | set(record.breakdown_s)):
        checker.equal(f"{place} breakdown_s {part}", record.breakdown_s.get(part), step.breakdown.get(part))
    checker.holds(f"{place} memory_gb", step.fits, "a layout that fits the memory", "it does not fit")
    checker.at_most(f"{place} days", record.days, job.deadline_days, "deadline_days")
    _allowed(problem, record, checker, place)


def _elapsed(problem: Problem, record: TrainingRecord, write_s: float, alone_days: float, checker: Checker) -> float:
    """Check what a run that is confined to some hours of the day loses every night; return its elapsed days."""
    place = f"training {record.job} year {record.year}"
    if not record.hours:
        checker.same(f"{place} nights, lost_s", (record.nights, record.lost_s), (0, 0.0))
        checker.equal(f"{place} running_days", record.running_days, alone_days)
        return alone_days
    hours = record.hours
    follow = all((b - a) % HOURS_PER_DAY == 1 for a, b in pairwise(hours)) and len(set(hours)) == len(hours) < 24
    checker.holds(f"{place} hours", follow, f"{hours}", "hours that follow each other")
    checker.holds(f"{place} hours", problem.training[record.job].preemptible, f"{hours}", "it is not preemptible")
    checker.holds(f"{place} hours", problem.sites[record.site].kind != "cloud", f"{hours}", "its nodes are rented")
    lost = lost_s(write_s, handover_s(problem))
    run = night_run(alone_days, len(hours), lost)
    checker.equal(f"{place} lost_s", record.lost_s, lost)
    if run is None:
        checker.holds(f"{place} hours", False, f"{len(hours)} hours", "nothing is left of them")
        return alone_days
    checker.same(f"{place} nights", record.nights, run.nights)
    checker.equal(f"{place} running_days", record.running_days, run.running_days)
    return run.days


def _allowed(problem: Problem, record: TrainingRecord, checker: Checker, place: str) -> None:
    job = problem.training[record.job]
    accelerator = problem.accelerators[problem.nodes[record.node].accelerator]
    software = problem.software[record.software]
    checker.holds(f"{place} precision", record.precision in job.precisions, record.precision, "it is not allowed")
    checker.holds(f"{place} site", not job.sites or record.site in job.sites, record.site, "it is not allowed")
    fits = runs_on(software, accelerator, "training") and computes_in(software, record.precision)
    available = record.software in offered(problem, "software", record.site)
    checker.holds(f"{place} software", fits and available, record.software, "it does not run there")
    if job.max_quality_loss_pct is not None:
        loss = TRAINING_LOSS_PCT.get(record.precision, 0.0)
        checker.at_most(f"{place} precision", loss, job.max_quality_loss_pct, "max_quality_loss_pct")


def _node_days(problem: Problem, design: Design, checker: Checker) -> None:
    used: dict[tuple[str, int, int], float] = defaultdict(float)
    for record in design.training:
        job = problem.training[record.job]
        key = pool_key(record)
        held = job.runs_per_year * job.overhead_factor * record.nodes * (record.nights or record.days)
        for hour in record.hours or ALL_DAY:
            used[key, record.year, hour] += held
    limit = DAYS_PER_YEAR * problem.settings.schedulable_pct / 100
    for pool in design.pools:
        key = pool_key(pool)
        for hour in ALL_DAY:
            if not pool.rented and (key, pool.year, hour) in used:
                free = pool.nodes - pool.spares - held_at(pool, hour)
                place = f"pool {key} year {pool.year} hour {hour} node-days"
                checker.at_most(place, used[key, pool.year, hour], limit * free, "node-days")


def _calendar(problem: Problem, design: Design, checker: Checker) -> None:
    """Check every run of every job, then replay the starts of each pool and year."""
    runs: dict[tuple[str, int], list[CalendarEntry]] = defaultdict(list)
    for entry in design.calendar:
        runs[entry.job, entry.year].append(entry)
    for record in design.training:
        entries = sorted(runs.pop((record.job, record.year), []), key=lambda entry: entry.run)
        place = f"calendar {record.job} year {record.year}"
        checker.same(f"{place} runs", [entry.run for entry in entries], list(range(1, record.runs_per_year + 1)))
        job = problem.training[record.job]
        where = (record.site, record.node, record.fabric)
        first_day = earliest_start_day(problem, job, *where, (record.year,))
        for entry in entries:
            checker.equal(f"{place} run {entry.run} days", entry.end_day - entry.start_day, record.days)
            checker.at_most(f"{place} run {entry.run} end_day", entry.end_day, due_day_of(problem, job), "due_day")
            checker.at_most(
                f"{place} run {entry.run} start_day",
                first_day,
                entry.start_day,
                "earliest_start_day, pool and data there",
            )
            if record.hours:
                part = (entry.start_day - record.hours[0] / HOURS_PER_DAY) % 1.0
                checker.equal(f"{place} run {entry.run} hour of its start", min(part, 1 - part), 0.0, near_zero=1e-6)
            checker.same(f"{place} run {entry.run} nodes", entry.nodes, record.nodes)
            checker.same(f"{place} run {entry.run} pool", entry.pool, pool_key(record))
        if entries:
            first = min(entry.start_day for entry in entries)
            checker.equal(f"training {record.job} year {record.year} start_day", record.start_day, first)
    checker.same("calendar: runs of jobs that do not run", sorted(runs), [])
    _order(problem, design, checker)
    for pool in design.pools:
        key = pool_key(pool)
        entries = [entry for entry in design.calendar if (entry.pool, entry.year) == (key, pool.year)]
        hours_of = {r.job: r.hours or ALL_DAY for r in design.training if (pool_key(r), r.year) == (key, pool.year)}
        for moment in {entry.start_day for entry in entries}:
            running = [e for e in entries if e.start_day <= moment + 1e-9 and e.end_day > moment + 1e-9]
            for hour in ALL_DAY:
                at_once = sum(entry.nodes for entry in running if hour in hours_of.get(entry.job, ALL_DAY))
                free = pool.nodes - pool.spares - held_at(pool, hour)
                place = f"calendar {key} year {pool.year} day {moment:g} hour {hour}"
                if at_once:
                    checker.at_most(place, at_once, free, "nodes of the pool")


def _order(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that what comes after other jobs starts when they are done: run by run where both run equally often."""
    runs: dict[tuple[str, int], dict[int, CalendarEntry]] = defaultdict(dict)
    for entry in design.calendar:
        runs[entry.job, entry.year][entry.run] = entry
    for (name, year), later in runs.items():
        for before in problem.training[name].after if name in problem.training else ():
            earlier = runs.get((before, year), {})
            paired = len(earlier) == len(later)
            for number, entry in later.items():
                ends = [e.end_day for run, e in earlier.items() if run == number or not paired]
                place = f"calendar {name} year {year} run {number} after {before}"
                checker.at_most(place, max(ends, default=0.0), entry.start_day, "start_day")
