"""What one unit costs that stands from one year to another: purchases, resale, upkeep, and what age does to it.

A unit bought at the start of year v (time v − 1) and gone at the end of year w is paid at its price in year v, and
again at the price of the year whenever its life ends while it stands (renewed like for like), or is kept past its
life where `ageing.csv` says what that does to it.

    charge of a purchase at time t = price·((1+r)^−t − residual·annuity(L)·(present value of 1 a year beyond the
    horizon for the rest of its life)), whether it still stands at the horizon or not
    sold at the end of w: price·(1+r)^−t less resale·price·(1+r)^−w, where that is less than the charge: what is sold
    is no longer worth anything at the horizon
    support, maintenance of a year = share of the price last paid, at that year's price level
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from dcopt.economics.finance import Finance

SAME_TIME = 1e-9
"""Times (years) closer than this are the same."""


@dataclass(frozen=True)
class Age:
    """What a unit is at an age: shares of its price, and the share of units that are out of service."""

    age_years: int
    resale_pct: float
    maintenance_pct: float
    """Maintenance beyond the row's own, in the year of life that ends at this age."""
    out_pct: float


@dataclass(frozen=True)
class Item:
    """A row as money sees it. ``prices`` has the years in which it is for sale, USD."""

    prices: Mapping[int, float]
    lifetime_years: float
    support_pct: float = 0.0
    maintenance_pct: float = 0.0
    ages: tuple[Age, ...] = ()
    """Ascending; a unit may be kept past its life up to the last."""
    sunk_price_usd: float = 0.0
    """What existing units count as bought for: their upkeep and resale follow from it."""

    @property
    def oldest(self) -> float:
        """The age up to which a unit may be kept, years."""
        return max([self.lifetime_years, *(float(age.age_years) for age in self.ages)])

    def at_age(self, years: float) -> Age:
        """Return what holds in the year of life that ends at the age of ``years`` (nothing but resale 0 if unsaid)."""
        year = math.ceil(years - SAME_TIME)
        return next((age for age in self.ages if age.age_years == year), Age(year, 0.0, 0.0, 0.0))

    def resale_share(self, years: float) -> float:
        """Return the share of the price that a unit of this age brings: linear between ages that are given, then 0."""
        known = [(float(age.age_years), age.resale_pct / 100) for age in self.ages]
        if not known or years > known[-1][0] + SAME_TIME:
            return 0.0
        if years <= known[0][0]:
            return known[0][1]
        for (low, before), (high, after) in pairwise(known):
            if years <= high + SAME_TIME:
                return before + (after - before) * (years - low) / (high - low)
        return known[-1][1]


@dataclass(frozen=True)
class Stay:
    """One unit that stands from the start of ``first_year`` to the end of ``last_year``, and what it costs.

    ``paid`` holds (time in years from the start, price) of every purchase, ``sold_usd`` what it brings at the end of
    ``last_year``, ``upkeep`` (category, year, USD at the price level of year 1), ``in_service`` the share of such
    units that works, by year. ``capital_usd`` is the discounted cost of purchases and resale.
    """

    first_year: int
    last_year: int
    existing: bool
    paid: tuple[tuple[float, float], ...]
    sold_usd: float
    upkeep: tuple[tuple[str, int, float], ...]
    in_service: Mapping[int, float]
    capital_usd: float
    kept: bool = False
    """Past its life it stands on, not bought again."""

    def discounted_usd(self, finance: Finance) -> float:
        """Return the discounted cost of the stay, upkeep included, USD."""
        running = sum(usd * finance.running_factor(category, (year,)) for category, year, usd in self.upkeep)
        return self.capital_usd + running


