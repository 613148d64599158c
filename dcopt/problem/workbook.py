"""An ``.xlsx`` workbook to the same raw cells as a folder: a sheet is a table, a row number is a line."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcopt.problem.findings import Finding
from dcopt.problem.read import RawProblem, RawRow, RawTable, is_comment, raw_table, unknown_table
from dcopt.problem.schema import number_text
from dcopt.problem.tables import TABLES


def read_workbook(path: Path) -> RawProblem:
    """Read every sheet of the workbook at ``path``; sheets without any cell are ignored."""
    try:
        formulas, values = _open(path)
    except Exception:  # openpyxl raises whatever a damaged archive or XML happens to cause
        finding = Finding(
            "error", path.name, "is not a readable .xlsx workbook: open it in a spreadsheet and save it again as .xlsx"
        )
        return RawProblem((), frozenset(TABLES), (finding,))
    tables: list[RawTable] = []
    unreadable: set[str] = set()
    findings: list[Finding] = []
    for sheet in formulas.worksheets:
        file = f"{path.name}!{sheet.title}"
        records = list(_records(sheet, values[sheet.title], file, findings))
        if sheet.title not in TABLES:
            if records:
                findings.append(unknown_table(file, sheet.title, ""))
            continue
        table = raw_table(sheet.title, file, iter(records), findings)
        if table is None:
            unreadable.add(sheet.title)
        else:
            tables.append(table)
    return RawProblem(tuple(tables), frozenset(unreadable), tuple(findings))


def _open(path: Path) -> tuple[Any, Any]:
    """Return the workbook with its formulas and with their stored values."""
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of features that tables do not need, such as data validation
        return openpyxl.load_workbook(path), openpyxl.load_workbook(path, data_only=True)


def _records(sheet: Any, values: Any, file: str, findings: list[Finding]) -> Iterator[RawRow]:
    """Yield the rows that hold anything, cut or filled to the width of the first one, comments left out."""
    width = 0
    rows = zip(sheet.iter_rows(), values.iter_rows(values_only=True), strict=True)
    for line, (cells, stored) in enumerate(rows, start=1):
        texts = []
        for cell, value in zip(cells, stored, strict=True):
            if cell.data_type == "f" and value is None:
                message = "is a formula without a stored value: open the workbook in a spreadsheet and save it again"
                findings.append(Finding("error", file, message, line=line, value=f"{cell.coordinate} {cell.value}"))
            texts.append(_text(value))
        while texts and not texts[-1]:
            texts.pop()
        if not texts or is_comment(next(filter(None, texts))):
            continue
        width = width or len(texts)
        yield RawRow(line, tuple(texts + [""] * (width - len(texts))))


def _text(value: Any) -> str:
    """Return the text that a CSV file would hold for a cell's value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value).strip()
