"""Published clusters: what the catalogue and the counting rules make of them lies within the published bands.

Sources (shared/facts/catalog_facts.md): network 15-25 % of a cluster's cost (kshirol-dev.github.io) and 10-15 % extra
(v2-pseo), connectors and cables of 1,024 H100 in two tiers 2,560 USD a GPU (Google sheet "GS", Aug 2024), a DGX H100
10.2 kW, a DGX SuperPOD unit of 31 nodes with 8 leaf and 4 spine switches (NVIDIA reference architecture).
"""

from __future__ import annotations

import pytest

from dcopt.infrastructure.fabric_parts import fabric_kw, fabric_price_usd
from dcopt.infrastructure.topology import count_fabric, shape_of
from dcopt.problem.load import load_catalog

CATALOG = load_catalog()


def cluster(node_name: str, fabric_name: str, nodes: int) -> tuple[float, float, float, float]:
    """Return (USD of nodes, USD of fabric, kW of nodes, kW of fabric)."""
    node, fabric = CATALOG["nodes"][node_name], CATALOG["fabrics"][fabric_name]
    switch = CATALOG["switches"][fabric.switch]
    links = (CATALOG["links"][fabric.access_link], CATALOG["links"][fabric.trunk_link])
    count = count_fabric(shape_of(node, fabric, switch), nodes)
    price = fabric_price_usd(fabric, switch, *links, count)
    return node.price_usd * nodes, price, node.peak_kw * nodes, fabric_kw(fabric, switch, *links, count)


@pytest.mark.parametrize(("node", "fabric"), [("hgx-h100-8", "ndr400-rail"), ("hgx-h200-8", "ndr400-rail")])
def test_the_network_of_a_1024_gpu_cluster_has_its_published_share(node: str, fabric: str) -> None:
    nodes_usd, fabric_usd, _, _ = cluster(node, fabric, 128)
    assert 0.07 <= fabric_usd / (nodes_usd + fabric_usd) <= 0.25


def test_cables_and_connectors_of_1024_h100_cost_what_was_published() -> None:
    fabric = CATALOG["fabrics"]["ndr400-rail"]
    count = count_fabric(shape_of(CATALOG["nodes"]["hgx-h100-8"], fabric, CATALOG["switches"][fabric.switch]), 128)
    links = count.access_links * CATALOG["links"][fabric.access_link].price_usd
    links += count.trunk_links * CATALOG["links"][fabric.trunk_link].price_usd
    assert links / 1024 == pytest.approx(2560, rel=0.6)  # switches and cables are known to ±40 % each


def test_power_of_an_h100_cluster_per_accelerator() -> None:
    _, _, nodes_kw, fabric_kw_total = cluster("hgx-h100-8", "ndr400-rail", 128)
    assert 0.9 <= nodes_kw / 1024 <= 1.35
    assert fabric_kw_total / nodes_kw <= 0.12


@pytest.mark.parametrize("name", ["dgx-h100", "hgx-h100-8", "hgx-h200-8", "dgx-b200", "mi300x-8"])
def test_node_prices_lie_in_the_band_that_sources_give(name: str) -> None:
    node = CATALOG["nodes"][name]
    per_accelerator = node.price_usd / node.accelerators
    assert 20_000 <= per_accelerator <= 75_000


def test_the_superpod_unit_has_its_published_switches() -> None:
    fabric = CATALOG["fabrics"]["ndr400-rail"]
    shape = shape_of(CATALOG["nodes"]["dgx-h100"], fabric, CATALOG["switches"][fabric.switch])
    count = count_fabric(shape, 31, extra_ports=4)
    assert (count.leaf, count.spine, count.access_links, count.leaf_spine_links) == (8, 4, 252, 256)
