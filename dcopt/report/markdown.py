"""A design as Markdown (GitHub flavour)."""

from __future__ import annotations

import html
import re
from dataclasses import replace

from dcopt.report.blocks import (
    Block,
    Figures,
    HeatMap,
    Items,
    RangeChart,
    Report,
    Sankey,
    Section,
    Table,
    Text,
    XYChart,
    safe,
)
from dcopt.report.chart_data import data_of

SPECIAL = re.compile(r"([\\`*\[\]|~$])|(?<![A-Za-z0-9])(_)|(_)(?![A-Za-z0-9])")
LEADING = re.compile(r"^(\s*)([#+=-]|\d+(?=[.)]))")


ONLY_DRAWN = (HeatMap, RangeChart, Sankey, XYChart)
"""Charts whose numbers stand in no table of their section."""


def render_sections(report: Report) -> str:
    """Return any report as Markdown; every text is escaped, charts become tables (or are left out beside theirs)."""
    lines = [f"# {escape(report.title)}", ""]
    for section in report.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """Return ``text`` on one line, without a meaning in Markdown or HTML, wherever it stands."""
    return LEADING.sub(_escape_leading, inline(text))


def inline(text: str) -> str:
    """Return ``text`` escaped for the inside of a line or a cell, where no heading or list can begin."""
    return SPECIAL.sub(lambda match: "\\" + match.group(0), html.escape(safe(text), quote=False))


def _escape_leading(match: re.Match[str]) -> str:
    """Escape what would begin a heading, a list or a rule."""
    space, mark = match.groups()
    return f"{space}{mark}\\" if mark.isdigit() else f"{space}\\{mark}"


def _section(section: Section) -> list[str]:
    lines = [f"## {escape(section.title)}", ""]
    for block in section.blocks:
        shown = _block(block)
        if shown:
            lines += [*shown, ""]
    return lines


def _block(block: Block) -> list[str]:
    if isinstance(block, Text):
        return [escape(block.text)]
    if isinstance(block, Items):
        return [f"- {escape(item)}" for item in block.items]
    if isinstance(block, Figures):
        return [f"- {escape(label)}: **{escape(value)}**" for label, value in block.pairs]
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, ONLY_DRAWN):
        shown = data_of(block)
        return _table(replace(shown, is_detail=True)) if shown.rows else []
    return []


def _table(table: Table) -> list[str]:
    marks = ["---:" if align == "right" else "---" for align in table.aligns]
    lines = [_row(table.headers), f"| {' | '.join(marks)} |"]
    for index, row in enumerate(table.rows):
        is_total = table.has_total and index == len(table.rows) - 1
        lines.append(_row(row, bold=is_total))
    caption = f"**{escape(table.caption)}**"
    if not table.is_detail:
        return [caption, "", *lines]
    return ["<details>", f"<summary>{html.escape(safe(table.caption))}</summary>", "", *lines, "", "</details>"]


def _row(cells: tuple[str, ...], *, bold: bool = False) -> str:
    shown = [inline(cell) for cell in cells]
    if bold:
        shown = [f"**{cell}**" if cell else "" for cell in shown]
    return f"| {' | '.join(shown)} |"
