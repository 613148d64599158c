"""Brute force over stays: staged purchases of nodes alone, priced by walking through the years of every unit."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass
from typing import Any

from small import Small, nodes_alone, service

from dcopt.candidates.generate import generate
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
    row: Row,
    needs: tuple[int, ...],
    dates: tuple[int, ...],
    rate: float,
    residual: float,
    horizon: int,
    rule: int | None = None,
    bought: int | None = None,
) -> float:
    """Return the least cost of units that cover ``needs`` (by epoch), over all numbers of all stays.

    With ``rule`` only stays of so many years (to the end of the horizon at most) of units that are bought once count,
    with ``bought`` exactly so many units are bought at the first date.
    """
    ends = [*(d - 1 for d in dates[1:]), horizon]
    columns = []
    for old in (False, True) if row.existing else (False,):
        for v, first in enumerate(dates if not old else dates[:1]):
            for w in range(v, len(dates)):
                for keep in (False, True):
                    once = keep or ends[w] - first + 1 <= row.life
                    if rule and not old and not (once and ends[w] == min(first + rule - 1, horizon)):
                        continue
                    found = _stay_cost(row, first, ends[w], rate, residual, horizon, old=old, keep=keep)
                    if found is not None:
                        cover = tuple(
                            min(found[1][y] for y in range(dates[e], ends[e] + 1)) if v <= e <= w else 0.0
                            for e in range(len(dates))
                        )
                        columns.append((found[0], cover, old, bought is not None and not old and v == 0))
    best = math.inf

    def search(at: int, cost: float, left: tuple[float, ...], old_left: int, first_left: int) -> None:
        nonlocal best
        if cost + earned >= best:
            return
        if first_left == 0 and all(need <= 1e-9 for need in left):
            best = min(best, cost)
        if at == len(columns):
            return
        unit, cover, old, given = columns[at]
        most = first_left if given else old_left if old else max(needs) + 2
        for count in range(0, most + 1):
            rest = tuple(need - count * part for need, part in zip(left, cover, strict=True))
            search(
                at + 1,
                cost + count * unit,
                rest,
                old_left - count if old else old_left,
                first_left - count if given else first_left,
            )
            if (
                not given
                and unit >= 0
                and all(need <= 1e-9 or part == 0 for need, part in zip(rest, cover, strict=True))
            ):
                break

    columns.sort(key=lambda c: c[0])
    assert all(cost >= 0 or old for cost, _, old, _ in columns), "a unit that earns money would be bought without end"
    earned = row.existing * sum(min(0.0, cost) for cost, _, _, _ in columns)
    search(0, 0.0, tuple(float(n) for n in needs), row.existing, bought or 0)
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


def most_useful(problem: Problem, names: list[str]) -> tuple[int, ...]:
    """Return the most nodes of each row that any epoch could need."""
    needs = [counts for epoch in generate(problem).epochs for counts in _feasible(problem, epoch, names)]
    return tuple(max(column) for column in zip(*needs, strict=True))


def brute_force(
    problem: Problem, rows: dict[str, Row], rule: int | None = None, first: tuple[int, ...] | None = None
) -> float:
    """Return the least cost over all needs of all epochs and all ways to cover them, where a rule is given by it.

    ``first`` gives the units of each row that are bought at the first date.
    """
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
                known[name, needs] = _cheapest_cover(
                    rows[name], needs, dates, rate, residual, horizon, rule, None if first is None else first[i]
                )
            cost += known[name, needs]
        best = min(best, cost)
    return best


def random_case(seed: int, horizon: int | None = None, dates: str | None = None) -> tuple[Small, dict[str, Row]]:
    """Return a problem with prices, availability, ages and existing nodes drawn at random (and the years and purchase
    dates, where none are given), as dcopt and the oracle read it."""
    draw = random.Random(seed)
    drawn = draw.choice([3, 4, 5]), draw.choice(["all", "1 2", "1 3", "1 2 3"])
    horizon, dates = horizon or drawn[0], dates or drawn[1]
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
