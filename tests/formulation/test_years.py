"""Staged purchases: brute force on tiny problems of several years, and the laws that every optimum keeps."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass
from typing import Any

import pytest
from small import Small, dataset, design_of, job, nodes_alone, owned_site, service, tco_of, two_sites, with_cloud

from dcopt.candidates.generate import generate
from dcopt.problem.findings import InputError
from dcopt.problem.problem import Problem

BUSY: dict[str, Any] = {"peak_requests_per_s": 900, "mean_requests_per_s": 300}


def bare(horizon: int, dates: str, growth_pct: float = 60.0, **changes: Any) -> Small:
    """Return a problem of several years in which only nodes cost anything."""
    small = nodes_alone([service(**BUSY, growth_pct_per_year=growth_pct)])
    return small.set(horizon_years=horizon, purchase_years=dates, **changes)


@dataclass(frozen=True)
class Row:
    """What the oracle knows of a node row: price by year (None: not for sale), life, upkeep, ages, existing units."""

    prices: tuple[float | None, ...]
    life: float
    upkeep_pct: float
    ages: tuple[tuple[int, float, float, float], ...] = ()
    existing: int = 0
    existing_age: float | None = None


def _stay_cost(
    row: Row, first: int, last: int, rate: float, residual: float, horizon: int, *, old: bool, keep: bool
) -> tuple[float, dict[int, float]] | None:
    """Return (cost, share in service by year) of one unit from ``first`` to ``last`` by walking through the years."""
    lasts = old and row.existing_age is None
    born = -(row.existing_age or 0.0) if old else float(first - 1)
    price = row.prices[0] if old else row.prices[first - 1]
    if price is None:
        return None
    given = {age: rest for age, *rest in row.ages}
    annuity = row.life if rate == 0 else (1 - (1 + rate) ** -row.life) / rate

    def charge(time: float, paid: float) -> float:
        left = max(0.0, time + row.life - horizon)
        rest = left if rate == 0 else (1 - (1 + rate) ** -left) / rate
        return paid * ((1 + rate) ** -time - residual * rest / annuity * (1 + rate) ** -horizon)

    purchases = [] if old else [(born, price)]
    upkeep, share = 0.0, {}
    for year in range(first, last + 1):
        if not lasts and year - 1 >= born + row.life - 1e-9 and not keep:
            again = row.prices[year - 1]
            if again is None:
                return None
            born, price = float(year - 1), again
            purchases.append((born, price))
        age = 0 if lasts else round(year - born)
        if not lasts and age > row.life and age > max([0, *given]):
            return None
        _, extra, out = given.get(age, (0.0, 0.0, 0.0))
        upkeep += price * (row.upkeep_pct + extra) / 100 * (1 + rate) ** -year
        share[year] = 1 - out / 100
    cost = sum(charge(time, paid) for time, paid in purchases)
    if last < horizon and not lasts and row.ages:
        age = last - born
        known = sorted(given)
        if age <= known[-1]:
            below = max([k for k in known if k <= age], default=known[0])
            above = min(k for k in known if k >= age)
            low, high = given[below][0], given[above][0]
            pct = low if above == below else low + (high - low) * (age - below) / (above - below)
            sold = sum(charge(*one) for one in purchases[:-1]) + sum(p * (1 + rate) ** -t for t, p in purchases[-1:])
            cost = min(cost, sold - price * pct / 100 * (1 + rate) ** -last)
    return cost + upkeep, share


def _cheapest_cover(
    row: Row, needs: tuple[int, ...], dates: tuple[int, ...], rate: float, residual: float, horizon: int
):
    """Return the least cost of units that cover ``needs`` (by epoch), over all numbers of all stays."""
    ends = [*(d - 1 for d in dates[1:]), horizon]
    columns = []
    for old in (False, True) if row.existing else (False,):
        for v, first in enumerate(dates if not old else dates[:1]):
            for w in range(v, len(dates)):
                for keep in (False, True):
                    found = _stay_cost(row, first, ends[w], rate, residual, horizon, old=old, keep=keep)
                    if found is not None:
                        cover = tuple(
                            min(found[1][y] for y in range(dates[e], ends[e] + 1)) if v <= e <= w else 0.0
                            for e in range(len(dates))
                        )
                        columns.append((found[0], cover, old))
    best = math.inf

    def search(at: int, cost: float, left: tuple[float, ...], old_left: int) -> None:
        nonlocal best
        if cost + earned >= best:
            return
        if all(need <= 1e-9 for need in left):
            best = min(best, cost)
        if at == len(columns):
            return
        unit, cover, old = columns[at]
        for count in range(0, (old_left if old else max(needs) + 2) + 1):
            rest = tuple(need - count * part for need, part in zip(left, cover, strict=True))
            search(at + 1, cost + count * unit, rest, old_left - count if old else old_left)
            if unit >= 0 and all(need <= 1e-9 or part == 0 for need, part in zip(rest, cover, strict=True)):
                break

    columns.sort(key=lambda c: c[0])
    assert all(cost >= 0 or old for cost, _, old in columns), "a unit that earns money would be bought without end"
    earned = row.existing * sum(min(0.0, cost) for cost, _, _ in columns)
    search(0, 0.0, tuple(float(n) for n in needs), row.existing)
    return best


def _feasible(problem: Problem, epoch: Any, names: list[str]) -> list[tuple[int, ...]]:
    """Return the least numbers of nodes that carry the peak of an epoch (every node full of its best replicas)."""
    peak = max(period.loads[0][1] for period in epoch.periods)
    rate = {}
    for name in names:
        found = [c for c in epoch.serving["chat"] if c.pool.node.name == name]
        chips = problem.nodes[name].accelerators
        rate[name] = max(
            (c.requests_per_s * (chips // c.accelerators) for c in found if c.accelerators <= chips), default=0.0
        )
    most = [math.ceil(peak / rate[name]) if rate[name] else 0 for name in names]
    enough = [
        counts
        for counts in itertools.product(*(range(n + 1) for n in most))
        if sum(n * rate[name] for n, name in zip(counts, names, strict=True)) >= peak - 1e-9
    ]
    return [a for a in enough if not any(b != a and all(x <= y for x, y in zip(b, a, strict=True)) for b in enough)]


def brute_force(problem: Problem, rows: dict[str, Row]) -> float:
    """Return the least cost over all needs of all epochs and all ways to cover them."""
    dates = problem.settings.purchase_dates
    horizon, rate = problem.settings.horizon_years, problem.settings.discount_rate_pct / 100
    residual = problem.settings.residual_pct / 100
    names = list(rows)
    options = [_feasible(problem, epoch, names) for epoch in generate(problem).epochs]
    known: dict[tuple[str, tuple[int, ...]], float] = {}
    best = math.inf
    for choice in itertools.product(*options):
        cost = 0.0
        for i, name in enumerate(names):
            needs = tuple(counts[i] for counts in choice)
            if (name, needs) not in known:
                known[name, needs] = _cheapest_cover(rows[name], needs, dates, rate, residual, horizon)
            cost += known[name, needs]
        best = min(best, cost)
    return best


def random_case(seed: int) -> tuple[Small, dict[str, Row]]:
    """Return a problem with prices, availability, ages and existing nodes drawn at random, as dcopt and the oracle
    read it."""
    draw = random.Random(seed)
    horizon = draw.choice([3, 4, 5])
    dates = draw.choice(["all", "1 2", "1 3", "1 2 3"])
    small = bare(horizon, dates, draw.choice([0, 30, 90]), residual_pct=draw.choice([0, 50, 100]))
    small = small.set(discount_rate_pct=draw.choice([0, 8])).put("offers", [])
    rows: dict[str, Row] = {}
    for name, base in (("duo", 12000.0), ("quad", 40000.0)):
        change = draw.choice([0, -20, 10])
        begin = 1 if name == "duo" else draw.choice([1, 2])
        end = draw.choice([None, None, 2])
        life = draw.choice([2, 3, 5])
        prices: list[float | None] = [
            base * (1 + change / 100) ** (y - 1) if begin <= y <= (end or horizon) else None
            for y in range(1, horizon + 1)
        ]
        if end is not None and name == "duo":
            end, prices = None, [base * (1 + change / 100) ** (y - 1) for y in range(1, horizon + 1)]
        upkeep = draw.choice([0, 6])
        small = small.change(
            "nodes", name, lifetime_years=life, support_pct_per_year=upkeep, maintenance_pct_per_year=0
        )
        small = small.add(
            "offers",
            table="nodes",
            name=name,
            price_usd=base,
            available_from_year=begin,
            available_to_year=end,
            price_change_pct_per_year=change,
        )
        ages = []
        if draw.random() < 0.6:
            worth = draw.choice([20.0, 45.0])
            for age in range(1, life + draw.choice([0, 1, 2]) + 1):
                ages.append((age, worth / age, 0.0 if age <= life else 4.0, 0.0 if age <= life else 10.0))
                small = small.add(
                    "ageing",
                    table="nodes",
                    name=name,
                    age_years=age,
                    resale_pct=ages[-1][1],
                    maintenance_pct=ages[-1][2],
                    out_pct=ages[-1][3],
                )
        there, age_there = 0, None
        if draw.random() < 0.4 and prices[0] is not None:
            there, age_there = 1, draw.choice([None, 1.0])
            small = small.add("existing", site="oslo", table="nodes", name=name, units=1, age_years=age_there)
        rows[name] = Row(tuple(prices), float(life), float(upkeep), tuple(ages), there, age_there)
    return small, rows


@pytest.mark.parametrize("seed", range(16))
def test_brute_force_agrees(seed: int) -> None:
    small, rows = random_case(seed)
    problem = small.load()
    assert tco_of(problem) == pytest.approx(brute_force(problem, rows), rel=1e-6)


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
