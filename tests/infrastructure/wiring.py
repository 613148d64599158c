"""Plugs every cable of a counted fabric, port by port, and measures by max-flow what it carries.

The generator knows only which leaf a port goes to, that every leaf of a pod reaches every spine of it, and every spine
of a plane every core of it; how many of each there are is what the tested code says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx

from dcopt.infrastructure.topology import Shape, count_fabric, layout_for

Links = Counter[tuple[str, str]]
"""How many links run between two devices."""


@dataclass(frozen=True)
class Wired:
    """The cables of a fabric by kind, and the number of spines of a pod (planes of spines that never meet)."""

    access: Links
    to_spine: Links
    to_core: Links
    spines_per_pod: int

    @property
    def links(self) -> Links:
        """All cables."""
        return self.access + self.to_spine + self.to_core

    def without(self, device: str) -> Wired:
        """Return the fabric after a switch failed."""
        kept = [
            Counter({ends: number for ends, number in links.items() if device not in ends})
            for links in (self.access, self.to_spine, self.to_core)
        ]
        return Wired(kept[0], kept[1], kept[2], self.spines_per_pod)


def wire(shape: Shape, nodes: int, extra_ports: int = 0) -> Wired:
    """Plug every cable: node to leaf, leaf to spine, spine to core."""
    layout = layout_for(shape, nodes, extra_ports)
    access: Links = Counter()
    to_spine: Links = Counter()
    to_core: Links = Counter()
    for net in range(shape.networks):
        extra = extra_ports // shape.networks + (net < extra_ports % shape.networks)
        for owner, ports in [*((f"node{n}", shape.network_ports) for n in range(nodes)), ("manager", extra)]:
            for port in range(ports):
                number = (nodes if owner == "manager" else int(owner[4:])) * shape.network_ports + port
                if layout.tiers == 1:
                    leaf = 0
                else:
                    on_rail, rail = divmod(number, shape.group)
                    leaf = on_rail // layout.down * shape.group + rail
                access[owner, f"leaf{net}.{leaf}"] += 1
        for leaf in range(layout.leaf if layout.tiers > 1 else 0):
            for plane in range(layout.spines_per_pod):
                to_spine[f"leaf{net}.{leaf}", f"spine{net}.{leaf % layout.pods}.{plane}"] += layout.leaf_spine_pair
        for pod in range(layout.pods):
            for plane in range(layout.spines_per_pod):
                for core in range(layout.cores_per_plane):
                    to_core[f"spine{net}.{pod}.{plane}", f"core{net}.{core}.{plane}"] += layout.spine_core_pair
    return Wired(access, to_spine, to_core, layout.spines_per_pod)


def check_ports(shape: Shape, nodes: int, extra_ports: int = 0) -> Wired:
    """Wire a fabric; every end has a port of its own, and the count says exactly what was plugged."""
    count = count_fabric(shape, nodes, extra_ports)
    wired = wire(shape, nodes, extra_ports)
    plugged = [links.total() for links in (wired.access, wired.to_spine, wired.to_core)]
    assert plugged == [count.access_links, count.leaf_spine_links, count.spine_core_links]
    ends: Counter[str] = Counter()
    for (one, other), number in wired.links.items():
        ends[one] += number
        ends[other] += number
    kinds = Counter(device.rstrip("0123456789.") for device in ends)
    assert (kinds["node"], kinds["leaf"], kinds["spine"], kinds["core"]) == (
        nodes,
        count.leaf,
        count.spine,
        count.core,
    )
    assert ends.total() == count.transceivers
    for device, number in ends.items():
        if device == "manager":
            assert number == extra_ports
        elif device.startswith("node"):
            assert number == shape.ports_per_node
        else:
            assert number <= shape.switch_ports, device
    if count.tiers > 1:
        _check_leaves(wired, shape)
    return wired


def _check_leaves(wired: Wired, shape: Shape) -> None:
    """Every leaf keeps its split, and has the same links to every spine that it reaches; likewise spine to core."""
    down, up = shape.split
    below, above = ports_below(wired), Counter[str]()
    for (leaf, _), number in wired.to_spine.items():
        above[leaf] += number
    assert max(below.values()) <= down
    assert set(above.values()) == {up}
    for links in (wired.to_spine, wired.to_core):
        assert len(set(links.values())) <= 1


def ports_below(wired: Wired, nodes: Iterable[str] | None = None) -> Counter[str]:
    """Return the ports of each leaf that go to nodes (of ``nodes``)."""
    wanted = None if nodes is None else set(nodes)
    below: Counter[str] = Counter()
    for (node, leaf), number in wired.access.items():
        if wanted is None or node in wanted:
            below[leaf] += number
    return below


def carried(wired: Wired, senders: Iterable[str], receivers: Iterable[str]) -> float:
    """Return the ports' worth of traffic that ``senders`` (nodes) can send to ``receivers`` at once, by max-flow.

    Planes of spines never meet above the leaves. Where they are all alike, each leaf splits its traffic evenly and one
    plane stands for all: in units of 1 ÷ planes of a port, so that numbers stay whole.
    """
    planes = max(1, wired.spines_per_pod)
    _check_planes_alike(wired, planes)
    graph = nx.DiGraph()
    graph.add_nodes_from(("source", "sink"))
    for links in (wired.to_spine, wired.to_core):
        for (one, other), number in links.items():
            if (one if links is wired.to_core else other).rsplit(".", 1)[1] == "0":
                graph.add_edge(one, other, capacity=number * planes)
                graph.add_edge(other, one, capacity=number * planes)
    for leaf, number in ports_below(wired, senders).items():
        graph.add_edge("source", leaf, capacity=number)
    for leaf, number in ports_below(wired, receivers).items():
        graph.add_edge(leaf, "sink", capacity=number)
    flow: float = nx.maximum_flow_value(graph, "source", "sink")
    return flow


def whole_graph_carried(wired: Wired, senders: Iterable[str], receivers: Iterable[str]) -> float:
    """Return the same as `carried` from the whole graph, nodes included and nothing assumed (slow)."""
    graph = nx.DiGraph()
    for (one, other), number in wired.links.items():
        graph.add_edge(one, other, capacity=number)
        graph.add_edge(other, one, capacity=number)
    for node in senders:
        graph.add_edge("source", node)
    for node in receivers:
        graph.add_edge(node, "sink")
    flow: float = nx.maximum_flow_value(graph, "source", "sink")
    return flow


def _check_planes_alike(wired: Wired, planes: int) -> None:
    seen: dict[str, Links] = {}
    for links, which in ((wired.to_spine, 1), (wired.to_core, 0)):
        for ends, number in links.items():
            plane = ends[which].rsplit(".", 1)[1]
            names = [end if end.startswith("leaf") else end.rsplit(".", 1)[0] for end in ends]
            seen.setdefault(plane, Counter())[names[0], names[1]] += number
    first = next(iter(seen.values()), None)
    assert all(links == first for links in seen.values())
    assert len(seen) in (0, planes)
