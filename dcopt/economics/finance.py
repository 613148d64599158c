"""Money over time: annuities, discounting, inflation and residual value.

Costs of year y fall at its end and are divided by (1+r)^y; purchases are made at the start of their year.
All rates are nominal. One function for each charge, so that the objective, the report and the verifier cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dcopt.problem.tables.problem_rows import Settings

NO_RATE = 1e-15
"""Yearly rates below this are no rate: over 30 years they change a value by less than floating point shows."""


def annuity(rate: float, lifetime_years: float) -> float:
    """Return the yearly payment for each unit of price that repays it over its lifetime, at each year's end."""
    return 1.0 / annuity_value(rate, lifetime_years)


def annuity_value(rate: float, years: float) -> float:
    """Return the present value of one unit paid at the end of each of ``years`` years (fractions count in part)."""
    if rate < NO_RATE:
        return float(years)
    return -math.expm1(-years * math.log1p(rate)) / rate


def purchase_years(lifetime_years: float, horizon_years: int) -> list[float]:
    """Return the times (years from the start) at which an item is bought and bought again within the horizon."""
    times = []
    k = 0
    while k * lifetime_years < horizon_years - 1e-9:
        times.append(k * lifetime_years)
        k += 1
    return times


@dataclass(frozen=True)
class Finance:
    """The rates of a problem."""

    horizon_years: int
    rate: float
    residual: float
    inflation: float
    energy_inflation: float
    rent_inflation: float

    @staticmethod
    def of(settings: Settings) -> Finance:
        """Read the rates from the settings."""
        general = settings.cost_inflation_pct
        energy = settings.energy_inflation_pct
        rent = settings.rent_inflation_pct
        return Finance(
            horizon_years=settings.horizon_years,
            rate=settings.discount_rate_pct / 100,
            residual=settings.residual_pct / 100,
            inflation=general / 100,
            energy_inflation=(general if energy is None else energy) / 100,
            rent_inflation=(general if rent is None else rent) / 100,
        )

    def capital_factor(self, lifetime_years: float) -> float:
        """Return the discounted cost over the horizon of one unit of price.

        Items that expire within the horizon are bought again at the same price. What outlives the horizon is worth
        ``residual`` times the present value of its remaining annuities, so 100 % residual leaves the annuities of the
        horizon's years (formulation.md, point 2).
        """
        times = purchase_years(lifetime_years, self.horizon_years)
        paid = sum((1 + self.rate) ** -time for time in times)
        beyond = times[-1] + lifetime_years - self.horizon_years
        worth = annuity(self.rate, lifetime_years) * annuity_value(self.rate, beyond)
        return float(paid - self.residual * worth * (1 + self.rate) ** -self.horizon_years)

    def purchase_factor(self, time: float, lifetime_years: float) -> float:
        """Return the discounted cost of one unit of price paid at ``time`` (years from the start), never again.

        Less ``residual`` times the present value of its annuities beyond the horizon; the factors of all purchases of
        an item that is bought again and again add up to `capital_factor`.
        """
        beyond = max(0.0, time + lifetime_years - self.horizon_years)
        worth = annuity(self.rate, lifetime_years) * annuity_value(self.rate, beyond)
        return float((1 + self.rate) ** -time - self.residual * worth * (1 + self.rate) ** -self.horizon_years)

    def price_level(self, category: str, year: int) -> float:
        """Return the price of a running cost in ``year``, relative to year 1."""
        growth = {"energy": self.energy_inflation, "demand": self.energy_inflation, "rent": self.rent_inflation}
        return float((1 + growth.get(category, self.inflation)) ** (year - 1))

    def running_factor(self, category: str, years: Iterable[int]) -> float:
        """Return the discounted cost of one unit a year over ``years``."""
        return sum(self.price_level(category, year) * (1 + self.rate) ** -year for year in years)
