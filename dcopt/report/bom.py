"""The bill of materials as CSV and as a workbook with live formulas.

Both are the same bytes for the same design. Text that a spreadsheet would take for a formula is neutralized.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcopt.design.records import CAPITAL_CATEGORIES, BomLine, Design
from dcopt.report.assumptions import catalogue_date
from dcopt.report.blocks import Table, table
from dcopt.report.numbers import amount, number, price

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

COLUMNS = tuple(BomLine.model_fields)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
SHEET_HEADERS = ("site", "year", "table", "item", "quantity", "unit price (USD)", "total (USD)")
SHEET_WIDTHS = (22, 8, 14, 36, 14, 18, 20)
SUMMARY_WIDTHS = (30, 22, 22)
QUANTITY, UNIT_PRICE, MONEY = "#,##0.###", "#,##0.00", "#,##0"
FIXED_TIME = datetime(2020, 1, 1)
ZIP_TIME = (2020, 1, 1, 0, 0, 0)


def is_formula_like(text: str) -> bool:
    """Whether a spreadsheet could take ``text`` for a formula."""
    return text.startswith(FORMULA_STARTS)


def write_bom_csv(design: Design, path: Path) -> None:
    """Write the bill of materials as CSV (UTF-8), one line a purchase; formula-like text gets a leading apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in design.bom_lines:
        writer.writerow([_csv_cell(getattr(line, column)) for column in COLUMNS])
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


def _csv_cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if is_formula_like(value) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def bom_table(design: Design) -> Table:
    """Return the bill of materials as a table for a terminal, with its total."""
    rows = [
        (
            line.site,
            str(line.year),
            line.category,
            line.item,
            number(line.quantity, 6),
            price(line.unit_price_usd),
            amount(line.total_usd),
        )
        for line in design.bom_lines
    ]
    rows.append(("total", "", "", "", "", "", amount(sum(line.total_usd for line in design.bom_lines))))
    headers = ("site", "year", "category", "item", ">quantity", ">unit price (USD)", ">total (USD)")
    return table(f"Bill of materials of {design.problem}", headers, rows, has_total=True)


def write_bom_xlsx(design: Design, path: Path, problem: Problem | None = None) -> None:
    """Write the bill of materials as a workbook: a summary, and one sheet a category.

    Line totals are quantity × unit price, sheet totals their sums, the summary refers to them: changed prices carry
    through. ``problem`` adds the date of the catalogue.
    """
    from openpyxl import Workbook

    book: Any = Workbook()
    summary = book.active
    summary.title = "summary"
    totals: list[tuple[str, str, float]] = []
    for category in _categories(design):
        lines = [line for line in design.bom_lines if line.category == category]
        sheet = book.create_sheet(_sheet_title(category, book.sheetnames))
        cell = _fill_sheet(sheet, category, lines)
        quoted = sheet.title.replace("'", "''")
        totals.append((category, f"='{quoted}'!{cell}", sum(line.total_usd for line in lines)))
    _fill_summary(summary, design, problem, totals)
    book.properties.creator = "dcopt"
    book.properties.title = _text(f"Bill of materials: {design.problem}")
    book.properties.created = FIXED_TIME
    book.calculation.fullCalcOnLoad = True
    _save(book, path)


def _categories(design: Design) -> list[str]:
    present = {line.category for line in design.bom_lines}
    return [name for name in CAPITAL_CATEGORIES if name in present] + sorted(present - set(CAPITAL_CATEGORIES))


def _sheet_title(category: str, taken: list[str]) -> str:
    """Return a title that a workbook accepts and does not have yet."""
    stem = re.sub(r"[\[\]:*?/\\\x00-\x1f']", "-", category)[:28] or "other"
    title, k = stem, 2
    while title.lower() in {name.lower() for name in taken}:
        title, k = f"{stem}{k}", k + 1
    return title


def _text(value: str) -> str:
    """Return text without the control characters that a workbook cannot hold."""
    return UNPRINTABLE.sub("�", value)


def _put(sheet: Any, row: int, column: int, value: str | float) -> Any:
    """Write plain data: text is stored as text even where it looks like a formula. Returns the cell."""
    cell = sheet.cell(row=row, column=column)
    if isinstance(value, str):
        cell.value = _text(value)
        cell.data_type = "s"
        if is_formula_like(value):
            cell.quotePrefix = True
    else:
        cell.value = int(value) if float(value).is_integer() else value
    return cell


