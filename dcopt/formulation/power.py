"""Power: IT load through PDU and UPS, cooling beside it, both through the transformer to the grid.

    pdu = IT,   ups = pdu ÷ η,   transformer = ups ÷ η + cooling,   grid = transformer ÷ η ≤ power_limit_kw
    generator = transformer's output (standby, no losses)

Roles that are not offered are left out of the chain. At colocation sites grid = PUE · IT.
"""

from __future__ import annotations

from typing import Any

from dcopt.design.records import PowerRecord, SiteRecord
from dcopt.economics.ledger import CapitalLine
from dcopt.formulation.program import Program, SiteTotals, all_years, number, total, whole
from dcopt.formulation.stage import chosen_units, stage
from dcopt.infrastructure.power import CHAIN, PARALLEL
from dcopt.performance.workloads import HOURS_PER_YEAR


def declare(program: Program) -> None:
    """The chain depends on the load of other blocks; everything is declared in `link`."""


def link(program: Program) -> None:
    """Carry every site's load from the grid, within its limit, and pay for it."""
    for site, row in program.problem.sites.items():
        balance = program.balances[site]
        if row.kind == "cloud" or not balance.it_peak_kw:
            continue
        it_peak = total(balance.it_peak_kw)
        it_average = {t: total(terms) for t, terms in balance.it_average_kw.items()}
        if row.kind == "colocation":
            pue = row.colocation_pue or 1.0
            grid, grid_average = pue * it_peak, {t: pue * average for t, average in it_average.items()}
            program.pay(site, "colocation", 12 * it_peak, row.colocation_usd_per_kw_month or 0.0)
        else:
            grid, grid_average = _chain(program, site, it_peak, it_average)
            program.ledger.buy(
                CapitalLine(site, "building", "sites", site, grid, row.build_usd_per_kw, row.building_lifetime_years)
            )
        program.require(
            "power_limit",
            site,
            grid <= row.power_limit_kw,
            row=f"sites.csv: {site} power_limit_kw",
            sentence=f"{site} draws no more than {row.power_limit_kw:g} kW from the grid at peak",
        )
        program.pay(site, "demand", 12 * grid, row.demand_charge_usd_per_kw_month)
        program.pay(site, "staff", it_peak, program.problem.settings.staff_usd_per_kw_year)
        program.totals[site] = SiteTotals(it_peak, grid, grid_average, it_average)


def _chain(program: Program, site: str, it_peak: Any, it_average: dict[int, Any]) -> tuple[Any, dict[int, Any]]:
    balance = program.balances[site]
    parts = program.candidates.sites[site].power
    peak, average = it_peak, it_average
    needed_by = [program.model.active_site[site]]
    for role in CHAIN:
        if role == "transformer":
            peak = peak + total(balance.cooling_kw)
            average = {t: load + total(balance.cooling_average_kw.get(t, [])) for t, load in average.items()}
            if parts[PARALLEL]:
                stage(program, site, PARALLEL, parts[PARALLEL], peak, {}, category="power", needed_by=needed_by)
        if not parts[role]:
            continue
        branches = stage(program, site, role, parts[role], peak, average, category="power", needed_by=needed_by)
        peak = total(100 / branch.unit.efficiency_pct * branch.peak_kw for branch in branches)  # type: ignore[union-attr]
        average = {
            t: total(100 / branch.unit.efficiency_pct * branch.average_kw[t] for branch in branches)  # type: ignore[union-attr]
            for t in average
        }
    return peak, average


def pay_energy(program: Program, site: str, grid_average: dict[int, Any]) -> dict[int, Any]:
    """Pay a site's energy and carbon in every period; return its carbon in t a year, by period."""
    row = program.problem.sites[site]
    carbon = {}
    for period in program.candidates.periods:
        kwh = HOURS_PER_YEAR * grid_average[period.index]
        program.pay(site, "energy", kwh, row.electricity_usd_per_kwh or 0.0, period.years)
        carbon[period.index] = row.carbon_kg_per_kwh / 1000 * kwh
        program.pay(site, "carbon", carbon[period.index], program.problem.settings.carbon_price_usd_per_t, period.years)
    return carbon


def extract(program: Program) -> list[PowerRecord]:
    """Return the units of the power chain of every site and the load that they carry at peak."""
    return [
        PowerRecord(site=site, name=name, role=role, year=year, units=units, kw=load)
        for site in program.totals
        for role in (*CHAIN, PARALLEL)
        for name, units, load in chosen_units(program, site, role)
        for year in all_years(program)
    ]


def extract_sites(program: Program) -> list[SiteRecord]:
    """Return power, energy, carbon and water of every site that has equipment, year by year."""
    records = []
    for site, totals in program.totals.items():
        row = program.problem.sites[site]
        it_kw = number(totals.it_peak_kw)
        if it_kw <= 0:
            continue
        for period in program.candidates.periods:
            t = period.index
            grid, it_average = number(totals.grid_average_kw[t]), number(totals.it_average_kw[t])
            water = number(total(program.balances[site].water_m3_per_year.get(t, [])))
            records += [
                SiteRecord(
                    site=site,
                    year=year,
                    it_kw=it_kw,
                    facility_kw=number(totals.grid_peak_kw),
                    power_limit_kw=row.power_limit_kw,
                    pue=grid / it_average if it_average > 0 else None,
                    energy_mwh_per_year=grid * HOURS_PER_YEAR / 1000,
                    carbon_t_per_year=grid * HOURS_PER_YEAR * row.carbon_kg_per_kwh / 1000,
                    water_m3_per_year=water,
                    rack_positions_used=whole(total(program.balances[site].rack_positions)),
                )
                for year in period.years
            ]
    return records
