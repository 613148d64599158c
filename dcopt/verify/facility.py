"""Racks, heat, cooling, the power chain and the energy of every site, recomputed from what stands there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from dcopt.design.records import Design, PoolRecord, RackRecord
from dcopt.infrastructure.cooling import LOOPS, electricity_kw, loop_of, serves, water_m3_per_hour
from dcopt.infrastructure.power import CHAIN, PARALLEL, chain_loads, units_needed
from dcopt.infrastructure.racks import NETWORK_STORAGE, heat_by_collector, rack_fill, rack_kw_limit
from dcopt.performance.power import serving_node_kw, training_node_kw
from dcopt.performance.workloads import HOURS_PER_YEAR
from dcopt.problem.demand import load_in
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker


@dataclass
class Load:
    """What stands at a site in a year: peaks and averages of nodes (by name) and of switches, cables and storage."""

    node_peak_kw: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    node_average_kw: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    shelf_kw: float = 0.0
    shelf_units: float = 0.0

    @property
    def peak_kw(self) -> float:
        """IT peak."""
        return sum(self.node_peak_kw.values()) + self.shelf_kw

    @property
    def average_kw(self) -> float:
        """IT average."""
        return sum(self.node_average_kw.values()) + self.shelf_kw


@dataclass(frozen=True)
class SiteYear:
    """The recomputed balances of a site in a year."""

    it_kw: float
    grid_kw: float
    it_average_kw: float
    grid_average_kw: float
    water_m3: float


def check(problem: Problem, design: Design, checker: Checker) -> dict[tuple[str, int], SiteYear]:
    """Check the facility of every site and year; return the balances, which the money is rebuilt from."""
    found: dict[tuple[str, int], SiteYear] = {}
    for year in range(1, design.horizon_years + 1):
        for site, row in problem.sites.items():
            if row.kind == "cloud":
                continue
            load = load_of(problem, design, site, year)
            if load.peak_kw <= 0:
                continue
            _racks(problem, design, site, year, load, checker)
            found[site, year] = _balances(problem, design, site, year, load, checker)
    stated = [(record.site, record.year) for record in design.sites]
    checker.same("sites: sites and years with equipment", sorted(stated), sorted(found))
    for record in design.sites:
        balance = found.get((record.site, record.year))
        if balance is None:
            continue
        place = f"site {record.site} year {record.year}"
        carbon = problem.sites[record.site].carbon_kg_per_kwh
        for name, said, value in (
            ("it_kw", record.it_kw, balance.it_kw),
            ("facility_kw", record.facility_kw, balance.grid_kw),
            ("power_limit_kw", record.power_limit_kw, problem.sites[record.site].power_limit_kw),
            ("pue", record.pue, balance.grid_average_kw / balance.it_average_kw),
            ("energy_mwh_per_year", record.energy_mwh_per_year, balance.grid_average_kw * HOURS_PER_YEAR / 1e3),
            ("carbon_t_per_year", record.carbon_t_per_year, balance.grid_average_kw * HOURS_PER_YEAR / 1e3 * carbon),
            ("water_m3_per_year", record.water_m3_per_year, balance.water_m3),
        ):
            checker.equal(f"{place} {name}", said, value)
        limit = problem.sites[record.site].power_limit_kw or 0.0
        checker.at_most(f"{place} facility_kw", record.facility_kw, limit, "power_limit_kw")
        racks = sum(r.count for r in design.racks if (r.site, r.year) == (record.site, record.year))
        checker.same(f"{place} rack_positions_used", record.rack_positions_used, racks)
        positions = problem.sites[record.site].rack_positions
        if positions is not None:
            checker.at_most(f"{place} rack_positions_used", racks, positions, "rack_positions")
    return found


def load_of(problem: Problem, design: Design, site: str, year: int) -> Load:
    """Return what the nodes, switches, cables and storage of a site draw in a year."""
    load = Load()
    for pool in design.pools:
        if (pool.site, pool.year) == (site, year) and not pool.rented:
            node = problem.nodes[pool.node]
            load.node_peak_kw[pool.node] += node.peak_kw * pool.nodes
            load.node_average_kw[pool.node] += node.standby_kw * pool.nodes + _activity_kw(problem, design, pool)
    for net in design.network:
        if (net.site, net.year) == (site, year):
            switch = problem.switches[net.switch]
            switches = net.leaf + net.spine + net.core
            load.shelf_kw += switches * switch.max_kw
            load.shelf_kw += sum(cable.links * problem.links[cable.link].kw for cable in net.cables)
            load.shelf_kw += sum(m.units * problem.transceivers[m.transceiver].kw for m in net.transceivers)
            load.shelf_units += switches * switch.rack_units
    for side in design.side_networks:
        if (side.site, side.year) == (site, year):
            network, switch = problem.networks[side.name], problem.switches[side.switch]
            switches = side.leaf + side.spine + side.core
            load.shelf_kw += switches * switch.max_kw + side.ports * problem.links[network.access_link].kw
            load.shelf_kw += side.trunk_links * problem.links[network.trunk_link].kw
            load.shelf_units += switches * switch.rack_units
    for name, units in storage_units(design, site, year).items():
        load.shelf_kw += units * problem.storage[name].max_kw
        load.shelf_units += units * problem.storage[name].rack_units
    return load


def storage_units(design: Design, site: str, year: int) -> dict[str, int]:
    """Return the units of each storage row at a site."""
    return {r.name: r.site_units for r in design.storage if (r.site, r.year) == (site, year)}


def _activity_kw(problem: Problem, design: Design, pool: PoolRecord) -> float:
    """Return the average power above standby of what runs on a pool."""
    node = problem.nodes[pool.node]
    where = (pool.site, pool.node, pool.fabric, pool.year)
    total = pool.service_nodes * (serving_node_kw(node, 0.0) - node.standby_kw)
    for job in design.training:
        if (job.site, job.node, job.fabric, job.year) == where:
            row = problem.training[job.job]
            node_hours = job.runs_per_year * row.overhead_factor * job.nodes * job.days * 24
            total += node_hours / HOURS_PER_YEAR * (training_node_kw(node) - node.standby_kw)
    for part in design.inference:
        if (part.site, part.node, part.fabric, part.year) == where:
            peak, mean = load_in(problem.inference[part.service], part.year)
            busy = part.requests_per_s * mean / peak / part.saturated_requests_per_s
            chips = part.replicas * part.accelerators_per_replica / node.accelerators
            total += busy * chips * (serving_node_kw(node, 1.0) - serving_node_kw(node, 0.0))
    return total


def _racks(problem: Problem, design: Design, site: str, year: int, load: Load, checker: Checker) -> None:
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
            fill = rack_fill(node, rack, collector.max_rack_kw if collector else None)
            checker.at_most(f"{place} nodes", record.nodes, fill * record.count, "fill of the racks")
            checker.equal(f"{place} kw_each", record.kw_each, record.nodes * (node.max_kw or 0.0) / record.count)
        _offered(problem, "racks", site, record.name, place, checker)
        _collectors(problem, site, record, place, checker)
    checker.same(f"racks at {site} year {year}: nodes", dict(racked), dict(standing))
    shelves = [record for record in records if record.node == NETWORK_STORAGE]
    checker.same(f"racks at {site} year {year}: switches and storage", len(shelves), int(load.shelf_units > 0))


def _offered(problem: Problem, table: str, site: str, name: str, place: str, checker: Checker) -> None:
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


def _balances(problem: Problem, design: Design, site: str, year: int, load: Load, checker: Checker) -> SiteYear:
    row = problem.sites[site]
    if row.kind == "colocation":
        pue = row.colocation_pue or 1.0
        return SiteYear(load.peak_kw, pue * load.peak_kw, load.average_kw, pue * load.average_kw, 0.0)
    cooling_kw, cooling_average_kw, water = _cooling(problem, design, site, year, load, checker)
    grid, grid_average = _power(problem, design, site, year, load, (cooling_kw, cooling_average_kw), checker)
    return SiteYear(load.peak_kw, grid, load.average_kw, grid_average, water)


def _heat(problem: Problem, records: list[RackRecord], load: Load) -> dict[str, tuple[float, float]]:
    """Return (peak, average) heat by collector; a node kind's heat goes where its racks stand."""
    heat: dict[str, tuple[float, float]] = {}
    for record in records:
        cooling = problem.racks[record.name].cooling
        if record.node == NETWORK_STORAGE:
            shares = heat_by_collector(None, cooling)
            peak = average = load.shelf_kw
        else:
            shares = heat_by_collector(problem.nodes[record.node], cooling)
            peak, average = load.node_peak_kw[record.node], load.node_average_kw[record.node]
        for kind, share in shares.items():
            name = record.cooling if kind == cooling else record.air_cooling
            before = heat.get(name, (0.0, 0.0))
            heat[name] = (before[0] + share * peak, before[1] + share * average)
    return heat


