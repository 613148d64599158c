"""A fabric's switches and links for a number of nodes, as steps of it, and for table rows.

The rules of counting are those of `dcopt.infrastructure.clos`; what is bought of the counts is in
`dcopt.infrastructure.fabric_parts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from dcopt.infrastructure.clos import FabricLayout, most_leaves, wire
from dcopt.problem.fabric_ports import LINK_COLUMNS, RAILED, nics_used, node_ports, node_rails, port_gbps, split_ports
from dcopt.problem.tables.catalog_rows import Fabric, Link, Node, Switch, Topology

TOPOLOGIES: tuple[str, ...] = get_args(Topology)


@dataclass(frozen=True)
class Shape:
    """What decides how a fabric is wired, whatever its size.

    ``ports_per_node`` are the ports of a node in all planes together, ``rails`` the leaves of its rail group in one
    plane (None: a rail for each port).

    Raises ValueError, with a sentence for the planner, where a number is out of range.
    """

    topology: str
    switch_ports: int
    ports_per_node: int
    oversubscription: float = 1.0
    rails: int | None = None
    planes: int = 1
    max_tiers: int = 3

    def __post_init__(self) -> None:
        if self.topology not in TOPOLOGIES:
            raise ValueError(f"unknown topology '{self.topology}': it must be one of {', '.join(TOPOLOGIES)}")
        if self.switch_ports < 2:
            raise ValueError(f"a switch of a fabric needs at least 2 ports, not {self.switch_ports}")
        if self.ports_per_node < 1:
            raise ValueError(f"a node needs at least one port to join a fabric, not {self.ports_per_node}")
        if not 1.0 <= self.oversubscription < float("inf"):
            raise ValueError(f"oversubscription must be at least 1 (1:1), not {self.oversubscription:g}")
        if self.planes < 1 or self.ports_per_node % self.planes:
            raise ValueError(f"{self.ports_per_node} ports of a node cannot be shared evenly by {self.planes} planes")
        if not 1 <= self.max_tiers <= 3:
            raise ValueError(f"a fabric has one, two or three tiers, not {self.max_tiers}")
        if self.rails is not None and (self.rails < 1 or self._plane_ports % self.rails):
            raise ValueError(f"{self._plane_ports} ports of a node cannot be shared evenly by {self.rails} rails")

    @property
    def _plane_ports(self) -> int:
        return self.ports_per_node // self.planes

    @property
    def _rails(self) -> int:
        return (self.rails or self._plane_ports) if self.topology in RAILED else 1

    @property
    def networks(self) -> int:
        """Equal networks that only the nodes connect: planes, and in a rail-only fabric rails of each."""
        return self.planes * (self._rails if self.topology == "rail-only" else 1)

    @property
    def network_ports(self) -> int:
        """Ports of a node in one network."""
        return self.ports_per_node // self.networks

    @property
    def group(self) -> int:
        """Leaves that are added together in one network: a rail group, or one."""
        return self._rails if self.topology == "rail-optimized" else 1

    @property
    def tiers(self) -> int:
        """Most tiers of switches."""
        return 1 if self.topology == "single-switch" else self.max_tiers

    @property
    def split(self) -> tuple[int, int]:
        """Ports of a leaf for nodes and for spines."""
        return split_ports(self.switch_ports, self.oversubscription)

    def most_groups(self) -> int:
        """Leaf groups of the largest network."""
        return most_leaves(self.switch_ports, self.tiers) // self.group

    def capacity(self, groups: int) -> int:
        """Nodes that so many leaf groups connect; 0 groups are the single switch."""
        ports = groups * self.group * self.split[0] if groups else self.switch_ports
        return ports // self.network_ports

    def wire(self, groups: int) -> FabricLayout:
        """Wire one network of so many leaf groups; 0 is the single switch."""
        return wire(self.switch_ports, groups * self.group, *self.split)

    def __str__(self) -> str:
        tiers = ("one switch", "two tiers", "three tiers")[self.tiers - 1]
        return f"a {self.topology} fabric of {tiers} of {self.switch_ports}-port switches"


@dataclass(frozen=True)
class FabricCount:
    """The parts of a fabric for ``nodes`` nodes.

    ``access_links`` run from nodes (and extra ports) to leaves. ``transceivers`` counts the ends of all links, two
    each; how many of them are bought as separate modules depends on the cables (see `cabling.parts_of`).
    """

    nodes: int
    tiers: int
    leaf: int
    spine: int
    core: int
    access_links: int
    leaf_spine_links: int
    spine_core_links: int
    transceivers: int

    @property
    def switches(self) -> int:
        """All switches."""
        return self.leaf + self.spine + self.core

    @property
    def trunk_links(self) -> int:
        """Links between switches."""
        return self.leaf_spine_links + self.spine_core_links


@dataclass(frozen=True)
class FabricStep:
    """The switches of every fabric of at most ``max_nodes`` nodes that outgrew the step before.

    ``layout`` is the wiring of one of its ``networks`` equal networks.
    """

    max_nodes: int
    networks: int
    layout: FabricLayout

    @property
    def tiers(self) -> int:
        """Tiers of switches."""
        return self.layout.tiers

    @property
    def leaf(self) -> int:
        """Leaf switches of all networks."""
        return self.networks * self.layout.leaf

    @property
    def spine(self) -> int:
        """Spine switches of all networks."""
        return self.networks * self.layout.spine

    @property
    def core(self) -> int:
        """Core switches of all networks."""
        return self.networks * self.layout.core

    @property
    def leaf_spine_links(self) -> int:
        """Links between leaves and spines."""
        return self.networks * self.layout.leaf_spine_links

    @property
    def spine_core_links(self) -> int:
        """Links between spines and cores."""
        return self.networks * self.layout.spine_core_links

    @property
    def switches(self) -> int:
        """All switches."""
        return self.leaf + self.spine + self.core

    @property
    def trunk_links(self) -> int:
        """Links between switches."""
        return self.leaf_spine_links + self.spine_core_links


def max_nodes(shape: Shape) -> int:
    """Return the most nodes that a fabric connects (without extra ports); 0 where not even one node fits."""
    return max(shape.capacity(0), shape.capacity(shape.most_groups()) if shape.most_groups() else 0)


def layout_for(shape: Shape, nodes: int, extra_ports: int = 0) -> FabricLayout:
    """Return the wiring of one network of the fabric for ``nodes`` (≥ 1) nodes; see `count_fabric`."""
    if nodes < 1 or extra_ports < 0:
        raise ValueError(f"a fabric's wiring needs at least one node and no negative ports, not {nodes}, {extra_ports}")
    ports = nodes * shape.network_ports + -(-extra_ports // shape.networks)
    if ports <= shape.switch_ports:
        return shape.wire(0)
    groups = -(-ports // (shape.group * shape.split[0]))
    if groups > shape.most_groups():
        extra = f" and {extra_ports} extra ports" if extra_ports else ""
        raise ValueError(
            f"{nodes} nodes with {shape.ports_per_node} ports{extra} are more than {shape} can connect at "
            f"{shape.oversubscription:g}:1 (at most {max_nodes(shape)} nodes)"
        )
    return shape.wire(groups)


def count_fabric(shape: Shape, nodes: int, extra_ports: int = 0) -> FabricCount:
    """Count the switches and links that connect ``nodes`` nodes (0 need nothing at all).

    ``extra_ports`` are further ports of leaves that are taken (fabric managers and the like), spread evenly where the
    fabric is several networks.

    Raises ValueError, with a sentence for the planner, where no fabric of that shape can do it.
    """
    if nodes < 0 or extra_ports < 0:
        raise ValueError(f"a fabric cannot have {nodes} nodes and {extra_ports} extra ports: neither may be negative")
    if nodes == 0:
        return FabricCount(0, 0, 0, 0, 0, 0, 0, 0, 0)
    step = FabricStep(nodes, shape.networks, layout_for(shape, nodes, extra_ports))
    access = nodes * shape.ports_per_node + extra_ports
    return FabricCount(
        nodes=nodes,
        tiers=step.tiers,
        leaf=step.leaf,
        spine=step.spine,
        core=step.core,
        access_links=access,
        leaf_spine_links=step.leaf_spine_links,
        spine_core_links=step.spine_core_links,
        transceivers=2 * (access + step.trunk_links),
    )


def fabric_steps(shape: Shape, most: int) -> tuple[FabricStep, ...]:
    """Return `count_fabric` as a step function of the node count.

    Steps ascend; step i holds for all node counts above ``steps[i-1].max_nodes`` and up to its own. The last step is
    the first that reaches ``most`` nodes, or the largest fabric possible; its own ``max_nodes`` is its true capacity,
    which may be more than was asked for. Access links are not part of a step: they are ``ports_per_node`` for each
    node. No step exists for ``most`` = 0.

    Raises ValueError where not even one node can be connected.
    """
    steps: list[FabricStep] = []
    reached = 0
    for groups in range(shape.most_groups() + 1):
        if reached >= most:
            break
        if (capacity := shape.capacity(groups)) > reached:
            steps.append(FabricStep(capacity, shape.networks, shape.wire(groups)))
            reached = capacity
    if most > 0 and not steps:
        raise ValueError(too_few_ports(shape))
    return tuple(steps)


def too_few_ports(shape: Shape) -> str:
    """Return the sentence about a switch that cannot connect even one node."""
    return f"{shape} cannot connect even one node with {shape.ports_per_node} ports: the switch has too few ports"


def shape_of(node: Node, fabric: Fabric, switch: Switch) -> Shape:
    """Return the shape of a fabric for such nodes (ValueError where a number is out of range, see `usable`)."""
    return Shape(
        topology=fabric.topology or "",
        switch_ports=switch.ports,
        ports_per_node=node_ports(node, fabric),
        oversubscription=fabric.oversubscription,
        rails=node_rails(node, fabric),
        planes=fabric.planes,
        max_tiers=fabric.max_tiers,
    )


def usable(node: Node, fabric: Fabric, switch: Switch | None, links: Mapping[str, Link] | None = None) -> str | None:
    """Return why the node cannot join the fabric, as a sentence, or None where it can.

    A node needs ports and as many as the fabric asks for; rails share them evenly; a switch must take at least one
    node. A port runs at the slower of the two rates that meet, and a link must carry that rate and speak what the
    switch speaks; ``links`` are the table's rows (None: not checked).
    """
    if fabric.switch is None or switch is None:
        return None
    if node.nics == 0 or node.nic_gbps == 0:
        return f"nodes.csv: {node.name} has no network ports (nics, nic_gbps), so it cannot join fabric {fabric.name}"
    if fabric.nics_per_node is not None and node.nics < fabric.nics_per_node:
        return (
            f"nodes.csv: {node.name} has {node.nics} network port{'s' if node.nics > 1 else ''}, "
            f"fabric {fabric.name} uses {fabric.nics_per_node} of each node (nics_per_node)"
        )
    if nics_used(node, fabric) % node_rails(node, fabric):
        return (
            f"fabrics.csv: {fabric.name} uses {nics_used(node, fabric)} ports of {node.name} (nics_per_node), "
            f"which its {node.rails} rails cannot share evenly"
        )
    if max_nodes(shape_of(node, fabric, switch)) < 1:
        return f"fabrics.csv: {fabric.name}: {too_few_ports(shape_of(node, fabric, switch))} (node {node.name})"
    rate = port_gbps(node, fabric, switch)
    for column in LINK_COLUMNS if links is not None else ():
        name = getattr(fabric, column)
        link = None if name is None or links is None else links[name]
        if link is not None and link.technology != switch.technology:
            return (
                f"fabrics.csv: {fabric.name} {column} {link.name} carries {link.technology}, "
                f"switch {switch.name} speaks {switch.technology}"
            )
        if link is not None and link.gbps < rate:
            return (
                f"fabrics.csv: {fabric.name} {column} {link.name} carries {link.gbps:g} Gbit/s, less than the "
                f"{rate:g} Gbit/s of the ports of node {node.name} on switch {switch.name}"
            )
    return None


def steps_for(node: Node, fabric: Fabric, switch: Switch, most: int) -> tuple[FabricStep, ...]:
    """Return the steps of the fabric for such nodes; see `fabric_steps` (ValueError where impossible)."""
    return fabric_steps(shape_of(node, fabric, switch), most)
