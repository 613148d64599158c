"""A port-by-port wiring of counted fabrics: every end has a port, and max-flow proves the bandwidth."""

from __future__ import annotations

import random
from collections import Counter

import networkx as nx
import pytest

from dcopt.infrastructure.clos import split_ports
from dcopt.infrastructure.topology import count_fabric, fabric_layout, max_nodes

Links = Counter[tuple[str, str]]
"""How many links run between two devices."""


def _wire(topology: str, ports: int, per_node: int, nodes: int, ratio: float) -> tuple[Links, Links, Links]:
    """Plug every cable: node to leaf, leaf to spine, spine to core."""
    layout = fabric_layout(topology, switch_ports=ports, ports_per_node=per_node, nodes=nodes, oversubscription=ratio)
    access: Links = Counter()
    for node in range(nodes):
        for port in range(per_node):
            if layout.tiers == 1:
                leaf = 0
            elif topology == "rail-optimized":
                leaf = node // layout.down * per_node + port
            else:
                leaf = (node * per_node + port) // layout.down
            access[f"node{node}", f"leaf{leaf}"] += 1
    to_spine: Links = Counter()
    to_core: Links = Counter()
    for leaf in range(layout.leaf):
        for plane in range(layout.spines_per_pod):
            to_spine[f"leaf{leaf}", f"spine{leaf % layout.pods}.{plane}"] += layout.leaf_spine_pair
    for pod in range(layout.pods):
        for plane in range(layout.spines_per_pod):
            for core in range(layout.cores_per_plane):
                to_core[f"spine{pod}.{plane}", f"core{plane}.{core}"] += layout.spine_core_pair
    return access, to_spine, to_core


def _check_ports(topology: str, ports: int, per_node: int, nodes: int, ratio: float) -> tuple[Links, Links, Links]:
    count = count_fabric(topology, switch_ports=ports, ports_per_node=per_node, nodes=nodes, oversubscription=ratio)
    wired = _wire(topology, ports, per_node, nodes, ratio)
    assert [links.total() for links in wired] == [count.access_links, count.leaf_spine_links, count.spine_core_links]
    used: Counter[str] = Counter()
    for links in wired:
        for (one, other), number in links.items():
            used[one] += number
            used[other] += number
    kinds: Counter[str] = Counter(device.rstrip("0123456789.") for device in used)
    assert (kinds["node"], kinds["leaf"], kinds["spine"], kinds["core"]) == (
        nodes,
        count.leaf,
        count.spine,
        count.core,
    )
    assert sum(used.values()) == count.transceivers
    for device, number in used.items():
        assert number == per_node if device.startswith("node") else number <= ports, device
    if count.tiers > 1:
        _check_leaves(wired[0], wired[1], ports, ratio)
    return wired


def _check_leaves(access: Links, to_spine: Links, ports: int, ratio: float) -> None:
    down, up = split_ports(ports, ratio)
    below: Counter[str] = Counter()
    above: Counter[str] = Counter()
    for (_, leaf), number in access.items():
        below[leaf] += number
    for (leaf, _), number in to_spine.items():
        above[leaf] += number
    assert max(below.values()) <= down
    assert set(above.values()) == {up}


SIZES = [1, 2, 3, 4, 6, 8, 9, 12, 16, 24, 31, 32, 33, 48, 63, 64, 65, 96, 100, 127, 128, 129, 192, 255, 256, 257, 288]
SIZES += [300, 384, 511, 512, 513, 768, 1000, 1024, 1536, 2048, 3000, 4096, 8192]


@pytest.mark.parametrize("nodes", SIZES)
def test_every_end_has_a_port_from_8_to_65536_accelerators(nodes: int) -> None:
    _check_ports("rail-optimized", 64, 8, nodes, 1.0)


@pytest.mark.parametrize("topology", ["rail-optimized", "fat-tree", "leaf-spine"])
@pytest.mark.parametrize(("ports", "per_node", "ratio"), [(8, 2, 1.0), (12, 3, 2.0), (16, 4, 3.0), (10, 8, 1.0)])
def test_every_end_has_a_port_for_other_radices(topology: str, ports: int, per_node: int, ratio: float) -> None:
    most = max_nodes(topology, ports, per_node, ratio)
    for nodes in sorted({1, 2, 5, *range(1, most + 1, max(1, most // 25)), most}):
        _check_ports(topology, ports, per_node, nodes, ratio)


def _flow_between_halves(wired: tuple[Links, Links, Links], ratio: float, halves: tuple[set[str], set[str]]) -> None:
    """The leaves of one half send all that their nodes can to the other half: the fabric carries its 1 ÷ ratio."""
    access, to_spine, to_core = wired
    below: Counter[str] = Counter()
    for (_, leaf), number in access.items():
        below[leaf] += number
    graph = nx.DiGraph()
    for links in (to_spine, to_core):
        for (one, other), number in links.items():
            graph.add_edge(one, other, capacity=number)
            graph.add_edge(other, one, capacity=number)
    senders, receivers = halves
    for leaf in senders:
        graph.add_edge("source", leaf, capacity=below[leaf])
    for leaf in receivers:
        graph.add_edge(leaf, "sink", capacity=below[leaf])
    offered = min(sum(below[leaf] for leaf in half) for half in halves)
    carried = nx.maximum_flow_value(graph, "source", "sink")
    if ratio == 1:
        assert carried == offered
    else:
        assert carried * ratio >= offered * (1 - 1e-9)


@pytest.mark.parametrize(
    ("topology", "ports", "per_node", "nodes", "ratio"),
    [
        ("rail-optimized", 64, 8, 31, 1.0),
        ("rail-optimized", 64, 8, 96, 1.0),
        ("rail-optimized", 64, 8, 257, 1.0),
        ("rail-optimized", 16, 8, 64, 1.0),
        ("rail-optimized", 16, 4, 77, 1.0),
        ("rail-optimized", 8, 2, 60, 1.0),
        ("fat-tree", 8, 1, 128, 1.0),
        ("fat-tree", 8, 1, 61, 1.0),
        ("fat-tree", 6, 1, 40, 1.0),
        ("fat-tree", 36, 2, 500, 1.0),
        ("leaf-spine", 7, 2, 20, 1.0),
        ("leaf-spine", 16, 1, 400, 1.0),
        ("leaf-spine", 32, 1, 600, 3.0),
        ("leaf-spine", 12, 2, 100, 2.0),
        ("fat-tree", 16, 1, 500, 4.0),
    ],
)
def test_max_flow_proves_the_bisection(topology: str, ports: int, per_node: int, nodes: int, ratio: float) -> None:
    wired = _check_ports(topology, ports, per_node, nodes, ratio)
    leaves = sorted({leaf for _, leaf in wired[0]}, key=lambda leaf: int(leaf.removeprefix("leaf")))
    by_pod = sorted(leaves, key=lambda leaf: min(spine for one, spine in wired[1] if one == leaf))
    shuffled = random.Random(1).sample(leaves, len(leaves))
    for order in (leaves, by_pod, shuffled, leaves[::2] + leaves[1::2]):
        middle = len(order) // 2
        _flow_between_halves(wired, ratio, (set(order[:middle]), set(order[middle:])))
