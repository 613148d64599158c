"""Every shipped row of a part, price or rate says where its numbers are from and when they were true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dcopt.problem.columns import CatalogRow
from dcopt.problem.locate import catalog_dir, examples_dir
from dcopt.problem.parse import parse_table
from dcopt.problem.read import read_csv
from dcopt.problem.schema import columns_of
from dcopt.problem.tables import TABLES

CATALOG = sorted(catalog_dir().glob("*.csv"))
EXAMPLES = sorted(path for path in examples_dir().glob("*/*.csv") if "source" in columns_of(TABLES[path.stem].row))
MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?")
WORDS = re.compile(r"\b(read|recalled|derived|estimates?|measured|fitted|by definition)\b", re.IGNORECASE)


def rows_of(path: Path) -> dict[str, Any]:
    raw, findings = read_csv(path, path.stem, path.name)
    assert findings == []
    assert raw is not None
    return {key: parsed.row for key, parsed in parse_table(raw, warn=False).rows.items()}


def test_every_catalogue_table_is_shipped_and_has_both_columns() -> None:
    assert {path.stem for path in CATALOG} == {name for name, table in TABLES.items() if table.is_catalog}
    with_source = {name for name, table in TABLES.items() if {"source", "as_of"} <= columns_of(table.row).keys()}
    assert {name for name, table in TABLES.items() if table.is_catalog or issubclass(table.row, CatalogRow)} <= (
        with_source
    )


@pytest.mark.parametrize("path", [*CATALOG, *EXAMPLES], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_row_has_a_source_and_a_date(path: Path) -> None:
    rows = rows_of(path)
    assert rows
    unsourced = [key for key, row in rows.items() if len(row.source.split()) < 2]
    undated = [(key, row.as_of) for key, row in rows.items() if not MONTH.fullmatch(row.as_of)]
    assert (unsourced, undated) == ([], [])


@pytest.mark.parametrize("path", CATALOG, ids=lambda path: path.stem)
def test_the_source_says_how_the_numbers_were_had(path: Path) -> None:
    """Read somewhere, recalled from a document that is named, derived, or an estimate: a planner must see which."""
    assert [key for key, row in rows_of(path).items() if not WORDS.search(row.source)] == []
