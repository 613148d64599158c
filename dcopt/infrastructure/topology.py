"""A fabric's parts: switches, cables and transceivers for a number of nodes, as steps of it, and for table rows.

The rules of counting are those of `dcopt.infrastructure.clos`.
"""

from __future__ import annotations

from dataclasses import dataclass

from dcopt.infrastructure.clos import FabricLayout, most_leaves, split_ports, wire
from dcopt.problem.tables.catalog_rows import Fabric, Link, Node, Switch

TOPOLOGIES: tuple[str, ...] = ("rail-optimized", "fat-tree", "leaf-spine")


@dataclass(frozen=True)
class FabricCount:
    """The parts of a fabric for ``nodes`` nodes.

    ``access_links`` run from nodes (and extra ports) to leaves. ``transceivers`` counts the ends of all links, two
    each; how many of them are bought as separate modules depends on the cables (see `separate_ends`).
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
    """The switches and trunk links of every fabric of at most ``max_nodes`` nodes that outgrew the step before."""

    max_nodes: int
    tiers: int
    leaf: int
    spine: int
    core: int
    leaf_spine_links: int
    spine_core_links: int

    @property
    def switches(self) -> int:
        """All switches."""
        return self.leaf + self.spine + self.core

    @property
    def trunk_links(self) -> int:
        """Links between switches."""
        return self.leaf_spine_links + self.spine_core_links


def fabric_layout(
    topology: str,
    *,
    switch_ports: int,
    ports_per_node: int,
    nodes: int,
    oversubscription: float = 1.0,
    extra_ports: int = 0,
) -> FabricLayout:
    """Return the wiring of the fabric that connects ``nodes`` (≥ 1) nodes; arguments and errors as `count_fabric`."""
    _check(topology, switch_ports, ports_per_node, oversubscription)
    if nodes < 1 or extra_ports < 0:
        raise ValueError(f"a fabric's wiring needs at least one node and no negative ports, not {nodes}, {extra_ports}")
    down, up = split_ports(switch_ports, oversubscription)
    ports = nodes * ports_per_node + extra_ports
    if ports <= switch_ports:
        return wire(switch_ports, 0, down, up)
    group = ports_per_node if topology == "rail-optimized" else 1
    leaves = group * -(-ports // (group * down))
    if leaves > most_leaves(switch_ports):
        most = max_nodes(topology, switch_ports, ports_per_node, oversubscription)
        extra = f" and {extra_ports} extra ports" if extra_ports else ""
        raise ValueError(
            f"{nodes} nodes with {ports_per_node} ports{extra} are more than a {topology} fabric of three tiers of "
            f"{switch_ports}-port switches can connect at {oversubscription:g}:1 (at most {most} nodes)"
        )
    return wire(switch_ports, leaves, down, up)


def count_fabric(
    topology: str,
    *,
    switch_ports: int,
    ports_per_node: int,
    nodes: int,
    oversubscription: float = 1.0,
    extra_ports: int = 0,
) -> FabricCount:
    """Count the switches and links that connect ``nodes`` nodes.

    Parameters
    ----------
    topology: 'rail-optimized', 'fat-tree' or 'leaf-spine'; the last two are counted alike.
    switch_ports: ports of a switch, ≥ 2.
    ports_per_node: ports that each node uses, ≥ 1.
    nodes: nodes to connect; 0 needs nothing at all.
    oversubscription: bandwidth to the nodes ÷ bandwidth to the spines of a leaf, ≥ 1.
    extra_ports: further ports of leaves that are taken (fabric managers and the like).

    Raises ValueError, with a sentence for the planner, where no fabric of up to three tiers can do it.
    """
    _check(topology, switch_ports, ports_per_node, oversubscription)
    if nodes < 0 or extra_ports < 0:
        raise ValueError(f"a fabric cannot have {nodes} nodes and {extra_ports} extra ports: neither may be negative")
    if nodes == 0:
        return FabricCount(0, 0, 0, 0, 0, 0, 0, 0, 0)
    wiring = fabric_layout(
        topology,
        switch_ports=switch_ports,
        ports_per_node=ports_per_node,
        nodes=nodes,
        oversubscription=oversubscription,
        extra_ports=extra_ports,
    )
    access = nodes * ports_per_node + extra_ports
    return FabricCount(
        nodes=nodes,
        tiers=wiring.tiers,
        leaf=wiring.leaf,
        spine=wiring.spine,
        core=wiring.core,
        access_links=access,
        leaf_spine_links=wiring.leaf_spine_links,
        spine_core_links=wiring.spine_core_links,
        transceivers=2 * (access + wiring.leaf_spine_links + wiring.spine_core_links),
    )


def max_nodes(topology: str, switch_ports: int, ports_per_node: int, oversubscription: float = 1.0) -> int:
    """Return the most nodes that three tiers connect (without extra ports); 0 where not even one node fits."""
    _check(topology, switch_ports, ports_per_node, oversubscription)
    down, _ = split_ports(switch_ports, oversubscription)
    leaves = most_leaves(switch_ports)
    rail = topology == "rail-optimized"
    switched = leaves // ports_per_node * down if rail else leaves * down // ports_per_node
    return max(switch_ports // ports_per_node, switched)


def fabric_steps(
    topology: str,
    *,
    switch_ports: int,
    ports_per_node: int,
    oversubscription: float = 1.0,
    max_nodes: int,
) -> tuple[FabricStep, ...]:
    """Return `count_fabric` as a step function of the node count.

    Steps ascend; step i holds for all node counts above ``steps[i-1].max_nodes`` and up to its own. The last step is
    the first that reaches ``max_nodes``, or the largest fabric possible; its own ``max_nodes`` is its true capacity,
    which may be more than was asked for. Access links are not part of a step: they are ``ports_per_node`` for each
    node. No step exists for ``max_nodes`` = 0.

    Raises ValueError where not even one node can be connected, or an argument is out of range.
    """
    _check(topology, switch_ports, ports_per_node, oversubscription)
    down, up = split_ports(switch_ports, oversubscription)
    group = ports_per_node if topology == "rail-optimized" else 1
    most_groups = most_leaves(switch_ports) // group
    steps: list[FabricStep] = []
    reached = 0
    for groups in range(most_groups + 1):
        if reached >= max_nodes:
            break
        leaves = groups * group
        capacity = leaves * down // ports_per_node if groups else switch_ports // ports_per_node
        if capacity <= reached:
            continue
        wiring = wire(switch_ports, leaves, down, up)
        steps.append(
            FabricStep(
                max_nodes=capacity,
                tiers=wiring.tiers,
                leaf=wiring.leaf,
                spine=wiring.spine,
                core=wiring.core,
                leaf_spine_links=wiring.leaf_spine_links,
                spine_core_links=wiring.spine_core_links,
            )
        )
        reached = capacity
    if max_nodes > 0 and not steps:
        raise ValueError(_too_few_ports(topology, switch_ports, ports_per_node))
    return tuple(steps)


def node_ports(node: Node, fabric: Fabric) -> int:
    """Return the switch ports that one node takes (0 on a fabric without switches)."""
    if fabric.switch is None:
        return 0
    return fabric.nics_per_node or node.nics


def node_gbps(node: Node, fabric: Fabric, switch: Switch | None) -> float:
    """Return the line rate between one node and the fabric, Gbit/s, one direction; 0 where nodes work alone.

    A port runs at the slower of the node's and the switch's rate; a builtin fabric states the rate of a node.
    """
    if switch is None or fabric.switch is None:
        return fabric.gbps or 0.0
    return node_ports(node, fabric) * min(node.nic_gbps, switch.port_gbps)


def usable(
    node: Node,
    fabric: Fabric,
    switch: Switch | None,
    access_link: Link | None = None,
    trunk_link: Link | None = None,
) -> str | None:
    """Return why the node cannot join the fabric, as a sentence, or None where it can.

    A node needs ports and as many as the fabric asks for. A port runs at the slower of the two rates that meet, and
    a link must carry that rate and speak what the switch speaks. Links that are None are not checked.
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
    rate = min(node.nic_gbps, switch.port_gbps)
    for column, link in (("access_link", access_link), ("trunk_link", trunk_link)):
        if link is None:
            continue
        if link.technology != switch.technology:
            return (
                f"fabrics.csv: {fabric.name} {column} {link.name} carries {link.technology}, "
                f"switch {switch.name} speaks {switch.technology}"
            )
        if link.gbps < rate:
            return (
                f"fabrics.csv: {fabric.name} {column} {link.name} carries {link.gbps:g} Gbit/s, less than the "
                f"{rate:g} Gbit/s of the ports of node {node.name} on switch {switch.name}"
            )
    return None


