"""Years in which the same is asked are one period (formulation.md, point 1)."""

from __future__ import annotations

from dcopt.candidates.records import Period
from dcopt.problem.demand import is_alive, load_in
from dcopt.problem.lead import starts_in
from dcopt.problem.problem import Problem


def periods_of(problem: Problem) -> tuple[Period, ...]:
    """Return the periods of the years looked at: years with the same jobs and loads are merged.

    Unless what is ordered late stands in one and not yet in the other (`dcopt.problem.lead`).
    """
    horizon = problem.settings.horizon_years
    merged: dict[tuple[object, ...], list[int]] = {}
    for year in problem.years:
        jobs = tuple(job.name for job in problem.training.values() if is_alive(job, year, horizon))
        loads = tuple(
            (service.name, *load_in(problem, service, year))
            for service in problem.inference.values()
            if is_alive(service, year, horizon)
        )
        merged.setdefault((jobs, loads, starts_in(problem, year)), []).append(year)
    return tuple(
        Period(index, tuple(years), jobs, loads)  # type: ignore[arg-type]
        for index, ((jobs, loads, _), years) in enumerate(merged.items())
    )
