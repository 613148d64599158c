"""``dcopt init``: a problem folder to start from, a shipped example or a commented skeleton."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import usage_error

if TYPE_CHECKING:
    from dcopt.problem.tables import Table


_ASCII = str.maketrans({"≥": ">=", "≤": "<=", "÷": "/", "×": "x", "³": "3", "°": "deg ", "µ": "u"})


@click.command("init")
@click.argument("directory", metavar="DIR", required=False, type=click.Path(path_type=Path))
@click.option("--example", metavar="NAME", help="Copy this shipped example ('list' names them all).")
@click.option("--xlsx", "as_workbook", is_flag=True, help="Write one workbook, DIR.xlsx, instead of a folder.")
def command(directory: Path | None, example: str | None, as_workbook: bool) -> None:
    """Write a problem to start from into the folder DIR, which must be new or empty.

    Without --example its tables are empty, each column explained. As a workbook every table is a sheet, columns
    carry notes, and names are chosen from lists.

    \b
    Example: dcopt init bert --example bert-question-answering
             dcopt init plan.xlsx
    """
    if example == "list":
        click.echo("\n".join(_examples()))
        return
    if directory is None:
        usage_error("name the folder to write: dcopt init DIR")
    if as_workbook or directory.suffix.lower() == ".xlsx":
        _write_workbook(directory if directory.suffix.lower() == ".xlsx" else Path(f"{directory}.xlsx"), example)
        return
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        usage_error(f"'{directory}' exists and is not an empty folder: name another one")
    try:
        count = _write_skeleton(directory) if example is None else _copy_example(directory, example)
    except OSError as error:
        usage_error(f"'{directory}' cannot be written: {error.strerror or error}")
    click.echo(f"wrote {count} files to {directory}")
    click.echo(f"next: {'' if example else 'fill in the tables, then '}dcopt check {directory}")


def _examples() -> list[str]:
    from dcopt.problem.locate import examples_dir

    folder = examples_dir()
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _write_workbook(path: Path, example: str | None) -> None:
    """Write a problem as one workbook, which must be new."""
    import shutil

    from dcopt.problem.workbook_out import known_names, write_problem_workbook

    source = None if example is None else _example_folder(example)
    if path.exists():
        usage_error(f"'{path}' exists: name another file")
    try:
        sheets = write_problem_workbook(path, known_names(), source)
        if source is not None and (source / "models").is_dir():
            shutil.copytree(source / "models", path.parent / "models", dirs_exist_ok=True)
    except OSError as error:
        usage_error(f"'{path}' cannot be written: {error.strerror or error}")
    click.echo(f"wrote {sheets} tables to {path}")
    click.echo(f"next: {'' if example else 'fill in the sheets, then '}dcopt check {path}")


def _copy_example(directory: Path, example: str) -> int:
    """Copy a shipped example and return the number of its files."""
    import shutil

    shutil.copytree(_example_folder(example), directory, dirs_exist_ok=True)
    return sum(path.is_file() for path in directory.rglob("*"))


def _example_folder(example: str) -> Path:
    """Return the folder of a shipped example; another name ends the command with exit code 2."""
    from dcopt.problem.findings import nearest
    from dcopt.problem.locate import examples_dir

    names = _examples()
    if example not in names:
        similar = nearest(example, names)
        hint = f"did you mean '{similar}'?" if similar else f"known are {', '.join(names)}"
        usage_error(f"there is no example '{example}': {hint}")
    return examples_dir() / example


def _write_skeleton(directory: Path) -> int:
    """Write every table of a problem with its header row and its columns explained; return the number of files."""
    from dcopt.problem.tables import TABLES

    tables = [table for table in TABLES.values() if not table.is_catalog]
    directory.mkdir(parents=True, exist_ok=True)
    for table in tables:
        (directory / table.file).write_text(skeleton(table), encoding="utf-8", newline="\n")
    return len(tables)


def skeleton(table: Table) -> str:
    """Return a table without rows: comments that explain it, and its header row (settings: every key).

    The text is plain ASCII, which every spreadsheet reads and writes alike.
    """
    return _table_text(table).translate(_ASCII).encode("ascii", "replace").decode()


def _table_text(table: Table) -> str:
    from dcopt.problem.document import summary
    from dcopt.problem.schema import columns_of
    from dcopt.problem.suggested import SUGGESTED_ADDERS
    from dcopt.problem.tables.problem_rows import Settings
    from dcopt.problem.workbook_out import note_of
    from dcopt.problem.write import csv_text

    columns = columns_of(table.row)
    lines = [
        f"# {table.file}: {summary(table.row)} Blank cells mean the default; lines that start with # are not read."
    ]
    if table.name == "settings":
        settings = columns_of(Settings).values()
        rows = [(column.name, column.default_text, note_of(column)) for column in settings]
        return "\n".join(lines) + "\n" + csv_text(tuple(columns), rows)
    lines.extend(f"# {column.name}: {note_of(column)}" for column in columns.values())
    suggested = ""
    if table.name == "adders":
        lines.append("# The rows at the end are a start (estimates): delete their '# ' to use them.")
        cells = [tuple(row.get(name, "") for name in columns) for row in SUGGESTED_ADDERS]
        suggested = "".join(f"# {line}\n" for line in csv_text(tuple(columns), cells).splitlines()[1:])
    return "\n".join(lines) + "\n" + csv_text(tuple(columns), ()) + suggested