def count_for(node: Node, fabric: Fabric, switch: Switch, nodes: int, extra_ports: int = 0) -> FabricCount:
    """Count the fabric for ``nodes`` such nodes; see `count_fabric` (ValueError where impossible)."""
    return count_fabric(
        fabric.topology or "",
        switch_ports=switch.ports,
        ports_per_node=node_ports(node, fabric),
        nodes=nodes,
        oversubscription=fabric.oversubscription,
        extra_ports=extra_ports,
    )


def steps_for(node: Node, fabric: Fabric, switch: Switch, max_nodes: int) -> tuple[FabricStep, ...]:
    """Return the steps of the fabric for such nodes; see `fabric_steps` (ValueError where impossible)."""
    return fabric_steps(
        fabric.topology or "",
        switch_ports=switch.ports,
        ports_per_node=node_ports(node, fabric),
        oversubscription=fabric.oversubscription,
        max_nodes=max_nodes,
    )


def fabric_parts(
    fabric: Fabric, switch: Switch, access_link: Link, trunk_link: Link, count: FabricCount
) -> list[tuple[str, str, int]]:
    """Return what is bought as (table, name, units), without zeros; one line where both links are the same row.

    Raises ValueError where a row is not the one that the fabric names.
    """
    for column, named, row in (
        ("switch", fabric.switch, switch),
        ("access_link", fabric.access_link, access_link),
        ("trunk_link", fabric.trunk_link, trunk_link),
    ):
        if named != row.name:
            raise ValueError(f"fabric {fabric.name} names {column} {named}, not {row.name}")
    units: dict[tuple[str, str], int] = {("switches", switch.name): count.switches}
    for link, links in ((access_link, count.access_links), (trunk_link, count.trunk_links)):
        units["links", link.name] = units.get(("links", link.name), 0) + links
    return [(table, name, number) for (table, name), number in units.items() if number]


