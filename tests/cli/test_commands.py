"""Every command: its help, its exit codes, where it writes, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from cli_inputs import TINY, dcopt, write_tiny

from dcopt.cli.main import COMMANDS, main
from dcopt.problem.locate import examples_dir


def _all_commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            found.append((*path, name))
            if isinstance(command, click.Group):
                found += _all_commands(command, (*path, name))
    return found


ALL = _all_commands(main)


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_help_has_a_sentence_and_an_example(command: tuple[str, ...]) -> None:
    result = dcopt(*command, "--help")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert f"Example: dcopt {command[0]}" in result.stdout
    assert "..." not in result.stdout.split("Example")[0].removeprefix(f"Usage: dcopt {' '.join(command)}").replace(
        "[ARGS]...", ""
    )


def test_help_lists_every_command_with_its_summary() -> None:
    result = dcopt("--help")
    assert result.exit_code == 0
    for name, (_, summary) in COMMANDS.items():
        assert f"\n  {name} " in result.stdout
        assert summary.split(",")[0].split(" or ")[0] in " ".join(result.stdout.split())
    assert dcopt("-h").stdout == result.stdout


def test_version() -> None:
    result = dcopt("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("dcopt")


BAD = {
    "unknown command": (["sovle"], "No such command 'sovle'"),
    "unknown option": (["check", "{tiny}", "--jason"], "No such option"),
    "missing argument": (["solve"], "Missing argument 'PROBLEM'"),
    "no such problem": (
        ["check", "{nowhere}"],
        "does not exist: correct the path, or make a problem with 'dcopt init'",
    ),
    "solve nothing": (["solve", "{nowhere}"], "nothing was written"),
    "gap out of range": (["solve", "{tiny}", "--gap", "2"], "--gap"),
    "no time": (["solve", "{tiny}", "--time-limit", "0"], "--time-limit"),
    "unknown objective": (["solve", "{tiny}", "--objective", "beauty"], "--objective"),
    "set without a value": (["check", "{tiny}", "--set", "sites"], "TABLE.NAME.COLUMN=VALUE"),
    "set of nothing": (["check", "{tiny}", "--set", "sites.oslo.power_limit_kw=3"], "oslo"),
    "set of no column": (["check", "{tiny}", "--set", "sites.hall.power_limit=3"], "power_limit_kw"),
    "set of no number": (["check", "{tiny}", "--set", "sites.hall.power_limit_kw=much"], "much"),
    "existing run": (["solve", "{tiny}", "-o", "{solved}"], "or replace it with --force"),
    "force on another folder": (["solve", "{tiny}", "-o", "{tiny}", "--force"], "is not a folder that dcopt wrote"),
    "run is a file": (["solve", "{tiny}", "-o", "{tiny}/sites.csv"], "is a file; choose another folder with -o"),
    "with without function": (["solve", "{tiny}", "-o", "{nowhere}", "--with", "x.py"], "FILE.py:FUNCTION"),
    "report of no run": (["report", "{tiny}"], "holds no design.json; give the folder that 'dcopt solve' wrote"),
    "report in no format": (["report", "{solved}", "--format", "word"], "--format"),
    "report to nowhere": (["report", "{solved}", "-o", "{nowhere}/r.txt"], "cannot be written"),
    "bom of no run": (["bom", "{tiny}"], "holds no design.json"),
    "bom of another kind": (["bom", "{solved}", "-o", "b.pdf"], "ends in .xlsx or .csv"),
    "bom to nowhere": (["bom", "{solved}", "-o", "{nowhere}/b.csv"], "cannot be written"),
    "verify of no run": (["verify", "{tiny}"], "holds no design.json"),
    "explain of nothing": (["explain", "{nowhere}"], "does not exist"),
    "init without a folder": (["init"], "name the folder to write"),
    "init over something": (["init", "{tiny}"], "is not an empty folder"),
    "unknown example": (["init", "{nowhere}", "--example", "bert"], "did you mean 'bert-question-answering'?"),
    "unknown table": (["catalog", "list", "node"], "did you mean 'nodes'?"),
    "unknown row": (["catalog", "show", "nodes", "dgx-h10"], "did you mean 'dgx-h100'?"),
    "unknown model": (["predict", "training", "--model", "gpt-9", "--node", "dgx-h100"], "known models"),
    "predict nothing": (["predict", "inference"], "name a model"),
    "unknown fabric": (["predict", "fabric", "--fabric", "ndr400-rial", "--nodes", "4"], "did you mean 'ndr400-rail'?"),
    "predict from no table": (["predict", "training", "--table", "{nowhere}"], "cannot be read"),
    "output without table": (["predict", "fabric", "--fabric", "ndr400-rail", "-o", "x.csv"], "needs --table"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_usage_is_code_2_and_says_the_cure(case: str, tiny: Path, solved: Path, tmp_path: Path) -> None:
    arguments, message = BAD[case]
    places = {"tiny": tiny, "solved": solved, "nowhere": tmp_path / "nowhere"}
    result = dcopt(*(argument.format(**places) for argument in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "rror: " in result.stderr
    assert "Errno" not in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_run_without_its_inputs_cannot_be_verified(solved: Path, tmp_path: Path) -> None:
    shutil.copy(solved / "design.json", tmp_path)
    result = dcopt("verify", tmp_path)
    assert result.exit_code == 2
    assert "holds no inputs/" in result.stderr


def test_check_says_what_was_understood(tiny: Path) -> None:
    result = dcopt("check", tiny)
    assert result.exit_code == 0
    assert "bert-base" in result.stdout
    assert "pre-check: every promise can be kept" in result.stdout
    answer = json.loads(dcopt("check", tiny, "--json", "--set", "inference.ask.peak_requests_per_s*=2").stdout)
    assert answer["ok"] is True
    assert answer["obstacles"] == []
    assert answer["inference"][0]["peak_requests_per_s"] == 400
    assert answer["changes"][0]["column"] == "peak_requests_per_s"


@pytest.mark.parametrize("change", ["inference.ask.latency_ms=0.001", "sites.hall.power_limit_kw=0.1"])
def test_check_ends_with_code_1_where_no_design_can_exist(change: str, tiny: Path) -> None:
    result = dcopt("check", tiny, "--set", change)
    assert result.exit_code == 1
    assert "pre-check: no design exists" in result.stdout
    assert "inference.csv: ask" in result.stdout
    quick = dcopt("check", tiny, "--set", change, "--no-precheck")
    assert quick.exit_code == 0
    assert "pre-check" not in quick.stdout
    machine = dcopt("check", tiny, "--json", "--set", change)
    answer = json.loads(machine.stdout)
    assert machine.exit_code == 1
    assert answer["ok"] is False
    assert set(answer["obstacles"][0]) == {"row", "problem", "cure", "workload"}


def test_check_reports_bad_input_as_json_too(tmp_path: Path) -> None:
    write_tiny(tmp_path / "bad", sites="name,power_limit_kw,electricity_usd_per_kwh\nhall,-3,x\n")
    result = dcopt("check", tmp_path / "bad", "--json")
    assert result.exit_code == 2
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert {finding["column"] for finding in answer["findings"]} == {"power_limit_kw", "electricity_usd_per_kwh"}


def test_verify_report_and_explain_of_a_run(solved: Path) -> None:
    verified = dcopt("verify", solved)
    assert verified.exit_code == 0
    assert "all agree" in verified.stdout
    assert dcopt("report", solved).stdout.startswith("Data-centre design: tiny")
    explained = dcopt("explain", solved)
    assert explained.exit_code == 0
    assert "How each workload runs" in explained.stdout
    assert "can keep its promises" in dcopt("explain", solved / "inputs").stdout


def test_verify_finds_a_changed_number(solved: Path, tmp_path: Path) -> None:
    run = shutil.copytree(solved, tmp_path / "run")
    design = json.loads((run / "design.json").read_text(encoding="utf-8"))
    design["tco_usd"] *= 1.01
    (run / "design.json").write_text(json.dumps(design), encoding="utf-8")
    result = dcopt("verify", run)
    assert result.exit_code == 5
    assert "tco_usd" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["catalog", "list"],
        ["catalog", "list", "accelerators"],
        ["catalog", "show", "nodes", "dgx-h100"],
        ["predict", "fabric", "--fabric", "ndr400-rail", "--nodes", "64", "--ports-per-node", "8"],
        [
            *("predict", "training", "--model", "bert-base", "--node", "t4-4", "--accelerators", "4"),
            *("--global-batch", "256", "--sequence-length", "128", "--precision", "fp16"),
        ],
        [
            *("predict", "inference", "--model", "bert-base", "--node", "t4-4", "--precision", "fp16"),
            *("--input-tokens", "128", "--output-tokens", "0", "--batch", "8"),
        ],
    ],
    ids=lambda arguments: " ".join(arguments[:3]),
)
def test_tables_come_as_text_and_as_json(arguments: list[str]) -> None:
    text = dcopt(*arguments)
    assert text.exit_code == 0, text.output
    assert text.stdout.strip()
    machine = dcopt(*arguments, "--json")
    assert machine.exit_code == 0
    assert json.loads(machine.stdout)


def test_examples_can_be_started_from(tmp_path: Path) -> None:
    names = dcopt("init", "--example", "list").stdout.split()
    assert names == sorted(path.name for path in examples_dir().iterdir() if path.is_dir())
    for name in names:
        result = dcopt("init", tmp_path / name, "--example", name)
        assert result.exit_code == 0
        assert dcopt("check", tmp_path / name, "--no-precheck").exit_code == 0


def test_the_commands_work_as_a_program(tiny: Path, tmp_path: Path) -> None:
    """Without a terminal nothing is drawn, stdout carries the result alone, and the exit code reaches the shell."""
    program = [sys.executable, "-c", "from dcopt.cli.main import main; main()"]
    solve = subprocess.run(
        [*program, "solve", str(tiny), "--json"], cwd=tmp_path, capture_output=True, text=True, encoding="utf-8"
    )
    assert solve.returncode == 0, solve.stderr
    assert json.loads(solve.stdout)["status"] == "optimal"
    assert "\x1b" not in solve.stderr
    assert "\r" not in solve.stderr
    assert [line.split()[0] for line in solve.stderr.splitlines()] == ["verified:", "wrote"]
    assert (tmp_path / "tiny-run" / "design.json").is_file()
    again = subprocess.run([*program, "solve", str(tiny)], cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 2
    assert again.stderr == "error: tiny-run exists; choose another folder with -o, or replace it with --force\n"


def test_the_tiny_problem_is_the_whole_problem(tiny: Path) -> None:
    assert {path.name for path in tiny.iterdir()} == set(TINY)


def test_a_problem_as_a_workbook_can_be_checked(tmp_path: Path) -> None:
    result = dcopt("init", tmp_path / "plan", "--xlsx", "--example", "ten-node-petascale")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "plan.xlsx"]
    assert dcopt("check", tmp_path / "plan.xlsx", "--no-precheck").exit_code == 0
    assert dcopt("init", tmp_path / "plan.xlsx").exit_code == 2  # it exists


def test_the_readme_names_every_command() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"`dcopt {name}" in readme
    for link in re.findall(r"\]\(((?:data|dcopt|tests)/[^)]*)\)", readme):
        assert (Path(__file__).parents[2] / link).exists(), link


def test_the_shell_can_complete() -> None:
    program = [sys.executable, "-c", "from dcopt.cli.main import main; main(prog_name='dcopt')"]
    environment = {**os.environ, "_DCOPT_COMPLETE": "bash_complete", "COMP_WORDS": "dcopt so", "COMP_CWORD": "1"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split(",")[-1].strip() == "solve"
