"""From 1 to 65,536 accelerators: what the rules give at each size, wired port by port, full bisection by max-flow."""

from __future__ import annotations

import random

import pytest
from wiring import carried, check_ports

from dcopt.infrastructure.topology import Shape, count_fabric

H100 = Shape("rail-optimized", 64, 8)
"""64-port switches, eight ports a node, 1:1: the reference architectures of the DGX SuperPOD."""

# accelerators, tiers, leaf, spine, core, access, leaf-spine and spine-core links
SIZES = [
    (1, 1, 1, 0, 0, 8, 0, 0),
    (8, 1, 1, 0, 0, 8, 0, 0),
    (16, 1, 1, 0, 0, 16, 0, 0),
    (32, 1, 1, 0, 0, 32, 0, 0),
    (64, 1, 1, 0, 0, 64, 0, 0),
    (72, 2, 8, 4, 0, 72, 256, 0),
    (96, 2, 8, 4, 0, 96, 256, 0),
    (128, 2, 8, 4, 0, 128, 256, 0),
    (192, 2, 8, 4, 0, 192, 256, 0),
    (256, 2, 8, 4, 0, 256, 256, 0),
    (264, 2, 16, 8, 0, 264, 512, 0),
    (384, 2, 16, 8, 0, 384, 512, 0),
    (500, 2, 16, 8, 0, 504, 512, 0),
    (512, 2, 16, 8, 0, 512, 512, 0),
    (520, 2, 24, 16, 0, 520, 768, 0),
    (768, 2, 24, 16, 0, 768, 768, 0),
    (1000, 2, 32, 16, 0, 1000, 1024, 0),
    (1024, 2, 32, 16, 0, 1024, 1024, 0),
    (1536, 2, 48, 32, 0, 1536, 1536, 0),
    (2000, 2, 64, 32, 0, 2000, 2048, 0),
    (2048, 2, 64, 32, 0, 2048, 2048, 0),
    (2056, 3, 72, 80, 48, 2056, 2304, 2400),
    (3072, 3, 96, 96, 64, 3072, 3072, 3072),
    (4096, 3, 128, 128, 64, 4096, 4096, 4096),
    (6000, 3, 192, 192, 128, 6000, 6144, 6144),
    (8192, 3, 256, 256, 128, 8192, 8192, 8192),
    (10000, 3, 320, 352, 192, 10000, 10240, 10560),
    (12288, 3, 384, 384, 256, 12288, 12288, 12288),
    (16384, 3, 512, 512, 256, 16384, 16384, 16384),
    (20000, 3, 632, 672, 352, 20000, 20224, 22176),
    (24576, 3, 768, 768, 512, 24576, 24576, 24576),
    (32768, 3, 1024, 1024, 512, 32768, 32768, 32768),
    (40000, 3, 1256, 1344, 960, 40000, 40192, 40320),
    (49152, 3, 1536, 1536, 1024, 49152, 49152, 49152),
    (65536, 3, 2048, 2048, 1024, 65536, 65536, 65536),
]


def test_the_table_spans_one_to_64_ki() -> None:
    accelerators = [row[0] for row in SIZES]
    assert len(SIZES) >= 30
    assert (accelerators[0], accelerators[-1]) == (1, 65536)
    assert accelerators == sorted(set(accelerators))


@pytest.mark.parametrize(
    ("accelerators", "tiers", "leaf", "spine", "core", "access", "leaf_spine", "spine_core"), SIZES
)
def test_counts_wiring_and_full_bisection(
    accelerators: int, tiers: int, leaf: int, spine: int, core: int, access: int, leaf_spine: int, spine_core: int
) -> None:
    nodes = -(-accelerators // 8)
    count = count_fabric(H100, nodes)
    assert (count.tiers, count.leaf, count.spine, count.core) == (tiers, leaf, spine, core)
    assert (count.access_links, count.leaf_spine_links, count.spine_core_links) == (access, leaf_spine, spine_core)
    wired = check_ports(H100, nodes)
    names = [f"node{n}" for n in range(nodes)]
    orders = [random.Random(7).sample(names, nodes)]
    if nodes <= 1024:
        orders += [names, names[::2] + names[1::2]]
    for order in orders:
        half = nodes // 2
        assert carried(wired, order[:half], order[half:]) == 8 * half


@pytest.mark.parametrize(
    ("shape", "nodes", "leaf", "spine", "core"),
    [
        # 144-port 800G switches, the B300 generation: a unit of 72 nodes on 8 leaves and 4 spines
        (Shape("rail-optimized", 144, 8), 72, 8, 4, 0),
        (Shape("rail-optimized", 144, 8), 144, 16, 8, 0),
        (Shape("rail-optimized", 144, 8), 1296, 144, 72, 0),
        # twin-plane Ethernet: every 800G card has a 400G port in each of two planes of 128 x 400G switches
        (Shape("rail-optimized", 128, 16, planes=2), 64, 16, 8, 0),
        (Shape("rail-optimized", 128, 16, planes=2), 1024, 256, 128, 0),
        # NVL72 racks: 18 hosts of four ports, so four rails; 16 racks put 288 ports on each rail
        (Shape("rail-optimized", 64, 72, rails=4), 8, 20, 16, 0),
        (Shape("rail-optimized", 64, 72, rails=4), 16, 36, 32, 0),
        (Shape("rail-only", 64, 72, rails=4), 8, 20, 16, 0),
        # a network for each rail alone: no spine up to one switch each
        (Shape("rail-only", 64, 8), 64, 8, 0, 0),
        (Shape("rail-only", 64, 8), 65, 24, 16, 0),
        (Shape("single-switch", 64, 8), 8, 1, 0, 0),
        (Shape("single-switch", 64, 16, planes=2), 8, 2, 0, 0),
        (Shape("leaf-spine", 32, 1, 3.0), 240, 10, 4, 0),
    ],
)
def test_other_generations_follow_the_same_rules(shape: Shape, nodes: int, leaf: int, spine: int, core: int) -> None:
    count = count_fabric(shape, nodes)
    assert (count.leaf, count.spine, count.core) == (leaf, spine, core)
    check_ports(shape, nodes)
