"""A solved program becomes a design: every block's records, and the money from the same ledger lines."""

from __future__ import annotations

import math
from typing import Any

import pyomo.environ as pyo

from dcopt.design.records import Design
from dcopt.economics.ledger import bill_of_materials, cost_of, tco_usd
from dcopt.formulation import (
    adders,
    compute,
    cooling,
    energy,
    fabric,
    halls,
    power,
    racks,
    serving,
    side_networks,
    storage,
    training,
    transfer,
)
from dcopt.formulation.program import Program, number
from dcopt.formulation.stage import settle_losses
from dcopt.formulation.volume import settle_orders


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
    settle_losses(program)
    settle_orders(program)
    ledger = program.ledger.evaluated(number)
    cost = cost_of(ledger, program.finance)
    standing = tuple(racks.extract(program))
    return Design(
        problem=program.problem.name,
        status="feasible",
        tco_usd=tco_usd(cost),
        objective=program.problem.settings.objective,
        horizon_years=program.finance.horizon_years,
        cost=cost,
        pools=tuple(compute.extract(program)),
        training=tuple(training.extract(program)),
        inference=tuple(serving.extract(program)),
        network=tuple(fabric.extract(program)),
        side_networks=tuple(side_networks.extract(program)),
        storage=tuple(storage.extract(program)),
        transfers=tuple(transfer.extract(program)),
        racks=standing,
        elevations=tuple(racks.extract_elevations(program, standing)),
        power=tuple(power.extract(program)),
        cooling=tuple(cooling.extract(program)),
        sites=tuple(power.extract_sites(program)),
        solar=tuple(energy.extract(program)),
        halls=tuple(halls.extract(program)),
        adders=tuple(adders.extract(program)),
        bom_lines=bill_of_materials(ledger, program.finance),
    )
