"""Lead times: nothing is done on a pool before it stands (`dcopt.problem.lead`).

    Σ_{c in p} replicas[i,c,t] ≤ 0       where pool p serves only from a day after the start of a year of period t
    Σ_{c in p} y[j,c,t] ≤ 0              over the candidates that cannot end in time from that day on

Services ask for their whole load from the first day of a year. The calendar and the intervals between windows (block
training) begin on the day on which the pool serves.
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.candidates.records import Period, TrainingCandidate
from dcopt.formulation.expressions import total
from dcopt.formulation.precedence import first_day, start_in
from dcopt.formulation.program import Program
from dcopt.formulation.training import chosen
from dcopt.problem.demand import days_allowed
from dcopt.problem.tables.building_rows import HOURS_PER_DAY

LATE = 1e-9
"""Days that a run may end after its day."""


def declare(program: Program) -> None:
    """Nothing is declared: what stands too late is only forbidden."""


def link(program: Program) -> None:
    """Forbid what would have to begin on a pool before it stands."""
    for period in program.candidates.periods if program.problem.settings.order_day is not None else ():
        late = {key: start_in(program, period, pool) for key, pool in program.candidates.pools.items()}
        _services(program, period, late)
        _jobs(program, period, late)


def _services(program: Program, period: Period, late: dict[str, float]) -> None:
    for service, _, _ in period.loads:
        waiting: dict[float, list[tuple[str, int, int]]] = {}
        for index, candidate in enumerate(program.candidates.serving[service]):
            if late[candidate.pool.key] > 0:
                waiting.setdefault(late[candidate.pool.key], []).append((service, index, period.index))
        for day, keys in waiting.items():
            program.require(
                "not_yet",
                (service, period.index, day),
                total(program.model.replicas[key] for key in keys) <= 0,
                row="settings.csv: order_day",
                sentence=f"{service} is not served in year {period.years[0]} by nodes that stand from its day {day:g} "
                "on, by their lead times",
            )


def _jobs(program: Program, period: Period, late: dict[str, float]) -> None:
    waiting: dict[tuple[str, float], list[Any]] = {}
    for candidate, variable in chosen(program, period):
        day = late[candidate.pool.key]
        if day > 0 and candidate.days > _allowed(program, period, candidate) + LATE:
            waiting.setdefault((candidate.job, day), []).append(variable)
    for (name, day), variables in waiting.items():
        program.require(
            "not_yet",
            (name, period.index, day),
            total(variables) <= 0,
            row="settings.csv: order_day",
            sentence=f"{name} does not run in year {period.years[0]} on nodes that stand only from its day {day:g} on, "
            "by their lead times, and would end too late",
        )


def _allowed(program: Program, period: Period, candidate: TrainingCandidate) -> float:
    """Return the days that a run may take; what runs in some hours of the day begins with them."""
    start = first_day(program, period, candidate)
    if candidate.hours:
        part = candidate.hours[0] / HOURS_PER_DAY
        start = math.ceil(start - part - LATE) + part
    return days_allowed(program.problem, program.problem.training[candidate.job], start)
