"""Charts of the HTML report, as inline SVG: nothing loaded, vectors in print, readable in the dark.

Server-side SVG was chosen over a charting library: a page is some 200 KB where an inlined Vega-Lite adds about 0.8 MB
and Plotly 4.5 MB of script, and it prints, and opens where scripts are forbidden, as it is. Every number drawn is in
the table of data that the page puts under its chart (`dcopt.report.chart_data`); pointing at a mark shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from dcopt.report.axis_charts import heat_map, ranges, scatter, xy
from dcopt.report.blocks import (
    BarChart,
    BulletChart,
    Chart,
    Elevations,
    HeatMap,
    NetworkDiagram,
    RangeChart,
    Sankey,
    ScatterChart,
    SplitBar,
    StackedChart,
    Timeline,
    XYChart,
    markup,
)
from dcopt.report.chart_data import summary_of
from dcopt.report.drawing import WIDTH, colour, legend, line, rect, short, text
from dcopt.report.flow_drawings import elevations, network, sankey
from dcopt.report.numbers import amount, nice_ceiling, number, percent

LABEL = 200
ROW = 30


def draw(chart: Chart, key: str) -> str:
    """Return the chart as an ``svg`` element; ``key`` makes its ids unique in the page. '' where nothing is to draw."""
    parts, height = DRAWN[type(chart)](chart)
    if not parts:
        return ""
    head = f'<title id="{key}">{markup(chart.title)}</title><desc id="{key}-desc">{markup(summary_of(chart))}</desc>'
    return (
        f'<svg role="img" aria-labelledby="{key}" aria-describedby="{key}-desc" viewBox="0 0 {WIDTH} {height}" '
        f'xmlns="http://www.w3.org/2000/svg">{head}{"".join(parts)}</svg>'
    )


def _bars(chart: BarChart) -> tuple[list[str], int]:
    if not chart.bars:
        return [], 0
    groups = list(dict.fromkeys(bar.group for bar in chart.bars))
    longest = max(bar.value for bar in chart.bars) or 1.0
    parts = legend(groups, 4)
    for i, bar in enumerate(chart.bars):
        y = 34 + i * ROW
        length = (WIDTH - LABEL - 130) * bar.value / longest
        parts += [
            text(LABEL - 8, y + 16, short(bar.label, 26), "end"),
            rect(LABEL, y, length, ROW - 8, colour(groups.index(bar.group)), f"{bar.label} ({bar.group}): {bar.text}"),
            text(LABEL + length + 6, y + 16, bar.text),
        ]
    return parts, 40 + len(chart.bars) * ROW


def _split(chart: SplitBar) -> tuple[list[str], int]:
    total = sum(value for _, value, _ in chart.parts)
    if total <= 0:
        return [], 0
    parts, x = legend([f"{name}: {said}" for name, _, said in chart.parts], 54), 10.0
    for i, (name, value, said) in enumerate(chart.parts):
        wide = (WIDTH - 20) * value / total
        parts.append(rect(x, 6, wide, 36, colour(i), f"{name}: {said} ({percent(value / total)})"))
        if wide > 60:
            parts.append(text(x + wide / 2, 29, percent(value / total), "middle", "inside"))
        x += wide
    return parts, 60 + 22 * math.ceil(len(chart.parts) / 4)


def _stacked(chart: StackedChart) -> tuple[list[str], int]:
    sums = [sum(values[i] for _, values in chart.series) for i in range(len(chart.labels))]
    if not sums or max(sums) <= 0:
        return [], 0
    top = 4 * nice_ceiling(max(sums) / 4)
    left, base, tall = 110, 270, 240
    parts = []
    for tick in range(5):
        y = base - tall * tick / 4
        parts += [line(left, y, WIDTH, y, "axis"), text(left - 8, y + 4, amount(top * tick / 4), "end", "soft")]
    step = (WIDTH - left) / len(chart.labels)
    wide = min(step * 0.7, 90.0)
    for i, label in enumerate(chart.labels):
        x, y = left + step * (i + 0.5) - wide / 2, float(base)
        for j, (name, values) in enumerate(chart.series):
            height = tall * values[i] / top
            y -= height
            hover = f"{chart.axis} {label}, {name}: {chart.unit} {amount(values[i])}"
            if values[i] > 0:
                parts.append(rect(x, y, wide, height, colour(j), hover))
        parts.append(text(x + wide / 2, base + 18, short(label, max(3, int(step / 8))), "middle"))
    parts.append(text(left - 8, base + 18, chart.axis, "end", "soft"))
    names = [name for name, _ in chart.series]
    if names != [""]:
        parts += legend(names, base + 34)
    return parts, base + 40 + 22 * math.ceil(len(names) / 4)


def _bullets(chart: BulletChart) -> tuple[list[str], int]:
    """Draw each figure as a share of its limit; the limits align in one line, so that the nearest stands out."""
    if not chart.bullets:
        return [], 0
    left, room = 240, WIDTH - 240 - 220
    span = max(1.1, *(min(2.0, bullet.value / bullet.limit) for bullet in chart.bullets))
    limit_x = left + room / span
    height = 30 + len(chart.bullets) * ROW
    parts = [text(limit_x, 16, chart.line, "middle", "soft")]
    for i, bullet in enumerate(chart.bullets):
        y = 24 + i * ROW
        share = bullet.value / bullet.limit
        kept = share <= 1 + 1e-6
        said = f"{number(bullet.value)} of {number(bullet.limit, 4)} {bullet.unit} ({percent(share)})"
        parts += [
            text(left - 8, y + 15, short(bullet.label, 32), "end"),
            rect(left, y, room, ROW - 8, "track"),
            rect(left, y + 5, min(room, room * share / span), ROW - 18, "good" if kept else "bad", said),
            line(limit_x, y - 1, limit_x, y + ROW - 7, "mark"),
            text(left + room + 8, y + 15, said if kept else f"{said}: missed"),
        ]
    return parts, height


def _timeline(chart: Timeline) -> tuple[list[str], int]:
    if not chart.lanes:
        return [], 0
    left, room = LABEL, WIDTH - LABEL - 40
    height = 34 + len(chart.lanes) * ROW
    parts = []
    for tick in range(5):
        x = left + room * tick / 4
        day = number(chart.days * tick / 4)
        parts += [line(x, 4, x, height - 24, "axis"), text(x, height - 8, f"day {day}", "middle", "soft")]
    for i, (label, spans) in enumerate(chart.lanes):
        y = 8 + i * ROW
        parts.append(text(left - 8, y + 16, short(label, 26), "end"))
        for span in spans:
            x = left + room * span.start / chart.days
            width = max(1.0, room * (span.end - span.start) / chart.days)
            parts.append(rect(x, y, width, ROW - 8, colour(i), f"{label}, {span.text}"))
    return parts, height


DRAWN: dict[type, Callable[[Any], tuple[list[str], int]]] = {
    BarChart: _bars,
    StackedChart: _stacked,
    BulletChart: _bullets,
    Timeline: _timeline,
    ScatterChart: scatter,
    SplitBar: _split,
    XYChart: xy,
    RangeChart: ranges,
    HeatMap: heat_map,
    Sankey: sankey,
    NetworkDiagram: network,
    Elevations: elevations,
}
"""How each chart is drawn: its marks and the height that they take."""
