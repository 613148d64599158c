"""Racks, heat, cooling, the power chain and the energy of every site, recomputed from what stands there."""

from __future__ import annotations

from dataclasses import dataclass

from dcopt.design.records import Design, RackRecord
from dcopt.infrastructure.cooling import (
    LOOPS,
    design_kw_per_kw,
    economizer_hours,
    loop_of,
    mean_kw_per_kw,
    serves,
    water_m3_per_hour,
)
from dcopt.infrastructure.plant import Flows, Plant, balance
from dcopt.infrastructure.power import CHAIN, INDOORS, PARALLEL, losses_kw, units_needed, usable_kw
from dcopt.infrastructure.racks import NETWORK_STORAGE, heat_by_collector
from dcopt.performance.workloads import HOURS_PER_YEAR
from dcopt.problem.day import Hours, bands_of_day
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.building_rows import HOURS_PER_DAY
from dcopt.verify import racks
from dcopt.verify.checker import Checker
from dcopt.verify.load import Load, load_of
from dcopt.verify.racks import checked_offer


@dataclass(frozen=True)
class SiteYear:
    """The recomputed balances of a site in a year."""

    it_kw: float
    grid_kw: float
    it_average_kw: float
    grid_average_kw: float
    water_m3: float
    grid_kw_by_hour: tuple[float, ...]
    """Mean draw in each hour of the day, UTC."""


def check(problem: Problem, design: Design, checker: Checker) -> dict[tuple[str, int], SiteYear]:
    """Check the facility of every site and year; return the balances, which the money is rebuilt from."""
    found: dict[tuple[str, int], SiteYear] = {}
    for year in problem.years:
        for site, row in problem.sites.items():
            if row.kind == "cloud":
                continue
            loads = [(hours, load_of(problem, design, site, year, hours)) for hours in bands_of_day(problem)]
            if loads[0][1].peak_kw <= 0:
                continue
            racks.check(problem, design, site, year, loads[0][1], checker)
            found[site, year] = _balances(problem, design, site, year, loads, checker)
    stated = [(record.site, record.year) for record in design.sites]
    checker.same("sites: sites and years with equipment", sorted(stated), sorted(found))
    for record in design.sites:
        found_here = found.get((record.site, record.year))
        if found_here is None:
            continue
        place = f"site {record.site} year {record.year}"
        for name, said, value in (
            ("it_kw", record.it_kw, found_here.it_kw),
            ("facility_kw", record.facility_kw, found_here.grid_kw),
            ("power_limit_kw", record.power_limit_kw, problem.sites[record.site].power_limit_kw),
            ("pue", record.pue, found_here.grid_average_kw / found_here.it_average_kw),
            ("energy_mwh_per_year", record.energy_mwh_per_year, found_here.grid_average_kw * HOURS_PER_YEAR / 1e3),
            ("water_m3_per_year", record.water_m3_per_year, found_here.water_m3),
            (
                "wue_l_per_kwh",
                record.wue_l_per_kwh,
                found_here.water_m3 * 1e3 / found_here.it_average_kw / HOURS_PER_YEAR,
            ),
        ):
            checker.equal(f"{place} {name}", said, value)
        limit = problem.sites[record.site].power_limit_kw or 0.0
        checker.at_most(f"{place} facility_kw", record.facility_kw, limit, "power_limit_kw")
        standing = sum(r.count for r in design.racks if (r.site, r.year) == (record.site, record.year))
        checker.same(f"{place} rack_positions_used", record.rack_positions_used, standing)
        positions = problem.sites[record.site].rack_positions
        if positions is not None:
            checker.at_most(f"{place} rack_positions_used", standing, positions, "rack_positions")
    return found


Loads = list[tuple[Hours, Load]]
"""What a site draws in each band of the day."""


