"""A large program is solved in steps (pipeline/large.py): none of them may lose an optimum or claim a false bound."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from random_small import random_small
from small import Small

from dcopt.candidates.coarse import coarse
from dcopt.candidates.generate import generate
from dcopt.candidates.lesser import hardest_of, hardest_year, smallest_sizes, with_ways
from dcopt.candidates.priced import dearer_than
from dcopt.candidates.records import Candidates
from dcopt.formulation.build import build
from dcopt.formulation.expressions import number, total
from dcopt.formulation.stages import STRATEGIC, name_of
from dcopt.pipeline import bounding, known_design, large, large_search
from dcopt.pipeline.carried import carried_over
from dcopt.pipeline.ranges import StoppedError, it_ranges, narrower
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_integers
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve

OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)
SEEDS = [0, 1, 2, 3, 5, 8, 13, 21]


CAPS = [
    {"accelerator": chip, "name": "low", "saved_kw": saved, "training_speed_pct": 93, "decode_speed_pct": 98}
    for chip, saved in (("slow", 0.12), ("fast", 0.3))
]


def _capped(small: Small) -> Small:
    """Return a problem whose nodes may run at a power cap and whose fabric may be cut up, with nodes that exist."""
    small = small.put("power_caps", CAPS).set(power_caps="yes")
    if not small.tables.get("existing"):
        small = small.put("existing", [{"site": "oslo", "table": "nodes", "name": "duo", "units": 1}])
    flat = any(row["name"] == "flat" for row in small.tables["fabrics"])
    return small.change("fabrics", "flat", islands=2) if flat else small


def _case(seed: int, *, capped: bool = False) -> tuple[Problem, Candidates, Solved]:
    small = random_small(seed).set(objective="tco")
    problem = (_capped(small) if capped else small).load()
    candidates = generate(problem)
    if any(not of_workload for of_workload in (*candidates.training.values(), *candidates.serving.values())):
        pytest.skip("a workload has no candidate")
    solved = solve_program(problem, candidates, OPTIONS, Listener())
    if solved.design is None:
        pytest.skip("there is no design")
    return problem, candidates, solved


@pytest.mark.parametrize("in_rounds", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_steps_find_the_optimum_and_prove_it(seed: int, in_rounds: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    problem, candidates, plain = _case(seed)
    assert plain.design is not None
    answers = itertools.chain([True], itertools.repeat(in_rounds))
    monkeypatch.setattr(large, "is_large", lambda candidates: next(answers))
    stepped = large.solve_any(problem, candidates, OPTIONS, Listener())
    assert stepped.design is not None
    optimum = plain.design.objective_value or 0.0
    assert stepped.design.objective_value == pytest.approx(optimum, rel=0.02 if in_rounds else 1e-6)
    assert (stepped.design.objective_value or 0.0) >= optimum * (1 - 1e-6)
    assert stepped.bound is not None
    assert stepped.bound <= optimum * (1 + 1e-7)
    if not in_rounds:  # the rounds bound by relaxations, which need not reach the optimum
        assert stepped.status == "optimal"


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_the_steps_find_the_optimum_of_nodes_at_power_caps_and_of_islands(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, candidates, plain = _case(seed, capped=True)
    assert plain.design is not None
    answers = itertools.chain([True], itertools.repeat(False))
    monkeypatch.setattr(large, "is_large", lambda candidates: next(answers))
    stepped = large.solve_any(problem, candidates, OPTIONS, Listener())
    assert stepped.design is not None
    assert stepped.status == "optimal"
    assert stepped.design.objective_value == pytest.approx(plain.design.objective_value, rel=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_dearer_than_the_optimum_is_not_needed_for_it(seed: int) -> None:
    problem, candidates, plain = _case(seed, capped=True)
    assert plain.design is not None
    optimum = plain.design.objective_value or 0.0
    left = dearer_than(problem, candidates, optimum * (1 + 1e-9))
    again = solve_program(problem, left, OPTIONS, Listener())
    assert again.design is not None
    assert again.design.objective_value == pytest.approx(optimum, rel=1e-6)


def test_a_capped_node_is_bounded_by_the_least_price_of_the_node_that_it_is() -> None:
    """With a price for many that is next to nothing no candidate is too dear, at whatever power it runs."""
    breaks = {"table": "nodes", "name": "duo", "volume_units": "2", "volume_prices_usd": "1"}
    small = _capped(random_small(0).set(objective="tco")).put("offers", [breaks])
    problem = small.load()
    candidates = generate(problem)
    left = dearer_than(problem, candidates, 50_000.0)
    kept = {c.pool.node.name for of_job in left.training.values() for c in of_job}
    assert kept == {c.pool.node.name for of_job in candidates.training.values() for c in of_job}
    assert "duo@low" in kept


@pytest.mark.parametrize("capped", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_coarse_program_costs_no_more_than_any_design(seed: int, capped: bool) -> None:
    problem, candidates, plain = _case(seed, capped=capped)
    merged = coarse(problem, candidates, candidates.periods)
    outcome = solve(compile_model(build(problem, merged).model), OPTIONS)
    assert outcome.bound is not None
    assert plain.design is not None
    assert outcome.bound <= (plain.design.objective_value or 0.0) * (1 + 1e-7)


def test_one_pool_stands_for_the_fabrics_of_a_node() -> None:
    problems = [random_small(seed).load() for seed in range(12)]
    several = 0
    for problem in problems:
        candidates = generate(problem)
        owned = [pool for pool in candidates.pools.values() if not pool.rented]
        kinds = {(pool.site, pool.node.name) for pool in owned}
        plain = {(pool.site, pool.node.name) for pool in owned if pool.fabric.switch is None}
        if len(kinds) < len(owned) and plain == kinds:
            several += 1
            merged = coarse(problem, candidates, candidates.periods)
            assert len([pool for pool in merged.pools.values() if not pool.rented]) == len(kinds)
    assert several > 0


@pytest.mark.parametrize("whole", [frozenset[str](), STRATEGIC], ids=["linear", "strategic"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_ranges_hold_the_optimum(seed: int, whole: frozenset[str]) -> None:
    problem, candidates, plain = _case(seed)
    assert plain.design is not None
    program = build(problem, candidates)
    matrix = compile_model(program.model)
    limit = (plain.design.objective_value or 0.0) * (1 + 1e-9)
    ranges = it_ranges(program, matrix, limit, lambda v: name_of(v) in whole, OPTIONS, lambda text: None)
    for site, found in ranges.items():
        drawn = number(total(plain.program.balances[site].it_peak_kw))
        if number(plain.program.model.active_site[site]) < 0.5:
            continue
        assert found is not None
        assert found[0] <= drawn * (1 + 1e-6)
        assert drawn <= found[1] * (1 + 1e-6)
    narrowed = replace(candidates, it_kw=narrower({}, ranges))
    again = solve_program(problem, narrowed, OPTIONS, Listener())
    assert again.design is not None
    assert again.design.objective_value == pytest.approx(plain.design.objective_value, rel=1e-6)


def test_a_range_of_power_lifts_the_relaxation() -> None:
    problem, candidates, solved = _case(1)
    drawn = {site: number(total(solved.program.balances[site].it_peak_kw)) for site in problem.sites}
    known = replace(candidates, it_kw={site: (0.9 * kw, 1.1 * kw) for site, kw in drawn.items()})

    def relaxed(of: Candidates) -> float:
        matrix = compile_model(build(problem, of).model)
        outcome = solve(with_integers(matrix, lambda variable: False), OPTIONS)
        assert outcome.objective is not None
        return outcome.objective

    assert any(problem.sites[site].kind == "owned" and kw > 0 for site, kw in drawn.items())
    assert relaxed(known) > relaxed(candidates) * (1 + 1e-6)


def test_a_site_that_nothing_affordable_uses_has_no_range() -> None:
    assert narrower({"a": (1.0, 9.0)}, {"a": (2.0, 12.0), "b": None}) == {"a": (2.0, 9.0)}


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_a_solution_is_carried_over_to_a_program_with_other_candidates(seed: int) -> None:
    problem, candidates, plain = _case(seed)
    assert plain.design is not None
    other = replace(
        candidates,
        training={job: tuple(reversed(of_job)) for job, of_job in candidates.training.items()},
        serving={name: tuple(reversed(of_one)) for name, of_one in candidates.serving.items()},
    )
    program = build(problem, other)
    matrix = compile_model(program.model)
    start = carried_over(plain.program, program)
    held = {place: start[name] for name, place in matrix.integers_by_name().items() if name in start}
    assert len(held) >= 0.9 * matrix.integer_columns
    outcome = solve(matrix, OPTIONS, fixed=held)
    assert outcome.objective == pytest.approx(plain.design.objective_value, rel=1e-6)


def test_the_hardest_year_asks_for_what_every_year_asks() -> None:
    candidates = generate(next(_with_growth()).load())
    year = hardest_year(candidates)
    for period in candidates.periods:
        assert set(period.jobs) <= set(year.jobs)
        for service, peak, mean in period.loads:
            assert (year.peak_of(service) or 0.0) >= peak
            assert year.mean_of(service) >= mean
    assert sorted(year.years) == sorted(y for period in candidates.periods for y in period.years)
    assert year.years[: len(hardest_of(candidates).years)] == hardest_of(candidates).years


def test_fewer_sizes_are_a_restriction() -> None:
    problem = random_small(3).set(objective="tco").load()
    candidates = generate(problem)
    few = smallest_sizes(candidates)
    for job, of_job in few.items():
        assert set(map(id, of_job)) <= set(map(id, candidates.training[job]))
        assert {c.pool.key for c in of_job} == {c.pool.key for c in candidates.training[job]}
    lesser = with_ways(problem, candidates, few, candidates.serving)
    assert set(lesser.pools) <= set(candidates.pools)


def test_what_is_interrupted_early_has_no_design(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, candidates, _ = _case(0)
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(large_search, "first_design", _stop)
    with pytest.raises(KeyboardInterrupt):
        large.solve_any(problem, candidates, OPTIONS, Listener())


def test_what_is_interrupted_later_keeps_the_first_design(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, candidates, plain = _case(0)
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(bounding, "it_ranges", _stop)
    stopped = large.solve_any(problem, candidates, OPTIONS, Listener())
    assert stopped.design is not None
    assert plain.design is not None
    assert (stopped.status, stopped.stopped_by) == ("feasible", "interrupted")
    assert (stopped.design.objective_value or 0.0) >= (plain.design.objective_value or 0.0) * (1 - 1e-7)


def _search(problem: Problem, candidates: Candidates, best: Solved) -> large_search.LargeSearch:
    search = large_search.LargeSearch(
        problem, candidates, OPTIONS, Listener(), only_pair=False, is_large=lambda candidates: True
    )
    search.best = best
    return search


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_of_nodes_are_tried(seed: int) -> None:
    """The numbers of nodes of the optimum lead back close to it."""
    problem, candidates, plain = _case(seed)
    assert plain.design is not None
    numbers = {kind: nodes for kind, nodes in known_design.numbers_of(plain).items() if kind[0] != "*"}
    dearer = replace(plain, design=plain.design.model_copy(update={"objective_value": 1e12}), program=_empty(plain))
    search = _search(problem, candidates, dearer)
    found = search.of_numbers(bounding.Left(candidates, numbers=numbers))
    assert found.design is not None
    assert found.design.objective_value == pytest.approx(plain.design.objective_value, rel=0.1)
    assert (found.design.objective_value or 0.0) >= (plain.design.objective_value or 0.0) * (1 - 1e-6)
    assert search.of_numbers(bounding.Left(candidates, numbers=numbers)) is dearer, "what was tried is not tried again"


def _empty(solved: Solved) -> Any:
    """Return a program of no pools."""
    return SimpleNamespace(model=solved.program.model, candidates=replace(solved.program.candidates, pools={}))


def test_numbers_of_nodes_of_the_best_design_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, candidates, plain = _case(0)
    monkeypatch.setattr(large_search, "following", _stop)
    numbers = {kind: nodes for kind, nodes in known_design.numbers_of(plain).items() if kind[0] != "*"}
    left = bounding.Left(candidates, numbers={**numbers, ("oslo", "none"): 0})
    assert _search(problem, candidates, plain).of_numbers(left) is plain


def test_an_interrupt_while_numbers_are_tried_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, candidates, plain = _case(0)
    monkeypatch.setattr(large_search, "following", _stop)
    with pytest.raises(StoppedError):
        _search(problem, candidates, plain).of_numbers(bounding.Left(candidates, numbers={}))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_relaxation_that_excludes_the_known_design_is_not_believed(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, candidates, plain = _case(seed)
    assert plain.design is not None
    answers = itertools.chain([True], itertools.repeat(True))
    monkeypatch.setattr(large, "is_large", lambda candidates: next(answers))
    real = bounding.within_cost
    monkeypatch.setattr(bounding, "within_cost", lambda matrix, limit: real(matrix, 0.5 * limit))
    found = large.solve_any(problem, candidates, OPTIONS, Listener())
    assert found.design is not None
    assert found.status == "feasible"
    assert found.bound is None or found.bound <= (plain.design.objective_value or 0.0) * (1 + 1e-7)


def test_ranges_that_miss_the_known_design_are_noticed() -> None:
    problem, candidates, plain = _case(1)
    drawn = {
        site: number(total(plain.program.balances[site].it_peak_kw))
        for site in plain.program.totals
        if number(plain.program.model.active_site[site]) > 0.5
    }
    assert drawn
    for site, kw in drawn.items():
        assert known_design.holds_power({site: (kw, kw)}, plain)
        assert not known_design.holds_power({site: (1.01 * kw, 2 * kw)}, plain)
        assert not known_design.holds_power({site: None}, plain)
    assert known_design.holds_ways(candidates, plain)
    empty = replace(candidates, training=dict.fromkeys(candidates.training, ()))
    assert known_design.holds_ways(empty, plain) == (not problem.training)


def test_no_time_for_more_keeps_the_first_design_and_its_bound() -> None:
    _problem, _candidates, plain = _case(0)
    assert plain.design is not None
    value = plain.design.objective_value or 0.0
    nothing = replace(plain, design=None, bound=0.9 * value, stopped_by="time limit", status="no_solution")
    best = large_search.better_of(plain, nothing, 1e-4)
    assert best.design is not None
    assert (best.status, best.stopped_by) == ("feasible", "time limit")
    assert best.design.gap == pytest.approx(0.1)


def _stop(*args: object, **named: object) -> None:
    raise StoppedError


def _with_growth() -> Iterator[Small]:
    for seed in range(40):
        small = random_small(seed)
        if any(row["growth_pct_per_year"] for row in small.tables["inference"]):
            yield small
