"""A design as one self-contained HTML page: nothing loaded, every text escaped, one script that it can do without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dcopt.design.records import Design
from dcopt.report.answer import STATUS_WORDS
from dcopt.report.blocks import Block, Chart, Figures, Items, Report, Section, Table, Text, markup
from dcopt.report.chart_data import data_of
from dcopt.report.charts import draw
from dcopt.report.content import Simulated, build_report
from dcopt.report.script import SCRIPT, script_hash
from dcopt.report.style import STYLE

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

POLICY = f"default-src 'none'; style-src 'unsafe-inline'; script-src '{script_hash()}'"
OPEN_ROWS = 30


def render_html(
    design: Design,
    problem: Problem | None,
    simulated: Simulated = (),
    beside: Mapping[str, object] | None = None,
) -> str:
    """Return the report as a page that opens from disk; its policy forbids it to load anything."""
    return render_page(build_report(design, problem, simulated, beside), STATUS_WORDS[design.status])


def render_page(report: Report, words: str) -> str:
    """Return any report as such a page; ``words`` say what its status means."""
    sections = "\n".join(_section(section) for section in report.sections)
    first = markup(report.sections[0].key) if report.sections else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{markup(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="dcopt">
<title>{markup(report.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<a class="skip" href="#{first}">Skip to the answer</a>
<header>
<h1>{markup(report.title)}</h1>
<p><span class="status {markup(report.status)}">{markup(report.status.replace("_", " "))}</span>
{markup(words)}</p>
{_contents(report)}
</header>
<main>
{sections}
</main>
<footer><p>Written by dcopt. Money in USD. Powers are peaks. 1 GB = 1e9 bytes.</p></footer>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _contents(report: Report) -> str:
    links = "".join(f'<li><a href="#{markup(s.key)}">{markup(s.title)}</a></li>' for s in report.sections)
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'


def _section(section: Section) -> str:
    heading = f"{section.key}-heading"
    blocks = "\n".join(_block(block, f"{section.key}-{i}") for i, block in enumerate(section.blocks))
    return (
        f'<section id="{markup(section.key)}" aria-labelledby="{markup(heading)}">'
        f'<h2 id="{markup(heading)}">{markup(section.title)}</h2>\n{blocks}\n</section>'
    )


def _block(block: Block, key: str) -> str:
    if isinstance(block, Text):
        return f"<p>{markup(block.text)}</p>"
    if isinstance(block, Items):
        return f"<ul>{''.join(f'<li>{markup(item)}</li>' for item in block.items)}</ul>"
    if isinstance(block, Figures):
        pairs = "".join(f"<div><dt>{markup(label)}</dt><dd>{markup(value)}</dd></div>" for label, value in block.pairs)
        return f'<dl class="figures">{pairs}</dl>'
    if isinstance(block, Table):
        return _table(block)
    return _figure(block, key)


def _figure(chart: Chart, key: str) -> str:
    """Return a chart with its numbers as a table below it."""
    svg = draw(chart, key)
    if not svg:
        return ""
    title = markup(chart.title)
    return (
        f'<figure><figcaption aria-hidden="true">{title}</figcaption>'
        f'<div class="scroll chart" role="group" aria-label="{title}" tabindex="0">{svg}</div>'
        f'<details class="data"><summary>Data of this chart</summary>{_region(data_of(chart))}</details></figure>'
    )


def _table(table: Table) -> str:
    """Return a table; a long one is folded."""
    if not table.is_detail:
        return _region(table)
    state = " open" if len(table.rows) <= OPEN_ROWS else ""
    summary = f"{markup(table.caption)} ({len(table.rows):,} rows)"
    return f"<details{state}><summary>{summary}</summary>{_region(table)}</details>"


def _region(table: Table) -> str:
    """Return a table in a region that scrolls (with the keyboard too) where the window is too narrow."""
    head = "".join(
        f'<th scope="col"{_css(align)}>{markup(header)}</th>'
        for header, align in zip(table.headers, table.aligns, strict=True)
    )
    rows = []
    for index, row in enumerate(table.rows):
        is_total = table.has_total and index == len(table.rows) - 1
        cells = [f'<th scope="row"{_css(table.aligns[0])}>{markup(row[0])}</th>'] if row else []
        cells += [
            f"<td{_css(align)}>{markup(cell)}</td>" for cell, align in zip(row[1:], table.aligns[1:], strict=True)
        ]
        css = ' class="total"' if is_total else ""
        rows.append(f"<tr{css}>{''.join(cells)}</tr>")
    caption, lines = markup(table.caption), "\n".join(rows)
    return (
        f'<div class="scroll" role="region" aria-label="{caption}" tabindex="0"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{lines}</tbody></table></div>"
    )


def _css(align: str) -> str:
    return ' class="right"' if align == "right" else ""
