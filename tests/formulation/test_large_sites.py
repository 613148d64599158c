"""Large programs by the number of sites (pipeline/by_sites.py), with all sites as one place (one_place.py)."""

from __future__ import annotations

import time

import pytest
from small import Small, job, service, two_sites

from dcopt.candidates.coarse import coarse
from dcopt.candidates.generate import generate
from dcopt.candidates.lesser import with_ways
from dcopt.candidates.records import Candidates
from dcopt.formulation.stages import name_of
from dcopt.pipeline import by_sites, large
from dcopt.pipeline.bounding import Bounding
from dcopt.pipeline.by_sites import BySites
from dcopt.pipeline.following import as_in, following
from dcopt.pipeline.known_design import sites_of
from dcopt.pipeline.left import Left
from dcopt.pipeline.one_place import Sites, as_one_place, owned_sites
from dcopt.pipeline.one_site import at_site
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.pipeline.stated import state
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_integers
from dcopt.solve.session import SolveOptions, solve

OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)
BUSY = {"peak_requests_per_s": 3000, "mean_requests_per_s": 900}


CHEAP = {"electricity_usd_per_kwh": 0.1, "carbon_kg_per_kwh": 0.2}
"""What makes the second site like the first."""


def _equal() -> Small:
    return two_sites([job()], [service(**BUSY)], **CHEAP)


def _growing() -> Small:
    return _equal().set(horizon_years=3).change("inference", "chat", growth_pct_per_year=30)


PROBLEMS = {
    "equal": _equal,
    "dearer": lambda: two_sites([job()], [service(**BUSY), service("far", **BUSY)]),
    "redundant": lambda: two_sites([job()], [service(**BUSY)], **CHEAP, redundancy="N+1"),
    "growing": _growing,
    "both": lambda: two_sites([job()], [service(**BUSY)], **CHEAP).change("inference", "chat", survive_pct=50),
}


def _case(name: str) -> tuple[Problem, Candidates, Solved, float]:
    problem = PROBLEMS[name]().load()
    candidates = generate(problem)
    solved = solve_program(problem, candidates, OPTIONS, Listener())
    assert solved.design is not None
    return problem, candidates, solved, solved.design.objective_value or 0.0


@pytest.mark.parametrize("name", PROBLEMS)
def test_one_place_holds_the_designs_of_its_number_of_sites(name: str) -> None:
    problem, candidates, plain, optimum = _case(name)
    names = owned_sites(problem, candidates)
    assert len(names) == 2
    used = len(sites_of(plain))
    stated = state(problem, candidates)
    for least, most in {(0, 2), (used, used), (0, used)}:
        place = as_one_place(stated, Sites(names, least, most))
        assert place.matrix.lp.num_col_ < stated.matrix.lp.num_col_
        assert {site for site, _ in place.node_columns()} == {"*"}
        found = solve(place.matrix, OPTIONS)
        assert found.objective is not None
        assert found.objective <= optimum * (1 + 1e-7)


@pytest.mark.parametrize("name", ["equal", "growing"])
def test_equal_sites_as_one_place_are_one_site(name: str) -> None:
    """With one active site nothing is lost: the program is that of either site."""
    problem, candidates, _, _ = _case(name)
    names = owned_sites(problem, candidates)
    one = solve(as_one_place(state(problem, candidates), Sites(names, 1, 1)).matrix, OPTIONS)
    alone = solve_program(problem, at_site(problem, candidates, names[0]), OPTIONS, Listener())
    assert alone.design is not None
    assert one.objective == pytest.approx(alone.design.objective_value, rel=1e-6)
    apart = state(problem, candidates)
    loose = solve(with_integers(apart.matrix, lambda _: False), OPTIONS)
    place = as_one_place(apart, Sites(names, 0, 2))
    assert solve(with_integers(place.matrix, lambda _: False), OPTIONS).objective == pytest.approx(
        loose.objective, rel=1e-6
    ), "a symmetric linear program loses nothing"


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("few", [0, 2])
@pytest.mark.parametrize("name", PROBLEMS)
def test_every_bound_holds_for_the_optimum(name: str, few: int, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_sites, "FEW_SITES", few)
    problem, candidates, plain, optimum = _case(name)
    told: list[str] = []
    sites = BySites(problem, OPTIONS, told.append, only_pair=False, lanes=lanes)
    ends = time.monotonic() + 300
    while found := sites.further(Left(candidates), plain, optimum, ends):
        for left in found:
            assert left.bound is None or left.bound <= optimum * (1 + 1e-7)
    assert not any("not believed" in text for text in told)
    assert sites.bound is not None
    assert 0.9 * optimum <= sites.bound <= optimum * (1 + 1e-7)
    if name == "equal":
        assert any("as one place 0.00%" in text for text in told)


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("few", [0, 2])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_optimum_is_found_and_proven(name: str, few: int, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_sites, "FEW_SITES", few)
    monkeypatch.setattr(large, "is_large", lambda candidates: True)
    problem, candidates, _, optimum = _case(name)
    options = SolveOptions(gap=1e-4, time_limit_s=60, threads=lanes)
    found = large.solve_any(problem, candidates, options, Listener())
    assert found.design is not None
    assert found.bound is not None
    assert found.bound <= optimum * (1 + 1e-7)
    assert optimum * (1 - 1e-7) <= (found.design.objective_value or 0.0) <= optimum * 1.02


