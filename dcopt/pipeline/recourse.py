"""One scenario whose purchase is decided elsewhere, compiled once and solved for many purchases.

With what is bought fixed at X, V(X) is the least TCO of the scenario, and V_LP(X) that of its linear relaxation, whose
slopes at X are the reduced costs of the fixed columns. For whatever slopes w

    V(X') ≥ min over all X'' of (V(X'') − w·X'')  +  w·X'

so each w gives a bound that is linear in what is bought. With w of the linear relaxation at X these are the
strengthened Benders cuts of Zou, Ahmed and Sun (2019) and of Rahmaniani et al. (2020): where the minimum on the right
is that of the whole integer program they lie on or above the cut of Benders (1962), which takes that of the relaxation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.repn.standard_repn import generate_standard_repn

from dcopt.candidates.records import Candidates
from dcopt.economics.prices import Part
from dcopt.formulation.expressions import upper_bound
from dcopt.formulation.extract import load_values
from dcopt.pipeline.calendar import calendar_of, cut_off
from dcopt.pipeline.shared_purchase import Case, Cut, Form, Goal, block_name
from dcopt.solve.changed import changed, relaxed
from dcopt.solve.integers import polish
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.neighbours import Neighbours, solve
from dcopt.solve.session import Outcome, SolveOptions

NOISE = 1e-9
"""Units below which there are none."""
ROOM = 1e-7
"""Relative room above fractions of units: kW that follow from two solves of one program differ by noise."""


@dataclass(frozen=True)
class Ran:
    """How a scenario runs on a purchase.

    Attributes
    ----------
    tco_usd: all that is bought, and running it.
    parts: the units that are bought. needed: those that are needed.
    integers: the integers of the solution, by the names of their variables within the scenario.
    """

    tco_usd: float
    parts: dict[Part, float]
    needed: dict[Part, float]
    integers: dict[str, float]


@dataclass(frozen=True)
class Prepared:
    """What is known of a scenario before any purchase is tried.

    Attributes
    ----------
    relaxed_parts: the units that its linear relaxation buys; None where that has no solution.
    unit_usd: what a unit of each row adds to the TCO. most_usd: more than any TCO.
    whole: rows that are needed in whole units.
    """

    relaxed_parts: dict[Part, float] | None
    unit_usd: dict[Part, float]
    most_usd: float
    whole: frozenset[Part]


@dataclass(frozen=True)
class _Sum:
    """Σ coefficients · values[columns] + constant."""

    columns: NDArray[np.intp]
    coefficients: NDArray[np.float64]
    constant: float

    def at(self, values: Any) -> float:
        found = float(self.coefficients @ np.asarray(values)[self.columns]) + self.constant
        return 0.0 if abs(found) < NOISE else found


@dataclass(frozen=True)
class _Compiled:
    """A matrix, the columns of what is bought in it, and what is needed of each row."""

    matrix: Matrix
    columns: dict[Part, int]
    needed: dict[Part, _Sum]


@dataclass(frozen=True)
class _Named:
    """What is left of a variable or a constraint where its model is dropped."""

    name: str


class Recourse:
    """The compiled program of one scenario. ``most`` are the units of each row that can be bought.

    Its model is kept only where jobs may clash, since hundreds of models take gigabytes.
    """

    def __init__(self, case: Case, candidates: Candidates, most: Mapping[Part, float]) -> None:
        self.form: Form | None = Form([(replace(case, weight=1.0), candidates)], Goal("expected"), most)
        (program,) = self.form.programs
        self.most = dict(most)
        self.near = Neighbours()
        self.whole_units = frozenset(part for part, line in program.needed.items() if _is_whole(line.quantity))
        self.price_usd = {part: line.unit_price_usd for part, line in program.needed.items()}
        self.most_usd = upper_bound(program.objectives["tco"])
        self.bounding = self.running = _compiled(self.form)
        self.cuts = 0
        if not case.problem.training:
            self.form = None
            self.bounding = self.running = replace(self.bounding, matrix=_without_model(self.bounding.matrix))

    def prepared(self) -> Prepared:
        """Return what is known before any purchase is tried."""
        found = relaxed(self.bounding.matrix)
        columns, costs = self.bounding.columns, self.bounding.matrix.lp.col_cost_
        parts = None if found is None else {part: float(found.values[at]) for part, at in columns.items()}
        unit_usd = {part: float(costs[at]) or self.price_usd[part] for part, at in columns.items()}
        return Prepared(parts, unit_usd, self.most_usd, self.whole_units)

    def run_on(self, parts: Mapping[Part, float], options: SolveOptions, *, more: bool = False) -> Ran | None:
        """Return the cheapest way found to run on ``parts``, all of which are paid; None where there is none.

        With ``more`` other units may be bought too.
        """
        bounds = {part: (units, self.most[part] if more else units) for part, units in self._units(parts).items()}
        while True:
            matrix = changed(
                self.running.matrix, bounds={at: bounds[part] for part, at in self.running.columns.items()}
            )
            outcome = solve(matrix, replace(options, neighbours=self.near))
            _stop_if_interrupted(outcome)
            if outcome.values is None:
                return None
            values, objective = polish(matrix, outcome.values, outcome.objective or 0.0)
            if self.form is None or self._has_calendar(self.form, matrix, values):
                return self._ran(matrix, values, objective)
            self.running = _compiled(self.form)

    def cut_at(self, parts: Mapping[Part, float], options: SolveOptions | None) -> Cut | None:
        """Return a bound on the TCO that is high where ``parts`` are bought; None where no relaxation serves there.

        Without ``options`` it is that of the linear relaxation, with them the strengthened one.
        """
        units = self._units(parts)
        fixed = {at: (units[part], units[part]) for part, at in self.bounding.columns.items()}
        found = relaxed(changed(self.bounding.matrix, bounds=fixed))
        if found is None:
            return None
        return self.cut_with({part: float(found.reduced[at]) for part, at in self.bounding.columns.items()}, options)

    def cut_with(self, slope_usd: Mapping[Part, float], options: SolveOptions | None) -> Cut | None:
        """Return the bound on the TCO with these slopes; None where none is proven in the time."""
        costs = self.bounding.matrix.lp.col_cost_
        less = {at: float(costs[at]) - slope_usd.get(part, 0.0) for part, at in self.bounding.columns.items()}
        tilted = changed(self.bounding.matrix, costs=less)
        if options is None:
            found = relaxed(tilted)
            return None if found is None else Cut(found.objective, dict(slope_usd))
        outcome = solve(tilted, replace(options, neighbours=self.near))
        _stop_if_interrupted(outcome)
        return None if outcome.bound is None else Cut(outcome.bound, dict(slope_usd))

    def _units(self, parts: Mapping[Part, float]) -> dict[Part, float]:
        """Return the units of every row, fractions with `ROOM` above them."""
        room = {part: 1.0 if part in self.whole_units else 1.0 + ROOM for part in self.most}
        return {part: min(parts.get(part, 0.0) * room[part], most) for part, most in self.most.items()}

    def _has_calendar(self, form: Form, matrix: Matrix, values: Any) -> bool:
        """Whether the jobs of a solution have a calendar; where not, cut it off.

        Only what is run is cut: where no calendar was proven not to exist, no bound follows from a cut.
        """
        (program,) = form.programs
        load_values(matrix.columns, values)
        clashes = [(part, clash) for part in program.parts for clash in calendar_of(part).conflicts]
        for part, clash in clashes:
            cut_off(part, clash, self.cuts)
            self.cuts += 1
        return not clashes

    def _ran(self, matrix: Matrix, values: Any, objective: float) -> Ran:
        own = f"{block_name(0)}."
        integers = {
            name.removeprefix(own): float(values[at])
            for name, at in matrix.integers_by_name().items()
            if name.startswith(own)
        }
        bought = {part: float(values[at]) for part, at in self.running.columns.items() if values[at] > NOISE}
        needed = {part: one.at(values) for part, one in self.running.needed.items()}
        return Ran(float(objective), bought, needed, integers)


def _compiled(form: Form) -> _Compiled:
    """Return the matrix of a form with one scenario, and where in it things are."""
    (program,) = form.programs
    matrix = compile_model(form.model)
    place = {id(variable): column for column, variable in enumerate(matrix.columns)}
    needed = {}
    for part, line in program.needed.items():
        terms = _terms(line.quantity)
        known = [
            (place[id(x)], float(coefficient))
            for coefficient, x in zip(terms.linear_coefs, terms.linear_vars, strict=True)
            if id(x) in place
        ]
        columns, coefficients = zip(*known, strict=True) if known else ((), ())
        needed[part] = _Sum(
            np.array(columns, dtype=np.intp), np.array(coefficients, dtype=float), float(pyo.value(terms.constant))
        )
    return _Compiled(matrix, {part: place[id(x)] for part, x in form.bought.items() if id(x) in place}, needed)


def _without_model(matrix: Matrix) -> Matrix:
    """Return a matrix whose columns and rows are known by their names alone."""
    rows = [(_Named(constraint.name), side) for constraint, side in matrix.rows]
    return replace(matrix, columns=[_Named(variable.name) for variable in matrix.columns], rows=rows)


def _terms(quantity: Any) -> Any:
    """Return an expression, or a number, as a constant and linear terms."""
    return generate_standard_repn(quantity, quadratic=False)


def _is_whole(quantity: Any) -> bool:
    """Whether an expression takes whole values alone."""
    terms = _terms(quantity)
    numbers = [float(pyo.value(terms.constant)), *(float(one) for one in terms.linear_coefs)]
    return all(one.is_integer() for one in numbers) and not any(x.is_continuous() for x in terms.linear_vars)


def _stop_if_interrupted(outcome: Outcome) -> None:
    if outcome.verdict == "interrupted":
        raise KeyboardInterrupt
