"""Halls, on-site solar and adders, recomputed from what stands at each site."""

from __future__ import annotations

from dcopt.design.records import Design
from dcopt.economics.ledger import CapitalLine, Ledger, RunningLine
from dcopt.infrastructure.adders import adders_at, quantity_needed
from dcopt.infrastructure.solar import hourly_prices, overlapping_hours, solar_rows_at, used_kw
from dcopt.performance.workloads import DAYS_PER_YEAR
from dcopt.problem.day import site_hour
from dcopt.problem.problem import Problem
from dcopt.problem.tables.building_rows import HOURS_PER_DAY, Adder, Solar
from dcopt.verify.checker import Checker
from dcopt.verify.facility import SiteYear


def check(problem: Problem, design: Design, balances: dict[tuple[str, int], SiteYear], checker: Checker) -> None:
    """Check that halls house what stands in them, and that solar may stand where it is built."""
    for (site, year), balance in balances.items():
        records = [r for r in design.halls if (r.site, r.year) == (site, year)]
        racks = sum(r.count for r in design.racks if (r.site, r.year) == (site, year))
        place = f"halls at {site} year {year}"
        if any(hall.site == site for hall in problem.halls.values()):
            rows = [(problem.halls[r.name], r.units) for r in records]
            checker.at_most(f"{place} kw", balance.it_kw, sum(h.kw * n for h, n in rows), "kW of the halls")
            checker.at_most(f"{place} racks", racks, sum(h.positions * n for h, n in rows), "positions of the halls")
        for record in records:
            hall = problem.halls[record.name]
            checker.same(f"{place} {record.name} site", hall.site, site)
            checker.at_most(f"{place} {record.name} units", record.units, hall.max_units, "max_units of halls.csv")
        for built in design.solar:
            if (built.site, built.year) == (site, year):
                _solar(problem, site, built.name, built.units, built.kw, f"solar {built.name} at {site}", checker)
    used = {site for site, _ in balances}
    places = {(r.name, r.site) for r in design.halls} | {(r.name, r.site) for r in design.solar}
    for name, site in sorted(places | {(r.name, r.site) for r in design.adders}):
        checker.holds(f"{name} at {site}", site in used, "built", "nothing stands there")
    for site in problem.sites:
        bands = [t for t in problem.tariffs.values() if t.site == site]
        checker.same(f"tariffs of {site}: hours in two bands", overlapping_hours(bands), ())


def _solar(problem: Problem, site: str, name: str, units: int, kw: float, place: str, checker: Checker) -> None:
    rows = {row.name: row for row in solar_rows_at(problem.solar.values(), site, problem.sites[site].kind)}
    checker.holds(place, name in rows, name, "it is not offered there")
    checker.at_most(f"{place} units", units, problem.solar[name].max_units, "max_units of solar.csv")
    checker.equal(f"{place} kw", kw, units * problem.solar[name].kw)


def solar_units(problem: Problem, design: Design, site: str, year: int) -> list[tuple[Solar, int]]:
    """Return the solar rows of a site with their units."""
    return [(problem.solar[r.name], r.units) for r in design.solar if (r.site, r.year) == (site, year)]


def energy(problem: Problem, design: Design, site: str, year: int, draw_kw: tuple[float, ...]) -> tuple[float, float]:
    """Return (kWh that the grid gives in a year, its cost in USD at the prices of year 1).

    ``draw_kw`` is the draw in each hour of the mean day, UTC.
    """
    row = problem.sites[site]
    bands = [tariff for tariff in problem.tariffs.values() if tariff.site == site]
    prices = hourly_prices(row.electricity_usd_per_kwh or 0.0, bands)
    there = {site_hour(problem, site, hour): kw for hour, kw in enumerate(draw_kw)}
    local = [there[hour] for hour in range(HOURS_PER_DAY)]
    used = used_kw(solar_units(problem, design, site, year), local)
    bought = [kw - solar for kw, solar in zip(local, used, strict=True)]
    cost = sum(kw * price for kw, price in zip(bought, prices, strict=True)) * DAYS_PER_YEAR
    return sum(bought) * DAYS_PER_YEAR, cost


