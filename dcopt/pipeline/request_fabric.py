"""``predict fabric``: the parts of one fabric from columns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from dcopt.infrastructure.fabric_parts import fabric_kw, fabric_price_usd
from dcopt.infrastructure.failures import left_pct
from dcopt.infrastructure.topology import (
    TOPOLOGIES,
    FabricCount,
    FabricStep,
    Shape,
    count_fabric,
    layout_for,
    shape_of,
)
from dcopt.performance.request import Request, RequestError, node_of
from dcopt.problem.tables.catalog_rows import Fabric, Link, Node, Switch

T = TypeVar("T")


def predict_fabric(request: Request) -> dict[str, Any]:
    """Return the parts of a fabric as a flat record.

    ``fabric`` is a row of the catalogue, or (with ``switch_ports``) words that name a topology, such as 'rail-optimized
    fat tree 1:1'; then power and price are None.

    Raises
    ------
    RequestError: a column is missing or impossible, or no fabric of three tiers connects so many nodes.
    """
    nodes = request.needed("nodes")
    extra = request.whole("extra_ports", least=0) or 0
    node = node_of(request) if request.has("node") and not request.has("ports_per_node") else None
    text = request.text("fabric")
    if text not in request.catalog["fabrics"] and request.has("switch_ports"):
        return _record(*_described(request, text, node, nodes, extra), None, None)
    fabric = request.row("fabrics", "fabric", Fabric)
    if fabric is None:
        raise RequestError("fabric: name a fabric of the catalogue")
    if fabric.switch is None:
        raise RequestError(f"fabric: '{fabric.name}' has no switches to count")
    switch = request.catalog["switches"][fabric.switch]
    access, trunk = (request.catalog["links"][str(name)] for name in (fabric.access_link, fabric.trunk_link))
    assert isinstance(switch, Switch)
    assert isinstance(access, Link)
    assert isinstance(trunk, Link)
    count, left = _counted(_shape(request, fabric, switch, node), nodes, extra)
    power = fabric_kw(fabric, switch, access, trunk, count)
    return _record(count, left, power, fabric_price_usd(fabric, switch, access, trunk, count))


DEFAULT_PORTS = 8
"""Ports of a node where neither they nor a node are given: those of an eight-accelerator server."""


def _shape(request: Request, fabric: Fabric, switch: Switch, node: Node | None) -> Shape:
    """Return the shape of a catalogue fabric for a node, or for so many ports of one (in all planes together)."""
    if node is not None:
        return shape_of(node, fabric, switch)
    ports = request.whole("ports_per_node") or (fabric.nics_per_node or DEFAULT_PORTS) * fabric.planes
    server = Node(name="node", accelerator="chip", accelerators=1, nics=ports, nic_gbps=switch.port_gbps)
    one_plane = fabric.model_copy(update={"nics_per_node": None, "planes": 1})
    return _possible(lambda: replace(shape_of(server, one_plane, switch), rails=None, planes=fabric.planes))


def _described(
    request: Request, text: str, node: Node | None, nodes: int, extra: int
) -> tuple[FabricCount, dict[str, float]]:
    """Count a fabric that words describe: topology, ratio (3:1) and planes (twin-plane, dual-plane, 4-plane)."""
    words = text.lower().replace(" ", "-").replace("_", "-")
    topology = next((name for name in TOPOLOGIES if name in words), None)
    if topology is None:
        raise RequestError(f"fabric: '{text}' is no fabric of the catalogue and names none of {', '.join(TOPOLOGIES)}")
    ratio = re.search(r"(\d+(?:\.\d+)?):1", words)
    planes = re.search(r"(twin|dual|two|\d+)-plan", words)
    stated = request.whole("planes")
    if stated is None and planes is not None:
        stated = int(planes[1]) if planes[1].isdigit() else 2
    cards = node.nics if node is not None and node.nics else DEFAULT_PORTS
    shape = _possible(
        lambda: Shape(
            topology=topology,
            switch_ports=request.needed("switch_ports"),
            ports_per_node=request.whole("ports_per_node") or cards * (stated or 1),
            oversubscription=request.number("oversubscription") or (float(ratio[1]) if ratio else 1.0),
            rails=request.whole("rails") or (node.rails if node else None),
            planes=stated or 1,
        )
    )
    return _counted(shape, nodes, extra)


def _counted(shape: Shape, nodes: int, extra: int) -> tuple[FabricCount, dict[str, float]]:
    """Return the parts of a fabric, and what is left of it when one fails."""
    count = _possible(lambda: count_fabric(shape, nodes, extra))
    step = FabricStep(nodes, shape.networks, layout_for(shape, nodes, extra)) if nodes else None
    return count, {} if step is None else left_pct(shape, step, nodes)


def _possible(make: Callable[[], T]) -> T:
    try:
        return make()
    except ValueError as error:
        raise RequestError(str(error)) from None


def _record(count: FabricCount, left: dict[str, float], kw: float | None, price_usd: float | None) -> dict[str, Any]:
    return {
        "tiers": count.tiers,
        "leaf": count.leaf,
        "spine": count.spine,
        "core": count.core,
        "access_links": count.access_links,
        "leaf_spine_links": count.leaf_spine_links,
        "spine_core_links": count.spine_core_links,
        "transceivers": count.transceivers,
        "kw": kw,
        "price_usd": price_usd,
        **{f"left_without_{part}_pct": share for part, share in left.items()},
    }
