"""``dcopt solve``: the RUN folder, the options, and the exit codes that only it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_inputs import dcopt, write_tiny
from openpyxl import load_workbook

from dcopt.design.records import Design
from dcopt.pipeline import main_job, solving
from dcopt.pipeline.main_job import Finished
from dcopt.solve.session import SolverError
from dcopt.verify.checker import Mismatch

FILES = {"design.json", "bom.csv", "bom.xlsx", "report.html", "simulation.json", "inputs", "solver.log"}


def design_in(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "design.json").read_text(encoding="utf-8"))
    return found


def lock_in(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "inputs" / "lock.json").read_text(encoding="utf-8"))
    return found


def test_the_run_folder_is_whole(solved: Path) -> None:
    found = {path.name for path in solved.iterdir()}
    assert found - {"explanation.json"} == FILES  # another test explains the run
    assert not [path for path in solved.parent.iterdir() if path.name.startswith(".")]
    lock = lock_in(solved)
    assert {"versions", "options", "changes", "sha256", "python"} <= set(lock)
    assert "sites.csv" in lock["sha256"]
    assert design_in(solved)["status"] == "optimal"


def test_a_run_can_be_repeated_from_its_inputs(solved: Path, tmp_path: Path) -> None:
    result = dcopt("solve", solved / "inputs", "-o", tmp_path / "again", "--no-baseline")
    assert result.exit_code == 0
    first, second = design_in(solved), design_in(tmp_path / "again")
    assert second["tco_usd"] == pytest.approx(first["tco_usd"], rel=1e-9)
    assert second["pools"] == first["pools"]


def test_options_are_obeyed_and_locked(tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    changes = ("--set", "settings.horizon_years=4", "--set", "inference.*.peak_requests_per_s*=1.5")
    result = dcopt(
        *("solve", tiny, "-o", run, "--objective", "capex", "--gap", "0.01", "--time-limit", "50"),
        *("--seed", "3", "--threads", "1", "--no-baseline", *changes),
    )
    assert result.exit_code == 0, result.output
    design, lock = design_in(run), lock_in(run)
    assert (design["objective"], design["horizon_years"], design["gap_target"]) == ("capex", 4, 0.01)
    assert design["baseline"] is None
    assert design["baseline_reason"] == "not asked for"
    assert design["inference"][0]["requests_per_s"] == pytest.approx(300)
    assert {change["column"] for change in lock["changes"]} == {"horizon_years", "peak_requests_per_s", "objective"}
    options = lock["options"]
    assert (options["gap"], options["time_limit_s"], options["seed"], options["threads"]) == (0.01, 50, 3, 1)


def test_force_replaces_a_run_and_only_a_run(tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert dcopt("solve", tiny, "-o", run, "--no-baseline").exit_code == 0
    (run / "mine.txt").write_text("left from before", encoding="utf-8")
    before = design_in(run)["tco_usd"]
    assert dcopt("solve", tiny, "-o", run).exit_code == 2
    assert (run / "mine.txt").exists()
    changed = ("--set", "sites.hall.electricity_usd_per_kwh=0.3")
    assert dcopt("solve", tiny, "-o", run, "--force", "--no-baseline", *changed).exit_code == 0
    assert {path.name for path in run.iterdir()} == FILES
    assert design_in(run)["tco_usd"] > before


WITH = """
import pyomo.environ as pyo

def two_nodes(model, problem):
    assert problem.name == "tiny"
    model.two_nodes = pyo.Constraint(expr=sum(model.work.values()) >= 2)

def broken(model, problem):
    model.no_such_variable.fix(1)
