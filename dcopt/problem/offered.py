"""What can be had where, at which price: the catalogue as `offers.csv` and `existing.csv` leave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcopt.problem.lead import can_stand_from, stood
from dcopt.problem.problem import Problem


@dataclass(frozen=True)
class Offered:
    """A row that can be had at a site. ``price_usd`` is None where it can only be rented or exists already."""

    name: str
    row: Any
    price_usd: float | None
    max_units: int | None
    min_units: int
    existing_units: int


@dataclass(frozen=True)
class VolumeOffer:
    """An offer whose price changes with the quantity: its key and (quantity from which, price)."""

    key: str
    breaks: tuple[tuple[int, float], ...]
    all_units: bool
    """Whether a price is for the whole order, not for the units beyond its quantity."""


def volume_offer(problem: Problem, table: str, name: str, site: str) -> VolumeOffer | None:
    """Return the offer by whose volume prices a row is bought at ``site`` (its own goes first), or None."""
    here = [
        (key, offer)
        for key, offer in problem.offers.items()
        if (offer.table, offer.name) == (table, name) and offer.site in (None, site)
    ]
    here.sort(key=lambda pair: pair[1].site is None)
    if not here or not here[0][1].price_breaks:
        return None
    key, offer = here[0]
    return VolumeOffer(key, offer.price_breaks, offer.volume_rule == "all-units")


def price_of(offer: Offered) -> float:
    """Return the price of an offered row, USD; where it is not for sale, what the catalogue says (its upkeep)."""
    return float(offer.row.price_usd or 0.0) if offer.price_usd is None else offer.price_usd


def existing_units(problem: Problem, site: str, table: str, name: str) -> int:
    """Units of a row that stand at ``site`` already."""
    return sum(row.units for row in problem.existing.values() if (row.site, row.table, row.name) == (site, table, name))


def offered(problem: Problem, table: str, site: str) -> Mapping[str, Offered]:
    """Return what of ``table`` can be had at ``site``, by name.

    At cloud sites rows with a rent, elsewhere rows with a price (the offer's before the catalogue's) or existing
    units; nodes at a power cap wherever the node can be bought or stands. Tables without prices of their own (fabrics,
    software, compression, protection, codecs) are only restricted.
    """
    found: Mapping[str, Offered] | None = problem.known.get((offered, table, site))
    if found is None:
        found = problem.known[offered, table, site] = _offered(problem, table, site)
    return found


def _offered(problem: Problem, table: str, site: str) -> dict[str, Offered]:
    rows: dict[str, Any] = dict(_rows(problem, table))
    offers = [offer for offer in problem.offers.values() if offer.table == table]
    restricted = bool(offers)
    is_cloud = problem.sites[site].kind == "cloud"
    result: dict[str, Offered] = {}
    for name, row in rows.items():
        if is_cloud and name not in problem.tables[table]:
            continue  # who rents can neither cap nodes nor cut up networks
        bought_as = _bought_as(table, row)
        there = existing_units(problem, site, table, bought_as)
        here = [offer for offer in offers if offer.name == bought_as and offer.site in (None, site)]
        here.sort(key=lambda offer: offer.site is None)  # an offer for this site goes before one for every site
        if restricted and not here and not there:
            continue
        offer = here[0] if here else None
        price = getattr(row, "price_usd", None)
        if offer is not None and offer.price_usd is not None:
            price = offer.price_usd
        if (restricted and offer is None) or not _in_time(problem, site, table, bought_as):
            price = None
        if not _can_be_had(row, is_cloud=is_cloud, price=price, there=there):
            continue
        limit = min((o.max_units for o in here if o.site == site and o.max_units is not None), default=None)
        least = max((o.min_units for o in here if o.min_units is not None), default=0)
        result[name] = Offered(name, row, price, limit, least, there)
    return result


def _in_time(problem: Problem, site: str, table: str, name: str) -> bool:
    """Whether what is bought of a row stands in time; of what stood before, seen in an epoch, stocks decide."""
    if problem.window is not None and stood(problem, site, table, name):
        return True
    return can_stand_from(problem, site, table, name, problem.years)


def _rows(problem: Problem, table: str) -> Mapping[str, Any]:
    """Return the rows of a table, and of nodes and fabrics what follows from them: power caps and islands."""
    return {"nodes": problem.nodes, "fabrics": problem.fabrics}.get(table) or problem.tables[table]


def _bought_as(table: str, row: Any) -> str:
    """Return the name of the row that offers and existing units speak of."""
    if table == "nodes":
        row = row.uncapped
    elif table == "fabrics":
        row = row.listed
    return str(row.name)


def _can_be_had(row: Any, *, is_cloud: bool, price: float | None, there: int) -> bool:
    if is_cloud:
        rent = getattr(row, "rent_usd_per_hour", getattr(row, "rent_usd_per_tb_month", 0.0))
        return rent is not None
    return "price_usd" not in type(row).model_fields or price is not None or there > 0


def shared_limits(problem: Problem, table: str) -> dict[str, int]:
    """Return the most units of each row that all sites together can have (offers without a site)."""
    return {
        offer.name: offer.max_units
        for offer in problem.offers.values()
        if offer.table == table and offer.site is None and offer.max_units is not None
    }
