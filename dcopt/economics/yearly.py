"""The money of every year: charges, unit costs, present values, and what is left after tax and financing.

    charge[y] = Σ purchases·annuity(r, life) over what was bought before the end of y and is not past its life;
                what is sold: (price − present value of the resale)·annuity(r, years that it stood)
    unit cost of an accelerator-hour = (charge + running, with what commitments ask at their start spread as annuities
                                        over their years) ÷ accelerator-hours
    after tax[y] = financed cash + tax·(deductible cost)
    deductible: running cost, depreciation (or, of a lease, its payments), interest of a loan
    At the end of the horizon what is still owed is paid, and what is not yet written off is written off.

All of it follows from a design's bill of materials, running cost and records; it has no effect on the optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, get_args

from dcopt.design.records import Asset, Cost, Design, FinanceYear, FinancingCase, PoolRecord
from dcopt.economics.commitments import on_demand_hours
from dcopt.economics.finance import Finance, annuity
from dcopt.problem.demand import load_in
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Settings

HOURS_PER_YEAR = 8760.0
SECONDS_PER_YEAR = HOURS_PER_YEAR * 3600.0


@dataclass(frozen=True)
class Payments:
    """What a purchase leads to in each year of the horizon, USD: cash, depreciation, and other deductible cost."""

    cash: list[float]
    depreciation: list[float]
    deductible: list[float]


def yearly(problem: Problem, design: Design) -> tuple[FinanceYear, ...]:
    """Return the money of every year of a design that has a cost, () of one without."""
    if design.cost is None:
        return ()
    finance = Finance.of(problem.settings)
    settings = problem.settings
    cash = {row.year: row for row in design.cost.cash_by_year}
    prepaid = _prepaid(finance, design.cost)
    years = range(1, finance.horizon_years + 1)
    resale = {year: sum(a.resale_usd for a in design.assets if a.gone_year == year) for year in years}
    payments = _payments(settings, finance, design) if settings.tax_rate_pct is not None else None
    found: list[FinanceYear] = []
    npv = after_npv = 0.0
    for year in years:
        running = cash[year].running_usd
        charge = _charge(problem, finance, design, year)
        hours, of_services, tokens, runs = _use_of(problem, design, year)
        unit = (charge + running + _spread_upfront(problem, finance, design, year)) / hours if hours else None
        bought = cash[year].capital_usd + resale[year]
        npv += bought * (1 + finance.rate) ** -(year - 1) + (running - resale[year]) * (1 + finance.rate) ** -year
        npv += prepaid[year]
        row: dict[str, Any] = {}
        if payments is not None:
            tax = (settings.tax_rate_pct or 0.0) / 100
            financed = payments.cash[year - 1] + running - resale[year]
            written = payments.depreciation[year - 1]
            after = financed - tax * (running - resale[year] + written + payments.deductible[year - 1])
            after_npv += after * (1 + finance.rate) ** -year + prepaid[year]
            if settings.financing == "buy":  # purchases fall at the start of their year
                start = payments.cash[year - 1]
                after_npv += start * ((1 + finance.rate) ** -(year - 1) - (1 + finance.rate) ** -year)
            row = {
                "financed_cash_usd": financed,
                "depreciation_usd": written,
                "after_tax_cash_usd": after,
                "after_tax_npv_usd": after_npv,
            }
        found.append(
            FinanceYear(
                year=year,
                cash_usd=cash[year].total_usd,
                charge_usd=charge,
                running_usd=running,
                accelerator_hours=hours,
                usd_per_accelerator_hour=unit,
                usd_per_million_tokens=unit * of_services / tokens * 1e6 if unit is not None and tokens else None,
                usd_per_training_run=unit * runs[1] / runs[0] if unit is not None and runs[0] else None,
                npv_usd=npv,
                **row,
            )
        )
    return tuple(found)


def _prepaid(finance: Finance, cost: Cost) -> dict[int, float]:
    """Return by how much running cost of each year is dearer than at its end, because some is paid at its start."""
    found = dict.fromkeys(range(1, finance.horizon_years + 1), 0.0)
    for row in cost.by_year:
        if row.kind == "running":
            found[row.year] += row.discounted_usd - row.usd * (1 + finance.rate) ** -row.year
    return found


def financing_cases(problem: Problem, design: Design) -> tuple[FinancingCase, ...]:
    """Return what a design costs after tax if it is bought, leased or on loan; () without a tax rate or a cost."""
    if design.cost is None or problem.settings.tax_rate_pct is None:
        return ()
    found = []
    for financing in get_args(Settings.model_fields["financing"].annotation):
        settings = problem.settings.model_copy(update={"financing": financing})
        rows = yearly(replace(problem, settings=settings), design)
        npv = rows[-1].after_tax_npv_usd or 0.0
        most = max(row.financed_cash_usd or 0.0 for row in rows)
        found.append(FinancingCase(financing=financing, after_tax_npv_usd=npv, most_cash_usd=most))
    return tuple(found)


def _spread_upfront(problem: Problem, finance: Finance, design: Design, year: int) -> float:
    """Return what a year bears of commitments paid at their start, less what is paid so in it, USD."""
    moved = 0.0
    for taken in design.commitments:
        term = problem.commitments[taken.name].years
        if taken.first_year <= year <= taken.last_year:
            moved += taken.upfront_usd * annuity(finance.rate, term)
        if taken.first_year == year:
            moved -= taken.upfront_usd
    return moved


def _charge(problem: Problem, finance: Finance, design: Design, year: int) -> float:
    """Return the annuities of a year: of what is sold over the years that it stood, of the rest over its life."""
    rate, charge = finance.rate, 0.0
    sold: dict[tuple[str, str, str, int, float], float] = {}
    for asset in design.assets:
        if asset.resale_usd > 0 and asset.unit_price_usd > 0:
            stood = asset.gone_year - asset.bought_year + 1
            price = 0.0
            for units, paid in _paid(design, asset):
                key = (asset.site, asset.table, asset.name, asset.bought_year, paid)
                sold[key] = sold.get(key, 0.0) + units
                price += units * paid
            if asset.bought_year <= year <= asset.gone_year:
                charge += (price - asset.resale_usd * (1 + rate) ** -stood) * annuity(rate, stood)
    for line in design.bom_lines:
        life = lifetime_of(problem, line.table, line.item)
        if line.year <= year < line.year + life:
            key = (line.site, line.table, line.item, line.year, line.unit_price_usd)
            kept = line.quantity - sold.get(key, 0.0)
            charge += kept * line.unit_price_usd * annuity(rate, life)
    return charge


def _paid(design: Design, asset: Asset) -> list[tuple[float, float]]:
    """Return (units, price at which they were bought) of an asset: some may be paid below the list price."""
    alike = [
        rebate
        for rebate in design.rebates
        if (rebate.site, rebate.table, rebate.name, rebate.year, rebate.gone_year, rebate.kept)
        == (asset.site, asset.table, asset.name, asset.bought_year, asset.gone_year, asset.kept)
    ]
    below = [(float(rebate.units), rebate.unit_price_usd) for rebate in alike]
    return [*below, (asset.units - sum(units for units, _ in below), asset.unit_price_usd)]


def lifetime_of(problem: Problem, table: str, name: str) -> float:
    """Return the lifetime of a row of the bill of materials, years. Raises KeyError where there is no such row."""
    row: Any = problem.tables[table][name]
    return float(row.building_lifetime_years if table == "sites" else row.lifetime_years)


def _use_of(problem: Problem, design: Design, year: int) -> tuple[float, float, float, tuple[int, float]]:
    """Return (accelerator-hours, those of services, tokens of services, (training runs, their accelerator-hours))."""
    total = of_services = tokens = 0.0
    runs, run_hours = 0, 0.0
    for job in design.training:
        if job.year == year:
            row = problem.training[job.job]
            hours = job.runs_per_year * row.overhead_factor * job.node_days * 24 * job.accelerators
            runs += job.runs_per_year
            run_hours += hours
            total += hours if problem.sites[job.site].kind == "cloud" and not job.committed else 0.0
    for pool in design.pools:
        if pool.year == year:
            chips = problem.nodes[pool.node].accelerators
            of_services += _node_hours_of_services(pool) * chips
            total += (on_demand_hours(pool) if pool.rented else pool.nodes * HOURS_PER_YEAR) * chips
    for taken in design.commitments:
        if taken.first_year <= year <= taken.last_year:
            total += taken.units * problem.nodes[taken.node].accelerators * HOURS_PER_YEAR
    served: dict[str, float] = {}
    for part in design.inference:
        if part.year == year:
            served[part.service] = served.get(part.service, 0.0) + part.requests_per_s
    for name in served:
        service = problem.inference[name]
        mean = load_in(problem, service, year)[1]
        tokens += mean * ((service.input_tokens or 0) + service.output_tokens) * SECONDS_PER_YEAR
    return total, of_services, tokens, (runs, run_hours)


def _node_hours_of_services(pool: PoolRecord) -> float:
    """Return the node-hours that services hold in a year: given back by the hour only where nodes are rented."""
    if pool.rented and pool.service_nodes_by_hour:
        return HOURS_PER_YEAR * sum(pool.service_nodes_by_hour) / len(pool.service_nodes_by_hour)
    return pool.service_nodes * HOURS_PER_YEAR


def _payments(settings: Settings, finance: Finance, design: Design) -> Payments:
    """Return what all purchases lead to under the settings' financing and depreciation."""
    horizon = finance.horizon_years
    cash, written, deductible = ([0.0] * horizon for _ in range(3))
    rate = finance.rate if settings.financing_rate_pct is None else settings.financing_rate_pct / 100
    for line in design.bom_lines:
        price, first = line.total_usd, line.year - 1
        if settings.financing == "buy":
            cash[first] += price
        else:
            _financed(settings, rate, price, first, cash, deductible)
        if settings.financing != "lease":
            for n, part in enumerate(depreciation(settings, price)):
                written[min(first + n, horizon - 1)] += part
    return Payments(cash, written, deductible)


def _financed(
    settings: Settings, rate: float, price: float, first: int, cash: list[float], deductible: list[float]
) -> None:
    """Add the payments of a lease or loan of ``price`` that begins with year ``first`` (from 0).

    What is owed when the term or the horizon ends is paid then.
    """
    term = settings.financing_years
    rest = price * settings.lease_residual_pct / 100 if settings.financing == "lease" else 0.0
    part = (price - rest * (1 + rate) ** -term) * annuity(rate, term)
    owed = price
    for n in range(term):
        interest = owed * rate
        owed += interest - part
        is_last = n == term - 1 or first + n == len(cash) - 1
        paid = part + (owed if is_last else 0.0)
        cash[first + n] += paid
        deductible[first + n] += paid if settings.financing == "lease" else interest
        if is_last:
            return


def depreciation(settings: Settings, price: float) -> list[float]:
    """Return what is written off of a price in each year from the first; it adds up to the price.

    Declining: double the straight-line rate of what is left, and straight line once that is more.
    """
    years = settings.depreciation_years
    if settings.depreciation == "straight-line":
        return [price / years] * years
    left, parts = price, []
    for n in range(years):
        part = max(left * min(1.0, 2 / years), left / (years - n))
        parts.append(part)
        left -= part
    return parts
