"""The bill of materials as CSV and workbook."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from dcopt.design.records import Design
from dcopt.problem.problem import Problem
from dcopt.report.bom import is_formula_like, write_bom_csv, write_bom_xlsx


class Calculator:
    """Computes the cells of a workbook that holds products, sums and references only."""

    def __init__(self, path: Path) -> None:
        self.book = load_workbook(path)

    def value(self, sheet: str, address: str) -> Any:
        value = self.book[sheet][address].value
        if not (isinstance(value, str) and self.book[sheet][address].data_type == "f"):
            return value
        product = re.fullmatch(r"=([A-Z]+\d+)\*([A-Z]+\d+)", value)
        if product:
            return self.value(sheet, product[1]) * self.value(sheet, product[2])
        reference = re.fullmatch(r"='([^']+)'!([A-Z]+\d+)", value)
        if reference:
            return self.value(reference[1], reference[2])
        total = re.fullmatch(r"=SUM\(([A-Z]+)(\d+):\1(\d+)\)", value)
        assert total, value
        return sum(self.value(sheet, f"{total[1]}{row}") for row in range(int(total[2]), int(total[3]) + 1))

    def total(self, sheet: str, label: str, column: str) -> Any:
        rows = [cell.row for cell in self.book[sheet]["A"] if cell.value == label]
        return self.value(sheet, f"{column}{rows[-1]}")


def test_csv_round_trip(design: Design, tmp_path: Path) -> None:
    write_bom_csv(design, tmp_path / "bom.csv")
    with (tmp_path / "bom.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(design.bom_lines)
    for row, line in zip(rows, design.bom_lines, strict=True):
        for column, value in line.model_dump().items():
            assert type(value)(row[column]) == value
    frame = design.bom()
    assert list(frame.columns) == list(rows[0])


def test_csv_is_neutralized(hostile: Design, tmp_path: Path) -> None:
    write_bom_csv(hostile, tmp_path / "bom.csv")
    with (tmp_path / "bom.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, line in zip(rows, hostile.bom_lines, strict=True):
        assert not is_formula_like(row["item"])
        assert row["item"].removeprefix("'") == line.item


def test_workbook_formulas_give_the_totals(design: Design, problem: Problem, tmp_path: Path) -> None:
    path = tmp_path / "bom.xlsx"
    write_bom_xlsx(design, path, problem)
    calculator = Calculator(path)
    assert calculator.book.sheetnames == ["summary", "nodes", "network", "storage", "racks", "building"]
    whole = 0.0
    for category in calculator.book.sheetnames[1:]:
        expected = sum(line.total_usd for line in design.bom_lines if line.category == category)
        assert calculator.total(category, "total", "G") == pytest.approx(expected)
        assert calculator.total("summary", category, "B") == pytest.approx(expected)
        assert calculator.total("summary", category, "C") == pytest.approx(expected)
        whole += expected
    assert calculator.total("summary", "all purchases", "B") == pytest.approx(whole)
    assert calculator.total("summary", "TCO as solved (USD, discounted)", "B") == design.tco_usd
    assert calculator.total("summary", "newest price in the catalogue", "B") == "2025-02"


def test_workbook_totals_follow_a_changed_price(design: Design, tmp_path: Path) -> None:
    write_bom_xlsx(design, tmp_path / "bom.xlsx")
    calculator = Calculator(tmp_path / "bom.xlsx")
    before = calculator.total("summary", "all purchases", "B")
    calculator.book["nodes"]["F2"] = 310000
    assert calculator.total("summary", "all purchases", "B") == pytest.approx(before + 32 * 10000)


def test_workbook_is_ready_to_print(design: Design, tmp_path: Path) -> None:
    write_bom_xlsx(design, tmp_path / "bom.xlsx")
    for sheet in load_workbook(tmp_path / "bom.xlsx"):
        assert sheet.freeze_panes is not None
        assert sheet.print_area
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.column_dimensions["A"].width > 15
    nodes = load_workbook(tmp_path / "bom.xlsx")["nodes"]
    assert nodes["F2"].number_format == "#,##0.00"
    assert nodes["G2"].number_format == "#,##0"


def test_workbook_is_neutralized(hostile: Design, tmp_path: Path) -> None:
    write_bom_xlsx(hostile, tmp_path / "bom.xlsx")
    sheet = load_workbook(tmp_path / "bom.xlsx")["nodes"]
    for row, line in enumerate(hostile.bom_lines, 2):
        for address in (f"A{row}", f"D{row}"):
            cell = sheet[address]
            assert cell.data_type == "s"
            assert cell.quotePrefix == is_formula_like(line.item)
        assert sheet[f"D{row}"].value == line.item.replace("\x1b", "�")
    formulas = [cell for cells in sheet.iter_rows() for cell in cells if cell.data_type == "f"]
    assert all(cell.column_letter == "G" for cell in formulas)


def test_strange_categories_get_sheets_of_their_own(design: Design, tmp_path: Path) -> None:
    names = ("a/b", "A?b", "it's", "x" * 40)
    lines = [design.bom_lines[0].model_copy(update={"category": name}) for name in names]
    write_bom_xlsx(design.model_copy(update={"bom_lines": tuple(lines)}), tmp_path / "bom.xlsx")
    calculator = Calculator(tmp_path / "bom.xlsx")
    assert len(calculator.book.sheetnames) == 5
    assert calculator.total("summary", "all purchases", "B") == pytest.approx(4 * 9.6e6)


def test_writing_twice_gives_the_same_bytes(design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        write_bom_xlsx(design, tmp_path / f"{name}.xlsx")
        write_bom_csv(design, tmp_path / f"{name}.csv")
    for ending in ("xlsx", "csv"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    assert load_workbook(tmp_path / "one.xlsx").properties.modified.year == 2020


def test_nothing_bought_gives_an_empty_workbook(design: Design, tmp_path: Path) -> None:
    write_bom_xlsx(design.model_copy(update={"bom_lines": ()}), tmp_path / "bom.xlsx")
    calculator = Calculator(tmp_path / "bom.xlsx")
    assert calculator.book.sheetnames == ["summary"]
    assert calculator.total("summary", "all purchases", "B") == 0


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed")
@pytest.mark.parametrize("which", ["design", "hostile"])
def test_libreoffice_computes_the_same_totals(which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    each: Design = request.getfixturevalue(which)
    write_bom_xlsx(each, tmp_path / "bom.xlsx")
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "csv", "--outdir", str(tmp_path), "bom.xlsx"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    with (tmp_path / "bom.csv").open(encoding="utf-8", newline="") as file:
        rows = {row[0]: row[1:] for row in csv.reader(file) if row}
    expected = sum(line.total_usd for line in each.bom_lines)
    live, solved = (float(text.replace(",", "")) for text in rows["all purchases"][:2])
    assert live == pytest.approx(expected, abs=0.5)
    assert solved == pytest.approx(expected, abs=0.5)
