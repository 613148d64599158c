"""Racks: what stands in them, under which cooling, and in which unit."""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import Design, ElevationRecord, RackRecord
from dcopt.infrastructure.cooling import LOOPS
from dcopt.infrastructure.racks import (
    NETWORK_STORAGE,
    content_kg,
    heat_by_collector,
    rack_fill,
    rack_kw_limit,
    weakest_floor,
)
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker
from dcopt.verify.load import Load


def check(problem: Problem, design: Design, site: str, year: int, load: Load, checker: Checker) -> None:
    """Check the racks of a site in a year: everything stands in one, under cooling that it may have, and fits there."""
    records = [r for r in design.racks if (r.site, r.year) == (site, year)]
    standing: dict[str, int] = defaultdict(int)
    for pool in design.pools:
        if (pool.site, pool.year) == (site, year) and not pool.rented:
            standing[pool.node] += pool.nodes
    racked: dict[str, int] = defaultdict(int)
    for record in records:
        place = f"racks {record.name} for {record.node} at {site} year {year}"
        rack = problem.racks[record.name]
        collector = problem.cooling.get(record.cooling)
        if record.node == NETWORK_STORAGE:
            limit = rack_kw_limit(rack, collector)
            checker.equal(f"{place} kw_each", record.kw_each, load.shelf_kw / record.count)
            checker.at_most(f"{place} kw", load.shelf_kw, limit * record.count, "power of the racks")
            checker.at_most(f"{place} units", load.shelf_units, rack.units * record.count, "units of the racks")
            checker.same(f"{place} nodes", record.nodes, 0)
        else:
            node = problem.nodes[record.node]
            racked[record.node] += record.nodes
            floor = weakest_floor(problem.sites[site].floor_kg_per_m2, problem.halls_at(site))
            fill = rack_fill(node, rack, collector.max_rack_kw if collector else None, floor)
            checker.at_most(f"{place} nodes", record.nodes, fill * record.count, "fill of the racks")
            checker.equal(f"{place} kw_each", record.kw_each, record.nodes * (node.max_kw or 0.0) / record.count)
        checked_offer(problem, "racks", site, record.name, place, checker)
        _collectors(problem, site, record, place, checker)
    checker.same(f"racks at {site} year {year}: nodes", dict(racked), dict(standing))
    for name in standing:
        cooled = {(r.cooling, r.air_cooling) for r in records if r.node == name}
        checker.same(f"racks at {site} year {year}: ways to cool {name}", len(cooled), 1)
    shelves = [record for record in records if record.node == NETWORK_STORAGE]
    checker.same(
        f"racks at {site} year {year}: switches and storage",
        len(shelves),
        int(max(load.shelf_units, load.shelf_kw) > 0),
    )
    if year == problem.years[0]:
        _elevations(problem, design, site, load, checker)


def _elevations(problem: Problem, design: Design, site: str, load: Load, checker: Checker) -> None:
    """Check what stands in which unit: one above the other, everything somewhere, no rack with too much."""
    records = [e for e in design.elevations if e.site == site]
    weights = {name: (row.rack_units, row.max_kw, row.weight_kg) for name, row in problem.nodes.items()}
    for (name, units, kw), _ in load.shelf.items():
        weights[name] = (units, kw, None)
    counted: dict[tuple[str, str, str], int] = defaultdict(int)
    for record in records:
        counted[record.rack, record.content, record.cooling] += record.count
        checker.same(f"elevation of {record.rack} for {record.content} at {site} year", record.year, problem.years[0])
        _one_rack(problem, record, weights, checker)
    wanted = {
        (r.name, r.node, r.cooling): r.count for r in design.racks if (r.site, r.year) == (site, problem.years[0])
    }
    checker.same(f"elevations at {site}: racks", dict(counted), wanted)
    there: dict[str, int] = defaultdict(int)
    for record in records:
        for slot in record.slots:
            there[slot.item] += record.count
    standing: dict[str, int] = defaultdict(int)
    for pool in design.pools:
        if (pool.site, pool.year) == (site, problem.years[0]) and not pool.rented:
            standing[pool.node] += pool.nodes
    for item in load.shelf_items:
        if item.units > 0:
            standing[item.name] += round(item.count)
    checker.same(f"elevations at {site}: what stands there", dict(there), dict(standing))


def _one_rack(
    problem: Problem,
    record: ElevationRecord,
    needs: dict[str, tuple[float | None, float | None, float | None]],
    checker: Checker,
) -> None:
    rack = problem.racks[record.rack]
    place = f"elevation of {record.rack} for {record.content} at {record.site}"
    collector = problem.cooling.get(record.cooling)
    top = 1.0
    kw = kg = 0.0
    for slot in sorted(record.slots, key=lambda slot: slot.from_unit):
        units, slot_kw, slot_kg = needs.get(slot.item, (None, None, None))
        checker.equal(f"{place} {slot.item} units", slot.units, units)
        checker.equal(f"{place} {slot.item} from_unit", slot.from_unit, top)
        top = slot.from_unit + slot.units
        kw += slot_kw or 0.0
        kg += slot_kg or 0.0
    checker.at_most(f"{place} units", top - 1.0, rack.units, "units of the rack")
    is_shelf = record.content == NETWORK_STORAGE
    checker.at_most(f"{place} kw", kw, rack_kw_limit(rack, collector) if is_shelf else rack.max_kw, "power of the rack")
    limit = content_kg(rack, weakest_floor(problem.sites[record.site].floor_kg_per_m2, problem.halls_at(record.site)))
    if limit is not None:
        checker.at_most(f"{place} kg", kg, limit, "weight that the rack and the floor carry")


def checked_offer(problem: Problem, table: str, site: str, name: str, place: str, checker: Checker) -> None:
    """Check that a row may be had at a site."""
    checker.holds(f"{place} name", name in offered(problem, table, site), name, "it is not offered there")


def _collectors(problem: Problem, site: str, record: RackRecord, place: str, checker: Checker) -> None:
    """Check that the heat of a rack goes to a cooling unit of its kind, and what liquid leaves over to an air unit."""
    if problem.sites[site].kind == "colocation":
        checker.same(f"{place} cooling", (record.cooling, record.air_cooling), ("", ""))
        return
    kind = problem.racks[record.name].cooling
    node = None if record.node == NETWORK_STORAGE else problem.nodes[record.node]
    beside = "air" if kind == "liquid" and "air" in heat_by_collector(node, kind) else ""
    for name, needed in ((record.cooling, kind), (record.air_cooling, beside)):
        unit = problem.cooling.get(name)
        checker.same(f"{place} cooling {name}", unit.kind if unit else name, needed)
    if node is None:
        checker.holds(f"{place} name", kind in LOOPS["chilled"], kind, "switches and storage are cooled by air")
