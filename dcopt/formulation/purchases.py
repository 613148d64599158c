"""What a program buys: the rows that blocks ask for, less what exists, within `offers.csv`, as lines of the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dcopt.economics.ledger import CapitalLine
from dcopt.economics.prices import Part, purchase_of
from dcopt.formulation.expressions import total, upper_bound
from dcopt.formulation.program import Program
from dcopt.problem.offered import offered


def settle(program: Program) -> None:
    """Turn the purchases into capital lines, less what exists already, within what `offers.csv` allows."""
    there = _existing(program)
    bought: dict[tuple[str, str, str], Any] = {}
    for key, parts in program.purchases.items():
        units = total(part[0] for part in parts)
        _, category, price_usd, lifetime_years = parts[0]
        if key in there:
            most = max(0.0, upper_bound(units) - there[key]) if _for_sale(program, *key) else 0.0
            added = program.var("added", key, ub=most, integer=True)
            program.require(
                "existing",
                key,
                added >= units - there[key],
                row=f"existing.csv: {'/'.join(key)} units",
                sentence=f"{key[2]} beyond the {there[key]} at {key[0]} are bought, if they are for sale",
            )
            units = added
        bought[key] = units
        program.ledger.buy(CapitalLine(key[0], category, key[1], key[2], units, price_usd, lifetime_years))
    for period in program.candidates.periods if program.rented else program.candidates.periods[:1]:
        rented = {key: of_row[period.index] for key, of_row in program.rented.items()}
        _offers(program, bought | rented, period.index)


def commit(program: Program) -> None:
    """Buy what the inventory has in place of what is needed, and need no more than that; without one, do nothing.

    Raises
    ------
    ValueError: one row is bought at two prices at one site.
    """
    if program.inventory is None:
        return
    lines: dict[Part, list[CapitalLine]] = {}
    for line in program.ledger.capital:
        lines.setdefault((line.site, line.table, line.row), []).append(line)
    for key in program.inventory.units:
        if key not in lines:
            lines[key] = [purchase_of(program.problem, key, 0.0)]
    program.ledger.capital = []
    for key, of_row in lines.items():
        if len({(line.unit_price_usd, line.lifetime_years) for line in of_row}) > 1:
            raise ValueError(f"{'/'.join(key)} is bought at several prices")
        needed = total(line.quantity for line in of_row)
        program.needed[key] = replace(of_row[0], quantity=needed)
        bought = program.inventory.units.get(key, 0.0)
        program.require(
            "inventory",
            key,
            needed <= bought * (1 + program.inventory.tolerance),
            row=f"what is bought: {' '.join(key)}",
            sentence=f"no more {key[2]} at {key[0]} is needed than is bought",
        )
        program.ledger.buy(replace(of_row[0], quantity=bought))


def _existing(program: Program) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    for row in program.problem.existing.values():
        if row.table != "nodes":
            key = (row.site, row.table, row.name)
            found[key] = found.get(key, 0) + row.units
    return found


def _for_sale(program: Program, site: str, table: str, row: str) -> bool:
    """Whether more than what exists of a row can be bought at a site."""
    offer = offered(program.problem, table, site).get(row)
    return offer is not None and offer.price_usd is not None


def _offers(program: Program, bought: dict[tuple[str, str, str], Any], period: int) -> None:
    """Keep the limits of `offers.csv` on what is bought, or rented in a period, of all tables but the nodes."""
    for offer in program.problem.offers.values():
        if offer.table == "nodes":
            continue
        units = [
            quantity
            for (site, table, row), quantity in bought.items()
            if (table, row) == (offer.table, offer.name) and offer.site in (None, site)
        ]
        names = (offer.table, offer.name, offer.site or "*")
        key, row = (*names, period), f"offers.csv: {'/'.join(names)}"
        if units and offer.max_units is not None:
            program.require(
                "offer_limit",
                key,
                total(units) <= offer.max_units,
                row=f"{row} max_units",
                sentence=f"no more than {offer.max_units} {offer.name} are bought",
            )
        if units and offer.min_units:
            some = program.var("some", key, ub=1, binary=True)
            program.require(
                "offer_least",
                key,
                total(units) >= offer.min_units * some,
                row=f"{row} min_units",
                sentence=f"at least {offer.min_units} {offer.name} are bought, if any",
            )
            program.require("offer_some", key, total(units) <= max(upper_bound(total(units)), offer.min_units) * some)
