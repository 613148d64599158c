"""Cooling: collectors take the heat of racks and rooms, heat rejection takes it outdoors; both draw power.

    heat[s,u] = Σ over rack options under u + room[s,u] ≤ most·used[s,u]
    Σ choices under u ≥ used ≥ Σ of the choices for each content under u        (of which there is at most one)
    Σ_u room[s,u] = losses of PDU and UPS,   room[s,u] ≤ most·in_room[s,u],   Σ_u in_room = active   (air units)
    units by redundancy (block stage)
    rejection of a loop = Σ (1 + kw_per_kw)·heat of its collectors, through one kind of unit (block stage), which is
    there for each content: ≥ Σ of the choices for it under all collectors of the loop
    electricity = Σ kw_per_kw·heat,   water = Σ l/kWh·average heat

Every kind of collector is sized for the racks that stand under it; a loop has one kind of rejection. At peak the
electricity is that of the design day, for energy the mean of the year. Block power sets the losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

from pyomo.common.collections import ComponentSet

from dcopt.design.records import CoolingRecord
from dcopt.formulation.expressions import number, total, upper_bound, whole
from dcopt.formulation.plant_bounds import least_at, most_at
from dcopt.formulation.program import Program, all_years
from dcopt.formulation.stage import Demand, Sizing, chosen_units, size_units, stage
from dcopt.infrastructure.cooling import LOOPS, design_kw_per_kw, economizer_hours, loop_of, mean_kw_per_kw
from dcopt.performance.workloads import HOURS_PER_YEAR
from dcopt.problem.tables.catalog_rows import CoolingUnit

ROOM = "room"
"""What takes the heat of the room stands under this name beside the contents of racks."""


@dataclass(frozen=True)
class Heat:
    """Heat that a kind of unit takes: at peak, and on average by period index, kW."""

    peak_kw: Any
    average_kw: dict[int, Any]


def declare(program: Program) -> None:
    """Cooling depends on the heat of racks; everything is declared in `link`."""


def link(program: Program) -> None:
    """Take the heat of every site with its own plant."""
    for site, facility in program.candidates.sites.items():
        row = program.problem.sites[site]
        loops: dict[str, list[Heat]] = {loop: [] for loop in LOOPS}
        users: dict[str, dict[str, list[Any]]] = {loop: {} for loop in LOOPS}
        room = _room(program, site)
        sizing = Sizing("cooling", row.redundancy_of_cooling)
        within = most_at(program, site)
        for unit, price in facility.collectors:
            taken = _heat_taken(program, site, unit, room.get(unit.name))
            most = min(upper_bound(taken.peak_kw), within.rejected_kw)
            if most <= 0:
                continue
            heat = program.var("heat", (site, unit.name), ub=most)
            program.require("heat_taken", (site, unit.name), heat == taken.peak_kw)
            used = program.var("collector", (site, unit.name), ub=1, binary=True)
            program.follow([(heat, {}, used)], taken.peak_kw, {})
            program.require("collector_used", (site, unit.name), heat <= most * used)
            needs = program.needs_collector.get((site, unit.name), {})
            program.require("collector_for_some", (site, unit.name), used <= total(chain(*needs.values())))
            for content, choices in needs.items():
                program.require("collector_needed", (site, unit.name, content), used >= total(choices))
                users[loop_of(unit.kind)].setdefault(content, []).extend(choices)
            size_units(program, site, "collector", unit, price, heat, used, sizing)
            taken = Heat(heat, taken.average_kw)
            loops[loop_of(unit.kind)].append(_fans(program, site, unit, taken))
        least = least_at(program, site).rejected_kw if sum(map(bool, loops.values())) == 1 else 0.0
        for loop, flows in loops.items():
            if flows:
                needed_by = [total(ComponentSet(choices)) for choices in users[loop].values()]
                _reject(program, site, flows, needed_by, Loop(loop, sizing, within.rejected_kw, least))


def _room(program: Program, site: str) -> dict[str, Heat]:
    """Declare the heat of the room, what PDU and UPS lose, and give it to one kind of air unit; return it by unit."""
    facility = program.candidates.sites[site]
    balance = program.balances[site]
    units = [unit for unit, _ in facility.collectors if unit.kind == "air"]
    most = most_at(program, site).losses_kw
    if not units or most <= 0 or not balance.it_peak_kw:
        return {}
    periods = [piece.index for piece in program.slices]
    balance.room_heat_kw = program.var("room_heat", site, ub=most)
    balance.room_heat_average_kw = {t: program.var("room_heat_on_average", (site, t), ub=most) for t in periods}
    if len(units) == 1:
        program.needs_collector.setdefault((site, units[0].name), {})[ROOM] = [program.model.active_site[site]]
        return {units[0].name: Heat(balance.room_heat_kw, balance.room_heat_average_kw)}
    taken: dict[str, Heat] = {}
    choices = []
    for unit in units:
        key = (site, unit.name)
        choice = program.var("in_room", key, ub=1, binary=True)
        choices.append(choice)
        program.needs_collector.setdefault(key, {})[ROOM] = [choice]
        peak = program.var("room_taken", key, ub=most)
        program.require("room_chosen", key, peak <= most * choice)
        average = {t: program.var("room_taken_on_average", (*key, t), ub=most) for t in periods}
        for t in periods:
            program.require("room_chosen_on_average", (*key, t), average[t] <= most * choice)
        taken[unit.name] = Heat(peak, average)
    program.require("one_in_room", site, total(choices) == program.model.active_site[site])
    program.require("room_cooled", site, total(heat.peak_kw for heat in taken.values()) == balance.room_heat_kw)
    for t in periods:
        in_room = total(heat.average_kw[t] for heat in taken.values())
        program.require("room_cooled_on_average", (site, t), in_room == balance.room_heat_average_kw[t])
    program.follow(
        [(heat.peak_kw, heat.average_kw, choice) for heat, choice in zip(taken.values(), choices, strict=True)],
        balance.room_heat_kw,
        balance.room_heat_average_kw,
    )
    return taken


def _heat_taken(program: Program, site: str, unit: CoolingUnit, room: Heat | None) -> Heat:
    """Return the heat that reaches a collector from racks and room."""
    peak = list(program.heat_peak_kw.get((site, unit.name), []))
    average = {
        piece.index: list(program.heat_average_kw.get((site, unit.name, piece.index), [])) for piece in program.slices
    }
    if room is not None:
        peak.append(room.peak_kw)
        for t, terms in average.items():
            terms.append(room.average_kw[t])
    return Heat(total(peak), {t: total(terms) for t, terms in average.items()})


def _fans(program: Program, site: str, unit: CoolingUnit, heat: Heat) -> Heat:
    """Put the fans and pumps of a collector on the UPS; return the heat that its loop carries on, theirs included."""
    row, balance = program.problem.sites[site], program.balances[site]
    design, mean = design_kw_per_kw(unit, row), mean_kw_per_kw(unit, row)
    if design:
        balance.fans_kw.append(design * heat.peak_kw)
    for t, average in heat.average_kw.items():
        if mean:
            balance.add_average(balance.fans_average_kw, t, mean * average)
    _water(program, site, unit, heat)
    return Heat((1 + design) * heat.peak_kw, {t: (1 + mean) * average for t, average in heat.average_kw.items()})


@dataclass(frozen=True)
class Loop:
    """A loop of heat rejection: its name, how its units are counted, and the heat that it carries at most and least."""

    name: str
    sizing: Sizing
    most_kw: float
    least_kw: float


def _reject(program: Program, site: str, flows: list[Heat], users: list[Any], loop: Loop) -> None:
    row, balance = program.problem.sites[site], program.balances[site]
    demand = Demand(
        total(flow.peak_kw for flow in flows),
        {piece.index: total(flow.average_kw[piece.index] for flow in flows) for piece in program.slices},
        most_kw=loop.most_kw,
        least_kw=loop.least_kw,
    )
    options = program.candidates.sites[site].rejection[loop.name]
    for branch in stage(program, site, f"{loop.name} heat-rejection", options, demand, loop.sizing, users):
        unit = branch.unit
        assert isinstance(unit, CoolingUnit)
        if design := design_kw_per_kw(unit, row):
            balance.rejection_kw.append(design * branch.peak_kw)
        if mean := mean_kw_per_kw(unit, row):
            for t, heat in branch.average_kw.items():
                balance.add_average(balance.rejection_average_kw, t, mean * heat)
        _water(program, site, unit, Heat(branch.peak_kw, branch.average_kw))


def _water(program: Program, site: str, unit: CoolingUnit, heat: Heat) -> None:
    balance = program.balances[site]
    if unit.water_l_per_kwh:
        for t, average in heat.average_kw.items():
            balance.add_average(balance.water_m3_per_year, t, unit.water_l_per_kwh / 1000 * HOURS_PER_YEAR * average)


def extract(program: Program) -> list[CoolingRecord]:
    """Return the cooling units of every site and the heat that they take at peak."""
    records = []
    plant = program.model.component("plant_units")
    for site, facility in program.candidates.sites.items():
        for unit, _ in facility.collectors:
            key = (site, "collector", unit.name)
            if plant is not None and key in plant and whole(plant[key]):
                heat = number(program.model.heat[site, unit.name])
                if not heat and program.is_epoch:
                    continue  # it stands from before and is switched off
                records.append((site, unit.name, whole(plant[key]), heat, "", _room_share(program, site, unit)))
        for loop in LOOPS:
            for chosen in chosen_units(program, site, f"{loop} heat-rejection"):
                records.append((site, chosen.name, chosen.units, chosen.kw, loop, 0.0))
    return [
        CoolingRecord(
            site=site,
            name=name,
            year=year,
            units=units,
            kw=heat,
            serves=serves,
            room_kw=room,
            economizer_hours=economizer_hours(program.problem.cooling[name], program.problem.sites[site]),
        )
        for site, name, units, heat, serves, room in records
        for year in all_years(program)
    ]


def _room_share(program: Program, site: str, unit: CoolingUnit) -> float:
    """Return the heat of the room that a collector takes, kW."""
    taken = program.model.component("room_taken")
    if taken is not None and (site, unit.name) in taken:
        return number(taken[site, unit.name])
    room = program.balances[site].room_heat_kw
    return number(room) if unit.kind == "air" and room is not None else 0.0
