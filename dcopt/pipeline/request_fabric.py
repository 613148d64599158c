"""``predict fabric``: the parts of one fabric from columns."""

from __future__ import annotations

from typing import Any

from dcopt.infrastructure.topology import TOPOLOGIES, FabricCount, count_fabric, fabric_kw, fabric_price_usd
from dcopt.performance.request import Request, RequestError, node_of
from dcopt.problem.tables.catalog_rows import Fabric, Link, Switch


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
        return _record(_described(request, text, nodes, extra), None, None)
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
    ports = request.whole("ports_per_node") or fabric.nics_per_node or (node.nics if node else None)
    count = _counted(fabric.topology or "", switch.ports, ports or DEFAULT_PORTS, nodes, fabric.oversubscription, extra)
    power = fabric_kw(fabric, switch, access, trunk, count)
    return _record(count, power, fabric_price_usd(fabric, switch, access, trunk, count))


DEFAULT_PORTS = 8
"""Ports of a node where neither they nor a node are given: those of an eight-accelerator server."""


def _described(request: Request, text: str, nodes: int, extra: int) -> FabricCount:
    topology = next((name for name in TOPOLOGIES if name in text.lower().replace(" ", "-")), None)
    if topology is None:
        raise RequestError(f"fabric: '{text}' is no fabric of the catalogue and names none of {', '.join(TOPOLOGIES)}")
    ports = request.whole("ports_per_node") or DEFAULT_PORTS
    oversubscription = request.number("oversubscription") or 1.0
    return _counted(topology, request.needed("switch_ports"), ports, nodes, oversubscription, extra)


def _counted(
    topology: str, switch_ports: int, ports: int, nodes: int, oversubscription: float, extra: int
) -> FabricCount:
    try:
        return count_fabric(
            topology,
            switch_ports=switch_ports,
            ports_per_node=ports,
            nodes=nodes,
            oversubscription=oversubscription,
            extra_ports=extra,
        )
    except ValueError as error:
        raise RequestError(str(error)) from None


def _record(count: FabricCount, kw: float | None, price_usd: float | None) -> dict[str, Any]:
    return {
        "leaf": count.leaf,
        "spine": count.spine,
        "core": count.core,
        "access_links": count.access_links,
        "leaf_spine_links": count.leaf_spine_links,
        "spine_core_links": count.spine_core_links,
        "transceivers": count.transceivers,
        "kw": kw,
        "price_usd": price_usd,
    }
