"""What the other years cost, given what is bought, in the program of one year.

    other_year[t] ≥ constant + Σ slope·x      (x: what is bought),      minimize … + Σ_t other_year[t]

Each row is a cut of Benders' (Numerische Mathematik 4, 1962): the linear program of year t alone, given the purchases
of the one year's linear relaxation, prices what year t costs at any purchases (solve/priced_out.py). The relaxation of
one year with enough such rows is as strong as that of all years, at a fraction of its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyomo.environ import Objective

from dcopt.formulation.expressions import linear
from dcopt.formulation.program import Program
from dcopt.formulation.stages import LINEAR, OF_ONE_PERIOD, PURCHASES, name_of
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.stated import Stated
from dcopt.solve.derived import with_bounds, with_cost, with_integers
from dcopt.solve.matrix import Matrix
from dcopt.solve.priced_out import Least, priced_out
from dcopt.solve.session import SolveOptions, solve

MOST_ROUNDS = 6
"""Times that the other years are priced at the purchases of a new relaxation."""
WORTH = 1e-4
"""Share of the relaxation's cost that a round must add to be followed by another."""


@dataclass(frozen=True)
class Year:
    """The coarse program of one other year alone, and what it costs there that no purchase does."""

    index: int
    stated: Stated
    running: Any
    """Cost of each column where it belongs to the year, else 0."""


def year_of(index: int, stated: Stated) -> Year:
    """Return the year of a program that has no other; nothing in it may earn money."""
    cost = np.asarray(stated.matrix.lp.col_cost_, dtype=float)
    belongs = np.array([name_of(variable) in OF_ONE_PERIOD for variable in stated.matrix.columns], dtype=bool)
    return Year(index, stated, np.where(belongs, cost, 0.0))


def is_bought(variable: Any) -> bool:
    """Whether a variable says what is bought, for all years together."""
    return name_of(variable) in PURCHASES


def cost_of(year: Year, bought: dict[str, float], options: SolveOptions, log: Callable[[str], None]) -> Least | None:
    """Return what a year costs at least at any purchases, exact at ``bought`` if they are enough for it.

    None where nothing is known. Where ``bought`` is not enough, what it lacks may be bought beside it, at its price.

    Raises
    ------
    StoppedError: Ctrl-C was pressed. SolverError: HiGHS failed.
    """
    matrix = year.stated.matrix
    lp = matrix.lp
    most = np.asarray(lp.col_upper_)
    given = {
        place: min(bought[variable.name], float(most[place]))
        for place, variable in enumerate(matrix.columns)
        if variable.name in bought
    }
    linear_year = with_integers(matrix, LINEAR)
    just = with_bounds(with_cost(linear_year, year.running, 0.0), {at: (units, units) for at, units in given.items()})
    prices = _prices(just, options, log)
    if prices is None:
        shared = np.array([is_bought(variable) for variable in matrix.columns], dtype=bool)
        cost = np.where(shared, np.asarray(lp.col_cost_, dtype=float), year.running)
        more = {at: (units, float(most[at])) for at, units in given.items()}
        prices = _prices(with_bounds(with_cost(linear_year, cost, 0.0), more), options, log)
    return None if prices is None else priced_out(matrix, is_bought, year.running, prices)


def _prices(matrix: Matrix, options: SolveOptions, log: Callable[[str], None]) -> Any:
    outcome = solve(matrix, replace(options, start=None), log=log)
    if outcome.verdict == "interrupted":
        raise StoppedError
    return outcome.prices


def of_purchases(program: Program, least: Least) -> Least | None:
    """Return what a year costs by what ``program`` may buy; None where what only the year has may make it cheaper."""
    bought = {variable.name for variable in _bought(program)}
    if any(slope < 0 for name, slope in least.slopes.items() if name not in bought):
        return None
    return replace(least, slopes={name: slope for name, slope in least.slopes.items() if name in bought})


def require(program: Program, year: Year, number: int, least: Least) -> None:
    """Add row ``number`` of a year; its variable joins the objective with the first.

    ``least`` is `of_purchases` of a program that this one was narrowed from: what is not here is bought by no design.
    """
    bought = {variable.name: variable for variable in _bought(program)}
    model = program.model
    declared = model.component("other_year")
    if declared is None or year.index not in declared:
        (objective,) = model.component_data_objects(Objective, active=True)
        most = float(np.abs(year.running) @ np.asarray(year.stated.matrix.lp.col_upper_))
        objective.set_value(objective.expr + program.var("other_year", year.index, ub=most))
    known = [name for name in least.slopes if name in bought]
    costs = linear([least.slopes[name] for name in known], [bought[name] for name in known], least.constant)
    program.require("other_year", (year.index, number), model.other_year[year.index] >= costs)


def _bought(program: Program) -> Iterator[Any]:
    for name in sorted(PURCHASES):
        component: Any = program.model.component(name)
        if component is not None:
            yield from component.values()