def fabric_kw(fabric: Fabric, switch: Switch, access_link: Link, trunk_link: Link, count: FabricCount) -> float:
    """Return the nameplate power of the fabric's switches and links (both ends), kW; ValueError as `fabric_parts`."""
    kw = {("switches", switch.name): switch.max_kw}
    kw.update({("links", link.name): link.kw for link in (access_link, trunk_link)})
    parts = fabric_parts(fabric, switch, access_link, trunk_link, count)
    return sum(units * kw[table, name] for table, name, units in parts)


def fabric_price_usd(fabric: Fabric, switch: Switch, access_link: Link, trunk_link: Link, count: FabricCount) -> float:
    """Return the purchase price of the fabric's switches and links, USD; ValueError as `fabric_parts`."""
    price = {("switches", switch.name): switch.price_usd}
    price.update({("links", link.name): link.price_usd for link in (access_link, trunk_link)})
    parts = fabric_parts(fabric, switch, access_link, trunk_link, count)
    return sum(units * price[table, name] for table, name, units in parts)


def separate_ends(access_link: Link, trunk_link: Link, count: FabricCount) -> int:
    """Return the transceivers that are modules of their own: two for each optical link (dac and aoc bring theirs)."""
    links = ((access_link, count.access_links), (trunk_link, count.trunk_links))
    return sum(2 * number for link, number in links if link.kind == "optical")


def _check(topology: str, switch_ports: int, ports_per_node: int, oversubscription: float) -> None:
    if topology not in TOPOLOGIES:
        raise ValueError(f"unknown topology '{topology}': it must be one of {', '.join(TOPOLOGIES)}")
    if switch_ports < 2:
        raise ValueError(f"a switch of a fabric needs at least 2 ports, not {switch_ports}")
    if ports_per_node < 1:
        raise ValueError(f"a node needs at least one port to join a fabric, not {ports_per_node}")
    if not 1.0 <= oversubscription < float("inf"):
        raise ValueError(f"oversubscription must be at least 1 (1:1), not {oversubscription:g}")


def _too_few_ports(topology: str, switch_ports: int, ports_per_node: int) -> str:
    return (
        f"a {topology} fabric of {switch_ports}-port switches cannot connect even one node with {ports_per_node} ports:"
        " the switch has too few ports"
    )
