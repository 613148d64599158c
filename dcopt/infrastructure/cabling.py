"""Which cable each link of a fabric takes, and how many transceivers stand at the ends.

Lengths come in three classes: within a rack, between racks of a row, across the hall. The rules:

* Nodes stand as many to a rack as the chosen rack holds (of several kinds in use, the one that holds the fewest), in
  rows of ``racks_per_row`` racks, one of which (at the end) holds the switches. The nodes of a leaf group stand in
  consecutive racks of one row, as far as a row goes.
* Leaves stand at the end of the row: links to nodes stay in the row, for as many nodes of a group as a row holds; the
  others cross the hall. In-rack leaves stand in the first rack of their group: links to its nodes stay in the rack.
* Switches share a rack where all of the fabric fit in one; they share a row where all its nodes do; else links between
  them cross the hall.
* A longer cable may take the place of a shorter one.
* A module ends links of one kind: links to nodes and links to other switches do not share one. Nodes are spread so that
  no more than one leaf of a rail has an odd port left where its ports pair up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dcopt.infrastructure.clos import FabricLayout
from dcopt.infrastructure.cooling import LOOPS
from dcopt.infrastructure.racks import rack_fill, weakest_floor
from dcopt.infrastructure.topology import FabricStep, Shape, shape_of
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Fabric, Link, Node, Switch, Transceiver

REACHES: tuple[str, ...] = ("rack", "row", "hall")
"""Classes of length, from the shortest."""


@dataclass(frozen=True)
class Cabling:
    """What decides the cables of a fabric, whatever its size: rows, the room they are in, and the node's ports.

    ``cables`` are the rows by (use, reach); reaches that have the same row are one, the longest of them.
    """

    shape: Shape
    switch: Switch
    cables: dict[tuple[str, str], Link]
    transceivers: dict[str, Transceiver]
    placement: str
    racks_per_row: int
    shelf_units: float
    shelf_kw: float

    def reaches(self, use: str) -> tuple[str, ...]:
        """Return the reaches that differ for access or trunk links, shortest first."""
        return tuple(reach for of, reach in self.cables if of == use)

    def _named(self, use: str, reach: str) -> str:
        """Return the reach that stands for ``reach``: the longest with the same cable."""
        return next(other for other in self.reaches(use) if REACHES.index(other) >= REACHES.index(reach))

    def nodes_within(self, step: FabricStep, reach: str, fill: int) -> int:
        """Return the most nodes whose access links are no longer than ``reach`` with ``fill`` nodes to a rack."""
        if reach == "hall":
            return step.max_nodes
        groups = step.layout.leaf // self.shape.group if step.tiers > 1 else 1
        group_nodes = self.shape.capacity(1) if step.tiers > 1 else step.max_nodes
        within = (self.racks_per_row - 1) * fill
        if reach == "rack":
            within = fill if self.placement == "in-rack" else 0
        return step.max_nodes if within >= max(1, group_nodes) else min(step.max_nodes, groups * within)

    def trunk_reach(self, step: FabricStep, fill: int) -> str:
        """Return the shortest reach that the links between switches keep with ``fill`` nodes to a rack."""
        units, kw = step.switches * self.switch.rack_units, step.switches * self.switch.max_kw
        one_rack = units <= self.shelf_units and kw <= self.shelf_kw and self.placement == "end-of-row"
        one_row = step.max_nodes <= (self.racks_per_row - 1) * fill
        return self._named("trunk", "rack" if one_rack and one_row else "row" if one_row else "hall")

    def node_modules(self, reach: str) -> tuple[str, int] | None:
        """Return the transceiver at the node's end of access links, and how many a node has; None without."""
        cable = self.cables["access", reach]
        name = cable.node_transceiver or cable.transceiver
        return None if name is None else (name, -(-self.shape.ports_per_node // self.transceivers[name].ports))

    def leaf_module(self, reach: str) -> tuple[str, int] | None:
        """Return the transceiver at the leaf's end of access links and its ports; None without."""
        name = self.cables["access", reach].transceiver
        return None if name is None else (name, self.transceivers[name].ports)

    @property
    def rail_ports(self) -> int:
        """Ports of a node on one rail of one network: what pairs up on its leaves."""
        return self.shape.network_ports // self.shape.group

    def paired_room(self, step: FabricStep) -> int:
        """Return the twin modules of a rail whose two ports are both in use when its leaves are full.

        A leaf with an odd number of ports leaves one of them without a partner; beyond this room each link takes a
        module of its own.
        """
        return step.layout.leaf // self.shape.group * (step.layout.down // 2)

    def leaf_modules(self, step: FabricStep, nodes: int, ports: int) -> int:
        """Return the fewest modules of ``ports`` ports that end the access links of ``nodes`` nodes at the leaves."""
        if ports == 1:
            return nodes * self.shape.ports_per_node
        if step.tiers == 1:
            return self.shape.networks * -(-nodes * self.shape.network_ports // 2)
        links = nodes * self.rail_ports
        pairs = max(-(-links // 2), links - self.paired_room(step))
        return self.shape.networks * self.shape.group * pairs

    def trunk_modules(self, step: FabricStep, reach: str) -> tuple[str, int] | None:
        """Return the transceiver at both ends of the links between switches, and how many; None without."""
        name = self.cables["trunk", reach].transceiver
        if name is None or not step.trunk_links:
            return None
        return name, step.networks * _switch_modules(step.layout, self.transceivers[name].ports)


def _switch_modules(layout: FabricLayout, ports: int) -> int:
    """Return the modules of the trunk links of one network: each switch rounds up for itself."""
    units = layout.leaf * -(-layout.up // ports)
    larger, pods = layout.leaf % layout.pods, layout.pods
    upward = layout.cores_per_plane * layout.spine_core_pair
    for number, leaves in ((larger, layout.leaf // pods + 1), (pods - larger, layout.leaf // pods)):
        units += number * layout.spines_per_pod * -(-(leaves * layout.leaf_spine_pair + upward) // ports)
    return units + layout.core * -(-(pods * layout.spine_core_pair) // ports)


def cable_rows(fabric: Fabric, links: dict[str, Link]) -> dict[tuple[str, str], Link]:
    """Return the cables by (use, reach), where reaches with the same row are one: the longest of them."""
    rows: dict[tuple[str, str], Link] = {}
    for use, usual in (("access", fabric.access_link), ("trunk", fabric.trunk_link)):
        names = [name or usual or "" for name in (fabric.rack_link, fabric.row_link, fabric.hall_link)]
        last = {name: reach for reach, name in zip(REACHES, names, strict=True)}
        rows.update(
            {(use, reach): links[name] for reach, name in zip(REACHES, names, strict=True) if last[name] == reach}
        )
    return rows


def cabling_of(problem: Problem, site: str, node: Node, fabric: Fabric) -> Cabling:
    """Return what decides the cables of a fabric with a switch for such nodes at a site.

    The rack that switches share is the smallest of those that the site may put them in.
    """
    switch = problem.switches[fabric.switch or ""]
    shelves = [offer.row for offer in offered(problem, "racks", site).values() if offer.row.cooling in LOOPS["chilled"]]
    coolers = [offer.row for offer in offered(problem, "cooling", site).values() if offer.row.kind in LOOPS["chilled"]]
    densest = [unit.max_rack_kw for unit in coolers if unit.max_rack_kw is not None]
    return Cabling(
        shape=shape_of(node, fabric, switch),
        switch=switch,
        cables=cable_rows(fabric, dict(problem.links)),
        transceivers=dict(problem.transceivers),
        placement=fabric.leaf_placement,
        racks_per_row=problem.settings.racks_per_row,
        shelf_units=min((rack.units for rack in shelves), default=0.0),
        shelf_kw=min([rack.max_kw for rack in shelves] + densest, default=0.0),
    )


def rack_fills(problem: Problem, site: str, node: Node) -> tuple[int, ...]:
    """Return how many nodes a rack may hold at a site, for every rack under every cooling unit there; (1,) for none."""
    coolers = [offer.row for offer in offered(problem, "cooling", site).values()]
    landlord = problem.sites[site].kind == "colocation"
    floor = weakest_floor(problem.sites[site].floor_kg_per_m2, problem.halls_at(site))
    fills = set()
    for offer in offered(problem, "racks", site).values():
        own = [unit.max_rack_kw for unit in coolers if unit.kind == offer.row.cooling]
        fills |= {rack_fill(node, offer.row, most, floor) for most in ([None] if landlord else own)}
    return tuple(sorted(fills - {0})) or (1,)


def parts_of(
    cabling: Cabling, step: FabricStep, nodes_by_reach: dict[str, int], trunk: str
) -> tuple[Counter[str], Counter[str]]:
    """Return (cables, transceivers) by row, for so many nodes whose access links have each reach."""
    cables: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for reach, nodes in nodes_by_reach.items():
        cables[cabling.cables["access", reach].name] += nodes * cabling.shape.ports_per_node
        if (at_node := cabling.node_modules(reach)) is not None:
            modules[at_node[0]] += nodes * at_node[1]
        if (at_leaf := cabling.leaf_module(reach)) is not None:
            modules[at_leaf[0]] += cabling.leaf_modules(step, nodes, at_leaf[1])
    cables[cabling.cables["trunk", trunk].name] += step.trunk_links
    if (between := cabling.trunk_modules(step, trunk)) is not None:
        modules[between[0]] += between[1]
    return +cables, +modules
