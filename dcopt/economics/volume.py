"""Prices by volume: what an order of several sites costs where the price falls with the quantity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from dcopt.economics.ledger import CapitalLine
from dcopt.problem.epochs import price_in
from dcopt.problem.offered import volume_offer
from dcopt.problem.problem import Problem


@dataclass(frozen=True)
class Band:
    """The units of an order from ``first`` on (1 is the first unit), up to ``last`` (None: any more), at one price."""

    first: int
    last: int | None
    price_usd: float


def bands_of(base_price_usd: float, breaks: tuple[tuple[int, float], ...]) -> tuple[Band, ...]:
    """Return the bands of a price list: the base price up to the first break, (units from, price) from there on."""
    starts = [(1, base_price_usd), *breaks]
    bands = [Band(first, then - 1, price) for (first, price), (then, _) in pairwise(starts)]
    return (*bands, Band(starts[-1][0], None, starts[-1][1]))


def bands_in(problem: Problem, table: str, name: str, site: str, year: int) -> tuple[Band, ...]:
    """Return the bands of an order of ``year``: all prices of the list have changed as the first one has.

    Raises
    ------
    ValueError: the row is not for sale then, or has no prices by volume.
    """
    offer = volume_offer(problem, table, name, site)
    now = price_in(problem, table, name, site, year)
    if offer is None or now is None:
        raise ValueError(f"{name} is not for sale by volume at {site} in year {year}")
    row = problem.offers[offer.key]
    listed = getattr(problem.tables[table][name], "price_usd", None) if row.price_usd is None else row.price_usd
    change = now / listed if listed else 1.0
    return bands_of(now, tuple((units, price * change) for units, price in offer.breaks))


def priced(units: Mapping[str, float], bands: tuple[Band, ...], *, all_units: bool) -> list[tuple[str, float, float]]:
    """Return (site, units, price) of an order for several sites together, the first sites in the first bands.

    ``all_units``: the whole order is paid at the price of the band that its total reaches. Else (incremental) each
    unit at the price of the band that it lies in. Bands without units are left out.
    """
    if all_units:
        ordered = sum(units.values())
        band = next(b for b in reversed(bands) if ordered >= b.first or b.first == 1)
        return [(site, count, band.price_usd) for site, count in units.items() if count]
    lines = []
    room = [float("inf") if b.last is None else float(b.last - b.first + 1) for b in bands]
    index = 0
    for site, count in units.items():
        left = count
        while left > 1e-9:
            while room[index] <= 1e-9:
                index += 1
            part = min(left, room[index])
            lines.append((site, part, bands[index].price_usd))
            room[index] -= part
            left -= part
    return lines


def at_volume_prices(problem: Problem, lines: list[CapitalLine]) -> list[CapitalLine]:
    """Return purchases with those of rows that `offers.csv` prices by volume split at their bands.

    Orders of one offer count together, in the order of the sites of the problem.
    """
    plain: list[CapitalLine] = []
    orders: dict[str, list[CapitalLine]] = {}
    for line in lines:
        offer = volume_offer(problem, line.table, line.row, line.site)
        if offer is None:
            plain.append(line)
        else:
            orders.setdefault(offer.key, []).append(line)
    for of_offer in orders.values():
        first = of_offer[0]
        offer = volume_offer(problem, first.table, first.row, first.site)
        assert offer is not None
        units = {site: sum(line.quantity for line in of_offer if line.site == site) for site in problem.sites}
        bands = bands_of(first.unit_price_usd, offer.breaks)
        for site, count, price in priced(units, bands, all_units=offer.all_units):
            plain.append(replace(first, site=site, quantity=count, unit_price_usd=price))
    return plain
