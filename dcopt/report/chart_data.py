"""What a chart shows, in words and as a table: for screen readers, for print, and for copying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
    Table,
    Timeline,
    XYChart,
    table,
)
from dcopt.report.numbers import amount, number, percent

Rows = tuple[tuple[str, ...], Sequence[Sequence[str]]]


def data_of(chart: Chart) -> Table:
    """Return every number that a chart draws, as a table whose caption names the chart."""
    headers, rows = DATA[type(chart)](chart)
    return table(f"Data of: {chart.title}", headers, rows)


def summary_of(chart: Chart) -> str:
    """Return one sentence that says what a chart shows, for those who cannot see it."""
    _, rows = DATA[type(chart)](chart)
    kind = WORDS[type(chart)]
    return f"{kind} of {len(rows)} {'value' if len(rows) == 1 else 'values'}; the table after it lists them."


def _bars(chart: BarChart) -> Rows:
    return ("what", "group", ">value"), [(bar.label, bar.group, bar.text) for bar in chart.bars]


def _split(chart: SplitBar) -> Rows:
    total = sum(value for _, value, _ in chart.parts) or 1.0
    return ("part", ">value", ">share"), [(name, said, percent(value / total)) for name, value, said in chart.parts]


def _stacked(chart: StackedChart) -> Rows:
    rows = [
        (label, *(amount(values[i]) for _, values in chart.series), amount(sum(v[i] for _, v in chart.series)))
        for i, label in enumerate(chart.labels)
    ]
    return (chart.axis, *(f">{name or chart.unit}" for name, _ in chart.series), f">all ({chart.unit})"), rows


def _bullets(chart: BulletChart) -> Rows:
    rows = [
        (b.label, number(b.value, 4), number(b.limit, 4), b.unit, percent(b.value / b.limit)) for b in chart.bullets
    ]
    return ("what", ">value", f">{chart.line}", "unit", ">used"), rows


def _timeline(chart: Timeline) -> Rows:
    rows = [
        (label, number(span.start, 4), number(span.end, 4), span.text) for label, spans in chart.lanes for span in spans
    ]
    return ("what", ">from day", ">to day", "remark"), rows


def _scatter(chart: ScatterChart) -> Rows:
    rows = [(name, number(x, 4), number(y, 4)) for name, points in chart.series for x, y in points]
    return ("series", f">measured ({chart.unit})", f">predicted ({chart.unit})"), rows


def _xy(chart: XYChart) -> Rows:
    rows = [(name, number(x, 4), number(y, 7)) for name, points in chart.series for x, y in points]
    return ("series", f">{chart.x_title}", f">{chart.y_title}"), rows


def _ranges(chart: RangeChart) -> Rows:
    rows = [(bar.label, bar.low_text, amount(bar.low), bar.high_text, amount(bar.high)) for bar in chart.ranges]
    return ("what", "low", f">outcome ({chart.unit})", "high", f">outcome ({chart.unit})"), rows


def _heat_map(chart: HeatMap) -> Rows:
    rows = [(name, *chart.cells[i]) for i, name in enumerate(chart.rows)]
    return (f"{chart.y_title} \\ {chart.x_title}", *chart.columns), rows


def _sankey(chart: Sankey) -> Rows:
    return ("from", "to", f">{chart.unit}"), [(a, b, number(v, 4)) for a, b, v in chart.flows if v > 0]


def _network(chart: NetworkDiagram) -> Rows:
    rows = [
        (tier.name, f"{tier.units:,}", f"{tier.cables_below:,}" if tier.cables_below else "", tier.each)
        for tier in chart.tiers
        if tier.units
    ]
    return ("tier", ">units", ">cables to the tier below", "which is"), rows


def _elevations(chart: Elevations) -> Rows:
    rows = [
        (rack.label, f"{rack.count:,}", number(start), number(units), item)
        for rack in chart.racks
        for start, units, item in rack.slots
    ]
    return ("rack", ">racks", ">from unit", ">units", "what"), rows


DATA: dict[type, Callable[[Any], Rows]] = {
    BarChart: _bars,
    SplitBar: _split,
    StackedChart: _stacked,
    BulletChart: _bullets,
    Timeline: _timeline,
    ScatterChart: _scatter,
    XYChart: _xy,
    RangeChart: _ranges,
    HeatMap: _heat_map,
    Sankey: _sankey,
    NetworkDiagram: _network,
    Elevations: _elevations,
}

WORDS: dict[type, str] = {
    BarChart: "A bar chart",
    SplitBar: "A divided bar",
    StackedChart: "Stacked columns",
    BulletChart: "Bars against their limits",
    Timeline: "A calendar",
    ScatterChart: "A scatter plot",
    XYChart: "A line chart",
    RangeChart: "A tornado chart",
    HeatMap: "A map",
    Sankey: "A flow diagram",
    NetworkDiagram: "A drawing of a network",
    Elevations: "A drawing of racks from the front",
}
