"""Running a study: nothing is lost, nothing is counted that was not answered, and every way gives the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import owned_site, service

from dcopt.cli.main import main
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.run import Study, StudyProgress, run_study
from dcopt.study.store import RESULTS_FILE, Store, StudyFolderError, read_outcomes

PRICES = tuple(
    Scenario(name=f"x{factor}", sets=(f"nodes.*.price_usd*={factor}",), inputs={"factor": factor})
    for factor in (0.5, 1.0, 1.5, 2.0)
)
CHOICES = SolveChoices(gap=1e-9)


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    return owned_site(services=[service()]).write(folder)


def comparable(outcome: Outcome) -> dict[str, object]:
    return outcome.model_dump(exclude={"solve_seconds"})


def test_a_study_solves_every_scenario_and_keeps_what_it_changed(problem: Path, tmp_path: Path) -> None:
    seen: list[StudyProgress] = []
    study = Study("grid", problem, PRICES, ("settings.discount_rate_pct=3",), CHOICES)
    result = run_study(study, tmp_path / "study", on_progress=seen.append)
    assert result.complete
    costs = [outcome.figures["tco_usd"] for outcome in result.outcomes]
    assert costs == sorted(costs)
    assert [p.done for p in seen] == [0, 1, 2, 3, 4]
    assert seen[-1].best is not None
    assert seen[-1].best.scenario == "x0.5"
    changes = result.outcomes[0].changes
    assert {(c.table, c.column) for c in changes} == {("settings", "discount_rate_pct"), ("nodes", "price_usd")}
    assert ("nodes", "duo", "12000", "6000") in {(c.table, c.key, c.old, c.new) for c in changes}


def test_a_stopped_study_goes_on_to_the_identical_table(problem: Path, tmp_path: Path) -> None:
    study = Study("grid", problem, PRICES, (), CHOICES)
    whole = run_study(study, tmp_path / "whole")
    folder = tmp_path / "killed"
    run_study(study, folder)
    results = folder / RESULTS_FILE
    lines = results.read_text().splitlines(keepends=True)
    results.write_text("".join(lines[:2]) + lines[2][: len(lines[2]) // 2])
    assert len(read_outcomes(folder)) == 2
    ended: list[int] = []
    again = run_study(study, folder, on_progress=lambda progress: ended.append(progress.done))
    assert ended == [2, 3, 4]
    assert [comparable(o) for o in again.outcomes] == [comparable(o) for o in whole.outcomes]
    assert len(read_outcomes(folder)) == 4


def test_a_failed_scenario_has_its_reason_and_is_tried_again(problem: Path, tmp_path: Path) -> None:
    bad = Scenario(name="bad", sets=("nodes.*.price_usd=cheap",))
    none = Scenario(name="none", sets=("sites.*.power_limit_kw=0.001",))
    study = Study("scenarios", problem, (bad, none), (), CHOICES)
    first = run_study(study, tmp_path / "study")
    assert [outcome.status for outcome in first.outcomes] == ["failed", "infeasible"]
    assert "cheap" in first.outcomes[0].reason
    assert first.outcomes[1].reason
    ended: list[int] = []
    run_study(study, tmp_path / "study", on_progress=lambda progress: ended.append(progress.done))
    assert ended == [1, 2]


def test_processes_give_the_same_and_survive_the_death_of_one(problem: Path, tmp_path: Path) -> None:
    study = Study("grid", problem, PRICES, (), CHOICES)
    alone = run_study(study)
    killed: list[int] = []

    def kill_one(progress: StudyProgress) -> None:
        if progress.done == 1 and not killed:
            child = multiprocessing.active_children()[0]
            assert child.pid is not None
            killed.append(child.pid)
            os.kill(child.pid, signal.SIGKILL)

    together = run_study(study, tmp_path / "study", jobs=2, on_progress=kill_one)
    assert killed
    assert [comparable(o) for o in together.outcomes] == [comparable(o) for o in alone.outcomes]


def test_equal_scenarios_are_solved_once_and_listed_under_both_names(problem: Path) -> None:
    twice = (PRICES[0], PRICES[0].model_copy(update={"name": "again"}))
    ended: list[int] = []
    result = run_study(Study("grid", problem, twice, (), CHOICES), on_progress=lambda p: ended.append(p.total))
    assert ended == [1, 1]
    assert [outcome.scenario for outcome in result.outcomes] == ["x0.5", "again"]


def test_a_folder_of_another_study_is_not_touched(problem: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    Store(folder, {"kind": "a"})
    with pytest.raises(StudyFolderError, match="another study"):
        run_study(Study("grid", problem, PRICES, (), CHOICES), folder)
    with pytest.raises(StudyFolderError, match="not a folder that a study wrote"):
        Store(problem, {"kind": "a"})


def test_ctrl_c_keeps_what_is_answered(problem: Path, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press(progress: StudyProgress) -> None:
        if progress.done == 2:
            signal.raise_signal(signal.SIGINT)

    try:
        result = run_study(Study("grid", problem, PRICES, (), CHOICES), tmp_path / "study", on_progress=press)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not result.complete
    assert [outcome.scenario for outcome in result.outcomes] == ["x0.5", "x1.0"]
    assert len(read_outcomes(tmp_path / "study")) == 2


def test_the_command_prints_a_table_and_writes_its_files(problem: Path, tmp_path: Path) -> None:
    arguments = ["sensitivity", str(problem), "--vary", "nodes.*.price_usd*=0.5,2", "--gap", "1e-9"]
    result = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "study")])
    assert result.exit_code == 0, result.output
    assert "nodes.*.price_usd *=" in result.stdout
    assert result.stdout.count("optimal") == 2
    assert {path.name for path in (tmp_path / "study").iterdir()} >= {"study.csv", "study.xlsx", "study.json"}
    rows = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert [row["status"] for row in rows] == ["optimal", "optimal"]


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        ([], 2, "nothing to vary"),
        (["--tornado"], 2, "nothing is uncertain"),
        (["--vary", "nodes.*.price_usd=1"], 0, ""),
        (["--vary", "nodes.*.price_usd=1,x"], 4, "x"),
        (["--vary", "nodes.*.price_usd=1:2"], 2, "LOW:HIGH:COUNT"),
        (["--vary", "nodes.*.price_usd=1,2", "--sample", "lhs"], 2, "one of"),
        (["--vary", "nodes.*.colour=1,2"], 2, "colour"),
    ],
)
def test_bad_options_end_with_their_code(problem: Path, options: list[str], code: int, word: str) -> None:
    result = CliRunner().invoke(main, ["sensitivity", str(problem), *options])
    assert result.exit_code == code, result.output
    assert word in result.stderr


def test_break_even_and_front_from_the_command_line(problem: Path) -> None:
    result = CliRunner().invoke(
        main, ["breakeven", str(problem), "--vary", "nodes.duo.price_usd=100:200000", "--until-changes", "node"]
    )
    assert result.exit_code == 0, result.output
    words = {" ".join(line.split()) for line in result.stdout.splitlines()}
    assert words >= {"Decision node", "Best below duo", "Best above quad", "As it stands 12,000"}
    result = CliRunner().invoke(
        main, ["breakeven", str(problem), "--vary", "nodes.duo.price_usd*=0.01:16", "--until-changes", "node"]
    )
    lines = [line.split() for line in result.stdout.splitlines()]
    (factor,) = (float(line[2]) for line in lines if line[:2] == ["Flips", "at"])
    (there,) = (float(line[2].replace(",", "")) for line in lines if line[:2] == ["Which", "is"])
    assert there == pytest.approx(12000 * factor, rel=1e-4)
    bare = CliRunner().invoke(main, ["breakeven", str(problem), "--vary", "nodes.duo.price_usd", "--json"])
    found = json.loads(bare.stdout)
    assert (found["operator"], 1200 < found["value"] < 120000) == ("=", True)
    assert found["value"] == pytest.approx(there, rel=1e-3)
    everywhere = CliRunner().invoke(main, ["breakeven", str(problem), "--vary", "nodes.*.price_usd", "--json"])
    assert json.loads(everywhere.stdout)["operator"] == "*="
    dry = ["--vary", "sites.oslo.water_usd_per_m3", "--set", "sites.oslo.water_usd_per_m3=0"]
    for nothing in (dry, ["--vary", "nodes.none.price_usd"]):
        refused = CliRunner().invoke(main, ["breakeven", str(problem), *nothing])
        assert refused.exit_code == 2, refused.output
    values = [float(line[0]) for line in lines if len(line) > 2 and line[1] == "optimal"]
    assert values == sorted(values)
    assert len(values) > 5
    result = CliRunner().invoke(main, ["pareto", str(problem), "--trade", "tco", "carbon", "--points", "3", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["tco_usd"] > 0
    assert CliRunner().invoke(main, ["pareto", str(problem), "--trade", "tco", "beauty"]).exit_code == 2


def test_confidence_is_a_change_that_every_scenario_keeps_and_costs(problem: Path) -> None:
    """Also as an input that is varied: more of it never costs less, and at some point it costs more."""
    loads = ["sensitivity", str(problem), "--vary", "inference.chat.peak_requests_per_s=2000,6000", "--gap", "1e-7"]
    plain, sure = (
        json.loads(CliRunner().invoke(main, [*loads, *more, "--json"]).stdout) for more in ([], ["--confidence", "95"])
    )
    for before, after in zip(plain, sure, strict=True):
        assert "confidence_pct" in after["changes"]
        assert "-> 95" in after["changes"]
        assert after["tco_usd"] >= before["tco_usd"] * (1 - 1e-9)
    assert sum(row["tco_usd"] for row in sure) > sum(row["tco_usd"] for row in plain)
    vary = ["sensitivity", str(problem), "--vary", "settings.confidence_pct=50,80,99", "--gap", "1e-7", "--json"]
    load = ["--set", "inference.chat.peak_requests_per_s=6000"]
    costs = [row["tco_usd"] for row in json.loads(CliRunner().invoke(main, [*vary, *load]).stdout)]
    assert costs == sorted(costs)
    assert costs[-1] > costs[0]
    assert CliRunner().invoke(main, [*loads, "--confidence", "20"]).exit_code == 2
