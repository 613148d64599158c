"""A design as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace

from dcopt.report.blocks import Block, Figures, HeatMap, Items, RangeChart, Report, Section, Table, Text, safe
from dcopt.report.stacked import narrowest, stacked
from dcopt.report.text_charts import heat_map, ranges

GAP = "  "
DETAIL_ROWS = 12
NARROWEST = 6


SUMMARY = ("answer", "diagnosis", "buy", "training", "services", "cost", "binding", "notes")
"""Sections of a summary, by key."""
NOT_IN_SUMMARY = ("A step and what it needs", "Load of each service")
"""Captions of tables that a summary leaves out of its sections."""


def render_text(report: Report, width: int = 100) -> str:
    """Return any report as text of at most ``width`` columns (60 at least), without colour.

    Charts but maps and ranges are left out (their numbers are in the tables), long lists are cut, and appendices are
    named only.
    """
    width = max(width, 60)
    title = safe(report.title)
    lines = [*textwrap.wrap(title, width), "=" * min(len(title), width), ""]
    for section in report.sections:
        if not section.is_appendix:
            lines += _section(section, width)
    appendices = [section.title for section in report.sections if section.is_appendix]
    if appendices:
        lines += textwrap.wrap(f"Also in the HTML and Markdown reports: {', '.join(appendices)}.", width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def summary_of(report: Report) -> Report:
    """Return what a planner asks first: the answer, what to buy, the workloads, the cost and what binds."""
    return replace(report, sections=tuple(_brief(s) for s in report.sections if s.key in SUMMARY))


def render_sections(title: str, sections: Sequence[Section], width: int = 100) -> str:
    """Return sections under a title as text of at most ``width`` columns (60 at least)."""
    width = max(width, 60)
    lines = [*textwrap.wrap(safe(title), width), ""]
    for section in sections:
        lines += _section(section, width)
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _brief(section: Section) -> Section:
    kept = tuple(b for b in section.blocks if not (isinstance(b, Table) and b.caption in NOT_IN_SUMMARY))
    return replace(section, blocks=kept)


def _section(section: Section, width: int) -> list[str]:
    lines = [section.title, "-" * len(section.title)]
    for block in section.blocks:
        shown = _block(block, width)
        if shown:
            lines += [*shown, ""]
    return lines if lines[-1] == "" else [*lines, ""]


def _block(block: Block, width: int) -> list[str]:
    if isinstance(block, Text):
        return textwrap.wrap(safe(block.text), width, break_on_hyphens=False)
    if isinstance(block, Items):
        wrap = textwrap.TextWrapper(width, break_on_hyphens=False, initial_indent="- ", subsequent_indent="  ")
        return [line for item in block.items for line in wrap.wrap(safe(item))]
    if isinstance(block, Figures):
        longest = max((len(label) for label, _ in block.pairs), default=0)
        return [f"{label:<{longest}}{GAP}{value}" for label, value in block.pairs]
    if isinstance(block, Table):
        lines: list[str] = []
        for part in stacked(block, width, len(GAP)):
            caption = textwrap.wrap(f"{safe(part.caption)}:", width)
            lines += [*([""] if lines else []), *caption, *format_table(part, width)]
        return lines
    if isinstance(block, RangeChart):
        return ranges(block, width)
    return heat_map(block) if isinstance(block, HeatMap) else []


def format_table(table: Table, width: int) -> list[str]:
    """Return the lines of a table: aligned columns, wrapped to ``width``; long detail tables are cut."""
    rows = [tuple(safe(cell) for cell in row) for row in table.rows]
    hidden = 0
    if table.is_detail and len(rows) > DETAIL_ROWS:
        hidden = len(rows) - DETAIL_ROWS
        rows = rows[:DETAIL_ROWS]
    headers = tuple(safe(header) for header in table.headers)
    sizes = _sizes(table, [headers, *rows], width)
    rule = GAP.join("-" * size for size in sizes)
    lines = [*_row(table, headers, sizes), rule]
    for index, row in enumerate(rows):
        if table.has_total and index == len(rows) - 1 and not hidden:
            lines.append(rule)
        lines += _row(table, row, sizes)
    if hidden:
        lines.append(f"… and {hidden:,} more rows in the HTML and Markdown reports")
    return lines


def _sizes(table: Table, rows: list[tuple[str, ...]], width: int) -> list[int]:
    """Return the widths of the columns: what the cells need, the widest narrowed (text first) until all fit."""
    sizes = [max(len(row[i]) for row in rows) for i in range(len(table.headers))]
    room = width - len(GAP) * (len(sizes) - 1)
    floors = (narrowest(table), [min(size, NARROWEST) for size in sizes], [1] * len(sizes))
    for floor in floors:
        while sum(sizes) > room:
            wide = [i for i in range(len(sizes)) if sizes[i] > floor[i]]
            if not wide:
                break
            widest = max(wide, key=lambda i: sizes[i])
            sizes[widest] -= 1
    return sizes


def _row(table: Table, row: tuple[str, ...], sizes: list[int]) -> list[str]:
    cells = [textwrap.wrap(cell, size, break_on_hyphens=False) or [""] for cell, size in zip(row, sizes, strict=True)]
    height = max((len(cell) for cell in cells), default=0)
    lines = []
    for i in range(height):
        parts = [
            f"{cell[i] if i < len(cell) else '':{'>' if align == 'right' else '<'}{size}}"
            for cell, align, size in zip(cells, table.aligns, sizes, strict=True)
        ]
        lines.append(GAP.join(parts))
    return lines
