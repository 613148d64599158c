"""Bounds by the program itself (pipeline/with_fabrics.py), and the links that make its relaxation worth solving."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from random_small import random_small
from small import Small, dataset, job, owned_site, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.candidates.priced import with_numbers
from dcopt.candidates.records import Candidates
from dcopt.formulation.build import build
from dcopt.formulation.expressions import number, whole
from dcopt.formulation.plant_bounds import least_at
from dcopt.formulation.stages import DESIGN, LINEAR, name_of
from dcopt.pipeline import large
from dcopt.pipeline.bounding import Bounding
from dcopt.pipeline.by_sites import FEW_NODES, BySites
from dcopt.pipeline.first_design import as_in_relaxed
from dcopt.pipeline.known_design import holds_power, numbers_of
from dcopt.pipeline.left import Left
from dcopt.pipeline.one_place import Sites
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.pipeline.with_fabrics import WithFabrics
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_bounds, with_cost, with_integers
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve

OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)
QUIET = Listener()


def _solved(seed: int, years: int = 2) -> tuple[Problem, Candidates, Solved]:
    """Return a random problem with its optimum."""
    problem = random_small(seed).set(objective="tco", horizon_years=years).load()
    candidates = generate(problem)
    if any(not of_workload for of_workload in (*candidates.training.values(), *candidates.serving.values())):
        pytest.skip("a workload has no candidate")
    solved = solve_program(problem, candidates, OPTIONS, QUIET)
    if solved.design is None:
        pytest.skip("there is no design")
    return problem, candidates, solved


def _growing() -> Small:
    """Return a problem of three different years."""
    return owned_site([job()], [service(growth_pct_per_year=40, peak_requests_per_s=900)]).set(horizon_years=3)


def _optimum(solved: Solved) -> float:
    assert solved.design is not None
    return solved.design.objective_value or 0.0


@pytest.mark.parametrize("seed", range(24))
def test_the_relaxations_bound_the_optimum_and_leave_it(seed: int) -> None:
    problem, candidates, plain = _solved(seed)
    optimum = _optimum(plain)
    bounding = WithFabrics(problem, OPTIONS, lambda text: None, only_pair=False)
    left = bounding.further(Left(candidates), plain, optimum * 1.02, time.monotonic() + 60, None)
    assert left.bound is not None
    assert left.bound <= optimum * (1 + 1e-7)
    again = solve_program(problem, left.candidates, OPTIONS, QUIET)
    assert _optimum(again) == pytest.approx(optimum, rel=1e-6)
    if left.is_settled:
        assert left.bound >= 0.7 * optimum


@pytest.mark.parametrize("seed", range(24))
def test_a_known_range_of_power_costs_nothing(seed: int) -> None:
    """What flows through the plant of an optimum is at least what its IT power makes flow, and the rows allow it."""
    problem, candidates, plain = _solved(seed)
    ranges = {}
    for site, totals in plain.program.totals.items():
        if problem.sites[site].kind == "owned" and whole(plain.program.model.active_site[site]):
            it_kw = number(totals.it_peak_kw)
            ranges[site] = (it_kw * (1 - 1e-6), it_kw * (1 + 1e-6))
    if not ranges:
        pytest.skip("nothing stands at a site of one's own")
    narrow = replace(candidates, it_kw=ranges)
    again = solve_program(problem, narrow, OPTIONS, QUIET)
    assert _optimum(again) == pytest.approx(_optimum(plain), rel=1e-6)
    for site, (it_kw, _) in ranges.items():
        flows = least_at(again.program, site)
        through = again.program.model.component("through")
        for role, least in flows.through_kw.items():
            carried = [number(flow) for (where, stage, _), flow in through.items() if (where, stage) == (site, role)]
            assert least >= it_kw * (1 - 1e-9)
            assert not carried or sum(carried) >= least * (1 - 1e-6)


def test_a_relaxation_pays_for_a_whole_choice_of_heat_rejection() -> None:
    """Parts of several collectors, each of which needs a part of a chiller, need all of one together."""
    small = owned_site([job(dataset="books")], [service(peak_requests_per_s=900)]).put("datasets", [dataset()])
    collector = next(row for row in small.tables["cooling"] if row["name"] == "crah-6")
    for name, kw, price in (("crah-8", 8.0, 3000.0), ("crah-12", 12.0, 4000.0)):
        small = small.add("cooling", **{**collector, "name": name, "kw": kw, "price_usd": price})
    problem = small.load()
    matrix = compile_model(build(problem, generate(problem)).model)
    names = [(name_of(variable), str(variable.index())) for variable in matrix.columns]
    rejects = np.array([name == "choice" and "heat-rejection" in key for name, key in names], dtype=float)
    stands = {place: (1.0, 1.0) for place, (name, _) in enumerate(names) if name == "active_site"}
    parts = {place: (0.0, 0.5) for place, (name, _) in enumerate(names) if name == "collector"}
    assert len(parts) == 3
    split = with_bounds(with_integers(matrix, LINEAR), stands | parts)
    least = solve(with_cost(split, rejects, 0.0), OPTIONS)
    assert least.objective == pytest.approx(1.0)


def test_racks_hold_no_more_nodes_of_a_kind_than_there_may_be() -> None:
    problem = owned_site([job()], [service(peak_requests_per_s=900)]).load()
    candidates = with_numbers(problem, generate(problem), {("oslo", "duo"): (0, 5)})
    program = build(problem, candidates)
    assert len([pool for pool in candidates.pools.values() if pool.node.name == "duo"]) > 1
    ends = {key: variable.ub for key, variable in program.model.standing.items() if key[1] == "duo"}
    assert ends
    assert set(ends.values()) == {5}


def test_a_design_follows_a_relaxation_in_which_all_but_the_ways_is_whole() -> None:
    problem = (
        owned_site([job()], [service(growth_pct_per_year=40, peak_requests_per_s=900)]).set(horizon_years=3).load()
    )
    candidates = generate(problem)
    plain = solve_program(problem, candidates, OPTIONS, QUIET)
    bounding = WithFabrics(problem, OPTIONS, lambda text: None, only_pair=False)
    left = bounding.further(Left(candidates), plain, _optimum(plain) * 1.05, time.monotonic() + 60, None)
    assert left.solution is not None
    stated, values = left.solution
    kept = [value for variable, value in zip(stated.matrix.columns, values, strict=True) if name_of(variable) in DESIGN]
    assert kept == pytest.approx([round(value) for value in kept], abs=1e-5)
    followed = as_in_relaxed(problem, candidates, OPTIONS, QUIET, stated, values)
    assert followed.design is not None
    assert _optimum(plain) * (1 - 1e-7) <= _optimum(followed) <= _optimum(plain) * 1.1
    ways = followed.program.candidates
    for of_workload in (*ways.training.values(), *ways.serving.values()):
        assert len({id(way) for way in of_workload}) == len(of_workload)


def test_where_less_is_rounded_than_is_left_the_program_itself_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A far dearer design is known, so that more is left than whole numbers add."""
    problem = (
        owned_site([job()], [service(growth_pct_per_year=40, peak_requests_per_s=900)]).set(horizon_years=3).load()
    )
    candidates = generate(problem)
    plain = solve_program(problem, candidates, OPTIONS, QUIET)
    dear = 3 * _optimum(plain)
    bounding = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)
    left = bounding.further(Left(candidates), plain, dear, time.monotonic() + 60, None)
    assert left.is_to_be_refined
    assert not bounding.has_more
    near = Bounding(problem, OPTIONS, lambda text: None, only_pair=False)
    assert not near.further(Left(candidates), plain, _optimum(plain), time.monotonic() + 60, None).is_to_be_refined
    kinds = BySites(problem, OPTIONS, lambda text: None, only_pair=False)
    seen = []
    for _ in range(6):
        told = kinds.further(Left(candidates), plain, dear, time.monotonic() + 60)
        if not told:
            break
        seen.append(type(kinds.kinds[0].bounding))
        assert (told[0].bound or 0.0) <= _optimum(plain) * (1 + 1e-7)
    assert seen[-1] is WithFabrics
    monkeypatch.setattr(large, "LARGE", 0)
    solved = large.solve_any(problem, candidates, OPTIONS, QUIET)
    assert _optimum(solved) == pytest.approx(_optimum(plain), rel=1e-6)
    assert solved.status == "optimal"