def _cooling(
    problem: Problem, design: Design, site: str, year: int, load: Load, checker: Checker
) -> tuple[float, float, float]:
    """Check the cooling units of a site; return (peak kW, average kW, m³ of water a year)."""
    redundancy = problem.sites[site].redundancy
    heat = _heat(problem, [r for r in design.racks if (r.site, r.year) == (site, year)], load)
    records = [r for r in design.cooling if (r.site, r.year) == (site, year)]
    stated = {(r.name, r.serves): r for r in records}
    checker.same(f"cooling at {site} year {year}: one record a unit", len(stated), len(records))
    loops: dict[str, tuple[float, float]] = {}
    taken: list[tuple[str, str, float, float]] = []
    for name, (peak, average) in heat.items():
        if name not in problem.cooling:
            checker.holds(f"cooling at {site} year {year}", False, f"collector {name!r}", "no such unit")
            continue
        taken.append((name, "", peak, average))
        loop = loop_of(problem.cooling[name].kind)
        before = loops.get(loop, (0.0, 0.0))
        loops[loop] = (before[0] + peak, before[1] + average)
    for loop, (peak, average) in loops.items():
        of_loop = [r for r in records if r.serves == loop]
        checker.same(f"cooling at {site} year {year}: rejection of the {loop} loop", len(of_loop), 1)
        for record in of_loop:
            fits = all(serves(problem.cooling[record.name], kind) for kind in LOOPS[loop])
            checker.holds(f"cooling {record.name} at {site}", fits, f"serves {loop}", "it cannot")
            taken.append((record.name, loop, peak, average))
    power = mean_power = water = 0.0
    for name, loop, peak, average in taken:
        unit = problem.cooling[name]
        place = f"cooling {name} at {site} year {year}"
        found = stated.pop((name, loop), None)
        needed = units_needed(peak, unit.kw, redundancy)
        checker.at_most(f"{place} units", needed, found.units if found else 0, "units for the heat")
        checker.equal(f"{place} kw", found.kw if found else 0.0, peak)
        _offered(problem, "cooling", site, name, place, checker)
        power += electricity_kw(peak, unit)
        mean_power += electricity_kw(average, unit)
        water += water_m3_per_hour(average, unit) * HOURS_PER_YEAR
    checker.same(f"cooling at {site} year {year}: units without heat", sorted(stated), [])
    return power, mean_power, water


