"""The first of several purchases, where it is decided elsewhere: futures share it, and what is bought later adapts.

    first[s,row] = Σ_w b[s,row,v,w]          over the stays of block `stocks` that begin at the first date v
    first[s,row] = bought[s,row]             for every row, needed or not

So a future buys exactly what is given then, at its own price of that date, and within its own limits of offers, budgets
and lead times; how long the units stand, what is bought at later dates, rent and contracts are its own. Units beyond
its need stand switched off, or go at a later date as any others do. What follows the capital spent follows it in every
future by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dcopt.economics.items import item_of
from dcopt.economics.ledger import CapitalLine
from dcopt.economics.prices import CATEGORY, Part
from dcopt.economics.stock import Stay
from dcopt.formulation.expressions import number, total, upper_bound
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Stock

NOISE = 1e-9
"""Units below which nothing is bought."""


def stocks_beyond(root: Program, known: Iterable[Part]) -> list[Stock]:
    """Return stocks, needed in no epoch, of what is bought and not among the ``known`` rows."""
    if root.inventory is None:
        return []
    rows = [part for part, units in root.inventory.units.items() if part not in known and upper_bound(units) > 0]
    return [Stock(site, CATEGORY[table], table, row, [0.0] * len(root.epochs)) for site, table, row in rows]


def most_given(root: Program, stock: Stock, one: Stay) -> float:
    """Return how many units of a stay may be given from elsewhere."""
    if root.inventory is None or not _is_first(root, one):
        return 0.0
    units = upper_bound(root.inventory.units.get((stock.site, stock.table, stock.row), 0.0))
    return float(units) * (1 + root.inventory.tolerance)


def link(root: Program, *, limited: Callable[[Stock], bool]) -> None:
    """Hold the first purchase of every row at what is given; do nothing where none is given.

    Of stocks that are ``limited`` by offers more may be bought than any epoch needs (for a price by volume).
    """
    for stock in root.stocks if root.inventory is not None else ():
        if not (stock.table == "adders" and root.problem.adders[stock.row].driver == "capital"):
            _hold(root, stock, together=limited(stock))


def first_usd(root: Program) -> float:
    """Return what the first purchase of a solved program costs over its stays, upkeep and resale included, USD."""
    stays = [(one, units) for stock in root.stocks for one, units in stock.columns if _is_first(root, one)]
    rebates = [line for one, line in root.rebated if _is_first(root, one)]
    saved = sum(number(line.quantity) * line.unit_saving_usd(root.finance) for line in rebates)
    return float(sum(number(units) * one.discounted_usd(root.finance) for one, units in stays) - saved)


def _is_first(root: Program, one: Stay) -> bool:
    return not one.existing and one.first_year == root.problem.settings.purchase_dates[0]


def _hold(root: Program, stock: Stock, *, together: bool) -> None:
    assert root.inventory is not None
    key = (stock.site, stock.table, stock.row)
    columns = [(one, units) for one, units in stock.columns if _is_first(root, one)]
    given = root.inventory.units.get(key, 0.0)
    if not columns:
        if upper_bound(given) > 0:
            _same(root, key, 0.0, given)
        return
    bounds = [units.ub for _, units in columns]
    integer = columns[0][1].is_integer()
    first = root.var("first", key, ub=sum(bounds) if together else max(bounds), integer=integer)
    root.require("first", key, first == total(units for _, units in columns))
    price, life = columns[0][0].paid[0][1], item_of(root.problem, *key).lifetime_years
    root.needed[key] = CapitalLine(stock.site, stock.category, stock.table, stock.row, first, price, life)
    _same(root, key, first, given)


def _same(root: Program, key: Part, first: Any, given: Any) -> None:
    """Require that as much is bought as is given: up to its noise where that is a number."""
    assert root.inventory is not None
    site, _, row = key
    words = {
        "row": f"what is bought first: {' '.join(key)}",
        "sentence": f"as many {row} are bought at {site} at the first date as is decided for all futures",
    }
    if not isinstance(given, int | float):
        root.require("inventory", key, first == given, **words)
        return
    room = root.inventory.tolerance * given
    if isinstance(first, float):
        root.require("inventory", key, root.never() if given > NOISE else True, **words)
        return
    root.require("inventory", key, first >= given - room, **words)
    root.require("inventory_most", key, first <= given + room, **words)
