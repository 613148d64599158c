"""Staged purchases: brute force on tiny problems of several years, and the laws that every optimum keeps."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from small import Small, dataset, design_of, job, owned_site, service, tco_of, two_sites, with_cloud
from stays_oracle import BUSY, bare, brute_force, random_case

from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.findings import InputError


@pytest.mark.parametrize("seed", range(16))
def test_brute_force_agrees(seed: int) -> None:
    small, rows = random_case(seed)
    problem = small.load()
    assert tco_of(problem) == pytest.approx(brute_force(problem, rows), rel=1e-6)


@pytest.mark.parametrize(("seed", "dates"), [(0, "all"), (1, "all"), (2, "all"), (3, "1 3"), (4, "1 3"), (6, "1 4")])
def test_brute_force_agrees_on_rules_of_thumb(seed: int, dates: str) -> None:
    """Every node replaced at 3 years (or 4, 5, 6): the same program over the stays of that length alone."""
    small, rows = random_case(seed, 5, dates)
    problem = small.load()
    found = design_for(problem, RunOptions(gap=1e-7, threads=1)).rules
    compared = 0
    for rule in found:
        years = rule.rule.removeprefix("refresh-")
        if not years.isdigit():
            continue
        best = brute_force(problem, rows, int(years))
        assert (rule.tco_usd is None) == math.isinf(best), rule
        if rule.tco_usd is not None:
            compared += 1
            assert rule.tco_usd == pytest.approx(best, rel=1e-6)
    assert compared


def growing(**settings: Any) -> Small:
    """Return a problem with everything in it and demand that grows."""
    small = owned_site([job(tokens=4e11, dataset="books", first_year=2)], [service(**BUSY, growth_pct_per_year=45)])
    return small.put("datasets", [dataset(growth_pct_per_year=20)]).set(**{"horizon_years": 5, **settings})


@pytest.mark.parametrize("residual", [0, 100])
def test_no_growth_and_constant_prices_give_the_single_period_answer(residual: int) -> None:
    small = owned_site([job(dataset="books")], [service(**BUSY)]).put("datasets", [dataset()])
    small = small.set(horizon_years=4, residual_pct=residual, cost_inflation_pct=2)
    once = tco_of(small)
    for dates in ("1 2", "1 3 4", "all"):
        assert tco_of(small.set(purchase_years=dates)) == pytest.approx(once, rel=1e-7)


def test_copies_stay_where_they_are_from_epoch_to_epoch() -> None:
    """A copy is moved whole once, not at every purchase date."""
    small = two_sites([job(dataset="books", sites="rome")]).put("datasets", [dataset(origin="oslo", hot_pct=100)])
    small = small.put("wan", [{"from_site": "oslo", "to_site": "rome", "gbps": 10, "usd_per_gb": 0.5}])
    small = small.set(horizon_years=3)
    design = design_of(small.set(purchase_years="all"), 1e-6)
    assert design.tco_usd == pytest.approx(tco_of(small, 1e-6), rel=3e-6)
    assert [(move.site, move.year) for move in design.transfers] == [("rome", 1)]


@pytest.mark.parametrize(
    ("table", "cells"),
    [
        ("limits", {"site": "oslo", "year": 2, "power_kw": 90}),
        ("prices", {"table": "nodes", "name": "duo", "year": 2, "price_usd": 1}),
        ("ageing", {"table": "nodes", "name": "duo", "age_years": 1, "resale_pct": 50}),
    ],
)
def test_tables_of_later_purchases_need_purchase_years(table: str, cells: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="purchase_years"):
        owned_site(services=[service()]).add(table, **cells).load()


def test_more_purchase_years_never_cost_more() -> None:
    costs = [tco_of(growing(purchase_years=dates), 1e-6) for dates in ("1", "1 4", "1 2 4", "all")]
    assert all(after <= before * (1 + 3e-6) for before, after in itertools.pairwise(costs))
    assert costs[-1] < costs[0]


def test_a_longer_life_never_costs_more() -> None:
    costs = [tco_of(growing(purchase_years="all").change("nodes", lifetime_years=life), 1e-6) for life in (2, 3, 5)]
    assert all(after <= before * (1 + 3e-6) for before, after in itertools.pairwise(costs))


def test_resale_keeping_and_rent_never_cost_more() -> None:
    plain = growing(purchase_years="all").change("nodes", lifetime_years=2)
    cost = tco_of(plain, 1e-6)
    resold = plain
    for age in (1, 2, 3):
        resold = resold.add("ageing", table="nodes", age_years=age, resale_pct=30, maintenance_pct=2 * (age > 2))
    assert tco_of(resold, 1e-6) <= cost * (1 + 3e-6)
    owned = with_cloud([], [service(**BUSY, growth_pct_per_year=45)]).set(horizon_years=4, purchase_years="all")
    alone = owned.put("sites", owned.tables["sites"][:1])
    assert tco_of(owned, 1e-6) <= tco_of(alone, 1e-6) * (1 + 3e-6)


def test_a_step_of_the_grid_holds_from_its_year_on() -> None:
    small = growing(purchase_years="all")
    free = design_of(small, 1e-6)
    most = max(site.facility_kw for site in free.sites)
    first = next(site.facility_kw for site in free.sites if site.year == 1)
    assert first < most
    stepped = small.change("sites", "oslo", power_limit_kw=first * 1.01).add(
        "limits", site="oslo", year=2, power_kw=most * 1.01
    )
    assert tco_of(stepped, 1e-6) == pytest.approx(free.tco_usd, rel=1e-5)


def test_demand_by_year_replaces_growth() -> None:
    grown = owned_site(services=[service(**BUSY, growth_pct_per_year=50)]).set(horizon_years=3, purchase_years="all")
    given = owned_site(services=[service(**BUSY)]).set(horizon_years=3, purchase_years="all")
    for year, peak in ((2, 1350), (3, 2025)):
        given = given.add("demand", name="chat", year=year, peak_requests_per_s=peak)
    assert tco_of(given) == pytest.approx(tco_of(grown), rel=1e-7)


def test_epochs_that_ask_the_same_are_not_one() -> None:
    """Nothing changes but the age of what stands: its upkeep rises, and what is used in both years differs."""
    small = bare(3, "1 3", growth_pct=0).drop("nodes", "quad").set(residual_pct=100)
    small = small.change("nodes", "duo", lifetime_years=3, support_pct_per_year=0, maintenance_pct_per_year=0)
    small = small.put("inference", [service(peak_requests_per_s=4500, mean_requests_per_s=1)])
    small = small.put("offers", [{"table": "nodes", "name": "duo"}])
    small = small.add("existing", site="oslo", table="nodes", name="duo", units=3, age_years=3)
    for age, pct in ((4, 1), (5, 150), (6, 200)):
        small = small.add("ageing", table="nodes", name="duo", age_years=age, maintenance_pct=pct)
    assert tco_of(small.set(purchase_years="all")) < tco_of(small) * 0.99
