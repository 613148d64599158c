"""The RUN folder of an example: complete, locked, repeatable; replaced, refused or left out as its rules say."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dcopt.cli.main import main
from dcopt.design.files import read_design
from dcopt.pipeline import main_job, solving
from dcopt.pipeline.run import RunOptions, answer_for, design_for
from dcopt.pipeline.run_folder import RunFolder, RunFolderError, check_target
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir
from dcopt.solve.session import Outcome, solve

EXAMPLE = examples_dir() / "customer-service-chat"
FAST = ("--no-baseline", "--threads", "2", "--set", "settings.horizon_years=3")


def dcopt(*words: object) -> Result:
    """Run a dcopt command in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the RUN folder of an example."""
    target = tmp_path_factory.mktemp("runs") / "chat"
    result = dcopt("solve", EXAMPLE, "-o", target, *FAST, "--set", "sites.metro.electricity_usd_per_kwh*=1.1")
    assert result.exit_code == 0, result.output
    return target


def test_run_is_complete(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert names == {"design.json", "bom.csv", "bom.xlsx", "report.html", "inputs", "simulation.json", "solver.log"}
    assert {path.name for path in run.parent.iterdir()} == {run.name}
    assert "HiGHS" in (run / "solver.log").read_text(encoding="utf-8")


def test_lock_names_versions_options_changes_and_true_hashes(run: Path) -> None:
    lock = json.loads((run / "inputs" / "lock.json").read_text(encoding="utf-8"))
    files = {p.relative_to(run / "inputs").as_posix(): p for p in (run / "inputs").rglob("*") if p.is_file()}
    files.pop("lock.json")
    assert lock["sha256"] == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert {"dcopt", "highspy", "pyomo"} <= set(lock["versions"])
    assert {"gap": 1e-4, "time_limit_s": 60.0, "threads": 2, "seed": 0, "baseline": False}.items() <= lock[
        "options"
    ].items()
    assert {(c["table"], c["column"]) for c in lock["changes"]} == {
        ("settings", "horizon_years"),
        ("sites", "electricity_usd_per_kwh"),
    }
    assert {"corrections.csv", "sites.csv", "nodes.csv", "accelerators.csv", "settings.csv"} <= set(files)


def test_run_is_repeated_from_its_inputs_alone(run: Path) -> None:
    first = read_design(run)
    again = load(run / "inputs")
    assert again.settings.catalog == "none"
    second = design_for(again, RunOptions(threads=2, baseline=False))
    assert second.objective_value == pytest.approx(first.objective_value, rel=1e-9)
    assert second.bom_lines == first.bom_lines


def test_inputs_of_inputs_are_the_inputs(run: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "again")
    inputs = folder.write_inputs(load(run / "inputs"), {})
    for path in sorted((run / "inputs").rglob("*")):
        if path.is_file() and path.name != "lock.json":
            assert (inputs / path.relative_to(run / "inputs")).read_bytes() == path.read_bytes(), path.name
    folder.discard()
    assert list(tmp_path.iterdir()) == []


def test_bill_of_materials_file_is_the_bill(run: Path) -> None:
    design = read_design(run)
    with (run / "bom.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    total = sum(float(row["total_usd"]) for row in rows)
    assert total == pytest.approx(sum(line.total_usd for line in design.bom_lines), rel=1e-9)


def test_verify_command_agrees(run: Path) -> None:
    assert dcopt("verify", run).exit_code == 0


def test_existing_run_is_refused_and_replaced_only_by_force(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    before = (copy / "design.json").read_bytes()
    refused = dcopt("solve", EXAMPLE, "-o", copy, *FAST)
    assert refused.exit_code == 2
    assert "--force" in refused.output
    assert (copy / "design.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_target_rules(run: Path, tmp_path: Path) -> None:
    check_target(tmp_path / "new", force=False)
    (tmp_path / "empty").mkdir()
    check_target(tmp_path / "empty", force=False)
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    for target, force, words in (
        ("file", True, "is a file"),
        ("mine", False, "exists"),
        ("mine", True, "not a folder that dcopt wrote"),
    ):
        with pytest.raises(RunFolderError, match=words):
            check_target(tmp_path / target, force=force)
    check_target(run, force=True)
    with pytest.raises(RunFolderError, match="exists"):
        check_target(run, force=False)


def _patched_solver(monkeypatch: pytest.MonkeyPatch, change: Callable[[Outcome], Outcome]) -> None:
    def patched(*args: Any, **options: Any) -> Outcome:
        return change(solve(*args, **options))

    monkeypatch.setattr(solving, "solve", patched)


def test_limit_with_a_design_is_code_3_and_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _patched_solver(monkeypatch, lambda o: replace(o, verdict="time limit", bound=(o.objective or 0.0) * 0.9))
    assert dcopt("solve", EXAMPLE, "-o", tmp_path / "run", *FAST).exit_code == 3
    design = read_design(tmp_path / "run")
    assert (design.status, design.stopped_by) == ("feasible", "time limit")
    assert design.gap == pytest.approx(0.1)
    assert design.pools
    monkeypatch.undo()
    assert dcopt("verify", tmp_path / "run").exit_code == 0


def test_limit_without_a_design_is_code_4_and_no_proof(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _patched_solver(monkeypatch, lambda o: replace(o, verdict="time limit", values=None, objective=None, gap=None))
    assert dcopt("solve", EXAMPLE, "-o", tmp_path / "run", *FAST).exit_code == 4
    design = read_design(tmp_path / "run")
    assert (design.status, design.pools, design.tco_usd) == ("no_solution", (), None)
    assert "no proof" in " ".join(design.diagnosis)
    assert (tmp_path / "run" / "inputs" / "lock.json").is_file()
    assert (tmp_path / "run" / "solver.log").is_file()
    assert dcopt("verify", tmp_path / "run").exit_code == 0


def test_no_design_is_code_1_and_written(tmp_path: Path) -> None:
    assert dcopt("solve", examples_dir() / "ten-node-petascale", "-o", tmp_path / "run").exit_code == 1
    assert read_design(tmp_path / "run").status == "infeasible"
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {
        "design.json",
        "inputs",
        "solver.log",
    }
    assert dcopt("verify", tmp_path / "run").exit_code == 0


def test_failed_verification_is_code_5_and_outranks_0(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def forged(*args: Any, **options: Any) -> Any:
        answer = answer_for(*args, **options)
        cheaper = answer.design.model_copy(update={"tco_usd": (answer.design.tco_usd or 0.0) * 0.99})
        return replace(answer, design=cheaper)

    monkeypatch.setattr(main_job, "answer_for", forged)
    result = dcopt("solve", EXAMPLE, "-o", tmp_path / "run", *FAST)
    assert result.exit_code == 5
    assert "tco_usd" in result.output
    assert dcopt("verify", tmp_path / "run").exit_code == 5


@pytest.mark.parametrize("where", ["answer_for", "verify_folder"])
def test_failure_leaves_nothing_behind(where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr(main_job, where, fail)
    result = dcopt("solve", examples_dir() / "ten-node-petascale", "-o", tmp_path / "run")
    assert result.exit_code != 0
    assert list(tmp_path.iterdir()) == []


def test_failed_move_keeps_the_old_run(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    before = (copy / "design.json").read_bytes()
    folder = RunFolder(copy)
    real = os.replace

    def refuse(source: Any, target: Any) -> None:
        if Path(source) == folder.path:
            raise OSError("another file system")
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="another file system"):
        folder.finish()
    assert (copy / "design.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
