"""One purchase for several futures: every scenario a whole program in a block of its own, sharing what is bought.

    X[k] ≥ needed[s,k]          for every scenario s and row k of what can be bought at a site
    TCO[s] = Σ_k cost[s,k]·X[k] + running[s]
    expected: Σ_s p_s·TCO[s];   worst: z ≥ TCO[s];   cvar: η + Σ_s p_s·u_s ÷ (1 − α), u_s ≥ TCO[s] − η, u_s ≥ 0
    chance:   scenario s is given up where d_s = 1, Σ_s p_s·d_s ≤ 1 − share: every row a·x ≤ b of its block becomes
              a·x ≤ b·(1 − d_s) and every bound x ≤ u becomes x ≤ u·(1 − d_s)

CVaR is that of Rockafellar and Uryasev (2000). Giving up a scenario takes its program to zero; rows times (1 − d) are
the convex hull of the program and zero (Balas 1979), so there is no big-M. What is bought is paid in every scenario. A
scenario that is given up runs nothing here; what running it costs with the best purchase for all scenarios counts
instead, so that giving up saves equipment, not work.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyomo.environ as pyo
from pyomo.repn.standard_repn import generate_standard_repn

from dcopt.candidates.generate import generate
from dcopt.candidates.memory import Memory
from dcopt.candidates.records import Candidates
from dcopt.economics.ledger import cost_of
from dcopt.economics.prices import Part
from dcopt.formulation.build import build
from dcopt.formulation.expressions import linear, number, total, upper_bound
from dcopt.formulation.extract import load_values
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Inventory
from dcopt.pipeline.calendar import calendar_of, cut_off
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.integers import polish
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.session import Outcome, SolveOptions, solve

GoalKind = Literal["expected", "worst", "cvar", "chance"]

BUYING = ("inventory", "ordered", "volume_most", "volume_least", "volume_full", "volume_beyond", "one_volume")
"""Constraints on what is bought, which hold also for scenarios that are given up."""
ALWAYS_KEPT = (*BUYING, "capex_limit")
START_GAP = 0.01
START_SHARE = 0.3
"""Gap, and share of the time limit, of the solves that the extensive form starts from."""
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
class Purchased:
    """What the extensive form found.

    Attributes
    ----------
    status: optimal (within the gap), feasible, infeasible or no_solution.
    parts: units of what is bought, by (site, table, row); empty without a solution.
    objective_usd, bound_usd: value of the goal, and what no purchase can fall below.
    given_up: scenarios whose promises need not be kept (chance only).
    """

    status: str
    parts: dict[Part, float]
    objective_usd: float | None
    bound_usd: float | None
    given_up: tuple[str, ...]
    reason: str
    seconds: float
    variables: int


def best_purchase(cases: Sequence[Case], goal: Goal, options: SolveOptions, memory: Memory | None = None) -> Purchased:
    """Return the purchase that is best for ``cases`` by ``goal``.

    Raises
    ------
    SolverError: HiGHS failed.
    """
    start = time.monotonic()
    memory = memory or Memory()
    prepared = [(case, generate(case.problem, any_price=True, memory=memory)) for case in cases]
    if goal.kind != "chance":
        for case, candidates in prepared:
            for obstacle in precheck(case.problem, candidates):
                return Purchased("infeasible", {}, None, None, (), f"{case.name}: {obstacle}", 0.0, 0)
    options = replace(options, start=_each_alone(prepared, options))
    elsewhere = _running_usd(prepared, options) if goal.kind == "chance" else ()
    form = _Form(prepared, goal, elsewhere)
    return _solve(form, options, start)


def _each_alone(prepared: Sequence[tuple[Case, Candidates]], options: SolveOptions) -> dict[str, float]:
    """Return the integers of all programs where each scenario has the design that is best for it alone.

    Buying for each row the most that one of them needs makes that a solution of the extensive form. It is no more than
    a start, so a wide gap and a part of the time do.
    """
    each = replace(
        options,
        gap=max(options.gap, START_GAP),
        time_limit_s=options.time_limit_s * START_SHARE / len(prepared),
        start=None,
    )
    start: dict[str, float] = {}
    for index, (case, candidates) in enumerate(prepared):
        solved = solve_program(case.problem, candidates, each, Listener())
        if solved.design is not None:
            for variable in solved.program.model.component_data_objects(pyo.Var):
                if variable.value is not None and not variable.is_continuous():
                    start[f"{_block(index)}.{variable.name}"] = round(variable.value)
    return start


def _block(index: int) -> str:
    return f"scenario_{index + 1}"


def _running_usd(prepared: Sequence[tuple[Case, Candidates]], options: SolveOptions) -> tuple[float, ...]:
    """Return what running each scenario costs with the best purchase for all of them, discounted USD.

    Where no purchase serves all, that is its running cost in the design that is cheapest for it alone, and 0 where it
    has none.
    """
    form = _Form(prepared, Goal("expected"), ())
    if _solve(form, options, time.monotonic()).parts:
        ledgers = [(program.ledger.evaluated(number), program.finance) for program in form.programs]
        return tuple(sum(cost_of(ledger, finance).running.values()) for ledger, finance in ledgers)
    found = [solve_program(case.problem, candidates, options, Listener()) for case, candidates in prepared]
    designs = [None if one.design is None else one.design.cost for one in found]
    return tuple(0.0 if cost is None else sum(cost.running.values()) for cost in designs)


@dataclass(frozen=True)
class Tilted:
    """A scenario alone whose purchases cost more or less than their prices: what it buys, and a bound on its value.

    ``most`` are the units of each row that it could need.
    """

    parts: dict[Part, float]
    bound_usd: float | None
    most: dict[Part, float]
    reason: str


def tilted(
    case: Case,
    extra_usd: Mapping[Part, float],
    most: Mapping[Part, float],
    options: SolveOptions,
    memory: Memory | None = None,
) -> Tilted:
    """Return the best purchase of one scenario where each unit of a row costs ``extra_usd`` more.

    It may buy up to ``most`` units of a row, needed or not, so that its bound is one of the Lagrangian that relaxes
    that all scenarios buy the same.
    """
    candidates = generate(case.problem, any_price=True, memory=memory)
    for obstacle in precheck(case.problem, candidates):
        return Tilted({}, None, {}, str(obstacle))
    form = _Form([(replace(case, weight=1.0), candidates)], Goal("expected"), (), most)
    tilt = total(extra * form.bought[part] for part, extra in extra_usd.items() if part in form.bought)
    form.model.objective.set_value(form.model.objective.expr + tilt)
    found = _solve(form, options, time.monotonic())
    reach = {part: float(variable.ub) for part, variable in form.bought.items()}
    return Tilted(found.parts, found.bound_usd, reach, "" if found.parts else found.reason)


class _Form:
    """The extensive form: its model, the programs of the scenarios, what is bought, and which are given up."""

    def __init__(
        self,
        prepared: Sequence[tuple[Case, Candidates]],
        goal: Goal,
        elsewhere_usd: tuple[float, ...],
        most: Mapping[Part, float] | None = None,
    ) -> None:
        self.cases = [case for case, _ in prepared]
        self.model = pyo.ConcreteModel(name="robust")
        self.bought = _bought(self.model, prepared, most or {})
        inventory = Inventory(self.bought)
        self.programs: list[Program] = []
        for index, (case, candidates) in enumerate(prepared):
            program = build(case.problem, candidates, inventory=inventory)
            program.model.objective.deactivate()
            self.model.add_component(_block(index), program.model)
            self.programs.append(program)
        _shared_limits(self.model, self.programs, self.bought)
        self.given_up: list[Any] = []
        if goal.kind == "chance":
            self.given_up = _may_give_up(self.model, self.cases, self.programs, goal.level)
        elsewhere = total(
            case.weight * usd * binary
            for case, usd, binary in zip(self.cases, elsewhere_usd, self.given_up, strict=False)
        )
        self.model.objective = pyo.Objective(expr=self._goal(goal) + elsewhere, sense=pyo.minimize)

    def _goal(self, goal: Goal) -> Any:
        costs = [program.objectives["tco"] for program in self.programs]
        weights = [case.weight for case in self.cases]
        if goal.kind in ("expected", "chance"):
            return total(weight * cost for weight, cost in zip(weights, costs, strict=True))
        model = self.model
        largest = max(upper_bound(cost) for cost in costs)
        model.most = pyo.Var(bounds=(-largest, largest))  # free, HiGHS proves too much of levels near 0
        model.above = pyo.ConstraintList()
        if goal.kind == "worst":
            for cost in costs:
                model.above.add(model.most >= cost)
            return model.most
        model.excess = pyo.Var(range(len(costs)), domain=pyo.NonNegativeReals)
        for index, cost in enumerate(costs):
            model.above.add(model.excess[index] >= cost - model.most)
        tail = max(1.0 - goal.level, 1e-9)
        return model.most + total(w / tail * model.excess[i] for i, w in enumerate(weights))

    def kept(self) -> list[tuple[Case, Program]]:
        """Return the scenarios that a solution does not give up."""
        pairs = zip(self.cases, self.programs, strict=True)
        dropped = [bool(self.given_up) and pyo.value(binary) > 0.5 for binary in self.given_up or self.cases]
        return [pair for pair, gone in zip(pairs, dropped, strict=True) if not gone]


def _bought(model: Any, prepared: Sequence[tuple[Case, Candidates]], at_least: Mapping[Part, float]) -> dict[Part, Any]:
    """Declare what can be bought: as many units of each row as some scenario could need, ``at_least`` anyhow."""
    most: dict[Part, float] = dict(at_least)
    for case, candidates in prepared:
        program = build(case.problem, candidates, inventory=Inventory({}))
        for part, line in program.needed.items():
            most[part] = max(most.get(part, 0.0), upper_bound(line.quantity))
    model.bought = pyo.Var(range(len(most)), domain=pyo.NonNegativeReals)
    found = {}
    for index, (part, units) in enumerate(most.items()):
        model.bought[index].setub(units)
        found[part] = model.bought[index]
    return found


def _shared_limits(model: Any, programs: Sequence[Program], bought: dict[Part, Any]) -> None:
    """Keep, for what is bought, the limits that hold over several sites or rows together.

    Limits on one row at one site hold already: no more is ever bought than some scenario needs.
    """
    model.limits = pyo.ConstraintList()
    for problem in [program.problem for program in programs]:
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
            if component.local_name.removeprefix("keep_") not in ALWAYS_KEPT:
                for row in component.values():
                    _times_kept(model.hulls, row, binary)
                component.deactivate()
        for component in program.model.component_objects(pyo.Var):
            if component.local_name not in ORDERS:
                for variable in component.values():
                    if variable.ub:
                        model.hulls.add(variable <= variable.ub * (1 - binary))
    return binaries


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


def _solve(form: _Form, options: SolveOptions, start: float) -> Purchased:
    """Solve until every scenario that is kept has a calendar."""
    bound: float | None = None
    cuts = 0
    while True:
        matrix = compile_model(form.model)
        left = options.time_limit_s - (time.monotonic() - start)
        limited = replace(options, time_limit_s=max(left, 0.01))
        outcome = _twice(matrix, limited) if form.given_up else solve(matrix, limited)
        if outcome.bound is not None:
            bound = outcome.bound if bound is None else max(bound, outcome.bound)
        spent, size = time.monotonic() - start, int(matrix.lp.num_col_)
        if outcome.values is None:
            status = "infeasible" if outcome.verdict == "infeasible" else "no_solution"
            reason = "no purchase serves the scenarios together" if status == "infeasible" else outcome.verdict
            return Purchased(status, {}, None, bound, (), reason, spent, size)
        values, objective = polish(matrix, outcome.values, outcome.objective or 0.0)
        load_values(matrix.columns, values)
        clashes = [(program, clash) for _, program in form.kept() for clash in calendar_of(program).conflicts]
        if not clashes:
            break
        for program, clash in clashes:
            cut_off(program, clash, cuts)
            cuts += 1
        if left <= 0:
            return Purchased("no_solution", {}, None, bound, (), "time limit", spent, size)
    parts = {part: _units(pyo.value(variable)) for part, variable in form.bought.items()}
    kept = {case.name for case, _ in form.kept()}
    proven = bound is not None and objective - bound <= options.gap * abs(objective) * (1 + 1e-6) + 1e-9
    return Purchased(
        status="optimal" if proven else "feasible",
        parts={part: units for part, units in parts.items() if units > 0},
        objective_usd=objective,
        bound_usd=None if bound is None else min(bound, objective),
        given_up=tuple(case.name for case in form.cases if case.name not in kept),
        reason="",
        seconds=spent,
        variables=size,
    )


def _twice(matrix: Matrix, options: SolveOptions) -> Outcome:
    """Solve with presolve and without it; return the better solution with the weaker bound.

    With presolve HiGHS 1.15.1 has called a solution optimal that another, which keeps every row exactly, beats by 40 %
    (`tests/study/test_study_robust.py`), where scenarios may be given up.
    """
    first = solve(matrix, options)
    second = solve(
        matrix, replace(options, time_limit_s=max(0.01, options.time_limit_s - first.seconds)), presolve="off"
    )
    found = sorted((one for one in (first, second) if one.values is not None), key=lambda one: one.objective or 0.0)
    bounds = [one.bound for one in (first, second) if one.bound is not None]
    if not found:
        return second
    return replace(found[0], bound=min(bounds) if len(bounds) == 2 else None)


def _units(value: float) -> float:
    """Return a number of units without the solver's noise."""
    nearest = round(value)
    return float(nearest) if abs(value - nearest) < 1e-5 else value
