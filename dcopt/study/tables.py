"""A study's outcomes as a tidy table: CSV and workbook, and Parquet where pyarrow is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcopt.study.records import Outcome

TABLE = "study"


def table_of(outcomes: Sequence[Outcome]) -> Any:
    """Return a `pandas.DataFrame`, one row an outcome, units in the columns' names."""
    import pandas as pd

    return pd.DataFrame([outcome.row() for outcome in outcomes])


def write_tables(outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """Write ``study.csv``, ``study.xlsx`` and, where pyarrow is installed, ``study.parquet``; return their paths."""
    table = table_of(outcomes)
    paths = [folder / f"{TABLE}.csv", folder / f"{TABLE}.xlsx"]
    table.to_csv(paths[0], index=False)
    safe = table.map(_harmless)
    safe.to_excel(paths[1], index=False, sheet_name=TABLE, freeze_panes=(1, 1))
    if importlib.util.find_spec("pyarrow") is not None:
        paths.append(folder / f"{TABLE}.parquet")
        mixed = {name: str for name in table.columns if table[name].dtype == object}
        table.astype(mixed).to_parquet(paths[2], index=False)
    return paths


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from taking text for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
