"""A problem as one workbook to fill in: a sheet a table, each column with its note, lists to choose names from.

`dcopt.problem.workbook` reads it back. A sheet whose rows all begin with ``#`` holds the lists: comments to the reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dcopt.problem.cells import CellError, parse_cell
from dcopt.problem.columns import NAME_PATTERN
from dcopt.problem.read import read_folder
from dcopt.problem.schema import Column, columns_of
from dcopt.problem.tables import TABLES, Table
from dcopt.problem.tables.problem_rows import Settings

LISTS = "lists"
ROWS_TO_FILL = 200
"""Rows of an empty table that offer their lists."""
INLINE_CHARACTERS = 255
"""Longest list that a cell's validation may hold itself (a limit of the format)."""
HEAD_FILL, REQUIRED_FILL = "E3E7EC", "CFE2F3"

Names = Mapping[str, Sequence[str]]


def write_problem_workbook(path: Path, names: Names, example: Path | None = None) -> int:
    """Write the tables of a problem as a workbook and return the number of its sheets.

    Parameters
    ----------
    names: known names by table (and ``models``), for the lists.
    example: a folder whose tables fill the sheets; without one they are empty and the settings have their defaults.
    """
    from openpyxl import Workbook

    filled = {} if example is None else {table.name: table for table in read_folder(example).tables}
    book: Any = Workbook()
    book.remove(book.active)
    shown = [table for table in TABLES.values() if not table.is_catalog or table.name in filled]
    lists = _lists_of(shown, names)
    for table in shown:
        sheet = book.create_sheet(table.name)
        if table.name in filled:
            raw = filled[table.name]
            headers, rows = raw.header.cells, [row.cells for row in raw.rows]
        elif table.name == "settings":
            headers = ("key", "value", "note")
            rows = [(c.name, c.default_text, note_of(c)) for c in columns_of(Settings).values()]
        else:
            headers, rows = tuple(columns_of(table.row)), []
        _fill(sheet, table, headers, rows, lists)
    _write_lists(book.create_sheet(LISTS), lists)
    book.active = 0
    book.save(path)
    return len(shown)


def note_of(column: Column) -> str:
    """Return what a column means: description, unit, range, choices and default."""
    facts = ["required"] if column.required else []
    facts += [fact for fact in (column.unit, column.range_text, ", ".join(column.choices)) if fact]
    if not column.required and column.default_text:
        facts.append(f"default {column.default_text}")
    return column.description + (f" [{'; '.join(facts)}]" if facts else "")


def _lists_of(tables: Sequence[Table], names: Names) -> dict[str, Sequence[str]]:
    """Return the lists that the columns of these tables choose from, by the table that they refer to."""
    wanted = {c.refers_to for table in tables for c in columns_of(table.row).values() if c.refers_to}
    wanted |= {"models"} if "models" in names else set()
    return {name: names[name] for name in sorted(wanted) if names.get(name)}


def _write_lists(sheet: Any, lists: Names) -> None:
    """Write each list as a column; the first column marks every row as a comment."""
    height = max((len(values) for values in lists.values()), default=0) + 1
    for row in range(1, height + 1):
        sheet.cell(row=row, column=1, value="# names to choose from" if row == 1 else "#")
    for column, (name, values) in enumerate(lists.items(), 2):
        for row, value in enumerate((name, *values), 1):
            sheet.cell(row=row, column=column, value=value)
    sheet.sheet_state = "hidden"


def _fill(sheet: Any, table: Table, headers: Sequence[str], rows: Sequence[Sequence[str]], lists: Names) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    columns = columns_of(table.row)
    for index, name in enumerate(headers, 1):
        cell = sheet.cell(row=1, column=index, value=name)
        cell.font = Font(bold=True)
        known = columns.get(name)
        cell.fill = PatternFill("solid", fgColor=REQUIRED_FILL if known is not None and known.required else HEAD_FILL)
        if known is not None:
            cell.comment = Comment(note_of(known), "dcopt", width=320, height=120)
            _offer(sheet, get_column_letter(index), known, lists, max(ROWS_TO_FILL, len(rows) + 50))
        sheet.column_dimensions[get_column_letter(index)].width = max(12, len(name) + 3)
    for line, row in enumerate(rows, 2):
        for index, text in enumerate(row, 1):
            _put(sheet.cell(row=line, column=index), text, columns.get(headers[index - 1]))
    if table.name == "settings":
        _settings(sheet, [row[0] for row in rows], headers)
    sheet.freeze_panes = "B2"


def _put(cell: Any, text: str, column: Column | None) -> None:
    """Write a cell as a number where its column holds numbers, else as text."""
    if not text:
        return
    if column is not None and column.kind in ("int", "float"):
        try:
            cell.value = parse_cell(column, text)
        except CellError:
            cell.value = text
        return
    cell.value = text
    cell.data_type = "s"


def _offer(sheet: Any, letter: str, column: Column, lists: Names, last: int) -> None:
    """Give the cells below a header the list of what they may hold; other names stay allowed."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    formula, strict = "", False
    if column.kind == "choice" and len(",".join(column.choices)) < INLINE_CHARACTERS - 2:
        formula, strict = f'"{",".join(column.choices)}"', True
    elif column.kind == "yesno":
        formula, strict = '"yes,no"', True
    elif column.kind == "text":
        of = "models" if column.name == "model" and "models" in lists else column.refers_to
        if of in ("sites", "datasets", "training", "inference"):
            formula = f"'{of}'!$A$2:$A${ROWS_TO_FILL}"  # rows that the planner writes in this workbook
        elif of is not None and of in lists:
            letters = get_column_letter(2 + list(lists).index(of))
            formula = f"'{LISTS}'!${letters}$2:${letters}${len(lists[of]) + 1}"
    if not formula:
        return
    offered = DataValidation(type="list", formula1=formula, allow_blank=True, showErrorMessage=strict)
    offered.add(f"{letter}2:{letter}{last}")
    sheet.add_data_validation(offered)


def _settings(sheet: Any, keys: Sequence[str], headers: Sequence[str]) -> None:
    """Give the values of settings with few choices their lists."""
    from openpyxl.utils import get_column_letter

    letter = get_column_letter(list(headers).index("value") + 1)
    declared = columns_of(Settings)
    for line, key in enumerate(keys, 2):
        known = declared.get(key)
        if known is not None and known.kind in ("choice", "yesno"):
            _offer_cell(sheet, f"{letter}{line}", known)
    sheet.column_dimensions["A"].width = 32
    sheet.column_dimensions["C"].width = 90


def _offer_cell(sheet: Any, address: str, column: Column) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    choices = "yes,no" if column.kind == "yesno" else ",".join(column.choices)
    offered = DataValidation(type="list", formula1=f'"{choices}"', allow_blank=True, showErrorMessage=True)
    offered.add(address)
    sheet.add_data_validation(offered)


def known_names() -> dict[str, tuple[str, ...]]:
    """Return the names of the shipped catalogue by table, and those of the shipped models."""
    from dcopt.problem.load import load_catalog
    from dcopt.problem.locate import models_dir

    names = {table: tuple(sorted(rows)) for table, rows in load_catalog().items()}
    folder = models_dir()
    found = folder.iterdir() if folder.is_dir() else ()
    models = sorted(path.name for path in found if NAME_PATTERN.fullmatch(path.name))
    return {**names, "models": tuple(models)}
