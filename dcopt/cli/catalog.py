"""``dcopt catalog``: list and show the shipped rows."""

from __future__ import annotations

import json

import click

from dcopt.cli.inputs import exit_with, usage_error
from dcopt.cli.text_table import text_table
from dcopt.problem.columns import Row
from dcopt.problem.findings import InputError, nearest


@click.group("catalog")
def command() -> None:
    """List or show the rows of the shipped catalogue.

    \b
    Example: dcopt catalog show nodes dgx-h100
    """


@command.command("list")
@click.argument("table", required=False)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_rows(table: str | None, as_json: bool) -> None:
    """List the tables, or the rows of TABLE with as many columns as the terminal takes.

    \b
    Example: dcopt catalog list accelerators
    """
    catalog = _catalog()
    if table is None:
        counts = {name: len(rows) for name, rows in catalog.items()}
        if as_json:
            click.echo(json.dumps(counts, indent=2))
            return
        from dcopt.problem.document import summary
        from dcopt.problem.tables import TABLES

        cells = [(name, str(count), summary(TABLES[name].row)) for name, count in counts.items()]
        click.echo(text_table(("table", "rows", "a row is"), cells))
        return
    rows = _rows(catalog, table)
    if as_json:
        _echo_json(rows)
        return
    columns = _used_columns(rows)
    click.echo(text_table(columns, [[_cell(row, column) for column in columns] for row in rows.values()]))


@command.command("show")
@click.argument("table")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def show(table: str, name: str | None, as_json: bool) -> None:
    """Show every column of the row NAME of TABLE, or of all its rows.

    \b
    Example: dcopt catalog show nodes dgx-h100 --json
    """
    rows = _rows(_catalog(), table)
    if name is not None:
        if name not in rows:
            usage_error(f"there is no row '{name}' in the table {table}{_hint(name, list(rows))}")
        rows = {name: rows[name]}
    if as_json:
        _echo_json(rows)
        return
    click.echo("\n\n".join(_described(row) for row in rows.values()))


def _catalog() -> dict[str, dict[str, Row]]:
    from dcopt.problem.load import load_catalog

    try:
        return load_catalog()
    except InputError as error:
        exit_with(error.findings)


def _rows(catalog: dict[str, dict[str, Row]], table: str) -> dict[str, Row]:
    if table not in catalog:
        usage_error(f"there is no catalogue table '{table}'{_hint(table, list(catalog))}")
    return catalog[table]


def _hint(name: str, known: list[str]) -> str:
    similar = nearest(name, known)
    return f": did you mean '{similar}'?" if similar else f": known are {', '.join(known)}"


def _echo_json(rows: dict[str, Row]) -> None:
    click.echo(json.dumps([row.model_dump() for row in rows.values()], indent=2, ensure_ascii=False))


def _used_columns(rows: dict[str, Row]) -> list[str]:
    """Columns that at least one row fills."""
    from dcopt.problem.schema import columns_of

    declared = {column: None for row in rows.values() for column in columns_of(type(row))}
    return [column for column in declared if any(_cell(row, column) for row in rows.values())]


def _cell(row: Row, column: str) -> str:
    from dcopt.problem.schema import cell_text

    return cell_text(getattr(row, column))


def _described(row: Row) -> str:
    """One line a column: name, value and unit."""
    from dcopt.problem.schema import columns_of

    columns = columns_of(type(row)).values()
    width = max(len(column.name) for column in columns)
    lines = []
    for column in columns:
        value = _cell(row, column.name)
        unit = f" {column.unit}" if value and column.unit else ""
        lines.append(f"{column.name.ljust(width)}  {value or '-'}{unit}")
    return "\n".join(lines)
