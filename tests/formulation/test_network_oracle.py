"""Side networks and cables of solved programs, against counts port by port and rack by rack."""

from __future__ import annotations

import pytest
from network_oracle import leaf_spine, reach_of_nodes
from small import Small, dataset, design_of, job, owned_site
from test_cabling_choice import wired

from dcopt.design.records import Design


def beside(**cells: object) -> Small:
    small = owned_site([job(dataset="books")], networks="data").put("datasets", [dataset()])
    row = {"name": "data", "switch": "sw8", "access_link": "dac", "trunk_link": "aoc"}
    return small.put("networks", [{**row, **cells}])


@pytest.mark.parametrize("per_node", [1, 3, 5, 8, 9, 13])
@pytest.mark.parametrize("per_unit", [0, 2])
def test_side_networks_are_the_fewest_switches(per_node: int, per_unit: int) -> None:
    design = design_of(beside(ports_per_node=per_node, ports_per_storage_unit=per_unit))
    [side] = [network for network in design.side_networks if network.year == 1]
    nodes = sum(pool.nodes for pool in design.pools if pool.year == 1)
    units = sum({record.name: record.site_units for record in design.storage if record.year == 1}.values())
    assert side.ports == per_node * nodes + per_unit * units
    assert (side.leaf, side.spine, side.trunk_links) == leaf_spine(side.ports, 8)


def _access(design: Design) -> dict[str, int]:
    cables = design.network[0].cables
    return {cable.reach: cable.links for cable in cables if cable.use == "access"}


@pytest.mark.parametrize("racks_per_row", [2, 3, 5])
@pytest.mark.parametrize("rack", ["tall", "short"])
@pytest.mark.parametrize("size", [4, 8])
def test_cables_are_counted_rack_by_rack(size: int, rack: str, racks_per_row: int) -> None:
    """A tall rack holds five duos of 4 units in 20, a short one two in 8; leaves of eight ports take four nodes."""
    other = "short" if rack == "tall" else "tall"
    design = design_of(wired(size).set(racks_per_row=racks_per_row).drop("racks", other))
    nodes = sum(pool.nodes for pool in design.pools if pool.year == 1)
    fill = {"tall": 5, "short": 2}[rack]
    counted = reach_of_nodes(nodes, 4, fill, racks_per_row, several=nodes > 8)
    assert _access(design) == dict(counted)
    net = design.network[0]
    assert (net.leaf, net.spine, net.leaf_spine_links) == leaf_spine(nodes, 8)


@pytest.mark.parametrize("racks_per_row", [2, 3])
def test_the_choice_of_racks_and_cables_is_the_cheapest(racks_per_row: int) -> None:
    """The choice is no dearer than any rack alone, and where one kind stands it costs what that kind alone costs."""
    small = wired(8).set(racks_per_row=racks_per_row)
    free = design_of(small)
    alone = {name: design_of(small.drop("racks", other)).tco_usd or 0.0 for name, other in _KINDS}
    assert (free.tco_usd or 0.0) <= min(alone.values()) * (1 + 1e-9)
    used = {record.name for record in free.racks if record.year == 1}
    if len(used) == 1:
        assert free.tco_usd == pytest.approx(alone[used.pop()], rel=1e-7)


_KINDS = (("tall", "short"), ("short", "tall"))


@pytest.mark.parametrize("racks_per_row", [2, 4])
@pytest.mark.parametrize("rack_cord", [5, 400])
def test_leaves_at_the_end_of_the_row_or_in_the_rack_are_a_choice(racks_per_row: int, rack_cord: float) -> None:
    """Two rows of fabrics.csv that differ in where their leaves stand: the cheaper of the two is built."""
    small = wired(8).set(racks_per_row=racks_per_row)
    small = small.add("links", name="patch", technology="ethernet", gbps=100, price_usd=rack_cord)
    [flat] = [row for row in small.tables["fabrics"] if row["name"] == "flat"]
    beside = {**flat, "name": "top", "leaf_placement": "in-rack", "rack_link": "patch"}
    both = small.add("fabrics", **beside)
    alone = {name: design_of(both.drop("fabrics", other)).tco_usd or 0.0 for name, other in _PLACES}
    free = design_of(both)
    assert free.tco_usd == pytest.approx(min(alone.values()), rel=1e-7)
    assert {net.fabric for net in free.network} == {min(alone, key=lambda name: alone[name])}


_PLACES = (("flat", "top"), ("top", "flat"))
