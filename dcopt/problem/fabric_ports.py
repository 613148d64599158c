"""How the ports of a node meet those of a switch: rails, planes, rates, the split of a leaf's ports, lengths of runs.

The one home of what both the speed of a fabric (`performance.cluster`) and its count (`infrastructure.topology`)
follow from. Functions of rows and numbers.
"""

from __future__ import annotations

import math

from dcopt.problem.tables.catalog_rows import Fabric, Node, Switch

RAILED: tuple[str, ...] = ("rail-optimized", "rail-only")
"""Topologies in which the ports of a node go to different leaves, one for each rail."""

LINK_COLUMNS: tuple[str, ...] = ("access_link", "trunk_link", "rack_link", "row_link", "hall_link")
"""The columns of a fabric that name cables."""

RACK_M = 2.0
"""Longest run within a rack: its height and some slack (estimate)."""
RACK_PITCH_M = 0.75
"""Width of a rack position of a row (estimate: racks of 0.6 to 0.8 m)."""
DROP_M = 2.5
"""Run between a rack and the trays above it (estimate)."""


def row_m(racks_per_row: int) -> float:
    """Return the longest run between racks of a row, m: along it and down at both ends."""
    return racks_per_row * RACK_PITCH_M + 2 * DROP_M


_ROUNDING = 1e-9


def split_ports(switch_ports: int, oversubscription: float) -> tuple[int, int]:
    """Return the ports of a leaf for nodes and for spines: the largest split whose ratio is at most the one asked."""
    up = max(1, int(switch_ports / (1.0 + oversubscription) + _ROUNDING))
    return min(switch_ports - up, int(up * oversubscription + _ROUNDING)), up


def nics_used(node: Node, fabric: Fabric) -> int:
    """Return the network cards of a node that a fabric uses (0 on a fabric without switches)."""
    if fabric.switch is None:
        return 0
    return fabric.nics_per_node or node.nics


def node_ports(node: Node, fabric: Fabric) -> int:
    """Return the switch ports that one node takes: one in each plane for each card it uses (0 without switches)."""
    return nics_used(node, fabric) * fabric.planes


def node_rails(node: Node, fabric: Fabric) -> int:
    """Return the rails of a node: the leaves of its rail group in one plane.

    A node of several hosts (an NVL72 rack has 18 of four ports each) has as many rails as one host has ports, and
    puts a port of every host on each; else each port is a rail of its own.
    """
    return min(node.rails or nics_used(node, fabric), nics_used(node, fabric))


def port_gbps(node: Node, fabric: Fabric, switch: Switch) -> float:
    """Return the rate of a link between node and leaf, Gbit/s: the slower of the two ports that meet.

    A card that has a port in each of several planes splits its rate among them.
    """
    return min(node.nic_gbps / fabric.planes, switch.port_gbps)


def node_gbps(node: Node, fabric: Fabric, switch: Switch | None) -> float:
    """Return the line rate between one node and its leaves, Gbit/s, one direction; 0 where nodes work alone.

    A builtin fabric states the rate of a node; where it does not, the node's own ports run at full rate.
    """
    if switch is None or fabric.switch is None:
        if fabric.name == "none":
            return 0.0
        return node.nics * node.nic_gbps if fabric.gbps is None else fabric.gbps
    return node_ports(node, fabric) * port_gbps(node, fabric, switch)


def leaf_ratio(fabric: Fabric, switch: Switch | None) -> float:
    """Return the ports for nodes ÷ ports for spines of a leaf (1 where nothing is oversubscribed)."""
    if switch is None or fabric.topology == "single-switch":
        return 1.0
    down, up = split_ports(switch.ports, fabric.oversubscription)
    return max(1.0, down / up)


def full_rate_nodes(node: Node, fabric: Fabric, switch: Switch | None) -> float:
    """Return how many neighbouring nodes reach each other at full rate wherever they stand; inf without a limit.

    As many as the uplinks of a leaf have ports for. Nodes stand consecutively: such a group crosses at most one
    boundary between leaf groups, with at most half of its ports, and at most two groups share the uplinks of a leaf.
    Work that stretches further shares the uplinks with everything else (see `leaf_ratio`).
    """
    if switch is None or leaf_ratio(fabric, switch) <= 1.0:
        return math.inf
    up = split_ports(switch.ports, fabric.oversubscription)[1]
    ports = nics_used(node, fabric)
    on_a_leaf = ports // node_rails(node, fabric) if fabric.topology in RAILED else ports
    return float(max(1, up // on_a_leaf))
