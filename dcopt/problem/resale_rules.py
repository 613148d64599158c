"""Resale values that no market pays: more for a used unit than for a new one, or more for an older than a younger."""

from __future__ import annotations

from collections.abc import Iterator

from dcopt.problem.epochs import last_price, price_in
from dcopt.problem.findings import Finding
from dcopt.problem.problem import Problem
from dcopt.problem.tables.year_rows import Ageing

MORE = 1.005
"""A used unit must bring this much more than a new one costs to be remarked: prices are rounded."""


def resale_warnings(problem: Problem) -> tuple[Finding, ...]:
    """Return a warning for each row of `ageing.csv` whose resale value cannot be meant."""
    return (*_rising(problem), *_above_new(problem))


def _finding(problem: Problem, key: str, row: Ageing, message: str) -> Finding:
    file, _, line = problem.user_lines.get(("ageing", key), "ageing.csv").rpartition(":")
    known = file and line.isdigit()
    return Finding(
        "warning",
        file if known else "ageing.csv",
        message,
        line=int(line) if known else None,
        column="resale_pct",
        value=f"{row.resale_pct:g}",
    )


def _rising(problem: Problem) -> Iterator[Finding]:
    """An older unit brings no more than a younger one."""
    for key, row in problem.ageing.items():
        younger = [
            other
            for other in problem.ageing.values()
            if (other.table, other.name) == (row.table, row.name) and other.age_years < row.age_years
        ]
        before = max(younger, key=lambda other: other.age_years, default=None)
        if before is not None and row.resale_pct > before.resale_pct:
            yield _finding(
                problem,
                key,
                row,
                f"is more than the {before.resale_pct:g} % that a unit of {before.age_years} years brings: "
                "let what a unit brings fall with its age",
            )


def _above_new(problem: Problem) -> Iterator[Finding]:
    """A used unit brings no more than a new one of its kind costs on the day on which it is sold."""
    for key, row in problem.ageing.items():
        worst: tuple[float, str, int, float, float] | None = None
        for name, site, bought in _purchases(problem, row):
            sold = bought + row.age_years
            paid = price_in(problem, row.table, name, site, bought)
            new = last_price(problem, row.table, name, site, sold)
            if paid is None or not new or sold > problem.settings.horizon_years:
                continue
            brings = paid * row.resale_pct / 100
            if brings > new * MORE and (worst is None or brings / new > worst[0]):
                worst = (brings / new, name, bought, brings, new)
        if worst is not None:
            _, name, bought, brings, new = worst
            yield _finding(
                problem,
                key,
                row,
                f"a {name} bought in year {bought} would bring USD {brings:,.0f} at the start of year "
                f"{bought + row.age_years}, when a new one costs USD {new:,.0f}: nobody pays that; lower resale_pct, "
                "or let the price fall less (offers.csv price_change_pct_per_year, prices.csv)",
            )


def _purchases(problem: Problem, row: Ageing) -> Iterator[tuple[str, str, int]]:
    """Yield (row, site, year) of every purchase that an age may follow on; a name's own rows go before the table's."""
    own = {other.name for other in problem.ageing.values() if other.table == row.table and other.name is not None}
    names = [row.name] if row.name is not None else [n for n in problem.tables[row.table] if n not in own]
    for name in names:
        for site, place in problem.sites.items():
            for year in problem.settings.purchase_dates if place.kind != "cloud" else ():
                yield str(name), site, year
