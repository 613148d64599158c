"""Nodes at power caps: kinds of nodes of their own that are bought as the nodes that they are.

A cap takes ``saved_kw`` off the nameplate of every chip. What stands around the chips keeps its power, the measured
peak keeps its ratio to the nameplate, and so

    max_kw' = max_kw − accelerators·saved_kw,   measured_peak_kw' = measured_peak_kw·max_kw'/max_kw

Price, offers, existing units, vendor, failures and carbon of making are those of the node; its name in designs is
``NODE@CAP``, which no table can hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from dcopt.problem.tables.catalog_rows import Node
from dcopt.problem.tables.power_rows import CappedNode, PowerCap

LOWEST_SHARE = 0.7
"""Share of the nameplate power below which published slowdowns no longer speak of a node."""


def bought_as(node: str) -> str:
    """Return the name of the row as which a node, by name, is bought."""
    return node.partition("@")[0]


def capped_kw(node: Node, cap: PowerCap) -> float:
    """Return the nameplate power in kW of ``node`` at a cap of its chip."""
    return (node.max_kw or 0.0) - node.accelerators * cap.saved_kw


def capped(node: Node, cap: PowerCap) -> CappedNode | None:
    """Return ``node`` at ``cap``; None where the cap is of another chip, or the node has no power of its own to save.

    The latter are nodes that are only rented, and those that would be left with no more than they draw when idle.
    """
    most = capped_kw(node, cap)
    if node.accelerator != cap.accelerator or node.max_kw is None or most <= node.standby_kw:
        return None
    peak = None if node.measured_peak_kw is None else node.measured_peak_kw * most / node.max_kw
    cells = dict(node) | {
        "name": f"{node.name}@{cap.name}",
        "max_kw": most,
        "measured_peak_kw": peak,
        "idle_kw": min(node.standby_kw, peak or most),
    }
    return CappedNode.model_construct(**cells, whole=node, cap=cap)


def with_capped(nodes: Mapping[str, Node], caps: Mapping[str, PowerCap]) -> dict[str, Node]:
    """Return the nodes and, after them, each of them at every cap of its chip."""
    found = dict(nodes)
    for node in nodes.values():
        for cap in caps.values():
            one = capped(node, cap)
            if one is not None:
                found[one.name] = one
    return found