def _headers(sheet: Any, row: int, headers: tuple[str, ...], numeric_from: int) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    for column, header in enumerate(headers, 1):
        cell = _put(sheet, row, column, header)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="E3E7EC")
        cell.border = Border(bottom=Side(style="thin"))
        cell.alignment = Alignment(horizontal="right" if column >= numeric_from else "left", wrap_text=True)


def _fill_sheet(sheet: Any, category: str, lines: list[BomLine]) -> str:
    """Fill the sheet of a category and return the address of its total."""
    from openpyxl.styles import Border, Font, Side

    _headers(sheet, 1, SHEET_HEADERS, numeric_from=5)
    for row, line in enumerate(lines, 2):
        values: tuple[str | float, ...] = (
            line.site,
            line.year,
            line.table,
            line.item,
            line.quantity,
            line.unit_price_usd,
        )
        for column, value in enumerate(values, 1):
            _put(sheet, row, column, value)
        sheet.cell(row=row, column=5).number_format = QUANTITY
        sheet.cell(row=row, column=6).number_format = UNIT_PRICE
        total = sheet.cell(row=row, column=7, value=f"=E{row}*F{row}")
        total.number_format = MONEY
    last = len(lines) + 1
    end = last + 1
    _put(sheet, end, 1, "total")
    sheet.cell(row=end, column=7, value=f"=SUM(G2:G{last})").number_format = MONEY
    for column in range(1, len(SHEET_HEADERS) + 1):
        sheet.cell(row=end, column=column).font = Font(bold=True)
        sheet.cell(row=end, column=column).border = Border(top=Side(style="thin"))
    _set_up(sheet, SHEET_WIDTHS, f"A1:G{end}", _text(category))
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    return f"G{end}"


def _fill_summary(sheet: Any, design: Design, problem: Problem | None, totals: list[tuple[str, str, float]]) -> None:
    """Fill the summary: what this is, then the categories with live totals beside those of the design."""
    from openpyxl.styles import Border, Font, Side

    facts: list[tuple[str, str | float]] = [
        ("bill of materials of", design.problem),
        ("status of the design", design.status),
        ("years of operation", design.horizon_years),
    ]
    if design.tco_usd is not None:
        facts.append(("TCO as solved (USD, discounted)", design.tco_usd))
    if design.gap is not None:
        facts.append(("proven gap", design.gap))
    date = catalogue_date(design, problem)
    facts.append(("newest price in the catalogue", date or "not known"))
    for row, (label, value) in enumerate(facts, 1):
        _put(sheet, row, 1, label).font = Font(bold=row == 1)
        cell = _put(sheet, row, 2, value)
        if isinstance(value, float):
            cell.number_format = "0.0000%" if label == "proven gap" else MONEY
    start = len(facts) + 2
    _headers(sheet, start, ("category", "total (USD)", "as solved (USD)"), numeric_from=2)
    for row, (category, formula, solved) in enumerate(totals, start + 1):
        _put(sheet, row, 1, category)
        sheet.cell(row=row, column=2, value=formula).number_format = MONEY
        _put(sheet, row, 3, solved).number_format = MONEY
    end = start + len(totals) + 1
    _put(sheet, end, 1, "all purchases")
    for column, letter in ((2, "B"), (3, "C")):
        value = f"=SUM({letter}{start + 1}:{letter}{end - 1})" if totals else 0
        sheet.cell(row=end, column=column, value=value).number_format = MONEY
    for column in (1, 2, 3):
        sheet.cell(row=end, column=column).font = Font(bold=True)
        sheet.cell(row=end, column=column).border = Border(top=Side(style="thin"))
    note = "Purchases at full price, undiscounted. Totals follow changed prices and quantities."
    _put(sheet, end + 2, 1, note)
    _set_up(sheet, SUMMARY_WIDTHS, f"A1:C{end + 2}", "summary")
    sheet.freeze_panes = sheet.cell(row=start + 1, column=1)


def _set_up(sheet: Any, widths: tuple[int, ...], area: str, title: str) -> None:
    """Set column widths and how the sheet prints: landscape A4, one page wide, numbered."""
    for column, width in zip("ABCDEFG", widths, strict=False):
        sheet.column_dimensions[column].width = width
    sheet.print_area = area
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.oddHeader.left.text = title.replace("&", "&&")
    sheet.oddFooter.right.text = "&P / &N"


def _save(book: Any, path: Path) -> None:
    """Save a workbook without the time of writing, so that the same design gives the same bytes."""
    stream = io.BytesIO()
    book.save(stream)
    stamp = f"{FIXED_TIME:%Y-%m-%dT%H:%M:%SZ}".encode()
    with zipfile.ZipFile(stream) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, data)
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, data)
