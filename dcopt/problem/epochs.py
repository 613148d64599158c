"""Epochs: the years from one purchase date to the next, and the problem as it is seen in one of them.

Seen in an epoch a problem has the jobs and services of those years, the prices of its first year, and everything that
may stand by then: what is for sale, was for sale before, or exists already. What really stands is decided over all
epochs together, so limits of purchases are left to whoever does that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from dcopt.problem.columns import Row
from dcopt.problem.demand import is_alive
from dcopt.problem.moves import can_be_moved_to
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Offer

UNPRICED = ("fabrics", "software", "compression", "speculation")
"""Tables whose rows are only chosen: where an offer has an end, they are used no longer."""
BUILDING = "sites"
"""The table under which a building that is paid by the kW is bought."""


@dataclass(frozen=True)
class Epoch:
    """The years from a purchase date to the one before the next; ``index`` counts from 0."""

    index: int
    first_year: int
    last_year: int

    @property
    def years(self) -> tuple[int, ...]:
        """Its years, ascending."""
        return tuple(range(self.first_year, self.last_year + 1))


def epochs_of(problem: Problem) -> tuple[Epoch, ...]:
    """Return the epochs of the horizon; one if everything is bought at its start."""
    dates = problem.settings.purchase_dates
    ends = (*(date - 1 for date in dates[1:]), problem.settings.horizon_years)
    return tuple(Epoch(index, *span) for index, span in enumerate(zip(dates, ends, strict=True)))


def epoch_years(problem: Problem, year: int) -> tuple[int, ...]:
    """Return the years of the epoch that holds ``year`` (none: it is not of the horizon)."""
    return next((epoch.years for epoch in epochs_of(problem) if year in epoch.years), ())


def offer_for(problem: Problem, table: str, name: str, site: str) -> Offer | None:
    """Return the offer by which a row is bought at ``site`` (its own goes first), or None."""
    for place in (site, "*"):
        offer = problem.offers.get(f"{table}/{name}/{place}")
        if offer is not None:
            return offer
    return None


def price_in(problem: Problem, table: str, name: str, site: str, year: int) -> float | None:
    """Return what a unit costs that is bought at the start of ``year``, USD; None: not for sale at ``site`` then.

    `prices.csv` goes before the offer, the offer before the catalogue; the yearly change of the offer compounds from
    year 1 on the offer's or catalogue's price, and from the year of the last row of `prices.csv` on that one's.
    """
    if table == BUILDING:
        return problem.sites[name].build_usd_per_kw
    restricted = any(offer.table == table for offer in problem.offers.values())
    offer = offer_for(problem, table, name, site)
    if restricted and offer is None:
        return None
    row: Any = problem.tables[table][name]
    price = row.price_usd if offer is None or offer.price_usd is None else offer.price_usd
    since = 1
    given = [p for p in problem.prices.values() if (p.table, p.name) == (table, name) and p.year <= year]
    if given:
        last = max(given, key=lambda p: p.year)
        price, since = last.price_usd, last.year
    if price is None:
        return None
    if offer is None:
        return float(price)
    if not offer.available_from_year <= year <= (offer.available_to_year or math.inf):
        return None
    return float(price * (1 + offer.price_change_pct_per_year / 100) ** (year - since))


def last_price(problem: Problem, table: str, name: str, site: str, year: int) -> float | None:
    """Return the price in ``year``, or in the last year before it in which the row was for sale; None: never yet."""
    for past in range(year, 0, -1):
        price = price_in(problem, table, name, site, past)
        if price is not None:
            return price
    return None


def limits_in(problem: Problem, site: str, years: tuple[int, ...]) -> tuple[float | None, int | None]:
    """Return (grid limit in kW, rack positions) that hold in all of ``years``: the least of them."""
    row = problem.sites[site]
    power, positions = [], []
    for year in years:
        steps = sorted(
            (s for s in problem.limits.values() if s.site == site and s.year <= year),
            key=lambda s: s.year,
            reverse=True,
        )
        power.append(next((s.power_kw for s in steps if s.power_kw is not None), row.power_limit_kw))
        positions.append(next((s.positions for s in steps if s.positions is not None), row.rack_positions))
    known_kw = [kw for kw in power if kw is not None]
    known = [count for count in positions if count is not None]
    return min(known_kw, default=None), min(known, default=None)


def seen_in(problem: Problem, epoch: Epoch) -> Problem:
    """Return ``problem`` as it is seen in an epoch."""
    horizon = problem.settings.horizon_years
    tables: dict[str, Mapping[str, Row]] = dict(problem.tables)
    for table in ("training", "inference"):
        rows = cast("Mapping[str, Any]", problem.tables[table])
        tables[table] = {k: row for k, row in rows.items() if any(is_alive(row, y, horizon) for y in epoch.years)}
    tables["sites"] = {name: _site_in(problem, name, epoch) for name in problem.sites}
    tables["offers"] = _offers_in(problem, epoch)
    tables["existing"] = {}
    for table in {offer.table for offer in problem.offers.values()}:
        if not any(cast(Offer, offer).table == table for offer in tables["offers"].values()):
            tables[table] = {}
    for table in _priced_tables(problem):
        tables[table] = {name: _priced(problem, table, name, row, epoch) for name, row in tables[table].items()}
    settings = problem.settings.model_copy(
        update={"capex_limit_usd": None, "max_vendor_pct": 100.0, "embodied_limit_t": None}
    )
    there = problem.stood | {(row.site, row.table, row.name) for row in problem.existing.values()}
    return replace(problem, settings=settings, tables=tables, window=(epoch.first_year, epoch.last_year), stood=there)


def views_of(problem: Problem) -> tuple[Problem, ...]:
    """Return the problem as it is seen in each epoch; none if everything is bought at the start of the horizon."""
    epochs = epochs_of(problem)
    return tuple(seen_in(problem, epoch) for epoch in epochs) if len(epochs) > 1 or problem.is_staged else ()


def _site_in(problem: Problem, name: str, epoch: Epoch) -> Row:
    power, positions = limits_in(problem, name, epoch.years)
    return problem.sites[name].model_copy(update={"power_limit_kw": power, "rack_positions": positions})


def _offers_in(problem: Problem, epoch: Epoch) -> dict[str, Row]:
    """Return the offers of what may stand, at its price, with room for what exists; no order has a minimum."""
    found: dict[str, Row] = {}
    for key, offer in problem.offers.items():
        ended = (offer.available_to_year or math.inf) < epoch.first_year and offer.table in UNPRICED
        if offer.available_from_year > epoch.first_year or ended:
            continue
        there = sum(
            row.units
            for row in problem.existing.values()
            if (row.table, row.name) == (offer.table, offer.name) and offer.site in (None, row.site)
        )
        most = None if offer.max_units is None else offer.max_units + there
        price = offer.price_usd
        if price is not None:
            price = _price_seen(problem, offer.table, offer.name, offer.site or next(iter(problem.sites)), epoch)
        found[key] = offer.model_copy(update={"max_units": most, "min_units": None, "price_usd": price})
    restricted = {offer.table for offer in problem.offers.values()}
    for row in problem.existing.values():
        keys = (f"{row.table}/{row.name}/{row.site}", f"{row.table}/{row.name}/*")
        if row.table in restricted and not any(key in found for key in keys):
            price = problem.offers[keys[0]].price_usd if keys[0] in problem.offers else None
            price = getattr(problem.tables[row.table][row.name], "price_usd", None) if price is None else price
            found[keys[0]] = Offer.model_validate(
                {"table": row.table, "name": row.name, "site": row.site, "price_usd": price or 0.0}
                | {"max_units": row.units}
            )
    found.update(_movable(problem, found, restricted, epoch))
    return found


def _movable(problem: Problem, found: dict[str, Row], restricted: Iterable[str], epoch: Epoch) -> dict[str, Row]:
    """Return offers of what may come from another site, where none says that it can be had."""
    more: dict[str, Row] = {}
    known = cast("dict[str, Offer]", found)
    for table in sorted({*restricted} & {move.table for move in problem.moves.values()}):
        for name in sorted({offer.name for offer in known.values() if offer.table == table}):
            for site in problem.sites:
                key = f"{table}/{name}/{site}"
                if (
                    can_be_moved_to(problem, table, name, site)
                    and key not in found
                    and f"{table}/{name}/*" not in found
                ):
                    price = _price_seen(problem, table, name, site, epoch)
                    cells = {"table": table, "name": name, "site": site, "price_usd": price}
                    more[key] = Offer.model_validate(cells)
    return more


def _priced_tables(problem: Problem) -> set[str]:
    return {price.table for price in problem.prices.values()} | {
        row.table for row in problem.existing.values() if row.table in problem.tables
    }


def _price_seen(problem: Problem, table: str, name: str, site: str, epoch: Epoch) -> float:
    price = last_price(problem, table, name, site, epoch.first_year)
    return price if price is not None else float(getattr(problem.tables[table][name], "price_usd", None) or 0.0)


def _priced(problem: Problem, table: str, name: str, row: Row, epoch: Epoch) -> Row:
    """Return a row at the price of the epoch; what exists without one counts as had for nothing."""
    there = any((e.table, e.name) == (table, name) for e in problem.existing.values())
    given = any((p.table, p.name) == (table, name) for p in problem.prices.values())
    if not given and not (there and getattr(row, "price_usd", None) is None):
        return row
    return row.model_copy(update={"price_usd": _price_seen(problem, table, name, next(iter(problem.sites)), epoch)})
