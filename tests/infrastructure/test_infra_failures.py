"""What one failure leaves, held against max-flow through the fabric with that part pulled out."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import pytest
from wiring import Wired, ports_below, wire

from dcopt.infrastructure.failures import left_pct
from dcopt.infrastructure.topology import Shape, fabric_steps


def _even_share(wired: Wired, leaf: str) -> float:
    """Return the links' worth that ``leaf`` can send to all other leaves of its network."""
    graph = nx.DiGraph()
    graph.add_nodes_from((leaf, "sink"))
    for links in (wired.to_spine, wired.to_core):
        for (one, other), number in links.items():
            graph.add_edge(one, other, capacity=number)
            graph.add_edge(other, one, capacity=number)
    for other, number in ports_below(wired).items():
        if other != leaf:
            graph.add_edge(other, "sink", capacity=number)
    flow: float = nx.maximum_flow_value(graph, leaf, "sink")
    return flow


CASES = [
    (Shape("rail-optimized", 64, 8), 32),
    (Shape("rail-optimized", 64, 8), 64),
    (Shape("rail-optimized", 64, 8, 2.0), 42),
    (Shape("rail-optimized", 16, 8, planes=2), 8),
    (Shape("leaf-spine", 32, 1, 3.0), 96),
    (Shape("rail-only", 16, 4), 24),
]


@pytest.mark.parametrize(("shape", "nodes"), CASES)
def test_a_leaf_keeps_what_max_flow_says(shape: Shape, nodes: int) -> None:
    """Full leaves: what the first leaf still sends after its first spine, or one of its cables, is gone."""
    step = next(s for s in fabric_steps(shape, nodes) if s.max_nodes >= nodes)
    assert step.tiers == 2
    left = left_pct(shape, step, nodes)
    wired = wire(shape, nodes)
    leaf = "leaf0.0"
    wanted = min(ports_below(wired)[leaf], shape.split[1])
    assert _even_share(wired, leaf) == wanted
    ends = next(ends for ends in wired.to_spine if ends[0] == leaf)
    spine = _even_share(wired.without(ends[1]), leaf)
    cut = Wired(wired.access, wired.to_spine - Counter({ends: 1}), wired.to_core, wired.spines_per_pod)
    networks = step.networks
    assert left["spine"] == pytest.approx(100 * (1 - (1 - spine / wanted) / networks))
    assert left["trunk_optic"] == pytest.approx(100 * (1 - (1 - _even_share(cut, leaf) / wanted) / networks))
    lost = wired.access["node0", leaf]
    assert left["leaf"] == pytest.approx(100 * (1 - lost / shape.ports_per_node))
    assert left["access_optic"] == pytest.approx(100 * (1 - 1 / shape.ports_per_node))
    assert "core" not in left


@pytest.mark.parametrize("shape", [Shape("fat-tree", 8, 1), Shape("rail-optimized", 16, 4)])
def test_a_core_takes_its_share_of_a_plane(shape: Shape) -> None:
    """Pods send all they can to the other pods; with a core gone its plane carries what its other cores do."""
    nodes = 16 * shape.switch_ports // 2 // 1 if shape.group == 1 else 128
    nodes = min(nodes, 128)
    step = next(s for s in fabric_steps(shape, nodes) if s.max_nodes >= nodes)
    assert step.tiers == 3
    left = left_pct(shape, step, step.max_nodes)
    wired = wire(shape, step.max_nodes)

    def between_pods(fabric: Wired) -> float:
        graph = nx.DiGraph()
        for (spine, core), number in fabric.to_core.items():
            graph.add_edge(spine, core, capacity=number)
            graph.add_edge(core, spine, capacity=number)
        below: Counter[str] = Counter()
        for (_, spine), number in fabric.to_spine.items():
            below[spine] += number
        for spine, number in below.items():
            first = spine.split(".")[1] == "0"
            graph.add_edge(*(("source", spine) if first else (spine, "sink")), capacity=number)
        flow: float = nx.maximum_flow_value(graph, "source", "sink")
        return flow

    whole, hurt = between_pods(wired), between_pods(wired.without("core0.0.0"))
    assert left["core"] == pytest.approx(100 * hurt / whole)


def test_one_switch_is_all_or_nothing() -> None:
    step = fabric_steps(Shape("single-switch", 64, 8), 8)[0]
    assert left_pct(Shape("single-switch", 64, 8), step, 8) == {"leaf": 0.0, "access_optic": 87.5}
    twin = Shape("single-switch", 64, 16, planes=2)
    assert left_pct(twin, fabric_steps(twin, 4)[0], 4)["leaf"] == 50.0