def pay(
    problem: Problem, design: Design, balances: dict[tuple[str, int], SiteYear], ledger: Ledger, checker: Checker
) -> None:
    """Buy halls, solar and adders; the adders that follow the capital come last, on all other purchases."""
    years = tuple(problem.years)
    for hall in design.halls:
        if hall.year == problem.years[0]:
            row = problem.halls[hall.name]
            line = (hall.units, row.price_usd, row.lifetime_years)
            ledger.buy(CapitalLine(hall.site, "building", "halls", hall.name, *line))
    for built in design.solar:
        if built.year == problem.years[0]:
            solar = problem.solar[built.name]
            line = (built.units, solar.price_usd, solar.lifetime_years)
            ledger.buy(CapitalLine(built.site, "power", "solar", built.name, *line))
            upkeep = solar.price_usd * solar.maintenance_pct_per_year / 100
            if problem.window is None:
                ledger.pay(RunningLine(built.site, "maintenance", built.units, upkeep, years))
    for capital in (False, True):
        base = {
            site: sum(line.quantity * line.unit_price_usd for line in ledger.capital if line.site == site)
            for site in problem.sites
        }
        for site, adder in _applicable(problem, balances):
            if (adder.driver == "capital") == capital:
                driver = base[site] if capital else _driver(problem, design, balances, site, adder)
                _adder(problem, design, site, adder, driver, (ledger, years), checker)


def _applicable(problem: Problem, balances: dict[tuple[str, int], SiteYear]) -> list[tuple[str, Adder]]:
    return [
        (site, adder)
        for site, row in problem.sites.items()
        if row.kind != "cloud" and (site, problem.years[0]) in balances
        for adder in adders_at(problem.adders.values(), site)
    ]


def _driver(
    problem: Problem, design: Design, balances: dict[tuple[str, int], SiteYear], site: str, adder: Adder
) -> float:
    if adder.driver == "site":
        return 1.0
    if adder.driver == "nodes":
        return sum(p.nodes for p in design.pools if (p.site, p.year) == (site, problem.years[0]))
    if adder.driver == "requests_per_s":
        here = [part for part in design.inference if part.site == site]
        return max(sum(part.requests_per_s for part in here if part.year == year) for year in problem.years)
    if adder.driver == "racks":
        return sum(r.count for r in design.racks if (r.site, r.year) == (site, problem.years[0]))
    return balances[site, problem.years[0]].it_kw


def _adder(
    problem: Problem,
    design: Design,
    site: str,
    adder: Adder,
    driver: float,
    books: tuple[Ledger, tuple[int, ...]],
    checker: Checker,
) -> None:
    """Check the stated quantity of an adder and pay for it. More than is needed is allowed, as of any equipment."""
    place = f"adders {adder.name} at {site}"
    records = [r for r in design.adders if (r.site, r.name, r.year) == (site, adder.name, problem.years[0])]
    quantity = sum(r.quantity for r in records)
    needed = quantity_needed(adder, driver)
    checker.at_most(f"{place} quantity", needed, quantity, "what is there")
    if adder.step:
        steps = quantity / adder.step
        checker.holds(f"{place} quantity", abs(steps - round(steps)) < 1e-6, f"{quantity:g}", "no whole steps")
    else:
        checker.equal(f"{place} quantity", quantity, needed)
    for record in records:
        checker.equal(f"{place} driver", record.driver, driver)
    ledger, years = books
    if adder.price_usd:
        ledger.buy(CapitalLine(site, "other", "adders", adder.name, quantity, adder.price_usd, adder.lifetime_years))
    ledger.pay(RunningLine(site, "other", quantity, adder.usd_per_year, years))
