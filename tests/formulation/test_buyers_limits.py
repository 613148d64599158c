"""Limits that a buyer sets: shares of vendors, carbon of making, what a floor carries."""

from __future__ import annotations

from typing import Any

import pytest
from small import Small, design_of, job, owned_site, service, tco_of, two_sites

BUSY: dict[str, Any] = {"peak_requests_per_s": 6000, "mean_requests_per_s": 3000}


def two_vendors() -> Small:
    """Return a service for which one vendor is cheapest."""
    small = owned_site(services=[service(**BUSY)]).drop("fabrics", "flat")
    return small.change("nodes", "duo", vendor="north").change("nodes", "quad", vendor="south", price_usd=30000)


def shares(small: Small) -> dict[str, float]:
    """Return the share of each vendor in the nodes that a design buys."""
    problem = small.load()
    bought: dict[str, int] = {}
    for pool in design_of(problem).pools:
        if pool.year == 1:
            bought[problem.vendor_of(pool.node)] = bought.get(problem.vendor_of(pool.node), 0) + pool.bought
    return {vendor: units / sum(bought.values()) for vendor, units in bought.items() if units}


def test_no_vendor_delivers_more_than_its_share() -> None:
    free = shares(two_vendors())
    assert max(free.values()) == 1
    limited = shares(two_vendors().set(max_vendor_pct=70))
    assert len(limited) == 2
    assert max(limited.values()) <= 0.7
    costs = [tco_of(two_vendors().set(max_vendor_pct=share)) for share in (100, 80, 60, 50)]
    assert costs == sorted(costs)


def test_one_vendor_alone_cannot_keep_a_share() -> None:
    small = two_vendors().drop("nodes", "quad").set(max_vendor_pct=70)
    design = design_of(small)
    assert design.status == "infeasible"
    assert "max_vendor_pct" in design.diagnosis[0]


def test_a_node_without_a_vendor_is_its_chips() -> None:
    small = two_vendors().change("nodes", "duo", vendor=None).change("accelerators", "slow", vendor="west")
    assert small.load().vendor_of("duo") == "west"


def test_carbon_of_making_is_reported_and_limited() -> None:
    (chosen,) = {pool.node for pool in design_of(two_vendors()).pools}
    kg = {"duo": 100, "quad": 100, chosen: 3000}
    small = two_vendors()
    for node, each in kg.items():
        small = small.change("nodes", node, embodied_kgco2=each)
    design = design_of(small)
    made = sum(pool.bought * kg[pool.node] for pool in design.pools if pool.year == 1) / 1000
    assert [site.embodied_t for site in design.sites] == pytest.approx([made] * len(design.sites))
    less = design_of(small.set(embodied_limit_t=made - 1))
    assert less.sites[0].embodied_t <= made - 1
    assert (less.tco_usd or 0) > (design.tco_usd or 0)


def test_existing_nodes_were_made_already() -> None:
    there = [{"site": "oslo", "table": "nodes", "name": "duo", "units": 50}]
    small = two_vendors().change("nodes", "duo", embodied_kgco2=3000).put("existing", there)
    assert {site.embodied_t for site in design_of(small).sites} == {0}


@pytest.mark.parametrize("rule", ["incremental", "all-units"])
def test_orders_of_all_sites_count_together(rule: str) -> None:
    breaks = {"volume_units": "3", "volume_prices_usd": "6000", "volume_rule": rule}
    small = two_sites(services=[service(sites="oslo", **BUSY), service("far", sites="rome", **BUSY)])
    small = small.drop("fabrics", "flat").drop("nodes", "quad")
    design = design_of(small.put("offers", [{"table": "nodes", "name": "duo", **breaks}]))
    lines = [line for line in design.bom_lines if (line.table, line.year) == ("nodes", 1)]
    ordered = sum(line.quantity for line in lines)
    assert ordered > 3
    dear = 0 if rule == "all-units" else 2
    assert sum(line.total_usd for line in lines) == pytest.approx(12000 * dear + 6000 * (ordered - dear))


@pytest.mark.parametrize("share", [40, 100])
def test_the_other_sites_carry_on(share: float) -> None:
    small = two_sites(services=[service(headroom_pct=10, survive_pct=share, **BUSY)]).drop("fabrics", "flat")
    design = design_of(small.drop("nodes", "quad"))
    capacity = dict.fromkeys(("oslo", "rome"), 0.0)
    for record in design.inference:
        capacity[record.site] += record.capacity_requests_per_s if record.year == 1 else 0
    assert min(capacity.values()) >= share / 100 * BUSY["peak_requests_per_s"]
    assert sum(capacity.values()) >= 1.1 * BUSY["peak_requests_per_s"]


def test_survival_is_paid_for_and_needs_two_sites() -> None:
    small = two_sites(services=[service(**BUSY)]).drop("fabrics", "flat").drop("nodes", "quad")
    costs = [tco_of(small.change("inference", survive_pct=share)) for share in (0, 50, 100)]
    assert costs == sorted(costs)
    assert costs[0] < costs[2]
    design = design_of(small.change("inference", survive_pct=10, sites="oslo"))
    assert design.status == "infeasible"
    assert "survive_pct" in design.diagnosis[0]


def test_a_weak_floor_spreads_the_nodes() -> None:
    small = two_vendors().drop("nodes", "quad").change("racks", "tall", empty_kg=100, floor_m2=1).drop("racks", "short")
    strong = design_of(small)
    weak = design_of(small.change("sites", "oslo", floor_kg_per_m2=190))
    racks = [sum(r.count for r in design.racks if r.node == "duo" and r.year == 1) for design in (strong, weak)]
    nodes = [sum(r.nodes for r in design.racks if r.node == "duo" and r.year == 1) for design in (strong, weak)]
    assert nodes[0] / racks[0] > 2
    assert max(len(e.slots) for e in weak.elevations if e.content == "duo") == 2
    assert (weak.tco_usd or 0) > (strong.tco_usd or 0)


def test_a_hall_with_a_weak_floor_counts() -> None:
    small = two_vendors().drop("nodes", "quad").change("racks", empty_kg=100, floor_m2=1)
    hall = {"name": "attic", "site": "oslo", "kw": 40, "positions": 30, "price_usd": 9, "floor_kg_per_m2": 130}
    design = design_of(small.put("halls", [hall]))
    assert design.status == "infeasible"
    assert "a floor of 130 kg/m² does not carry" in design.diagnosis[0]


def test_a_node_that_no_rack_holds_is_named_with_the_reasons() -> None:
    small = owned_site([job()]).drop("nodes", "quad").change("nodes", "duo", rack_units=30)
    (reason,) = design_of(small).diagnosis[:1]
    assert "tall has 20 units, node duo is 30 units high" in reason
    assert "short has 8 units" in reason
