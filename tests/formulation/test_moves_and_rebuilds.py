"""Moves between sites and rebuilds of fabrics: brute force on tiny problems, and laws that every optimum keeps."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest
from small import Small, design_of, job, owned_site, service, tco_of
from test_years import bare

from dcopt.candidates.generate import generate
from dcopt.design.records import AssetMove
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.findings import InputError
from dcopt.verify.verify import verify

SITES = ("oslo", "rome")


def two_halves(horizon: int, dates: str, peaks: dict[str, list[float]]) -> Small:
    """Return a problem of two sites, each with a service that only runs there; only nodes and moves cost anything."""
    small = bare(horizon, dates, residual_pct=0).drop("nodes", "quad")
    small = small.change("nodes", "duo", lifetime_years=20, support_pct_per_year=0, maintenance_pct_per_year=0)
    free = dict(small.tables["sites"][0])
    small = small.put("sites", [free, {**free, "name": "rome"}])
    rows = []
    for site in SITES:
        loads = peaks[site]
        rows.append(service(f"at-{site}", sites=site, peak_requests_per_s=loads[0], mean_requests_per_s=1))
        for year, peak in enumerate(loads[1:], 2):
            small = small.add("demand", name=f"at-{site}", year=year, peak_requests_per_s=peak, mean_requests_per_s=1)
    return small.put("inference", rows)


def brute_force(small: Small, usd: float, pct: float, prices: list[float]) -> float:
    """Return the least cost by walking over every number of purchases and moves at every purchase date."""
    problem = small.load()
    rate = problem.settings.discount_rate_pct / 100
    needs = []
    for epoch in generate(problem).epochs:
        need = []
        for site in SITES:
            peak = max(p.peak_of(f"at-{site}") or 0.0 for p in epoch.periods)
            best = max(c.requests_per_s * (2 // c.accelerators) for c in epoch.serving[f"at-{site}"])
            need.append(math.ceil(peak / best - 1e-9))
        needs.append(tuple(need))
    top = sum(max(need[s] for need in needs) for s in (0, 1))
    states: dict[tuple[tuple[int, int], ...], float] = {(): 0.0}
    for date, need in zip(problem.settings.purchase_dates, needs, strict=True):
        after: dict[tuple[tuple[int, int], ...], float] = {}
        for cohorts, cost in states.items():
            spread = [range(-there[1], there[0] + 1) for there in cohorts]
            for moved in itertools.product(*spread):
                now = tuple((a - m, b + m) for (a, b), m in zip(cohorts, moved, strict=True))
                pay = sum(
                    abs(m) * (usd + prices[problem.settings.purchase_dates[v] - 1] * pct / 100)
                    for v, m in enumerate(moved)
                )
                there = [sum(of[s] for of in now) for s in (0, 1)]
                for bought in itertools.product(*(range(max(0, need[s] - there[s]), top + 1) for s in (0, 1))):
                    if sum(there) + sum(bought) > top:
                        continue  # more than both sites ever need
                    spent = sum(bought) * prices[date - 1] * (1 + rate) ** -(date - 1)
                    total = cost + spent + pay * (1 + rate) ** -date
                    key = (*now, (bought[0], bought[1]))
                    after[key] = min(total, after.get(key, math.inf))
        states = after
    return min(states.values())


@pytest.mark.parametrize("seed", range(8))
def test_brute_force_agrees(seed: int) -> None:
    draw = random.Random(seed)
    horizon = draw.choice([2, 3])
    peaks = {site: [draw.choice([300.0, 3000.0, 4500.0]) for _ in range(horizon)] for site in SITES}
    small = two_halves(horizon, "all", peaks).set(discount_rate_pct=draw.choice([0, 8]))
    change = draw.choice([0, -30, 20])
    offer = {"table": "nodes", "name": "duo", "price_usd": 12000, "price_change_pct_per_year": change}
    usd, pct = draw.choice([(500.0, 0.0), (2000.0, 5.0), (0.0, 40.0), (30000.0, 0.0)])
    small = small.put("offers", [offer]).add("moves", table="nodes", usd_per_unit=usd, price_pct=pct)
    prices = [12000 * (1 + change / 100) ** year for year in range(horizon)]
    assert tco_of(small) == pytest.approx(brute_force(small, usd, pct, prices), rel=1e-7)


SWAP = {"oslo": [4500.0, 4500.0, 100.0], "rome": [100.0, 100.0, 4500.0]}


def test_what_one_site_no_longer_needs_goes_to_the_other() -> None:
    small = two_halves(3, "all", SWAP)
    alone = tco_of(small)
    design = design_of(small.add("moves", table="nodes", usd_per_unit=100))
    assert (design.tco_usd or 0) < alone
    moved = [asset for asset in design.assets if asset.moves]
    assert moved
    assert all(asset.site == "oslo" and asset.moves == (AssetMove(year=3, site="rome"),) for asset in moved)
    assert design.cost is not None
    units = sum(asset.units for asset in moved)
    assert design.cost.running["moving"] == pytest.approx(100 * units * 1.08**-3)


def test_allowing_moves_never_costs_more_and_dearer_ones_never_less() -> None:
    small = two_halves(3, "1 3", SWAP)
    costs = [tco_of(small.add("moves", table="nodes", usd_per_unit=usd)) for usd in (0, 100, 3000, 10**7)]
    costs.append(tco_of(small))
    assert all(before <= after * (1 + 1e-9) for before, after in itertools.pairwise(costs))
    assert costs[-2] == pytest.approx(costs[-1], rel=1e-9)


def test_existing_nodes_may_be_moved_before_the_first_year() -> None:
    small = two_halves(2, "all", {"oslo": [100.0, 100.0], "rome": [4500.0, 4500.0]})
    small = small.add("existing", site="oslo", table="nodes", name="duo", units=6)
    small = small.add("moves", table="nodes", from_site="oslo", to_site="rome", usd_per_unit=10)
    design = design_of(small)
    assert not [line for line in design.bom_lines if line.table == "nodes"]
    assert any(asset.moves == (AssetMove(year=1, site="rome"),) for asset in design.assets)


def test_moves_go_only_where_a_row_allows_them() -> None:
    small = two_halves(3, "all", SWAP)
    back = small.add("moves", table="nodes", from_site="rome", to_site="oslo", usd_per_unit=1)
    assert tco_of(back) == pytest.approx(tco_of(small), rel=1e-9)
    other = small.add("moves", table="racks", usd_per_unit=1)
    assert tco_of(other) == pytest.approx(tco_of(small), rel=1e-9)


def test_a_short_view_holds_where_things_were_moved() -> None:
    small = two_halves(3, "all", SWAP).add("moves", table="nodes", usd_per_unit=100)
    problem = small.load()
    design = design_for(problem, RunOptions(gap=1e-6, threads=1, baseline=False, foresight_years=1))
    assert [str(m) for m in verify(problem, design)[1]] == []
    assert design.foresight is not None
    assert design.foresight.price_usd >= -1e-6 * (design.tco_usd or 0)


def test_verify_finds_a_move_that_nothing_allows() -> None:
    small = two_halves(3, "all", SWAP)
    problem, design = small.load(), design_of(small)
    forged = [a.model_copy(update={"moves": (AssetMove(year=2, site="rome"),)}) for a in design.assets[:1]]
    found = verify(problem, design.model_copy(update={"assets": (*forged, *design.assets[1:])}))[1]
    assert any("moved in year 2" in m.place for m in found)


def test_moves_need_purchase_years_and_known_names() -> None:
    with pytest.raises(InputError, match="purchase_years"):
        owned_site([job()]).add("moves", table="nodes", usd_per_unit=1).load()
    with pytest.raises(InputError):
        two_halves(2, "all", SWAP).add("moves", table="nodes", name="dou").load()


def grown(tokens: float, **settings: Any) -> Small:
    """Return a problem whose job needs more nodes from year 2 on than one switch holds."""
    jobs = [
        job("first", tokens=2e12, deadline_days=40, last_year=1),
        job("second", tokens=tokens, deadline_days=40, first_year=2),
    ]
    small = owned_site(jobs, power_limit_kw=400, rack_positions=None).drop("nodes", "quad").drop("fabrics", "none")
    return small.set(horizon_years=2, purchase_years="all", **settings)


def test_a_fabric_that_grows_past_a_tier_pays_for_every_link_that_was_there() -> None:
    free, usual = (design_of(grown(8e12, recabling_usd_per_link=usd)) for usd in (0, 5))
    before = next(record for record in free.network if record.year == 1)
    after = next(record for record in free.network if record.year == 2)
    assert before.spine == 0
    assert after.spine > 0
    links = before.access_links + before.leaf_spine_links
    assert usual.cost is not None
    assert usual.cost.running["moving"] == pytest.approx(5 * links * 1.08**-2)
    assert usual.tco_usd == pytest.approx((free.tco_usd or 0) + 5 * links * 1.08**-2, rel=1e-9)


def test_dearer_rebuilds_never_cost_less_and_are_avoided_by_building_larger_at_once() -> None:
    designs = [design_of(grown(8e12, recabling_usd_per_link=usd)) for usd in (0, 75, 10**6)]
    costs = [design.tco_usd or 0.0 for design in designs]
    assert all(before <= after * (1 + 1e-9) for before, after in itertools.pairwise(costs))
    dearest = designs[-1]
    assert dearest.cost is not None
    assert dearest.cost.running["moving"] == 0
    assert next(record for record in dearest.network if record.year == 1).spine > 0


def test_a_fabric_that_stays_within_its_tier_pays_nothing() -> None:
    costs = [tco_of(grown(2e12, recabling_usd_per_link=usd)) for usd in (0, 1000)]
    assert costs[0] == pytest.approx(costs[1], rel=1e-9)
