"""Designs whose services are simulated: the command, its files, and what it finds where a rate is too high."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import design_of, owned_site, service

from dcopt.cli.main import main
from dcopt.design.files import write_design
from dcopt.design.records import Design
from dcopt.design.simulation import read_simulation
from dcopt.pipeline.run_folder import RunFolder
from dcopt.pipeline.simulate import simulate_design
from dcopt.pipeline.traces import TraceError, read_trace
from dcopt.problem.problem import Problem


@pytest.fixture(scope="module")
def problem() -> Problem:
    return owned_site(services=[service(peak_requests_per_s=1500, mean_requests_per_s=900)]).load()


@pytest.fixture(scope="module")
def design(problem: Problem) -> Design:
    return design_of(problem)


@pytest.fixture
def run(problem: Problem, design: Design, tmp_path: Path) -> Path:
    folder = RunFolder(tmp_path / "run")
    folder.write_inputs(problem, {})
    write_design(design, folder.path)
    folder.finish()
    return tmp_path / "run"


def test_a_proven_design_keeps_its_promises_in_the_simulation(problem: Problem, design: Design) -> None:
    (found,) = simulate_design(problem, design, requests=5000)
    assert found.kept
    assert found.years == (1, 2, 3)
    assert found.ttft_ms is not None
    assert found.tpot_ms is not None
    assert found.ttft_ms.promise == 200
    assert 0.3 * found.tpot_ms.predicted <= found.tpot_ms.simulated <= 1.05 * found.tpot_ms.predicted
    again = simulate_design(problem, design, requests=5000)
    assert again == (found,)
    assert simulate_design(problem, design, requests=5000, seed=1) != again


def test_an_overloaded_replica_is_found_out(problem: Problem, design: Design) -> None:
    (first, *_) = design.inference
    forged = design.model_copy(
        update={"inference": [r.model_copy(update={"replicas": 1, "requests_per_s": 1500.0}) for r in design.inference]}
    )
    (found,) = simulate_design(problem, forged, requests=5000)
    assert first.replicas > 1
    assert not found.kept


def test_replicas_that_carry_nothing_at_the_peak_are_left_out(problem: Problem, design: Design) -> None:
    idle = tuple(record.model_copy(update={"requests_per_s": 0.0}) for record in design.inference)
    assert simulate_design(problem, design.model_copy(update={"inference": idle}), requests=5000) == ()


def test_the_command_writes_its_file_and_the_report_shows_it(run: Path) -> None:
    result = CliRunner().invoke(main, ["simulate", str(run), "--requests", "3000", "--json"])
    assert result.exit_code == 0, result.output
    (shown,) = json.loads(result.stdout)
    (kept,) = read_simulation(run)
    assert shown["latency_ms"]["simulated"] == kept.latency_ms.simulated
    assert "Simulated services" in (run / "report.html").read_text(encoding="utf-8")
    report = CliRunner().invoke(main, ["report", str(run), "--format", "markdown"])
    assert "Every promise is kept in the simulation" in report.stdout
    table = CliRunner().invoke(main, ["simulate", str(run), "--requests", "3000", "--seed", "4"])
    assert table.exit_code == 0
    assert "TPOT" in table.stdout


def test_a_trace_can_take_the_place_of_poisson_arrivals(run: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    lines = [f"2024-05-10 00:{i // 60:02d}:{i % 60:02d}.5,{100 + i % 50},{50 + i % 30}" for i in range(600)]
    trace.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(lines) + "\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["simulate", str(run), "--trace", str(trace), "--requests", "2000", "--json"])
    assert result.exit_code in (0, 5), result.output
    assert json.loads(result.stdout)[0]["arrivals"] == "trace trace.csv"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "no column for the time"),
        ("time,input_tokens,output_tokens\n1,2,3\n", "at least two"),
        ("time,input_tokens,output_tokens\n1,2,3\nx,2,3\n", ":3: a timestamp"),
        ("time,input_tokens,output_tokens\n1,2,3\n2,-2,3\n", "not negative"),
    ],
)
def test_a_trace_that_cannot_be_read_says_why(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TraceError, match=says):
        read_trace(path)


def test_a_folder_without_a_design_is_a_usage_error(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["simulate", str(tmp_path)]).exit_code == 2