def stay(
    finance: Finance, item: Item, first_year: int, last_year: int, *, age_years: float | None = None, keep: bool = False
) -> Stay | None:
    """Return the stay of a unit, or None where it cannot be: not for sale when it must be bought, or too old to keep.

    Parameters
    ----------
    age_years: age of an existing unit at the start of year 1 (``inf``: it lasts; None: it is bought in ``first_year``).
    keep: past its life it is kept, not bought again.
    """
    existing = age_years is not None
    lasts = age_years == math.inf
    begin = float(first_year - 1)
    bought = -(age_years or 0.0) if existing and not lasts else begin
    lives: list[tuple[float, float]] = [(bought, item.sunk_price_usd)]
    if not existing:
        if first_year not in item.prices:
            return None
        lives = [(begin, item.prices[first_year])]
    end = float(last_year)
    reach = math.inf if lasts else lives[0][0] + (item.oldest if keep else item.lifetime_years)
    while reach < end - SAME_TIME:
        price = item.prices.get(int(reach + SAME_TIME) + 1)
        if keep or price is None:
            return None
        lives.append((reach, price))
        reach += item.lifetime_years
    if keep and lives[0][0] + item.lifetime_years >= end - SAME_TIME:
        return None  # it is not past its life: the stay without `keep` is the same
    paid = tuple(lives[1:] if existing else lives)
    capital, sold = _capital(finance, item, lives, paid, last_year, lasts=lasts)
    years = range(first_year, last_year + 1)
    upkeep = tuple(line for year in years for line in _upkeep(item, lives, year, lasts=lasts))
    share = {year: 1 - item.at_age(_age_in(lives, year, lasts=lasts)).out_pct / 100 for year in years}
    return Stay(first_year, last_year, existing, paid, sold, upkeep, share, capital, keep)


def _age_in(lives: Sequence[tuple[float, float]], year: int, *, lasts: bool) -> float:
    """Return the age that the unit which stands at the start of ``year`` reaches at its end (0: it does not age)."""
    if lasts:
        return 0.0
    return year - max(time for time, _ in lives if time <= year - 1 + SAME_TIME)


def _upkeep(
    item: Item, lives: Sequence[tuple[float, float]], year: int, *, lasts: bool
) -> Iterable[tuple[str, int, float]]:
    price = [price for time, price in lives if lasts or time <= year - 1 + SAME_TIME][-1]
    older = item.at_age(_age_in(lives, year, lasts=lasts)).maintenance_pct
    for category, pct in (("support", item.support_pct), ("maintenance", item.maintenance_pct + older)):
        if price * pct:
            yield category, year, price * pct / 100


def _capital(
    finance: Finance,
    item: Item,
    lives: Sequence[tuple[float, float]],
    paid: Sequence[tuple[float, float]],
    last_year: int,
    *,
    lasts: bool,
) -> tuple[float, float]:
    """Return (discounted cost of the purchases less the resale, undiscounted resale)."""
    charged = sum(price * finance.purchase_factor(time, item.lifetime_years) for time, price in paid)
    if last_year >= finance.horizon_years or lasts:
        return charged, 0.0
    time, price = lives[-1]
    resale = price * item.resale_share(last_year - time)
    if resale <= 0:
        return charged, 0.0
    sold = -resale * (1 + finance.rate) ** -last_year
    sold += sum(price * finance.purchase_factor(time, item.lifetime_years) for time, price in paid[:-1])
    sold += sum(price * (1 + finance.rate) ** -time for time, price in paid[-1:])
    return (sold, resale) if sold < charged else (charged, 0.0)


def stays(
    finance: Finance,
    item: Item,
    starts: Sequence[int],
    *,
    existing_age: float | None = None,
    every: bool = False,
) -> list[Stay]:
    """Return the stays worth considering of units bought at the start of each year of ``starts`` (or existing ones).

    They end with the year before a later start, or with the horizon. A stay renewed at a start is left out: it is a
    stay up to then and another from then on. Of the others one is left out where another that begins with it, lasts at
    least as long, keeps as many in service and costs no more is there. With ``every`` all are returned.
    """
    ends = [*(year - 1 for year in starts if year > 1), finance.horizon_years]
    boundaries = {float(year - 1) for year in starts}
    found: list[Stay] = []
    for first in [1] if existing_age is not None else starts:
        of_first = []
        for last in ends:
            if last < first:
                continue
            for keep in (False, True):
                one = stay(finance, item, first, last, age_years=existing_age, keep=keep)
                if one is None:
                    continue
                renewed = [time for time, _ in (one.paid if one.existing else one.paid[1:])]
                if every or not any(abs(time - start) < SAME_TIME for time in renewed for start in boundaries):
                    of_first.append(one)
        found += of_first if every else _undominated(finance, of_first)
    return found


def _undominated(finance: Finance, of_first: list[Stay]) -> list[Stay]:
    costs = {id(one): one.discounted_usd(finance) for one in of_first}
    kept: list[Stay] = []
    for one in sorted(of_first, key=lambda s: (-s.last_year, costs[id(s)])):
        if not any(
            costs[id(other)] <= costs[id(one)] and all(other.in_service[y] >= s for y, s in one.in_service.items())
            for other in kept
        ):
            kept.append(one)
    return sorted(kept, key=lambda s: (s.first_year, s.last_year))
