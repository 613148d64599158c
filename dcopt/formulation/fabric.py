"""Fabric: the exact step function of switches and trunk links, and a cable and transceivers for every port of a node.

Σ_g step[p,g] = open[p],    nodes[p] ≤ Σ_g reach_g·step[p,g]
switches, trunk links and their transceivers = Σ_g counts_g·step[p,g]

Where the cable depends on the distance (see `dcopt.infrastructure.cabling`), by reach k, shortest first:

Σ_k within[p,k] = nodes[p]
Σ_{k' ≤ k} within[p,k'] ≤ Σ_g most_gk(f)·step[p,g] + limit·(1 − in_use[f]),   ≤ Σ_f (max_g most_gk(f))·in_use[f]
step[p,g] whose trunks are too short for f nodes to a rack ≤ 1 − in_use[f]

where in_use[f] says that some of the nodes stand f to a rack (see `dcopt.formulation.racks`).

Twin-port transceivers at leaves pair the ports of a rail (t: of a rail, u: of a network with ``group`` rails):

t ≥ ½·links,    t ≥ links − Σ_g paired_g·step[p,g]
u ≥ ½·links of a network,    u ≥ group·(t − ½·Σ_{one switch} step[p,g])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcopt.candidates.records import PoolFacility
from dcopt.design.records import CableRecord, ModuleRecord, NetworkRecord
from dcopt.formulation.compute import nodes_of
from dcopt.formulation.expressions import linear, total, upper_bound, whole
from dcopt.formulation.program import Program, all_years
from dcopt.infrastructure.cabling import Cabling, parts_of
from dcopt.infrastructure.failures import left_pct
from dcopt.problem.tables.catalog_rows import Link, Transceiver


def declare(program: Program) -> None:
    """Declare the steps, and buy switches, cables and transceivers."""
    for key, facility in program.candidates.facilities.items():
        if facility.cabling is None:
            continue
        for g in range(len(facility.fabric_steps)):
            program.var("fabric_step", (key, g), ub=1, binary=True)
        site = program.candidates.pools[key].site
        switch = facility.cabling.switch
        switches = _sum(program, key, facility, [float(step.switches) for step, _ in facility.fabric_steps])
        program.buy(site, "network", "switches", switch.name, switches, switch.price_usd, switch.lifetime_years)
        program.keep(site, switches, switch.price_usd, switch.support_pct_per_year, switch.maintenance_pct_per_year)
        program.constant_load(site, switches, switch.max_kw, switch.rack_units, switch.name, program.model.open[key])
        _access(program, key, facility.cabling, site)
        _trunks(program, key, facility, site)


def _sum(program: Program, key: str, facility: PoolFacility, numbers: list[float]) -> Any:
    """Return Σ number · step."""
    return linear(numbers, [program.model.fabric_step[key, g] for g in range(len(facility.fabric_steps))])


def _access(program: Program, key: str, cabling: Cabling, site: str) -> None:
    reaches = cabling.reaches("access")
    for reach in reaches:
        nodes: Any = nodes_of(program, key)
        if len(reaches) > 1:
            nodes = program.var("within", (key, reach), ub=upper_bound(nodes), integer=True)
        _part(program, site, "links", cabling.cables["access", reach], cabling.shape.ports_per_node * nodes)
        if (at_node := cabling.node_modules(reach)) is not None:
            _part(program, site, "transceivers", cabling.transceivers[at_node[0]], at_node[1] * nodes)
        if (at_leaf := cabling.leaf_module(reach)) is not None:
            units = cabling.shape.ports_per_node * nodes
            if at_leaf[1] > 1:
                units = _paired(program, key, cabling, reach, nodes)
            _part(program, site, "transceivers", cabling.transceivers[at_leaf[0]], units)


def _paired(program: Program, key: str, cabling: Cabling, reach: str, nodes: Any) -> Any:
    """Return the twin-port modules at leaves that end the access links of ``nodes``."""
    facility, shape = program.candidates.facilities[key], cabling.shape
    links = cabling.rail_ports * nodes
    most = upper_bound(links)
    of_rail = program.var("rail_modules", (key, reach), ub=most, integer=True)
    room = [float(cabling.paired_room(step)) if step.tiers > 1 else most for step, _ in facility.fabric_steps]
    odd = links - _sum(program, key, facility, room)
    program.require("rail_pairs", (key, reach), 2 * of_rail >= links)
    program.require("rail_odd", (key, reach), of_rail >= odd)
    program.least.append((of_rail, [0.5 * links, odd]))
    if shape.group == 1:
        return shape.networks * of_rail
    of_network = program.var("network_modules", (key, reach), ub=most * shape.group, integer=True)
    alone = _sum(program, key, facility, [float(step.tiers == 1) for step, _ in facility.fabric_steps])
    program.require("network_pairs", (key, reach), 2 * of_network >= shape.network_ports * nodes)
    program.require("network_rails", (key, reach), of_network >= shape.group * (of_rail - 0.5 * alone))
    program.least.append((of_network, [0.5 * shape.network_ports * nodes, shape.group * (of_rail - 0.5 * alone)]))
    return shape.networks * of_network


def _trunks(program: Program, key: str, facility: PoolFacility, site: str) -> None:
    cabling = facility.cabling
    assert cabling is not None
    for reach in cabling.reaches("trunk"):
        of_reach = [step if of == reach else None for step, of in facility.fabric_steps]
        links = _sum(program, key, facility, [float(step.trunk_links) if step else 0.0 for step in of_reach])
        _part(program, site, "links", cabling.cables["trunk", reach], links)
        modules = [cabling.trunk_modules(step, reach) if step else None for step in of_reach]
        names = {module[0] for module in modules if module is not None}
        for name in names:
            units = _sum(program, key, facility, [float(module[1]) if module else 0.0 for module in modules])
            _part(program, site, "transceivers", cabling.transceivers[name], units)


def _part(program: Program, site: str, table: str, row: Link | Transceiver, count: Any) -> None:
    program.buy(site, "network", table, row.name, count, row.price_usd, row.lifetime_years)
    program.constant_load(site, count, row.kw, 0.0)


def link(program: Program) -> None:
    """Give every open pool a step that reaches its nodes."""
    for key, facility in program.candidates.facilities.items():
        if facility.cabling is None:
            continue
        fabric = program.candidates.pools[key].fabric
        ones = [1.0] * len(facility.fabric_steps)
        reach = [float(step.max_nodes) for step, _ in facility.fabric_steps]
        program.require("one_fabric_step", key, _sum(program, key, facility, ones) == program.model.open[key])
        program.require(
            "fabric_reach",
            key,
            nodes_of(program, key) <= _sum(program, key, facility, reach),
            row=f"fabrics.csv: {fabric.listed.name} switch",
            sentence=f"the fabric of {key} has ports for its nodes",
        )
        reaches = facility.cabling.reaches("access")
        if len(reaches) > 1:
            within = [program.model.within[key, reach] for reach in reaches]
            program.require("all_within", key, total(within) == nodes_of(program, key))


def lengths_differ(program: Program, key: str) -> bool:
    """Whether what the cables of a pool are depends on how many nodes stand in a rack."""
    cabling = program.candidates.facilities[key].cabling
    return cabling is not None and any(len(cabling.reaches(use)) > 1 for use in ("access", "trunk"))


def keep_lengths(program: Program, key: str, in_use: Mapping[int, Any]) -> None:
    """No cable is too short for a rack in use; ``in_use`` are binaries by nodes to a rack.

    The fewer nodes to a rack the longer the cables, so that of several kinds in use the one that holds the fewest
    decides.
    """
    facility = program.candidates.facilities[key]
    cabling = facility.cabling
    if cabling is None:
        return
    reaches = cabling.reaches("access")
    for n, reach in enumerate(reaches[:-1], start=1):
        shorter = total(program.model.within[key, of] for of in reaches[:n])
        at_any = []
        for fill, used in in_use.items():
            most = [float(cabling.nodes_within(step, reach, fill)) for step, _ in facility.fabric_steps]
            at_any.append(max(most) * used)
            room = _sum(program, key, facility, most) + upper_bound(shorter) * (1 - used)
            program.require("cables_reach", (key, fill, reach), shorter <= room)
        program.require("cables_reach_any", (key, reach), shorter <= total(at_any))
    order = cabling.reaches("trunk")
    for fill, used in in_use.items():
        short = [
            float(order.index(reach) < order.index(cabling.trunk_reach(step, fill)))
            for step, reach in facility.fabric_steps
        ]
        if any(short):
            program.require("trunks_reach", (key, fill), _sum(program, key, facility, short) + used <= 1)


def extract(program: Program) -> list[NetworkRecord]:
    """Return the switches, cables and transceivers of every pool that holds nodes."""
    records = []
    for key, facility in program.candidates.facilities.items():
        pool = program.candidates.pools[key]
        nodes = whole(nodes_of(program, key))
        if facility.cabling is None or nodes == 0:
            continue
        steps = enumerate(facility.fabric_steps)
        step, trunk = next(option for g, option in steps if whole(program.model.fabric_step[key, g]))
        cabling = facility.cabling
        by_reach = _nodes_by_reach(program, key, cabling, nodes)
        modules = parts_of(cabling, step, by_reach, trunk)[1]
        uses: list[tuple[str, str, int]] = [
            ("access", reach, number * cabling.shape.ports_per_node) for reach, number in by_reach.items()
        ]
        uses += [("trunk", trunk, step.trunk_links)] if step.trunk_links else []
        records += [
            NetworkRecord(
                site=pool.site,
                node=pool.node.name,
                fabric=pool.fabric.name,
                year=year,
                switch=cabling.switch.name,
                leaf=step.leaf,
                spine=step.spine,
                core=step.core,
                access_links=cabling.shape.ports_per_node * nodes,
                leaf_spine_links=step.leaf_spine_links,
                spine_core_links=step.spine_core_links,
                cables=tuple(
                    CableRecord.model_validate(
                        {"link": cabling.cables[use, reach].name, "use": use, "reach": reach, "links": links}
                    )
                    for use, reach, links in uses
                ),
                transceivers=tuple(ModuleRecord(transceiver=name, units=n) for name, n in sorted(modules.items())),
                left_pct=left_pct(cabling.shape, step, nodes),
            )
            for year in all_years(program)
        ]
    return records


def _nodes_by_reach(program: Program, key: str, cabling: Cabling, nodes: int) -> dict[str, int]:
    reaches = cabling.reaches("access")
    if len(reaches) == 1:
        return {reaches[0]: nodes}
    found = {reach: whole(program.model.within[key, reach]) for reach in reaches}
    return {reach: number for reach, number in found.items() if number}
