"""Racks: the nodes of one kind at a site stand in racks under one choice of cooling units.

    Σ_o placed[s,k,o] = Σ_f nodes[s,k,f],   placed ≤ most·choice,   fill_o·racks ≥ placed,   Σ choice ≤ 1
    Σ racks ≤ positions,   racks ≤ placed,   Σ choice[s,k] ≥ open[p]      (one choice of cooling; racks may be mixed)
    Σ_{o that holds f} placed[s,k,o] ≤ most·in_use[s,k,f],   in_use ≤ choice     (on which the cables depend)
    shelves:   Σ_i share_io·count_i ≤ racks,   ≤ racks − (racks − 1)·share_io for each item i that is there

Switches, storage and servers stand in racks of their own; an item's share of a rack is the larger of its shares of
units and kW (see infrastructure/elevation.py for why this always packs). Each option hands its heat to its cooling
units: at peak with the nodes, on average with their standby power and the activity of what runs on them.
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.candidates.records import RackOption
from dcopt.design.records import ElevationRecord, RackRecord, Slot
from dcopt.formulation.compute import known_most, nodes_of
from dcopt.formulation.expressions import number, total, upper_bound, whole
from dcopt.formulation.fabric import keep_lengths, lengths_differ
from dcopt.formulation.program import Program, all_years
from dcopt.formulation.shared import ShelfItem
from dcopt.infrastructure.elevation import Item, Placed, fill_racks, share_of_rack, spread, stack
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
    most = int(min(upper_bound(nodes), known_most(program, site, [node.name])))
    periods = [piece.index for piece in program.slices]
    activity = {t: total(program.activity_kw.get((site, node.name, t), [])) for t in periods}
    bounds = {t: upper_bound(expression) for t, expression in activity.items()}
    placed_all, choices = [], []
    fills: dict[int, list[Any]] = {}
    longer = [pool_key for pool_key in pools if lengths_differ(program, pool_key)]
    active_all: dict[int, list[Any]] = {t: [] for t in periods}
    for cooling, racks in _by_cooling(options).items():
        key = (site, node.name, cooling)
        choice = program.var("rack_choice", key, ub=1, binary=True)
        standing = [(option.fill, _fill(program, site, node, option, choice, most)) for option in racks]
        placed = total(there for _, there in standing)
        if longer:
            for fill, used in _fills_in_use(program, key, standing, choice, most).items():
                fills.setdefault(fill, []).append(used)
        _needs_collector(program, site, node.name, racks[0], choice)
        active = {}
        for t in periods:
            active[t] = program.var("activity", (*key, t), ub=bounds[t])
            program.require("active_chosen", (*key, t), active[t] <= bounds[t] * choice)
            active_all[t].append(active[t])
        placed_all.append(placed)
        choices.append(choice)
        average = {t: node.standby_kw * placed + active[t] for t in periods}
        _heat(program, site, racks[0], node.peak_kw * placed, average)
    program.require(
        "all_placed",
        (site, node.name),
        total(placed_all) == nodes,
        row=f"racks.csv: racks for {node.name}",
        sentence=f"every {node.name} at {site} stands in a rack",
    )
    program.require("one_cooling", (site, node.name), total(choices) <= 1)
    for pool_key in pools:
        program.require("pool_in_racks", pool_key, total(choices) >= program.model.open[pool_key])
    for pool_key in longer:
        keep_lengths(program, pool_key, {fill: total(used) for fill, used in fills.items()})
    for t in periods:
        program.require("all_active", (site, node.name, t), total(active_all[t]) == activity[t])


def _by_cooling(options: tuple[RackOption, ...]) -> dict[str, list[RackOption]]:
    """Return the options that stand under the same cooling units, by their names."""
    groups: dict[str, list[RackOption]] = {}
    for option in options:
        groups.setdefault(option.cooling_key, []).append(option)
    return groups


def _fills_in_use(
    program: Program, key: tuple[str, str, str], standing: list[tuple[int, Any]], choice: Any, most: int
) -> dict[int, Any]:
    """Return, by nodes to a rack, a binary without which none stand so under a cooling.

    ``standing`` are the nodes in each kind of rack, with how many one of them holds.
    """
    fills = sorted({fill for fill, _ in standing})
    if len(fills) == 1:
        return {fills[0]: choice}
    found = {}
    for fill in fills:
        found[fill] = program.var("fill_used", (*key, fill), ub=1, binary=True)
        there = total(nodes for of, nodes in standing if of == fill)
        program.require("fill_used", (*key, fill), there <= most * found[fill])
        program.require("fill_chosen", (*key, fill), found[fill] <= choice)
    program.require("some_fill", key, total(found.values()) >= choice)
    return found


def _fill(program: Program, site: str, node: Node, option: RackOption, choice: Any, most: int) -> Any:
    """Return the nodes that stand in one kind of rack under the chosen cooling."""
    key = (site, node.name, option.key)
    placed = program.var("standing", key, ub=most, integer=True)
    least = program.least_offered(site, "racks", option.rack.name)
    racks = program.var("racks", key, ub=max(math.ceil(most / option.fill), least), integer=True)
    program.require("placed_chosen", key, placed <= most * choice)
    program.require("rack_fill", key, placed <= option.fill * racks)
    program.require("no_empty_rack", key, racks <= placed + least * choice)
    _rack_costs(program, site, option, racks)
    return placed


def _place_shelves(program: Program, site: str, options: tuple[RackOption, ...]) -> None:
    """Place switches, storage and servers by rule: each takes the larger of its shares of a rack's units and kW."""
    balance = program.balances[site]
    units, kw = total(balance.shelf_units), total(balance.shelf_kw)
    bound_units, bound_kw = upper_bound(units), upper_bound(kw)
    if bound_units <= 0 and bound_kw <= 0:
        return
    kw_parts, choices = [], []
    for option in options:
        key = (site, NETWORK_STORAGE, option.key)
        choice = program.var("rack_choice", key, ub=1, binary=True)
        shares = _shares(program, site, option)
        filled = total(share * item.count for item, share in shares)
        bound = upper_bound(filled)
        largest = max((share for item, share in shares if item.units > 0 and share < 1), default=0.0)
        most = max(math.ceil((bound - largest) / (1 - largest)), 1) + _filling_alone(shares)
        most = max(most, program.least_offered(site, "racks", option.rack.name))
        racks = program.var("racks", key, ub=most, integer=True)
        share_there = program.var("shelf_share", key, ub=bound)
        program.require("shelf_share_chosen", key, share_there <= bound * choice)
        program.require("shelf_share_there", key, share_there >= filled - bound * (1 - choice))
        program.require("shelf_fits", key, share_there <= racks)
        for index, (item, share) in enumerate(shares):
            _leaves_room(program, (*key, index), item, share, (racks, most, share_there, choice))
        part = program.var("shelf", key, ub=bound_kw)
        program.require("shelf_chosen", key, part <= bound_kw * choice)
        kw_parts.append(part)
        choices.append(choice)
        program.require("rack_stands", key, racks >= choice)
        program.require("no_empty_rack", key, racks <= most * choice)
        _needs_collector(program, site, NETWORK_STORAGE, option, choice)
        _rack_costs(program, site, option, racks)
        _heat(program, site, option, part, {piece.index: part for piece in program.slices})
    program.require(
        "shelved",
        site,
        total(kw_parts) == kw,
        row="racks.csv: racks for switches and storage",
        sentence=f"switches and storage at {site} stand in racks",
    )
    program.require("one_rack_kind", (site, NETWORK_STORAGE), total(choices) <= 1)
    program.require("shelves_for_some", site, bound_units * total(choices) >= units)
    if balance.smallest_shelf_units <= bound_units:
        flat = total(item.present for item in balance.shelf_items if item.units == 0 and item.present is not None)
        least = balance.smallest_shelf_units
        program.require("no_idle_shelf", site, units + least * flat >= least * total(choices))
    for index, item in enumerate(balance.shelf_items):
        if item.units > 0 and (there := _present(program, site, item)) is not None:
            program.require("item_in_racks", (site, index), total(choices) >= there)