def _balances(problem: Problem, design: Design, site: str, year: int, loads: Loads, checker: Checker) -> SiteYear:
    row, load = problem.sites[site], loads[0][1]
    if row.kind == "colocation":
        pue = row.colocation_pue or 1.0
        return _site_year(load.peak_kw, pue * load.peak_kw, loads, [(pue * of.average_kw, 0.0) for _, of in loads])
    records = [r for r in design.racks if (r.site, r.year) == (site, year)]
    heat = _heat(problem, records, load, checker)
    plant = _plant(problem, design, site, year, heat, checker)
    peak = balance(
        plant, load.peak_kw, {name: kw for name, (kw, _) in heat.items()}, lambda unit: design_kw_per_kw(unit, row)
    )
    means = []
    for _, of_band in loads:
        heat = heat if of_band is load else _heat(problem, records, of_band, checker)
        given = {name: kw for name, (_, kw) in heat.items()}
        mean = balance(plant, of_band.average_kw, given, lambda unit: mean_kw_per_kw(unit, row))
        taken = [(plant.collectors[name], kw) for name, kw in mean.heat.items()]
        taken += [(plant.rejection[loop], kw) for loop, kw in mean.rejected.items()]
        means.append((mean.grid, sum(water_m3_per_hour(kw, unit) for unit, kw in taken) * HOURS_PER_YEAR))
    _cooling(problem, design, site, year, plant, peak, checker)
    _power(problem, design, site, year, (load, peak), checker)
    return _site_year(load.peak_kw, peak.grid, loads, means)


def _site_year(it_kw: float, grid_kw: float, loads: Loads, means: list[tuple[float, float]]) -> SiteYear:
    """Return the balances of a site whose mean grid draw and yearly water in each band are ``means``."""
    share = [len(hours) / HOURS_PER_DAY for hours, _ in loads]
    by_hour = [0.0] * HOURS_PER_DAY
    for (hours, _), (grid, _) in zip(loads, means, strict=True):
        for hour in hours:
            by_hour[hour] = grid
    return SiteYear(
        it_kw=it_kw,
        grid_kw=grid_kw,
        it_average_kw=sum(part * load.average_kw for part, (_, load) in zip(share, loads, strict=True)),
        grid_average_kw=sum(part * grid for part, (grid, _) in zip(share, means, strict=True)),
        water_m3=sum(part * water for part, (_, water) in zip(share, means, strict=True)),
        grid_kw_by_hour=tuple(by_hour),
    )


def _heat(problem: Problem, records: list[RackRecord], load: Load, checker: Checker) -> dict[str, tuple[float, float]]:
    """Return (peak, average) heat of the racks by collector; a node kind's heat goes where its racks stand."""
    heat: dict[str, tuple[float, float]] = {}
    for record in records:
        cooling = problem.racks[record.name].cooling
        if record.node == NETWORK_STORAGE:
            shares = heat_by_collector(None, cooling)
            peak = average = load.shelf_kw
        else:
            shares = heat_by_collector(problem.nodes[record.node], cooling)
            all_nodes = sum(r.nodes for r in records if r.node == record.node)
            part = record.nodes / all_nodes if all_nodes else 0.0
            peak, average = part * load.node_peak_kw[record.node], part * load.node_average_kw[record.node]
        for kind, share in shares.items():
            name = record.cooling if kind == cooling else record.air_cooling
            if name not in problem.cooling:
                checker.holds(
                    f"cooling at {record.site} year {record.year}", False, f"collector {name!r}", "no such unit"
                )
                continue
            before = heat.get(name, (0.0, 0.0))
            heat[name] = (before[0] + share * peak, before[1] + share * average)
    return heat


