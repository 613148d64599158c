"""The relaxations that bound a large program (pipeline/bounding.py): each holds every design."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import pytest
from random_small import random_small
from small import job, owned_site, service, two_sites

from dcopt.candidates.coarse import coarse
from dcopt.candidates.generate import generate
from dcopt.candidates.lesser import hardest_of
from dcopt.candidates.records import Candidates
from dcopt.formulation import anywhere
from dcopt.formulation.build import build
from dcopt.pipeline import large, large_search
from dcopt.pipeline.bounding import Bounding, Relaxation
from dcopt.pipeline.left import Left
from dcopt.pipeline.other_years import (
    cost_of,
    is_bought,
    of_purchases,
    purchases_of,
    year_of,
)
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_bounds, with_cost, with_integers
from dcopt.solve.matrix import compile_model
from dcopt.solve.priced_out import Least
from dcopt.solve.session import SolveOptions, solve

OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)


def _growing(seed: int) -> tuple[Problem, Candidates, Solved]:
    """Return a random problem of several different years, with its optimum."""
    problem = random_small(seed).set(objective="tco", horizon_years=4).load()
    candidates = generate(problem)
    if any(not of_workload for of_workload in (*candidates.training.values(), *candidates.serving.values())):
        pytest.skip("a workload has no candidate")
    if len(candidates.periods) < 2:
        pytest.skip("all years are alike")
    solved = solve_program(problem, candidates, OPTIONS, Listener())
    if solved.design is None:
        pytest.skip("there is no design")
    return problem, candidates, solved


@pytest.mark.parametrize("seed", range(24))
def test_every_relaxation_bounds_the_optimum(seed: int) -> None:
    problem, candidates, plain = _growing(seed)
    assert plain.design is not None
    optimum = plain.design.objective_value or 0.0
    bounding = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)
    left, before = Left(candidates), -math.inf
    for _ in range(1 + len(Relaxation)):
        left = bounding.further(left, plain, optimum, time.monotonic() + 60, 1)
        assert left.bound is not None
        assert before <= left.bound <= optimum * (1 + 1e-7)
        before = left.bound
    assert before >= 0.6 * optimum


@pytest.mark.parametrize("seed", range(24))
def test_one_year_with_the_cost_of_the_others_is_nearly_as_strong_as_all(seed: int) -> None:
    problem, candidates, plain = _growing(seed)
    assert plain.design is not None
    bounding = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)
    year = hardest_of(candidates)

    def alone(index: int) -> Candidates:
        return coarse(problem, candidates, (replace(candidates.periods[index], index=0),))

    def relaxed(of: Candidates) -> float:
        program = build(problem, of)
        found = solve(with_integers(compile_model(program.model), lambda _: False), OPTIONS)
        assert found.objective is not None
        return found.objective

    one = bounding.year_alone(candidates, year)
    if min(one.matrix.lp.col_cost_) < 0:
        pytest.skip("something earns money")
    others = [
        year_of(period.index, bounding._stated(alone(period.index)))
        for period in candidates.periods
        if period.index != year.index
    ]
    _, together = bounding._with_others(one, others, math.inf)
    every = relaxed(coarse(problem, candidates, candidates.periods))
    assert together.bound is not None
    assert together.bound <= every * (1 + 1e-7)
    if all(site.kind == "owned" for site in problem.sites.values()):  # rents of other years are not priced
        least = relaxed(alone(year.index))
        assert together.bound - least >= 0.5 * (every - least) - 1e-6 * every


@pytest.mark.parametrize("seed", range(24))
def test_what_other_years_cost_is_a_bound_at_any_purchases(seed: int) -> None:
    """The rows that some purchases lead to hold at others, and are exact where they were made."""
    problem, candidates, _ = _growing(seed)
    bounding = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)
    hard = hardest_of(candidates)
    one = bounding.year_alone(candidates, hard)
    other = next(period for period in candidates.periods if period.index != hard.index)
    year = year_of(other.index, bounding._stated(coarse(problem, candidates, (replace(other, index=0),))))
    if min(one.matrix.lp.col_cost_) < 0 or min(year.running) < 0:
        pytest.skip("something earns money")
    points = []
    for whole in (False, True):
        solved = solve(one.matrix if whole else with_integers(one.matrix, lambda _: False), OPTIONS)
        points.append(purchases_of(one.matrix, solved.values))
    rows = [cost_of(year, point, OPTIONS, lambda text: None) for point in points]
    for place, point in enumerate(points):
        shared = {at for at, variable in enumerate(year.stated.matrix.columns) if is_bought(variable)}
        columns = year.stated.matrix.columns
        given = {at: (point.get(columns[at].name, 0.0),) * 2 for at in shared}
        costs = with_cost(with_integers(year.stated.matrix, lambda _: False), year.running, 0.0)
        exact = solve(with_bounds(costs, given), OPTIONS, second_opinion=False)
        if exact.objective is None:
            continue  # these purchases are not enough for that year alone
        for number, least in enumerate(rows):
            if least is None:
                continue
            told = least.constant + sum(slope * point.get(name, 0.0) for name, slope in least.slopes.items())
            assert told <= exact.objective + 1e-5 * max(1.0, abs(exact.objective))
            if number == place:
                assert told == pytest.approx(exact.objective, rel=1e-5, abs=1e-2)


def test_sums_over_the_sites_cut_nothing_off() -> None:
    busy = {"peak_requests_per_s": 3000, "mean_requests_per_s": 900}
    problem = two_sites(jobs=[job()], services=[service(**busy), service("far", **busy)]).load()
    candidates = generate(problem)
    plain = solve(compile_model(build(problem, candidates).model), OPTIONS)
    program = build(problem, candidates)
    anywhere.link(program)
    matrix = compile_model(program.model)
    again = solve(matrix, OPTIONS)
    assert plain.objective is not None
    assert again.objective == pytest.approx(plain.objective, rel=1e-6)
    for name in ("bought_anywhere", "work_anywhere", "hosts_anywhere"):
        assert len(program.model.component(name)) > 0


def test_a_huge_problem_without_a_first_design_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, candidates, plain = _growing(1)
    assert plain.design is not None
    monkeypatch.setattr(large_search, "HUGE", 0)
    monkeypatch.setattr(large_search, "first_design", lambda *args, **named: None)
    monkeypatch.setattr(large, "LARGE", 0)
    found = large.solve_any(problem, candidates, OPTIONS, Listener())
    assert (found.design, found.status, found.stopped_by) == (None, "no_solution", "time limit")
    assert found.bound is not None
    assert 0.5 * plain.design.tco_usd <= found.bound <= plain.design.tco_usd * (1 + 1e-7)


def test_a_huge_problem_that_no_design_keeps_is_infeasible(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = owned_site(services=[service(peak_requests_per_s=9000, mean_requests_per_s=900)], power_limit_kw=3).load()
    candidates = generate(problem)
    assert all(candidates.serving.values())
    monkeypatch.setattr(large_search, "HUGE", 0)
    monkeypatch.setattr(large, "LARGE", 0)
    found = large.solve_any(problem, candidates, OPTIONS, Listener())
    assert (found.design, found.status) == (None, "infeasible")


def test_what_is_proven_is_not_solved_again() -> None:
    problem, candidates, plain = _growing(next(seed for seed in range(24) if _is_growing(seed)))
    assert plain.design is not None
    optimum = plain.design.objective_value or 0.0
    told: list[str] = []
    bounding = Bounding(problem, OPTIONS, told.append, only_pair=False)
    left = bounding.further(Left(candidates), plain, optimum, time.monotonic() + 60)
    solved = len([text for text in told if "columns relaxed" in text])
    again = bounding.further(left, plain, optimum, time.monotonic() + 60)
    assert solved == len([text for text in told if "columns relaxed" in text])
    assert again.bound == left.bound


def _is_growing(seed: int) -> bool:
    try:
        _growing(seed)
    except pytest.skip.Exception:
        return False
    return True


def test_what_only_another_year_may_buy_must_not_make_it_cheaper() -> None:
    problem = two_sites([job()], [service()]).load()
    program = build(problem, generate(problem))
    matrix = compile_model(program.model)
    name = next(iter(program.model.component("bought").values())).name
    assert of_purchases(matrix, Least(5.0, {name: -1.0, "elsewhere": 2.0})) == Least(5.0, {name: -1.0})
    assert of_purchases(matrix, Least(5.0, {name: 1.0, "elsewhere": -2.0})) is None
