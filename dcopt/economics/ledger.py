"""The ledgers: every block adds its lines here, and every total is derived from the same lines.

``quantity`` is a number or an expression of the program: the functions below only add and multiply, so the objective
(expressions) and the report (numbers) go through the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from dcopt.design.records import CAPITAL_CATEGORIES, RUNNING_CATEGORIES, BomLine, CashYear, Cost
from dcopt.economics.finance import Finance, purchase_years


@dataclass(frozen=True)
class CapitalLine:
    """Something bought in ``year``: ``quantity`` units at ``unit_price_usd``, lasting ``lifetime_years``."""

    site: str
    category: str
    table: str
    row: str
    quantity: Any
    unit_price_usd: float
    lifetime_years: float
    year: int = 1


@dataclass(frozen=True)
class RunningLine:
    """Something paid in each of ``years``: ``quantity`` a year at ``rate_usd``, at the prices of year 1."""

    site: str
    category: str
    quantity: Any
    rate_usd: float
    years: tuple[int, ...]


@dataclass
class Ledger:
    """The capital and running lines of a design."""

    capital: list[CapitalLine] = field(default_factory=list)
    running: list[RunningLine] = field(default_factory=list)

    def buy(self, line: CapitalLine) -> None:
        """Add a purchase."""
        if line.category not in CAPITAL_CATEGORIES:
            raise ValueError(f"unknown capital category {line.category!r}")
        self.capital.append(line)

    def pay(self, line: RunningLine) -> None:
        """Add a running cost; free ones are left out."""
        if line.category not in RUNNING_CATEGORIES:
            raise ValueError(f"unknown running category {line.category!r}")
        if line.rate_usd:
            self.running.append(line)

    def evaluated(self, value: Callable[[Any], float]) -> Ledger:
        """Return the same ledger with every quantity turned into a number by ``value``."""
        return Ledger(
            [replace(line, quantity=value(line.quantity)) for line in self.capital],
            [replace(line, quantity=value(line.quantity)) for line in self.running],
        )


def tco_terms(ledger: Ledger, finance: Finance) -> Iterable[Any]:
    """Yield the discounted cost of each line, USD; their sum is the TCO."""
    for line in ledger.capital:
        yield line.quantity * (line.unit_price_usd * finance.capital_factor(line.lifetime_years))
    for paid in ledger.running:
        yield paid.quantity * (paid.rate_usd * finance.running_factor(paid.category, paid.years))


def capex_terms(ledger: Ledger, finance: Finance) -> Iterable[Any]:
    """Yield the undiscounted purchases of each line, replacements within the horizon included, USD."""
    for line in ledger.capital:
        times = purchase_years(line.lifetime_years, finance.horizon_years)
        yield line.quantity * (line.unit_price_usd * len(times))


def cost_of(ledger: Ledger, finance: Finance) -> Cost:
    """Return the cost by category (discounted) and the cash by year (undiscounted) of a ledger of numbers."""
    capital = dict.fromkeys(CAPITAL_CATEGORIES, 0.0)
    running = dict.fromkeys(RUNNING_CATEGORIES, 0.0)
    bought = dict.fromkeys(range(1, finance.horizon_years + 1), 0.0)
    paid = dict.fromkeys(range(1, finance.horizon_years + 1), 0.0)
    for line in ledger.capital:
        price = line.quantity * line.unit_price_usd
        capital[line.category] += price * finance.capital_factor(line.lifetime_years)
        for time in purchase_years(line.lifetime_years, finance.horizon_years):
            bought[int(time + 1e-9) + 1] += price
    for entry in ledger.running:
        amount = entry.quantity * entry.rate_usd
        running[entry.category] += amount * finance.running_factor(entry.category, entry.years)
        for year in entry.years:
            paid[year] += amount * finance.price_level(entry.category, year)
    cash = tuple(
        CashYear(year=y, capital_usd=bought[y], running_usd=paid[y], total_usd=bought[y] + paid[y]) for y in bought
    )
    return Cost(capital=capital, running=running, cash_by_year=cash)


def tco_usd(cost: Cost) -> float:
    """Return the total of a cost, USD."""
    return sum(cost.capital.values()) + sum(cost.running.values())


def bill_of_materials(ledger: Ledger, finance: Finance) -> tuple[BomLine, ...]:
    """Return the purchases of a ledger of numbers, merged by site, year, item and price.

    Replacements within the horizon are lines of the year in which they are bought.
    """
    merged: dict[tuple[str, int, str, str, str, float], float] = {}
    for line in ledger.capital:
        for time in purchase_years(line.lifetime_years, finance.horizon_years):
            year = int(time + 1e-9) + 1
            key = (line.site, year, line.category, line.table, line.row, line.unit_price_usd)
            merged[key] = merged.get(key, 0.0) + line.quantity
    order = {category: index for index, category in enumerate(CAPITAL_CATEGORIES)}
    lines = []
    for key in sorted(merged, key=lambda k: (k[1], k[0], order[k[2]], k[3], k[4], k[5])):
        site, year, category, table, item, price = key
        quantity = merged[key]
        if abs(quantity) > 1e-9:
            lines.append(
                BomLine(
                    site=site,
                    year=year,
                    category=category,
                    table=table,
                    item=item,
                    quantity=quantity,
                    unit_price_usd=price,
                    total_usd=quantity * price,
                )
            )
    return tuple(lines)
