"""What is asked in each year: which jobs run and what load each service carries."""

from __future__ import annotations

from dcopt.problem.tables.problem_rows import Service, TrainingJob


def is_alive(row: TrainingJob | Service, year: int, horizon_years: int) -> bool:
    """Whether a job or service exists in ``year``: a service whose load has shrunk to nothing does not."""
    if isinstance(row, Service) and year > 1 and row.growth_pct_per_year <= -100:
        return False
    return row.first_year <= year <= (row.last_year or horizon_years)


def days_allowed(job: TrainingJob) -> float:
    """Return the days that one run may take: its deadline, or its window of the year if that is shorter."""
    return min(job.deadline_days, job.due_day - job.earliest_start_day)


def load_in(service: Service, year: int) -> tuple[float, float]:
    """Return (peak with headroom, mean without) of a service in ``year``, requests/s; growth compounds from year 1."""
    growth = (1 + service.growth_pct_per_year / 100) ** (year - 1)
    mean = service.peak_requests_per_s if service.mean_requests_per_s is None else service.mean_requests_per_s
    return service.peak_requests_per_s * growth * (1 + service.headroom_pct / 100), mean * growth