def _plant(
    problem: Problem, design: Design, site: str, year: int, heat: dict[str, tuple[float, float]], checker: Checker
) -> Plant:
    """Return what the records say was chosen, after checking that it is one whole plant."""
    place = f"at {site} year {year}"
    power = [r for r in design.power if (r.site, r.year) == (site, year)]
    parts = {r.role: (problem.power[r.name], r.units) for r in power}
    checker.same(f"power {place}: one part a role", len(parts), len(power))
    for role in (*CHAIN, PARALLEL):
        checker.same(f"power {place} {role}", role in parts, _offered_role(problem, site, role))
    cooling = [r for r in design.cooling if (r.site, r.year) == (site, year)]
    rooms = [r.name for r in cooling if r.room_kw > 0]
    losing = any(losses_kw(part, units, 1.0) > 0 for role, (part, units) in parts.items() if role in INDOORS)
    air = any(offer.row.kind == "air" for offer in offered(problem, "cooling", site).values())
    checker.same(f"cooling {place}: units that take the room's heat", len(rooms), int(losing and air))
    for name in rooms:
        checker.same(f"cooling {name} {place}: kind that takes the room's heat", problem.cooling[name].kind, "air")
    names = {*heat, *rooms[:1]}
    collectors = {name: problem.cooling[name] for name in sorted(names)}
    rejection = {}
    for loop in {loop_of(unit.kind) for unit in collectors.values()}:
        of_loop = [r for r in cooling if r.serves == loop]
        checker.same(f"cooling {place}: rejection of the {loop} loop", len(of_loop), 1)
        for record in of_loop:
            fits = all(serves(problem.cooling[record.name], kind) for kind in LOOPS[loop])
            checker.holds(f"cooling {record.name} at {site}", fits, f"serves {loop}", "it cannot")
            rejection[loop] = problem.cooling[record.name]
    return Plant(parts, collectors, rooms[0] if rooms else "", rejection)


def _cooling(
    problem: Problem, design: Design, site: str, year: int, plant: Plant, flows: Flows, checker: Checker
) -> None:
    """Check the cooling units of a site against the heat that reaches them at peak."""
    redundancy = problem.sites[site].redundancy_of_cooling
    records = [r for r in design.cooling if (r.site, r.year) == (site, year)]
    stated = {(r.name, r.serves): r for r in records}
    checker.same(f"cooling at {site} year {year}: one record a unit", len(stated), len(records))
    taken = [(name, "", kw) for name, kw in flows.heat.items()]
    taken += [(plant.rejection[loop].name, loop, kw) for loop, kw in flows.rejected.items()]
    for name, loop, kw in taken:
        unit = problem.cooling[name]
        place = f"cooling {name} at {site} year {year}"
        found = stated.pop((name, loop), None)
        needed = units_needed(kw, unit.kw, redundancy, unit.max_parallel)
        _units(place, needed, found.units if found else 0, redundancy, "units for the heat", checker)
        checker.equal(f"{place} kw", found.kw if found else 0.0, kw)
        if found is not None:
            hours = economizer_hours(unit, problem.sites[site])
            checker.equal(f"{place} economizer_hours", found.economizer_hours, hours)
            checker.equal(
                f"{place} room_kw", found.room_kw, flows.room_heat if name == plant.room and not loop else 0.0
            )
        checked_offer(problem, "cooling", site, name, place, checker)
    checker.same(f"cooling at {site} year {year}: units without heat", sorted(stated), [])


def _units(place: str, needed: int, stated: int, redundancy: str, what: str, checker: Checker) -> None:
    checker.at_most(f"{place} units", needed, stated, what)
    if redundancy == "2N":
        checker.same(f"{place} units on two sides", stated % 2, 0)


def _power(problem: Problem, design: Design, site: str, year: int, seen: tuple[Load, Flows], checker: Checker) -> None:
    """Check the power chain of a site: what each role carries, loses and is sized for."""
    load, flows = seen
    row = problem.sites[site]
    for record in design.power:
        if (record.site, record.year) != (site, year):
            continue
        place = f"power {record.name} at {site} year {year}"
        part = problem.power[record.name]
        checker.same(f"{place} role", part.role, record.role)
        checked_offer(problem, "power", site, record.name, place, checker)
        kw = flows.carried[record.role]
        sized = load.rated_kw if record.role == "pdu" else kw
        checker.equal(f"{place} kw", record.kw, kw)
        checker.equal(f"{place} sized_kw", record.sized_kw, sized)
        checker.equal(f"{place} loss_kw", record.loss_kw, flows.lost.get(record.role, 0.0))
        unit_kw = usable_kw(part, row.ups_minutes)
        checker.holds(f"{place} batteries", unit_kw > 0, f"{row.ups_minutes:g} minutes", "it has none")
        if unit_kw > 0:
            needed = units_needed(sized, unit_kw, row.redundancy, part.max_parallel)
            _units(place, needed, record.units, row.redundancy, "units for the load", checker)


def _offered_role(problem: Problem, site: str, role: str) -> bool:
    return any(offer.row.role == role for offer in offered(problem, "power", site).values())
