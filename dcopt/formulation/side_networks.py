"""Networks beside the fabrics of a site: a leaf-spine each over its nodes, storage units and other switches.

ports[s,n] = a_n·nodes + b_n·storage units + c_n·switches (of fabrics, and of the networks named before n)
ports[s,n] ≤ Σ_g (reach_g·step[s,n,g] + growth_g·more[s,n,g]),   Σ_g step[s,n,g] ≤ 1 and ≤ ports[s,n]
more[s,n,g] ≤ most_g·step[s,n,g]
switches, trunk links = Σ_g (counts_g·step[s,n,g] + growth_g·more[s,n,g])

g are runs of steps that grow evenly (`dcopt.infrastructure.segments`).
"""

from __future__ import annotations

from typing import Any

from dcopt.design.records import SideNetworkRecord
from dcopt.formulation.compute import nodes_of
from dcopt.formulation.expressions import linear, total, upper_bound, whole
from dcopt.formulation.program import Program, all_years
from dcopt.infrastructure.segments import segments_of
from dcopt.infrastructure.side_networks import most_ports, side_shape
from dcopt.infrastructure.topology import FabricStep, fabric_steps
from dcopt.problem.tables.catalog_rows import Link


def declare(program: Program) -> None:
    """Declare the steps of each network that a site builds, and buy its switches and cables."""
    for site, row in program.problem.sites.items():
        if row.kind == "cloud":
            continue
        nodes = total(nodes_of(program, key) for key, pool in program.candidates.pools.items() if pool.site == site)
        storage, switches = (_bought(program, site, table) for table in ("storage", "switches"))
        for name in row.networks:
            network = program.problem.networks[name]
            switch = program.problem.switches[network.switch]
            ports = network.ports_per_node * nodes + network.ports_per_storage_unit * storage
            ports += network.ports_per_switch * switches
            most = min(round(upper_bound(ports)), most_ports(network, switch))
            steps = fabric_steps(side_shape(network, switch), most)
            chosen = []
            for g, run in enumerate(segments_of(steps)):
                chosen.append(program.var("side_step", (site, name, g), ub=1, binary=True))
                if run.more:
                    more = program.var("side_more", (site, name, g), ub=run.more, integer=True)
                    program.require("side_run", (site, name, g), more <= run.more * chosen[-1])
            program.side_networks[site, name] = (ports, steps)
            units = _count(program, site, name, 1)
            program.buy(site, "network", "switches", switch.name, units, switch.price_usd, switch.lifetime_years)
            program.keep(site, units, switch.price_usd, switch.support_pct_per_year, switch.maintenance_pct_per_year)
            program.constant_load(site, units, switch.max_kw, switch.rack_units, switch.name, total(chosen))
            _cables(program, site, program.problem.links[network.access_link], ports)
            _cables(program, site, program.problem.links[network.trunk_link], _count(program, site, name, 2))
            switches += units


def _bought(program: Program, site: str, table: str) -> Any:
    """Return the units of a table that stand at a site, as the blocks before have put them on the ledger."""
    return total(
        units
        for (where, of, _), parts in program.purchases.items()
        if (where, of) == (site, table)
        for units, *_ in parts
    )


def _cables(program: Program, site: str, cable: Link, count: Any) -> None:
    program.buy(site, "network", "links", cable.name, count, cable.price_usd, cable.lifetime_years)
    program.constant_load(site, count, cable.kw, 0.0)


def _count(program: Program, site: str, name: str, which: int) -> Any:
    """Return the reach (0), the switches (1) or the trunk links (2) of a network."""
    runs = segments_of(program.side_networks[site, name][1])
    model = program.model
    numbers = [float(run.base[which]) for run in runs]
    variables = [model.side_step[site, name, g] for g in range(len(runs))]
    growing = [g for g, run in enumerate(runs) if run.more]
    numbers += [float(runs[g].each[which]) for g in growing]
    variables += [model.side_more[site, name, g] for g in growing]
    return linear(numbers, variables)


def link(program: Program) -> None:
    """Give every network a step that reaches its ports."""
    for (site, name), (ports, steps) in program.side_networks.items():
        chosen = total(program.model.side_step[site, name, g] for g in range(len(segments_of(steps))))
        program.require("one_side_step", (site, name), chosen <= 1)
        program.require("no_idle_side", (site, name), chosen <= ports)
        program.require(
            "side_reach",
            (site, name),
            ports <= _count(program, site, name, 0),
            row=f"sites.csv: {site} networks",
            sentence=f"the network {name} at {site} has ports for its equipment",
        )


def _step(program: Program, site: str, name: str) -> FabricStep:
    """Return the step that a solved program chose."""
    steps = program.side_networks[site, name][1]
    model = program.model
    g, run = next((g, run) for g, run in enumerate(segments_of(steps)) if whole(model.side_step[site, name, g]))
    return steps[run.first + (whole(model.side_more[site, name, g]) if run.more else 0)]


def extract(program: Program) -> list[SideNetworkRecord]:
    """Return the networks that connect something."""
    records = []
    for (site, name), (ports, _) in program.side_networks.items():
        if not whole(ports):
            continue
        step = _step(program, site, name)
        records += [
            SideNetworkRecord(
                site=site,
                name=name,
                year=year,
                switch=program.problem.networks[name].switch,
                ports=whole(ports),
                leaf=step.leaf,
                spine=step.spine,
                core=step.core,
                trunk_links=step.trunk_links,
            )
            for year in all_years(program)
        ]
    return records
