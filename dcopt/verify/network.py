"""The fabric of every pool: switches, ports, cables as long as the racks ask, transceivers, what failures leave."""

from __future__ import annotations

from dcopt.design.records import Design, NetworkRecord, PoolRecord, pool_key
from dcopt.infrastructure.cabling import Cabling, cabling_of, parts_of
from dcopt.infrastructure.failures import left_pct
from dcopt.infrastructure.racks import rack_fill, weakest_floor
from dcopt.infrastructure.side_networks import side_shape
from dcopt.infrastructure.topology import FabricStep, fabric_steps, steps_for, usable
from dcopt.problem.fabric_ports import node_ports
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that the fabric of every pool has what its nodes need, to the cable and the transceiver."""
    records: dict[tuple[str, str, str, int], NetworkRecord] = {
        (r.site, r.node, r.fabric, r.year): r for r in design.network
    }
    checker.same("network: one record for each pool and year", len(records), len(design.network))
    for pool in design.pools:
        if problem.fabrics[pool.fabric].switch is None:
            continue
        place = f"network {pool_key(pool)} year {pool.year}"
        record = records.pop((pool.site, pool.node, pool.fabric, pool.year), None)
        if record is None:
            checker.holds(place, False, "no switches", "its nodes need a fabric")
            continue
        _switches(problem, pool, record, place, checker)
        step = _step(problem, pool, record, place, checker)
        if step is not None:
            _cables(problem, design, pool, record, step, place, checker)
    checker.same("network: fabrics without nodes", sorted(records), [])
    _side_networks(problem, design, checker)


def _side_networks(problem: Problem, design: Design, checker: Checker) -> None:
    """Every network beside the fabric of a site has ports for all equipment, and the switches of that many."""
    stated = {(side.site, side.name, side.year): side for side in design.side_networks}
    checker.same("side_networks: one record for each network and year", len(stated), len(design.side_networks))
    for year in problem.years:
        for site, row in problem.sites.items():
            switches = sum(n.leaf + n.spine + n.core for n in design.network if (n.site, n.year) == (site, year))
            nodes = sum(p.nodes for p in design.pools if (p.site, p.year) == (site, year))
            units = sum({r.name: r.site_units for r in design.storage if (r.site, r.year) == (site, year)}.values())
            for name in row.networks if row.kind != "cloud" else ():
                network = problem.networks[name]
                ports = network.ports_per_node * nodes + network.ports_per_storage_unit * units
                ports += network.ports_per_switch * switches
                side = stated.pop((site, name, year), None)
                place = f"side network {name} at {site} year {year}"
                checker.same(f"{place} ports", 0 if side is None else side.ports, ports)
                if side is None or not ports:
                    continue
                checker.same(f"{place} switch", side.switch, network.switch)
                steps = fabric_steps(side_shape(network, problem.switches[network.switch]), max(4 * ports, 256))
                enough = [(s.leaf, s.spine, s.core, s.trunk_links) for s in steps if s.max_nodes >= ports]
                found = (side.leaf, side.spine, side.core, side.trunk_links)
                checker.holds(f"{place} switches", found in enough, f"{found}", f"{enough[:1]} for {ports} ports")
                switches += side.leaf + side.spine + side.core
    checker.same("side_networks: networks that no site builds", sorted(stated), [])


def _switches(problem: Problem, pool: PoolRecord, record: NetworkRecord, place: str, checker: Checker) -> None:
    fabric = problem.fabrics[pool.fabric]
    switch, node = problem.switches[fabric.switch or ""], problem.nodes[pool.node]
    wrong = usable(node, fabric, switch, problem.links)
    checker.holds(f"{place} fabric", wrong is None, pool.fabric, wrong or "")
    checker.same(f"{place} switch", record.switch, fabric.switch)
    checker.same(f"{place} access_links", record.access_links, node_ports(node, fabric) * pool.nodes)
    ports = switch.ports * (record.leaf + record.spine + record.core)
    ends = record.access_links + 2 * (record.leaf_spine_links + record.spine_core_links)
    checker.at_most(f"{place} ports", ends, ports, "ports of its switches")


def _step(problem: Problem, pool: PoolRecord, record: NetworkRecord, place: str, checker: Checker) -> FabricStep | None:
    """Return the step that the design names, where it is one of the fabric that connects the pool's nodes."""
    fabric = problem.fabrics[pool.fabric]
    node, switch = problem.nodes[pool.node], problem.switches[fabric.switch or ""]
    stated = (record.leaf, record.spine, record.core, record.leaf_spine_links, record.spine_core_links)
    enough = {
        (step.leaf, step.spine, step.core, step.leaf_spine_links, step.spine_core_links): step
        for step in steps_for(node, fabric, switch, max(pool.nodes * 4, 256))
        if step.max_nodes >= pool.nodes
    }
    first = next(iter(enough), None)
    checker.holds(
        f"{place} switches",
        stated in enough,
        f"leaf, spine, core and their links {stated}",
        f"{first or 'no fabric of that size'} for {pool.nodes} nodes",
    )
    return enough.get(stated)


