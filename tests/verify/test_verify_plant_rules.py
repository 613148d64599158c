"""One forgery for each rule of the plant: a design that is right for an easier input is wrong for the true ones."""

from __future__ import annotations

from typing import Any

import pytest
from small import Small, dataset, job, owned_site, service

from dcopt.pipeline.run import RunOptions, design_for
from dcopt.verify.verify import verify

BUSY: dict[str, Any] = {"peak_requests_per_s": 2500, "mean_requests_per_s": 900}


def plant() -> Small:
    """Return a problem in which every rule of the building binds or counts."""
    small = owned_site([job(tokens=6e11, deadline_days=20, dataset="books")], [service(**BUSY)], redundancy="N+1")
    small = small.put("datasets", [dataset(size_tb=30)]).drop("nodes", "quad")
    side = {"name": "mgmt", "switch": "sw8", "access_link": "dac", "trunk_link": "aoc"}
    small = small.put("networks", [side]).change("sites", networks="mgmt", floor_kg_per_m2=900, ups_minutes=5)
    small = small.change("power", "ups-5", battery_minutes=6).change("power", "ups-15", battery_minutes=6)
    return small.change("racks", "tall", empty_kg=100, floor_m2=0.8).change("racks", "short", empty_kg=60, floor_m2=0.8)


RULES: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "ports of a switch": ("switches", "sw8", {"ports": 32}),
    "power of a switch": ("switches", "sw8", {"max_kw": 0.1}),
    "height of a switch": ("switches", "sw8", {"rack_units": 0.5}),
    "price of a cable": ("links", "aoc", {"price_usd": 40}),
    "power of a cable": ("links", "dac", {"kw": 0.0}),
    "oversubscription": ("fabrics", "flat", {"oversubscription": 3}),
    "efficiency of a fabric": ("fabrics", "flat", {"efficiency_pct": 100}),
    "ports of a side network": ("networks", "mgmt", {"ports_per_storage_unit": 0}),
    "capacity of storage": ("storage", "flash", {"raw_tb": 20}),
    "bandwidth of storage": ("storage", "flash", {"write_gb_per_s": 9.0}),
    "power of storage": ("storage", "flash", {"max_kw": 0.1}),
    "hot data": ("datasets", "books", {"hot_pct": 5}),
    "size of data": ("datasets", "books", {"size_tb": 3}),
    "how data packs": ("codecs", "pack", {"ratio_text": 5}),
    "power of a node": ("nodes", "duo", {"max_kw": 0.8}),
    "idle power of a node": ("nodes", "duo", {"idle_kw": 0.1}),
    "height of a node": ("nodes", "duo", {"rack_units": 2}),
    "weight of a node": ("nodes", "duo", {"weight_kg": 10}),
    "failures of a node": ("nodes", "duo", {"mtbf_hours": 1e6}),
    "power of a rack": ("racks", None, {"max_kw": 12}),
    "load of the floor": ("sites", "oslo", {"floor_kg_per_m2": 9000}),
    "positions": ("sites", "oslo", {"rack_positions": 99}),
    "redundancy": ("sites", "oslo", {"redundancy": "N"}),
    "battery": ("sites", "oslo", {"ups_minutes": 0}),
    "losses of a UPS": ("power", "ups-5", {"efficiency_pct": 99.5}),
    "size of a PDU": ("power", "pdu-2", {"kw": 4}),
    "size of a cooling unit": ("cooling", "crah-6", {"kw": 12}),
    "electricity of cooling": ("cooling", "crah-6", {"kw_per_kw": 0.04}),
    "density of a rack": ("cooling", "crah-6", {"max_rack_kw": 12}),
    "water": ("cooling", "wet-30", {"water_l_per_kwh": 0.1}),
}
"""Table, row (None: all) and the cells that make each rule easier."""
PREPARED: dict[str, dict[str, Any]] = {
    "load of the floor": {"sites": {"floor_kg_per_m2": 400}, "nodes": {"weight_kg": 90}},
    "weight of a node": {"nodes": {"weight_kg": 90}},
    "power of a rack": {"racks": {"max_kw": 3}},
    "density of a rack": {"cooling": {"max_rack_kw": 3}},
    "positions": {"sites": {"rack_positions": 3}},
    "battery": {"sites": {"ups_minutes": 9}},
    "water": {"dry": None},
}


def prepared(rule: str) -> Small:
    """Return the problem in which a rule matters."""
    small = plant()
    for table, cells in PREPARED.get(rule, {}).items():
        small = small.drop("cooling", "dry-12") if table == "dry" else small.change(table, **cells)
    return small


@pytest.mark.parametrize("rule", RULES)
def test_a_design_that_breaks_one_rule_is_found(rule: str) -> None:
    table, row, cells = RULES[rule]
    true = prepared(rule)
    easier = true.change(table, row, **cells).load()
    forged = design_for(easier, RunOptions(gap=1e-3, threads=1, baseline=False))
    assert forged.status == "optimal"
    assert verify(easier, forged)[1] == ()
    assert verify(true.load(), forged)[1]
