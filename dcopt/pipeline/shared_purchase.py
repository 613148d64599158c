"""A program for one purchase and several futures: scenarios as whole programs, each in a block of its own.

    X[k] ≥ needed[s,k]          for every scenario s that is whole, and row k of what can be bought at a site
    TCO[s] = Σ_k cost[s,k]·X[k] + running[s]
    expected: Σ_s p_s·TCO[s];   worst: z ≥ TCO[s];   cvar: η + Σ_s p_s·u_s ÷ (1 − α), u_s ≥ TCO[s] − η, u_s ≥ 0
    chance:   scenario s is given up where d_s = 1, Σ_s p_s·d_s ≤ 1 − share: every row a·x ≤ b of its block becomes
              a·x ≤ b·(1 − d_s) and every bound x ≤ u becomes x ≤ u·(1 − d_s)

Where equipment may be bought at several dates X[k] is what is bought at the first of them, in every scenario at its own
price: Σ_w b[s,k,v,w] = X[k] for the stays b that begin then (`dcopt.formulation.first_purchase`). How long it stands
and what is bought later is decided in each scenario.

CVaR is that of Rockafellar and Uryasev (2000). Giving up a scenario takes its program to zero; rows times (1 − d) are
the convex hull of the program and zero (Balas 1979), so there is no big-M. What is bought is paid in every scenario.

Scenarios that are not whole have a column for their TCO, which `Cut` bounds from below.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyomo.environ as pyo
from pyomo.repn.standard_repn import generate_standard_repn

from dcopt.candidates.records import Candidates
from dcopt.economics.prices import Part
from dcopt.formulation.build import build
from dcopt.formulation.expressions import linear, total, upper_bound
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Inventory
from dcopt.problem.problem import Problem

GoalKind = Literal["expected", "worst", "cvar", "chance"]

BUYING = ("inventory", "ordered", "volume_most", "volume_least", "volume_full", "volume_beyond", "one_volume")
"""Constraints on what is bought, which hold also for scenarios that are given up."""
ALWAYS_KEPT = (*BUYING, "capex_limit")
ORDERS = ("ordered", "volume_reached", "adder", "adder_steps")
"""Variables of the purchase itself."""


@dataclass(frozen=True)
class Goal:
    """What one purchase for all scenarios is to do best.

    ``level``: of cvar the share α of the better scenarios that do not count, of chance the share of the scenarios in
    which the promises must be kept; both in (0, 1].
    """

    kind: GoalKind = "expected"
    level: float = 1.0


@dataclass(frozen=True)
class Case:
    """A scenario: its problem, and how likely it is (weights of all cases sum to 1)."""

    name: str
    problem: Problem
    weight: float


@dataclass(frozen=True)
class Cut:
    """A bound on the TCO of a scenario by what is bought: ``least_usd`` + Σ ``slope_usd``[k]·units[k]."""

    least_usd: float
    slope_usd: Mapping[Part, float]

    def at(self, parts: Mapping[Part, float]) -> float:
        """Return the bound where ``parts`` are bought, USD."""
        return self.least_usd + sum(usd * parts.get(part, 0.0) for part, usd in self.slope_usd.items())


@dataclass(frozen=True)
class Priced:
    """A scenario that is not whole: how likely it is, the most that its TCO can be, and the bounds on it."""

    weight: float
    most_usd: float
    cuts: Sequence[Cut]


class Form:
    """Its model, the programs of the whole scenarios, what is bought, and which scenarios are given up.

    Parameters
    ----------
    most: units of each row that can be bought. elsewhere_usd: what each whole scenario costs where it is given up.
    whole_units: rows that are bought in whole units, as far as the whole scenarios do not see to that.
    """

    def __init__(
        self,
        prepared: Sequence[tuple[Case, Candidates]],
        goal: Goal,
        most: Mapping[Part, float],
        *,
        elsewhere_usd: Sequence[float] = (),
        priced: Sequence[Priced] = (),
        whole_units: frozenset[Part] = frozenset(),
    ) -> None:
        self.cases = [case for case, _ in prepared]
        self.model = pyo.ConcreteModel(name="robust")
        self.bought = _bought(self.model, most, whole_units)
        inventory = Inventory(self.bought)
        self.programs: list[Program] = []
        for index, (case, candidates) in enumerate(prepared):
            program = build(case.problem, candidates, inventory=inventory)
            program.model.objective.deactivate()
            self.model.add_component(block_name(index), program.model)
            self.programs.append(program)
        _shared_limits(self.model, self.programs, self.bought)
        self.given_up: list[Any] = []
        if goal.kind == "chance":
            self.given_up = _may_give_up(self.model, self.cases, self.programs, goal.level)
        elsewhere = total(
            case.weight * usd * binary
            for case, usd, binary in zip(self.cases, elsewhere_usd, self.given_up, strict=False)
        )
        weighted = [(case.weight, p.objectives["tco"]) for case, p in zip(self.cases, self.programs, strict=True)]
        weighted += _bounded(self.model, priced, self.bought)
        self.model.objective = pyo.Objective(expr=self._goal(goal, weighted) + elsewhere, sense=pyo.minimize)

    def _goal(self, goal: Goal, weighted: Sequence[tuple[float, Any]]) -> Any:
        if goal.kind in ("expected", "chance"):
            return total(weight * cost for weight, cost in weighted)
        model = self.model
        largest = max(upper_bound(cost) for _, cost in weighted)
        model.most = pyo.Var(bounds=(-largest, largest))  # free, HiGHS proves too much of levels near 0
        model.above = pyo.ConstraintList()
        if goal.kind == "worst":
            for _, cost in weighted:
                model.above.add(model.most >= cost)
            return model.most
        model.excess = pyo.Var(range(len(weighted)), domain=pyo.NonNegativeReals)
        for index, (_, cost) in enumerate(weighted):
            model.above.add(model.excess[index] >= cost - model.most)
        tail = max(1.0 - goal.level, 1e-9)
        return model.most + total(weight / tail * model.excess[i] for i, (weight, _) in enumerate(weighted))

    def kept(self) -> list[tuple[Case, Program]]:
        """Return the whole scenarios that a solution does not give up."""
        pairs = zip(self.cases, self.programs, strict=True)
        dropped = [bool(self.given_up) and pyo.value(binary) > 0.5 for binary in self.given_up or self.cases]
        return [pair for pair, gone in zip(pairs, dropped, strict=True) if not gone]

    def parts(self) -> dict[Part, float]:
        """Return the units that a solution buys."""
        parts = {part: _units(pyo.value(variable)) for part, variable in self.bought.items()}
        return {part: units for part, units in parts.items() if units > 0}


def block_name(index: int) -> str:
    """Return the name of the block of the whole scenario ``index``."""
    return f"scenario_{index + 1}"


def most_needed(prepared: Iterable[tuple[Case, Candidates]]) -> dict[Part, float]:
    """Return the units of every row that some scenario could need."""
    most: dict[Part, float] = {}
    for case, candidates in prepared:
        program = build(case.problem, candidates, inventory=Inventory({}))
        for part, line in program.needed.items():
            most[part] = max(most.get(part, 0.0), upper_bound(line.quantity))
    return most


def _bought(model: Any, most: Mapping[Part, float], whole_units: frozenset[Part]) -> dict[Part, Any]:
    """Declare what can be bought, by row."""
    model.bought = pyo.Var(range(len(most)), domain=pyo.NonNegativeReals)
    found = {}
    for index, (part, units) in enumerate(most.items()):
        model.bought[index].setub(units)
        if part in whole_units:
            model.bought[index].domain = pyo.NonNegativeIntegers
        found[part] = model.bought[index]
    return found


def _bounded(model: Any, priced: Sequence[Priced], bought: Mapping[Part, Any]) -> list[tuple[float, Any]]:
    """Declare the TCO of scenarios that are not whole; return (weight, TCO) of each."""
    if not priced:
        return []
    model.tco = pyo.Var(range(len(priced)), domain=pyo.Reals)
    model.cuts = pyo.ConstraintList()
    for index, scenario in enumerate(priced):
        model.tco[index].setub(scenario.most_usd)
        for cut in scenario.cuts:
            slopes = total(usd * bought[part] for part, usd in cut.slope_usd.items())
            model.cuts.add(model.tco[index] >= cut.least_usd + slopes)
    return [(scenario.weight, model.tco[index]) for index, scenario in enumerate(priced)]


def _shared_limits(model: Any, programs: Sequence[Program], bought: dict[Part, Any]) -> None:
    """Keep, for what is bought, the limits that hold over several sites or rows together.

    Limits on one row at one site hold already: no more is ever bought than some scenario needs. Where equipment is
    bought at several dates every scenario keeps its own limits.
    """
    model.limits = pyo.ConstraintList()
    for problem in [program.problem for program in programs if not program.epochs]:
        for offer in problem.offers.values():
            units = [x for (_, table, row), x in bought.items() if (table, row) == (offer.table, offer.name)]
            if offer.site is None and offer.max_units is not None and len(units) > 1:
                model.limits.add(total(units) <= offer.max_units)
        nodes = [(row, x) for (_, table, row), x in bought.items() if table == "nodes"]
        limit, share = problem.settings.embodied_limit_t, problem.settings.max_vendor_pct / 100
        if limit is not None and nodes:
            model.limits.add(total(problem.nodes[row].embodied_kgco2 / 1000 * x for row, x in nodes) <= limit)
        for vendor in {problem.vendor_of(row) for row, _ in nodes} if share < 1 else ():
            of_vendor = total(x for row, x in nodes if problem.vendor_of(row) == vendor)
            model.limits.add(of_vendor <= share * total(x for _, x in nodes))


def _may_give_up(model: Any, cases: Sequence[Case], programs: Sequence[Program], share: float) -> list[Any]:
    """Let scenarios of a weight of up to 1 − ``share`` together be given up; return the binaries that say which."""
    model.given_up = pyo.Var(range(len(cases)), domain=pyo.Binary)
    model.hulls = pyo.ConstraintList()
    binaries = [model.given_up[index] for index in range(len(cases))]
    lost = total(case.weight * binary for case, binary in zip(cases, binaries, strict=True))
    model.hulls.add(lost <= 1 - share + 1e-9)
    for program, binary in zip(programs, binaries, strict=True):
        for component in program.model.component_objects(pyo.Constraint, active=True):
            if not _of_purchase(program, component, ALWAYS_KEPT):
                for row in component.values():
                    _times_kept(model.hulls, row, binary)
                component.deactivate()
        for component in program.model.component_objects(pyo.Var):
            if not _of_purchase(program, component, ORDERS):
                for variable in component.values():
                    if variable.ub:
                        model.hulls.add(variable <= variable.ub * (1 - binary))
    return binaries


def _of_purchase(program: Program, component: Any, names: Collection[str]) -> bool:
    """Whether constraints or variables are about what is bought, so that they hold where a scenario is given up.

    Over several epochs these are all that link the epochs: where nothing is run nothing need stand or be rented.
    """
    if program.epochs:
        return component.parent_block() is program.model
    return component.local_name.removeprefix("keep_") in names


def _times_kept(hulls: Any, row: Any, binary: Any) -> None:
    """Add a row with its right side times (1 − binary)."""
    body = generate_standard_repn(row.body, quadratic=False)
    left = linear(list(body.linear_coefs), list(body.linear_vars))
    lower, upper = (None if side is None else pyo.value(side) - body.constant for side in (row.lower, row.upper))
    if lower is not None and upper is not None and lower == upper:
        hulls.add(left == upper * (1 - binary))
        return
    if upper is not None:
        hulls.add(left <= upper * (1 - binary))
    if lower is not None:
        hulls.add(left >= lower * (1 - binary))


def _units(value: float) -> float:
    """Return a number of units without the solver's noise."""
    nearest = round(value)
    return float(nearest) if abs(value - nearest) < 1e-5 else value
