"""Counts of switches and links: published rows, laws, step functions against the direct count, rows of tables."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dcopt.infrastructure.clos import FabricLayout
from dcopt.infrastructure.fabric_parts import fabric_kw, fabric_parts, fabric_price_usd
from dcopt.infrastructure.topology import (
    TOPOLOGIES,
    FabricCount,
    Shape,
    count_fabric,
    fabric_steps,
    layout_for,
    max_nodes,
    shape_of,
    steps_for,
    usable,
)
from dcopt.problem.fabric_ports import node_gbps, node_ports, split_ports
from dcopt.problem.tables.catalog_rows import Fabric, Link, Node, Switch

RAIL = "rail-optimized"

# id, nodes, node-leaf links, leaf, spine, core, leaf-spine links; 64-port switches, 8 ports a node, 1:1.
# NVIDIA DGX SuperPOD H100 reference architecture, table 4, and the B200 one (shared/facts/network_public.csv).
PUBLISHED = [
    ("NW1", 31, 252, 8, 4, 0, 256),
    ("NW2", 63, 508, 16, 8, 0, 512),
    ("NW5", 64, 512, 16, 8, 0, 512),
    ("NW6", 128, 1024, 32, 16, 0, 1024),
]


@pytest.mark.parametrize(("name", "nodes", "access", "leaf", "spine", "core", "trunk"), PUBLISHED)
def test_published_fabrics_are_reproduced(
    name: str, nodes: int, access: int, leaf: int, spine: int, core: int, trunk: int
) -> None:
    count = count_fabric(Shape(RAIL, 64, 8), nodes, access - 8 * nodes)
    assert count == FabricCount(nodes, 2, leaf, spine, core, access, trunk, 0, 2 * (access + trunk)), name


@pytest.mark.parametrize(
    ("ports", "nodes", "tiers", "leaf", "spine", "core", "leaf_spine", "spine_core"),
    [
        (64, 8, 1, 1, 0, 0, 0, 0),
        (64, 9, 2, 8, 4, 0, 256, 0),
        (64, 96, 2, 24, 16, 0, 768, 0),  # 24 leaves would fill 12 spines, which do not divide 32 uplinks
        (64, 256, 2, 64, 32, 0, 2048, 0),  # the largest of two tiers
        (64, 512, 3, 128, 128, 64, 4096, 4096),
        (64, 1024, 3, 256, 256, 128, 8192, 8192),
        (64, 2048, 3, 512, 512, 256, 16384, 16384),
        (64, 8192, 3, 2048, 2048, 1024, 65536, 65536),  # 64 Ki ports, the largest of three tiers
        (144, 18, 1, 1, 0, 0, 0, 0),
        (144, 144, 2, 16, 8, 0, 1152, 0),
        (144, 1296, 2, 144, 72, 0, 10368, 0),
        (32, 1024, 3, 512, 512, 256, 8192, 8192),
    ],
)
def test_one_to_one_fabrics_of_other_sizes_follow_the_same_rules(
    ports: int, nodes: int, tiers: int, leaf: int, spine: int, core: int, leaf_spine: int, spine_core: int
) -> None:
    count = count_fabric(Shape(RAIL, ports, 8), nodes)
    assert (count.tiers, count.leaf, count.spine, count.core) == (tiers, leaf, spine, core)
    assert (count.leaf_spine_links, count.spine_core_links) == (leaf_spine, spine_core)
    assert count.access_links == 8 * nodes


@pytest.mark.parametrize(
    ("ports", "ratio", "split"),
    [
        (64, 1, (32, 32)),
        (64, 2, (42, 21)),
        (64, 3, (48, 16)),
        (64, 4, (48, 12)),
        (32, 3, (24, 8)),
        (144, 2, (96, 48)),
        (33, 1, (16, 16)),
        (64, 1.5, (37, 25)),
        (8, 64, (7, 1)),
        (2, 1, (1, 1)),
    ],
)
def test_a_leaf_is_split_at_most_at_the_ratio(ports: int, ratio: float, split: tuple[int, int]) -> None:
    assert split_ports(ports, ratio) == split


@given(ports=st.integers(2, 300), ratio=st.floats(1, 64))
def test_a_split_keeps_the_ratio_and_the_ports(ports: int, ratio: float) -> None:
    down, up = split_ports(ports, ratio)
    assert down >= 1
    assert up >= 1
    assert down + up <= ports
    assert down <= up * ratio * (1 + 1e-6)


def test_oversubscribed_leaf_spine() -> None:
    count = count_fabric(Shape("leaf-spine", 64, 2, 3), 240)
    assert (count.leaf, count.spine, count.core, count.leaf_spine_links) == (10, 4, 0, 160)


def test_no_nodes_need_nothing() -> None:
    assert count_fabric(Shape(RAIL, 64, 8), 0) == FabricCount(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert fabric_steps(Shape(RAIL, 64, 8), 0) == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"topology": "torus"}, "unknown topology 'torus'"),
        ({"switch_ports": 1}, "at least 2 ports"),
        ({"ports_per_node": 0}, "at least one port"),
        ({"nodes": -1}, "neither may be negative"),
        ({"extra_ports": -1}, "neither may be negative"),
        ({"oversubscription": 0.5}, "at least 1"),
        ({"oversubscription": float("nan")}, "at least 1"),
        ({"nodes": 8193}, r"8193 nodes with 8 ports are more than .*at most 8192 nodes"),
        ({"nodes": 8192, "extra_ports": 1}, "and 1 extra ports are more than"),
        ({"switch_ports": 2}, "at most 0 nodes"),
    ],
)
def test_the_impossible_is_said_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    counted = {"nodes": 32, "extra_ports": 0}
    counted |= {key: changes[key] for key in counted if key in changes}
    shape: dict[str, Any] = {"topology": RAIL, "switch_ports": 64, "ports_per_node": 8}
    shape |= {key: value for key, value in changes.items() if key not in counted}
    with pytest.raises(ValueError, match=sentence):
        count_fabric(Shape(**shape), **counted)


def test_steps_and_layout_say_the_impossible_too() -> None:
    with pytest.raises(ValueError, match="too few ports"):
        fabric_steps(Shape(RAIL, 2, 8), 4)
    with pytest.raises(ValueError, match="at least one node"):
        layout_for(Shape(RAIL, 64, 8), 0)


SHAPES = [
    (4, 1, 1.0),
    (4, 3, 1.0),
    (5, 2, 1.0),
    (8, 8, 1.0),
    (12, 4, 2.0),
    (16, 8, 1.0),
    (32, 8, 3.0),
    (36, 2, 1.0),
    (64, 8, 1.0),
    (64, 8, 2.0),
    (64, 1, 4.0),
    (128, 9, 1.0),
    (144, 18, 1.5),
]


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize(("ports", "per_node", "ratio"), SHAPES)
def test_steps_agree_with_the_direct_count_for_every_size(
    topology: str, ports: int, per_node: int, ratio: float
) -> None:
    shape = Shape(topology, ports, per_node, ratio)
    most = max_nodes(shape)
    if most == 0:
        pytest.skip("no node fits")
    wanted = min(600, most)
    steps = fabric_steps(shape, 600)
    ends = [step.max_nodes for step in steps]
    assert ends == sorted(set(ends))
    assert wanted <= ends[-1] <= most
    for nodes in range(1, wanted + 1):
        step = steps[bisect_left(ends, nodes)]
        count = count_fabric(shape, nodes)
        assert (step.tiers, step.leaf, step.spine, step.core, step.leaf_spine_links, step.spine_core_links) == (
            count.tiers,
            count.leaf,
            count.spine,
            count.core,
            count.leaf_spine_links,
            count.spine_core_links,
        )
        assert (step.switches, step.trunk_links) == (count.switches, count.trunk_links)
    for one, other in itertools.pairwise(steps):
        assert (one.tiers, one.leaf) != (other.tiers, other.leaf)
    if most <= 600:
        assert ends[-1] == most
    with pytest.raises(ValueError, match="more than"):
        count_fabric(shape, most + 1)


@settings(max_examples=200, deadline=None)
@given(
    topology=st.sampled_from(TOPOLOGIES),
    ports=st.integers(4, 144),
    per_node=st.integers(1, 18),
    ratio=st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0]),
    share=st.floats(0.001, 1.0),
)
def test_more_nodes_never_need_fewer_switches(
    topology: str, ports: int, per_node: int, ratio: float, share: float
) -> None:
    shape = Shape(topology, ports, per_node, ratio)
    most = min(max_nodes(shape), 20_000)
    nodes = int(share * most)
    assume(nodes >= 1)
    few, many = (count_fabric(shape, n) for n in (nodes, min(nodes + per_node, most)))
    assert few.switches <= many.switches
    assert few.leaf <= many.leaf
    assert few.tiers <= many.tiers
    assert few.leaf_spine_links <= many.leaf_spine_links


@settings(max_examples=100, deadline=None)
@given(ports=st.integers(4, 64), per_node=st.integers(1, 8), share=st.floats(0, 1), extra=st.integers(0, 20))
def test_extra_ports_count_as_ports(ports: int, per_node: int, share: float, extra: int) -> None:
    shape = Shape("fat-tree", ports, per_node)
    most = max_nodes(shape)
    nodes = max(1, int(share * most))
    extra = min(extra, most - nodes)
    one = count_fabric(shape, nodes, extra * per_node)
    other = count_fabric(shape, nodes + extra)
    assert one == replace(other, nodes=nodes)


def _all_three_tier_fabrics(ports: int, leaves: int, up: int) -> list[int]:
    """Spines plus cores of every wiring of the rules, by trying every number of everything."""
    found = []
    for spines in (s for s in range(1, up + 1) if up % s == 0):
        pair = up // spines
        for pods in range(1, ports + 1):
            below = -(-leaves // pods) * pair
            for cores in range(1, ports + 1):
                for core_pair in range(1, ports + 1):
                    above = cores * core_pair
                    if below <= above and below + above <= ports and pods * core_pair <= ports:
                        found.append(pods * spines + spines * cores)
    return found


@pytest.mark.parametrize(("ports", "ratio"), [(4, 1.0), (6, 1.0), (8, 1.0), (8, 3.0), (12, 1.0), (12, 2.0)])
def test_three_tiers_have_the_fewest_switches_that_the_rules_allow(ports: int, ratio: float) -> None:
    down, up = split_ports(ports, ratio)
    for leaves in range(ports + 1, ports * (ports // 2) + 1, 3):
        count = count_fabric(Shape("fat-tree", ports, 1, ratio), leaves * down)
        assert count.tiers == 3
        assert count.spine + count.core == min(_all_three_tier_fabrics(ports, leaves, up))


def test_layout_is_what_is_counted() -> None:
    wiring = layout_for(Shape(RAIL, 64, 8), 512)
    assert wiring == FabricLayout(3, 128, 32, 32, 4, 32, 1, 2, 16)
    assert (wiring.spine, wiring.core, wiring.leaf_spine_links, wiring.spine_core_links) == (128, 64, 4096, 4096)


NODE = Node(name="n8", accelerator="chip", accelerators=8, nics=8, nic_gbps=400)
SWITCH = Switch(name="sw", technology="infiniband", ports=64, port_gbps=400, max_kw=1.5, rack_units=1, price_usd=30_000)
ACCESS = Link(name="dac", technology="infiniband", gbps=400, kind="dac", kw=0.001, price_usd=100)
TRUNK = Link(name="fibre", technology="infiniband", gbps=400, kind="optical", kw=0.02, price_usd=1000)
FABRIC = Fabric(name="f", switch="sw", topology="rail-optimized", access_link="dac", trunk_link="fibre")
NONE = Fabric(name="none")
BUILTIN = Fabric(name="builtin", gbps=3200)


def test_parts_power_and_price_of_a_fabric() -> None:
    count = count_fabric(shape_of(NODE, FABRIC, SWITCH), 31, extra_ports=4)
    rows = (FABRIC, SWITCH, ACCESS, TRUNK, count)
    assert fabric_parts(*rows) == [("switches", "sw", 12), ("links", "dac", 252), ("links", "fibre", 256)]
    assert fabric_kw(*rows) == pytest.approx(12 * 1.5 + 252 * 0.001 + 256 * 0.02)
    assert fabric_price_usd(*rows) == pytest.approx(12 * 30_000 + 252 * 100 + 256 * 1000)
    assert fabric_parts(FABRIC, SWITCH, ACCESS, TRUNK, count_fabric(shape_of(NODE, FABRIC, SWITCH), 1)) == [
        ("switches", "sw", 1),
        ("links", "dac", 8),
    ]
    assert fabric_parts(FABRIC, SWITCH, ACCESS, TRUNK, count_fabric(shape_of(NODE, FABRIC, SWITCH), 0)) == []
    assert steps_for(NODE, FABRIC, SWITCH, 40)[-1].max_nodes == 64


def test_one_link_row_for_both_uses_is_one_line() -> None:
    same = FABRIC.model_copy(update={"access_link": "fibre"})
    count = count_fabric(shape_of(NODE, same, SWITCH), 32)
    assert fabric_parts(same, SWITCH, TRUNK, TRUNK, count) == [("switches", "sw", 12), ("links", "fibre", 512)]


def test_parts_of_the_wrong_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="names access_link dac, not fibre"):
        fabric_parts(FABRIC, SWITCH, TRUNK, TRUNK, count_fabric(shape_of(NODE, FABRIC, SWITCH), 1))


def test_ports_and_rate_of_a_node() -> None:
    four = FABRIC.model_copy(update={"nics_per_node": 4})
    slow = SWITCH.model_copy(update={"port_gbps": 200.0})
    assert [node_ports(NODE, fabric) for fabric in (FABRIC, four, NONE, BUILTIN)] == [8, 4, 0, 0]
    assert node_gbps(NODE, FABRIC, SWITCH) == 3200
    assert node_gbps(NODE, four, slow) == 800
    assert node_gbps(NODE, NONE, None) == 0
    assert node_gbps(NODE, BUILTIN, None) == 3200


@pytest.mark.parametrize(
    ("node", "fabric", "switch", "trunk", "sentence"),
    [
        ({}, {}, {}, {}, None),
        ({"nic_gbps": 200.0}, {}, {}, {}, None),
        ({"nic_gbps": 800.0}, {}, {}, {}, None),
        ({"nics": 0}, {}, {}, {}, "has no network ports"),
        ({"nic_gbps": 0.0}, {}, {}, {}, "has no network ports"),
        ({"nics": 2}, {"nics_per_node": 4}, {}, {}, "has 2 network ports, fabric f uses 4"),
        ({}, {}, {"technology": "ethernet"}, {}, "carries infiniband, switch sw speaks ethernet"),
        ({}, {}, {}, {"gbps": 200.0}, "trunk_link fibre carries 200 Gbit/s, less than the 400"),
        ({"nic_gbps": 200.0}, {}, {}, {"gbps": 200.0}, None),
        ({}, {"hall_link": "fibre"}, {}, {"technology": "ethernet"}, "fibre carries ethernet"),
        ({}, {"topology": "single-switch"}, {"ports": 6}, {}, "cannot connect even one node with 8 ports"),
        ({"rails": 4}, {"nics_per_node": 6}, {}, {}, "which its 4 rails cannot share evenly"),
    ],
)
def test_a_node_that_cannot_join_says_why(
    node: dict[str, Any], fabric: dict[str, Any], switch: dict[str, Any], trunk: dict[str, Any], sentence: str | None
) -> None:
    reason = usable(
        NODE.model_copy(update=node),
        FABRIC.model_copy(update=fabric),
        SWITCH.model_copy(update=switch),
        {"dac": ACCESS, "fibre": TRUNK.model_copy(update=trunk)},
    )
    assert (reason is None) if sentence is None else (reason is not None and sentence in reason)


def test_fabrics_without_a_switch_take_every_node() -> None:
    assert usable(NODE, NONE, None) is None
    assert usable(NODE.model_copy(update={"nics": 0}), BUILTIN, None) is None
