"""A problem as a workbook: what is written is read back as the same problem, with notes and lists to choose from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from openpyxl import load_workbook

from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir
from dcopt.problem.schema import columns_of
from dcopt.problem.tables import TABLES
from dcopt.problem.workbook import read_workbook
from dcopt.problem.workbook_out import known_names, write_problem_workbook

EXAMPLES = sorted(path.name for path in examples_dir().iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def names() -> dict[str, tuple[str, ...]]:
    return known_names()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_the_same_problem_as_a_workbook(
    example: str, names: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    path = tmp_path / f"{example}.xlsx"
    write_problem_workbook(path, names, examples_dir() / example)
    if (examples_dir() / example / "models").is_dir():  # models of one's own lie beside the workbook
        shutil.copytree(examples_dir() / example / "models", tmp_path / "models")
    folder, book = load(examples_dir() / example), load(path)
    assert book.tables == folder.tables
    assert book.settings == folder.settings


def test_an_empty_workbook_has_every_table_and_no_row(names: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    write_problem_workbook(path, names)
    raw = read_workbook(path)
    assert raw.findings == ()
    assert {table.name for table in raw.tables} == {name for name, table in TABLES.items() if not table.is_catalog}
    assert all(not table.rows for table in raw.tables if table.name != "settings")


def test_columns_carry_notes_units_and_lists(names: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    write_problem_workbook(path, names)
    book = load_workbook(path)
    for name, table in TABLES.items():
        if table.is_catalog:
            continue
        for cell in book[name][1]:
            assert columns_of(table.row)[cell.value].description in cell.comment.text
    sites = {cell.value: cell for cell in book["sites"][1]}
    assert "kW" in sites["power_limit_kw"].comment.text
    choices = [rule.formula1 for rule in book["sites"].data_validations.dataValidation]
    assert '"owned,colocation,cloud,edge"' in choices
    models = [rule.formula1 for rule in book["training"].data_validations.dataValidation if "lists" in rule.formula1]
    assert models
    sheet, _, area = models[0].partition("!")
    values = [row[0].value for row in book[sheet.strip("'")][area.replace("$", "")]]
    assert "bert-large" in values
    assert book["lists"].sheet_state == "hidden"


@pytest.mark.libreoffice
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed")
def test_libreoffice_keeps_the_problem(names: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    example = examples_dir() / "bert-question-answering"
    path = tmp_path / "bert.xlsx"
    write_problem_workbook(path, names, example)
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(tmp_path / "out"), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert load(tmp_path / "out" / "bert.xlsx").tables == load(example).tables
