"""Energy: what the grid gives in each hour of a mean day, at its price, less what on-site solar gives.

    used[s,h,t] ≤ Σ_r kw_r·yield_r,h·units[s,r],   used ≤ average grid draw[s,t]
    energy cost = 365·Σ_h price_h·(average draw − used),   carbon = intensity · what the grid gives

The average draw is that of the slice (the band of the day) in which the hour lies. Hours of a slice with the same
yields and price are one hour that counts several times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dcopt.candidates.records import Period
from dcopt.design.records import SolarRecord
from dcopt.economics.ledger import CapitalLine, RunningLine
from dcopt.formulation.expressions import number, total, whole
from dcopt.formulation.program import Program, all_years
from dcopt.formulation.shared import Slice
from dcopt.infrastructure.solar import hourly_prices, solar_rows_at
from dcopt.performance.workloads import DAYS_PER_YEAR, HOURS_PER_YEAR
from dcopt.problem.day import Hours, site_hour
from dcopt.problem.tables.building_rows import HOURS_PER_DAY, Solar


@dataclass(frozen=True)
class Band:
    """Hours of the day with the same price and the same yields."""

    price_usd: float
    yields: tuple[float, ...]
    """kW of a unit of each solar row."""
    hours: int


def declare(program: Program) -> None:
    """Energy depends on the grid draw; everything is declared in `link`."""


def link(program: Program) -> None:
    """Build solar, and pay the energy and carbon of every site with what the grid gives."""
    for site, totals in program.totals.items():
        row = program.problem.sites[site]
        rows = solar_rows_at(program.problem.solar.values(), site, row.kind)
        units = [_build(program, site, solar) for solar in rows]
        prices = prices_at(program, site)
        for period in program.candidates.periods:
            bought: list[Any] = []
            for piece in program.slices_of(period):
                bought += _buy(program, site, piece, prices, units, totals.grid_average_kw[piece.index])
            program.grid_kwh[site, period.index] = total(bought)
            carbon = row.carbon_kg_per_kwh / 1000 * program.grid_kwh[site, period.index]
            program.carbon_t[site, period.index] = carbon
            program.pay(site, "carbon", carbon, program.problem.settings.carbon_price_usd_per_t, period.years)


def _buy(
    program: Program, site: str, piece: Slice, prices: tuple[float, ...], units: list[Any], draw: Any
) -> list[Any]:
    """Pay what the grid gives in the hours of a slice; return the terms of its energy, kWh a year."""
    years = piece.period.years
    rows = solar_rows_at(program.problem.solar.values(), site, program.problem.sites[site].kind)
    price_usd = sum(prices[hour] for hour in piece.hours) / len(piece.hours)
    program.pay(site, "energy", HOURS_PER_YEAR * piece.share * draw, price_usd, years)
    terms = [HOURS_PER_YEAR * piece.share * draw]
    for index, band in enumerate(_bands(program, site, rows, piece.hours, prices)):
        saved = DAYS_PER_YEAR * band.hours * _use(program, (site, index, piece.index), band, units, draw)
        terms.append(-saved)
        program.ledger.pay(RunningLine(site, "energy", -saved, band.price_usd, years))
    return terms


def prices_at(program: Program, site: str) -> tuple[float, ...]:
    """Return the price of electricity in each hour of the day, UTC, USD/kWh."""
    row = program.problem.sites[site]
    local = hourly_prices(
        row.electricity_usd_per_kwh or 0.0, [t for t in program.problem.tariffs.values() if t.site == site]
    )
    return tuple(local[site_hour(program.problem, site, hour)] for hour in range(HOURS_PER_DAY))


def _build(program: Program, site: str, row: Solar) -> Any:
    most = min(row.max_units, _most_useful(program, site, row))
    units = program.var("solar", (site, row.name), ub=most, integer=True)
    program.require("solar_active", (site, row.name), units <= most * program.model.active_site[site])
    program.ledger.buy(CapitalLine(site, "power", "solar", row.name, units, row.price_usd, row.lifetime_years))
    program.keep(site, units, row.price_usd, 0.0, row.maintenance_pct_per_year)
    return units


def _most_useful(program: Program, site: str, row: Solar) -> int:
    """Return the units beyond which even the hour of least yield gives more than the site may draw."""
    least = min((value for value in row.yields if value > 0), default=0.0)
    limit = program.problem.sites[site].power_limit_kw or 0.0
    return math.ceil(limit / (row.kw * least)) if least > 0 else 0


def _bands(program: Program, site: str, rows: list[Solar], hours: Hours, prices: tuple[float, ...]) -> list[Band]:
    """Return those of some hours (UTC) in which some unit gives something, alike ones together."""
    counted: dict[tuple[float, tuple[float, ...]], int] = {}
    for hour in hours:
        price = prices[hour]
        yields = tuple(row.kw * row.yields[site_hour(program.problem, site, hour)] for row in rows)
        if any(yields):
            counted[price, yields] = counted.get((price, yields), 0) + 1
    return [Band(price, yields, hours) for (price, yields), hours in counted.items()]


def _use(program: Program, key: tuple[str, int, int], band: Band, units: list[Any], draw: Any) -> Any:
    given = total(kw * count for kw, count in zip(band.yields, units, strict=True))
    limit = program.problem.sites[key[0]].power_limit_kw or 0.0
    used = program.var("solar_used", key, ub=limit)
    program.require("solar_given", key, used <= given)
    program.require("solar_taken", key, used <= draw)
    program.floors.append((used, [given, draw]))
    return used


def extract(program: Program) -> list[SolarRecord]:
    """Return the solar units of every site."""
    built = program.model.component("solar")
    return [
        SolarRecord(
            site=site, name=name, year=year, units=whole(units), kw=whole(units) * program.problem.solar[name].kw
        )
        for (site, name), units in (built.items() if built is not None else ())
        if whole(units)
        for year in all_years(program)
    ]


def solar_mwh(program: Program, site: str, period: Period) -> float:
    """Return the solar energy that a site uses in each year of a period, MWh."""
    consumed = HOURS_PER_YEAR * number(program.mean_over(period, program.totals[site].grid_average_kw))
    return max(0.0, consumed - number(program.grid_kwh[site, period.index])) / 1000
