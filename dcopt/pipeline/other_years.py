"""What the other years cost, given what is bought, in the program of one year.

    other_year[t] ≥ constant + Σ slope·x      (x: what is bought),      minimize … + Σ_t other_year[t]

Each row is a cut of Benders' (Numerische Mathematik 4, 1962): the linear program of year t alone, given the purchases
of the one year's linear relaxation, prices what year t costs at any purchases (solve/priced_out.py). The relaxation of
one year with enough such rows is as strong as that of all years, at a fraction of its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import highspy
import numpy as np
from pyomo.environ import Objective

from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program
from dcopt.formulation.stages import LINEAR, OF_ONE_PERIOD, PURCHASES, name_of
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.stated import Stated
from dcopt.solve.derived import Row, with_bounds, with_cost, with_integers, with_rows
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


@dataclass
class OtherYears:
    """The programs of the other years, and what they cost, as known so far; of use to several kinds of designs."""

    years: dict[int, Year] = field(default_factory=dict)
    priced: list[tuple[int, Least]] = field(default_factory=list)
    """By index of the year. It holds in every program that is narrower: what a row leaves out makes no year cheaper."""


def year_of(index: int, stated: Stated) -> Year:
    """Return the year of a program that has no other; nothing in it may earn money."""
    cost = np.asarray(stated.matrix.lp.col_cost_, dtype=float)
    belongs = np.array([name_of(variable) in OF_ONE_PERIOD for variable in stated.matrix.columns], dtype=bool)
    return Year(index, stated, np.where(belongs, cost, 0.0))


def is_bought(variable: Any) -> bool:
    """Whether a variable says what is bought, for all years together."""
    return name_of(variable) in PURCHASES


def purchases_of(matrix: Matrix, values: Sequence[float]) -> dict[str, float]:
    """Return what is bought by the values of a program's columns."""
    columns = zip(matrix.columns, values, strict=True)
    return {variable.name: float(value) for variable, value in columns if is_bought(variable)}


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
    given = _given(matrix, bought)
    linear_year = with_integers(matrix, LINEAR)
    prices = _prices(_as_bought(year, given), options, log)
    if prices is None:
        shared = np.array([is_bought(variable) for variable in matrix.columns], dtype=bool)
        cost = np.where(shared, np.asarray(lp.col_cost_, dtype=float), year.running)
        more = {at: (units, float(most[at])) for at, units in given.items()}
        prices = _prices(with_bounds(with_cost(linear_year, cost, 0.0), more), options, log)
    return None if prices is None else priced_out(matrix, is_bought, year.running, prices)


def _given(matrix: Matrix, bought: dict[str, float]) -> dict[int, float]:
    """Return how much of each column is bought."""
    most = np.asarray(matrix.lp.col_upper_)
    return {
        place: min(bought[variable.name], float(most[place]))
        for place, variable in enumerate(matrix.columns)
        if variable.name in bought
    }


def _as_bought(year: Year, given: dict[int, float]) -> Matrix:
    """Return the linear program of what a year costs by itself where just that is bought."""
    just = with_cost(with_integers(year.stated.matrix, LINEAR), year.running, 0.0)
    return with_bounds(just, {at: (units, units) for at, units in given.items()})


def _prices(matrix: Matrix, options: SolveOptions, log: Callable[[str], None]) -> Any:
    outcome = solve(matrix, replace(options, start=None), log=log)
    if outcome.verdict == "interrupted":
        raise StoppedError
    return outcome.prices


def declare(program: Program, years: Iterable[int]) -> None:
    """Add what each other year costs to the objective; rows that say how much that is are `within_least`'s."""
    (objective,) = program.model.component_data_objects(Objective, active=True)
    others = [program.var("other_year", index, ub=math.inf) for index in years]
    objective.set_value(objective.expr + total(others))


def within_least(matrix: Matrix, known: Sequence[tuple[int, Least]]) -> Matrix:
    """Return the program in which other years, by index, cost at least so much.

    A purchase that the program does not have is made by no design of it. Where such a one may make a year cheaper
    nothing is said: what only that year has may stand there.
    """
    places: dict[Any, int] = {}
    for place, variable in enumerate(matrix.columns):
        if is_bought(variable):
            places[variable.name] = place
        elif name_of(variable) == "other_year":
            places[variable.index()] = place
    rows = []
    for year, least in known:
        slopes = {places[name]: slope for name, slope in least.slopes.items() if name in places}
        columns, factors = [places[year], *slopes], [1.0, *(-slope for slope in slopes.values())]
        rows.append(Row(columns, least.constant, highspy.kHighsInf, factors))
    return with_rows(matrix, rows) if rows else matrix


def of_purchases(matrix: Matrix, least: Least) -> Least | None:
    """Return what a year costs by what a program may buy; None where what only the year has may make it cheaper."""
    bought = {variable.name for variable in matrix.columns if is_bought(variable)}
    if any(slope < 0 for name, slope in least.slopes.items() if name not in bought):
        return None
    return replace(least, slopes={name: slope for name, slope in least.slopes.items() if name in bought})
