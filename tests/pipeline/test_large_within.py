"""A large program within a study's constraints: the optimum where the whole is solved, else a design of that kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small import job, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.formulation.parts import forbid, not_all
from dcopt.formulation.program import Program
from dcopt.pipeline import large, large_within
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions
from dcopt.study.evaluate import parts_of
from dcopt.verify.verify import verify

AROUND = ("promises", "kept_pct", "kept_at_most_pct", "baseline", "baseline_reason", "residual", "finance years")
"""What is added to a design after it was solved."""
OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)


def growing() -> Problem:
    services = [service(growth_pct_per_year=40, peak_requests_per_s=900, mean_requests_per_s=300)]
    return two_sites([job()], services).set(horizon_years=3).load()


def plain(problem: Problem, cut: object = None) -> Solved:
    named = {} if cut is None else {"cutoffs": cut}
    return solve_program(problem, generate(problem), OPTIONS, Listener(), **named)  # type: ignore[arg-type]


def within(problem: Problem, cut: object, options: SolveOptions = OPTIONS) -> Solved:
    candidates = generate(problem)
    return large.solve_any(problem, candidates, options, Listener(), cutoffs=cut, of_any=True)  # type: ignore[arg-type]


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 0)


@pytest.mark.usefixtures("everything_is_large")
def test_the_next_design_of_other_parts_is_found() -> None:
    problem = growing()
    cheapest = plain(problem)
    assert cheapest.design is not None
    parts = parts_of(cheapest.design)

    def other(program: Program) -> None:
        not_all(program, parts, "0")

    best, found = plain(problem, other), within(problem, other)
    assert found.design is not None
    assert best.design is not None
    assert found.status == "optimal"
    assert found.design.tco_usd == pytest.approx(best.design.tco_usd, rel=1e-6)
    assert not set(parts) <= set(parts_of(found.design))


@pytest.mark.usefixtures("everything_is_large")
def test_without_the_whole_there_is_a_design_and_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = growing()
    cheapest = plain(problem)
    assert cheapest.design is not None
    assert cheapest.bound is not None
    node = next(part for part in parts_of(cheapest.design) if part.startswith("node:"))

    def without(program: Program) -> None:
        forbid(program, [node])

    monkeypatch.setattr(large_within, "WHOLE_TO", 0)
    found = within(problem, without)
    assert found.design is not None
    assert (found.status, found.bound, found.stopped_by) == ("feasible", None, "time limit")
    assert node not in parts_of(found.design)
    assert (found.design.tco_usd or 0.0) >= cheapest.bound
    _, mismatches = verify(problem, found.design)
    assert not [one for one in mismatches if one.place not in AROUND]


@pytest.mark.usefixtures("everything_is_large")
def test_what_no_design_keeps_is_infeasible(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = growing()
    monkeypatch.setattr(large_within, "WHOLE_TO", 0)

    def cheap(program: Program) -> None:
        program.require("study_limit", "tco", program.objectives["tco"] <= 1000.0)

    found = within(problem, cheap, replace(OPTIONS, gap=1e-3))
    assert (found.design, found.status) == (None, "infeasible")
