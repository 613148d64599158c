"""Fabric: the exact step function of switches and trunk links, and a cable for every port of a node.

Σ_g step[p,g] = open[p],    nodes[p] ≤ Σ_g reach_g·step[p,g]
switches, trunk links = Σ_g counts_g·step[p,g];   access links = ports·nodes[p]
"""

from __future__ import annotations

from typing import Any

from dcopt.design.records import NetworkRecord
from dcopt.formulation.compute import nodes_of
from dcopt.formulation.program import Program, all_years, linear, whole
from dcopt.problem.tables.catalog_rows import Link


def declare(program: Program) -> None:
    """Declare the steps, and buy switches and cables."""
    for key, facility in program.candidates.facilities.items():
        if facility.switch is None or facility.access_link is None or facility.trunk_link is None:
            continue
        steps = [program.var("fabric_step", (key, g), ub=1, binary=True) for g in range(len(facility.fabric_steps))]
        switches = linear([float(step.switches) for step in facility.fabric_steps], steps)
        trunks = linear([float(step.trunk_links) for step in facility.fabric_steps], steps)
        site = program.candidates.pools[key].site
        switch = facility.switch
        program.buy(site, "network", "switches", switch.name, switches, switch.price_usd, switch.lifetime_years)
        program.pay(site, "support", switches, switch.price_usd * switch.support_pct_per_year / 100)
        program.pay(site, "maintenance", switches, switch.price_usd * switch.maintenance_pct_per_year / 100)
        program.constant_load(site, switches, switch.max_kw, switch.rack_units, switch.name, program.model.open[key])
        _cables(program, site, facility.access_link, facility.node_ports * nodes_of(program, key))
        _cables(program, site, facility.trunk_link, trunks)


def _cables(program: Program, site: str, cable: Link, count: Any) -> None:
    program.buy(site, "network", "links", cable.name, count, cable.price_usd, cable.lifetime_years)
    program.constant_load(site, count, cable.kw, 0.0)


def link(program: Program) -> None:
    """Give every open pool a step that reaches its nodes."""
    model = program.model
    for key, facility in program.candidates.facilities.items():
        if facility.switch is None:
            continue
        steps = [model.fabric_step[key, g] for g in range(len(facility.fabric_steps))]
        fabric = program.candidates.pools[key].fabric
        program.require("one_fabric_step", key, linear([1.0] * len(steps), steps) == model.open[key])
        program.require(
            "fabric_reach",
            key,
            nodes_of(program, key) <= linear([float(step.max_nodes) for step in facility.fabric_steps], steps),
            row=f"fabrics.csv: {fabric.name} switch",
            sentence=f"the fabric of {key} has ports for its nodes",
        )


def extract(program: Program) -> list[NetworkRecord]:
    """Return the switches and cables of every pool that holds nodes."""
    records = []
    for key, facility in program.candidates.facilities.items():
        pool = program.candidates.pools[key]
        nodes = whole(nodes_of(program, key))
        if facility.switch is None or nodes == 0:
            continue
        step = next(step for g, step in enumerate(facility.fabric_steps) if whole(program.model.fabric_step[key, g]))
        records += [
            NetworkRecord(
                site=pool.site,
                node=pool.node.name,
                fabric=pool.fabric.name,
                year=year,
                switch=facility.switch.name,
                leaf=step.leaf,
                spine=step.spine,
                core=step.core,
                access_links=facility.node_ports * nodes,
                leaf_spine_links=step.leaf_spine_links,
                spine_core_links=step.spine_core_links,
            )
            for year in all_years(program)
        ]
    return records