@pytest.mark.parametrize("sites", [Sites(("oslo", "rome"), 0, 1), Sites(("oslo", "rome"), 2, 2)])
def test_all_sites_as_one_place_with_fabrics(sites: Sites) -> None:
    busy = {"peak_requests_per_s": 3000, "mean_requests_per_s": 900}
    problem = two_sites(jobs=[job()], services=[service(**busy)]).load()
    candidates = generate(problem)
    plain = solve_program(problem, candidates, OPTIONS, QUIET)
    bounding = WithFabrics(problem, OPTIONS, lambda text: None, only_pair=False, sites=sites)
    left = bounding.further(Left(candidates), plain, _optimum(plain) * 1.5, time.monotonic() + 60, None)
    assert left.bound is not None
    assert left.solution is None  # its columns are sums over sites, which no design follows
    used = sum(whole(active) for active in plain.program.model.active_site.values())
    if sites.least <= used <= sites.most:
        assert left.bound <= _optimum(plain) * (1 + 1e-7)


def test_of_many_nodes_kinds_of_designs_are_bounded_at_once() -> None:
    """The sums over all sites whole are asked for first only where a few nodes are bought."""
    busy = {"peak_requests_per_s": 3000, "mean_requests_per_s": 900}
    problem = two_sites(jobs=[job()], services=[service(**busy)]).load()
    candidates = generate(problem)
    plain = solve_program(problem, candidates, OPTIONS, QUIET)
    nodes = sum(count for (site, _), count in numbers_of(plain).items() if site == "*")
    assert 0 < nodes <= FEW_NODES
    few = BySites(problem, OPTIONS, lambda text: None, only_pair=False)
    few.further(Left(candidates), plain, _optimum(plain) * 1.1, time.monotonic() + 60)
    assert few.all is not None


def test_a_range_that_excludes_the_known_design_is_not_believed() -> None:
    problem = owned_site([job()], [service(peak_requests_per_s=900)]).load()
    plain = solve_program(problem, generate(problem), OPTIONS, QUIET)
    (site,) = plain.program.totals
    it_kw = number(plain.program.totals[site].it_peak_kw)
    assert holds_power({site: (0.9 * it_kw, 1.1 * it_kw)}, plain, is_exact=True)
    assert not holds_power({site: (1.1 * it_kw, 1.2 * it_kw)}, plain)
    assert holds_power({site: (0.8 * it_kw, 0.9 * it_kw)}, plain)  # what a relaxation draws, the design may exceed
    assert not holds_power({site: (0.8 * it_kw, 0.9 * it_kw)}, plain, is_exact=True)
    assert not holds_power({site: None}, plain)
