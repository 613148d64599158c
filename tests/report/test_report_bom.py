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
from dcopt.problem.quotes import read_quotes
from dcopt.report.bom import is_formula_like, write_bom_csv
from dcopt.report.bom_workbook import write_bom_xlsx

NODE = "dgx-h100"


class Calculator:
    """Computes the cells of a workbook that holds only the kinds of formulas that bills of materials have."""

    def __init__(self, path: Path) -> None:
        self.book = load_workbook(path)

    def value(self, sheet: str, address: str) -> Any:
        cell = self.book[sheet][address.replace("$", "")]
        if cell.data_type != "f":
            return cell.value
        price = re.fullmatch(r'=IF\((\w+)="",(\w+)\*\(1-(\w+)\),\1\)', cell.value)
        if price:
            quoted, listed, discount = (self.value(sheet, price[i]) for i in (1, 2, 3))
            return listed * (1 - discount) if quoted in (None, "") else quoted
        product = re.fullmatch(r"=([A-Z]+\d+)\*([A-Z]+\d+)", cell.value)
        if product:
            return self.value(sheet, product[1]) * self.value(sheet, product[2])
        reference = re.fullmatch(r"='?([^']+?)'?!(\$?[A-Z]+\$?\d+)", cell.value)
        if reference:
            return self.value(reference[1], reference[2])
        when = re.fullmatch(r"=SUMIF\('([^']+)'!\$B\$2:\$B\$(\d+),(\d+),'\1'!\$J\$2:\$J\$\2\)", cell.value)
        if when:
            rows = [row for row in range(2, int(when[2]) + 1) if self.value(when[1], f"B{row}") == int(when[3])]
            return sum(self.value(when[1], f"J{row}") for row in rows)
        total = re.fullmatch(r"=SUM\(([A-Z]+)(\d+):([A-Z]+)(\d+)\)", cell.value)
        assert total or cell.value == "=0", cell.value
        cells = self.book[sheet][cell.value[5:-1]] if total else ()
        return sum(self.value(sheet, each.coordinate) or 0 for row in cells for each in row)

    def total(self, sheet: str, label: str, column: str, at: str = "A") -> Any:
        rows = [cell.row for cell in self.book[sheet][at] if cell.value == label]
        return self.value(sheet, f"{column}{rows[-1]}")


