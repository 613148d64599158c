"""A rate that the simulation does not keep is corrected, written, verified, and solved with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small import Small, owned_site, service

from dcopt.design.simulation import read_simulation
from dcopt.performance import simulation
from dcopt.pipeline.main_job import solve_into
from dcopt.pipeline.run import RunOptions, answer_for
from dcopt.problem.corrections import Correction, rate_factor, read_corrections
from dcopt.problem.load import load
from dcopt.verify.verify import verify, verify_folder

OPTIONS = RunOptions(gap=1e-9, threads=1, baseline=False, simulate=True, simulated_requests=4000)
SPREAD = {"peak_requests_per_s": 1500, "mean_requests_per_s": 500, "ttft_ms": None, "latency_ms": 60, "length_cv": 0.6}
"""Lengths vary, which the closed form does not know: its rates are too high."""


def spread() -> Small:
    return owned_site(services=[service(**SPREAD, tpot_ms=None)]).drop("fabrics", "flat")


def test_what_the_closed_form_overrates_is_corrected_until_the_simulation_agrees(tmp_path: Path) -> None:
    problem = spread().load()
    plain = answer_for(problem, replace(OPTIONS, simulate=False))
    answer = answer_for(problem, OPTIONS)
    assert answer.problem.corrections
    assert all(part.kept for part in answer.simulated)
    assert plain.design.tco_usd is not None
    assert answer.design.tco_usd is not None
    assert answer.design.tco_usd > plain.design.tco_usd
    _, mismatches = verify(answer.problem, answer.design)
    assert not mismatches
    finished = solve_into(problem, tmp_path / "run", OPTIONS)
    assert finished.exit_code == 0
    kept = read_corrections(tmp_path / "run" / "inputs")
    assert kept == answer.problem.corrections
    assert load(tmp_path / "run" / "inputs").corrections == kept
    assert all(part.kept for part in read_simulation(tmp_path / "run"))
    assert "Rates that a simulation corrected" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    (tmp_path / "run" / "inputs" / "corrections.csv").unlink()
    _, found = verify_folder(tmp_path / "run")
    assert found


@pytest.mark.parametrize(("slowdown", "status"), [(1.4, "optimal"), (8.0, "infeasible")])
def test_an_overrated_engine_is_found_out(slowdown: float, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulation runs more slowly than the closed form takes for granted."""
    true = simulation.station_of

    def slower(*where: object) -> object:
        station = true(*where)  # type: ignore[arg-type]
        steps = tuple(slowdown * step for step in station.steps)
        return replace(station, steps=steps, service_s=slowdown * station.service_s)

    monkeypatch.setattr(simulation, "station_of", slower)
    small = owned_site(services=[service(peak_requests_per_s=2500, ttft_ms=None, tpot_ms=1.5)])
    problem = small.drop("fabrics", "flat").load()
    answer = answer_for(problem, OPTIONS)
    assert answer.problem.corrections
    assert all(part.kept for part in answer.simulated)
    assert answer.design.status == status


def test_a_design_that_keeps_its_promises_is_left_as_it_is() -> None:
    problem = owned_site(services=[service()]).load()
    answer = answer_for(problem, OPTIONS)
    assert answer.problem.corrections == ()
    assert answer.design.tco_usd == answer_for(problem, replace(OPTIONS, simulate=False)).design.tco_usd


def test_corrections_multiply_never_raise_and_only_real_ones_count(tmp_path: Path) -> None:
    def row(corrected: float, name: str = "chat") -> Correction:
        return Correction("inference", name, "requests_per_s", 10.0, corrected, "simulated")

    assert rate_factor([row(8.0), row(5.0), row(1.0, "other"), row(20.0)], "chat") == pytest.approx(0.4)
    path = tmp_path / "corrections.csv"
    assert read_corrections(tmp_path) == ()
    path.write_bytes(b"\x00")
    assert read_corrections(tmp_path) == ()
    text = "table,name,column,predicted,corrected,reason\ninference,a,requests_per_s,2,1,why\n"
    path.write_text(
        text + "inference,a,requests_per_s,nan,1,why\ninference,a,requests_per_s,-2,1,why\nother,a,b,1,1,c\n"
    )
    assert read_corrections(tmp_path) == (Correction("inference", "a", "requests_per_s", 2.0, 1.0, "why"),)
