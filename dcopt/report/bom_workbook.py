"""The bill of materials as a workbook for a purchasing department: live formulas, and cells for the vendors' prices.

A sheet for each site and category holds its lines: quantity × price, where the price is the quoted one if a vendor's
is filled in, else the list price less the discount. Totals, phases and summary follow. `dcopt.problem.quotes` reads
the quoted prices back. The same design gives the same bytes; text that a spreadsheet would take for a formula is
stored as text.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcopt.design.records import CAPITAL_CATEGORIES, BomLine, Design
from dcopt.problem.quotes import DISCOUNT_HEADER, LIST_HEADER, QUOTE_HEADER
from dcopt.report.assumptions import catalogue_date
from dcopt.report.bom import is_formula_like

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
HEADERS = (
    "site",
    "year",
    "table",
    "item",
    "quantity",
    LIST_HEADER,
    QUOTE_HEADER,
    DISCOUNT_HEADER,
    "price (USD)",
    "total (USD)",
    "as solved (USD)",
    "source of the list price",
    "as of",
)
WIDTHS = (18, 7, 12, 30, 12, 16, 18, 11, 16, 18, 18, 48, 11)
NUMBERS_FROM, NUMBERS_TO = 5, 11
QUANTITY, UNIT_PRICE, MONEY, SHARE = "#,##0.###", "#,##0.00", "#,##0", "0.0%"
INPUT_FILL = "FFF6D6"
FIXED_TIME = datetime(2020, 1, 1)
ZIP_TIME = (2020, 1, 1, 0, 0, 0)


def write_bom_xlsx(design: Design, path: Path, problem: Problem | None = None) -> None:
    """Write the workbook: summary, phases by year, and a sheet for each site and category.

    ``problem`` adds where each list price comes from and how old it is.
    """
    from openpyxl import Workbook

    book: Any = Workbook()
    summary = book.active
    summary.title = "summary"
    groups = _groups(design)
    first = _facts(summary, design, problem)
    phases = book.create_sheet("phases") if groups else None
    placed: list[tuple[str, str, str, int]] = []
    for index, ((site, category), lines) in enumerate(groups.items()):
        sheet = book.create_sheet(_sheet_title(f"{site} {category}", book.sheetnames))
        _fill_sheet(sheet, f"{site}: {category}", lines, f"=summary!$C${first + 1 + index}", problem)
        placed.append((site, category, sheet.title.replace("'", "''"), len(lines)))
    _totals(summary, first, placed, [sum(line.total_usd for line in lines) for lines in groups.values()])
    if phases is not None:
        _fill_phases(phases, placed, sorted({line.year for line in design.bom_lines}))
    book.properties.creator = "dcopt"
    book.properties.title = _text(f"Bill of materials: {design.problem}")
    book.properties.created = FIXED_TIME
    book.calculation.fullCalcOnLoad = True
    _save(book, path)


def _groups(design: Design) -> dict[tuple[str, str], list[BomLine]]:
    """Return the lines of each site and category, sites in their order, categories as the cost table has them."""
    sites = list(dict.fromkeys(line.site for line in design.bom_lines))
    present = {line.category for line in design.bom_lines}
    categories = [name for name in CAPITAL_CATEGORIES if name in present] + sorted(present - set(CAPITAL_CATEGORIES))
    groups = {
        (site, category): [line for line in design.bom_lines if (line.site, line.category) == (site, category)]
        for site in sites
        for category in categories
    }
    return {key: lines for key, lines in groups.items() if lines}


def _sheet_title(wanted: str, taken: list[str]) -> str:
    """Return a title that a workbook accepts and does not have yet."""
    stem = re.sub(r"[\[\]:*?/\\\x00-\x1f']", "-", wanted)[:28].strip() or "other"
    title, k = stem, 2
    while title.lower() in {name.lower() for name in taken}:
        title, k = f"{stem}{k}", k + 1
    return title


def _text(value: str) -> str:
    """Return text without the control characters that a workbook cannot hold."""
    return UNPRINTABLE.sub("�", value)


def _put(sheet: Any, row: int, column: int, value: str | float, number_format: str = "") -> Any:
    """Write plain data: text is stored as text even where it looks like a formula. Returns the cell."""
    cell = sheet.cell(row=row, column=column)
    if isinstance(value, str):
        cell.value = _text(value)
        cell.data_type = "s"
        if is_formula_like(value):
            cell.quotePrefix = True
    else:
        cell.value = int(value) if float(value).is_integer() else value
    if number_format:
        cell.number_format = number_format
    return cell


def _formula(sheet: Any, row: int, column: int, formula: str, number_format: str) -> None:
    sheet.cell(row=row, column=column, value=formula).number_format = number_format


def _input(sheet: Any, row: int, column: int, number_format: str) -> Any:
    """Mark a cell as one to fill in; return it."""
    from openpyxl.styles import Border, PatternFill, Side

    cell = sheet.cell(row=row, column=column)
    side = Side(style="hair")
    cell.fill, cell.border = PatternFill("solid", fgColor=INPUT_FILL), Border(side, side, side, side)
    cell.number_format = number_format
    return cell


def _headers(sheet: Any, row: int, headers: tuple[str, ...], numeric: range) -> None:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    for column, header in enumerate(headers, 1):
        cell = _put(sheet, row, column, header)
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="E3E7EC")
        cell.border = Border(bottom=Side(style="thin"))
        horizontal = "right" if column in numeric else "left"
        cell.alignment = Alignment(horizontal=horizontal, vertical="top", wrap_text=True)


def _total_row(sheet: Any, row: int, columns: int) -> None:
    from openpyxl.styles import Border, Font, Side

    for column in range(1, columns + 1):
        sheet.cell(row=row, column=column).font = Font(bold=True)
        sheet.cell(row=row, column=column).border = Border(top=Side(style="thin"))


def _fill_sheet(sheet: Any, title: str, lines: list[BomLine], discount: str, problem: Problem | None) -> None:
    """Fill the sheet of a site and category: row 1 the headers, one row a line, the total below."""
    from openpyxl.worksheet.datavalidation import DataValidation

    _headers(sheet, 1, HEADERS, range(NUMBERS_FROM, NUMBERS_TO + 1))
    for row, line in enumerate(lines, 2):
        names: tuple[str | float, ...] = (line.site, line.year, line.table, line.item)
        for column, value in enumerate(names, 1):
            _put(sheet, row, column, value)
        _put(sheet, row, 5, line.quantity, QUANTITY)
        _put(sheet, row, 6, line.unit_price_usd, UNIT_PRICE)
        _input(sheet, row, 7, UNIT_PRICE)
        _input(sheet, row, 8, SHARE).value = discount
        _formula(sheet, row, 9, f'=IF(G{row}="",F{row}*(1-H{row}),G{row})', UNIT_PRICE)
        _formula(sheet, row, 10, f"=E{row}*I{row}", MONEY)
        _put(sheet, row, 11, line.total_usd, MONEY)
        source, as_of = _source(line, problem)
        _put(sheet, row, 12, source)
        _put(sheet, row, 13, as_of)
    end = len(lines) + 2
    _put(sheet, end, 1, "total")
    for column, letter in ((10, "J"), (11, "K")):
        _formula(sheet, end, column, f"=SUM({letter}2:{letter}{end - 1})", MONEY)
    _total_row(sheet, end, len(HEADERS))
    asked = DataValidation(type="decimal", operator="greaterThanOrEqual", formula1="0", allow_blank=True)
    asked.promptTitle, asked.prompt = "Quoted price", "The vendor's price of one unit, USD, discounts included."
    asked.showInputMessage = True
    share = DataValidation(type="decimal", operator="between", formula1="0", formula2="1", allow_blank=True)
    for validation, letter in ((asked, "G"), (share, "H")):
        validation.add(f"{letter}2:{letter}{end - 1}")
        sheet.add_data_validation(validation)
    _set_up(sheet, WIDTHS, f"A1:M{end}", _text(title))
    sheet.freeze_panes = "E2"
    sheet.print_title_rows = "1:1"


def _source(line: BomLine, problem: Problem | None) -> tuple[str, str]:
    """Return where the list price of a line was read, and when it was true."""
    if problem is None:
        return "", ""
    offers = [o for o in problem.offers.values() if (o.table, o.name) == (line.table, line.item)]
    if any(o.price_usd is not None and o.site in (None, line.site) for o in offers):
        return "offers.csv of the problem", ""
    row: Any = problem.tables.get(line.table, {}).get(line.item)
    if line.table == "sites":
        return "sites.csv of the problem (build_usd_per_kw)", ""
    return (str(getattr(row, "source", "")), str(getattr(row, "as_of", ""))) if row is not None else ("", "")


def _facts(sheet: Any, design: Design, problem: Problem | None) -> int:
    """Write what this is at the top of the summary; return the row for the headers of its table."""
    from openpyxl.styles import Font

    facts: list[tuple[str, str | float]] = [
        ("bill of materials of", design.problem),
        ("status of the design", design.status),
        ("years of operation", design.horizon_years),
    ]
    if design.tco_usd is not None:
        facts.append(("TCO as solved (USD, discounted)", design.tco_usd))
    if design.gap is not None:
        facts.append(("proven gap", design.gap))
    facts.append(("newest price in the catalogue", catalogue_date(design, problem) or "not known"))
    caps = dict.fromkeys((pool.site, pool.bought_as, pool.power_cap) for pool in design.pools if pool.power_cap)
    facts += [("power cap to be set", f"{node} at {site}: {cap}") for site, node, cap in caps]
    for row, (label, value) in enumerate(facts, 1):
        _put(sheet, row, 1, label).font = Font(bold=row == 1)
        cell = _put(sheet, row, 2, value)
        if isinstance(value, float):
            cell.number_format = "0.0000%" if label == "proven gap" else MONEY
    return len(facts) + 2


NOTES = (
    "Purchases at full price, undiscounted. Totals follow changed prices, discounts and quantities.",
    "Yellow cells are to be filled in: a discount here holds for its sheet; a quoted price there replaces list price "
    "and discount of its line.",
    "To design again at the quoted prices: dcopt solve PROBLEM --quotes THIS-FILE",
)


def _totals(sheet: Any, start: int, placed: list[tuple[str, str, str, int]], solved: list[float]) -> None:
    """Write the table of the summary: each sheet with its discount, its live total and the total as solved."""
    _headers(sheet, start, ("site", "category", DISCOUNT_HEADER, "total (USD)", "as solved (USD)"), range(3, 6))
    for row, ((site, category, title, lines), value) in enumerate(zip(placed, solved, strict=True), start + 1):
        _put(sheet, row, 1, site)
        _put(sheet, row, 2, category)
        _input(sheet, row, 3, SHARE).value = 0
        _formula(sheet, row, 4, f"='{title}'!J{lines + 2}", MONEY)
        _put(sheet, row, 5, value, MONEY)
    end = start + len(placed) + 1
    _put(sheet, end, 1, "all purchases")
    for column, letter in ((4, "D"), (5, "E")):
        _formula(sheet, end, column, f"=SUM({letter}{start + 1}:{letter}{end - 1})" if placed else "=0", MONEY)
    _total_row(sheet, end, 5)
    for offset, note in enumerate(NOTES, 2):
        _put(sheet, end + offset, 1, note)
    _set_up(sheet, (32, 22, 14, 20, 20), f"A1:E{end + len(NOTES) + 1}", "summary")
    sheet.freeze_panes = sheet.cell(row=start + 1, column=1)


def _fill_phases(sheet: Any, placed: list[tuple[str, str, str, int]], years: list[int]) -> None:
    """Fill the sheet of phases: what is to be paid in which year, by site and category."""
    from openpyxl.utils import get_column_letter

    columns = 2 + len(years) + 1
    _headers(sheet, 1, ("site", "category", *(f"year {year}" for year in years), "all years"), range(3, columns + 1))
    for row, (site, category, title, lines) in enumerate(placed, 2):
        _put(sheet, row, 1, site)
        _put(sheet, row, 2, category)
        totals, when = f"'{title}'!$J$2:$J${lines + 1}", f"'{title}'!$B$2:$B${lines + 1}"
        for column, year in enumerate(years, 3):
            _formula(sheet, row, column, f"=SUMIF({when},{year},{totals})", MONEY)
        last = get_column_letter(columns - 1)
        _formula(sheet, row, columns, f"=SUM(C{row}:{last}{row})", MONEY)
    end = len(placed) + 2
    _put(sheet, end, 1, "all purchases")
    for column in range(3, columns + 1):
        letter = get_column_letter(column)
        _formula(sheet, end, column, f"=SUM({letter}2:{letter}{end - 1})", MONEY)
    _total_row(sheet, end, columns)
    _set_up(sheet, (22, 16, *(18 for _ in range(columns - 2))), f"A1:{get_column_letter(columns)}{end}", "phases")
    sheet.freeze_panes = "C2"
    sheet.print_title_rows = "1:1"


def _set_up(sheet: Any, widths: tuple[int, ...], area: str, title: str) -> None:
    """Set column widths and how the sheet prints: landscape A4, one page wide, numbered."""
    from openpyxl.utils import get_column_letter

    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
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
