"""Moves: units that stand at one site go to another between two epochs, at a cost (`moves.csv`).

    there[k,e,s] = there[k,e−1,s] + Σ_a move[k,e,a,s] − Σ_b move[k,e,s,b]        for every stay k that may be moved
    there[k,first,origin] = b[k]                                              (what exists may be moved in epoch 1)

``there`` of all stays of a row counts at a site as what stands there (block `stocks`). A stay that is bought again
while it stands is not moved. Support and maintenance, the bill of materials and the limits of offers stay with the
site for which it was bought.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dcopt.design.records import Asset, AssetMove
from dcopt.economics.items import item_of
from dcopt.economics.ledger import RunningLine
from dcopt.economics.stock import Stay
from dcopt.formulation.expressions import total, whole
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Stock
from dcopt.problem.epochs import Epoch, epochs_of
from dcopt.problem.moves import move_of, usd_each


@dataclass
class Way:
    """Where the units of one stay are: by epoch and site, and what moves at the start of an epoch."""

    origin: Stock
    stay: Stay
    units: Any
    epochs: tuple[Epoch, ...]
    there: dict[tuple[int, str], Any] = field(default_factory=dict)
    moved: dict[tuple[int, str, str], Any] = field(default_factory=dict)


def group_of(root: Program, stock: Stock) -> list[Stock]:
    """Return the stocks of the same row at all sites."""
    return [other for other in root.stocks if (other.table, other.row) == (stock.table, stock.row)]


def link(root: Program) -> None:
    """Declare where the units of every stay that may be moved are, and pay for their moves."""
    for stock in root.stocks if root.problem.moves else ():
        sites = [other.site for other in group_of(root, stock)]
        pairs = [(a, b) for a in sites for b in sites if a != b and move_of(root.problem, stock.table, stock.row, a, b)]
        for index, (one, units) in enumerate(stock.columns if pairs else ()):
            epochs = tuple(
                epoch
                for epoch in epochs_of(root.problem)
                if one.first_year <= epoch.first_year and epoch.last_year <= one.last_year
            )
            renewed = len(one.paid) > (0 if one.existing else 1)
            if renewed or not _reached(stock.site, pairs) or len(epochs) < (1 if one.existing else 2):
                continue
            stock.ways[index] = _way(root, stock, index, Way(stock, one, units, epochs), pairs)


def _reached(origin: str, pairs: list[tuple[str, str]]) -> set[str]:
    """Return the sites that units may get to from ``origin``, one move after another."""
    found = {origin}
    for _ in pairs:
        found |= {b for a, b in pairs if a in found}
    return found - {origin}


def _way(root: Program, stock: Stock, index: int, way: Way, pairs: list[tuple[str, str]]) -> Way:
    sites = [stock.site, *sorted(_reached(stock.site, pairs))]
    item = item_of(root.problem, stock.site, stock.table, stock.row)
    price = way.stay.paid[0][1] if way.stay.paid else item.sunk_price_usd
    key = (stock.site, stock.table, stock.row, index)
    before: dict[str, Any] = {stock.site: way.units}
    for place, epoch in enumerate(way.epochs):
        if place == 0 and not way.stay.existing:
            way.there[epoch.index, stock.site] = way.units
            continue
        into: dict[str, list[Any]] = {site: [] for site in sites}
        out: dict[str, list[Any]] = {site: [] for site in sites}
        for a, b in pairs:
            if a not in before or b not in sites:
                continue
            moved = root.var("move", (*key, epoch.index, a, b), ub=way.units.ub, integer=True)
            way.moved[epoch.index, a, b] = moved
            out[a].append(moved)
            into[b].append(moved)
            row = move_of(root.problem, stock.table, stock.row, a, b)
            assert row is not None
            root.ledger.pay(RunningLine(a, "moving", moved, usd_each(row, price), (epoch.first_year,)))
        now: dict[str, Any] = {}
        for site in sites:
            if site not in before and not into[site]:
                continue
            there = root.var("there", (*key, epoch.index, site), ub=way.units.ub, integer=True)
            came = before.get(site, 0.0) + total(into[site]) - total(out[site])
            root.require("there", (*key, epoch.index, site), there == came)
            root.require("leaves", (*key, epoch.index, site), total(out[site]) <= before.get(site, 0.0))
            way.there[epoch.index, site] = now[site] = there
        before = now
    return way


def located(root: Program, stock: Stock, epoch: Epoch) -> list[tuple[Stay, Any]]:
    """Return (stay, units) of what stands at the site of a stock in an epoch, wherever it was bought."""
    found = [
        (one, units)
        for index, (one, units) in enumerate(stock.columns)
        if index not in stock.ways and one.first_year <= epoch.first_year and epoch.last_year <= one.last_year
    ]
    for other in group_of(root, stock) if root.problem.moves else ():
        found += [
            (way.stay, way.there[epoch.index, stock.site])
            for way in other.ways.values()
            if (epoch.index, stock.site) in way.there
        ]
    return found


def paths(way: Way) -> list[tuple[int, tuple[AssetMove, ...]]]:
    """Return (units, moves) of a stay of a solved program: its flow taken apart into the ways that units go."""
    groups: list[tuple[int, str, tuple[AssetMove, ...]]] = [(whole(way.units), way.origin.site, ())]
    for epoch in way.epochs:
        flows = {(a, b): whole(moved) for (e, a, b), moved in way.moved.items() if e == epoch.index and whole(moved)}
        after = []
        for count, site, moves in groups:
            left = count
            for (a, b), wanted in flows.items():
                taken = min(left, wanted) if a == site else 0
                if taken:
                    after.append((taken, b, (*moves, AssetMove(year=epoch.first_year, site=b))))
                    flows[a, b] -= taken
                    left -= taken
            if left:
                after.append((left, site, moves))
        groups = after
    return [(count, moves) for count, _, moves in groups]


def hold(root: Program, date: int, bought: tuple[Asset, ...]) -> None:
    """Hold where units were in the epochs before ``date``, as ``bought`` tells."""
    for stock in root.stocks:
        mine = [a for a in bought if (a.site, a.table, a.name) == (stock.site, stock.table, stock.row)]
        keys = {
            (0 if way.stay.existing else way.stay.first_year, *key)
            for way in stock.ways.values()
            for key in way.there
            if key[1] != stock.site
        }
        for first, index, site in sorted(keys):
            epoch = epochs_of(root.problem)[index]
            if epoch.first_year >= date:
                continue
            there = total(
                way.there[index, site]
                for way in stock.ways.values()
                if (0 if way.stay.existing else way.stay.first_year) == first and (index, site) in way.there
            )
            were = sum(
                a.units
                for a in mine
                if a.bought_year == first and a.gone_year >= epoch.last_year and a.site_in(epoch.first_year) == site
            )
            root.require("held_there", (stock.site, stock.table, stock.row, first, index, site), there == were)
