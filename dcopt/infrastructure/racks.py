"""How many nodes a rack holds, and which cooling takes their heat."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dcopt.problem.tables.building_rows import Hall
from dcopt.problem.tables.catalog_rows import CoolingUnit, Node, Rack

COLLECTORS: tuple[str, ...] = ("air", "rear-door", "liquid", "immersion")
"""Kinds of cooling units that take heat from racks; each takes it from the racks of the same kind."""

RACKS_OF_NODE: dict[str, tuple[str, ...]] = {
    "air": ("air", "rear-door", "immersion"),
    "liquid": ("liquid",),
}
"""Kinds of racks in which a node may stand, by the node's cooling."""

NETWORK_STORAGE = "network-storage"
"""The content of racks for switches and storage."""

_ROUNDING = 1e-9


def heat_split(node: Node) -> tuple[float, float]:
    """Return the shares of the node's heat that go to air and to liquid where it stands in a rack of its own kind."""
    liquid = node.liquid_heat_pct / 100.0 if node.cooling == "liquid" else 0.0
    return 1.0 - liquid, liquid


def heat_by_collector(node: Node | None, rack_cooling: str) -> dict[str, float]:
    """Return the share of the heat that each kind of cooling unit takes (zeros left out; they add up to 1).

    In air and rear-door racks and in immersion tanks that kind takes all of it. In a liquid rack the liquid takes
    the node's ``liquid_heat_pct`` and the air of the room the rest. ``node`` None stands for switches and storage,
    which no liquid touches: in a liquid rack all their heat goes to the room.

    Raises ValueError for an unknown kind of rack.
    """
    if rack_cooling not in COLLECTORS:
        raise ValueError(f"unknown rack cooling '{rack_cooling}': it must be one of {', '.join(COLLECTORS)}")
    if rack_cooling != "liquid":
        return {rack_cooling: 1.0}
    air, liquid = (1.0, 0.0) if node is None else heat_split(node)
    return {kind: share for kind, share in (("air", air), ("liquid", liquid)) if share > 0}


def content_kg(rack: Rack, floor_kg_per_m2: float | None) -> float | None:
    """Return the most weight in a rack, kg: what it carries, and what the floor does beneath it (None: no limit)."""
    limits = [] if rack.max_kg is None else [rack.max_kg]
    if rack.floor_m2 is not None and floor_kg_per_m2 is not None:
        limits.append(max(0.0, rack.floor_m2 * floor_kg_per_m2 - rack.empty_kg))
    return min(limits, default=None)


def weakest_floor(floor_kg_per_m2: float | None, halls: Iterable[Hall]) -> float | None:
    """Return the load that every floor of a site carries, kg/m²: that of the site and of each of its halls."""
    limits = [hall.floor_kg_per_m2 for hall in halls if hall.floor_kg_per_m2 is not None]
    return min([*limits, *([] if floor_kg_per_m2 is None else [floor_kg_per_m2])], default=None)


def rack_fill(node: Node, rack: Rack, max_rack_kw: float | None = None, floor_kg_per_m2: float | None = None) -> int:
    """Return how many nodes one rack holds: 0 where they cannot stand there, or are only rented.

    The least of what units, nameplate power (``max_kw``) and weight allow. ``max_rack_kw`` is the densest rack that
    the cooling unit of the rack's kind can take, kW; it is held against the heat that this unit must take (in a
    liquid rack the liquid's share only). ``floor_kg_per_m2`` is what the floor carries (see `content_kg`).
    """
    if node.max_kw is None or node.rack_units is None or rack.cooling not in RACKS_OF_NODE[node.cooling]:
        return 0
    limits = [rack.units / node.rack_units, rack.max_kw / node.max_kw]
    weight = content_kg(rack, floor_kg_per_m2)
    if weight is not None and node.weight_kg is not None:
        limits.append(weight / node.weight_kg)
    collected_kw = node.max_kw * heat_by_collector(node, rack.cooling).get(rack.cooling, 0.0)
    if max_rack_kw is not None and collected_kw > 0:
        limits.append(max_rack_kw / collected_kw)
    return math.floor(min(limits) * (1.0 + _ROUNDING))


def why_not_in_rack(
    node: Node, rack: Rack, max_rack_kw: float | None = None, floor_kg_per_m2: float | None = None
) -> str | None:
    """Return why not even one node can stand in the rack, as a sentence, or None where one can."""
    if rack_fill(node, rack, max_rack_kw, floor_kg_per_m2) > 0:
        return None
    if node.max_kw is None or node.rack_units is None:
        return f"nodes.csv: {node.name} has no max_kw or rack_units, so it can only be rented"
    if rack.cooling not in RACKS_OF_NODE[node.cooling]:
        fits = " or ".join(RACKS_OF_NODE[node.cooling])
        return f"racks.csv: {rack.name} is cooled by {rack.cooling}, node {node.name} needs {fits}"
    if node.rack_units > rack.units:
        return f"racks.csv: {rack.name} has {rack.units:g} units, node {node.name} is {node.rack_units:g} units high"
    if node.max_kw > rack.max_kw:
        return f"racks.csv: {rack.name} carries {rack.max_kw:g} kW, node {node.name} draws {node.max_kw:g} kW"
    if rack.max_kg is not None and node.weight_kg is not None and node.weight_kg > rack.max_kg:
        return f"racks.csv: {rack.name} carries {rack.max_kg:g} kg, node {node.name} weighs {node.weight_kg:g} kg"
    if node.weight_kg is not None and (content_kg(rack, floor_kg_per_m2) or math.inf) < node.weight_kg:
        floor = f"sites.csv or halls.csv: a floor of {floor_kg_per_m2:g} kg/m²"
        return f"{floor} does not carry {rack.name} with node {node.name} of {node.weight_kg:g} kg"
    return f"cooling.csv: the densest rack is {max_rack_kw:g} kW, node {node.name} alone gives more heat"


def rack_kw_limit(rack: Rack, collector: CoolingUnit | None) -> float:
    """Return the most power in a rack under a cooling unit (None: a landlord's), kW."""
    if collector is None or collector.max_rack_kw is None:
        return rack.max_kw
    return min(rack.max_kw, collector.max_rack_kw)
