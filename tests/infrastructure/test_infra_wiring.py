"""A port-by-port wiring of counted fabrics: every end has a port, and max-flow proves the bandwidth."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from wiring import carried, check_ports, ports_below, whole_graph_carried

from dcopt.infrastructure.topology import TOPOLOGIES, Shape, max_nodes
from dcopt.problem.fabric_ports import full_rate_nodes
from dcopt.problem.tables.catalog_rows import Fabric, Node, Switch

SIZES = [1, 2, 3, 4, 6, 8, 9, 12, 16, 24, 31, 32, 33, 48, 63, 64, 65, 96, 100, 127, 128, 129, 192, 255, 256, 257, 288]
SIZES += [300, 384, 511, 512, 513, 768, 1000, 1024, 1536, 2048]


@pytest.mark.parametrize("nodes", SIZES)
def test_every_end_has_a_port_from_8_to_16384_accelerators(nodes: int) -> None:
    check_ports(Shape("rail-optimized", 64, 8), nodes)


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize(
    ("ports", "per_node", "ratio", "rails", "planes"),
    [
        (8, 2, 1.0, None, 1),
        (12, 3, 2.0, None, 1),
        (16, 4, 3.0, None, 1),
        (10, 8, 1.0, None, 1),
        (12, 4, 1.0, None, 2),
        (16, 12, 2.0, 3, 2),
        (20, 18, 4.0, 2, 1),
    ],
)
def test_every_end_has_a_port_for_other_shapes(
    topology: str, ports: int, per_node: int, ratio: float, rails: int | None, planes: int
) -> None:
    shape = Shape(topology, ports, per_node, ratio, rails, planes)
    most = max_nodes(shape)
    assert most >= 1
    for nodes in sorted({1, min(2, most), min(5, most), *range(1, most + 1, max(1, most // 10)), most}):
        check_ports(shape, nodes)


@pytest.mark.parametrize("extra", [1, 4, 9])
@pytest.mark.parametrize("shape", [Shape("rail-optimized", 64, 8), Shape("rail-only", 16, 4), Shape("fat-tree", 16, 2)])
def test_extra_ports_are_plugged_too(shape: Shape, extra: int) -> None:
    for nodes in (1, 7, 31):
        check_ports(shape, nodes, extra)


BISECTIONS = [
    (Shape("rail-optimized", 64, 8), 31),
    (Shape("rail-optimized", 64, 8), 96),
    (Shape("rail-optimized", 16, 8), 64),
    (Shape("rail-optimized", 16, 4), 77),
    (Shape("rail-optimized", 8, 2), 60),
    (Shape("rail-optimized", 12, 8, planes=2), 30),
    (Shape("rail-optimized", 16, 18, rails=2), 12),
    (Shape("rail-only", 8, 4), 30),
    (Shape("rail-only", 16, 4), 16),
    (Shape("single-switch", 64, 8), 8),
    (Shape("fat-tree", 8, 1), 128),
    (Shape("fat-tree", 8, 1), 61),
    (Shape("fat-tree", 6, 1), 40),
    (Shape("fat-tree", 36, 2), 500),
    (Shape("leaf-spine", 7, 2), 20),
    (Shape("leaf-spine", 16, 1), 400),
    (Shape("leaf-spine", 32, 1, 3.0), 600),
    (Shape("leaf-spine", 12, 2, 2.0), 100),
    (Shape("fat-tree", 16, 1, 4.0), 500),
    (Shape("rail-optimized", 64, 8, 2.0), 100),
]


@pytest.mark.parametrize(("shape", "nodes"), BISECTIONS)
def test_max_flow_proves_the_bisection(shape: Shape, nodes: int) -> None:
    """Any half of the nodes sends to the other half at full rate ÷ the oversubscription."""
    wired = check_ports(shape, nodes)
    names = [f"node{n}" for n in range(nodes)]
    for order in (names, names[::2] + names[1::2], random.Random(1).sample(names, nodes)):
        middle = nodes // 2
        offered = middle * shape.ports_per_node
        flow = carried(wired, order[:middle], order[middle:])
        if nodes <= 100:
            assert flow == pytest.approx(whole_graph_carried(wired, order[:middle], order[middle:]), rel=0.2)
            assert flow <= whole_graph_carried(wired, order[:middle], order[middle:])
        assert flow * shape.oversubscription >= offered * (1 - 1e-9)
        assert flow <= offered


def _row(shape: Shape) -> tuple[Node, Fabric, Switch]:
    cards = shape.ports_per_node // shape.planes
    node = Node(name="n", accelerator="a", accelerators=8, nics=cards, nic_gbps=400, rails=shape.rails)
    fabric = Fabric(
        name="f",
        switch="s",
        topology=shape.topology,
        oversubscription=shape.oversubscription,
        planes=shape.planes,
        access_link="l",
        trunk_link="l",
    )
    cells = {"technology": "ethernet", "port_gbps": 400, "max_kw": 1, "rack_units": 1, "price_usd": 1}
    return node, fabric, Switch(name="s", ports=shape.switch_ports, **cells)


@pytest.mark.parametrize(
    "shape",
    [
        Shape("rail-optimized", 64, 8, 2.0),
        Shape("rail-optimized", 64, 8, 4.0),
        Shape("rail-optimized", 64, 8, 2.0, planes=2),
        Shape("leaf-spine", 32, 1, 3.0),
        Shape("leaf-spine", 32, 2, 2.0),
        Shape("rail-only", 16, 4, 3.0),
        Shape("rail-optimized", 60, 12, 2.0, rails=2),
    ],
)
def test_neighbours_keep_the_full_rate_wherever_they_stand(shape: Shape) -> None:
    """Groups no larger than `full_rate_nodes` stand side by side from any node on and all send at once.

    What leaves a leaf is at most the ports of a group below it and those on the other leaves of the rail; it never
    exceeds the uplinks, which the spines (1:1 above the leaves) carry without loss.
    """
    most = int(full_rate_nodes(*_row(shape)))
    nodes = min(max_nodes(shape), 5 * most + 7)
    wired = check_ports(shape, nodes)
    for first in range(min(most, 9)):
        above: Counter[str] = Counter()
        for start in range(first, nodes, most):
            below = ports_below(wired, [f"node{n}" for n in range(start, min(start + most, nodes))])
            on_rail: Counter[str] = Counter()
            for leaf, ports in below.items():
                on_rail[_rail(leaf, shape)] += ports
            for leaf, ports in below.items():
                above[leaf] += min(ports, on_rail[_rail(leaf, shape)] - ports)
        assert max(above.values(), default=0) <= shape.split[1]


def _rail(leaf: str, shape: Shape) -> str:
    network, number = leaf.removeprefix("leaf").split(".")
    return f"{network}.{int(number) % shape.group}"
