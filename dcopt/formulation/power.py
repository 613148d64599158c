"""Power: IT load through PDU and UPS with the fans and pumps, heat rejection beside it, to the grid.

    pdu = IT,   ups = pdu + its losses + fans and pumps,   transformer = ups + its losses + heat rejection
    grid = transformer + its losses ≤ power_limit_kw,   room heat = losses of pdu and ups
    generator = transformer's output (standby, no losses)

PDUs are sized for the nameplate power of what they feed, everything upstream for the peak that it can reach together
(``measured_peak_kw``: synchronized work has no diversity). Losses follow the load (block stage). Roles that are not
offered are left out of the chain. At colocation sites grid = PUE · IT; the fee follows IT, or a contract does (block
colocation).
"""

from __future__ import annotations

from typing import Any

from dcopt.design.records import PowerRecord, SiteRecord
from dcopt.economics.colocation import has_contract
from dcopt.economics.ledger import CapitalLine
from dcopt.formulation.cost import water_m3
from dcopt.formulation.energy import solar_mwh
from dcopt.formulation.expressions import number, total, whole
from dcopt.formulation.plant_bounds import least_at, most_at
from dcopt.formulation.program import Program, all_years
from dcopt.formulation.shared import SiteTotals
from dcopt.formulation.stage import Branch, Demand, Sizing, chosen_units, stage
from dcopt.infrastructure.power import CHAIN, INDOORS, PARALLEL, losses_kw
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
            if not has_contract(row):
                program.pay(site, "colocation", 12 * it_peak, row.colocation_usd_per_kw_month or 0.0)
        else:
            grid, grid_average = _chain(program, site, it_peak, it_average)
            if not any(hall.site == site for hall in program.problem.halls.values()):
                price, life = row.build_usd_per_kw, row.building_lifetime_years
                program.ledger.buy(CapitalLine(site, "building", "sites", site, grid, price, life))
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
    row, balance = program.problem.sites[site], program.balances[site]
    parts = program.candidates.sites[site].power
    sizing = Sizing("power", row.redundancy, row.ups_minutes)
    needed_by = [program.model.active_site[site]]
    lost: list[Branch] = []
    peak, average = it_peak, it_average
    least, within = least_at(program, site).through_kw, most_at(program, site).through_kw
    for role in CHAIN:
        if role == "ups":
            peak, average = _beside(peak, average, balance.fans_kw, balance.fans_average_kw)
        if role == "transformer":
            peak, average = _beside(peak, average, balance.rejection_kw, balance.rejection_average_kw)
            if parts[PARALLEL]:
                demand = Demand(peak, {}, most_kw=within[role], least_kw=least[role])
                stage(program, site, PARALLEL, parts[PARALLEL], demand, sizing, needed_by)
        if not parts[role]:
            continue
        rated = _rated(program, site) if role == "pdu" else None
        demand = Demand(peak, average, rated, within[role], least[role])
        branches = stage(program, site, role, parts[role], demand, sizing, needed_by)
        if role in INDOORS:
            lost += branches
        peak = total(branch.peak_kw + branch.loss_kw for branch in branches)
        average = {t: total(branch.average_kw[t] + branch.average_loss_kw[t] for branch in branches) for t in average}
    _room_heat(program, site, lost)
    return peak, average


def _beside(
    peak: Any, average: dict[int, Any], joins_kw: list[Any], joins_average_kw: dict[int, list[Any]]
) -> tuple[Any, dict[int, Any]]:
    """Return the load with what joins the chain here."""
    return peak + total(joins_kw), {t: load + total(joins_average_kw.get(t, [])) for t, load in average.items()}


def _rated(program: Program, site: str) -> Any:
    """Return the nameplate load of the racks where it can exceed their peak, which PDUs are sized for; else None."""
    nodes = [pool.node for pool in program.candidates.pools.values() if pool.site == site]
    if all(node.max_kw == node.peak_kw for node in nodes):
        return None
    return total(program.balances[site].it_rated_kw)


def _room_heat(program: Program, site: str, lost: list[Branch]) -> None:
    """The losses of PDU and UPS are the heat of the room."""
    balance = program.balances[site]
    if balance.room_heat_kw is None:
        return
    peak = total(branch.loss_kw for branch in lost)
    average = {t: total(branch.average_loss_kw[t] for branch in lost) for t in balance.room_heat_average_kw}
    program.require("room_heat", site, balance.room_heat_kw == peak)
    for t, heat in balance.room_heat_average_kw.items():
        program.require("room_heat_on_average", (site, t), heat == average[t])
    active = program.model.active_site[site]
    program.follow([(balance.room_heat_kw, balance.room_heat_average_kw, active)], peak, average)


def extract(program: Program) -> list[PowerRecord]:
    """Return the units of the power chain of every site and the load that they carry at peak."""
    return [
        PowerRecord(
            site=site,
            name=chosen.name,
            role=role,
            year=year,
            units=chosen.units,
            kw=chosen.kw,
            sized_kw=chosen.sized_kw,
            loss_kw=losses_kw(program.problem.power[chosen.name], chosen.units, chosen.kw) if role in CHAIN else 0.0,
        )
        for site in program.totals
        for role in (*CHAIN, PARALLEL)
        for chosen in chosen_units(program, site, role)
        for year in all_years(program)
    ]


def extract_sites(program: Program) -> list[SiteRecord]:
    """Return power, energy, carbon and water of every site that has equipment, year by year."""
    records = []
    for site, totals in program.totals.items():
        row = program.problem.sites[site]
        it_kw = number(totals.it_peak_kw)
        embodied = sum(
            whole(program.model.bought[key]) * pool.node.embodied_kgco2 / 1000
            for key, pool in program.candidates.pools.items()
            if pool.site == site
        )
        if it_kw <= 0:
            continue
        for period in program.candidates.periods:
            grid = number(program.mean_over(period, totals.grid_average_kw))
            it_average = number(program.mean_over(period, totals.it_average_kw))
            water = number(water_m3(program, site, period))
            records += [
                SiteRecord(
                    site=site,
                    year=year,
                    it_kw=it_kw,
                    facility_kw=number(totals.grid_peak_kw),
                    power_limit_kw=row.power_limit_kw,
                    pue=grid / it_average if it_average > 0 else None,
                    energy_mwh_per_year=grid * HOURS_PER_YEAR / 1000,
                    solar_mwh_per_year=solar_mwh(program, site, period),
                    embodied_t=embodied,
                    carbon_t_per_year=number(program.carbon_t[site, period.index]),
                    water_m3_per_year=water,
                    wue_l_per_kwh=water * 1000 / (it_average * HOURS_PER_YEAR) if it_average > 0 else None,
                    rack_positions_used=whole(total(program.balances[site].rack_positions)),
                )
                for year in period.years
            ]
    return records
