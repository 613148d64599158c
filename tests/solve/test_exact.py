"""Exact arithmetic sees what floating point hides: rows, bounds, integers, the objective."""

from __future__ import annotations

from fractions import Fraction

import pytest
from small import job, owned_site, service
from small_programs import INF, Small, knapsack, matrix_of

from dcopt.candidates.generate import generate
from dcopt.formulation.build import build
from dcopt.solve.exact import ABSOLUTE, Exact, exactly
from dcopt.solve.integers import polish
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, SolverError, solve

SUM = Small([1, 1], [0, 0], [1e17, 9], [[1, 1]], [3], [INF], [False, False], offset=0.5)


def test_the_objective_is_that_of_the_fractions_not_of_a_rounded_sum() -> None:
    found = exactly(matrix_of(SUM), [1e16, 1.0])
    assert found.objective == Fraction(10**16) + 1 + Fraction(1, 2)
    assert float(found.objective) != found.objective
    assert found.holds


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ([1.0, 1.0], "row 0"),
        ([4.0, -1e-4], "column 1"),
        ([0.0, 9.001], "column 1"),
    ],
)
def test_what_does_not_hold_is_named(values: list[float], where: str) -> None:
    found = exactly(matrix_of(SUM), values)
    assert not found.holds
    assert found.where.startswith(where)


def test_noise_within_the_tolerance_holds_and_a_fraction_of_an_integer_never() -> None:
    whole = Small([1], [0], [9], [[1]], [3], [INF], [True])
    assert exactly(matrix_of(whole), [3.0]).holds
    assert exactly(matrix_of(SUM), [3.0 - ABSOLUTE / 2, 0.0]).holds
    assert not exactly(matrix_of(whole), [3.0 + 1e-12]).holds
    with pytest.raises(ValueError, match="not finite"):
        exactly(matrix_of(whole), [float("nan")])


def test_polish_refuses_what_exact_arithmetic_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = matrix_of(knapsack(12))
    outcome = solve(matrix, SolveOptions(gap=0.0, threads=1))
    doubtful = Exact(Fraction(0), 2.5, "row capacity")
    monkeypatch.setattr("dcopt.solve.integers.exactly", lambda matrix, values: doubtful)
    with pytest.raises(SolverError, match=r"row capacity is missed by 2\.5 times its tolerance"):
        polish(matrix, outcome.values, outcome.objective or 0.0)


def test_the_optimum_of_a_whole_problem_holds_exactly() -> None:
    problem = owned_site([job()], [service()]).load()
    matrix = compile_model(build(problem, generate(problem)).model)
    outcome = solve(matrix, SolveOptions(gap=1e-9, threads=1))
    values, objective = polish(matrix, outcome.values, outcome.objective or 0.0)
    found = exactly(matrix, values)
    assert found.holds
    assert float(found.objective) == objective
    assert objective == pytest.approx(outcome.objective, rel=1e-9)
