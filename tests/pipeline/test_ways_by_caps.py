"""Nodes at a power cap as a way out of a grid limit, where caps are known and not allowed."""

from __future__ import annotations

from typing import Any

from small import Small, job, owned_site, service

from dcopt.pipeline.conflict import Oracle, collision_of
from dcopt.pipeline.promises import caps_of, changed
from dcopt.pipeline.ways_out import ways_out_of

CAP = {
    "accelerator": "slow",
    "name": "low",
    "saved_kw": 0.14,
    "training_speed_pct": 92,
    "prefill_speed_pct": 88,
    "decode_speed_pct": 95,
}
BUSY: dict[str, Any] = {"peak_requests_per_s": 2500, "mean_requests_per_s": 900}
ROW = "settings.csv: power_caps from no to yes, so that nodes may run at the caps of power_caps.csv"


def short_of_power(power_limit_kw: float) -> Small:
    """Return a problem whose promises take more than ``power_limit_kw``."""
    return owned_site([job(tokens=4e11, deadline_days=20)], [service(**BUSY)], power_limit_kw=power_limit_kw)


def ways_of(small: Small) -> list[str]:
    problem = small.load()
    oracle = Oracle(seconds=600)
    assert oracle.has_design(problem, "as it stands") is False
    ways, all_tried = ways_out_of(problem, collision_of(problem, oracle), oracle)
    assert all_tried
    assert all(oracle.has_design(changed(problem, dict(way.changes)), str(way)) for way in ways)
    return [str(way) for way in ways]


def test_caps_are_a_way_out_of_a_grid_limit() -> None:
    assert ROW in ways_of(short_of_power(6.2).put("power_caps", [CAP]))


def test_caps_that_save_too_little_are_no_way_out() -> None:
    found = ways_of(short_of_power(5.3).put("power_caps", [CAP]))
    assert found
    assert ROW not in found


def test_caps_are_no_way_out_of_a_budget() -> None:
    small = short_of_power(40).put("power_caps", [CAP]).set(capex_limit_usd=1000)
    assert ROW not in ways_of(small)


def test_caps_are_not_offered_where_there_are_none_or_they_are_allowed() -> None:
    small = short_of_power(6.2)
    assert caps_of(small.load()) == ()
    assert caps_of(small.put("power_caps", [CAP]).set(power_caps="yes").load()) == ()
