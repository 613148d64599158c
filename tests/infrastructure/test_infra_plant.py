"""Racks, cooling and power: fills, heat shares, unit counts and the chain."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.infrastructure.cooling import (
    design_kw_per_kw,
    economizer_hours,
    mean_kw_per_kw,
    serves,
    water_m3_per_hour,
)
from dcopt.infrastructure.plant import Plant, balance
from dcopt.infrastructure.power import losses_kw, units_needed, usable_kw
from dcopt.infrastructure.racks import (
    COLLECTORS,
    heat_by_collector,
    heat_split,
    rack_fill,
    why_not_in_rack,
)
from dcopt.problem.tables.catalog_rows import CoolingUnit, Node, PowerPart, Rack
from dcopt.problem.tables.problem_rows import Site

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


def test_cooling_evaporates_in_proportion() -> None:
    unit = _unit("heat-rejection", water_l_per_kwh=1.8)
    assert water_m3_per_hour(2000, unit) == pytest.approx(3.6)


def test_rejection_serves_what_it_says() -> None:
    everything = _unit("heat-rejection")
    dry = _unit("heat-rejection", serves="liquid immersion")
    assert all(serves(everything, kind) for kind in COLLECTORS)
    assert [serves(dry, kind) for kind in COLLECTORS] == [False, False, True, True]
    assert not serves(everything, "heat-rejection")
    assert not serves(_unit("air"), "air")


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


@pytest.mark.parametrize(
    ("load", "together", "units"),
    [(100, None, 2), (401, None, 6), (500, 5, 6), (501, 5, 8), (1000, 5, 12), (1001, 5, 14), (300, 1, 6)],
)
def test_every_parallel_block_has_a_unit_to_spare(load: float, together: int | None, units: int) -> None:
    assert units_needed(load, 100, "N+1", together) == units
    blocks = 1 if together is None else -(-units // (together + 1))
    assert (units - blocks) * 100 >= load


@pytest.mark.parametrize(("load", "units"), [(0, 0), (1, 4), (300, 4), (301, 5), (750, 10), (751, 11)])
def test_distributed_redundant_units_carry_without_any_one(load: float, units: int) -> None:
    assert units_needed(load, 100, "4N/3") == units
    if units:
        assert (units - 1) * 100 >= load


def _part(**changes: Any) -> PowerPart:
    return PowerPart(**{"name": "u", "role": "ups", "kw": 500, "price_usd": 1, **changes})


BENT = {"efficiency_pct": 96, "efficiency_75_pct": 96.3, "efficiency_50_pct": 96.2, "efficiency_25_pct": 94.8}


def test_a_single_efficiency_holds_at_every_load() -> None:
    for load in (0.0, 20.0, 500.0):
        assert losses_kw(_part(efficiency_pct=95), 1, load) == pytest.approx(load * (1 / 0.95 - 1))


def test_losses_meet_the_stated_efficiencies_and_stay_at_no_load() -> None:
    part = _part(**BENT)
    for share, pct in ((0.25, 94.8), (0.5, 96.2), (0.75, 96.3), (1.0, 96.0)):
        load = share * 500
        assert 100 * load / (load + losses_kw(part, 1, load)) == pytest.approx(pct, rel=1e-12)
    assert losses_kw(part, 1, 0.0) > 0
    assert losses_kw(part, 0, 0.0) == 0


@given(load=st.floats(0, 500), units=st.integers(1, 8))
def test_units_that_share_a_load_lose_as_one_does_at_its_share(load: float, units: int) -> None:
    part = _part(**BENT)
    assert losses_kw(part, units, units * load) == pytest.approx(units * losses_kw(part, 1, load), rel=1e-12)
    assert losses_kw(part, 1, load) <= losses_kw(part, 1, load + 1)


def test_a_part_that_is_best_at_little_load_loses_nothing_at_none() -> None:
    part = _part(efficiency_pct=95, efficiency_50_pct=98)
    assert losses_kw(part, 1, 0.0) == 0
    assert losses_kw(part, 1, 125.0) == pytest.approx(125 * (1 / 0.98 - 1))
    assert losses_kw(part, 1, 375.0) == pytest.approx((250 * (1 / 0.98 - 1) + 500 * (1 / 0.95 - 1)) / 2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"efficiency_pct": 99, "efficiency_50_pct": 90}, "must not fall"),
        ({"efficiency_pct": 97.3, "efficiency_75_pct": 97, "efficiency_50_pct": 98}, "ever faster"),
    ],
)
def test_impossible_efficiencies_are_named(changes: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        _part(**changes)


def test_batteries_limit_what_a_ups_may_carry() -> None:
    assert usable_kw(_part(battery_minutes=5), 0) == 500
    assert usable_kw(_part(battery_minutes=5), 4) == 500
    assert usable_kw(_part(battery_minutes=5), 10) == 250
    assert usable_kw(_part(), 10) == 0
    assert usable_kw(_part(role="pdu"), 10) == 500


CHILLER = _unit(
    "heat-rejection",
    kw_per_kw=0.2,
    design_kw_per_kw=0.3,
    economizer_kw_per_kw=0.05,
    economizer_wet_bulb_c=10,
    rated_wet_bulb_c=25,
)


def _site(**changes: Any) -> Site:
    return Site(**{"name": "s", "power_limit_kw": 100, "electricity_usd_per_kwh": 0.1, **changes})


def test_the_weather_decides_only_where_it_is_known() -> None:
    assert design_kw_per_kw(CHILLER, _site()) == 0.3
    assert mean_kw_per_kw(CHILLER, _site(wet_bulb_c=20)) == 0.2
    assert economizer_hours(CHILLER, _site(wet_bulb_c=20)) is None
    plain = _unit("heat-rejection", kw_per_kw=0.2)
    assert design_kw_per_kw(plain, _site(wet_bulb_c=20, mean_wet_bulb_c=8)) == 0.2


def test_compressor_work_follows_the_lift() -> None:
    assert design_kw_per_kw(CHILLER, _site(wet_bulb_c=25, mean_wet_bulb_c=12)) == pytest.approx(0.3)
    assert design_kw_per_kw(CHILLER, _site(wet_bulb_c=17.5, mean_wet_bulb_c=8)) == pytest.approx(0.175)
    assert design_kw_per_kw(CHILLER, _site(wet_bulb_c=9, mean_wet_bulb_c=1)) == pytest.approx(0.05)


@given(mean=st.floats(-10, 22), spread=st.floats(0.5, 15))
def test_mean_of_the_year_is_that_of_the_hours(mean: float, spread: float) -> None:
    site = _site(wet_bulb_c=mean + spread, mean_wet_bulb_c=mean)
    bell = NormalDist(mean, spread / 2.652)
    hours = [bell.inv_cdf((hour + 0.5) / 4000) for hour in range(4000)]
    drawn = sum(0.05 + 0.25 * max(0.0, wet_bulb - 10) / 15 for wet_bulb in hours) / 4000
    assert mean_kw_per_kw(CHILLER, site) == pytest.approx(min(drawn, design_kw_per_kw(CHILLER, site)), rel=2e-3)
    free = economizer_hours(CHILLER, site)
    assert free == pytest.approx(8760 * sum(wet_bulb <= 10 for wet_bulb in hours) / 4000, abs=9)


def test_weather_without_spread() -> None:
    still = _site(wet_bulb_c=15, mean_wet_bulb_c=15)
    assert mean_kw_per_kw(CHILLER, still) == pytest.approx(0.05 + 0.25 / 3)
    assert economizer_hours(CHILLER, still) == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"design_kw_per_kw": 0.1}, "must not be less than kw_per_kw"),
        ({"economizer_kw_per_kw": 0.05}, "needed beside"),
        (
            {"design_kw_per_kw": 0.3, "economizer_kw_per_kw": 0.1, "economizer_wet_bulb_c": 20, "rated_wet_bulb_c": 18},
            "must be above",
        ),
    ],
)
def test_impossible_economizers_are_named(changes: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        _unit("heat-rejection", kw_per_kw=0.2, **changes)


def _plant(**parts: Any) -> Plant:
    return Plant(
        {role: (PowerPart(name=role, role=role, kw=1000, price_usd=1, **cells), 1) for role, cells in parts.items()},
        {"crah": _unit("air", name="crah", kw_per_kw=0.1), "cdu": _unit("liquid", name="cdu", kw_per_kw=0.02)},
        "crah",
        {"chilled": _unit("heat-rejection", kw_per_kw=0.25), "warm": _unit("heat-rejection", kw_per_kw=0.05)},
    )


def test_energy_is_kept_from_the_grid_to_the_outdoors() -> None:
    """What the grid gives leaves as rejected heat, as the rejection's own power, and as losses of the transformer."""
    parts = {"pdu": {"efficiency_pct": 98}, "ups": BENT, "transformer": {"efficiency_pct": 99}, "generator": {}}
    flows = balance(_plant(**parts), 400, {"crah": 150, "cdu": 250}, lambda unit: unit.kw_per_kw)
    outdoors = flows.cooling - sum(kw * {"crah": 0.1, "cdu": 0.02}[name] for name, kw in flows.heat.items())
    assert flows.grid == pytest.approx(sum(flows.rejected.values()) + outdoors + flows.lost["transformer"], rel=1e-12)
    assert flows.heat["crah"] == pytest.approx(150 + flows.lost["pdu"] + flows.lost["ups"], rel=1e-12)
    assert flows.carried["pdu"] == 400
    assert flows.carried["generator"] == flows.carried["transformer"]
    assert flows.carried["ups"] == pytest.approx(400 / 0.98 + 0.1 * flows.heat["crah"] + 5, rel=1e-12)


def test_roles_that_are_missing_pass_the_load_on() -> None:
    flows = balance(_plant(), 400, {"crah": 400}, lambda unit: 0.0)
    assert (flows.grid, flows.cooling, flows.room_heat) == (400, 0, 0)


def test_cooling_that_feeds_itself_is_named() -> None:
    with pytest.raises(ValueError, match="without end"):
        balance(_plant(ups={"efficiency_pct": 40}), 400, {"crah": 400}, lambda unit: 1.0)
