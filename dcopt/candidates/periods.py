"""Years in which the same is asked are one period (formulation.md, point 1).

Where jobs may run on nodes under commitments each year is one: commitments may end between years that ask the same.
"""

from __future__ import annotations

from dcopt.candidates.records import Period
from dcopt.problem.demand import is_alive, job_in, load_in
from dcopt.problem.lead import starts_in
from dcopt.problem.problem import Problem


def periods_of(problem: Problem) -> tuple[Period, ...]:
    """Return the periods of the years looked at: years with the same jobs and loads are merged.

    Unless what is ordered late stands in one and not yet in the other (`dcopt.problem.lead`).
    """
    horizon = problem.settings.horizon_years
    merged: dict[tuple[object, ...], list[int]] = {}
    for year in problem.years:
        alive = [job for job in problem.training.values() if is_alive(job, year, horizon)]
        jobs = tuple(job.name for job in alive)
        work = tuple((row.tokens, row.samples, row.runs_per_year) for row in (job_in(problem, j, year) for j in alive))
        loads = tuple(
            (service.name, *load_in(problem, service, year))
            for service in problem.inference.values()
            if is_alive(service, year, horizon)
        )
        apart = year if jobs and problem.commitments else None
        key = (jobs, loads, work, apart, starts_in(problem, year))
        merged.setdefault(key, []).append(year)
    return tuple(
        Period(index, tuple(years), jobs, loads)  # type: ignore[arg-type]
        for index, ((jobs, loads, *_), years) in enumerate(merged.items())
    )
