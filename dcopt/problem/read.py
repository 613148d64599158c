"""A folder of CSV tables to raw cells, each with its file and line; whatever breaks a file is named with its cure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dcopt.problem.cells import SPREADSHEET_ERRORS
from dcopt.problem.findings import Finding, nearest
from dcopt.problem.schema import columns_of
from dcopt.problem.tables import TABLES

IGNORED_FILES = frozenset({"corrections.csv"})
"""CSV files of a run's ``inputs/`` folder that are not tables of a problem."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SAVE_AS = "in a spreadsheet, save as 'CSV UTF-8 (comma delimited)'"


@dataclass(frozen=True)
class RawRow:
    """One record: the line where it starts and its cells, without surrounding blanks."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class RawTable:
    """A table as it stands in its file: ``header`` may hold unknown or repeated names.

    ``complete`` is False where lines had to be left out.
    """

    name: str
    file: str
    header: RawRow
    rows: tuple[RawRow, ...]
    complete: bool = True


@dataclass(frozen=True)
class RawProblem:
    """The tables of a folder or workbook, those that could not be read at all, and the findings so far."""

    tables: tuple[RawTable, ...]
    unreadable: frozenset[str]
    findings: tuple[Finding, ...]


def read_folder(folder: Path) -> RawProblem:
    """Read every ``.csv`` file of ``folder``; other files and folders are ignored."""
    tables: list[RawTable] = []
    unreadable: set[str] = set()
    findings: list[Finding] = []
    crlf: list[str] = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.suffix.lower() != ".csv" or path.name.startswith(".") or path.name in IGNORED_FILES:
            continue
        if path.suffix != ".csv" or path.stem not in TABLES:
            findings.append(unknown_table(path.name, path.stem, ".csv"))
            continue
        text = _read_text(path, findings)
        if text is None:
            unreadable.add(path.stem)
            continue
        if "\r" in text:
            crlf.append(path.name)
        table = raw_table(path.stem, path.name, _records(text, path.name, findings), findings)
        if table is None:
            unreadable.add(path.stem)
        else:
            tables.append(table)
    if crlf:
        others = f" (also {', '.join(crlf[1:])})" if crlf[1:] else ""
        message = f"has Windows line ends{others}; it was read all the same: save with plain line ends to silence this"
        findings.append(Finding("warning", crlf[0], message))
    return RawProblem(tuple(tables), frozenset(unreadable), tuple(findings))


def read_csv(path: Path, name: str, file: str) -> tuple[RawTable | None, list[Finding]]:
    """Read one table; ``file`` is how findings call it."""
    findings: list[Finding] = []
    text = _read_text(path, findings, file)
    if text is None:
        return None, findings
    return raw_table(name, file, _records(text, file, findings), findings), findings


def unknown_table(place: str, name: str, suffix: str) -> Finding:
    """Return the finding for a file or sheet that is no table of a problem."""
    similar = nearest(name, TABLES)
    cure = "rename it, or give it another ending" if suffix else "rename the sheet, or delete it"
    return Finding(
        "error",
        place,
        f"is not a table of a problem: {cure}",
        expected="one of " + ", ".join(f"{table}{suffix}" for table in TABLES),
        nearest=None if similar is None else f"{similar}{suffix}",
    )


def raw_table(name: str, file: str, records: Iterator[RawRow], findings: list[Finding]) -> RawTable | None:
    """Split records into header and rows, checking their shape; None where there is no usable header."""
    before = len(findings)
    header = next(records, None)
    if header is None:
        if len(findings) == before:
            columns = ",".join(columns_of(TABLES[name].row))
            findings.append(
                Finding("error", file, f"is empty: delete it, or start it with a header row such as {columns}")
            )
        return None
    if len(header.cells) == 1 and (sign := _other_separator(header.cells[0])):
        findings.append(
            Finding(
                "error",
                file,
                f"separates its cells by {sign}: {_SAVE_AS}, or replace them by commas",
                line=header.line,
                value=header.cells[0],
                expected="cells separated by commas",
            )
        )
        return None
    rows = []
    for record in records:
        if not any(record.cells):
            continue
        if len(record.cells) != len(header.cells):
            findings.append(_wrong_width(file, header, record))
            continue
        rows.append(record)
    return RawTable(name, file, header, tuple(rows), complete=len(findings) == before)


def _other_separator(header: str) -> str | None:
    for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if sign in header:
            return word
    return None


def _wrong_width(file: str, header: RawRow, record: RawRow) -> Finding:
    width, found = len(header.cells), len(record.cells)
    if found > width:
        message = (
            f"the row has {found} cells and the header {width}: take out the extra comma, "
            "or put quotes around a text or number that holds a comma (a decimal comma is written '.')"
        )
        value = ",".join(record.cells[width:])
    else:
        message = f"the row has {found} cells and the header {width}: add the missing commas, also for blank cells"
        value = ",".join(record.cells)
    return Finding("error", file, message, line=record.line, value=value, expected=f"{width} cells")


def _read_text(path: Path, findings: list[Finding], file: str | None = None) -> str | None:
    """Return the text of a file, or None with the finding that says why it is none."""
    file = file or path.name
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = "is a folder, not a file" if path.is_dir() else f"cannot be read ({error.strerror or error})"
        findings.append(Finding("error", file, f"{reason}: move it away, or make it readable"))
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.append(Finding("error", file, f"is UTF-16 text with a byte-order mark: {_SAVE_AS}", expected="UTF-8"))
        return None
    if data.startswith(b"PK\x03\x04"):
        message = "is an Excel workbook, not CSV: save each sheet as CSV, or give dcopt the .xlsx file itself"
        findings.append(Finding("error", file, message, expected="CSV text"))
        return None
    if data.startswith(b"\xef\xbb\xbf"):
        message = (
            "starts with a byte-order mark (BOM); it was read all the same: save as UTF-8 without BOM to silence this"
        )
        findings.append(Finding("warning", file, message, line=1))
        data = data[3:]
    if b"\x00" in data:
        line = data[: data.index(b"\x00")].count(b"\n") + 1
        message = f"holds NUL bytes, so it is not plain text: {_SAVE_AS}"
        findings.append(Finding("error", file, message, line=line, expected="UTF-8 text"))
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"byte 0x{data[error.start]:02x}"
        findings.append(Finding("error", file, f"is not UTF-8 text ({byte}): {_SAVE_AS}", line=line, expected="UTF-8"))
        return None


def _records(text: str, file: str, findings: list[Finding]) -> Iterator[RawRow]:
    """Yield the records of a CSV text: comments and blank lines left out, quoted line breaks kept."""
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True, skipinitialspace=True)
    while True:
        lines.at_record_start = True
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.append(Finding("error", file, _csv_cure(str(error)), line=lines.record_line))
            continue
        row = RawRow(lines.record_line, tuple(cell.strip() for cell in cells))
        if not is_comment(row.cells[0]):  # a spreadsheet puts quotes around a comment with a comma
            yield row


def is_comment(first_cell: str) -> bool:
    """Whether a line that starts with this cell is a comment; '#N/A' and the like are a spreadsheet's errors."""
    return first_cell.startswith("#") and first_cell.lower() not in SPREADSHEET_ERRORS


class _Lines:
    """The physical lines for the csv module; skips comments and blank lines, but never inside a quoted cell."""

    def __init__(self, text: str) -> None:
        self._lines = (match[0] for match in _LINE.finditer(text))
        self._number = 0
        self.at_record_start = True
        self.record_line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for line in self._lines:
            self._number += 1
            if not self.at_record_start:
                return line
            if not line.strip() or is_comment(line.split(",")[0].strip()):
                continue
            self.at_record_start = False
            self.record_line = self._number
            return line
        raise StopIteration


def _csv_cure(error: str) -> str:
    if "unexpected end" in error:
        return 'a quote (") is opened here and never closed: close it, or take it out'
    if "expected after" in error:
        return 'text follows a closing quote ("): double the quotes inside a quoted cell (""), or take them out'
    if "field limit" in error:
        return 'a cell is longer than 131,072 characters: a quote (") may be missing; shorten the cell'
    return f"the line is not CSV ({error}): check its quotes and commas"
