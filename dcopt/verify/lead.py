"""Lead times: everything that is bought was ordered in time, and by which day (`dcopt.problem.lead`)."""

from __future__ import annotations

from dcopt.design.records import Design
from dcopt.economics.orders import with_orders
from dcopt.problem.epochs import epochs_of
from dcopt.problem.lead import can_stand_from
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that what is bought can stand from its year on, and the days by which it is ordered."""
    if design.assets:
        bought = {(a.site, a.table, a.name, a.bought_year) for a in design.assets if a.bought_year}
    else:
        bought = {(line.site, line.table, line.item, line.year) for line in design.bom_lines if line.year == 1}
    years = {epoch.first_year: epoch.years for epoch in epochs_of(problem)}
    for site, table, name, year in sorted(bought):
        stands = year not in years or can_stand_from(problem, site, table, name, years[year])
        place = f"{name} at {site} bought for year {year}"
        checker.holds(place, stands, "it stands in time", "ordered on order_day it comes too late (leads.csv)")
    for line, known in zip(design.bom_lines, with_orders(problem, design.bom_lines), strict=True):
        checker.same(
            f"bom {line.site} year {line.year} {line.item} order_by_day", line.order_by_day, known.order_by_day
        )
