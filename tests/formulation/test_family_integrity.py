"""No wrong optimum on cut-downs of the family of instances: brute force, another solver, and every idea switched off.

All ten of each size: ``python tests/benchmarks/ideas.py XS`` and ``S``; SCIP: ``python -m tests.benchmarks.strength``.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.ideas import WITHOUT, by_brute_force, contradictions, matrix_without, outcome_without
from benchmarks.instances import write_instance

from dcopt.pipeline.export_program import write_matrix
from dcopt.problem.load import load
from dcopt.problem.problem import Problem
from dcopt.solve.session import Outcome, SolveOptions

EXACTLY = SolveOptions(gap=1e-7, threads=1)
SEEDS = (1, 2, 3)
FOUND: dict[int, Outcome] = {}


def instance(seed: int, folder: Path) -> Problem:
    return load(write_instance(folder, "XS", seed))


def optimum(seed: int, folder: Path) -> float:
    """Return the optimum with every idea, found once."""
    if seed not in FOUND:
        FOUND[seed] = outcome_without(instance(seed, folder), WITHOUT["nothing"], EXACTLY)
    assert FOUND[seed].verdict == "optimal"
    value = FOUND[seed].objective
    assert value is not None
    return value


@pytest.mark.parametrize("idea", [idea for idea in WITHOUT if idea != "nothing"])
@pytest.mark.parametrize("seed", SEEDS)
def test_without_any_one_idea_the_optimum_is_the_same(seed: int, idea: str, tmp_path: Path) -> None:
    found = outcome_without(instance(seed, tmp_path), WITHOUT[idea], EXACTLY)
    assert found.verdict == "optimal"
    assert found.objective == pytest.approx(optimum(seed, tmp_path), rel=1e-6)
    assert contradictions({"nothing": FOUND[seed], idea: found}) == []


@pytest.mark.parametrize("idea", ["strength", "plant links", "dominance", "pruning"])  # ladders: test_ladders
def test_an_idea_that_is_switched_off_leaves_another_program(idea: str, tmp_path: Path) -> None:
    problem = instance(1, tmp_path)
    full, other = (matrix_without(problem, WITHOUT[name]).lp for name in ("nothing", idea))
    assert (full.num_col_, full.num_row_) != (other.num_col_, other.num_row_)


def test_brute_force_finds_the_same_optimum(tmp_path: Path) -> None:
    found = by_brute_force(instance(1, tmp_path))
    assert found.objective == pytest.approx(optimum(1, tmp_path), rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_scip_finds_the_same_optimum(seed: int, tmp_path: Path) -> None:
    scip = pytest.importorskip("pyscipopt", reason="SCIP is not installed: pip install 'dcopt[scip]'")
    write_matrix(matrix_without(instance(seed, tmp_path), WITHOUT["nothing"]), tmp_path / "program.mps")
    other = scip.Model()
    other.hideOutput()
    other.readProblem(str(tmp_path / "program.mps"))
    other.setParam("limits/gap", 1e-9)
    other.optimize()
    assert other.getStatus() == "optimal"
    assert other.getObjVal() == pytest.approx(optimum(seed, tmp_path), rel=1e-6)


def test_a_contradiction_is_seen() -> None:
    def ended(objective: float, bound: float) -> Outcome:
        return Outcome("optimal", None, objective, bound, None, 0, 0.0)

    assert contradictions({"a": ended(101.0, 100.0), "b": ended(100.5, 100.5)}) == []
    assert len(contradictions({"a": ended(101.0, 100.0), "b": ended(102.0, 101.5)})) == 1
