"""Hypothesis strategies for the rows of every table, from the declarations of their columns."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import ValidationError

from dcopt.problem.columns import Row
from dcopt.problem.schema import Column, columns_of
from dcopt.problem.tables import Table

NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True)
TEXTS = st.text(min_size=1, max_size=30).map(lambda text: " ".join(text.replace("\x00", "").split())).filter(bool)


def _numbers(column: Column) -> st.SearchStrategy[Any]:
    low = column.gt if column.gt is not None else column.ge
    low = -1e12 if low is None else low
    high = 1e15 if column.le is None else column.le
    if column.kind == "int":
        return st.integers(int(low) + (column.gt is not None), int(high))
    return st.floats(low, high, exclude_min=column.gt is not None, allow_nan=False, allow_infinity=False)


def cell_values(column: Column, *, is_key: bool) -> st.SearchStrategy[Any]:
    """Values of a column that a cell can hold (a blank cell is drawn by leaving the column out)."""
    if column.kind == "choice":
        return st.sampled_from(column.choices)
    if column.kind == "yesno":
        return st.booleans()
    if column.name in ("hourly", "hourly_yield"):
        share = st.floats(0, 1).map(lambda value: f"{value:.3f}")
        return st.lists(share, min_size=23, max_size=23).map(lambda shares: ("1", *shares))
    if column.name.startswith("volume_") and column.kind == "names":
        return st.just(("5", "50"))
    if column.kind == "names":
        one = st.sampled_from(column.choices) if column.choices else NAMES
        return st.lists(one, min_size=1, max_size=4).map(tuple)
    if column.kind == "text":
        return NAMES if is_key else TEXTS
    return _numbers(column)


@st.composite
def rows(draw: st.DrawFn, table: Table) -> Row:
    """A valid row of a table: every required column and some of the others."""
    values: dict[str, Any] = {}
    for column in columns_of(table.row).values():
        if column.required or draw(st.booleans()):
            values[column.name] = draw(cell_values(column, is_key=column.name in table.key))
    try:
        return table.row.model_validate(values)
    except ValidationError:
        assume(False)
        raise