def _shares(program: Program, site: str, option: RackOption) -> list[tuple[ShelfItem, float]]:
    """Return what may stand in racks for switches and storage, with the share of a rack that each takes."""
    kw = rack_kw_limit(option.rack, option.collector)
    items = [item for item in program.balances[site].shelf_items if upper_bound(item.count) > 0]
    return [(item, share_of_rack(item.units, item.kw, option.rack.units, kw)) for item in items]


def _filling_alone(shares: list[tuple[ShelfItem, float]]) -> int:
    """Return how many things there may be that fill a rack alone."""
    return math.ceil(sum(upper_bound(item.count) for item, share in shares if item.units > 0 and share == 1))


def _present(program: Program, site: str, item: ShelfItem) -> Any:
    """Return the binary without which there is none of an item, or None."""
    if item.present is not None:
        return item.present
    used = program.model.component("use")
    for key, use in used.items() if used is not None else ():
        if key[:2] == (site, item.name):
            return use
    return None


def _leaves_room(
    program: Program, key: tuple[Any, ...], item: ShelfItem, share: float, shelf: tuple[Any, int, Any, Any]
) -> None:
    """Where an item stands, n racks are filled to n − (n − 1)·share at most, so that it fits in whatever order.

    An item that is larger than the rack does not stand there.
    """
    racks, most, share_there, choice = shelf
    if item.units == 0:
        return
    if share > 1 + 1e-9:
        program.require("too_large_for_rack", key, item.count <= upper_bound(item.count) * (1 - choice))
        return
    there = _present(program, site=key[0], item=item)
    absent = 0 if there is None else 1 - there
    slack = (most - 1) * share
    program.require("shelf_room", key, share_there <= racks - share * racks + share * choice + slack * absent)


