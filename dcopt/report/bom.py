"""The bill of materials as CSV and as a table (the workbook is `dcopt.report.bom_workbook`).

The same design gives the same bytes. Text that a spreadsheet would take for a formula is neutralized.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from dcopt.design.records import BomLine, Design
from dcopt.report.blocks import Table, table
from dcopt.report.numbers import amount, number, price

COLUMNS = tuple(BomLine.model_fields)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def is_formula_like(text: str) -> bool:
    """Whether a spreadsheet could take ``text`` for a formula."""
    return text.startswith(FORMULA_STARTS)


def write_bom_csv(design: Design, path: Path) -> None:
    """Write the bill of materials as CSV (UTF-8), one line a purchase; formula-like text gets a leading apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in design.bom_lines:
        writer.writerow([_csv_cell(getattr(line, column)) for column in COLUMNS])
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


def _csv_cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if is_formula_like(value) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def bom_table(design: Design) -> Table:
    """Return the bill of materials as a table for a terminal, with its total."""
    timed = any(line.order_by_day is not None for line in design.bom_lines)
    rows = [
        (
            line.site,
            str(line.year),
            line.category,
            line.item,
            number(line.quantity, 6),
            price(line.unit_price_usd),
            amount(line.total_usd),
            *((number(line.order_by_day, 6),) if timed else ()),
        )
        for line in design.bom_lines
    ]
    rows.append(
        ("total", "", "", "", "", "", amount(sum(line.total_usd for line in design.bom_lines)), *([""] * timed))
    )
    headers = ("site", "year", "category", "item", ">quantity", ">unit price (USD)", ">total (USD)")
    return table(
        f"Bill of materials of {design.problem}",
        (*headers, *((">order by day",) if timed else ())),
        rows,
        has_total=True,
    )
