"""What a fabric gives to collectives: rates of ports, oversubscription beyond a leaf's neighbours, planes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dcopt.performance.cluster import cluster_of
from dcopt.performance.collectives import all_reduce_s, group_bytes_per_s
from dcopt.problem.fabric_ports import full_rate_nodes, leaf_ratio, node_gbps
from dcopt.problem.tables.catalog_rows import Accelerator, Fabric, Node, Switch

CHIP = Accelerator(name="chip", memory_gb=80, memory_gb_per_s=3000, bf16_tflops=900, scaleup_gb_per_s=450)
CHIP = CHIP.model_copy(update={"scaleup_domain": 8})
NODE = Node(name="n8", accelerator="chip", accelerators=8, nics=8, nic_gbps=400)
SWITCH = Switch(name="sw", technology="infiniband", ports=64, port_gbps=400, max_kw=1.5, rack_units=1, price_usd=1)


def fabric(**cells: Any) -> Fabric:
    """Return a fabric of 64-port switches."""
    row = {"topology": "rail-optimized", "access_link": "a", "trunk_link": "t", "efficiency_pct": 90, **cells}
    return Fabric(name="f", switch="sw", **row)


@pytest.mark.parametrize(
    ("cells", "ratio", "nodes"),
    [
        ({}, 1.0, math.inf),
        ({"oversubscription": 2}, 2.0, 21),  # 42 ports down, 21 up: 21 nodes on each rail
        ({"oversubscription": 3}, 3.0, 16),
        ({"oversubscription": 4}, 4.0, 12),
        ({"oversubscription": 4, "topology": "leaf-spine"}, 4.0, 1),  # all eight ports of a node on one leaf
        ({"oversubscription": 4, "topology": "leaf-spine", "nics_per_node": 1}, 4.0, 12),
        ({"oversubscription": 2, "topology": "rail-only"}, 2.0, 21),
        ({"topology": "single-switch"}, 1.0, math.inf),
    ],
)
def test_the_reach_of_the_full_rate(cells: dict[str, Any], ratio: float, nodes: float) -> None:
    row = fabric(**cells)
    assert leaf_ratio(row, SWITCH) == ratio
    assert full_rate_nodes(NODE, row, SWITCH) == nodes
    cluster = cluster_of(NODE, CHIP, row, SWITCH)
    assert cluster.network_gb_per_s * 8 == pytest.approx(0.9 * node_gbps(NODE, row, SWITCH))
    assert cluster.between(8) == 450e9
    shared = ratio if nodes < 2 else 1.0
    assert cluster.between(16) == pytest.approx(cluster.network_gb_per_s_per_accelerator * 1e9 / shared)


@pytest.mark.parametrize("ratio", [2.0, 3.0, 4.0])
def test_oversubscription_lowers_only_what_stretches_over_leaves(ratio: float) -> None:
    even, short = (cluster_of(NODE, CHIP, fabric(oversubscription=r), SWITCH) for r in (1.0, ratio))
    reach = int(short.full_rate_chips)
    extents = np.array([8, 16, reach, reach + 8, 1024])
    wide, narrow = group_bytes_per_s(even, extents), group_bytes_per_s(short, extents)
    assert narrow[:3] == pytest.approx(wide[:3])
    assert narrow[3:] == pytest.approx(wide[3:] / ratio)
    args = (np.full(5, 1e9), extents // 8, extents, 1.0)
    assert (all_reduce_s(short, *args) >= all_reduce_s(even, *args)).all()
    assert all_reduce_s(short, *args)[-1] > 1.5 * all_reduce_s(even, *args)[-1]
    assert short.between(reach + 1) == pytest.approx(even.between(reach + 1) / ratio)


def test_rates_of_ports_meet_at_the_slower() -> None:
    slow = SWITCH.model_copy(update={"port_gbps": 200.0})
    fast = NODE.model_copy(update={"nic_gbps": 800.0})
    assert node_gbps(NODE, fabric(), slow) == 1600
    assert node_gbps(fast, fabric(), SWITCH) == 3200
    assert node_gbps(fast, fabric(planes=2), SWITCH) == 6400
    assert node_gbps(NODE, fabric(planes=2), SWITCH) == 3200
    assert node_gbps(NODE, fabric(nics_per_node=4), SWITCH) == 1600


def test_a_fabric_with_a_switch_needs_its_row() -> None:
    with pytest.raises(ValueError, match="its row is needed"):
        cluster_of(NODE, CHIP, fabric(), None)
    alone = cluster_of(NODE, CHIP, Fabric(name="none"), None)
    assert not alone.connected
    builtin = cluster_of(NODE, CHIP, Fabric(name="builtin", efficiency_pct=80), None)
    assert builtin.network_gb_per_s == pytest.approx(0.8 * 3200 / 8)
    assert replace(builtin, oversubscription=3.0).between(64) == builtin.between(64)
