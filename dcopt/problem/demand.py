"""What is asked in each year: which jobs run and what load each service carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dcopt.problem.tables.problem_rows import Dataset, Service, TrainingJob

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem


def is_alive(row: TrainingJob | Service, year: int, horizon_years: int) -> bool:
    """Whether a job or service exists in ``year``: a service whose load has shrunk to nothing does not."""
    if isinstance(row, Service) and year > 1 and row.growth_pct_per_year <= -100:
        return False
    if isinstance(row, TrainingJob) and row.years:
        return str(year) in row.years
    return row.first_year <= year <= (row.last_year or horizon_years)


def job_in(problem: Problem, job: TrainingJob, year: int) -> TrainingJob:
    """Return a job as it is asked in ``year``: with the work and the number of its runs then.

    What `demand.csv` says of the year, or else the growth compounded from the first year in which it runs.
    """
    cells: dict[str, float | int] = {}
    growth = (1 + job.growth_pct_per_year / 100) ** (year - job.begins)
    for name in ("tokens", "samples"):
        amount = getattr(job, name)
        if amount is not None and growth != 1:
            cells[name] = amount * growth
    rows = [row for row in problem.demand.values() if row.name == job.name and row.year <= year]
    for row in sorted(rows, key=lambda row: row.year):
        given = {name: getattr(row, name) for name in ("tokens", "runs_per_year")}
        cells |= {name: value for name, value in given.items() if value is not None}
    return job.model_copy(update=cells) if cells else job


def asked_in(problem: Problem, job: TrainingJob, years: Iterable[int]) -> list[tuple[TrainingJob, tuple[int, ...]]]:
    """Return the job as it is asked in some years, with those in which it is asked so; none where it does not run."""
    horizon = problem.settings.horizon_years
    found: list[tuple[TrainingJob, list[int]]] = []
    for year in years:
        if not is_alive(job, year, horizon):
            continue
        row = job_in(problem, job, year)
        same = next((of for known, of in found if known == row), None)
        if same is None:
            found.append((row, [year]))
        else:
            same.append(year)
    return [(row, tuple(of)) for row, of in found]


def due_day_of(problem: Problem, job: TrainingJob) -> float:
    """Return the day by which all runs of a job end: its own, or the first day of a service that comes after it."""
    waiting = [row.first_day for row in problem.inference.values() if job.name in row.after]
    return min([job.due_day, *(day for day in waiting if day is not None)])


def days_allowed(problem: Problem, job: TrainingJob, start_day: float | None = None) -> float:
    """Return the days that one run may take: its deadline, or its window of the year if that is shorter.

    ``start_day`` is the day from which it may start at a site; None: its ``earliest_start_day``.
    """
    start = job.earliest_start_day if start_day is None else start_day
    return min(job.deadline_days, due_day_of(problem, job) - start)


def given_tb(problem: Problem, dataset: Dataset, year: int) -> float | None:
    """Return the size of a dataset that `demand.csv` gives for ``year``, TB; None where it gives none."""
    rows = [row for row in problem.demand.values() if row.name == dataset.name and row.year <= year]
    return max(rows, key=lambda row: row.year).size_tb if rows else None


def new_tb(problem: Problem, dataset: Dataset, year: int) -> float:
    """Return the TB that come in new in ``year``: all of them in year 1, then the growth."""
    if (given := given_tb(problem, dataset, year)) is not None:
        before = None if year == 1 else given_tb(problem, dataset, year - 1)
        if before is None and year > 1:
            before = dataset.size_tb * (1 + dataset.growth_pct_per_year / 100) ** (year - 2)
        return max(0.0, given - (before or 0.0))
    grown = 1 + dataset.growth_pct_per_year / 100
    before = 0.0 if year == 1 else dataset.size_tb * grown ** (year - 2)
    return max(0.0, dataset.size_tb * grown ** (year - 1) - before)


def mean_requests_per_s(problem: Problem, service: Service) -> float:
    """Return the mean load of a service in year 1, requests/s: of its profile, else as given, else the peak."""
    if service.profile is not None:
        return service.peak_requests_per_s * problem.profiles[service.profile].mean_share
    return service.peak_requests_per_s if service.mean_requests_per_s is None else service.mean_requests_per_s


def load_in(problem: Problem, service: Service, year: int) -> tuple[float, float]:
    """Return (peak with headroom, mean without) of a service in ``year``, requests/s.

    What `demand.csv` says of the year, or else the growth compounded from year 1.
    """
    growth = (1 + service.growth_pct_per_year / 100) ** (year - 1)
    peak, mean = service.peak_requests_per_s * growth, mean_requests_per_s(problem, service) * growth
    rows = [row for row in problem.demand.values() if row.name == service.name and row.year <= year]
    if rows and (last := max(rows, key=lambda row: row.year)).peak_requests_per_s is not None:
        share = mean / peak if peak > 0 else 1.0
        peak = last.peak_requests_per_s
        mean = peak * share if last.mean_requests_per_s is None else last.mean_requests_per_s
    return peak * (1 + service.headroom_pct / 100), mean