def test_sites_that_cannot_do_all_the_work_are_bounded_together() -> None:
    problem = two_sites([job()], [service(**BUSY), service("far", **BUSY)]).load()
    candidates = generate(problem)
    serving = {
        name: tuple(way for way in ways if (way.pool.site == "rome") == (name == "far"))
        for name, ways in candidates.serving.items()
    }
    apart = with_ways(problem, candidates, candidates.training, serving)
    solved = solve_program(problem, apart, OPTIONS, Listener())
    assert solved.design is not None
    optimum = solved.design.objective_value or 0.0
    told: list[str] = []
    sites = BySites(problem, OPTIONS, told.append, only_pair=False)
    ends = time.monotonic() + 300
    while sites.further(Left(apart), solved, optimum, ends):
        pass
    assert len(sites.kinds) == 1
    assert sites.bound is not None
    assert sites.bound <= optimum * (1 + 1e-7)
    assert not any("one place" in text for text in told)


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_design_that_follows_the_coarse_program(name: str) -> None:
    problem, candidates, _, optimum = _case(name)
    found = following(problem, candidates, OPTIONS, Listener(), only_pair=False)
    assert found is not None
    assert found.design is not None
    assert optimum * (1 - 1e-7) <= (found.design.objective_value or 0.0) <= 1.05 * optimum
    every = state(problem, coarse(problem, candidates, candidates.periods))
    outcome = solve(every.matrix, OPTIONS)
    lesser = as_in(problem, candidates, every, outcome.values)
    for ways, kept in ((candidates.training, lesser.training), (candidates.serving, lesser.serving)):
        for workload, of_workload in ways.items():
            assert set(map(id, kept[workload])) <= set(map(id, of_workload))
            assert kept[workload]
    assert any(name_of(variable) == "train" for variable in every.matrix.columns)


def test_without_time_nothing_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, candidates, plain, optimum = _case("equal")
    sites = BySites(problem, OPTIONS, lambda text: None, only_pair=False)
    assert sites.least_known(Left(candidates), plain) == Left(candidates)
    monkeypatch.setattr(by_sites, "FEW_SITES", 0)
    assert sites.further(Left(candidates), plain, optimum, time.monotonic() - 1) == []
    assert sites.bound is None


def test_what_earns_money_is_bounded_once_by_all_years(monkeypatch: pytest.MonkeyPatch) -> None:
    """One year alone may then cost more than all: only the program of all years is a bound, and it is solved once."""
    problem, candidates, plain, optimum = _case("growing")
    monkeypatch.setattr(Bounding, "_hardest_year", lambda *found: None)
    told: list[str] = []
    bounding = Bounding(problem, OPTIONS, told.append, only_pair=False)
    left = Left(candidates)
    while bounding.has_more:
        left = bounding.further(left, plain, optimum, time.monotonic() + 60, 1)
    assert len([text for text in told if "columns relaxed" in text]) == 1
    assert left.bound is not None
    assert 0.9 * optimum <= left.bound <= optimum * (1 + 1e-7)
