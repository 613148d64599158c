"""Stocks: what is bought at each purchase date, how long it stands, and that it covers the need of every epoch.

    Σ_{v ≤ e ≤ w} in_service[v,w,e]·b[s,row,v,w] ≥ need[s,row,e]         what the blocks of an epoch put on its ledger
    Σ_w b[s,row,0,w] ≤ existing[s,row]
    Σ_{v ≤ e ≤ w, v ≥ 1} b + rented[e] ≤ max_units                      standing at once, beyond what exists
    min_units·some[v] ≤ Σ_w b[v,w] ≤ most·some[v]                       an order
    Σ purchases of a vendor ≤ share·Σ purchases;   Σ embodied·purchases ≤ embodied_limit_t
    Σ price·purchases ≤ capex_limit_usd

b[v,w] units stand from the start of epoch v to the end of epoch w and cost what `dcopt.economics.stock` says. Epochs
are linked by little else (block `rebuild`): what stands at a site may serve another pool, fabric or rack in the next
epoch, and go to another site where `moves.csv` allows it (`dcopt.formulation.moves`). What stands
and is not needed is switched off: it draws nothing and takes no room, but is supported and maintained until it goes.
"""

from __future__ import annotations

import math
from typing import Any

import pyomo.environ as pyo

from dcopt.design.records import Asset, AssetMove
from dcopt.economics.items import age_of_existing, item_of
from dcopt.economics.ledger import CapitalLine, RunningLine, tco_terms
from dcopt.economics.stock import Item, Stay, stays
from dcopt.formulation import first_purchase, moves, volume
from dcopt.formulation.cost import limited_capex
from dcopt.formulation.expressions import number, total, upper_bound
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Stock
from dcopt.problem.epochs import BUILDING, Epoch, epochs_of
from dcopt.problem.lead import can_be_renewed_at, can_stand_from

CONTINUOUS = (BUILDING, "adders")
"""Tables of which any quantity can be bought."""


def link(root: Program) -> None:
    """Declare the stocks of all epochs, cover what the epochs need, keep the limits of purchases, and say the cost."""
    needs: dict[tuple[str, str, str], tuple[str, list[Any]]] = {}
    for index, part in enumerate(root.epochs):
        for line in part.ledger.capital:
            key = (line.site, line.table, line.row)
            of_key = needs.setdefault(key, (line.category, [0.0] * len(root.epochs)))[1]
            of_key[index] = of_key[index] + line.quantity
    for (site, table, row), (category, by_epoch) in needs.items():
        root.stocks.append(Stock(site, category, table, row, by_epoch))
    root.stocks += first_purchase.stocks_beyond(root, needs)
    for stock in root.stocks:
        _declare(root, stock)
    first_purchase.link(root, limited=lambda stock: _limited(root, stock))
    moves.link(root)
    for stock in root.stocks:
        _cover(root, stock)
    _most_units(root)
    _orders(root)
    volume.link_dates(root)
    _buyers_limits(root)
    _objectives(root)


def _limited(root: Program, stock: Stock) -> bool:
    """Whether offers limit a row or price it by volume, so that one that stands longer is not always as good."""
    return any(
        (offer.table, offer.name) == (stock.table, stock.row)
        and (offer.max_units is not None or offer.min_units or offer.price_breaks)
        for offer in root.problem.offers.values()
    )


def _declare(root: Program, stock: Stock) -> None:
    item = item_of(root.problem, stock.site, stock.table, stock.row)
    dates = root.problem.settings.purchase_dates
    every = root.all_stays or _limited(root, stock)
    for one in stays(root.finance, item, dates, every=every):
        if _in_time(root, stock, one):
            _column(root, stock, item, one, len(stock.columns))
    there = [
        row
        for row in root.problem.existing.values()
        if (row.site, row.table, row.name) == (stock.site, stock.table, stock.row)
    ]
    for row in there:
        begin = len(stock.columns)
        for one in stays(root.finance, item, dates, existing_age=age_of_existing(row.age_years), every=every):
            if _in_time(root, stock, one):
                _column(root, stock, item, one, len(stock.columns), most=float(row.units))
        root.require(
            "existing",
            (row.site, row.table, row.name),
            total(units for _, units in stock.columns[begin:]) <= row.units,
            row=f"existing.csv: {row.site}/{row.table}/{row.name} units",
            sentence=f"no more than the {row.units} existing {row.name} at {row.site} are used",
        )


