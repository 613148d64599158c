"""Prices by volume over several purchase dates: every order is paid at prices of its bands, and no unit below them."""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import Design, RebateRecord
from dcopt.economics.ledger import Ledger, RebateLine
from dcopt.economics.volume import bands_in
from dcopt.problem.offered import volume_offer
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, ledger: Ledger, checker: Checker) -> None:
    """Check what is paid below its list price, and take it off the ledger."""
    ordered: dict[tuple[str, int], float] = defaultdict(float)
    for asset in design.assets:
        offer = volume_offer(problem, asset.table, asset.name, asset.site)
        if offer is not None and asset.bought_year:
            ordered[offer.key, asset.bought_year] += asset.units
    rebates: dict[tuple[str, int], list[RebateRecord]] = defaultdict(list)
    for rebate in design.rebates:
        offer = volume_offer(problem, rebate.table, rebate.name, rebate.site)
        place = f"rebate {rebate.name} at {rebate.site} of year {rebate.year}"
        checker.holds(place, offer is not None and rebate.units > 0, f"{rebate.units} units", "no prices by volume")
        if offer is not None:
            rebates[offer.key, rebate.year].append(rebate)
            _of_stay(problem, design, rebate, place, ledger, checker)
    for (key, year), units in ordered.items():
        _order(problem, key, year, units, rebates[key, year], checker)


def _of_stay(
    problem: Problem, design: Design, rebate: RebateRecord, place: str, ledger: Ledger, checker: Checker
) -> None:
    """Check that no more units of a stay are cheaper than there are, and take the saving off."""
    what = (rebate.site, rebate.table, rebate.name, rebate.year, rebate.gone_year, rebate.kept)
    alike = [a for a in design.assets if (a.site, a.table, a.name, a.bought_year, a.gone_year, a.kept) == what]
    same = (r.units for r in design.rebates if (r.site, r.table, r.name, r.year, r.gone_year, r.kept) == what)
    checker.at_most(f"{place} units", sum(same), sum(a.units for a in alike), "what comes and stands so long")
    bands = bands_in(problem, rebate.table, rebate.name, rebate.site, rebate.year)
    row = problem.tables[rebate.table][rebate.name]
    sold = any(a.resale_usd > 0 for a in alike)
    prices = (bands[0].price_usd, rebate.unit_price_usd, float(row.lifetime_years), sold)  # type: ignore[attr-defined]
    category = alike[0].category if alike else rebate.table
    ledger.rebates.append(
        RebateLine(rebate.site, category, rebate.table, rebate.name, rebate.units, rebate.year, *prices)
    )


def _order(problem: Problem, key: str, year: int, units: float, rebates: list[RebateRecord], checker: Checker) -> None:
    """Check that the units of an order lie in its bands: filled in turn, or all in the one that the total reaches."""
    table, name, site = key.split("/")
    site = next(iter(problem.sites)) if site == "*" else site
    offer = volume_offer(problem, table, name, site)
    assert offer is not None
    bands = bands_in(problem, table, name, site, year)
    place = f"order {key} of year {year}"
    by_price: dict[float, float] = defaultdict(float)
    for rebate in rebates:
        by_price[rebate.unit_price_usd] += rebate.units
    listed = units - sum(by_price.values())
    known = {band.price_usd for band in bands[1:]}
    checker.holds(f"{place} prices", set(by_price) <= known, f"{sorted(by_price)}", f"bands at {sorted(known)}")
    if offer.all_units:
        reached = next(band for band in reversed(bands) if units >= band.first or band is bands[0])
        expected = {} if reached.price_usd == bands[0].price_usd else {reached.price_usd: units}
        checker.same(f"{place} prices of all units", dict(by_price), expected)
        return
    allowed: dict[float, float] = defaultdict(float)
    for band in bands:
        last = units if band.last is None else min(units, band.last)
        allowed[band.price_usd] += max(0.0, last - band.first + 1)
    checker.equal(f"{place} units at the list price", listed, allowed.pop(bands[0].price_usd, 0.0))
    for price in sorted(set(by_price) | set(allowed)):
        checker.equal(f"{place} units at {price:g} USD", by_price.get(price, 0.0), allowed.get(price, 0.0))
