"""One first purchase shared by futures that buy more later: brute force on tiny problems of several years."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from stays_oracle import brute_force, most_useful, random_case

from dcopt.pipeline.shared_purchase import Goal
from dcopt.problem.load import load
from dcopt.study.decompose import decomposed
from dcopt.study.records import Scenario, SolveChoices
from dcopt.study.robust import goal_of, robust_purchase

TIGHT = SolveChoices(gap=1e-8)
GOALS = (Goal("expected"), Goal("worst"), Goal("cvar", 0.5))
GROWTH = "inference.chat.growth_pct_per_year"


@pytest.mark.parametrize("seed", range(10))
def test_brute_force_over_first_purchases_agrees(seed: int, tmp_path: Path) -> None:
    """Every number of nodes of each type at the first date, each future's cheapest stays found by enumeration."""
    small, rows = random_case(seed, 3, "1 2")
    path = small.write(tmp_path)
    futures = (Scenario(name="flat", sets=(f"{GROWTH}=0",)), Scenario(name="grow", sets=(f"{GROWTH}=60",)))
    problems = [load(path, future.sets) for future in futures]
    goal = GOALS[seed % 3]
    best = math.inf
    each = [most_useful(problem, list(rows)) for problem in problems]
    most = [max(of_row) for of_row in zip(*each, strict=True)]
    for first in itertools.product(*(range(units + 1) for units in most)):
        costs = [brute_force(problem, rows, first=first) for problem in problems]
        if not any(map(math.isinf, costs)):
            best = min(best, goal_of(goal, costs))
    found = robust_purchase(path, (), futures, goal, TIGHT)
    assert found.status == "optimal"
    assert found.objective_usd == pytest.approx(best, rel=1e-6)
    again = decomposed(path, (), futures, goal, TIGHT).purchased
    assert again.objective_usd == pytest.approx(best, rel=1e-6)
