"""By which day everything is ordered, and from which day on sites and pools serve; only where order_day is stated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcopt.design.records import Design
from dcopt.problem.lead import lead_days, pool_ready_day, site_ready_day, stood
from dcopt.report.blocks import Block, Section, Text, table
from dcopt.report.numbers import number

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem


def orders_section(design: Design, problem: Problem | None) -> Section | None:
    """Return the orders by their day; None where nothing says when orders can be placed."""
    if problem is None or problem.settings.order_day is None or not design.bom_lines:
        return None
    return Section("orders", "By when to order", (_note(problem), _orders(design, problem), *_ready(design, problem)))


def _note(problem: Problem) -> Block:
    return Text(
        "Days count from the start of year 1; what is negative is before it. The first orders can be placed on day "
        f"{number(problem.settings.order_day, 6)} (settings.csv order_day). Everything is paid for at the start of the "
        "year for which it is bought."
    )


def _orders(design: Design, problem: Problem) -> Block:
    lines = sorted(
        (line for line in design.bom_lines if line.order_by_day is not None),
        key=lambda line: (line.order_by_day or 0.0, line.site, line.category, line.item),
    )
    rows = [
        (
            number(line.order_by_day, 6),
            str(line.year),
            line.site,
            "building" if line.table == "sites" else line.item,
            number(line.quantity, 6),
            number(
                problem.sites[line.site].construction_days
                if line.table == "sites"
                else lead_days(problem, line.site, line.table, line.item),
                6,
            ),
            number(problem.sites[line.site].commissioning_days, 6),
        )
        for line in lines
    ]
    head = (">order by day", ">for year", "site", "what", ">units", ">lead time (days)", ">commissioning (days)")
    return table("Orders, the earliest first", head, rows)


def _ready(design: Design, problem: Problem) -> tuple[Block, ...]:
    """Return from which day each site and pool serves, where that is after the start."""
    pools = dict.fromkeys((p.site, p.node, p.fabric) for p in design.pools if not p.rented)
    rows = []
    for site, node, fabric in pools:
        day = 0.0 if stood(problem, site, "nodes", node) else pool_ready_day(problem, site, node, fabric)
        if day > 0:
            rows.append((site, node, fabric, number(site_ready_day(problem, site), 6), number(day, 6)))
    head = ("site", "node", "fabric", ">site is ready on day", ">nodes serve from day")
    return (table("What stands only after the start of year 1", head, rows),) if rows else ()
