"""The calendar: a Gantt chart of every run of every job, what waits for what, and when services follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dcopt.design.records import CalendarEntry, Design, TrainingRecord
from dcopt.report.blocks import Block, Section, Span, Text, Timeline, table
from dcopt.report.context import Context
from dcopt.report.numbers import number, year_groups

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

Records = Mapping[tuple[str, int], TrainingRecord]

_JOB_HEADERS = (
    "job",
    "pool",
    "after",
    ">priority",
    "hours (UTC)",
    ">runs",
    ">nodes",
    ">first start (day)",
    ">last end (day)",
    ">due (day)",
    ">node-days",
)


def calendar_section(context: Context) -> Section:
    """Return when each run of each job takes place, on which pool and after what, and when services follow."""
    design, problem = context.design, context.problem
    if not design.calendar:
        return Section("calendar", "Calendar", (Text("No runs are to be scheduled."),))
    blocks: list[Block] = []
    records = {(record.job, record.year): record for record in design.training}
    for years, entries in year_groups(design.calendar, _identity):
        when = f"year {years}" if years.isdigit() else f"years {years}"
        blocks.append(_gantt(f"Runs in {when}", entries, design, problem))
        blocks.append(table(f"Jobs in {when}", _JOB_HEADERS, _job_rows(entries, records, problem)))
        if services := _service_rows(entries, problem):
            columns = ("service", "after", ">in use from (day)", ">asked (day)")
            blocks.append(table(f"Services that wait for jobs in {when}", columns, services))
        rows = [
            (
                entry.job,
                number(entry.run),
                number(entry.start_day, 4),
                number(entry.end_day, 4),
                str(entry.nodes),
                entry.pool,
            )
            for entry in entries
        ]
        headers = ("job", ">run", ">start (day)", ">end (day)", ">nodes", "pool")
        blocks.append(table(f"Every run in {when}", headers, rows, is_detail=True))
    return Section("calendar", "Calendar", tuple(blocks))


def hours_text(hours: Sequence[int]) -> str:
    """Write hours of the day that follow each other; '' where none are named."""
    return f"{hours[0]} to {(hours[-1] + 1) % 24 or 24}" if hours else ""


def _identity(entry: CalendarEntry) -> object:
    return (entry.job, entry.run, entry.start_day, entry.end_day, entry.pool, entry.nodes)


def _in_order(entries: list[CalendarEntry], problem: Problem | None) -> list[str]:
    """Return the jobs by their first start, each after those that it waits for."""
    names = list(dict.fromkeys(e.job for e in sorted(entries, key=lambda e: (e.start_day, e.job))))
    order: list[str] = []
    while len(order) < len(names):
        left = [name for name in names if name not in order]
        ready = [name for name in left if not any(other in left for other in _after(problem, name))]
        order.append((ready or left)[0])
    return order


def _after(problem: Problem | None, job: str) -> tuple[str, ...]:
    return problem.training[job].after if problem is not None and job in problem.training else ()


def _job_rows(entries: list[CalendarEntry], records: Records, problem: Problem | None) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for job in _in_order(entries, problem):
        of_job = [entry for entry in entries if entry.job == job]
        row = None if problem is None else problem.training.get(job)
        for pool in dict.fromkeys(entry.pool for entry in of_job):
            runs = [entry for entry in of_job if entry.pool == pool]
            record = records[job, runs[0].year]
            rows.append(
                (
                    job,
                    pool,
                    " ".join(_after(problem, job)),
                    number(row.priority) if row is not None and row.priority else "",
                    hours_text(record.hours),
                    number(len(runs)),
                    number(max(run.nodes for run in runs)),
                    number(min(run.start_day for run in runs), 4),
                    number(max(run.end_day for run in runs), 4),
                    number(row.due_day) if row is not None and row.due_day < 365 else "",
                    number(sum(run.nodes for run in runs) * record.node_days),
                )
            )
    return rows


def _service_rows(entries: list[CalendarEntry], problem: Problem | None) -> list[tuple[str, ...]]:
    ends = {entry.job: max(e.end_day for e in entries if e.job == entry.job) for entry in entries}
    waiting = [] if problem is None else [row for row in problem.inference.values() if set(row.after) & set(ends)]
    return [
        (
            row.name,
            " ".join(row.after),
            number(max(ends[job] for job in row.after if job in ends), 4),
            number(row.first_day),
        )
        for row in waiting
    ]


def _gantt(title: str, entries: list[CalendarEntry], design: Design, problem: Problem | None) -> Timeline:
    """Return a lane for each job in the order in which they wait for each other, then one for each that follows."""
    hours = {record.job: hours_text(record.hours) for record in design.training}
    lanes: list[tuple[str, tuple[Span, ...]]] = []
    for job in _in_order(entries, problem):
        spans = []
        for entry in (e for e in entries if e.job == job):
            text = (
                f"run {entry.run}: day {number(entry.start_day, 4)} to {number(entry.end_day, 4)}, {entry.nodes} nodes"
            )
            if hours.get(job):
                text += f", {hours[job]} h UTC"
            if _after(problem, job):
                text += f", after {' and '.join(_after(problem, job))}"
            spans.append(Span(entry.start_day, entry.end_day, text))
        lanes.append((job, tuple(spans)))
    days = max([365.0, *(entry.end_day for entry in entries)])
    for name, after, first, _ in _service_rows(entries, problem):
        start = max(e.end_day for e in entries if e.job in after.split())
        lanes.append((name, (Span(start, days, f"in use from day {first}, after {after}"),)))
    return Timeline(title, days, tuple(lanes))
