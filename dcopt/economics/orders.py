"""By which day each line of a bill of materials must be ordered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from dcopt.design.records import BomLine
from dcopt.problem.lead import order_by_day
from dcopt.problem.problem import Problem
from dcopt.problem.tables.year_rows import LEAD_TABLES

ORDERED = (*get_args(LEAD_TABLES), "halls", "sites")
"""Tables of which `leads.csv`, or the row itself, may say how long they take."""


def with_orders(problem: Problem, lines: Iterable[BomLine]) -> tuple[BomLine, ...]:
    """Return the lines with the day by which each is ordered, from the start of year 1; None where it takes no time."""
    found = []
    for line in lines:
        day = None
        if line.table in ORDERED:
            begin = order_by_day(problem, line.site, line.table, line.item, line.year)
            day = begin if problem.settings.order_day is not None else None
        found.append(line.model_copy(update={"order_by_day": day}))
    return tuple(found)
