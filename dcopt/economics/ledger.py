"""The ledgers: every block adds its lines here, and every total is derived from the same lines.

``quantity`` is a number or an expression of the program: the functions below only add and multiply, so the objective
(expressions) and the report (numbers) go through the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dcopt.design.records import CAPITAL_CATEGORIES, RUNNING_CATEGORIES, BomLine, CashYear, Cost, CostYear
from dcopt.economics.finance import Finance, purchase_years
from dcopt.economics.stock import Stay

Kind = Literal["capital", "running"]


@dataclass(frozen=True)
class CapitalLine:
    """``quantity`` units at ``unit_price_usd``, lasting ``lifetime_years``: bought once for all years of the horizon,
    or (``stay``) standing in some of them at prices of their own."""

    site: str
    category: str
    table: str
    row: str
    quantity: Any
    unit_price_usd: float
    lifetime_years: float
    stay: Stay | None = None

    def purchases(self, finance: Finance) -> tuple[tuple[float, float], ...]:
        """Return (time in years from the start, price) of every purchase of one unit, its replacements included."""
        if self.stay is not None:
            return self.stay.paid
        times = purchase_years(self.lifetime_years, finance.horizon_years)
        return tuple((time, self.unit_price_usd) for time in times)

    def unit_cost_usd(self, finance: Finance) -> float:
        """Return the discounted cost of one unit over the horizon."""
        if self.stay is not None:
            return self.stay.capital_usd
        return self.unit_price_usd * finance.capital_factor(self.lifetime_years)


@dataclass(frozen=True)
class RunningLine:
    """Something paid in each of ``years``: ``quantity`` a year at ``rate_usd``, at the prices of year 1."""

    site: str
    category: str
    quantity: Any
    rate_usd: float
    years: tuple[int, ...]


@dataclass(frozen=True)
class Payment:
    """A fixed sum, USD of its year, paid at the end of ``year`` or at its start: no price level moves it."""

    year: int
    usd: float
    at_start: bool = False

    def discounted_usd(self, finance: Finance) -> float:
        """Return its present value."""
        return self.usd * (1 + finance.rate) ** -(self.year - self.at_start)


@dataclass(frozen=True)
class ContractLine:
    """``quantity`` units of a running cost whose payments a contract fixes."""

    site: str
    category: str
    quantity: Any
    payments: tuple[Payment, ...]

    def unit_cost_usd(self, finance: Finance) -> float:
        """Return the discounted cost of one unit."""
        return sum(payment.discounted_usd(finance) for payment in self.payments)


@dataclass(frozen=True)
class RebateLine:
    """``quantity`` of the units bought at the start of ``year`` are paid at ``price_usd``, not at the list price.

    ``is_sold`` says that they are sold before the horizon, so that nothing of their price is left at its end.
    """

    site: str
    category: str
    table: str
    row: str
    quantity: Any
    year: int
    list_price_usd: float
    price_usd: float
    lifetime_years: float
    is_sold: bool

    @property
    def unit_usd(self) -> float:
        """What one unit is cheaper, undiscounted."""
        return self.list_price_usd - self.price_usd

    def unit_saving_usd(self, finance: Finance) -> float:
        """Return the discounted saving of one unit."""
        time = float(self.year - 1)
        if self.is_sold:
            return self.unit_usd * float((1 + finance.rate) ** -time)
        return self.unit_usd * finance.purchase_factor(time, self.lifetime_years)


@dataclass
class Ledger:
    """The capital and running lines of a design, and the contracts that it enters."""

    capital: list[CapitalLine] = field(default_factory=list)
    running: list[RunningLine] = field(default_factory=list)
    contracts: list[ContractLine] = field(default_factory=list)
    rebates: list[RebateLine] = field(default_factory=list)

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

    def enter(self, line: ContractLine) -> None:
        """Add a contract; its cost is a running one."""
        if line.category not in RUNNING_CATEGORIES:
            raise ValueError(f"unknown running category {line.category!r}")
        self.contracts.append(line)

    def evaluated(self, value: Callable[[Any], float]) -> Ledger:
        """Return the same ledger with every quantity turned into a number by ``value``."""
        return Ledger(
            [replace(line, quantity=value(line.quantity)) for line in self.capital],
            [replace(line, quantity=value(line.quantity)) for line in self.running],
            [replace(line, quantity=value(line.quantity)) for line in self.contracts],
            [replace(line, quantity=value(line.quantity)) for line in self.rebates],
        )


def tco_terms(ledger: Ledger, finance: Finance) -> Iterable[Any]:
    """Yield the discounted cost of each line, USD; their sum is the TCO."""
    for line in ledger.capital:
        yield line.quantity * line.unit_cost_usd(finance)
    for paid in ledger.running:
        yield paid.quantity * (paid.rate_usd * finance.running_factor(paid.category, paid.years))
    for contract in ledger.contracts:
        yield contract.quantity * contract.unit_cost_usd(finance)
    for rebate in ledger.rebates:
        yield rebate.quantity * -rebate.unit_saving_usd(finance)


def capex_terms(ledger: Ledger, finance: Finance) -> Iterable[Any]:
    """Yield the undiscounted purchases of each line, replacements within the horizon included, USD."""
    for line in ledger.capital:
        if line.stay is None:
            times = purchase_years(line.lifetime_years, finance.horizon_years)
            yield line.quantity * (line.unit_price_usd * len(times))
        else:
            yield line.quantity * sum(price for _, price in line.stay.paid)
    for rebate in ledger.rebates:
        yield rebate.quantity * -rebate.unit_usd


def cost_of(ledger: Ledger, finance: Finance) -> Cost:
    """Return the cost by category (discounted) and the cash by year (undiscounted) of a ledger of numbers."""
    capital = dict.fromkeys(CAPITAL_CATEGORIES, 0.0)
    running = dict.fromkeys(RUNNING_CATEGORIES, 0.0)
    years = _by_year(ledger, finance)
    cash = {year: {"capital": 0.0, "running": 0.0} for year in range(1, finance.horizon_years + 1)}
    for line in ledger.capital:
        capital[line.category] += line.quantity * line.unit_cost_usd(finance)
    for entry in ledger.running:
        running[entry.category] += entry.quantity * entry.rate_usd * finance.running_factor(entry.category, entry.years)
    for rebate in ledger.rebates:
        capital[rebate.category] -= rebate.quantity * rebate.unit_saving_usd(finance)
    for contract in ledger.contracts:
        running[contract.category] += contract.quantity * contract.unit_cost_usd(finance)
    for of_year in years:
        cash[of_year.year][of_year.kind] += of_year.usd
    rows = tuple(
        CashYear(
            year=year, capital_usd=of["capital"], running_usd=of["running"], total_usd=of["capital"] + of["running"]
        )
        for year, of in cash.items()
    )
    return Cost(capital=capital, running=running, cash_by_year=rows, by_year=years)


def _by_year(ledger: Ledger, finance: Finance) -> tuple[CostYear, ...]:
    """Return every year's cash and share of the TCO by category; what is sold is negative capital at its year's end."""
    sums: dict[tuple[int, Kind, str], list[float]] = {}

    def add(year: int, kind: Kind, category: str, usd: float, discounted_usd: float) -> None:
        of_key = sums.setdefault((year, kind, category), [0.0, 0.0])
        of_key[0] += usd
        of_key[1] += discounted_usd

    for line in ledger.capital:
        purchases = line.purchases(finance)
        left = line.quantity * line.unit_cost_usd(finance)
        for time, price in purchases[:-1]:
            part = line.quantity * price * finance.purchase_factor(time, line.lifetime_years)
            add(int(time + 1e-9) + 1, "capital", line.category, line.quantity * price, part)
            left -= part
        if line.stay is not None and line.stay.sold_usd:
            part = -line.quantity * line.stay.sold_usd * (1 + finance.rate) ** -line.stay.last_year
            add(line.stay.last_year, "capital", line.category, -line.quantity * line.stay.sold_usd, part)
            left -= part
        for time, price in purchases[-1:]:
            add(int(time + 1e-9) + 1, "capital", line.category, line.quantity * price, left)
    for entry in ledger.running:
        amount = entry.quantity * entry.rate_usd
        for year in entry.years:
            level = finance.price_level(entry.category, year)
            factor = finance.running_factor(entry.category, (year,))
            add(year, "running", entry.category, amount * level, amount * factor)
    for rebate in ledger.rebates:
        saved, discounted = rebate.quantity * rebate.unit_usd, rebate.quantity * rebate.unit_saving_usd(finance)
        add(rebate.year, "capital", rebate.category, -saved, -discounted)
    for contract in ledger.contracts:
        for payment in contract.payments:
            usd, discounted = payment.usd, payment.discounted_usd(finance)
            add(payment.year, "running", contract.category, contract.quantity * usd, contract.quantity * discounted)
    order = {name: n for n, name in enumerate((*CAPITAL_CATEGORIES, *RUNNING_CATEGORIES))}
    return tuple(
        CostYear(year=year, kind=kind, category=category, usd=usd, discounted_usd=discounted)
        for (year, kind, category), (usd, discounted) in sorted(
            sums.items(), key=lambda pair: (pair[0][0], pair[0][1], order[pair[0][2]])
        )
        if usd or discounted
    )


def tco_usd(cost: Cost) -> float:
    """Return the total of a cost, USD."""
    return sum(cost.capital.values()) + sum(cost.running.values())


def bill_of_materials(ledger: Ledger, finance: Finance) -> tuple[BomLine, ...]:
    """Return the purchases of a ledger of numbers, merged by site, year, item and price.

    Replacements within the horizon are lines of the year in which they are bought.
    """
    merged: dict[tuple[str, int, str, str, str, float], float] = {}
    for line in ledger.capital:
        for time, price in line.purchases(finance):
            year = int(time + 1e-9) + 1
            key = (line.site, year, line.category, line.table, line.row, price)
            merged[key] = merged.get(key, 0.0) + line.quantity
    for rebate in ledger.rebates:
        for price, sign in ((rebate.list_price_usd, -1), (rebate.price_usd, 1)):
            key = (rebate.site, rebate.year, rebate.category, rebate.table, rebate.row, price)
            merged[key] = merged.get(key, 0.0) + sign * rebate.quantity
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
