"""Annuities, discounting, residual value and inflation, against hand sums and cash flows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.economics.finance import Finance, annuity, annuity_value, purchase_years
from dcopt.problem.tables.problem_rows import Settings

RATES = st.floats(0.001, 0.5)


def _finance(horizon: int = 5, rate: float = 0.08, residual: float = 1.0, **inflation: float) -> Finance:
    return Finance(
        horizon_years=horizon,
        rate=rate,
        residual=residual,
        inflation=inflation.get("general", 0.0),
        energy_inflation=inflation.get("energy", 0.0),
        rent_inflation=inflation.get("rent", 0.0),
    )


def test_annuity_of_a_textbook() -> None:
    # USD 1,000 at 10 % over 2 years: 1000 = a/1.1 + a/1.21, so a = 1210/2.1
    assert annuity(0.10, 2) * 1000 == pytest.approx(1210 / 2.1, rel=1e-14)
    assert annuity(0.08, 1) == pytest.approx(1.08, rel=1e-14)
    assert annuity(0.0, 4) == 0.25


@given(rate=RATES, years=st.integers(1, 40))
def test_annuities_over_the_lifetime_repay_the_price(rate: float, years: int) -> None:
    paid = sum(annuity(rate, years) / (1 + rate) ** year for year in range(1, years + 1))
    assert paid == pytest.approx(1.0, rel=1e-10)


@given(rate=RATES, years=st.floats(0.1, 40))
def test_annuity_value_is_the_inverse_of_the_annuity(rate: float, years: float) -> None:
    assert annuity(rate, years) * annuity_value(rate, years) == pytest.approx(1.0, rel=1e-10)


@given(rate=st.floats(0, 1e-9), years=st.floats(0.5, 40))
def test_tiny_rates_are_computed_without_cancellation(rate: float, years: float) -> None:
    assert annuity_value(rate, years) == pytest.approx(years * (1 - rate * (years + 1) / 2), rel=1e-13)
    assert annuity(rate, years) == pytest.approx((1 + rate * (years + 1) / 2) / years, rel=1e-13)


@given(rate=RATES, years=st.integers(1, 40))
def test_annuity_value_is_the_sum_of_discounted_payments(rate: float, years: int) -> None:
    assert annuity_value(rate, years) == pytest.approx(sum((1 + rate) ** -y for y in range(1, years + 1)), rel=1e-10)


@given(years=st.floats(0.5, 40))
def test_rate_zero_is_the_limit_of_small_rates(years: float) -> None:
    assert annuity(1e-7, years) == pytest.approx(annuity(0.0, years), rel=1e-5)
    assert annuity_value(1e-7, years) == pytest.approx(annuity_value(0.0, years), rel=1e-5)


@pytest.mark.parametrize(
    ("lifetime", "horizon", "times"),
    [
        (5, 5, [0]),
        (10, 5, [0]),
        (2, 5, [0, 2, 4]),
        (2.5, 5, [0, 2.5]),
        (1, 3, [0, 1, 2]),
        (4, 8, [0, 4]),
        (3, 10, [0, 3, 6, 9]),
        (0.5, 1, [0, 0.5]),
        (1 / 3, 1, [0, 1 / 3, 2 / 3]),
    ],
)
def test_purchases_within_the_horizon(lifetime: float, horizon: int, times: list[float]) -> None:
    assert purchase_years(lifetime, horizon) == pytest.approx(times)


def test_capital_factor_of_an_item_that_lasts_the_horizon_is_its_price() -> None:
    for residual in (0.0, 0.4, 1.0):
        assert _finance(residual=residual).capital_factor(5) == pytest.approx(1.0, rel=1e-14)


def test_capital_factor_without_residual_is_what_is_paid() -> None:
    finance = _finance(horizon=5, rate=0.1, residual=0.0)
    assert finance.capital_factor(20) == pytest.approx(1.0)
    assert finance.capital_factor(2) == pytest.approx(1 + 1.1**-2 + 1.1**-4)


def test_capital_factor_by_cash_flows() -> None:
    # 4-year item, 6-year horizon, 10 %: bought at 0 and 4; after year 6 two annuities of the second are left
    finance = _finance(horizon=6, rate=0.1, residual=1.0)
    a = 0.1 / (1 - 1.1**-4)
    flows = {0: 1.0, 4: 1.0, 6: -(a / 1.1 + a / 1.1**2)}
    assert finance.capital_factor(4) == pytest.approx(sum(v / 1.1**t for t, v in flows.items()), rel=1e-12)
    half = {**flows, 6: flows[6] / 2}
    worth_half = _finance(horizon=6, rate=0.1, residual=0.5).capital_factor(4)
    assert worth_half == pytest.approx(sum(v / 1.1**t for t, v in half.items()), rel=1e-12)


@given(rate=RATES, lifetime=st.integers(1, 30), horizon=st.integers(1, 25))
def test_full_residual_leaves_the_annuities_of_the_horizon(rate: float, lifetime: int, horizon: int) -> None:
    finance = _finance(horizon=horizon, rate=rate, residual=1.0)
    charged = annuity(rate, lifetime) * annuity_value(rate, horizon)
    assert finance.capital_factor(lifetime) == pytest.approx(charged, rel=1e-9)


@given(lifetime=st.floats(0.5, 30), horizon=st.integers(1, 25))
def test_rate_zero_with_full_residual_is_straight_line(lifetime: float, horizon: int) -> None:
    finance = _finance(horizon=horizon, rate=0.0, residual=1.0)
    assert finance.capital_factor(lifetime) == pytest.approx(horizon / lifetime, rel=1e-9)


@given(rate=st.floats(0, 0.5), lifetime=st.floats(0.5, 30), horizon=st.integers(1, 25), residual=st.floats(0, 1))
def test_residual_lowers_the_cost_in_proportion(rate: float, lifetime: float, horizon: int, residual: float) -> None:
    none, some, full = (_finance(horizon, rate, share).capital_factor(lifetime) for share in (0.0, residual, 1.0))
    assert some == pytest.approx(none - residual * (none - full), rel=1e-9, abs=1e-12)
    assert 0 < full <= none * (1 + 1e-12)


@given(rate=RATES, horizon=st.integers(1, 20), lifetime=st.integers(1, 20))
def test_a_longer_life_never_costs_more(rate: float, horizon: int, lifetime: int) -> None:
    finance = _finance(horizon=horizon, rate=rate, residual=1.0)
    assert finance.capital_factor(lifetime + 1) <= finance.capital_factor(lifetime) * (1 + 1e-12)


def test_price_levels() -> None:
    finance = _finance(general=0.02, energy=0.05, rent=-0.1)
    assert finance.price_level("staff", 1) == 1.0
    assert finance.price_level("staff", 3) == pytest.approx(1.02**2)
    assert finance.price_level("energy", 3) == pytest.approx(1.05**2)
    assert finance.price_level("demand", 2) == pytest.approx(1.05)
    assert finance.price_level("rent", 4) == pytest.approx(0.9**3)


def test_running_factor_is_the_discounted_sum_at_the_prices_of_each_year() -> None:
    finance = _finance(rate=0.08, energy=0.03)
    by_hand = 1 / 1.08 + 1.03 / 1.08**2 + 1.03**2 / 1.08**3
    assert finance.running_factor("energy", (1, 2, 3)) == pytest.approx(by_hand, rel=1e-14)
    assert finance.running_factor("staff", (4,)) == pytest.approx(1.08**-4)
    assert finance.running_factor("staff", ()) == 0


def test_inflation_at_the_discount_rate_makes_all_years_alike() -> None:
    finance = _finance(rate=0.08, general=0.08)
    assert finance.running_factor("staff", range(1, 6)) == pytest.approx(5 / 1.08)


def test_finance_of_settings() -> None:
    blank = Finance.of(Settings(cost_inflation_pct=2, discount_rate_pct=7, residual_pct=30, horizon_years=4))
    assert (blank.horizon_years, blank.rate, blank.residual) == (4, 0.07, 0.3)
    assert (blank.inflation, blank.energy_inflation, blank.rent_inflation) == (0.02, 0.02, 0.02)
    own = Finance.of(Settings(cost_inflation_pct=2, energy_inflation_pct=0, rent_inflation_pct=-5))
    assert (own.energy_inflation, own.rent_inflation) == (0.0, -0.05)
    assert math.isclose(own.residual, 1.0)
