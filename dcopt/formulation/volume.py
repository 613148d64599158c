"""Purchases at prices that fall with the volume of an order.

    Σ_k q[s,k] = units[s],   Q_k = Σ_s q[s,k]
    incremental: Q_k ≤ width_k,   Q_k ≥ width_k·z_{k+1},   Q_{k+1} ≤ most·z_{k+1}
    all units:   first_k·z_k ≤ Q_k ≤ last_k·z_k,   Σ_k z_k = 1

An offer without a site counts the orders of all sites together. Over several epochs there is an order for each offer
and purchase date: what comes new at that date, stay by stay (block stocks). Units that are bought again in between are
paid at the list price; upkeep and resale follow the list price too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dcopt.design.records import RebateRecord
from dcopt.economics.ledger import CapitalLine, RebateLine
from dcopt.economics.stock import Stay
from dcopt.economics.volume import Band, bands_in, bands_of, priced
from dcopt.formulation.expressions import number, total, upper_bound, whole
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Stock
from dcopt.problem.offered import VolumeOffer, volume_offer


def link(program: Program) -> None:
    """Split the purchases of rows that are priced by volume at their bands."""
    plain: list[CapitalLine] = []
    orders: dict[str, tuple[VolumeOffer, list[CapitalLine]]] = {}
    for line in program.ledger.capital:
        offer = volume_offer(program.problem, line.table, line.row, line.site)
        if offer is None:
            plain.append(line)
        else:
            orders.setdefault(offer.key, (offer, []))[1].append(line)
    for offer, lines in orders.values():
        plain += _in_bands(program, offer, lines)
    program.ledger.capital = plain


def _in_bands(program: Program, offer: VolumeOffer, lines: list[CapitalLine]) -> list[CapitalLine]:
    units = {
        site: total(line.quantity for line in lines if line.site == site)
        for site in program.problem.sites
        if any(line.site == site for line in lines)
    }
    bands = bands_of(lines[0].unit_price_usd, offer.breaks)
    most = upper_bound(total(units.values()))
    quantity: dict[tuple[str, int], Any] = {}
    for site, expression in units.items():
        for k in range(len(bands)):
            quantity[site, k] = program.var("ordered", (offer.key, site, k), ub=upper_bound(expression))
        ordered = total(quantity[site, k] for k in range(len(bands)))
        program.require("ordered", (offer.key, site), ordered == expression)
    sums = [total(quantity[site, k] for site in units) for k in range(len(bands))]
    if offer.all_units:
        _all_units(program, offer.key, bands, sums, most)
    else:
        _incremental(program, offer.key, bands, sums, most)
    program.orders.append((units, quantity, bands, offer.all_units))
    return [
        replace(lines[0], site=site, quantity=variable, unit_price_usd=bands[k].price_usd)
        for (site, k), variable in quantity.items()
    ]


def _all_units(program: Program, key: str, bands: tuple[Band, ...], sums: list[Any], most: float) -> None:
    reached = []
    for k, band in enumerate(bands):
        chosen = program.var("volume_reached", (key, k), ub=1, binary=True)
        reached.append(chosen)
        least = band.first if k else 0
        program.require("volume_most", (key, k), sums[k] <= min(most, band.last or most) * chosen)
        program.require("volume_least", (key, k), sums[k] >= least * chosen)
    program.require("one_volume", key, total(reached) == 1)


def _incremental(program: Program, key: str, bands: tuple[Band, ...], sums: list[Any], most: float) -> None:
    for k, band in enumerate(bands[:-1]):
        width = (band.last or 0) - band.first + 1
        beyond = program.var("volume_reached", (key, k), ub=1, binary=True)
        program.require("volume_most", (key, k), sums[k] <= width)
        program.require("volume_full", (key, k), sums[k] >= width * beyond)
        program.require("volume_beyond", (key, k), sums[k + 1] <= most * beyond)


def link_dates(root: Program) -> None:
    """Let the order of every purchase date be paid at the prices of its bands."""
    orders: dict[tuple[str, int], list[tuple[Stock, Stay, Any]]] = {}
    for stock in root.stocks:
        offer = volume_offer(root.problem, stock.table, stock.row, stock.site)
        if offer is None:
            continue
        for one, units in stock.columns:
            if not one.existing:
                orders.setdefault((offer.key, one.first_year), []).append((stock, one, units))
    for (key, year), columns in orders.items():
        stock = columns[0][0]
        offer = volume_offer(root.problem, stock.table, stock.row, stock.site)
        assert offer is not None
        bands = bands_in(root.problem, stock.table, stock.row, stock.site, year)
        sums: list[Any] = [0.0] * len(bands)
        for place, (bought, one, units) in enumerate(columns):
            in_bands = [
                root.var("ordered", (key, year, place, k), ub=units.ub, integer=True) for k in range(len(bands))
            ]
            root.require("ordered", (key, year, place), total(in_bands) == units)
            sums = [so_far + part for so_far, part in zip(sums, in_bands, strict=True)]
            for band, part in zip(bands[1:], in_bands[1:], strict=True):
                life = float(root.problem.tables[bought.table][bought.row].lifetime_years)  # type: ignore[attr-defined]
                prices = (bands[0].price_usd, band.price_usd, life, one.sold_usd > 0)
                rebate = RebateLine(bought.site, bought.category, bought.table, bought.row, part, year, *prices)
                root.ledger.rebates.append(rebate)
                root.rebated.append((one, rebate))
        most = upper_bound(total(units for _, _, units in columns))
        at = f"{key}/{year}"
        if offer.all_units:
            _all_units(root, at, bands, sums, most)
        else:
            _incremental(root, at, bands, sums, most)


def extract(root: Program) -> list[RebateRecord]:
    """Return what is paid below its list price over several epochs."""
    return [
        RebateRecord(
            site=line.site,
            table=line.table,
            name=line.row,
            year=line.year,
            gone_year=one.last_year,
            kept=one.kept,
            units=whole(line.quantity),
            unit_price_usd=line.price_usd,
        )
        for one, line in root.rebated
        if whole(line.quantity) and line.unit_usd
    ]


def settle_orders(program: Program) -> None:
    """Give the orders of a solved program the division among sites that everyone computes: first sites first."""
    for units, quantity, bands, all_units in program.orders:
        counts = {site: number(expression) for site, expression in units.items()}
        lines = priced(counts, bands, all_units=all_units)
        for (site, k), variable in quantity.items():
            value = sum(count for at, count, price in lines if at == site and price == bands[k].price_usd)
            alike = [j for j, band in enumerate(bands) if band.price_usd == bands[k].price_usd]
            variable.set_value(value if k == alike[0] else 0.0, skip_validation=True)
