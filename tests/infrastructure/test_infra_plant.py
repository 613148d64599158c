"""Racks, cooling and power: fills, heat shares, unit counts and the chain."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.infrastructure.cooling import electricity_kw, serves, serves_problem, water_m3_per_hour
from dcopt.infrastructure.power import chain_loads, input_kw, units_needed
from dcopt.infrastructure.racks import (
    COLLECTORS,
    cooling_options,
    heat_by_collector,
    heat_split,
    rack_fill,
    why_not_in_rack,
)
from dcopt.problem.tables.catalog_rows import CoolingUnit, Node, Rack

AIR_NODE = Node(name="air8", accelerator="chip", accelerators=8, max_kw=10.2, rack_units=8, weight_kg=130)
LIQUID_NODE = Node(
    name="wet4", accelerator="chip", accelerators=4, max_kw=10, rack_units=2, cooling="liquid", liquid_heat_pct=80
)


def _rack(**changes: Any) -> Rack:
    return Rack(**{"name": "r", "units": 42, "max_kw": 45, "price_usd": 1, **changes})


def _unit(kind: str, **changes: Any) -> CoolingUnit:
    return CoolingUnit(**{"name": kind, "kind": kind, "kw": 100, "price_usd": 1, **changes})


@pytest.mark.parametrize(
    ("node", "rack", "limit", "fill", "reason"),
    [
        (AIR_NODE, {}, None, 4, None),
        (AIR_NODE, {"max_kw": 51}, None, 5, None),
        (AIR_NODE, {"max_kw": 30.6}, None, 3, None),  # 30.6 ÷ 10.2 is 3 but for rounding
        (AIR_NODE, {"max_kg": 300}, None, 2, None),
        (AIR_NODE, {}, 20.4, 2, None),
        (AIR_NODE, {"cooling": "rear-door"}, None, 4, None),
        (AIR_NODE, {"cooling": "immersion"}, None, 4, None),
        (AIR_NODE, {"cooling": "liquid"}, None, 0, "needs air or rear-door or immersion"),
        (LIQUID_NODE, {}, None, 0, "needs liquid"),
        (LIQUID_NODE, {"cooling": "liquid", "max_kw": 100}, None, 10, None),
        (LIQUID_NODE, {"cooling": "liquid", "max_kw": 100}, 40, 5, None),  # 8 kW of each go to the liquid
        (AIR_NODE, {"units": 6}, None, 0, "has 6 units"),
        (AIR_NODE, {"max_kw": 10}, None, 0, "carries 10 kW"),
        (AIR_NODE, {"max_kg": 100}, None, 0, "weighs 130 kg"),
        (AIR_NODE, {}, 10, 0, "the densest rack is 10 kW"),
        (AIR_NODE.model_copy(update={"max_kw": None}), {}, None, 0, "can only be rented"),
        (AIR_NODE.model_copy(update={"weight_kg": None}), {"max_kg": 100}, None, 4, None),
    ],
)
def test_rack_fill(node: Node, rack: dict[str, Any], limit: float | None, fill: int, reason: str | None) -> None:
    row = _rack(**rack)
    assert rack_fill(node, row, limit) == fill
    why = why_not_in_rack(node, row, limit)
    assert (why is None) if reason is None else (why is not None and reason in why)


def test_a_dry_liquid_node_gives_the_liquid_no_heat() -> None:
    dry = LIQUID_NODE.model_copy(update={"liquid_heat_pct": 0.0})
    assert rack_fill(dry, _rack(cooling="liquid"), 1.0) == 4
    assert heat_by_collector(dry, "liquid") == {"air": 1.0}


@given(units=st.floats(1, 60), max_kw=st.floats(1, 200), node_units=st.floats(0.5, 10), node_kw=st.floats(0.1, 50))
def test_a_filled_rack_keeps_its_limits_and_is_full(
    units: float, max_kw: float, node_units: float, node_kw: float
) -> None:
    node = AIR_NODE.model_copy(update={"max_kw": node_kw, "rack_units": node_units})
    fill = rack_fill(node, _rack(units=units, max_kw=max_kw))
    slack = 1 + 1e-8
    assert fill * node_units <= units * slack
    assert fill * node_kw <= max_kw * slack
    assert (fill + 1) * node_units > units or (fill + 1) * node_kw > max_kw


def test_heat_goes_where_the_rack_sends_it() -> None:
    assert heat_split(AIR_NODE) == (1.0, 0.0)
    assert heat_split(LIQUID_NODE) == pytest.approx((0.2, 0.8))
    assert heat_by_collector(AIR_NODE, "air") == {"air": 1.0}
    assert heat_by_collector(AIR_NODE, "rear-door") == {"rear-door": 1.0}
    assert heat_by_collector(AIR_NODE, "immersion") == {"immersion": 1.0}
    assert heat_by_collector(LIQUID_NODE, "liquid") == pytest.approx({"air": 0.2, "liquid": 0.8})
    assert heat_by_collector(None, "liquid") == {"air": 1.0}
    assert heat_by_collector(None, "rear-door") == {"rear-door": 1.0}
    full = LIQUID_NODE.model_copy(update={"liquid_heat_pct": 100.0})
    assert heat_by_collector(full, "liquid") == {"liquid": 1.0}
    with pytest.raises(ValueError, match="unknown rack cooling"):
        heat_by_collector(AIR_NODE, "heat-rejection")


def test_cooling_options_are_of_the_racks_kind_and_dense_enough() -> None:
    weak = _unit("air", name="weak", max_rack_kw=8)
    strong = _unit("air", name="strong", max_rack_kw=20)
    units = [weak, strong, _unit("liquid"), _unit("heat-rejection")]
    assert cooling_options(AIR_NODE, _rack(), units) == (strong,)
    assert cooling_options(None, _rack(), units) == (weak, strong)
    assert cooling_options(LIQUID_NODE, _rack(), units) == ()
    assert [u.name for u in cooling_options(LIQUID_NODE, _rack(cooling="liquid"), units)] == ["liquid"]


def test_cooling_draws_and_evaporates_in_proportion() -> None:
    unit = _unit("heat-rejection", kw_per_kw=0.05, water_l_per_kwh=1.8)
    assert electricity_kw(2000, unit) == pytest.approx(100)
    assert water_m3_per_hour(2000, unit) == pytest.approx(3.6)


def test_rejection_serves_what_it_says() -> None:
    everything = _unit("heat-rejection")
    dry = _unit("heat-rejection", serves="liquid immersion")
    assert all(serves(everything, kind) for kind in COLLECTORS)
    assert [serves(dry, kind) for kind in COLLECTORS] == [False, False, True, True]
    assert not serves(everything, "heat-rejection")
    assert not serves(_unit("air"), "air")


@pytest.mark.parametrize(
    ("unit", "sentence"),
    [
        (_unit("heat-rejection", serves="liquid"), None),
        (_unit("air"), None),
        (_unit("heat-rejection", serves="water"), "serves water: the kinds are"),
        (_unit("air", serves="liquid"), "only heat-rejection units serve others"),
    ],
)
def test_a_wrong_serves_cell_is_named(unit: CoolingUnit, sentence: str | None) -> None:
    problem = serves_problem(unit)
    assert (problem is None) if sentence is None else (problem is not None and sentence in problem)


@pytest.mark.parametrize(
    ("load", "unit", "counts"),
    [
        (0, 500, (0, 0, 0)),
        (1, 500, (1, 2, 2)),
        (500, 500, (1, 2, 2)),
        (500 * (1 + 1e-12), 500, (1, 2, 2)),
        (501, 500, (2, 3, 4)),
        (3 * 0.1, 0.1, (3, 4, 6)),  # 0.30000000000000004 ÷ 0.1
        (1e-12, 500, (1, 2, 2)),
    ],
)
def test_units_by_redundancy(load: float, unit: float, counts: tuple[int, int, int]) -> None:
    assert tuple(units_needed(load, unit, redundancy) for redundancy in ("N", "N+1", "2N")) == counts


@given(load=st.floats(1e-3, 1e6), unit=st.floats(1, 1e5), more=st.floats(1, 10))
def test_laws_of_units(load: float, unit: float, more: float) -> None:
    single = units_needed(load, unit, "N")
    assert single * unit >= load * (1 - 2e-9)
    assert (single - 1) * unit < load
    assert units_needed(load, unit, "N+1") == single + 1
    assert units_needed(load, unit, "2N") == 2 * single
    assert units_needed(load * more, unit, "N") >= single
    assert units_needed(load, unit * more, "N") <= single


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((-1.0, 10.0, "N"), "not negative"),
        ((float("inf"), 10.0, "N"), "finite"),
        ((float("nan"), 10.0, "N"), "finite"),
        ((1.0, 0.0, "N"), "more than 0 kW"),
        ((1.0, 10.0, "N+2"), "unknown redundancy 'N\\+2'"),
    ],
)
def test_bad_units_are_named(arguments: tuple[float, float, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        units_needed(*arguments)


def test_the_chain_hands_its_input_upstream() -> None:
    loads = chain_loads(900, {"pdu": 100, "ups": 90, "transformer": 80, "generator": 100})
    assert loads == pytest.approx({"pdu": 900, "ups": 900, "generator": 1000, "transformer": 1000, "grid": 1250})
    assert chain_loads(900, {"ups": 90, "generator": 100}) == pytest.approx(
        {"ups": 900, "generator": 1000, "grid": 1000}
    )
    assert chain_loads(900, {}) == {"grid": 900}
    assert input_kw(95, 95) == pytest.approx(100)
    for wrong in (0, -5, 101):
        with pytest.raises(ValueError, match="efficiency"):
            input_kw(1, wrong)