"""


def test_constraints_of_the_user(tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules.py"
    file.write_text(WITH, encoding="utf-8")
    result = dcopt("solve", tiny, "-o", tmp_path / "two", "--with", f"{file}:two_nodes")
    assert result.exit_code == 0, result.output
    design = design_in(tmp_path / "two")
    assert sum(pool["nodes"] for pool in design["pools"] if pool["year"] == 1) >= 2
    assert design["baseline"] is None or design["baseline"]["saving_usd"] >= -1e-4 * design["tco_usd"]
    assert lock_in(tmp_path / "two")["options"]["with"] == f"{file}:two_nodes"
    failed = dcopt("solve", tiny, "-o", tmp_path / "failed", "--with", f"{file}:broken")
    assert failed.exit_code == 2
    assert "broken of" in failed.stderr
    assert "no_such_variable" in failed.stderr
    absent = dcopt("solve", tiny, "-o", tmp_path / "failed", "--with", f"{file}:nothing")
    assert absent.exit_code == 2
    assert "has no function nothing" in absent.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rules.py", "two"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("inference.ask.latency_ms=0.001", "inference.csv: ask"),
        ("settings.capex_limit_usd=10", "settings.csv: capex_limit_usd"),
    ],
    ids=["by the pre-check", "by the solver"],
)
def test_no_design_is_code_1_and_says_why(change: str, names: str, tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = dcopt("solve", tiny, "-o", run, "--set", change)
    assert result.exit_code == 1
    assert "There is no design" in result.stdout
    assert names in result.stdout.replace("\n  ", " ")
    design = design_in(run)
    assert design["status"] == "infeasible"
    assert any(names in line for line in design["diagnosis"])
    assert (run / "inputs" / "lock.json").is_file()
    assert (run / "solver.log").is_file()
    explained = dcopt("explain", run)
    assert explained.exit_code == 1
    assert names in explained.stdout
    assert dcopt("bom", run).exit_code == 1
    assert dcopt("verify", run).exit_code == 0


def test_a_time_limit_without_a_design_is_code_4_and_no_proof(tmp_path: Path) -> None:
    assert dcopt("init", tmp_path / "bert", "--example", "bert-question-answering").exit_code == 0
    result = dcopt("solve", tmp_path / "bert", "-o", tmp_path / "run", "--time-limit", "0.001")
    assert result.exit_code == 4
    assert "says nothing about whether one exists" in " ".join(result.stdout.split())
    design = design_in(tmp_path / "run")
    assert design["status"] == "no_solution"
    assert design["stopped_by"] == "time limit"


@pytest.mark.parametrize(("status", "code"), [("optimal", 0), ("infeasible", 1), ("feasible", 3), ("no_solution", 4)])
def test_exit_codes_by_status(status: Any, code: int) -> None:
    design = Design(problem="x", status=status)
    assert Finished(design, 1, ()).exit_code == code
    assert Finished(design, 1, (Mismatch("tco_usd", 1.0, 2.0),)).exit_code == 5


def test_a_failed_verification_is_code_5(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Mismatch("tco_usd", 1.0, 2.0)
    monkeypatch.setattr(main_job, "verify_folder", lambda run: (7, (wrong,)))
    result = dcopt("solve", tiny, "-o", tmp_path / "run", "--no-baseline")
    assert result.exit_code == 5
    assert "verification failed: " in result.stderr
    assert "verified" not in result.stderr
    assert str(wrong) in (tmp_path / "run" / "solver.log").read_text(encoding="utf-8")


def test_a_failing_solver_is_code_4_with_its_log(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: Any, **options: Any) -> None:
        raise SolverError("HiGHS ended with 'Unknown'")

    monkeypatch.setattr(solving, "solve", failing)
    result = dcopt("solve", tiny, "-o", tmp_path / "run")
    assert result.exit_code == 4
    assert "HiGHS ended with 'Unknown'" in " ".join(result.stdout.split())
    assert "HiGHS ended with 'Unknown'" in (tmp_path / "run" / "solver.log").read_text(encoding="utf-8")
    assert design_in(tmp_path / "run")["status"] == "no_solution"


def test_bad_input_writes_nothing(tmp_path: Path) -> None:
    problem = write_tiny(tmp_path / "bad", sites="name,power_limit_kw,electricity_usd_per_kwh\nhall,-3,x\n")
    result = dcopt("solve", problem, "-o", tmp_path / "run")
    assert result.exit_code == 2
    assert "2 errors; nothing was written" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]


def test_quoted_prices_are_solved_with(tiny: Path, solved: Path, tmp_path: Path) -> None:
    book = load_workbook(solved / "bom.xlsx")
    sheet = book["hall nodes"]
    listed = sheet["F2"].value
    sheet["G2"] = listed + 1000
    book.save(tmp_path / "filled.xlsx")
    result = dcopt("solve", tiny, "-o", tmp_path / "run", "--quotes", tmp_path / "filled.xlsx")
    assert result.exit_code == 0, result.output
    (change,) = lock_in(tmp_path / "run")["changes"]
    assert (change["table"], change["column"], float(change["new"])) == ("offers", "price_usd", listed + 1000)
    assert design_in(tmp_path / "run")["tco_usd"] > design_in(solved)["tco_usd"]
    refused = dcopt("solve", tiny, "-o", tmp_path / "no", "--quotes", solved / "bom.xlsx")
    assert refused.exit_code == 2
    assert "holds no quoted price" in refused.output
    assert not (tmp_path / "no").exists()


def test_the_way_of_the_solver_is_recorded(solved: Path) -> None:
    design = design_in(solved)
    last = design["progress"][-1]
    assert last["incumbent"] == pytest.approx(design["objective_value"], rel=1e-9)
    assert last["bound"] == pytest.approx(design["objective_bound"], rel=1e-6)
    assert len(design["progress"]) <= 60
