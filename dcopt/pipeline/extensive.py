"""One purchase for several futures by the extensive form: every scenario whole, in one program.

`dcopt.pipeline.shared_purchase` states it. A scenario that is given up runs nothing there; what running it costs with
the best purchase for all scenarios counts instead, so that giving up saves equipment, not work.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyomo.environ as pyo

from dcopt.candidates.generate import generate
from dcopt.candidates.memory import Memory
from dcopt.candidates.records import Candidates
from dcopt.economics.ledger import cost_of
from dcopt.economics.prices import Part
from dcopt.formulation.expressions import number
from dcopt.formulation.extract import load_values
from dcopt.formulation.first_purchase import first_usd
from dcopt.formulation.program import Program
from dcopt.pipeline.calendar import calendar_of, cut_off
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.shared_purchase import Case, Form, Goal, block_name, most_needed
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.solve.integers import polish
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.session import Outcome, SolveOptions, solve

START_GAP = 0.01
START_SHARE = 0.3
"""Gap, and share of the time limit, of the solves that the extensive form starts from."""


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
    most = most_needed(prepared)
    if goal.kind != "chance":
        return solve_form(Form(prepared, goal, most), options, start)
    everywhere = _everywhere(prepared, most, options)
    options = replace(options, start=everywhere.integers or options.start)
    found = solve_form(Form(prepared, goal, most, elsewhere_usd=everywhere.running_usd), options, start)
    return _without_idle_surrender(found, everywhere.purchased, options.gap)


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
            of_case = _integers(solved.program.model)
            start |= {f"{block_name(index)}.{name}": value for name, value in of_case.items()}
    return start


@dataclass(frozen=True)
class _Everywhere:
    """The best purchase for all scenarios, its integers, and what running each scenario costs with it, discounted USD.

    Where no purchase serves all, the running cost is that of the design that is cheapest for the scenario alone, and 0
    where it has none.
    """

    purchased: Purchased
    integers: dict[str, float]
    running_usd: tuple[float, ...]


def _everywhere(
    prepared: Sequence[tuple[Case, Candidates]], most: dict[Part, float], options: SolveOptions
) -> _Everywhere:
    """Return the best purchase with which no promise is given up, in a share of the time limit."""
    form = Form(prepared, Goal("expected"), most)
    share = options.time_limit_s * START_SHARE
    purchased = solve_form(form, replace(options, time_limit_s=share), time.monotonic())
    if purchased.objective_usd is not None:
        return _Everywhere(purchased, _integers(form.model), tuple(_after_purchase(one) for one in form.programs))
    each = replace(options, time_limit_s=share / len(prepared), start=None)
    found = [solve_program(case.problem, candidates, each, Listener()) for case, candidates in prepared]
    running = tuple(0.0 if one.design is None else _after_purchase(one.program) for one in found)
    return _Everywhere(purchased, {}, running)


def _without_idle_surrender(found: Purchased, everywhere: Purchased, gap: float) -> Purchased:
    """Return the purchase that keeps all promises where giving some up saves no more than the gap."""
    if found.objective_usd is None or everywhere.objective_usd is None or not found.given_up:
        return found
    if everywhere.objective_usd - found.objective_usd > gap * abs(found.objective_usd):
        return found
    kept = everywhere.objective_usd
    bound = None if found.bound_usd is None else min(found.bound_usd, kept)
    proven = bound is not None and kept - bound <= gap * abs(kept) * (1 + 1e-6) + 1e-9
    return replace(
        found,
        status="optimal" if proven else "feasible",
        parts=everywhere.parts,
        objective_usd=kept,
        bound_usd=bound,
        given_up=(),
    )


def _integers(model: Any) -> dict[str, float]:
    """Return the values of the integers of a solved model, by name."""
    return {
        variable.name: round(variable.value)
        for variable in model.component_data_objects(pyo.Var)
        if variable.value is not None and not variable.is_continuous()
    }


def _after_purchase(program: Program) -> float:
    """Return what a solved program costs besides the purchase that futures share, discounted USD.

    That is running it and, where there are several dates, what is bought later.
    """
    if program.epochs:
        return number(program.objectives["tco"]) - first_usd(program)
    return sum(cost_of(program.ledger.evaluated(number), program.finance).running.values())


def solve_form(form: Form, options: SolveOptions, start: float) -> Purchased:
    """Solve until every scenario that is kept has a calendar; ``start`` is when the time limit began."""
    bound: float | None = None
    cuts = 0
    trusted = True
    while True:
        matrix = compile_model(form.model)
        left = options.time_limit_s - (time.monotonic() - start)
        limited = replace(options, time_limit_s=max(left, 0.01))
        outcome = _plainly(matrix, limited) if form.given_up else solve(matrix, limited)
        if trusted and outcome.bound is not None:
            bound = outcome.bound if bound is None else max(bound, outcome.bound)
        spent, size = time.monotonic() - start, int(matrix.lp.num_col_)
        if outcome.values is None:
            status = "infeasible" if outcome.verdict == "infeasible" and trusted else "no_solution"
            reason = "no purchase serves the scenarios together" if status == "infeasible" else outcome.verdict
            return Purchased(status, {}, None, bound, (), reason, spent, size)
        values, objective = polish(matrix, outcome.values, outcome.objective or 0.0)
        load_values(matrix.columns, values)
        parts = [part for _, program in form.kept() for part in program.parts]
        clashes = [(part, clash) for part in parts for clash in calendar_of(part).conflicts]
        if not clashes:
            break
        for part, clash in clashes:
            cut_off(part, clash, cuts)
            cuts += 1
            trusted = trusted and clash.conflict.proven
        if left <= 0:
            return Purchased("no_solution", {}, None, bound, (), "time limit", spent, size)
    kept = {case.name for case, _ in form.kept()}
    proven = bound is not None and objective - bound <= options.gap * abs(objective) * (1 + 1e-6) + 1e-9
    return Purchased(
        status="optimal" if proven else "feasible",
        parts=form.parts(),
        objective_usd=objective,
        bound_usd=None if bound is None else min(bound, objective),
        given_up=tuple(case.name for case in form.cases if case.name not in kept),
        reason="",
        seconds=spent,
        variables=size,
    )


def _plainly(matrix: Matrix, options: SolveOptions) -> Outcome:
    """Solve without presolve.

    With it HiGHS 1.15.1 has called a solution optimal that another, which keeps every row exactly, beats by 40 %
    (`tests/study/test_study_robust.py`), where scenarios may be given up.
    """
    return solve(matrix, options, presolve="off")
