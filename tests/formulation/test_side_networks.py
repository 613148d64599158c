"""Networks beside the fabric: every port of equipment is connected, and the cheapest switches are bought and paid."""

from __future__ import annotations

import pytest
from small import Small, dataset, design_of, job, owned_site


def managed(**cells: object) -> Small:
    """Return a site with a job, data, and two networks of its own on eight-port switches."""
    small = owned_site([job(dataset="books")], networks="data hands").put("datasets", [dataset()])
    row = {"switch": "sw8", "access_link": "dac", "trunk_link": "aoc"}
    return small.put(
        "networks",
        [
            {"name": "data", **row, "ports_per_node": 2, "ports_per_storage_unit": 2, **cells},
            {"name": "hands", **row, "ports_per_node": 1, "ports_per_storage_unit": 1, "ports_per_switch": 1},
        ],
    )


def test_every_piece_of_equipment_is_connected() -> None:
    design = design_of(managed())
    nodes = sum(pool.nodes for pool in design.pools if pool.year == 1)
    units = sum({r.name: r.site_units for r in design.storage if r.year == 1}.values())
    fabric = sum(net.leaf + net.spine + net.core for net in design.network if net.year == 1)
    data, hands = (side for side in design.side_networks if side.year == 1)
    assert data.ports == 2 * nodes + 2 * units
    assert hands.ports == nodes + units + fabric + data.leaf + data.spine
    assert len(design.side_networks) == 2 * design.horizon_years
    bought = {line.item: line.quantity for line in design.bom_lines if line.year == 1}
    assert bought["sw8"] == fabric + sum(side.leaf + side.spine + side.core for side in (data, hands))


def test_their_switches_stand_in_racks_and_draw() -> None:
    design, plain = (design_of(small) for small in (managed(), managed().change("sites", "oslo", networks=None)))
    beside = sum(side.leaf + side.spine + side.core for side in design.side_networks if side.year == 1)
    fabric = sum(net.leaf + net.spine + net.core for net in design.network if net.year == 1)
    slots = [slot.item for e in design.elevations for _ in range(e.count) for slot in e.slots]
    assert slots.count("sw8") == beside + fabric
    assert beside >= 2
    cables = 0.001 * sum(side.ports for side in design.side_networks if side.year == 1)
    cables += 0.004 * sum(side.trunk_links for side in design.side_networks if side.year == 1)
    assert design.sites[0].it_kw == pytest.approx(plain.sites[0].it_kw + 0.2 * beside + cables)


def test_one_switch_until_its_ports_are_used_up() -> None:
    """Eight ports on one switch; one more needs three leaves of four ports and two spines."""
    few = design_of(managed(ports_per_node=1, ports_per_storage_unit=1)).side_networks[0]
    assert (few.leaf, few.spine, few.trunk_links) == (1, 0, 0)
    assert few.ports <= 8
    many = design_of(managed(ports_per_node=9, ports_per_storage_unit=0)).side_networks[0]
    assert many.ports == 9 * (many.ports // 9)
    assert many.leaf == -(-many.ports // 4)
    assert many.trunk_links == 4 * many.leaf


def test_without_names_nothing_is_built() -> None:
    plain = design_of(managed().change("sites", "oslo", networks=None))
    full = design_of(managed())
    assert plain.side_networks == ()
    assert plain.tco_usd is not None
    assert full.tco_usd is not None
    assert plain.tco_usd < full.tco_usd
