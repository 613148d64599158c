"""The settings: one typed row that `settings.csv` spells as keys and values."""

from __future__ import annotations

from typing import Any

from dcopt.problem.cells import CellError, parse_cell, unusual
from dcopt.problem.findings import Finding, nearest
from dcopt.problem.parse import ParsedRow, check_header, validate_row
from dcopt.problem.read import RawTable
from dcopt.problem.schema import columns_of
from dcopt.problem.tables.problem_rows import Setting, Settings


def parse_settings(raw: RawTable | None) -> tuple[ParsedRow, list[Finding]]:
    """Return all settings as one row, defaults filled in, with every finding about the file.

    Without a file (None) every setting has its default.
    """
    columns = columns_of(Settings)
    values: dict[str, Any] = {name: column.default for name, column in columns.items()}
    file = "settings.csv" if raw is None else raw.file
    lines: dict[str, int] = {}
    findings: list[Finding] = []
    if raw is not None and check_header(raw, columns_of(Setting), findings):
        for record in raw.rows:
            cells = dict(zip(raw.header.cells, record.cells, strict=True))
            key, text = cells["key"], cells["value"]
            place: dict[str, Any] = {"file": raw.file, "line": record.line}
            if key not in columns:
                message = "is not a setting: correct or remove the line" if key else "is blank: name the setting"
                similar = nearest(key, columns) if key else None
                findings.append(
                    Finding("error", **place, column="key", value=key or None, message=message, nearest=similar)
                )
                continue
            if key in lines:
                message = f"stands already in line {lines[key]}: remove one of the two lines"
                findings.append(Finding("error", **place, column="key", value=key, message=message))
                continue
            lines[key] = record.line
            _parse_value(key, text, place, values, findings)
    settings = ParsedRow("settings", "", file, None, values, None, lines=lines)
    if len(values) == len(columns):
        settings = validate_row(settings, Settings, findings)
    return settings, findings


def _parse_value(key: str, text: str, place: dict[str, Any], values: dict[str, Any], findings: list[Finding]) -> None:
    """Put the value of one setting into ``values``, or take the key out and say why."""
    column = columns_of(Settings)[key]
    where = {**place, "column": key, "value": text or None}
    try:
        values[key] = parse_cell(column, text)
    except CellError as error:
        del values[key]
        findings.append(
            Finding("error", **where, message=error.message, expected=error.expected, nearest=error.nearest)
        )
        return
    if sentence := unusual(column, values[key]):
        findings.append(Finding("warning", **where, message=sentence))
