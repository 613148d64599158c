"""Rules of thumb and decisions with a short view: never better than the optimum, and equal to it where they can be."""

from __future__ import annotations

from typing import Any

import pytest
from small import Small, owned_site, service

from dcopt.cli.solve import _foresight_years
from dcopt.design.records import Design
from dcopt.pipeline.rules import TIMES_THE_GAP
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.verify.verify import verify


def growing(**settings: Any) -> Small:
    """Return a problem whose load grows and whose better node gets cheaper."""
    load = {"peak_requests_per_s": 900, "mean_requests_per_s": 300, "growth_pct_per_year": 45}
    small = owned_site(services=[service(**load)]).set(horizon_years=5, purchase_years="all", **settings)
    for name, change in (("duo", 0), ("quad", -25)):
        small = small.add("offers", table="nodes", name=name, price_change_pct_per_year=change)
    for age in range(1, 8):
        small = small.add("ageing", table="nodes", age_years=age, resale_pct=40 / age, maintenance_pct=age)
    return small


def solved(small: Small, **options: Any) -> Design:
    """Return a verified design, solved to 1e-6."""
    problem = small.load()
    design = design_for(problem, RunOptions(gap=1e-6, threads=1, **options))
    assert [str(mismatch) for mismatch in verify(problem, design)[1]] == []
    return design


def test_rules_of_thumb_are_never_better_and_have_a_proof() -> None:
    design = solved(growing())
    assert [rule.rule for rule in design.rules] == ["refresh-3", "refresh-4", "refresh-5", "refresh-6", "all-at-start"]
    priced = [rule for rule in design.rules if rule.tco_usd is not None]
    assert len(priced) >= 3
    for rule in priced:
        assert rule.extra_usd is not None
        assert rule.extra_usd >= -1e-5 * (design.tco_usd or 0.0)
        assert rule.gap is not None
        assert rule.gap <= TIMES_THE_GAP * 1e-6 * 1.01
        assert rule.objective_bound is not None
        assert rule.objective_bound >= (design.objective_bound or 0.0) * (1 - 1e-9)
    assert all(rule.reason for rule in design.rules if rule.tco_usd is None)
    assert any((rule.extra_usd or 0) > 0 for rule in priced)


@pytest.mark.parametrize("growth", [0, 45])
def test_buying_all_at_the_start_is_the_program_of_one_purchase_date(growth: float) -> None:
    """But for what is not needed yet, which is switched off until it is."""
    small = growing().put("offers", []).put("ageing", [])
    small = small.put("inference", [{**small.tables["inference"][0], "growth_pct_per_year": growth}])
    rule = next(rule for rule in solved(small).rules if rule.rule == "all-at-start")
    once = solved(small.set(purchase_years="1"), baseline=False)
    assert rule.tco_usd is not None
    assert once.tco_usd is not None
    assert rule.tco_usd <= once.tco_usd * (1 + 2e-6)
    if growth == 0:
        assert rule.tco_usd == pytest.approx(once.tco_usd, rel=2e-6)


def test_a_view_of_the_whole_horizon_costs_nothing_and_a_shorter_one_is_never_better() -> None:
    small = growing()
    best = solved(small, baseline=False)
    assert best.tco_usd is not None
    for years, equal in ((5, True), (2, False), (1, False)):
        design = solved(small, baseline=False, foresight_years=years)
        assert design.foresight is not None
        assert design.foresight.perfect_tco_usd == pytest.approx(best.tco_usd, rel=2e-6)
        assert design.foresight.price_usd >= -2e-6 * best.tco_usd
        forged = design.foresight.model_copy(update={"price_usd": design.foresight.price_usd + 10})
        found = verify(small.load(), design.model_copy(update={"foresight": forged}))[1]
        assert [mismatch.place for mismatch in found] == ["foresight price_usd"]
        if equal:
            assert design.tco_usd == pytest.approx(best.tco_usd, rel=2e-6)


def test_what_comes_later_cannot_be_known_early() -> None:
    """With a view of one year the first purchase is that of a problem of one year."""
    small = growing()
    short = solved(small, baseline=False, foresight_years=1)
    flat = small.put("inference", [{**small.tables["inference"][0], "growth_pct_per_year": 0}])
    alone = solved(flat, baseline=False, foresight_years=1)
    first = [
        {(a.table, a.name): a.units for a in design.assets if a.bought_year == 1 and a.table == "nodes"}
        for design in (short, alone)
    ]
    assert first[0] == first[1]


@pytest.mark.parametrize(("text", "dates"), [("rolling", 3), ("rolling:0", 3), ("rolling:x", 3), ("rolling:2", 1)])
def test_a_view_that_cannot_be_taken_is_bad_usage(text: str, dates: int) -> None:
    with pytest.raises(SystemExit) as ended:
        _foresight_years(text, dates)
    assert ended.value.code == 2
    assert _foresight_years("perfect", 1) is None
    assert _foresight_years("rolling:3", 4) == 3
