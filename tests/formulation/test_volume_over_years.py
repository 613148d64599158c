"""Prices by volume together with several purchase dates: brute force over orders, laws, what the verifier catches."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from small import Small, design_of, nodes_alone, owned_site, service, tco_of, two_sites

from dcopt.design.records import Design
from dcopt.verify.verify import verify

PRICE = 12000.0


def bare(growth_pct: float, dates: str = "1 2", horizon: int = 2, **settings: Any) -> Small:
    """Return a problem in which only nodes cost anything, are never renewed and are worth nothing in the end."""
    chat = service(peak_requests_per_s=4000, mean_requests_per_s=1500, growth_pct_per_year=growth_pct)
    small = nodes_alone([chat]).drop("nodes", "quad").change("nodes", "duo", lifetime_years=10, price_usd=PRICE)
    small = small.change("nodes", "duo", support_pct_per_year=0, maintenance_pct_per_year=0)
    return small.set(horizon_years=horizon, purchase_years=dates, residual_pct=0, **settings)


def with_breaks(small: Small, units: str, prices: str, rule: str, **cells: Any) -> Small:
    breaks = {"volume_units": units, "volume_prices_usd": prices, "volume_rule": rule}
    return small.put("offers", [{"table": "nodes", "name": "duo", "price_usd": PRICE, **breaks, **cells}])


def paid(count: int, breaks: list[tuple[int, float]], rule: str) -> float:
    """Return what an order costs, unit by unit."""
    prices = [max([(1, PRICE), *[b for b in breaks if b[0] <= n]])[1] for n in range(1, count + 1)]
    return count * prices[-1] if rule == "all-units" and count else sum(prices)


def needs(design: Design) -> list[int]:
    return [sum(p.nodes for p in design.pools if p.year == y + 1) for y in range(design.horizon_years)]


@pytest.mark.parametrize("rule", ["incremental", "all-units"])
@pytest.mark.parametrize("seed", range(4))
def test_orders_agree_with_brute_force(seed: int, rule: str) -> None:
    dice = random.Random(seed)
    first = dice.choice([2, 3, 4])
    breaks = [(first, dice.choice([11000.0, 8000.0])), (first + dice.choice([1, 3]), dice.choice([7000.0, 5000.0]))]
    change = dice.choice([0.0, -30.0, 20.0])
    small = bare(dice.choice([40.0, 80.0]), discount_rate_pct=dice.choice([0.0, 8.0]))
    need = needs(design_of(small))
    assert need[0] < need[1] <= 9
    units, prices = " ".join(str(u) for u, _ in breaks), " ".join(f"{p:.0f}" for _, p in breaks)
    design = design_of(with_breaks(small, units, prices, rule, price_change_pct_per_year=change))
    later = (1 + change / 100) / (1 + small.settings["discount_rate_pct"] / 100)
    expected = min(
        paid(now, breaks, rule) + later * paid(then, breaks, rule)
        for now, then in itertools.product(range(need[0], need[1] + 7), range(need[1] + 7))
        if now + then >= need[1]
    )
    assert design.tco_usd == pytest.approx(expected, rel=1e-9)
    spent = sum(line.total_usd for line in design.bom_lines if line.table == "nodes")
    assert design.cost is not None
    assert sum(year.capital_usd for year in design.cost.cash_by_year) == pytest.approx(spent)


@pytest.mark.parametrize("rule", ["incremental", "all-units"])
def test_dates_that_change_nothing_change_nothing(rule: str) -> None:
    """With support, maintenance, plant and book value: what is bought at the start is bought at the start."""
    chat = service(peak_requests_per_s=4000, mean_requests_per_s=1500)
    small = owned_site(services=[chat]).drop("nodes", "quad").drop("fabrics", "flat").set(discount_rate_pct=0)
    small = small.change("nodes", "duo", price_usd=PRICE)
    once = with_breaks(small, "2 4", "11000 9000", rule)
    assert tco_of(once.set(purchase_years="1 2")) == pytest.approx(tco_of(once), rel=1e-7)


def test_lower_prices_never_cost_more_and_orders_of_all_sites_count_together() -> None:
    busy = {"peak_requests_per_s": 2500, "mean_requests_per_s": 900, "growth_pct_per_year": 50}
    small = two_sites(services=[service(sites="oslo", **busy), service("far", sites="rome", **busy)])
    small = small.drop("nodes", "quad").drop("fabrics", "flat").change("nodes", "duo", price_usd=PRICE)
    small = small.set(purchase_years="1 3")
    plain = tco_of(with_breaks(small, "", "", "incremental"))
    some = tco_of(with_breaks(small, "4", "10000", "incremental"))
    more = tco_of(with_breaks(small, "4", "9000", "incremental"))
    whole = tco_of(with_breaks(small, "4", "9000", "all-units"))
    assert whole <= more * (1 + 1e-9) <= some * (1 + 2e-9) <= plain * (1 + 3e-9)
    assert whole < plain


def test_what_is_sold_early_is_paid_at_its_price() -> None:
    small = bare(-60.0, horizon=2).add("ageing", table="nodes", age_years=1, resale_pct=50)
    design = design_of(with_breaks(small, "2", "6000", "incremental"))
    first, second = needs(design)
    assert second < first
    charged = PRICE + 6000 * (first - 1) - (first - second) * PRICE / 2 / 1.08
    assert design.tco_usd == pytest.approx(charged)
    assert design.finance[-1].npv_usd == pytest.approx(charged)


def test_the_verifier_finds_a_price_that_was_not_reached() -> None:
    problem = with_breaks(bare(60.0), "3 6", "9000 6000", "incremental").load()
    design = design_of(problem)
    first, *rest = design.rebates
    for changed in (
        {"rebates": (first.model_copy(update={"units": first.units + 1}), *rest)},
        {"rebates": (first.model_copy(update={"unit_price_usd": 1.0}), *rest)},
        {"rebates": (first.model_copy(update={"gone_year": 9}), *rest)},
        {"rebates": tuple(rest)},
    ):
        assert verify(problem, design.model_copy(update=changed))[1], changed
