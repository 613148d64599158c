"""``--set``: change cells of a problem after merging, left to right, each change checked and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from dcopt.problem.cells import CellError, parse_cell
from dcopt.problem.columns import Row
from dcopt.problem.draft import Draft
from dcopt.problem.findings import Finding, nearest
from dcopt.problem.parse import ParsedRow, validate_row
from dcopt.problem.problem import Change
from dcopt.problem.schema import Column, cell_text, columns_of
from dcopt.problem.tables import TABLES
from dcopt.problem.tables.problem_rows import Settings
from dcopt.problem.tables.study_rows import cell_path

GRAMMAR = "TABLE.NAME.COLUMN=VALUE, TABLE.NAME.COLUMN*=FACTOR, TABLE.NAME.COLUMN+=SUMMAND or settings.KEY=VALUE"

Operator = Literal["=", "*=", "+="]


@dataclass(frozen=True)
class Set:
    """One ``--set``, taken apart; ``name`` is '' for a setting."""

    text: str
    table: str
    name: str
    column: str
    operator: Operator
    value: str

    @property
    def cell(self) -> str:
        """What is changed, without operator and value."""
        return cell_path(self.table, self.name, self.column)

    def finding(self, message: str, **details: Any) -> Finding:
        """Return an error about this option."""
        return Finding("error", f"--set {self.text}", message, **details)


class SetError(ValueError):
    """A ``--set`` that is not understood or matches nothing."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def parse_set(text: str) -> Set:
    """Take a ``--set`` apart.

    The operator comes first (``*=`` and ``+=`` before ``=``); then the table is what stands before the first dot, the
    column what stands after the last, and the name what stands between.

    Raises
    ------
    SetError: the text does not have that form.
    """
    left, sign, value = text.partition("=")
    operator: Operator = "*=" if left.endswith("*") else "+=" if left.endswith("+") else "="
    left = left if operator == "=" else left[:-1]
    table, first_dot, rest = left.strip().partition(".")
    name, _, column = rest.rpartition(".")
    parts = (table, column) if table == "settings" else (table, name, column)
    if not sign or not first_dot or not all(parts) or (table == "settings" and name):
        raise SetError(Finding("error", f"--set {text}", "is not understood: write the change so", expected=GRAMMAR))
    return Set(text, table, name, column, operator, value.strip())


def apply_sets(draft: Draft, sets: Sequence[str]) -> None:
    """Apply the options to the draft, left to right; what is wrong with one is added to the findings."""
    for text in sets:
        try:
            _apply(draft, parse_set(text))
        except SetError as error:
            draft.findings.append(error.finding)


def _apply(draft: Draft, change: Set) -> None:
    if change.table == "settings":
        if change.column == "catalog":
            raise SetError(change.finding("the catalogue is merged before --set: write it in settings.csv"))
        column = _column(change, Settings)
        draft.settings = _changed(draft, change, draft.settings, column, Settings)
        return
    if change.table not in TABLES:
        raise SetError(
            change.finding(
                f"there is no table '{change.table}'", expected=GRAMMAR, nearest=nearest(change.table, TABLES)
            )
        )
    table = TABLES[change.table]
    column = _column(change, table.row)
    if column.name in table.key:
        raise SetError(change.finding(f"'{column.name}' is part of the row's key, which --set cannot change"))
    rows = draft.tables[change.table]
    keys = [key for key in rows if _matches(change.name, key)]
    if not keys:
        raise SetError(_no_match(draft, change, list(rows)))
    if change.operator != "=":
        keys = [key for key in keys if rows[key].values.get(column.name, 0) is not None]
        if not keys:
            message = f"'{column.name}' is blank there, so there is nothing to {_verb(change)}: set it with '='"
            raise SetError(change.finding(message, column=column.name))
    for key in keys:
        rows[key] = _changed(draft, change, rows[key], column, table.row)


def _column(change: Set, row_class: type[Row]) -> Column:
    columns = columns_of(row_class)
    if change.column not in columns:
        what = "setting" if change.table == "settings" else f"column of {change.table}"
        similar = nearest(change.column, columns)
        raise SetError(change.finding(f"'{change.column}' is no {what}", column=change.column, nearest=similar))
    return columns[change.column]


def _matches(pattern: str, key: str) -> bool:
    """Whether a row's key is meant: part by part, '*' stands for any; a lone '*' for all rows."""
    if pattern == "*":
        return True
    wanted, parts = pattern.split("/"), key.split("/")
    return len(wanted) == len(parts) and all(want in ("*", part) for want, part in zip(wanted, parts, strict=True))


def _no_match(draft: Draft, change: Set, keys: list[str]) -> Finding:
    if change.name == "*" or not keys:
        return change.finding(f"matches nothing: the table {change.table} has no rows")
    shape = "/".join(TABLES[change.table].key)
    expected = f"a name such as {keys[0]}" if shape == "name" else f"{shape}, such as {keys[0]}, or * for all"
    message = f"matches nothing: no row '{change.name}' in {change.table}"
    return change.finding(message, value=change.name, expected=expected, nearest=nearest(change.name, keys))


def _changed(draft: Draft, change: Set, row: ParsedRow, column: Column, row_class: type[Row]) -> ParsedRow:
    """Return the row with the cell changed and validated, and record the change."""
    old = row.values.get(column.name)
    text = change.value if change.operator == "=" else _computed(change, column, old)
    try:
        value = parse_cell(column, text)
    except CellError as error:
        finding = change.finding(
            error.message, column=column.name, value=text, expected=error.expected, nearest=error.nearest
        )
        raise SetError(finding) from None
    values = {**row.values, column.name: value}
    changed = replace(row, values=values, row=None, changed={**row.changed, column.name: change.text})
    if all(name in values for name in columns_of(row_class)):
        changed = validate_row(changed, row_class, draft.findings)
    key = column.name if change.table == "settings" else row.key
    draft.changes.append(Change(change.table, key, column.name, cell_text(old), cell_text(value)))
    return changed


def _computed(change: Set, column: Column, old: Any) -> str:
    """Return the text of old × factor or old + summand, in decimal arithmetic so that 10 × 1.1 is 11 exactly."""
    verb, what = _verb(change), "factor" if change.operator == "*=" else "summand"
    if column.kind not in ("int", "float"):
        raise SetError(change.finding(f"'{column.name}' is not a number, so you cannot {verb} it: set it with '='"))
    if old is None:
        raise SetError(change.finding(f"'{column.name}' is blank, so there is nothing to {verb}: set it with '='"))
    try:
        number = Decimal(change.value)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or abs(number.adjusted()) > 300:
        raise SetError(
            change.finding(f"the {what} is not a number", value=change.value, expected="a number such as 1.2")
        )
    before = Decimal(cell_text(old))
    return cell_text(float(before * number if change.operator == "*=" else before + number))


def _verb(change: Set) -> str:
    return "multiply" if change.operator == "*=" else "add to"
