"""The baseline, solved after the simulation of the services or beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from small import Small, nodes_alone, service

from dcopt.pipeline import baseline, correcting
from dcopt.pipeline.run import Answer, RunOptions, answer_for
from dcopt.solve.session import SolverError

OPTIONS = RunOptions(gap=1e-9, threads=1, simulate=True, simulated_requests=4000)
BESIDE = replace(OPTIONS, threads=2)
SPREAD = {"peak_requests_per_s": 1500, "mean_requests_per_s": 500, "ttft_ms": None, "latency_ms": 60, "length_cv": 0.6}
"""Lengths vary, which the closed form does not know: its rates are too high."""


def two_kinds(**asked: Any) -> Small:
    """One duo alone is for sale, so that the rest is carried by quads: without the duo, by one quad more or as many."""
    small = nodes_alone([service(**{"peak_requests_per_s": 20_000, "tpot_ms": None, **asked})])
    small = small.add("offers", table="nodes", name="duo", max_units=1)
    return small.add("offers", table="nodes", name="quad")


def told(answer: Answer) -> tuple[Any, ...]:
    return answer.design.baseline, answer.design.baseline_reason, answer.design.tco_usd


def test_beside_the_simulation_it_is_the_same() -> None:
    problem = two_kinds().load()
    after, beside = answer_for(problem, OPTIONS), answer_for(problem, BESIDE)
    assert len({pool.node for pool in after.design.pools}) == 2
    assert after.design.baseline is not None
    assert after.design.baseline.node == "quad"
    assert after.design.baseline.saving_usd > 0
    assert told(beside) == told(after)
    assert beside.simulated == after.simulated


def test_with_corrected_rates_it_is_that_of_the_corrected_problem() -> None:
    problem = two_kinds(**{**SPREAD, "peak_requests_per_s": 20_000}).load()
    after, beside = answer_for(problem, OPTIONS), answer_for(problem, BESIDE)
    assert after.problem.corrections
    assert told(beside) == told(after)
    alone = answer_for(after.problem, replace(OPTIONS, simulate=False))
    assert told(after) == told(alone)


def test_ctrl_c_in_the_simulation_skips_the_baseline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(correcting, "simulate_design", pressed)
    for options in (OPTIONS, BESIDE):
        answer = answer_for(two_kinds().load(), options)
        assert answer.design.status == "optimal"
        assert told(answer)[:2] == (None, "it was interrupted")
        assert answer.simulated == ()


def test_a_failure_of_the_solver_in_the_baseline_keeps_the_design(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: Any, **named: Any) -> None:
        raise SolverError("broken")

    monkeypatch.setattr(baseline, "solve_any", failing)
    for options in (OPTIONS, BESIDE):
        answer = answer_for(two_kinds().load(), options)
        assert answer.design.status == "optimal"
        assert told(answer)[:2] == (None, "the solver failed: broken")
