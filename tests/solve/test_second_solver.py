"""Another solver finds the same optimum of the same exported program (MPS), for a few tiny problems."""

from __future__ import annotations

from pathlib import Path

import highspy
import pytest
from small import Small, colocation, dataset, job, owned_site, service, with_cloud

from dcopt.candidates.generate import generate
from dcopt.formulation.build import build
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve

scip = pytest.importorskip("pyscipopt", reason="SCIP is not installed: pip install 'dcopt[scip]'")

PROBLEMS: dict[str, Small] = {
    "a job and a service": owned_site([job()], [service()]),
    "data": owned_site([job(dataset="books")]).put("datasets", [dataset()]),
    "a cloud": with_cloud([job()], [service()]),
    "a landlord": colocation([job(deadline_days=8)], [service(peak_requests_per_s=900)]),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_scip_agrees_on_the_optimum(name: str, tmp_path: Path) -> None:
    problem = PROBLEMS[name].load()
    matrix = compile_model(build(problem, generate(problem)).model)
    mine = solve(matrix, SolveOptions(gap=1e-9, threads=1))
    highs = highspy.Highs()
    highs.setOptionValue("log_to_console", False)
    highs.passModel(matrix.lp)
    path = tmp_path / "program.mps"
    assert highs.writeModel(str(path)) != highspy.HighsStatus.kError
    other = scip.Model()
    other.hideOutput()
    other.readProblem(str(path))
    other.setParam("limits/gap", 1e-9)
    other.optimize()
    assert other.getStatus() == "optimal"
    assert other.getObjVal() == pytest.approx(mine.objective, rel=1e-6)
