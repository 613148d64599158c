"""Raw cells to typed rows: header, cells, keys and the row's own rules, every error with its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from dcopt.problem.cells import CellError, parse_cell, unusual
from dcopt.problem.columns import Row
from dcopt.problem.findings import Finding, nearest
from dcopt.problem.read import RawRow, RawTable
from dcopt.problem.schema import Column, cell_text, columns_of
from dcopt.problem.tables import TABLES, Table


@dataclass(frozen=True)
class ParsedRow:
    """A row as far as it could be read.

    Attributes
    ----------
    key: the row's key, empty where it could not be read.
    values: the value of every column whose cell is right (defaults included); a wrong cell is absent.
    row: the validated row, or None where something about it is wrong.
    changed: columns that ``--set`` changed, with the text of that option.
    lines: lines of single columns, where the row is spread over several (the settings).
    """

    table: str
    key: str
    file: str
    line: int | None
    values: dict[str, Any]
    row: Row | None
    changed: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def finding(self, column: str | None, message: str, **details: Any) -> Finding:
        """Return a finding at a column of this row; an error unless ``severity`` says otherwise."""
        severity = details.pop("severity", "error")
        value = cell_text(self.values.get(column)) if column else ""
        details.setdefault("value", value or None)
        if column in self.changed:
            return Finding(severity, f"--set {self.changed[column]}", message, column=column, **details)
        line = self.lines.get(column, self.line) if column else self.line
        return Finding(severity, self.file, message, line=line, column=column, **details)

    @property
    def place(self) -> str:
        """``file:line``, as findings print it."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class ParsedTable:
    """The rows of a table by key, and the loose ones whose key is wrong or stands already."""

    rows: dict[str, ParsedRow]
    loose: tuple[ParsedRow, ...]
    findings: tuple[Finding, ...]


def parse_table(raw: RawTable, *, warn: bool = True) -> ParsedTable:
    """Return the typed rows of a raw table with every finding about them; ``warn`` judges unusual values too."""
    table = TABLES[raw.name]
    columns = columns_of(table.row)
    findings: list[Finding] = []
    header_is_right = check_header(raw, columns, findings)
    rows: dict[str, ParsedRow] = {}
    loose: list[ParsedRow] = []
    for record in raw.rows:
        cells = {name: cell for name, cell in zip(raw.header.cells, record.cells, strict=True) if name in columns}
        row = _parse_row(raw, table, columns, record, cells, findings, usable=header_is_right, warn=warn)
        if row.key and row.key not in rows:
            rows[row.key] = row
            continue
        loose.append(row)
        if row.key:
            findings.append(_duplicate(row, table, rows[row.key].line))
    return ParsedTable(rows, tuple(loose), tuple(findings))


def validate_row(row: ParsedRow, row_class: type[Row], findings: list[Finding]) -> ParsedRow:
    """Return the row with its class's own rules applied; what they object to is added to ``findings``."""
    try:
        return replace(row, row=row_class.model_validate(row.values))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            column, message = _objection(detail["msg"], detail["loc"])
            known = column in columns_of(row_class)
            findings.append(row.finding(column if known else None, message if known else detail["msg"]))
        return replace(row, row=None)


def _objection(message: str, location: tuple[int | str, ...]) -> tuple[str, str]:
    """Split ``column|sentence`` as the rows' validators write it; pydantic names the column otherwise."""
    text = message.removeprefix("Value error, ")
    column, bar, sentence = text.partition("|")
    if bar:
        return column, sentence
    return (str(location[0]) if location else ""), text


def check_header(raw: RawTable, columns: dict[str, Column], findings: list[Finding]) -> bool:
    """Report unknown, repeated, blank and missing columns; False where a required column is missing."""
    names = raw.header.cells
    at_header: dict[str, Any] = {"file": raw.file, "line": raw.header.line}
    seen: set[str] = set()
    meant: set[str] = set()
    for position, name in enumerate(names):
        if not name:
            if any(names[position:]):
                findings.append(Finding("error", **at_header, message=f"column {position + 1} has no name: name it"))
            continue
        if name in seen:
            message = "the column stands twice in the header: take one out"
            findings.append(Finding("error", **at_header, column=name, message=message))
        elif name not in columns:
            similar = nearest(name, columns)
            meant.add(similar or "")
            message = "is no column of this table: rename or remove it" + ("" if similar else f" ({_known(columns)})")
            findings.append(Finding("error", **at_header, column=name, message=message, nearest=similar))
        seen.add(name)
    missing = [column for column in columns.values() if column.required and column.name not in seen]
    for column in missing:
        if column.name not in meant:
            message = "the column is missing and has no default: add it"
            findings.append(
                Finding("error", **at_header, column=column.name, message=message, expected=column.expected)
            )
    return not missing


def _known(columns: dict[str, Column]) -> str:
    return "known are " + ", ".join(columns)


def _parse_row(
    raw: RawTable,
    table: Table,
    columns: dict[str, Column],
    record: RawRow,
    cells: dict[str, str],
    findings: list[Finding],
    *,
    usable: bool,
    warn: bool,
) -> ParsedRow:
    """Return the row; its key is empty where it could not be read."""
    found: list[Finding] = []
    _check_unnamed(raw, record, found)
    values: dict[str, Any] = {}
    for name, column in columns.items():
        if column.required and name not in raw.header.cells:
            continue
        text = cells.get(name, "")
        place: dict[str, Any] = {"file": raw.file, "line": record.line, "column": name, "value": text or None}
        try:
            is_name = name in table.key and name not in table.patterns and column.kind == "text"
            values[name] = parse_cell(column, text, is_key=is_name)
        except CellError as error:
            found.append(
                Finding("error", **place, message=error.message, expected=error.expected, nearest=error.nearest)
            )
            continue
        if warn and text and (sentence := unusual(column, values[name])):
            findings.append(Finding("warning", **place, message=sentence))
    findings.extend(found)
    has_key = all(name in values for name in table.key)
    key_cells = [values[name] for name in table.key] if has_key else []
    key = "/".join("*" if cell in (None, "") else str(cell) for cell in key_cells)
    row = ParsedRow(table.name, key, raw.file, record.line, values, None)
    return validate_row(row, table.row, findings) if usable and not found else row


def _check_unnamed(raw: RawTable, record: RawRow, findings: list[Finding]) -> None:
    for position, (name, cell) in enumerate(zip(raw.header.cells, record.cells, strict=True), start=1):
        if not name and cell:
            message = f"column {position} has a value but no name in the header: name the column, or clear the cell"
            findings.append(Finding("error", raw.file, message, line=record.line, value=cell))


def _duplicate(row: ParsedRow, table: Table, first_line: int | None) -> Finding:
    what = " + ".join(table.key)
    message = f"the key ({what}) stands already in line {first_line}: rename or remove one of the two rows"
    return Finding("error", row.file, message, line=row.line, column=table.key[0], value=row.key)
