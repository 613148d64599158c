"""Racks: the nodes of one kind at a site stand in one kind of rack under one choice of cooling.

    Σ_o placed[s,k,o] = Σ_f nodes[s,k,f],   placed ≤ most·choice,   fill_o·racks ≥ placed,   Σ_o choice ≤ 1
    Σ racks ≤ positions,   choice ≤ racks ≤ placed,   Σ_o choice[s,k,o] ≥ open[p]

Switches and storage stand in racks of their own, filled by units and kW. Each option hands its heat to its cooling
units: at peak with the nodes, on average with their standby power and the activity of what runs on them.
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.candidates.records import RackOption
from dcopt.design.records import RackRecord
from dcopt.formulation.compute import nodes_of
from dcopt.formulation.fabric import keep_lengths
from dcopt.formulation.program import Program, all_years, number, total, upper_bound, whole
from dcopt.infrastructure.racks import NETWORK_STORAGE, rack_kw_limit
from dcopt.problem.tables.catalog_rows import Node


def declare(program: Program) -> None:
    """Racks depend on what other blocks put on a site; everything is declared in `link`."""


def link(program: Program) -> None:
    """Place nodes, switches and storage in racks, and keep the positions."""
    for site, facility in program.candidates.sites.items():
        if program.problem.sites[site].kind == "cloud":
            continue
        nodes = {p.node.name: p.node for p in program.candidates.pools.values() if p.site == site}
        for node in nodes.values():
            _place_nodes(program, site, node, facility.racks[node.name])
        _place_shelves(program, site, facility.racks[NETWORK_STORAGE])
        positions = program.problem.sites[site].rack_positions
        if positions is not None and program.balances[site].rack_positions:
            program.require(
                "positions",
                site,
                total(program.balances[site].rack_positions) <= positions,
                row=f"sites.csv: {site} rack_positions",
                sentence=f"no more than {positions} racks stand at {site}",
            )


def _place_nodes(program: Program, site: str, node: Node, options: tuple[RackOption, ...]) -> None:
    pools = [key for key, p in program.candidates.pools.items() if (p.site, p.node.name) == (site, node.name)]
    nodes = total(nodes_of(program, key) for key in pools)
    most = int(upper_bound(nodes))
    periods = [period.index for period in program.candidates.periods]
    activity = {t: total(program.activity_kw.get((site, node.name, t), [])) for t in periods}
    bounds = {t: upper_bound(expression) for t, expression in activity.items()}
    placed_all, choices = [], []
    active_all: dict[int, list[Any]] = {t: [] for t in periods}
    for option in options:
        key = (site, node.name, option.key)
        choice = program.var("rack_choice", key, ub=1, binary=True)
        placed = program.var("standing", key, ub=most, integer=True)
        least = program.least_offered(site, "racks", option.rack.name)
        racks = program.var("racks", key, ub=max(math.ceil(most / option.fill), least), integer=True)
        program.require("placed_chosen", key, placed <= most * choice)
        program.require("rack_fill", key, placed <= option.fill * racks)
        program.require("rack_stands", key, racks >= choice)
        program.require("no_empty_rack", key, racks <= placed + least * choice)
        _needs_collector(program, site, option, choice)
        active = {}
        for t in periods:
            active[t] = program.var("activity", (*key, t), ub=bounds[t])
            program.require("active_chosen", (*key, t), active[t] <= bounds[t] * choice)
            active_all[t].append(active[t])
        placed_all.append(placed)
        choices.append(choice)
        _rack_costs(program, site, option, racks)
        average = {t: node.standby_kw * placed + active[t] for t in periods}
        _heat(program, site, option, node.peak_kw * placed, average)
    program.require(
        "all_placed",
        (site, node.name),
        total(placed_all) == nodes,
        row=f"racks.csv: racks for {node.name}",
        sentence=f"every {node.name} at {site} stands in a rack",
    )
    program.require("one_rack_kind", (site, node.name), total(choices) <= 1)
    for pool_key in pools:
        program.require("pool_in_racks", pool_key, total(choices) >= program.model.open[pool_key])
        by_fill: dict[int, list[Any]] = {}
        for option, choice in zip(options, choices, strict=True):
            by_fill.setdefault(option.fill, []).append(choice)
        keep_lengths(program, pool_key, {fill: total(of_fill) for fill, of_fill in by_fill.items()})
    for t in periods:
        program.require("all_active", (site, node.name, t), total(active_all[t]) == activity[t])


def _place_shelves(program: Program, site: str, options: tuple[RackOption, ...]) -> None:
    balance = program.balances[site]
    needs = {"units": total(balance.shelf_units), "kw": total(balance.shelf_kw)}
    bounds = {name: upper_bound(expression) for name, expression in needs.items()}
    if bounds["units"] <= 0 and bounds["kw"] <= 0:
        return
    parts: dict[str, list[Any]] = {name: [] for name in needs}
    choices = []
    for option in options:
        key = (site, NETWORK_STORAGE, option.key)
        choice = program.var("rack_choice", key, ub=1, binary=True)
        limits = {"units": option.rack.units, "kw": rack_kw_limit(option.rack, option.collector)}
        most = max(math.ceil(bounds[name] / limits[name]) for name in needs)
        most = max(most, program.least_offered(site, "racks", option.rack.name))
        racks = program.var("racks", key, ub=most, integer=True)
        for name in needs:
            part = program.var("shelf", (*key, name), ub=bounds[name])
            program.require("shelf_chosen", (*key, name), part <= bounds[name] * choice)
            program.require("shelf_fits", (*key, name), part <= limits[name] * racks)
            parts[name].append(part)
        choices.append(choice)
        program.require("rack_stands", key, racks >= choice)
        program.require("no_empty_rack", key, racks <= most * choice)
        if balance.smallest_shelf_units <= bounds["units"]:
            program.require("no_idle_shelf", key, parts["units"][-1] >= balance.smallest_shelf_units * choice)
        _needs_collector(program, site, option, choice)
        _rack_costs(program, site, option, racks)
        heat = parts["kw"][-1]
        _heat(program, site, option, heat, {period.index: heat for period in program.candidates.periods})
    for name, need in needs.items():
        program.require(
            "shelved",
            (site, name),
            total(parts[name]) == need,
            row="racks.csv: racks for switches and storage",
            sentence=f"switches and storage at {site} stand in racks",
        )
    program.require("one_rack_kind", (site, NETWORK_STORAGE), total(choices) <= 1)
    used = program.model.component("use")
    for key, use in used.items() if used is not None else ():
        if key[0] == site and program.problem.storage[key[1]].rack_units > 0:
            program.require("storage_in_racks", key, total(choices) >= use)


def _needs_collector(program: Program, site: str, option: RackOption, choice: Any) -> None:
    for unit in (option.collector, option.air_collector):
        if unit is not None:
            program.needs_collector.setdefault((site, unit.name), []).append(choice)


def _rack_costs(program: Program, site: str, option: RackOption, racks: Any) -> None:
    rack = option.rack
    program.buy(site, "racks", "racks", rack.name, racks, option.price_usd, rack.lifetime_years)
    program.balances[site].rack_positions.append(racks)


def _heat(program: Program, site: str, option: RackOption, peak_kw: Any, average_kw: dict[int, Any]) -> None:
    for unit, share in ((option.collector, option.collector_share), (option.air_collector, option.air_share)):
        if unit is not None and share > 0:
            program.add_heat(
                site, unit.name, share * peak_kw, {t: share * average for t, average in average_kw.items()}
            )


def extract(program: Program) -> list[RackRecord]:
    """Return the racks of every site by content."""
    records = []
    for site, facility in program.candidates.sites.items():
        for content, options in facility.racks.items():
            for option in options:
                key = (site, content, option.key)
                racks = program.model.component("racks")
                count = whole(racks[key]) if racks is not None and key in racks else 0
                if count:
                    records += [
                        _record(program, site, content, option, count).model_copy(update={"year": year})
                        for year in all_years(program)
                    ]
    return records


def _record(program: Program, site: str, content: str, option: RackOption, count: int) -> RackRecord:
    if content == NETWORK_STORAGE:
        nodes, kw = 0, number(program.model.shelf[site, content, option.key, "kw"])
    else:
        nodes = whole(program.model.standing[site, content, option.key])
        kw = nodes * (program.problem.nodes[content].max_kw or 0.0)
    return RackRecord(
        site=site,
        name=option.rack.name,
        node=content,
        year=1,
        count=count,
        nodes=nodes,
        kw_each=kw / count,
        cooling=option.collector.name if option.collector else "",
        air_cooling=option.air_collector.name if option.air_collector else "",
    )
