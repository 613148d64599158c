"""Racks of switches and storage: what the filling rule promises, first-fit packing keeps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.infrastructure.elevation import Item, fill_racks, share_of_rack, spread, stack

RACK_UNITS, RACK_KW = 42.0, 15.0

items = st.lists(
    st.builds(
        Item,
        st.sampled_from(["switch", "flash", "disk", "login"]),
        st.integers(0, 40),
        st.sampled_from([1.0, 2.0, 4.0, 7.0, 10.5]),
        st.floats(0, 9),
    ),
    max_size=4,
    unique_by=lambda item: item.name,
)


def racks_needed(items: list[Item]) -> int | None:
    """The fewest racks of the module's rule: shares of at most s that add up to no more than n - (n - 1)s.

    None where one item is too large. Things without height (cables) only take power, which divides among the racks.
    """
    shares = [(item, share_of_rack(item.units, item.kw, RACK_UNITS, RACK_KW)) for item in items if item.count]
    total = sum(item.count * share for item, share in shares)
    largest = max((share for item, share in shares if item.units > 0), default=0.0)
    if largest > 1 + 1e-9:
        return None
    if largest >= 1:
        return round(sum(item.count for item, _ in shares if item.units > 0))
    return int(total > 0) if total <= 1 + 1e-9 else math.ceil((total - largest) / (1 - largest) - 1e-9)


@given(items=items, cable_kw=st.floats(0, 0.02, allow_subnormal=False), cables=st.integers(0, 200))
def test_the_racks_of_the_rule_hold_everything(items: list[Item], cable_kw: float, cables: int) -> None:
    items = [*items, Item("", cables, 0.0, cable_kw)]
    racks = racks_needed(items)
    assert racks is not None
    filled = fill_racks(items, racks, RACK_UNITS, RACK_KW)
    assert filled is not None
    each = {item.name: item for item in items}
    stood: dict[str, int] = {}
    for slots in filled:
        top = 1.0
        for slot in slots:
            assert slot.from_unit == pytest.approx(top)
            top += slot.units
            stood[slot.item] = stood.get(slot.item, 0) + 1
        assert top - 1 <= RACK_UNITS + 1e-6
        assert sum(each[slot.item].kw for slot in slots) <= RACK_KW * (1 + 1e-6)
    assert stood == {item.name: item.count for item in items if item.count and item.units}


@given(items=items)
def test_the_rule_wastes_little(items: list[Item]) -> None:
    """One rack is bought wherever the shares fit one; more never exceed what is filled to 1 less the largest share."""
    racks = racks_needed(items) or 0
    shares = [share_of_rack(item.units, item.kw, RACK_UNITS, RACK_KW) for item in items if item.count]
    total = sum(item.count * share_of_rack(item.units, item.kw, RACK_UNITS, RACK_KW) for item in items)
    assert racks >= math.ceil(total - 1e-6)
    if total <= 1:
        assert racks == int(total > 0)
    elif max(shares) < 0.5:
        assert racks <= 2 * total + 1


def test_a_thing_larger_than_the_rack_has_none() -> None:
    assert racks_needed([Item("chassis", 1, 50, 3)]) is None
    assert racks_needed([Item("chassis", 1, 10, 16)]) is None
    assert racks_needed([Item("chassis", 3, 42, 3)]) == 3
    assert fill_racks([Item("chassis", 2, 42, 3)], 1, RACK_UNITS, RACK_KW) is None


def test_cables_are_power_and_no_height() -> None:
    assert racks_needed([Item("", 1000, 0, 0.02)]) == 2
    assert fill_racks([Item("", 1000, 0, 0.02)], 1, RACK_UNITS, RACK_KW) is None


def test_nodes_are_stacked_from_the_bottom() -> None:
    assert spread(9, 4, 4) == [4, 4, 1, 0]
    racks = stack("node", 8.0, spread(5, 4, 2))
    assert [[slot.from_unit for slot in slots] for slots in racks] == [[1, 9, 17, 25], [1]]
