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

import pyomo.environ as pyo
from pyomo.repn.standard_repn import generate_standard_repn

from dcopt.candidates.records import Candidates
from dcopt.economics.prices import Part
from dcopt.formulation.extract import load_values
from dcopt.formulation.program import number, upper_bound
from dcopt.pipeline.calendar import calendar_of, cut_off
from dcopt.pipeline.shared_purchase import Case, Cut, Form, Goal, block_name
from dcopt.solve.changed import changed, relaxed
from dcopt.solve.integers import polish
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.neighbours import Neighbours, solve
from dcopt.solve.session import Outcome, SolveOptions

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
class _Compiled:
    """A matrix, and the columns of what is bought in it."""

    matrix: Matrix
    columns: dict[Part, int]


class Recourse:
    """The compiled program of one scenario. ``most`` are the units of each row that can be bought."""

    def __init__(self, case: Case, candidates: Candidates, most: Mapping[Part, float]) -> None:
        self.form = Form([(replace(case, weight=1.0), candidates)], Goal("expected"), most)
        (self.program,) = self.form.programs
        self.most = dict(most)
        self.near = Neighbours()
        self.whole_units = frozenset(part for part, line in self.program.needed.items() if _is_whole(line.quantity))
        self.bounding = self.running = self._compiled()
        self.cuts = 0

    def _compiled(self) -> _Compiled:
        matrix = compile_model(self.form.model)
        place = {id(variable): column for column, variable in enumerate(matrix.columns)}
        return _Compiled(matrix, {part: place[id(x)] for part, x in self.form.bought.items() if id(x) in place})

    def prepared(self) -> Prepared:
        """Return what is known before any purchase is tried."""
        found = relaxed(self.bounding.matrix)
        columns, costs = self.bounding.columns, self.bounding.matrix.lp.col_cost_
        parts = None if found is None else {part: float(found.values[at]) for part, at in columns.items()}
        unit_usd = {part: float(costs[at]) for part, at in columns.items()}
        return Prepared(parts, unit_usd, upper_bound(self.program.objectives["tco"]), self.whole_units)

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
            load_values(matrix.columns, values)
            clashes = calendar_of(self.program).conflicts
            if not clashes:
                return self._ran(matrix, values, objective)
            for clash in clashes:  # only here: where no calendar was proven not to exist, no bound follows from the cut
                cut_off(self.program, clash, self.cuts)
                self.cuts += 1
            self.running = self._compiled()

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

    def _ran(self, matrix: Matrix, values: Any, objective: float) -> Ran:
        needed = {part: number(line.quantity) for part, line in self.program.needed.items()}
        own = f"{block_name(0)}."
        integers = {
            name.removeprefix(own): float(values[at])
            for name, at in matrix.integers_by_name().items()
            if name.startswith(own)
        }
        return Ran(float(objective), self.form.parts(), needed, integers)


def _is_whole(quantity: Any) -> bool:
    """Whether an expression takes whole values alone."""
    if isinstance(quantity, int | float):
        return float(quantity).is_integer()
    terms = generate_standard_repn(quantity, quadratic=False)
    numbers = [float(pyo.value(terms.constant)), *(float(one) for one in terms.linear_coefs)]
    return all(one.is_integer() for one in numbers) and not any(x.is_continuous() for x in terms.linear_vars)


def _stop_if_interrupted(outcome: Outcome) -> None:
    if outcome.verdict == "interrupted":
        raise KeyboardInterrupt
