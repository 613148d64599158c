"""Colocation contracts: brute force over what is contracted, laws, hand sums, and what the verifier catches."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from small import Small, colocation, design_of, service, tco_of

from dcopt.design.records import Design
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.findings import InputError
from dcopt.verify.verify import verify

FEE = 150.0


def rented_room(growth_pct: float, horizon: int = 3, dates: str = "all", **site: Any) -> Small:
    """Return one service at a colocation site whose fee is most of the cost."""
    chat = service(peak_requests_per_s=2000, mean_requests_per_s=700, growth_pct_per_year=growth_pct)
    small = colocation(services=[chat], power_limit_kw=900, rack_positions=None, **site)
    return small.set(horizon_years=horizon, purchase_years=dates)


def loads(design: Design) -> list[float]:
    """Return the peak IT load of every year, kW."""
    return [sum(s.it_kw for s in design.sites if s.year == y + 1) for y in range(design.horizon_years)]


def fees(design: Design) -> float:
    assert design.cost is not None
    return design.cost.running["colocation"]


def cheapest(kw: list[float], site: dict[str, Any], rate: float, inflation: float) -> float:
    """Return the least discounted fees that carry ``kw`` by year, over all sizes of all contracts at some level."""
    horizon = len(kw)
    term, least = site["colocation_term_years"], site.get("colocation_least_billed_pct", 100) / 100
    rise, months = site.get("colocation_escalation_pct_per_year", 0) / 100, site.get("colocation_exit_months")
    spans = [(v, w) for v in range(1, horizon + 1) for w in range(v, horizon + 1)]
    levels = {0.0, *kw, *(a / least for a in kw if least)}  # least billed = needed
    levels |= {abs(a - b) for a in levels for b in levels}
    levels = {level for level in levels if level <= max(kw) + 1e-9}

    def fee(v: int, y: int) -> float:
        return FEE * (1 + inflation) ** (v - 1) * (1 + rise) ** (y - v)

    best = float("inf")
    for sizes in itertools.product(levels, repeat=len(spans)):
        cost = 0.0
        for (v, w), size in zip(spans, sizes, strict=True):
            rest = range(w + 1, v + term)
            out = sum(12 * least * fee(v, y) / (1 + rate) ** (y - w) for y in rest)
            if months is not None and rest:
                out = min(out, months * fee(v, w))
            cost += size * out / (1 + rate) ** w
        if cost >= best:
            continue
        for year, need in enumerate(kw, 1):
            there = [(fee(v, year), n) for (v, w), n in zip(spans, sizes, strict=True) if v <= year <= w]
            missing = need - least * sum(n for _, n in there)
            cost += 12 * least * sum(p * n for p, n in there) / (1 + rate) ** year
            for price, size in sorted(there):
                more = min(max(0.0, missing), (1 - least) * size)
                cost += 12 * price * more / (1 + rate) ** year
                missing -= more
            if missing > 1e-9:
                cost = float("inf")
        best = min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_contracts_agree_with_brute_force(seed: int) -> None:
    dice = random.Random(seed)
    site: dict[str, Any] = {
        "colocation_term_years": dice.choice([1, 2, 4]),
        "colocation_least_billed_pct": dice.choice([0, 60, 100]),
        "colocation_escalation_pct_per_year": dice.choice([0, 4]),
        "colocation_exit_months": dice.choice([None, 0, 3]),
    }
    inflation, rate = dice.choice([0.0, 5.0, -10.0]), dice.choice([0.0, 8.0])
    horizon = 2 if seed % 2 or site["colocation_least_billed_pct"] == 60 else 3
    small = rented_room(dice.choice([70.0, -45.0]), horizon, **site)
    design = design_of(small.set(cost_inflation_pct=inflation, discount_rate_pct=rate))
    kw = loads(design)
    assert len(set(kw)) > 1, "a load that changes"
    assert fees(design) == pytest.approx(cheapest(kw, site, rate / 100, inflation / 100), rel=1e-6)


def test_a_contract_of_one_year_that_follows_prices_is_no_contract() -> None:
    free = tco_of(rented_room(-40.0))
    assert tco_of(rented_room(-40.0, colocation_term_years=1)) == pytest.approx(free, rel=1e-9)


def test_harder_terms_never_cost_less() -> None:
    def tco(**site: Any) -> float:
        return tco_of(rented_room(-40.0, **({"colocation_term_years": 3, "colocation_least_billed_pct": 80} | site)))

    plain = tco()
    for harder in (
        {"colocation_term_years": 5},
        {"colocation_least_billed_pct": 100},
        {"colocation_escalation_pct_per_year": 3},
    ):
        assert tco(**harder) >= plain * (1 - 1e-9), harder
    assert tco(colocation_exit_months=6) <= plain * (1 + 1e-9)
    assert tco(colocation_exit_months=0) <= tco(colocation_exit_months=6) * (1 + 1e-9)


def test_one_purchase_date_contracts_what_stands_for_the_horizon() -> None:
    site = {"colocation_term_years": 5, "colocation_escalation_pct_per_year": 10, "colocation_least_billed_pct": 50}
    design = design_of(rented_room(0.0, horizon=2, dates="1", **site))
    kw = loads(design)[0]
    (contract,) = design.colocation
    assert (contract.first_year, contract.last_year) == (1, 2)
    assert contract.contracted_kw == pytest.approx(kw)
    yearly = 12 * FEE * kw
    rest = sum(0.5 * 1.1 ** (y - 1) / 1.08**y for y in (3, 4, 5))
    assert fees(design) == pytest.approx(yearly * (1 / 1.08 + 1.1 / 1.08**2 + rest))
    assert contract.exit_usd == pytest.approx(yearly * rest * 1.08**2)


def test_contracts_decided_without_knowing_are_kept() -> None:
    small = rented_room(-40.0, colocation_term_years=3, colocation_least_billed_pct=90)
    problem = small.load()
    design = design_for(problem, RunOptions(gap=1e-9, threads=1, baseline=False, foresight_years=1))
    _, mismatches = verify(problem, design)
    assert not mismatches
    assert design.foresight is not None
    assert design.foresight.price_usd >= -1e-6


def test_the_verifier_finds_fees_that_are_not_paid() -> None:
    problem = rented_room(-40.0, colocation_term_years=3, colocation_least_billed_pct=80).load()
    design = design_of(problem)
    first, *rest = design.colocation
    for changed in (
        {"contracted_kw": first.contracted_kw * 0.9},
        {"billed_kw": tuple(kw * 0.9 for kw in first.billed_kw)},
        {"usd_per_kw_month": 1.0},
        {"exit_usd": first.exit_usd + 1000},
        {"first_year": 2},
    ):
        forged = design.model_copy(update={"colocation": (first.model_copy(update=changed), *rest)})
        assert verify(problem, forged)[1], changed
    assert verify(problem, design.model_copy(update={"colocation": ()}))[1]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"colocation_least_billed_pct": 80}, "colocation_least_billed_pct"),
        ({"colocation_exit_months": 3}, "colocation_exit_months"),
        ({"colocation_escalation_pct_per_year": 3}, "colocation_escalation_pct_per_year"),
        ({"kind": "owned", "colocation_term_years": 3}, "colocation_term_years"),
    ],
)
def test_terms_without_a_contract_are_refused(cells: dict[str, Any], column: str) -> None:
    with pytest.raises(InputError) as caught:
        colocation(services=[service()], **cells).load()
    assert column in {finding.column for finding in caught.value.findings}
