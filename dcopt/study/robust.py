"""One purchase for many scenarios, judged in each of them and on fresh ones beside the nominal purchase."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dcopt.candidates.memory import Memory
from dcopt.pipeline.extensive import Purchased, best_purchase
from dcopt.pipeline.run import RunOptions
from dcopt.pipeline.shared_purchase import Case, Goal
from dcopt.problem.load import load
from dcopt.problem.problem import Problem
from dcopt.report.purchase_content import Judged
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.regret import Purchase

ROBUST, NOMINAL = "robust", "nominal"
TAIL = 0.95
"""The share of the better scenarios beyond which the reported CVaR is the mean."""


def cases_of(path: Path, sets: Sequence[str], scenarios: Sequence[Scenario]) -> tuple[Case, ...]:
    """Return the scenarios as equally likely cases that minimize the TCO.

    Raises
    ------
    InputError: a scenario's changes cannot be applied.
    """
    return tuple(
        Case(scenario.name, for_tco(load(path, (*sets, *scenario.sets))), 1.0 / len(scenarios))
        for scenario in scenarios
    )


def for_tco(problem: Problem) -> Problem:
    """Return the problem with the TCO as its objective."""
    return replace(problem, settings=problem.settings.model_copy(update={"objective": "tco"}))


def robust_purchase(
    path: Path, sets: Sequence[str], scenarios: Sequence[Scenario], goal: Goal, choices: SolveChoices
) -> Purchased:
    """Return the best purchase for all scenarios by the extensive form.

    Raises
    ------
    InputError: a scenario's changes cannot be applied.
    """
    cases = cases_of(path, sets, scenarios)
    options = RunOptions(choices.time_limit_s, choices.gap, choices.threads, choices.seed)
    return best_purchase(cases, goal, options.solve_options(cases[0].problem), Memory())


def purchase_named(name: str, parts: Mapping[tuple[str, str, str], float]) -> Purchase:
    """Return units by (site, table, row) as a purchase that can be held fixed."""
    return Purchase(name, 1, {"/".join(part): units for part, units in parts.items()}, "")


def judged(name: str, outcomes: Sequence[Outcome]) -> Judged:
    """Return how the purchase ``name`` fares, of outcomes of `dcopt.study.regret.held_fixed`."""
    mine = [o for o in outcomes if o.inputs["purchase"] == name and o.status in ("optimal", "feasible", "infeasible")]
    broken = {o.inputs["scenario"] for o in outcomes if not o.solved}
    costs = tuple(sorted(o.figures["tco_usd"] for o in mine if o.solved))
    common = [o.figures["tco_usd"] for o in mine if o.inputs["scenario"] not in broken]
    return Judged(
        name=name,
        scenarios=len(mine),
        costs=costs,
        mean_usd=float(np.mean(costs)) if costs else None,
        worst_usd=costs[-1] if costs else None,
        cvar_usd=cvar(costs, TAIL) if costs else None,
        common_mean_usd=float(np.mean(common)) if common else None,
    )


def cvar(costs: Sequence[float], level: float) -> float:
    """Return the mean of the dearest 1 − ``level`` of equally likely costs (Rockafellar and Uryasev 2000)."""
    ordered = sorted(costs)
    threshold = ordered[min(len(ordered) - 1, math.ceil(level * len(ordered) - 1e-9) - 1)] if level > 0 else ordered[0]
    above = sum(max(0.0, cost - threshold) for cost in ordered) / len(ordered)
    return float(threshold + above / max(1.0 - level, 1e-9))


def goal_value(goal: Goal, outcomes: Sequence[Outcome], name: str) -> float:
    """Return the value of ``goal`` for a purchase; infinite where it breaks more promises than the goal allows."""
    mine = [o for o in outcomes if o.inputs["purchase"] == name]
    costs = [o.figures["tco_usd"] for o in mine if o.solved]
    allowed = 1.0 - goal.level if goal.kind == "chance" else 0.0
    if not costs or len(mine) - len(costs) > allowed * len(mine) + 1e-9:
        return math.inf
    return goal_of(goal, costs)


def goal_of(goal: Goal, costs: Sequence[float]) -> float:
    """Return the value of ``goal`` where equally likely scenarios cost ``costs``."""
    if goal.kind == "worst":
        return max(costs)
    return cvar(costs, goal.level) if goal.kind == "cvar" else float(np.mean(costs))
