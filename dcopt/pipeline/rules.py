"""Rules of thumb beside the optimum: the same program where purchases follow a rule, each with a proof of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyomo.environ as pyo

from dcopt.candidates.records import Candidates
from dcopt.design.records import RuleOfThumb
from dcopt.economics.stock import Stay
from dcopt.formulation.program import Program
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions, relative_gap

if TYPE_CHECKING:
    from dcopt.pipeline.run import RunOptions

REFRESH_YEARS = (3, 4, 5, 6)
SHARE_OF_TIME = 0.2
"""Of the main time limit, for each rule."""
TIMES_THE_GAP = 2.0
"""A rule is priced to this many times the gap of the design that it is held against: it is compared, not built."""


@dataclass(frozen=True)
class Rule:
    """A rule: what it is called, what it says, and which stays of a row of a table it allows."""

    name: str
    sentence: str
    allows: Callable[[str, Stay, int], bool]
    """(table, stay, last year of the horizon) -> whether units may stay so."""


def _replaced_after(years: int) -> Rule:
    def allows(table: str, one: Stay, horizon: int) -> bool:
        if table != "nodes" or one.existing:
            return True
        return len(one.paid) == 1 and one.last_year == min(one.first_year + years - 1, horizon)

    return Rule(f"refresh-{years}", f"every node is replaced when it is {years} years old", allows)


def _all_at_the_start() -> Rule:
    return Rule(
        "all-at-start",
        "everything is bought in year 1 for the whole horizon, and again only when its life ends",
        lambda table, one, horizon: one.first_year == 1 and one.last_year == horizon,
    )


def rules() -> tuple[Rule, ...]:
    """Return the rules in the order in which they are reported."""
    return (*(_replaced_after(years) for years in REFRESH_YEARS), _all_at_the_start())


def rules_of_thumb(
    problem: Problem,
    candidates: Candidates,
    solving: SolveOptions,
    options: RunOptions,
    solved: Solved,
    listener: Listener,
) -> tuple[RuleOfThumb, ...]:
    """Return what each rule costs; none where everything is bought once, or the objective is not the TCO."""
    wanted = options.baseline and problem.settings.objective == "tco" and solved.stopped_by != "interrupted"
    if len(problem.settings.purchase_dates) == 1 or not wanted or solved.design is None:
        return ()
    start = _use_of(solved.program)
    found = []
    for rule in rules():
        listener.log(f"\ndcopt: rule of thumb {rule.name}: {rule.sentence}\n")
        listener.phase(f"rule of thumb: {rule.sentence} (Ctrl-C skips it)")
        try:
            found.append(_priced(problem, candidates, replace(solving, start=start), options, rule, solved, listener))
        except KeyboardInterrupt:
            found.append(RuleOfThumb(rule=rule.name, sentence=rule.sentence, reason="it was interrupted"))
    return tuple(found)


def keep_rule(program: Program, rule: Rule) -> None:
    """Forbid every stay that a rule does not allow."""
    horizon = program.finance.horizon_years
    for stock in program.stocks:
        for one, units in stock.columns:
            if not rule.allows(stock.table, one, horizon):
                units.fix(0)


def _priced(
    problem: Problem,
    candidates: Candidates,
    solving: SolveOptions,
    options: RunOptions,
    rule: Rule,
    solved: Solved,
    listener: Listener,
) -> RuleOfThumb:
    """Return what a rule costs, with its bound; no design that keeps the rule costs less than any design must."""
    assert solved.design is not None
    mine = solved.design.tco_usd or 0.0

    def cutoffs(program: Program) -> None:
        options.user_constraints(program)
        keep_rule(program, rule)

    limited = replace(
        solving, time_limit_s=solving.time_limit_s * SHARE_OF_TIME, gap=min(1.0, solving.gap * TIMES_THE_GAP)
    )
    other = solve_program(problem, candidates, limited, Listener(listener.log), all_stays=True, cutoffs=cutoffs)
    if other.design is None or other.bound is None or other.design.tco_usd is None:
        reasons = {
            "infeasible": "no design keeps it with these purchase years and what is for sale in them",
            "no_solution": f"none was found in {limited.time_limit_s:g} s",
        }
        reason = reasons.get(other.status, other.status)
        return RuleOfThumb(rule=rule.name, sentence=rule.sentence, reason=reason)
    tco = other.design.tco_usd
    bound = min(tco, max(other.bound, solved.bound or other.bound))
    return RuleOfThumb(
        rule=rule.name,
        sentence=rule.sentence,
        tco_usd=tco,
        objective_bound=bound,
        gap=relative_gap(tco, bound),
        extra_usd=tco - mine,
        extra_proven_usd=bound - mine,
    )


def _use_of(program: Program) -> dict[str, float]:
    """Return the integers of a solved program that say what is used when; which stays cover that, a rule decides."""
    return {
        variable.name: round(variable.value)
        for part in program.epochs
        for variable in part.model.component_data_objects(pyo.Var)
        if variable.value is not None and not variable.is_continuous()
    }
