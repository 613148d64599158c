"""Write a problem as a folder of tables: exactly what was used, so that it can be read again from there alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dcopt.problem.problem import Problem
from dcopt.problem.schema import cell_text, columns_of
from dcopt.problem.tables import TABLES
from dcopt.problem.tables.problem_rows import Settings


def write_tables(problem: Problem, folder: Path) -> None:
    """Write every table and every model of a problem into ``folder``, which is made where it is missing.

    Catalogue rows are included and `settings.csv` says ``catalog = none``, so that ``load(folder)`` equals
    ``problem`` whatever catalogue is installed. Models go to ``models/NAME/config.json``; ``model`` cells that were
    paths become these names. The same problem gives the same bytes. Files of the same names are overwritten.

    Raises
    ------
    OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings, tables, models = problem.content()
    settings["catalog"] = "none"
    lines = [(key, cell_text(settings[key]), "") for key in columns_of(Settings)]
    _write(folder / "settings.csv", ("key", "value", "note"), lines)
    for name, table in TABLES.items():
        if name == "settings":
            continue
        columns = tuple(columns_of(table.row))
        rows = tables.get(name, {}).values()
        _write(folder / table.file, columns, ([cell_text(getattr(row, column)) for column in columns] for row in rows))
    for name, text in sorted(models.items()):
        path = folder / "models" / name / "config.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8"))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV text: commas, plain line ends, quotes only where a cell needs them."""
    return "".join(",".join(_cell(str(cell)) for cell in cells) + "\n" for cells in (header, *rows))


def _cell(text: str) -> str:
    if any(char in text for char in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    path.write_bytes(csv_text(header, rows).encode("utf-8"))
