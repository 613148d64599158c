"""Jobs that share a pool: the design that is reported has a calendar, and costs what brute force says."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

import pytest
from small import Small, design_of, job, owned_site, with_cloud

from dcopt.candidates.generate import generate
from dcopt.candidates.pools import pools_of
from dcopt.candidates.training import TrainingGenerator
from dcopt.design.records import Design
from dcopt.formulation.build import build
from dcopt.problem.problem import Problem
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve


@cache
def tokens(days: float, nodes: int) -> float:
    """Return the tokens on which that many duos train for about so many days."""
    problem = owned_site([job(tokens=1e12, deadline_days=365)]).drop("nodes", "quad").load()
    every = TrainingGenerator(problem, tuple(pools_of(problem).values())).admissible(problem.training["learn"])
    return 1e12 * days / min(c.days for of_pool in every.values() for c in of_pool if c.nodes == nodes)


def one_node_type(jobs: list[Any]) -> Small:
    """Return jobs that can only run on whole duos, alone or in pairs."""
    return owned_site(jobs).drop("nodes", "quad").set(schedulable_pct=100)


def check_calendar(problem: Problem, design: Design) -> None:
    """Assert that every run has its days within its window, and that no pool is overbooked at any moment."""
    entries = [entry for entry in design.calendar if entry.year == 1]
    runs: dict[str, int] = defaultdict(int)
    for entry in entries:
        row = problem.training[entry.job]
        (record,) = [r for r in design.training if (r.job, r.year) == (entry.job, 1)]
        assert entry.end_day - entry.start_day == pytest.approx(record.days, rel=1e-9)
        assert row.earliest_start_day - 1e-6 <= entry.start_day
        assert entry.end_day <= row.due_day + 1e-6
        runs[entry.job] += 1
        busy = sum(
            other.nodes
            for other in entries
            if other.pool == entry.pool and other.start_day <= entry.start_day + 1e-9 < other.end_day - 1e-9
        )
        (pool,) = [p for p in design.pools if (f"{p.site}/{p.node}/{p.fabric}", p.year) == (entry.pool, 1)]
        assert busy <= pool.nodes - pool.spares - pool.service_nodes
    assert runs == {name: row.runs_per_year for name, row in problem.training.items()}


def relaxation(problem: Problem) -> float:
    """Return the optimum of the program before any calendar was asked for."""
    outcome = solve(compile_model(build(problem, generate(problem)).model), SolveOptions(gap=1e-9, threads=1))
    assert outcome.objective is not None
    return outcome.objective


def test_node_days_that_no_calendar_keeps_are_cut_off() -> None:
    """Three jobs take two of three nodes for five months each: 900 of 1,095 node-days, yet two never fit at once."""
    jobs = [job(name, tokens=tokens(150, 2), deadline_days=160) for name in ("a", "b", "c")]
    problem = one_node_type(jobs).load()
    candidates = generate(problem)
    assert all(c.nodes not in (1, 3) for of in candidates.training.values() for c in of)
    design = design_of(problem)
    check_calendar(problem, design)
    assert design.size["calendar_cuts"] > 0
    assert design.tco_usd is not None
    assert design.tco_usd > relaxation(problem) * (1 + 1e-6)
    assert [pool.nodes - pool.spares for pool in design.pools if pool.year == 1] == [4]


@pytest.mark.parametrize(
    ("windows", "nodes"),
    [
        ([(0, 365), (0, 365)], 1),
        ([(0, 160), (0, 160)], 2),
        ([(0, 160), (160, 320)], 1),
        ([(0, 200), (100, 260)], 2),
        ([(0, 200), (150, 310)], 1),
    ],
)
def test_windows_decide_how_many_nodes_are_needed(windows: list[tuple[float, float]], nodes: int) -> None:
    jobs = [
        job(f"j{k}", tokens=tokens(150, 1), deadline_days=200, earliest_start_day=start, due_day=end)
        for k, (start, end) in enumerate(windows)
    ]
    problem = one_node_type(jobs).drop("fabrics", "flat").load()
    design = design_of(problem)
    check_calendar(problem, design)
    assert sum(pool.nodes - pool.spares for pool in design.pools if pool.year == 1) == nodes


def test_a_late_window_after_an_early_one_needs_no_second_node() -> None:
    early = job("early", tokens=tokens(28, 1), runs_per_year=3, due_day=90)
    late = job("late", tokens=tokens(5, 1), runs_per_year=2, earliest_start_day=200)
    problem = one_node_type([early, late]).load()
    design = design_of(problem)
    check_calendar(problem, design)
    assert [pool.nodes - pool.spares for pool in design.pools if pool.year == 1] == [1]


def test_rented_nodes_without_a_limit_need_no_calendar() -> None:
    jobs = [job(name, tokens=tokens(150, 1), deadline_days=200, due_day=160, sites="sky") for name in ("a", "b", "c")]
    problem = with_cloud(jobs).drop("nodes", "quad").load()
    design = design_of(problem)
    check_calendar(problem, design)
    assert design.size["calendar_cuts"] == 0


def test_runs_of_one_job_follow_each_other() -> None:
    problem = one_node_type([job(tokens=tokens(28, 1), runs_per_year=12)]).load()
    design = design_of(problem)
    check_calendar(problem, design)
    assert len([entry for entry in design.calendar if entry.year == 1]) == 12
