"""Rows of the tables as money sees them over the years: prices, lifetime, upkeep, and what age does to them."""

from __future__ import annotations

import math
from typing import Any

from dcopt.economics.stock import Age, Item
from dcopt.problem.epochs import BUILDING, last_price, price_in
from dcopt.problem.problem import Problem

WITH_UPKEEP = ("nodes", "switches", "storage", "solar")
"""Tables whose rows are supported or maintained at a share of their price."""


def item_of(problem: Problem, site: str, table: str, name: str) -> Item:
    """Return the item that a row is at a site. Raises KeyError where there is no such row."""
    years = range(1, problem.settings.horizon_years + 1)
    prices = {year: price_in(problem, table, name, site, year) for year in years}
    known = {year: price for year, price in prices.items() if price is not None}
    if table == BUILDING:
        return Item(known, problem.sites[name].building_lifetime_years)
    row: Any = problem.tables[table][name]
    sunk = last_price(problem, table, name, site, 1)
    keeps = table in WITH_UPKEEP
    return Item(
        prices=known,
        lifetime_years=float(row.lifetime_years),
        support_pct=getattr(row, "support_pct_per_year", 0.0) if keeps else 0.0,
        maintenance_pct=getattr(row, "maintenance_pct_per_year", 0.0) if keeps else 0.0,
        ages=ages_of(problem, table, name),
        sunk_price_usd=float(getattr(row, "price_usd", None) or 0.0) if sunk is None else sunk,
    )


def ages_of(problem: Problem, table: str, name: str) -> tuple[Age, ...]:
    """Return what `ageing.csv` says of a row, or else of its table, by age."""
    of_table = [row for row in problem.ageing.values() if row.table == table]
    rows = [row for row in of_table if row.name == name] or [row for row in of_table if row.name is None]
    rows.sort(key=lambda row: row.age_years)
    return tuple(Age(row.age_years, row.resale_pct, row.maintenance_pct, row.out_pct) for row in rows)


def age_of_existing(age_years: float | None) -> float:
    """Return the age of existing units as stays count it: blank means that they last."""
    return math.inf if age_years is None else age_years
