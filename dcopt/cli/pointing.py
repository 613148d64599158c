"""An error of the input as a compiler shows it: file, line and column, the line itself, and the cell underlined."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from dcopt.problem.findings import Finding

MOST_CHARACTERS = 100
"""Longest excerpt of a line."""


def pointed(finding: Finding, folder: Path, style: Callable[[str], str] = lambda text: text) -> str:
    """Return a finding with the cell it is about underlined, where its file is a table in ``folder``.

    Of a workbook the address of the cell is named instead.

    Parameters
    ----------
    style: how the underline is coloured.
    """
    text = str(finding)
    if finding.line is None:
        return text
    if "!" in finding.file:
        address = _address(finding, folder)
        return text.replace(f"{finding.file}:{finding.line}", f"{finding.file}!{address}", 1) if address else text
    if finding.column is None:
        return text
    line = _line(folder / finding.file, finding.line)
    span = None if line is None else cell_span(line, _index(folder / finding.file, finding.column))
    if line is None or span is None:
        return text
    start, end = span
    place = f"{finding.file}:{finding.line}"
    first = max(0, end - MOST_CHARACTERS + 10) if len(line) > MOST_CHARACTERS else 0
    excerpt = line[first : first + MOST_CHARACTERS].replace("\t", " ")
    number = str(finding.line)
    margin = " " * len(number)
    mark = " " * (start - first) + "^" * max(1, end - start)
    shown = "".join(char if char.isprintable() else "?" for char in excerpt)
    return "\n".join(
        [
            text.replace(place, f"{place}:{start + 1}", 1),
            f" {number} | {shown}",
            f" {margin} | {style(mark[:MOST_CHARACTERS])}",
        ]
    )


def cell_span(line: str, index: int | None) -> tuple[int, int] | None:
    """Return where the cell with this index begins and ends in a line of CSV, without blanks and quotes around it."""
    if index is None:
        return None
    start, cell, quoted = 0, 0, False
    for position, char in enumerate([*line, ","]):
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            if cell == index:
                text = line[start:position]
                inner = text.strip()
                begin = start + len(text) - len(text.lstrip())
                if len(inner) > 1 and inner[0] == inner[-1] == '"':
                    return begin + 1, begin + len(inner) - 1
                return begin, begin + len(inner)
            start, cell = position + 1, cell + 1
    return None


def _line(path: Path, number: int) -> str | None:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return lines[number - 1] if 0 < number <= len(lines) else None


def _index(path: Path, column: str) -> int | None:
    """Return where a column stands in a table's header row; a setting is the second cell of its line."""
    if path.name == "settings.csv":
        return 1
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    header = next((line for line in lines if line.strip() and not line.startswith(("#", '"#'))), "")
    names = [name.strip() for name in next(csv.reader([header]), [])]
    return names.index(column) if column in names else None


def _address(finding: Finding, workbook: Path) -> str:
    """Return the address of a cell in a workbook, such as C3; '' where it cannot be told."""
    if finding.column is None:
        return ""
    import openpyxl
    from openpyxl.utils import get_column_letter

    try:
        sheet = openpyxl.load_workbook(workbook, read_only=True, data_only=True)[finding.file.partition("!")[2]]
    except Exception:  # openpyxl raises whatever a damaged archive happens to cause; the finding stands without it
        return ""
    if sheet.title == "settings":
        return f"B{finding.line}"
    for row in sheet.iter_rows(values_only=True):
        texts = [str(cell or "").strip() for cell in row]
        if any(texts) and not next(filter(None, texts)).startswith("#"):
            if finding.column not in texts:
                return ""
            return f"{get_column_letter(texts.index(finding.column) + 1)}{finding.line}"
    return ""
