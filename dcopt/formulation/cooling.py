"""Cooling: collectors take the heat of racks, heat rejection takes it outdoors; both draw power, some evaporate water.

    heat[s,u] = Σ over rack options under u ≤ most·used[s,u],   Σ rack choices under u ≥ used ≥ each of them
    units by redundancy (block stage)
    rejection of a loop = Σ heat of its collectors, through one kind of unit (block stage)
    cooling kW = Σ kw_per_kw·heat,   water = Σ l/kWh·average heat

Every kind of collector is sized for the racks that stand under it; a loop has one kind of rejection.
"""

from __future__ import annotations

from typing import Any

from dcopt.design.records import CoolingRecord
from dcopt.formulation.program import Program, all_years, number, total, upper_bound, whole
from dcopt.formulation.stage import chosen_units, size_units, stage
from dcopt.infrastructure.cooling import LOOPS, loop_of
from dcopt.performance.workloads import HOURS_PER_YEAR
from dcopt.problem.tables.catalog_rows import CoolingUnit


def declare(program: Program) -> None:
    """Cooling depends on the heat of racks; everything is declared in `link`."""


def link(program: Program) -> None:
    """Take the heat of every site with its own plant."""
    for site, facility in program.candidates.sites.items():
        loops: dict[str, list[tuple[Any, dict[int, Any]]]] = {loop: [] for loop in LOOPS}
        users: dict[str, list[Any]] = {loop: [] for loop in LOOPS}
        for unit, price in facility.collectors:
            peak = total(program.heat_peak_kw.get((site, unit.name), []))
            most = upper_bound(peak)
            if most <= 0:
                continue
            average = {
                period.index: total(program.heat_average_kw.get((site, unit.name, period.index), []))
                for period in program.candidates.periods
            }
            used = program.var("collector", (site, unit.name), ub=1, binary=True)
            program.require("collector_used", (site, unit.name), peak <= most * used)
            needs = program.needs_collector.get((site, unit.name), [])
            program.require("collector_for_some", (site, unit.name), used <= total(needs))
            for index, choice in enumerate(needs):
                program.require("collector_needed", (site, unit.name, index), used >= choice)
            size_units(program, site, "collector", unit, price, peak, used, most, category="cooling")
            _consumption(program, site, unit, peak, average)
            loops[loop_of(unit.kind)].append((peak, average))
            users[loop_of(unit.kind)].append(used)
        for loop, flows in loops.items():
            if flows:
                _reject(program, site, loop, flows, users[loop])


def _reject(program: Program, site: str, loop: str, flows: list[tuple[Any, dict[int, Any]]], users: list[Any]) -> None:
    average = {
        period.index: total(of_flow[period.index] for _, of_flow in flows) for period in program.candidates.periods
    }
    peak = total(of_flow for of_flow, _ in flows)
    options = program.candidates.sites[site].rejection[loop]
    name = f"{loop} heat-rejection"
    for branch in stage(program, site, name, options, peak, average, category="cooling", needed_by=users):
        assert isinstance(branch.unit, CoolingUnit)
        _consumption(program, site, branch.unit, branch.peak_kw, branch.average_kw)


def _consumption(program: Program, site: str, unit: CoolingUnit, peak: Any, average: dict[int, Any]) -> None:
    balance = program.balances[site]
    if unit.kw_per_kw:
        balance.cooling_kw.append(unit.kw_per_kw * peak)
    for t, heat in average.items():
        if unit.kw_per_kw:
            balance.add_average(balance.cooling_average_kw, t, unit.kw_per_kw * heat)
        if unit.water_l_per_kwh:
            balance.add_average(balance.water_m3_per_year, t, unit.water_l_per_kwh / 1000 * HOURS_PER_YEAR * heat)


def extract(program: Program) -> list[CoolingRecord]:
    """Return the cooling units of every site and the heat that they take at peak."""
    records = []
    for site, facility in program.candidates.sites.items():
        for unit, _ in facility.collectors:
            units = program.model.component("plant_units")
            key = (site, "collector", unit.name)
            if units is not None and key in units and whole(units[key]):
                heat = number(total(program.heat_peak_kw[site, unit.name]))
                records.append((site, unit.name, whole(units[key]), heat, ""))
        for loop in LOOPS:
            for name, units_of, flow in chosen_units(program, site, f"{loop} heat-rejection"):
                records.append((site, name, units_of, flow, loop))
    return [
        CoolingRecord(site=site, name=name, year=year, units=units, kw=heat, serves=serves)
        for site, name, units, heat, serves in records
        for year in all_years(program)
    ]
