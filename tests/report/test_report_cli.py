"""The commands ``dcopt report`` and ``dcopt bom``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openpyxl import load_workbook

from dcopt.cli.main import main
from dcopt.design.files import write_design
from dcopt.design.records import Design
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir
from dcopt.problem.write import write_tables


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def folder(design: Design, tmp_path: Path) -> Path:
    write_design(design, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("form", "start"), [("terminal", "Data-centre design"), ("html", "<!DOCTYPE html>"), ("markdown", "# Data-centre")]
)
def test_report_formats(folder: Path, form: str, start: str) -> None:
    result = run("report", folder, "--format", form)
    assert result.exit_code == 0
    assert result.stdout.startswith(start)
    assert "inputs is not there" in result.stderr


def test_report_json_is_the_design(folder: Path, design: Design) -> None:
    result = run("report", folder, "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads((folder / "design.json").read_text(encoding="utf-8"))
    assert Design.model_validate_json(result.stdout) == design


def test_report_to_a_file(folder: Path) -> None:
    result = run("report", folder, "--format", "html", "-o", folder / "out.html")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert (folder / "out.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert run("report", folder, "-o", folder / "no" / "out.txt").exit_code == 2


@pytest.mark.parametrize(
    ("name", "form"), [("a.html", "html"), ("a.MD", "markdown"), ("a.json", "json"), ("a", "terminal")]
)
def test_the_name_of_the_output_says_its_format(folder: Path, name: str, form: str, tmp_path: Path) -> None:
    assert run("report", folder, "-o", tmp_path / name).exit_code == 0
    assert run("report", folder, "--format", form, "-o", tmp_path / "asked").exit_code == 0
    assert (tmp_path / name).read_bytes() == (tmp_path / "asked").read_bytes()


def test_report_reads_the_inputs(folder: Path) -> None:
    inputs = folder / "inputs"
    inputs.mkdir()
    write_tables(load(examples_dir() / "bert-question-answering"), inputs)
    result = run("report", folder, "--format", "markdown")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "| discount_rate_pct | 8 |" in result.stdout


def test_broken_inputs_do_not_hinder_a_report(folder: Path) -> None:
    inputs = folder / "inputs"
    inputs.mkdir()
    (inputs / "sites.csv").write_text("name,colour\noslo,red\n", encoding="utf-8")
    result = run("report", folder)
    assert result.exit_code == 0
    assert "cannot be read" in result.stderr
    assert "Buy 32" in result.stdout


def test_a_folder_without_a_design_is_bad_usage(tmp_path: Path) -> None:
    for command in ("report", "bom"):
        result = run(command, tmp_path)
        assert result.exit_code == 2
        assert "holds no design.json" in result.stderr
    (tmp_path / "design.json").write_text("{}", encoding="utf-8")
    result = run("report", tmp_path)
    assert result.exit_code == 2
    assert "is not a design" in result.stderr


def test_bom_table_and_files(folder: Path, design: Design) -> None:
    result = run("bom", folder)
    assert result.exit_code == 0
    assert "dgx-h100" in result.stdout
    assert f"{sum(line.total_usd for line in design.bom_lines):,.0f}" in result.stdout
    assert run("bom", folder, "-o", folder / "b.csv").exit_code == 0
    with (folder / "b.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(design.bom_lines)
    assert run("bom", folder, "-o", folder / "b.xlsx").exit_code == 0
    assert load_workbook(folder / "b.xlsx").sheetnames[0] == "summary"
    assert run("bom", folder, "-o", folder / "b.pdf").exit_code == 2
    assert run("bom", folder, "-o", folder / "no" / "b.csv").exit_code == 2


def test_bom_without_a_design_is_code_1(infeasible: Design, tmp_path: Path) -> None:
    write_design(infeasible, tmp_path)
    result = run("bom", tmp_path)
    assert result.exit_code == 1
    assert "infeasible" in result.stderr
    assert run("report", tmp_path).exit_code == 0


def test_bom_of_a_rented_design_says_so(design: Design, tmp_path: Path) -> None:
    write_design(design.model_copy(update={"bom_lines": ()}), tmp_path)
    result = run("bom", tmp_path)
    assert result.exit_code == 0
    assert "nothing to buy" in result.stdout
