"""The reference of all tables, ``data/README.md``, generated from the declarations of the columns.

``python -m dcopt.problem.document`` writes it anew; a test holds the file against this module.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from dcopt.problem.columns import Row
from dcopt.problem.locate import shipped_dir
from dcopt.problem.schema import Column, columns_of, number_text
from dcopt.problem.tables import TABLES, Table
from dcopt.problem.tables.problem_rows import Settings

_INTRODUCTION = """\
# The tables

Generated from the declarations in `dcopt/problem/tables/` by `python -m dcopt.problem.document`: do not edit.

A **problem** is a folder of the CSV files below, or one `.xlsx` workbook with the same tables as sheets. It needs
`sites.csv` and at least one of `training.csv` and `inference.csv`; every other table is optional.

- UTF-8, commas, one header row. A blank cell means the default. Lines that start with `#` are comments.
- The suffix of a column is its unit: `_kw`, `_usd`, `_gb` (1e9 bytes), `_gbps` (Gbit/s), `_gb_per_s` (GB/s), `_pct`.
- Numbers are plain: `1000`, `0.5`, `3e11`; no separators, signs or units. Money is in the problem's one currency.
- Names are letters, digits, `.`, `_` and `-`. Lists of names in a cell are separated by spaces.
- An unknown `.csv` file, an unknown column and a name that does not exist are errors; other files are ignored.
- A value outside its *range* is an error, one outside its *usual* range a warning.
- A catalogue table in the problem folder replaces the shipped rows of the same name and adds the others;
  `catalog` = `none` in `settings.csv` leaves the shipped catalogue out.
- `--set TABLE.NAME.COLUMN=VALUE` (or `*=FACTOR`) changes cells after that; parts of a composite key are joined by `/`,
  blank ones are `*`, and `*` stands for every row: `--set 'offers.nodes/dgx-h100/*.price_usd=250000'`.
- A `model` is a path (from the problem folder), a name in the folder's `models/`, or a name in the shipped `models/`:
  in each case a Hugging Face `config.json`.
"""


def documentation() -> str:
    """Return the text of ``data/README.md``."""
    return "\n".join(_lines()).rstrip() + "\n"


def main() -> None:
    """Write ``data/README.md`` beside the shipped tables."""
    (shipped_dir() / "data" / "README.md").write_text(documentation(), encoding="utf-8")


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Tables of a problem"
    yield ""
    for table in TABLES.values():
        if not table.is_catalog:
            yield from _table(table)
    yield "## Tables of the catalogue"
    yield ""
    yield "The shipped rows are in `data/catalog/`; `dcopt catalog list` and `dcopt catalog show` print them."
    yield ""
    for table in TABLES.values():
        if table.is_catalog:
            yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.file}"
    yield ""
    yield f"{summary(table.row)} Key: {', '.join(f'`{column}`' for column in table.key)}."
    yield ""
    yield from _columns(table.row, "column")
    yield ""
    if table.name == "settings":
        yield "The keys:"
        yield ""
        yield from _columns(Settings, "key")
        yield ""


def _columns(row: type[Row], title: str) -> Iterator[str]:
    yield f"| {title} | unit | default | range | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    for column in columns_of(row).values():
        name = f"**{column.name}**" if column.required else column.name
        cells = (name, column.unit, _default(column), _range(column), _meaning(column))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def summary(row: type[Row]) -> str:
    """Return the first paragraph of a row class's docstring on one line."""
    return " ".join(inspect.cleandoc(row.__doc__ or "").split("\n\n")[0].split())


def _default(column: Column) -> str:
    if column.required:
        return "required"
    return f"`{column.default_text}`" if column.default_text else ""


def _range(column: Column) -> str:
    if column.kind == "yesno":
        return "yes, no"
    if column.choices:
        return ", ".join(column.choices)
    kind = "whole" if column.kind == "int" else ""
    usual = f"usual {number_text(column.usual[0])} to {number_text(column.usual[1])}" if column.usual else ""
    return "; ".join(filter(None, (" ".join(filter(None, (kind, column.range_text))), usual)))


def _meaning(column: Column) -> str:
    reference = f" A name of `{column.refers_to}.csv`." if column.refers_to and column.kind == "text" else ""
    if column.refers_to and column.kind == "names":
        reference = f" Names of `{column.refers_to}.csv`."
    return column.description + reference


if __name__ == "__main__":
    main()
