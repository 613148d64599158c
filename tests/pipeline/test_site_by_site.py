"""A first design of many integers, site by site: a design of the problem, with a calendar before the years are solved.

The steps are for programs of thousands of integers; here they are asked for programs of any number, so that brute force
and the optimum say what is right.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from small import ROME, Small, design_of, job, owned_site, service, two_sites
from test_calendar_of_designs import check_calendar, one_node_type, relaxation, tokens

from dcopt.candidates.generate import generate
from dcopt.candidates.lesser import hardest_year
from dcopt.formulation.build import build
from dcopt.formulation.extract import load_values
from dcopt.pipeline import first_design as steps
from dcopt.pipeline import large, large_search, one_year
from dcopt.pipeline.calendar import calendar_of
from dcopt.pipeline.room import left_free, make_room, rooms
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve

OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)


@pytest.fixture(autouse=True)
def _of_any_number_of_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "MANY_INTEGERS", 0)


def three_that_collide() -> Problem:
    """Three jobs take two of three nodes for five months each: 900 of 1,095 node-days, yet two never fit at once."""
    return one_node_type([job(name, tokens=tokens(150, 2), deadline_days=160) for name in ("a", "b", "c")]).load()


def _optimum(problem: Problem) -> float:
    solved = solve_program(problem, generate(problem), OPTIONS, Listener())
    assert solved.design is not None
    return solved.design.objective_value or 0.0


def test_what_has_no_calendar_gets_room_before_the_years_are_solved() -> None:
    """The purchase that the program alone would choose keeps no calendar; the first one made here does, at once."""
    problem = three_that_collide()
    solved = steps.first_design(problem, generate(problem), OPTIONS, Listener())
    assert solved is not None
    assert solved.design is not None
    check_calendar(problem, solved.design)
    assert (solved.size["calendar_rounds"], solved.size["calendar_cuts"]) == (1, 0)
    assert (solved.design.objective_value or 0.0) > relaxation(problem) * (1 + 1e-6)
    assert solved.design.objective_value == pytest.approx(_optimum(problem), rel=1e-6)


def test_what_collides_in_a_year_is_repaired_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks for room beforehand: the year's design has no calendar until what is missing was bought."""
    heard: list[str] = []
    monkeypatch.setattr(one_year, "rooms", lambda program: [])
    problem = three_that_collide()
    solved = steps.first_design(problem, generate(problem), OPTIONS, Listener(log=heard.append))
    assert any("no calendar for 3 jobs, which ask for 4 of" in text for text in heard)
    assert solved is not None
    assert solved.design is not None
    check_calendar(problem, solved.design)
    assert solved.design.objective_value == pytest.approx(_optimum(problem), rel=1e-6)


def test_one_round_of_branch_and_bound_without_room_finds_no_calendar() -> None:
    """The test above could not fail for another reason: the same program without room needs a second round."""
    problem = three_that_collide()
    solved = solve_program(problem, generate(problem), OPTIONS, Listener())
    assert solved.size["calendar_rounds"] > 1


def test_room_is_the_nodes_on_which_the_runs_fit() -> None:
    problem = three_that_collide()
    candidates = generate(problem)
    program = build(problem, replace(candidates, periods=(hardest_year(candidates),)))
    matrix = compile_model(program.model)
    outcome = solve(matrix, OPTIONS)
    load_values(matrix.columns, outcome.values)
    (clash,) = rooms(program)
    assert sorted(one.candidate.job for one in clash.running) == ["a", "b", "c"]
    assert list(clash.conflict.least.values()) == [4.0]
    (cut,) = calendar_of(program, exact=False).conflicts
    assert cut.conflict.least == dict.fromkeys(clash.conflict.least, 4.0)
    assert not cut.conflict.proven
    make_room(program, [clash])
    again = compile_model(program.model)
    outcome = solve(again, OPTIONS)
    load_values(again.columns, outcome.values)
    assert not calendar_of(program, exact=False).conflicts
    assert rooms(program) == [clash]
    assert left_free(program) == [clash]


def test_jobs_that_fit_one_after_another_ask_for_no_room() -> None:
    problem = one_node_type([job(name, tokens=tokens(100, 1), deadline_days=120) for name in ("a", "b", "c")]).load()
    program = build(problem, generate(problem))
    matrix = compile_model(program.model)
    load_values(matrix.columns, solve(matrix, OPTIONS).values)
    assert not rooms(program)
    assert not calendar_of(program, exact=False).conflicts


def three_sites() -> Small:
    small = two_sites([job(), job("tune", tokens=2e10)], [service(), service("search")])
    return small.add("sites", **{**ROME, "name": "porto", "electricity_usd_per_kwh": 0.08})


@pytest.mark.parametrize(
    "problem", [three_sites, lambda: two_sites([job()], [service()]), lambda: owned_site([job()], [service()])]
)
def test_designs_that_are_told_get_cheaper_and_are_designs(problem: object) -> None:
    assert callable(problem)
    made = problem()
    assert isinstance(made, Small)
    asked = made.set(objective="tco").load()
    heard: list[Solved] = []
    last = steps.first_design(asked, generate(asked), OPTIONS, Listener(), told=heard.append)
    costs = [solved.design.objective_value or 0.0 for solved in heard if solved.design is not None]
    assert costs
    assert costs == sorted(costs, reverse=True)
    assert last is heard[-1]
    optimum = _optimum(asked)
    assert optimum * (1 - 1e-7) <= costs[-1] <= optimum * 1.05


def test_the_design_that_comes_of_it_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search of a large program that proves nothing after its first design: that design is the answer."""
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(large_search.LargeSearch, "_finished", lambda search: search.best)
    design = design_of(three_that_collide())  # verified there
    check_calendar(three_that_collide(), design)
    assert design.objective_bound is not None
