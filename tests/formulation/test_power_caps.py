"""Power caps: the same nodes at less power and speed, wherever that is cheaper, and never a promise broken by it."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from small import Small, design_of, job, owned_site, service, tco_of, with_cloud

from dcopt.design.parts import parts_of
from dcopt.design.records import Design
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.power_caps import capped
from dcopt.verify.verify import verify

BUSY: dict[str, Any] = {"peak_requests_per_s": 2500, "mean_requests_per_s": 900}
TOLERANCE = 1e-7
CAP = {
    "accelerator": "slow",
    "name": "low",
    "saved_kw": 0.12,
    "training_speed_pct": 92,
    "prefill_speed_pct": 88,
    "decode_speed_pct": 95,
}


def with_caps(small: Small, **cells: Any) -> Small:
    """Return the problem with a cap that may be used."""
    return small.put("power_caps", [{**CAP, **cells}]).set(power_caps="yes")


def base(**site: Any) -> Small:
    """Return a problem whose promises take several nodes."""
    return owned_site([job(tokens=4e11, deadline_days=20)], [service(**BUSY)], **site)


def nodes(design: Design) -> Counter[str]:
    """Return the nodes by kind and cap in year 1."""
    found: Counter[str] = Counter()
    for pool in design.pools:
        if pool.year == 1:
            found[pool.node] += pool.nodes
    return found


def test_caps_that_are_not_allowed_change_nothing() -> None:
    plain = design_of(base())
    listed = design_of(base().put("power_caps", [CAP]))
    assert listed.choices() == plain.choices()
    assert listed.tco_usd == plain.tco_usd


@pytest.mark.parametrize("limit_kw", [40, 9, 6.5, 5])
@pytest.mark.parametrize("saved_kw", [0.05, 0.14])
def test_allowing_caps_never_costs_more(limit_kw: float, saved_kw: float) -> None:
    without = tco_of(base(power_limit_kw=limit_kw))
    allowed = tco_of(with_caps(base(power_limit_kw=limit_kw), saved_kw=saved_kw))
    assert allowed <= without * (1 + TOLERANCE)


def test_a_site_short_of_power_runs_more_nodes_at_a_cap() -> None:
    """At full power no number of nodes under the limit keeps the deadline; at a cap more of them do."""
    small = owned_site([job(tokens=1e12, deadline_days=22)]).drop("nodes", "quad")
    limits = [limit / 4 for limit in range(12, 60)]
    full = next(limit for limit in limits if tco_of(small.change("sites", power_limit_kw=limit)) < math.inf)
    tight = small.change("sites", power_limit_kw=full - 0.25)
    assert tco_of(tight) == math.inf
    design = design_of(with_caps(tight, saved_kw=0.2, training_speed_pct=95))
    assert design.status == "optimal"
    at_full = design_of(small.change("sites", power_limit_kw=full))
    assert set(nodes(design)) == {"duo@low"}
    assert sum(nodes(design).values()) >= sum(nodes(at_full).values())
    assert {site.facility_kw <= full - 0.25 for site in design.sites} == {True}


def test_a_cap_without_slowdown_is_a_node_of_less_power() -> None:
    """An independent statement of the same problem: a catalogue whose only duo draws what the capped one draws."""
    free = {"training_speed_pct": 100, "prefill_speed_pct": 100, "decode_speed_pct": 100}
    small = base().drop("nodes", "quad")
    other = small.change("nodes", "duo", max_kw=1.0 - 2 * 0.12, idle_kw=0.3)
    duo = small.load().nodes["duo"]
    at_cap = with_caps(small, **free).load().nodes["duo@low"]
    assert at_cap.max_kw == other.load().nodes["duo"].max_kw
    # mean power at work is not claimed to fall by a cap, so compare where energy is free
    no_energy = {"electricity_usd_per_kwh": 0, "carbon_kg_per_kwh": 0, "water_usd_per_m3": 0}
    assert duo.price_usd == at_cap.price_usd
    capped_cost = tco_of(with_caps(small.change("sites", **no_energy), **free))
    assert capped_cost == pytest.approx(tco_of(other.change("sites", **no_energy)), rel=1e-6)
    assert capped_cost < tco_of(small.change("sites", **no_energy))


def test_everything_around_a_capped_node_follows() -> None:
    design = design_of(with_caps(base(power_limit_kw=7).drop("nodes", "quad"), saved_kw=0.2))
    problem = with_caps(base(power_limit_kw=7).drop("nodes", "quad"), saved_kw=0.2).load()
    pool = next(p for p in design.pools if p.year == 1 and p.power_cap)
    assert (pool.node, pool.power_cap, pool.bought_as) == ("duo@low", "low", "duo")
    assert {line.item for line in design.bom_lines if line.table == "nodes"} == {"duo"}
    rack = next(r for r in design.racks if r.node == "duo@low")
    assert rack.kw_each == pytest.approx(rack.nodes * 0.6 / rack.count)
    assert problem.nodes["duo@low"].max_kw == pytest.approx(0.6)
    assert "duo@low" not in problem.tables["nodes"]


def test_limits_and_existing_nodes_count_at_any_power() -> None:
    tight = with_caps(base(power_limit_kw=7).drop("nodes", "quad"), saved_kw=0.2)
    count = sum(nodes(design_of(tight)).values())
    limited = tight.put("offers", [{"table": "nodes", "name": "duo", "max_units": count - 1}])
    assert tco_of(limited) == math.inf
    there = tight.put("existing", [{"site": "oslo", "table": "nodes", "name": "duo", "units": 2}])
    design = design_of(there)
    assert sum(pool.existing for pool in design.pools if pool.year == 1) == 2
    assert sum(line.quantity for line in design.bom_lines if line.table == "nodes") == count - 2


def test_rented_nodes_have_no_caps() -> None:
    small = with_caps(with_cloud([job()]), saved_kw=0.2)
    problem = small.load()
    assert "duo@low" in problem.nodes
    assert all(pool.node != "duo@low" for pool in design_of(problem).pools if pool.site == "sky")


def test_purchases_over_the_years_are_of_the_node_itself() -> None:
    small = with_caps(base(power_limit_kw=7).drop("nodes", "quad"), saved_kw=0.2).set(purchase_years="1 2")
    design = design_of(small, gap=1e-4)
    assert any(pool.power_cap for pool in design.pools)
    assert {a.name for a in design.assets if a.table == "nodes"} == {"duo"}
    assert tco_of(small, gap=1e-4) <= tco_of(small.set(purchase_years="1"), gap=1e-4) * (1 + 2e-4)


CHEATS: dict[str, dict[str, Any]] = {
    "faster steps": {"training_speed_pct": 99},
    "faster prompts": {"prefill_speed_pct": 99},
    "faster tokens": {"decode_speed_pct": 99.9},
    "less power": {"saved_kw": 0.25},
    "less mean power": {"work_power_pct": 70},
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_verify_finds_a_design_for_a_better_cap(cheat: str) -> None:
    small = base(power_limit_kw=7).drop("nodes", "quad")
    true = with_caps(small, saved_kw=0.2).load()
    easier = with_caps(small, **{"saved_kw": 0.2, **CHEATS[cheat]}).load()
    forged = design_for(easier, RunOptions(gap=1e-6, threads=1, baseline=False))
    assert any(pool.power_cap for pool in forged.pools)
    assert verify(easier, forged)[1] == ()
    assert verify(true, forged)[1]


def test_verify_finds_a_cap_that_is_stated_wrong_or_not_allowed() -> None:
    small = with_caps(base(power_limit_kw=7).drop("nodes", "quad"), saved_kw=0.2)
    problem = small.load()
    design = design_of(problem)
    silent = design.model_copy(update={"pools": tuple(p.model_copy(update={"power_cap": ""}) for p in design.pools)})
    assert any("power_cap" in str(mismatch) for mismatch in verify(problem, silent)[1])
    assert verify(small.set(power_caps="no").load(), design)[1]


def test_a_cap_below_idle_power_is_refused() -> None:
    duo = base().load().nodes["duo"]
    cap = with_caps(base(), saved_kw=0.1).load().power_caps["slow/low"]
    assert capped(duo, cap) is not None
    assert capped(duo, cap.model_copy(update={"saved_kw": 0.36})) is None
    assert capped(duo, cap.model_copy(update={"accelerator": "fast"})) is None


def test_a_capped_node_is_no_other_part() -> None:
    design = design_of(with_caps(base(power_limit_kw=7).drop("nodes", "quad"), saved_kw=0.2))
    assert any(pool.power_cap for pool in design.pools)
    assert [part for part in parts_of(design) if part.startswith("node:")] == ["node:duo"]
