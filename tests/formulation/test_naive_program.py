"""The naive program of the benchmark: the same optimum, a relaxation that is nowhere stronger, fewer rows."""

from __future__ import annotations

import highspy
import pytest
from benchmarks.naive import PLANT_LINKS, WORKLOAD_LINKS, naive
from random_small import random_small
from small import dataset, job, owned_site, service

from dcopt.candidates.generate import generate
from dcopt.formulation.build import build
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.session import SolveOptions, solve


def relaxed(matrix: Matrix) -> float | None:
    """Return the optimum of the linear relaxation (None: infeasible)."""
    highs = highspy.Highs()
    highs.setOptionValue("log_to_console", False)
    highs.setOptionValue("solve_relaxation", True)
    highs.passModel(matrix.lp)
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return float(highs.getInfo().objective_function_value)


@pytest.mark.parametrize("seed", range(12))
def test_the_naive_program_has_the_same_optimum_and_no_stronger_relaxation(seed: int) -> None:
    problem = random_small(seed).set(objective="tco").load()
    candidates = generate(problem)
    strong, weak = (compile_model(one(problem, candidates).model) for one in (build, naive))
    options = SolveOptions(gap=1e-7, threads=1)
    mine, its = solve(strong, options), solve(weak, options)
    assert its.verdict == mine.verdict
    assert weak.lp.num_row_ < strong.lp.num_row_
    if mine.objective is not None:
        assert its.objective == pytest.approx(mine.objective, rel=1e-6)
        above, below = relaxed(strong), relaxed(weak)
        assert above is not None
        assert below is not None
        assert below <= above + 1e-6 * abs(above)


def test_what_the_naive_program_leaves_out_is_there_and_counts() -> None:
    problem = owned_site([job(dataset="books")], [service()]).put("datasets", [dataset()]).load()
    candidates = generate(problem)
    program = build(problem, candidates)
    stated = {name for name in (*PLANT_LINKS, *WORKLOAD_LINKS) if program.model.component(f"keep_{name}") is not None}
    assert stated == {*PLANT_LINKS, *WORKLOAD_LINKS}
    above, below = (relaxed(compile_model(one(problem, candidates).model)) for one in (build, naive))
    assert above is not None
    assert below is not None
    assert below < 0.9 * above
