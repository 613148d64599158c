"""A workbook is the same problem as its folder, and gets the same findings."""

from __future__ import annotations

import csv
import datetime
import io
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from bad_inputs import CORPUS
from click.testing import CliRunner
from corpus_base import BASE, write_base
from corpus_text import FILES, SHAPES

from dcopt.cli.main import main
from dcopt.problem.findings import InputError
from dcopt.problem.load import load

_IN_CSV_ONLY = {
    broken.name
    for broken in (*FILES, *SHAPES)
    if broken.name not in ("no-sites", "unknown-column", "strange-column", "missing-column", "duplicate-name")
}


def typed(text: str) -> Any:
    """The cell that a spreadsheet would hold: a number where the text is one."""
    try:
        return float(text) if text.strip("+-0123456789.e") == "" else text
    except ValueError:
        return text


def workbook_of(folder: Path, path: Path) -> Path:
    """Write the CSV files of a folder as the sheets of a workbook."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for file in sorted(folder.glob("*.csv")):
        sheet = book.create_sheet(file.stem)
        for cells in csv.reader(io.StringIO(file.read_text(encoding="utf-8"))):
            sheet.append([typed(cell) if cell and cell[0] not in "='" else cell or None for cell in cells])
            for cell in sheet[sheet.max_row]:
                if cell.value is not None and str(cell.value)[0] in "=#":
                    cell.data_type = "s"
    book.create_sheet("Sheet1")
    book.save(path)
    return path


def test_a_workbook_is_the_same_problem(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    problem = load(workbook_of(folder, tmp_path / "plan.xlsx"))
    assert problem == load(folder)
    assert problem.user_lines["sites", "oslo"] == "plan.xlsx!sites:3"
    assert CliRunner().invoke(main, ["check", str(tmp_path / "plan.xlsx")]).exit_code == 0


@pytest.mark.parametrize(
    "broken", [broken for broken in CORPUS if broken.name not in _IN_CSV_ONLY], ids=lambda broken: broken.name
)
def test_a_workbook_gets_the_same_findings(broken: Any, tmp_path: Path) -> None:
    folder = write_base(tmp_path)
    broken.mutate(folder)
    path = workbook_of(folder, tmp_path / "plan.xlsx")
    with pytest.raises(InputError) as caught:
        load(path)
    place = (f"plan.xlsx!{broken.file.removesuffix('.csv')}", broken.line, broken.column)
    assert place in [(finding.file, finding.line, finding.column) for finding in caught.value.errors]


def test_unknown_sheet_and_value_beside_the_table(tmp_path: Path) -> None:
    path = workbook_of(write_base(tmp_path), tmp_path / "plan.xlsx")
    book = openpyxl.load_workbook(path)
    book.create_sheet("Offer")["A1"] = "name"
    book["datasets"]["H2"] = "a remark"
    book.save(path)
    with pytest.raises(InputError) as caught:
        load(path)
    beside, unknown = sorted(caught.value.errors, key=lambda finding: finding.file, reverse=True)
    assert (unknown.file, unknown.nearest) == ("plan.xlsx!Offer", "offers")
    assert (beside.file, beside.line) == ("plan.xlsx!datasets", 2)


def test_formulas_need_a_stored_value(tmp_path: Path) -> None:
    path = workbook_of(write_base(tmp_path), tmp_path / "plan.xlsx")
    book = openpyxl.load_workbook(path)
    book["datasets"]["B2"] = "=2+3"
    book.save(path)
    with pytest.raises(InputError) as caught:
        load(path)
    assert any("formula without a stored value" in finding.message for finding in caught.value.errors)


def test_dates_and_booleans(tmp_path: Path) -> None:
    folder = write_base(tmp_path)
    path = workbook_of(folder, tmp_path / "plan.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book.create_sheet("accelerators")
    sheet.append(["name", "memory_gb", "memory_gb_per_s", "bf16_tflops", "sparsity_2_4", "as_of"])
    sheet.append(["chip", 80, 3350.5, 989, True, datetime.datetime(2024, 8, 1)])
    book.save(path)
    chip = load(path).accelerators["chip"]
    assert (chip.sparsity_2_4, chip.as_of, chip.memory_gb_per_s) == (True, "2024-08-01", 3350.5)


def test_damaged_workbooks_are_input_errors(tmp_path: Path) -> None:
    path = workbook_of(write_base(tmp_path), tmp_path / "plan.xlsx")
    data = path.read_bytes()
    chance = random.Random(7)
    for _ in range(25):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 40)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(bytes(damaged[: chance.randrange(1, len(damaged) + 1)]))
        with pytest.raises(InputError):
            load(path)
    path.write_bytes(b"name,kind\n")
    with pytest.raises(InputError, match="not a readable"):
        load(path)


def test_the_base_has_every_table_of_a_plan() -> None:
    assert {"settings.csv", "sites.csv", "training.csv", "inference.csv", "offers.csv"} <= set(BASE)