def _needs_collector(program: Program, site: str, content: str, option: RackOption, choice: Any) -> None:
    """Note that a choice, of which there is at most one for each content, needs its cooling units."""
    for unit in (option.collector, option.air_collector):
        if unit is not None:
            program.needs_collector.setdefault((site, unit.name), {}).setdefault(content, []).append(choice)


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
        nodes, kw = 0, number(program.model.shelf[site, content, option.key])
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


def extract_elevations(program: Program, racks: tuple[RackRecord, ...]) -> list[ElevationRecord]:
    """Return what stands in which unit of the racks of the first year, racks that are filled alike together."""
    found = []
    for record in racks:
        if record.year != program.problem.years[0]:
            continue
        rack = program.problem.racks[record.name]
        collector = program.problem.cooling.get(record.cooling)
        if record.node == NETWORK_STORAGE:
            items = shelf_items(program, record.site)
            filled = fill_racks(items, record.count, rack.units, rack_kw_limit(rack, collector))
        else:
            node = program.problem.nodes[record.node]
            fill = next(o.fill for o in _options(program, record) if o.rack.name == rack.name)
            filled = stack(node.name, node.rack_units or 0.0, spread(record.nodes, fill, record.count))
        found += _alike(record, filled or [])
    return found


def _options(program: Program, record: RackRecord) -> list[RackOption]:
    """Return the options of the content of a record that stand under the same cooling."""
    options = program.candidates.sites[record.site].racks[record.node]
    key = f"{record.cooling or '-'}|{record.air_cooling or '-'}"
    return [option for option in options if option.cooling_key == key]


def shelf_items(program: Program, site: str) -> list[Item]:
    """Return the switches, cables, storage and servers that a solved program puts at a site, by kind."""
    counted: dict[tuple[str, float, float], float] = {}
    for item in program.balances[site].shelf_items:
        key = (item.name, item.units, item.kw)
        counted[key] = counted.get(key, 0) + (whole(item.count) if item.units > 0 else number(item.count))
    return [Item(name, count, units, kw) for (name, units, kw), count in counted.items() if count]


def _alike(record: RackRecord, filled: list[list[Placed]]) -> list[ElevationRecord]:
    counted: dict[tuple[Placed, ...], int] = {}
    for slots in filled:
        counted[tuple(slots)] = counted.get(tuple(slots), 0) + 1
    return [
        ElevationRecord(
            site=record.site,
            rack=record.name,
            content=record.node,
            cooling=record.cooling,
            year=record.year,
            count=count,
            slots=tuple(Slot(from_unit=slot.from_unit, units=slot.units, item=slot.item) for slot in slots),
        )
        for slots, count in counted.items()
    ]
