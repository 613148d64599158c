"""What no equipment can be there for in time: obstacles that name the lead time and the ways out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from dcopt.candidates.generate import generate
from dcopt.candidates.records import Candidates, Pool
from dcopt.infrastructure.staging import earliest_start_day
from dcopt.problem.demand import days_allowed, is_alive
from dcopt.problem.lead import DAYS_PER_YEAR, pool_ready_day, slowest, start_day
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Service, TrainingJob


@dataclass(frozen=True)
class Late:
    """A workload that nothing on offer can be there for: its table and row, the year, and by how many days."""

    table: str
    name: str
    year: int
    pool: Pool
    days: float


def late_workloads(problem: Problem, candidates: Candidates) -> list[Late]:
    """Return the workloads that could run were it ordered early enough, and cannot from `order_day` on."""
    if problem.settings.order_day is None:
        return []
    lacking = [name for of in (candidates.training, candidates.serving) for name, found in of.items() if not found]
    if lacking:
        settings = problem.settings.model_copy(update={"order_day": None})
        early = generate(replace(problem, settings=settings))
        ways = {name: found or early.training.get(name, ()) for name, found in candidates.training.items()}
        answers = {name: found or early.serving.get(name, ()) for name, found in candidates.serving.items()}
    else:
        ways, answers = dict(candidates.training), dict(candidates.serving)
    found = []
    for name, runs in ways.items():
        job = problem.training[name]
        found += _of(problem, "training", job, [(c.pool, c.days) for c in runs])
    for name, replicas in answers.items():
        found += _of(problem, "inference", problem.inference[name], [(c.pool, 0.0) for c in replicas])
    return found


def _of(problem: Problem, table: str, row: TrainingJob | Service, ways: Iterable[tuple[Pool, float]]) -> list[Late]:
    """Return the first year of a workload in which every way to run it comes too late, with the least of the delays."""
    known = list({(pool.key, days): (pool, days) for pool, days in ways}.values())
    for year in problem.years if known else ():
        if not is_alive(row, year, problem.settings.horizon_years):
            continue
        delays = [(_delay(problem, row, pool, days, year), pool) for pool, days in known]
        least, pool = min(delays, key=lambda pair: pair[0])
        if least > 1e-9:
            return [Late(table, row.name, year, pool, least)]
    return []


def _delay(problem: Problem, row: TrainingJob | Service, pool: Pool, days: float, year: int) -> float:
    """Return by how many days a pool comes too late for a way to run a workload in a year."""
    names = (pool.site, pool.node.name, pool.fabric.name)
    if start_day(problem, *names, year) == 0.0:
        return 0.0
    late = pool_ready_day(problem, *names) - DAYS_PER_YEAR * (year - 1)
    if isinstance(row, Service):
        return late
    start = earliest_start_day(problem, row, *names, (year,))
    if days <= days_allowed(problem, row, start) + 1e-9:
        return 0.0
    latest = row.earliest_start_day + days_allowed(problem, row) - days
    return max(late - max(0.0, latest), 1e-6)


def words(problem: Problem, late: Late) -> tuple[str, str, str]:
    """Return the row, what is wrong with it, and what would help, for the reader of an answer without a design."""
    names = (late.pool.site, late.pool.node.name, late.pool.fabric.name)
    ready, order = pool_ready_day(problem, *names), problem.settings.order_day or 0.0
    year = math.floor(ready / DAYS_PER_YEAR + 1e-9)
    day = ready - DAYS_PER_YEAR * year
    column = "first_year" if late.table == "inference" else "due_day"
    what = "served" if late.table == "inference" else "done in time"
    wrong = (
        f"it cannot be {what} in year {late.year}: {late.pool.node.name} at {late.pool.site}, ordered on day {order:g} "
        f"(settings.csv order_day), serves from day {day:g} of year {year + 1} on, because {slowest(problem, *names)}"
    )
    begin = math.ceil(ready / DAYS_PER_YEAR - 1e-9) + 1
    later = (
        f"let it begin in year {begin} (first_year)" if late.table == "inference" else "allow a later due_day or year"
    )
    cure = (
        f"Order {math.ceil(late.days - 1e-9):,} days earlier (order_day), offer rows with a shorter lead time "
        f"(leads.csv, construction_days, commissioning_days), nodes for rent at a cloud site, or {later}"
    )
    return f"{late.table}.csv: {late.name} {column}", wrong, cure
