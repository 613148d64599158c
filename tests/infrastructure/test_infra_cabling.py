"""Cables by length and transceivers at every end, held against a fabric that is plugged port by port."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from wiring import wire

from dcopt.infrastructure.cabling import Cabling, cable_rows, parts_of
from dcopt.infrastructure.topology import FabricStep, Shape, fabric_steps, max_nodes
from dcopt.problem.fabric_ports import row_m
from dcopt.problem.tables.catalog_rows import Fabric, Link, Switch, Transceiver

TWIN = Transceiver(name="twin", ports=2, kw=0.015, price_usd=1300)
SINGLE = Transceiver(name="single", ports=1, kw=0.0085, price_usd=650)
LINKS = {
    "copper": Link(name="copper", technology="infiniband", gbps=400, price_usd=175),
    "short": Link(
        name="short", technology="infiniband", gbps=400, price_usd=50, transceiver="twin", node_transceiver="single"
    ),
    "long": Link(name="long", technology="infiniband", gbps=400, price_usd=60, transceiver="twin"),
}


def cabling(shape: Shape, **cells: Any) -> Cabling:
    """Return the cabling of a shape; cells change the fabric's cables, where leaves stand, and the room."""
    room = {"racks_per_row": 9, "shelf_units": 14.0, "shelf_kw": 20.0}
    room |= {key: cells.pop(key) for key in room if key in cells}
    row = {"access_link": "short", "trunk_link": "short", "rack_link": "copper", "row_link": "short"}
    fabric = Fabric(name="f", switch="sw", topology="fat-tree", **{**row, "hall_link": "long", **cells})
    switch = Switch(name="sw", technology="infiniband", ports=64, port_gbps=400, max_kw=1, rack_units=1, price_usd=1)
    return Cabling(
        shape=shape,
        switch=switch,
        cables=cable_rows(fabric, LINKS),
        transceivers={"twin": TWIN, "single": SINGLE},
        placement=fabric.leaf_placement,
        **room,
    )


def step_of(shape: Shape, nodes: int) -> FabricStep:
    """Return the step of a fabric for so many nodes."""
    return next(step for step in fabric_steps(shape, nodes) if step.max_nodes >= nodes)


H100 = Shape("rail-optimized", 64, 8)


def test_a_unit_of_32_nodes_stays_in_its_row() -> None:
    """Four nodes to a rack, eight racks and one for the twelve switches: no link leaves the row."""
    plan, step = cabling(H100), step_of(H100, 32)
    assert plan.nodes_within(step, "row", 4) == 32
    assert plan.trunk_reach(step, 4) == "rack"  # twelve switches share a rack
    cables, modules = parts_of(plan, step, {"row": 32}, "rack")
    assert cables == {"short": 256, "copper": 256}
    assert modules == {"single": 256, "twin": 128}
    assert plan.trunk_reach(step, 3) == "hall"  # eight racks of three hold 24: the unit takes a second row
    assert plan.nodes_within(step, "row", 3) == 24


def test_two_units_meet_across_the_hall() -> None:
    plan, step = cabling(H100), step_of(H100, 64)
    assert plan.trunk_reach(step, 4) == "hall"
    cables, modules = parts_of(plan, step, {"row": 63}, "hall")
    assert cables == {"short": 504, "long": 512}
    assert modules == {"single": 504, "twin": 8 * 32 + 512}  # the odd node leaves half a module on each rail


def test_in_rack_leaves_reach_their_rack_by_copper() -> None:
    shape = Shape("leaf-spine", 32, 1, 3.0)
    plan, step = cabling(shape, leaf_placement="in-rack"), step_of(shape, 48)
    assert plan.nodes_within(step, "rack", 4) == 8  # two leaves, four nodes in the rack of each
    assert plan.nodes_within(step, "row", 4) == 48
    assert plan.trunk_reach(step, 4) == "hall"


def test_equal_cables_are_one() -> None:
    same = cabling(H100, rack_link=None, row_link=None, hall_link=None)
    assert same.reaches("access") == same.reaches("trunk") == ("hall",)
    step = step_of(H100, 64)
    assert same.trunk_reach(step, 4) == "hall"
    assert same.nodes_within(step, "hall", 1) == 64
    assert row_m(16) == pytest.approx(17)


SHAPES = [
    Shape("rail-optimized", 64, 8),
    Shape("rail-optimized", 64, 8, 2.0),  # 21 uplinks: odd
    Shape("rail-optimized", 10, 4),  # five ports down: odd
    Shape("rail-optimized", 14, 4, planes=2),
    Shape("rail-optimized", 64, 72, rails=4),
    Shape("rail-only", 16, 4),
    Shape("leaf-spine", 18, 1, 1.0),  # nine down: odd
    Shape("leaf-spine", 16, 3, 3.0),
    Shape("single-switch", 64, 8),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_end_has_its_share_of_a_module(shape: Shape) -> None:
    """Plug every port, pair what stands on one switch, count the modules: as many as the formula buys."""
    plan = cabling(shape, rack_link=None, row_link=None, hall_link=None)
    for nodes in [n for n in (1, 2, 3, 5, 8, 9, 16, 21, 33, 63, 64, 65) if n <= max_nodes(shape)]:
        step = step_of(shape, nodes)
        cables, modules = parts_of(plan, step, {"hall": nodes}, "hall")
        wired = wire(shape, nodes)
        assert cables.total() == wired.links.total()
        trunk: Counter[str] = Counter()
        for (one, other), number in (wired.to_spine + wired.to_core).items():
            trunk[one] += number
            trunk[other] += number
        expected = _fewest_leaf_modules(shape, step, nodes) + sum(-(-ports // 2) for ports in trunk.values())
        assert modules["twin"] == expected
        assert modules["single"] == nodes * shape.ports_per_node
        ends = 2 * modules["twin"] + modules["single"]
        assert ends >= 2 * cables.total()  # no end without a port


def _fewest_leaf_modules(shape: Shape, step: FabricStep, nodes: int) -> int:
    """Fill the leaves of one rail two ports at a time, then the odd places that are left."""
    if step.tiers == 1:
        return shape.networks * -(-nodes * shape.network_ports // 2)
    leaves, down = step.layout.leaf // shape.group, step.layout.down
    left, units = nodes * shape.network_ports // shape.group, 0
    for _ in range(leaves):
        here = min(left, down - down % 2)
        units += -(-here // 2)
        left -= here
    return shape.networks * shape.group * (units + left)
