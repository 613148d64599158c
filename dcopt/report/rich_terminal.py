"""The report on a terminal that shows colour: the same sections as `dcopt.report.terminal`, as tables with rules."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from dcopt.report.blocks import Block, Figures, HeatMap, Items, RangeChart, Report, Section, Table, Text, safe
from dcopt.report.stacked import stacked
from dcopt.report.terminal import DETAIL_ROWS
from dcopt.report.text_charts import heat_map, ranges

STATUS_STYLES = {"optimal": "green", "feasible": "yellow", "infeasible": "red", "no_solution": "red"}


def render_rich(report: Report, width: int, *, colour: bool | None = None) -> str:
    """Return a report for a terminal of ``width`` columns, with its escapes.

    ``colour`` None follows the environment (``NO_COLOR``); False leaves colours out (bold and dim stay).
    """
    console = _console(width, colour)
    style = STATUS_STYLES.get(report.status, "cyan")
    console.print(_text(report.title, f"bold {style}"))
    for section in report.sections:
        if not section.is_appendix:
            _section(console, section)
    appendices = [section.title for section in report.sections if section.is_appendix]
    if appendices:
        console.print()
        console.print(_text(f"Also in the HTML and Markdown reports: {', '.join(appendices)}.", "dim"))
    written: str = console.file.getvalue()
    return "\n".join(line.rstrip() for line in written.split("\n"))


def render_rich_table(table: Table, width: int, *, colour: bool | None = None) -> str:
    """Return one table in the same way."""
    console = _console(width, colour)
    _table(console, table)
    written: str = console.file.getvalue()
    return "\n".join(line.rstrip() for line in written.split("\n"))


def _console(width: int, colour: bool | None) -> Any:
    from rich.console import Console

    no_color = None if colour is None else not colour
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, no_color=no_color, highlight=False, markup=False
    )


def _text(words: str, style: str = "") -> Any:
    from rich.text import Text as RichText

    return RichText(safe(words), style)


def _section(console: Any, section: Section) -> None:
    console.print()
    console.print(_text(section.title, "bold cyan"))
    for block in section.blocks:
        _block(console, block)


def _block(console: Any, block: Block) -> None:
    if isinstance(block, Text):
        console.print(_text(block.text))
    elif isinstance(block, Items):
        from rich.padding import Padding

        for item in block.items:
            console.print(Padding(_text(f"• {item}"), (0, 0, 0, 1)))
    elif isinstance(block, Figures):
        from rich.table import Table as RichTable

        grid = RichTable.grid(padding=(0, 3))
        for label, value in block.pairs:
            grid.add_row(_text(label, "dim"), _text(value, "bold"))
        console.print(grid)
    elif isinstance(block, Table):
        for part in stacked(block, console.width):
            _table(console, part)
    elif isinstance(block, RangeChart | HeatMap):
        lines = ranges(block, console.width) if isinstance(block, RangeChart) else heat_map(block)
        for line in lines:
            console.print(_text(line), soft_wrap=True)


def _table(console: Any, table: Table) -> None:
    from rich import box
    from rich.table import Table as RichTable

    rows: Sequence[tuple[str, ...]] = table.rows
    hidden = len(rows) - DETAIL_ROWS if table.is_detail and len(rows) > DETAIL_ROWS else 0
    shown = rows[:DETAIL_ROWS] if hidden else rows
    drawn = RichTable(
        title=_text(table.caption, "bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    for header, align in zip(table.headers, table.aligns, strict=True):
        drawn.add_column(_text(header), justify=align, overflow="fold")
    for index, row in enumerate(shown):
        is_total = table.has_total and index == len(shown) - 1 and not hidden
        if is_total:
            drawn.add_section()
        drawn.add_row(*(_text(cell) for cell in row), style="bold" if is_total else None)
    console.print(drawn)
    if hidden:
        console.print(_text(f"… and {hidden:,} more rows in the HTML and Markdown reports", "dim"))