def _power(
    problem: Problem,
    design: Design,
    site: str,
    year: int,
    load: Load,
    cooling_kw: tuple[float, float],
    checker: Checker,
) -> tuple[float, float]:
    """Check the power chain of a site; return (peak, average) kW drawn from the grid."""
    records = {r.role: r for r in design.power if (r.site, r.year) == (site, year)}
    count = sum(1 for r in design.power if (r.site, r.year) == (site, year))
    checker.same(f"power at {site} year {year}: one part a role", len(records), count)
    for role in (*CHAIN, PARALLEL):
        checker.same(f"power at {site} year {year} {role}", role in records, _offered_role(problem, site, role))
    efficiency = {role: problem.power[record.name].efficiency_pct for role, record in records.items()}
    peaks = chain_loads(load.peak_kw, efficiency, cooling_kw[0])
    means = chain_loads(load.average_kw, efficiency, cooling_kw[1])
    for role, record in records.items():
        place = f"power {record.name} at {site} year {year}"
        part = problem.power[record.name]
        checker.same(f"{place} role", part.role, role)
        _offered(problem, "power", site, record.name, place, checker)
        checker.equal(f"{place} kw", record.kw, peaks[role])
        needed = units_needed(peaks[role], part.kw, problem.sites[site].redundancy)
        checker.at_most(f"{place} units", needed, record.units, "units for the load")
    return peaks["grid"], means["grid"]


def _offered_role(problem: Problem, site: str, role: str) -> bool:
    return any(offer.row.role == role for offer in offered(problem, "power", site).values())
