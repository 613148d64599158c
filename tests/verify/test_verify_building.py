"""Designs whose building does not add up: losses, room heat, elevations, halls, solar, adders, batteries, shares."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from small import Small, design_of, owned_site, service

from dcopt.design.records import Design
from dcopt.problem.load import load
from dcopt.problem.problem import Problem
from dcopt.problem.suggested import SUGGESTED_ADDERS
from dcopt.verify.verify import verify

SUN = " ".join("0.5" if 7 <= hour <= 17 else "0" for hour in range(24))


def building() -> Small:
    """Return a problem that uses every optional table of a building."""
    small = owned_site(services=[service(peak_requests_per_s=4000, mean_requests_per_s=2000)], redundancy="2N")
    small = small.drop("nodes", "quad").change("nodes", "duo", embodied_kgco2=900)
    small = small.change("power", "ups-5", efficiency_50_pct=93, efficiency_25_pct=89, battery_minutes=9)
    small = small.change("power", "ups-15", battery_minutes=9).change("sites", "oslo", ups_minutes=8)
    small = small.put("tariffs", [{"site": "oslo", "from_hour": 7, "to_hour": 22, "band_usd_per_kwh": 0.4}])
    panel = {"name": "roof", "kw": 1, "hourly_yield": SUN, "max_units": 3, "price_usd": 300}
    hall = {"name": "barn", "site": "oslo", "kw": 5, "positions": 9, "max_units": 4, "price_usd": 9000}
    login = {"name": "login", "driver": "nodes", "ratio": 0.5, "step": 1, "price_usd": 900, "kw_each": 0.2}
    freight = {"name": "freight", "driver": "capital", "ratio": 0.05, "price_usd": 1}
    small = small.put("solar", [panel]).put("halls", [hall])
    return small.put("adders", [{**login, "rack_units_each": 1}, freight])


@cache
def solved() -> tuple[Problem, Design]:
    """Return the problem and its design, which holds a record of every kind."""
    problem = building().load()
    design = design_of(problem)
    for name in ("solar", "halls", "adders", "elevations", "power", "cooling"):
        assert getattr(design, name), name
    return problem, design


def changed(design: Design, name: str, index: int, **cells: Any) -> Design:
    """Return the design with some cells of one record, in every year, changed."""
    records = getattr(design, name)
    chosen = records[index].model_copy(update={"year": 0})
    alike = [r.model_copy(update=cells) if r.model_copy(update={"year": 0}) == chosen else r for r in records]
    assert alike != list(records)
    return design.model_copy(update={name: tuple(alike)})


def index_of(table: str, **cells: Any) -> int:
    """Return the first record with these cells."""
    records = getattr(solved()[1], table)
    return next(k for k, r in enumerate(records) if all(getattr(r, key) == value for key, value in cells.items()))


@pytest.mark.parametrize(
    ("name", "which", "cells", "place"),
    [
        ("power", {"role": "ups"}, {"loss_kw": 0.0}, "loss_kw"),
        ("power", {"role": "pdu"}, {"sized_kw": 0.5}, "sized_kw"),
        ("power", {"role": "ups"}, {"units": 3}, "two sides"),
        ("cooling", {"name": "crah-6"}, {"room_kw": 0.0}, "room"),
        ("cooling", {"name": "crah-6"}, {"kw": 0.1}, "kw"),
        ("solar", {"name": "roof"}, {"units": 9}, "max_units"),
        ("solar", {"name": "roof"}, {"kw": 99.0}, "solar roof"),
        ("halls", {"name": "barn"}, {"units": 0}, "halls"),
        ("adders", {"name": "login"}, {"quantity": 1.0}, "adders login"),
        ("adders", {"name": "login"}, {"quantity": 4.5}, "whole steps"),
        ("adders", {"name": "freight"}, {"driver": 1.0}, "adders freight"),
        ("elevations", {"content": "duo"}, {"count": 9}, "elevations"),
        ("sites", {"site": "oslo"}, {"solar_mwh_per_year": 0.0}, "solar_mwh_per_year"),
        ("sites", {"site": "oslo"}, {"embodied_t": 0.0}, "embodied_t"),
        ("sites", {"site": "oslo"}, {"wue_l_per_kwh": 9.0}, "wue_l_per_kwh"),
    ],
)
def test_a_changed_record_is_found(name: str, which: dict[str, Any], cells: dict[str, Any], place: str) -> None:
    problem, design = solved()
    forged = changed(design, name, index_of(name, **which), **cells)
    assert any(place in mismatch.place or place in mismatch.found for mismatch in verify(problem, forged)[1])


def test_things_that_overlap_in_a_rack_are_found() -> None:
    problem, design = solved()
    index = index_of("elevations", content="duo")
    slots = design.elevations[index].slots
    moved = (slots[0], *(slot.model_copy(update={"from_unit": slot.from_unit - 1}) for slot in slots[1:]))
    found = verify(problem, changed(design, "elevations", index, slots=moved))[1]
    assert any("elevation" in mismatch.place for mismatch in found)


@pytest.mark.parametrize(
    "change",
    [
        "power.ups-15.battery_minutes=1",
        "power.ups-5.battery_minutes=1",
        "halls.barn.kw=0.5",
        "halls.barn.max_units=0",
        "solar.roof.max_units=0",
        "adders.login.ratio=2",
        "adders.freight.ratio=0.2",
        "tariffs.oslo/7.band_usd_per_kwh=0.1",
        "racks.*.max_kw=0.9",
        "sites.oslo.cooling_redundancy=4N/3",
    ],
)
def test_a_design_for_other_inputs_is_found(change: str, tmp_path: Any) -> None:
    _, design = solved()
    if change.startswith("power.ups"):
        used = {record.name for record in design.power if record.role == "ups"}
        change = change.replace(change.split(".")[1], used.pop())
    other = load(building().write(tmp_path), (change,))
    assert verify(other, design)[1]


def test_the_suggested_adders_are_understood_and_solved() -> None:
    design = design_of(building().put("adders", SUGGESTED_ADDERS))
    assert {record.name for record in design.adders} == {row["name"] for row in SUGGESTED_ADDERS}
    assert design.cost is not None
    assert design.cost.capital["other"] > 0
    assert design.cost.running["other"] > 0