def _in_time(root: Program, stock: Stock, one: Stay) -> bool:
    """Whether everything that a stay buys comes in time, ordered on the first day of orders."""
    where = (root.problem, stock.site, stock.table, stock.row)
    if not one.existing:
        years = next(epoch.years for epoch in epochs_of(root.problem) if epoch.first_year == one.first_year)
        if not can_stand_from(*where, years):
            return False
    return can_be_renewed_at(*where, [time for time, _ in (one.paid if one.existing else one.paid[1:])])


def _cover(root: Program, stock: Stock) -> None:
    """Let what stands at a site cover the need of every epoch."""
    for epoch, need in zip(epochs_of(root.problem), stock.needs, strict=True):
        if isinstance(need, float) and not need:
            continue
        root.require(
            "stands",
            (stock.site, stock.table, stock.row, epoch.index),
            total(share * units for share, units in standing(root, stock, epoch)) >= need,
            row=f"settings.csv: purchase_years {epoch.first_year}",
            sentence=f"what stands of {stock.row} at {stock.site} covers the need from year {epoch.first_year} on",
        )


def _column(root: Program, stock: Stock, item: Item, one: Stay, index: int, most: float = math.inf) -> None:
    sharing = moves.group_of(root, stock) if root.problem.moves else [stock]
    needs = [
        sum(upper_bound(other.needs[epoch.index]) for other in sharing)
        / min(one.in_service[year] for year in epoch.years)
        for epoch in epochs_of(root.problem)
        if one.first_year <= epoch.first_year and epoch.last_year <= one.last_year
    ]
    least = root.least_offered(stock.site, stock.table, stock.row) if not one.existing else 0
    integer = stock.table not in CONTINUOUS
    largest = max([0.0, *needs, float(least), first_purchase.most_given(root, stock, one)])
    bound = min(most, math.ceil(largest - 1e-9) if integer else largest)
    units = root.var("stand", (stock.site, stock.table, stock.row, index), ub=bound, integer=integer)
    stock.columns.append((one, units))
    price = one.paid[0][1] if one.paid else item.sunk_price_usd
    line = CapitalLine(stock.site, stock.category, stock.table, stock.row, units, price, item.lifetime_years, one)
    root.ledger.buy(line)
    for category, year, usd in one.upkeep:
        root.ledger.pay(RunningLine(stock.site, category, units, usd, (year,)))


def standing(root: Program, stock: Stock, epoch: Epoch) -> list[tuple[float, Any]]:
    """Return (share in service, units) of what stands at the site of a stock in all years of an epoch."""
    return [
        (min(one.in_service[year] for year in epoch.years), units) for one, units in moves.located(root, stock, epoch)
    ]


def _of_offer(root: Program, table: str, name: str, site: str | None) -> list[Stock]:
    return [s for s in root.stocks if (s.table, s.row) == (table, name) and site in (None, s.site)]


def _most_units(root: Program) -> None:
    for offer in root.problem.offers.values():
        if offer.max_units is None:
            continue
        stocks = _of_offer(root, offer.table, offer.name, offer.site)
        for epoch, part in zip(epochs_of(root.problem), root.epochs, strict=True):
            there = [
                units
                for stock in stocks
                for one, units in stock.columns
                if not one.existing and one.first_year <= epoch.first_year and epoch.last_year <= one.last_year
            ]
            if not there:
                continue
            rented = [
                part.model.work[key]
                for key, pool in part.candidates.pools.items()
                if offer.table == "nodes" and pool.rented and pool.node.name == offer.name
                if offer.site in (None, pool.site)
            ]
            root.require(
                "offer_most",
                (offer.table, offer.name, offer.site or "*", epoch.index),
                total(there) + total(rented) <= offer.max_units,
                row=f"offers.csv: {offer.table}/{offer.name}/{offer.site or '*'} max_units",
                sentence=f"no more than {offer.max_units} {offer.name} at once",
            )