def _cables(
    problem: Problem,
    design: Design,
    pool: PoolRecord,
    record: NetworkRecord,
    step: FabricStep,
    place: str,
    checker: Checker,
) -> None:
    """Every link has a cable that reaches, and every end its module."""
    cabling = cabling_of(problem, pool.site, problem.nodes[pool.node], problem.fabrics[pool.fabric])
    ports = cabling.shape.ports_per_node
    by_reach: dict[str, int] = {}
    trunk = cabling.reaches("trunk")[-1]
    for cable in record.cables:
        what = f"{place} cables {cable.use} {cable.reach}"
        row = cabling.cables.get((cable.use, cable.reach))
        checker.same(f"{what} link", cable.link, None if row is None else row.name)
        if cable.use == "trunk":
            trunk = cable.reach
            checker.same(f"{what} links", cable.links, step.trunk_links)
        else:
            checker.same(f"{what} links", cable.links % ports, 0)
            by_reach[cable.reach] = by_reach.get(cable.reach, 0) + cable.links // ports
    uses = [cable.use for cable in record.cables]
    checker.same(f"{place} cables trunk rows", uses.count("trunk"), int(step.trunk_links > 0))
    checker.same(f"{place} cables access nodes", sum(by_reach.values()), pool.nodes)
    if not by_reach.keys() <= set(cabling.reaches("access")) or trunk not in cabling.reaches("trunk"):
        return  # said above: no such cable
    _lengths(cabling, step, by_reach, trunk, _fill(problem, design, pool), place, checker)
    modules = parts_of(cabling, step, by_reach, trunk)[1]
    stated = {module.transceiver: module.units for module in record.transceivers}
    checker.same(f"{place} transceivers", stated, dict(modules))
    left = left_pct(cabling.shape, step, pool.nodes)
    checker.same(f"{place} left_pct parts", sorted(record.left_pct), sorted(left))
    for part, share in left.items():
        checker.equal(f"{place} left_pct {part}", record.left_pct.get(part), share)


def _lengths(
    cabling: Cabling,
    step: FabricStep,
    by_reach: dict[str, int],
    trunk: str,
    fill: int,
    place: str,
    checker: Checker,
) -> None:
    shorter = 0
    for reach in cabling.reaches("access")[:-1]:
        shorter += by_reach.get(reach, 0)
        most = cabling.nodes_within(step, reach, fill)
        checker.at_most(f"{place} cables within {reach}", shorter, most, f"nodes within a {reach}")
    order = cabling.reaches("trunk")
    needed = cabling.trunk_reach(step, fill)
    checker.holds(
        f"{place} cables trunk reach",
        order.index(trunk) >= order.index(needed),
        trunk,
        f"links between switches reach {needed}",
    )


def _fill(problem: Problem, design: Design, pool: PoolRecord) -> int:
    """Return how many nodes a rack of a pool's node holds: the fewest of those in use (1 where none is known)."""
    floor = weakest_floor(problem.sites[pool.site].floor_kg_per_m2, problem.halls_at(pool.site))
    fills = []
    for rack in design.racks:
        mine = (rack.site, rack.node, rack.year) == (pool.site, pool.node, pool.year) and rack.nodes > 0
        if mine and rack.name in problem.racks:
            unit = problem.cooling.get(rack.cooling)
            densest = None if unit is None else unit.max_rack_kw
            fills.append(rack_fill(problem.nodes[pool.node], problem.racks[rack.name], densest, floor))
    return min(fills, default=1)
