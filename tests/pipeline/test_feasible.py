"""Whether there is a design is the same by limits that give way, by steps, and by solving for the cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from small import Small, job, owned_site, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.formulation.program import Program
from dcopt.pipeline import explain, feasible, least_limit
from dcopt.pipeline.conflict import Oracle, OutOfTimeError
from dcopt.pipeline.feasible import decide
from dcopt.pipeline.least_limit import least_limit_of
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.promises import Promise, changed, promises_of, value_of
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.pipeline.ways_out import ENOUGH, RATIO, WayOut, least_change, most_of
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions

OPTIONS = SolveOptions(time_limit_s=60, threads=1)
GROWING: dict[str, Any] = {"growth_pct_per_year": 40, "peak_requests_per_s": 900}


def over_years() -> Small:
    """Return a problem of several periods."""
    return two_sites([job(deadline_days=6)], [service(**GROWING)], power_limit_kw=12).set(horizon_years=3)


def one_year() -> Small:
    return owned_site([job(deadline_days=6)], [service(peak_requests_per_s=900)], power_limit_kw=9, rack_positions=12)


def by_cost(problem: Problem) -> bool:
    candidates = generate(problem)
    if precheck(problem, candidates):
        return False
    solved = solve_program(problem, candidates, SolveOptions(gap=1.0, time_limit_s=60, threads=1), Listener())
    assert solved.design is not None or solved.status == "infeasible"
    return solved.design is not None


def by_giving_way(problem: Problem) -> bool | None:
    candidates = generate(problem)
    return False if precheck(problem, candidates) else decide(problem, candidates, OPTIONS).possible


LIMITS: dict[str, tuple[Callable[[float], Small], tuple[float, ...]]] = {
    "capex": (lambda v: over_years().set(capex_limit_usd=v), (2e4, 6e4, 1e5, 1.5e5, 2e5, 4e5)),
    "power": (lambda v: over_years().change("sites", power_limit_kw=v), (0.5, 1, 2, 4, 8)),
    "carbon": (lambda v: over_years().set(carbon_limit_t_per_year=v), (1, 5, 10, 20, 50)),
    "positions": (lambda v: one_year().change("sites", rack_positions=int(v)), (1, 2, 3, 4)),
    "capex of one year": (lambda v: one_year().set(capex_limit_usd=v), (2e4, 6e4, 8e4, 1e5, 2e5)),
}


@pytest.mark.parametrize("steps", [True, False], ids=["by steps", "whole"])
@pytest.mark.parametrize("limit", LIMITS)
def test_the_answer_is_that_of_a_solve_for_the_cost(limit: str, steps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feasible, "STEPS_FROM", 0 if steps else 1_000_000_000)
    make, values = LIMITS[limit]
    problems = [make(value).load() for value in values]
    expected = [by_cost(problem) for problem in problems]
    assert [by_giving_way(problem) for problem in problems] == expected
    assert sorted(expected) == expected
    assert len(set(expected)) == 2, "the values should lie on both sides"


def test_relaxations_alone_decide_what_is_far_from_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = over_years().set(capex_limit_usd=2e4).load()
    monkeypatch.setattr(feasible, "STEPS_FROM", 0)
    monkeypatch.setattr(feasible, "solve_program", None)
    monkeypatch.setattr(feasible, "_looked_for", None)
    assert by_giving_way(problem) is False


def promise_of(problem: Problem, column: str) -> Promise:
    return next(promise for promise in promises_of(problem) if promise.column == column)


@pytest.mark.parametrize("steps", [True, False], ids=["by steps", "whole"])
@pytest.mark.parametrize(
    ("small", "column"),
    [
        (over_years().set(capex_limit_usd=2e4), "capex_limit_usd"),
        (over_years().set(carbon_limit_t_per_year=1), "carbon_limit_t_per_year"),
        (one_year().change("sites", rack_positions=1), "rack_positions"),
        (one_year().change("sites", power_limit_kw=2.0), "power_limit_kw"),
    ],
    ids=["capex", "carbon", "positions", "power"],
)
def test_the_least_limit_allows_a_design_and_less_does_not(
    small: Small, column: str, steps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feasible, "STEPS_FROM", 0 if steps else 1_000_000_000)
    problem = small.load()
    promise = promise_of(problem, column)
    oracle = Oracle(seconds=600)
    found = least_change(problem, promise, oracle)
    assert found.in_time
    value = found.value
    assert isinstance(value, float | int)
    assert oracle.questions < 6, "no search by halves"
    assert by_cost(changed(problem, {promise: value}))
    less = value - 1 if promise.whole else value / RATIO / 1.02
    assert not by_cost(changed(problem, {promise: less}))


@pytest.mark.parametrize(
    ("small", "column"),
    [
        (over_years().set(capex_limit_usd=2e4), "capex_limit_usd"),
        (one_year().change("sites", power_limit_kw=2.0), "power_limit_kw"),
        (one_year().change("sites", rack_positions=1), "rack_positions"),
    ],
    ids=["capex", "power", "positions"],
)
def test_a_design_that_is_looked_for_shows_a_limit_that_does(small: Small, column: str) -> None:
    problem = small.load()
    promise = promise_of(problem, column)
    wide = changed(problem, {promise: most_of(promise)})
    candidates = generate(wide)
    taken = least_limit.of_a_design(wide, candidates, promise.row, most_of(promise), OPTIONS)
    assert taken is not None
    assert promise.value < taken < most_of(promise) / 2
    assert by_cost(changed(problem, {promise: math.ceil(taken) if promise.whole else taken * (1 + 1e-6)}))
    there = least_limit.with_little_of(wide, promise.row)
    assert by_cost(there)
    assert {p.row: p.value for p in promises_of(there) if p.row != promise.row} == {
        p.row: p.value for p in promises_of(wide) if p.row != promise.row
    }


def test_what_no_row_states_as_a_number_has_no_least_limit() -> None:
    problem = one_year().set(max_vendor_pct=60).load()
    row = promise_of(problem, "max_vendor_pct").row
    assert least_limit_of(problem, generate(problem), row, 60.0, 50.0, OPTIONS) is None


def test_constraints_of_the_user_are_kept() -> None:
    problem = over_years().load()
    candidates = generate(problem, only_needed=False)

    def nothing(program: Program) -> None:
        for key, variable in program.model.bought.items():
            program.require("none", key, variable <= 0)

    assert decide(problem, candidates, OPTIONS).possible is True
    assert decide(problem, candidates, OPTIONS, user_constraints=nothing).possible is False


def test_the_value_of_a_promise_is_that_of_its_cell() -> None:
    problem = one_year().set(capex_limit_usd=5e4).load()
    for promise in promises_of(problem):
        assert value_of(problem, promise) == promise.value


def test_where_what_collides_takes_too_long_the_ways_by_limits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = over_years().set(capex_limit_usd=2e4).load()

    def too_long(*arguments: Any) -> Any:
        raise OutOfTimeError

    monkeypatch.setattr(explain, "by_parts", too_long)
    possible, text = explain.explain_problem(problem, 600)
    assert possible is False
    assert explain.NOT_FOUND in text
    (way,) = [line for line in text.splitlines() if "a design exists with" in line]
    value = float(way.partition("capex_limit_usd from 20,000 to ")[2].replace(",", ""))
    assert by_cost(over_years().set(capex_limit_usd=value).load())


def test_no_nearer_value_is_tried_where_two_were_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = owned_site([job(deadline_days=0.001)]).load()
    promise = promise_of(problem, "deadline_days")
    asked: list[float] = []

    def undecided_below_ten(oracle: Oracle, changed: Problem, why: str) -> bool | None:
        asked.append(float(changed.training["learn"].deadline_days or 0.0))
        return True if asked[-1] >= 10 else None

    monkeypatch.setattr(Oracle, "has_design", undecided_below_ten)
    found = least_change(problem, promise, Oracle(seconds=600))
    assert len([value for value in asked if value < 10]) == ENOUGH
    assert found.value == min(value for value in asked if value >= 10)
    assert not found.in_time


def test_what_is_only_bounded_says_so() -> None:
    problem = over_years().set(capex_limit_usd=2e4).load()
    way = WayOut(((promise_of(problem, "capex_limit_usd"), 9e4),), least=False, no_less=8.5e4)
    assert str(way) == (
        "settings.csv: capex_limit_usd from 20,000 to 90,000 "
        "(a smaller change may do: the time was used up; 85,000 is too little)"
    )