def test_csv_round_trip(design: Design, tmp_path: Path) -> None:
    write_bom_csv(design, tmp_path / "bom.csv")
    with (tmp_path / "bom.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(design.bom_lines)
    for row, line in zip(rows, design.bom_lines, strict=True):
        for column, value in line.model_dump().items():
            assert row[column] == "" if value is None else type(value)(row[column]) == value
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
    names = ["oslo nodes", "oslo network", "oslo storage", "oslo racks", "oslo building"]
    assert calculator.book.sheetnames == ["summary", "phases", *names]
    whole = 0.0
    for sheet in names:
        category = sheet.removeprefix("oslo ")
        expected = sum(line.total_usd for line in design.bom_lines if line.category == category)
        assert calculator.total(sheet, "total", "J") == pytest.approx(expected)
        assert calculator.total(sheet, "total", "K") == pytest.approx(expected)
        assert calculator.total("summary", category, "D", "B") == pytest.approx(expected)
        assert calculator.total("summary", category, "E", "B") == pytest.approx(expected)
        assert calculator.total("phases", category, "E", "B") == pytest.approx(expected)
        whole += expected
    assert calculator.total("summary", "all purchases", "D") == pytest.approx(whole)
    assert calculator.total("summary", "TCO as solved (USD, discounted)", "B") == design.tco_usd
    assert calculator.total("summary", "newest price in the catalogue", "B") == "2025-02"
    assert design.cost is not None
    for column, year in (("C", 1), ("D", 3)):
        bought = next(cash.capital_usd for cash in design.cost.cash_by_year if cash.year == year)
        assert calculator.total("phases", "all purchases", column) == pytest.approx(bought)
    assert calculator.book["oslo nodes"]["L2"].value == "dgx datasheet, https://example.org/dgx"
    assert calculator.book["oslo nodes"]["M2"].value == "2025-02"


def test_workbook_totals_follow_prices_quotes_and_discounts(design: Design, tmp_path: Path) -> None:
    write_bom_xlsx(design, tmp_path / "bom.xlsx")
    calculator = Calculator(tmp_path / "bom.xlsx")
    before = calculator.total("summary", "all purchases", "D")
    calculator.book["oslo nodes"]["F2"] = 310000
    assert calculator.total("summary", "all purchases", "D") == pytest.approx(before + 32 * 10000)
    row = next(cell.row for cell in calculator.book["summary"]["B"] if cell.value == "nodes")
    calculator.book["summary"][f"C{row}"] = 0.1
    assert calculator.total("summary", "all purchases", "D") == pytest.approx(before + 32 * (0.9 * 310000 - 300000))
    calculator.book["oslo nodes"]["G2"] = 250000  # a quoted price is net: no discount on it
    assert calculator.total("summary", "all purchases", "D") == pytest.approx(before - 32 * 50000)


def test_workbook_is_ready_to_print(design: Design, tmp_path: Path) -> None:
    write_bom_xlsx(design, tmp_path / "bom.xlsx")
    for sheet in load_workbook(tmp_path / "bom.xlsx"):
        assert sheet.freeze_panes is not None
        assert sheet.print_area
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.column_dimensions["A"].width > 15
    nodes = load_workbook(tmp_path / "bom.xlsx")["oslo nodes"]
    assert nodes["F2"].number_format == "#,##0.00"
    assert nodes["J2"].number_format == "#,##0"


def test_workbook_is_neutralized(hostile: Design, tmp_path: Path) -> None:
    write_bom_xlsx(hostile, tmp_path / "bom.xlsx")
    sheets = load_workbook(tmp_path / "bom.xlsx").worksheets[2:]
    assert len(sheets) == len(hostile.bom_lines)  # each line is at a site of its own
    for sheet, line in zip(sheets, hostile.bom_lines, strict=True):
        for address in ("A2", "D2"):
            cell = sheet[address]
            assert cell.data_type == "s"
            assert cell.quotePrefix == is_formula_like(line.item)
        assert sheet["D2"].value == line.item.replace("\x1b", "�")
        formulas = [cell for cells in sheet.iter_rows() for cell in cells if cell.data_type == "f"]
        assert all(cell.column_letter in "HIJK" for cell in formulas)


def test_strange_categories_get_sheets_of_their_own(design: Design, tmp_path: Path) -> None:
    names = ("a/b", "A?b", "it's", "x" * 40)
    lines = [design.bom_lines[0].model_copy(update={"category": name}) for name in names]
    write_bom_xlsx(design.model_copy(update={"bom_lines": tuple(lines)}), tmp_path / "bom.xlsx")
    calculator = Calculator(tmp_path / "bom.xlsx")
    assert len(calculator.book.sheetnames) == 6
    assert calculator.total("summary", "all purchases", "D") == pytest.approx(4 * 9.6e6)


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
    assert calculator.total("summary", "all purchases", "D") == 0


def recalculated(path: Path, folder: Path) -> Any:
    """Return the workbook as LibreOffice computes and saves it."""
    folder.mkdir()
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(folder), str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert "Error" not in said.stderr
    return load_workbook(folder / path.name, data_only=True)


def cells_of(book: Any, sheet: str, label: str) -> list[Any]:
    return next([cell.value for cell in row] for row in book[sheet].iter_rows() if row[0].value == label)


@pytest.mark.libreoffice
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed")
@pytest.mark.parametrize("which", ["design", "hostile"])
def test_libreoffice_computes_the_same_totals(which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    each: Design = request.getfixturevalue(which)
    write_bom_xlsx(each, tmp_path / "bom.xlsx")
    book = recalculated(tmp_path / "bom.xlsx", tmp_path / "out")
    expected = sum(line.total_usd for line in each.bom_lines)
    live, solved = cells_of(book, "summary", "all purchases")[3:5]
    assert live == pytest.approx(expected)
    assert solved == pytest.approx(expected)
    assert cells_of(book, "phases", "all purchases")[-1] == pytest.approx(expected)
    errors = [c.value for s in book for row in s.iter_rows() for c in row if str(c.value).startswith(("#", "Err:"))]
    assert errors == []


@pytest.mark.libreoffice
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed")
def test_libreoffice_follows_a_quote_and_a_discount(design: Design, problem: Problem, tmp_path: Path) -> None:
    write_bom_xlsx(design, tmp_path / "bom.xlsx", problem)
    book = load_workbook(tmp_path / "bom.xlsx")
    book["oslo nodes"]["G2"] = 250000
    row = next(cell.row for cell in book["summary"]["B"] if cell.value == "storage")
    book["summary"][f"C{row}"] = 0.25
    book.save(tmp_path / "filled.xlsx")
    computed = recalculated(tmp_path / "filled.xlsx", tmp_path / "out")
    expected = sum(line.total_usd for line in design.bom_lines) - 32 * 50000 - 0.25 * 2 * 290000
    assert cells_of(computed, "summary", "all purchases")[3] == pytest.approx(expected)
    quotes = {quote.item: quote.price_usd for quote in read_quotes(tmp_path / "out" / "filled.xlsx")}
    assert quotes == pytest.approx({NODE: 250000, "flash": 0.75 * 290000})