def _orders(root: Program) -> None:
    for offer in root.problem.offers.values():
        stocks = _of_offer(root, offer.table, offer.name, offer.site)
        for date in root.problem.settings.purchase_dates if offer.min_units else ():
            ordered = [
                units for stock in stocks for one, units in stock.columns if not one.existing and one.first_year == date
            ]
            if not ordered:
                continue
            key = (offer.table, offer.name, offer.site or "*", date)
            some = root.var("some", key, ub=1, binary=True)
            root.require(
                "offer_least",
                key,
                total(ordered) >= (offer.min_units or 0) * some,
                row=f"offers.csv: {offer.table}/{offer.name}/{offer.site or '*'} min_units",
                sentence=f"an order of {offer.name} is of {offer.min_units} or more",
            )
            root.require("offer_some", key, total(ordered) <= upper_bound(total(ordered)) * some)


def nodes_bought(root: Program) -> list[tuple[Stock, int, Any]]:
    """Return (stock, year, units) of every purchase of nodes, those at the end of a life included."""
    return [
        (stock, int(time + 1e-9) + 1, units)
        for stock in root.stocks
        if stock.table == "nodes"
        for one, units in stock.columns
        for time, _ in one.paid
    ]


def _buyers_limits(root: Program) -> None:
    settings = root.problem.settings
    bought = nodes_bought(root)
    everything = total(units for _, _, units in bought)
    share = settings.max_vendor_pct / 100
    vendors = {root.problem.vendor_of(stock.row) for stock, _, _ in bought}
    for vendor in sorted(vendors) if share < 1 else ():
        root.require(
            "vendor_share",
            vendor,
            total(units for stock, _, units in bought if root.problem.vendor_of(stock.row) == vendor)
            <= share * everything,
            row="settings.csv: max_vendor_pct",
            sentence=f"{vendor or 'no vendor'} delivers no more than {100 * share:g} % of the bought nodes",
        )
    if settings.embodied_limit_t is not None:
        nodes = root.problem.nodes
        root.require(
            "embodied_limit",
            "all",
            total(nodes[stock.row].embodied_kgco2 / 1000 * units for stock, _, units in bought)
            <= settings.embodied_limit_t,
            row="settings.csv: embodied_limit_t",
            sentence=f"making the bought nodes emits no more than {settings.embodied_limit_t:g} t",
        )


def _objectives(root: Program) -> None:
    settings = root.problem.settings
    for part in root.epochs:
        root.ledger.running += part.ledger.running
    capex = limited_capex(root)
    root.objectives = {
        "tco": total(tco_terms(root.ledger, root.finance)),
        "capex": capex,
        "carbon": total(part.objectives["carbon"] for part in root.epochs),
        "energy": total(part.objectives["energy"] for part in root.epochs),
    }
    root.model.objective = pyo.Objective(expr=root.objectives[settings.objective], sense=pyo.minimize)


def settle(root: Program) -> None:
    """Cover the exact needs of a solved program: losses that were settled may move what is bought by any quantity."""
    for stock in root.stocks:
        if stock.table not in CONTINUOUS:
            continue
        for epoch, need in zip(epochs_of(root.problem), stock.needs, strict=True):
            there = standing(root, stock, epoch)
            lacking = number(need) - sum(share * number(units) for share, units in there)
            if lacking > 0 and there:
                share, units = max(there, key=lambda pair: number(pair[1]))
                units.set_value(number(units) + lacking / share, skip_validation=True)


def extract(root: Program) -> list[Asset]:
    """Return what stands from when to when."""
    found = []
    for stock in root.stocks:
        whole_units = stock.table not in CONTINUOUS
        for index, (one, units) in enumerate(stock.columns):
            way = stock.ways.get(index)
            count = number(units)
            parts = [(float(round(count)) if whole_units else count, ())] if way is None else moves.paths(way)
            found += [_asset(stock, one, float(part), path) for part, path in parts if part > 1e-9]
    return found


def _asset(stock: Stock, one: Stay, count: float, path: tuple[AssetMove, ...]) -> Asset:
    return Asset(
        site=stock.site,
        category=stock.category,
        table=stock.table,
        name=stock.row,
        bought_year=0 if one.existing else one.first_year,
        gone_year=one.last_year,
        units=count,
        unit_price_usd=one.paid[0][1] if one.paid else 0.0,
        resale_usd=count * one.sold_usd,
        kept=one.kept,
        moves=path,
    )
