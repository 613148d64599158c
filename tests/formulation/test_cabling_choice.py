"""Cables in the program: lengths follow the racks that are chosen, modules pair up, and every part is paid for."""

from __future__ import annotations

import pytest
from small import Small, design_of, job, owned_site

SHORT, LONG = 40, 1000


def wired(nodes: int, **cells: object) -> Small:
    """Return a problem whose job needs about ``nodes`` duos on a fabric with a cable for each distance."""
    small = owned_site([job(tokens=1e11 * nodes, deadline_days=12, global_batch=512)], power_limit_kw=60)
    small = small.drop("nodes", "quad")
    small = small.add("links", name="cord", technology="ethernet", gbps=100, price_usd=SHORT, transceiver="pair")
    small = small.add("links", name="haul", technology="ethernet", gbps=100, price_usd=LONG, transceiver="one")
    small = small.put(
        "transceivers",
        [
            {"name": "pair", "ports": 2, "kw": 0.01, "price_usd": 70},
            {"name": "one", "ports": 1, "kw": 0.02, "price_usd": 90},
        ],
    )
    return small.change("fabrics", "flat", row_link="cord", hall_link="haul", **cells)


def test_a_shorter_row_never_costs_less() -> None:
    """With one rack of nodes to a row the links between switches cross the hall; with fifteen they stay in a rack."""
    near, far = (design_of(wired(10).set(racks_per_row=racks)) for racks in (16, 2))
    assert near.tco_usd is not None
    assert far.tco_usd is not None
    assert near.tco_usd < far.tco_usd
    assert {(cable.use, cable.reach) for cable in near.network[0].cables} == {("access", "row"), ("trunk", "rack")}
    assert {(cable.use, cable.reach) for cable in far.network[0].cables} >= {("trunk", "hall")}


def test_the_racks_that_are_chosen_decide() -> None:
    """A rack that holds two nodes leaves room for two in a row of two racks; the rest of a group crosses the hall."""
    tall = design_of(wired(6).set(racks_per_row=2)).network[0]
    assert {cable.reach for cable in tall.cables} == {"row"}
    short = design_of(wired(6).set(racks_per_row=2).drop("racks", "tall")).network[0]
    nodes = {cable.reach: cable.links for cable in short.cables}
    assert nodes["row"] == 2
    assert nodes["hall"] == short.access_links - 2


@pytest.mark.parametrize("nodes", [4, 6, 10])
def test_cables_and_modules_of_a_design_reconcile(nodes: int) -> None:
    design = design_of(wired(nodes))
    net = next(net for net in design.network if net.year == 1)
    assert sum(cable.links for cable in net.cables) == net.access_links + net.leaf_spine_links + net.spine_core_links
    bought = {line.item: line.quantity for line in design.bom_lines if line.category == "network" and line.year == 1}
    for cable in net.cables:
        assert bought[cable.link] == cable.links
    for module in net.transceivers:
        assert bought[module.transceiver] == module.units
    assert net.access_links == sum(pool.nodes for pool in design.pools if pool.year == 1)
