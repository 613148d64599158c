"""A solved program becomes a design: every block's records, and the money from the same ledger lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyomo.environ as pyo

from dcopt.design.records import Design
from dcopt.economics.ledger import bill_of_materials, cost_of, tco_usd
from dcopt.economics.orders import with_orders
from dcopt.formulation import (
    adders,
    colocation,
    commitments,
    compute,
    cooling,
    energy,
    fabric,
    halls,
    power,
    racks,
    serving,
    side_networks,
    stocks,
    storage,
    training,
    transfer,
    volume,
)
from dcopt.formulation.expressions import number
from dcopt.formulation.moves import located
from dcopt.formulation.program import Program
from dcopt.formulation.stage import settle_losses
from dcopt.problem.epochs import epochs_of


def load_values(columns: list[Any], values: Any) -> None:
    """Give the program's variables the values of a solution (0 to those that no constraint and cost mentions)."""
    for variable, value in zip(columns, values, strict=True):
        variable.set_value(float(value), skip_validation=True)


def fewest(program: Program, columns: list[Any], values: Any) -> Any:
    """Return a solution with no more of what is asked for by other variables alone than they ask for.

    Within its gap the solver may leave some too many, which cost little.
    """
    load_values(columns, values)
    place = {id(variable): index for index, variable in enumerate(columns)}
    found = values.copy()
    for variable, lines in program.least:
        least = max(0, math.ceil(max(number(line) for line in lines) - 1e-6))
        index = place.get(id(variable))
        if index is not None and least < found[index]:
            found[index] = least
            variable.set_value(float(least), skip_validation=True)
    return found


def extract(program: Program) -> Design:
    """Return the design of a program whose variables hold a solution; status and proof are the caller's."""
    for variable in program.model.component_data_objects(pyo.Var):
        if variable.value is None:
            variable.set_value(0.0, skip_validation=True)
    for part in program.parts:
        settle_losses(part)
        volume.settle_orders(part)
    stocks.settle(program)
    colocation.settle(program)
    ledger = program.ledger.evaluated(number)
    cost = cost_of(ledger, program.finance)
    records: dict[str, tuple[Any, ...]] = {}
    for part in program.parts:
        for name, of_part in _records(part).items():
            records[name] = (*records.get(name, ()), *of_part)
    if program.epochs:
        records["pools"] = _with_existing(program, records["pools"])
        records["sites"] = _with_embodied(program, records["sites"])
    design = Design(
        problem=program.problem.name,
        status="feasible",
        tco_usd=tco_usd(cost),
        objective=program.problem.settings.objective,
        horizon_years=program.finance.horizon_years,
        purchase_years=program.problem.settings.purchase_dates,
        cost=cost,
        assets=tuple(stocks.extract(program)),
        rebates=tuple(volume.extract(program)),
        commitments=tuple(commitments.extract(program)),
        colocation=tuple(colocation.extract(program)),
        bom_lines=with_orders(program.problem, bill_of_materials(ledger, program.finance)),
    )
    return design.model_copy(update=records)


def _records(program: Program) -> dict[str, Sequence[Any]]:
    """Return every block's records of the years of a program, by the list of the design that they belong to."""
    standing = tuple(racks.extract(program))
    return {
        "pools": compute.extract(program),
        "training": training.extract(program),
        "inference": serving.extract(program),
        "network": fabric.extract(program),
        "side_networks": side_networks.extract(program),
        "storage": storage.extract(program),
        "transfers": transfer.extract(program),
        "racks": standing,
        "elevations": racks.extract_elevations(program, standing),
        "power": power.extract(program),
        "cooling": cooling.extract(program),
        "sites": power.extract_sites(program),
        "solar": energy.extract(program),
        "halls": halls.extract(program),
        "adders": adders.extract(program),
    }


def _with_existing(root: Program, pools: Sequence[Any]) -> tuple[Any, ...]:
    """Return the pools of all epochs with the existing nodes told from the bought ones, first pools first."""
    left: dict[tuple[str, str, int], int] = {}
    for stock in root.stocks:
        for epoch in epochs_of(root.problem) if stock.table == "nodes" else ():
            for one, units in located(root, stock, epoch):
                for year in epoch.years if one.existing and not one.paid else ():
                    key = (stock.site, stock.row, year)
                    left[key] = left.get(key, 0) + round(number(units))
    found = []
    for pool in pools:
        key = (pool.site, root.problem.nodes[pool.node].uncapped.name, pool.year)
        used = 0 if pool.rented else min(pool.nodes, left.get(key, 0))
        left[key] = left.get(key, 0) - used
        found.append(pool.model_copy(update={"existing": used, "bought": 0 if pool.rented else pool.nodes - used}))
    return tuple(found)


def _with_embodied(root: Program, sites: Sequence[Any]) -> tuple[Any, ...]:
    """Return the sites of all epochs with the carbon of making all nodes that were bought up to their year."""
    bought = stocks.nodes_bought(root)
    nodes = root.problem.nodes
    return tuple(
        site.model_copy(
            update={
                "embodied_t": sum(
                    number(units) * nodes[stock.row].embodied_kgco2 / 1000
                    for stock, year, units in bought
                    if stock.site == site.site and year <= site.year
                )
            }
        )
        for site in sites
    )
