"""The charts that a terminal shows as text: ranges around a centre, and maps of what is best where."""

from __future__ import annotations

from itertools import groupby

from dcopt.report.blocks import HeatMap, RangeChart, safe
from dcopt.report.numbers import amount

BAR = 40
"""Columns of the longest bar of a `RangeChart`."""
MARKS = {"infeasible": "x", "failed": "?", "no solution": "?", "": "."}
"""What stands in a map for a scenario without a design."""
LEGEND = {"x": "no design exists", "?": "not answered", ".": "not asked"}


def ranges(chart: RangeChart, width: int) -> list[str]:
    """Return a line for each range: its label, and its bar with the centre marked."""
    ends = [end for one in chart.ranges for end in (one.low, one.high)]
    low, high = min([*ends, chart.centre]), max([*ends, chart.centre])
    label = min(max((len(safe(one.label)) for one in chart.ranges), default=0), max(10, width - BAR - 2))
    room = max(10, min(BAR, width - label - 2))

    def place(value: float) -> int:
        return round((value - low) / (high - low) * (room - 1)) if high > low else 0

    lines = [f"{safe(chart.title)}, {chart.unit} (| is {amount(chart.centre)}):"]
    for one in chart.ranges:
        first, last = sorted((place(one.low), place(one.high)))
        bar = "".join("#" if first <= i <= last else " " for i in range(room))
        middle = place(chart.centre)
        lines.append(f"{safe(one.label)[:label]:<{label}}  {bar[:middle]}|{bar[middle + 1 :]}".rstrip())
    ends_text = f"{amount(low)}{amount(high):>{max(1, room - len(amount(low)))}}"
    return [*lines, f"{'':<{label}}  {ends_text}"]


def heat_map(chart: HeatMap) -> list[str]:
    """Return a map as text: with one row what is best from where to where, else a cell for each pair of values."""
    if len(chart.rows) == 1:
        return [f"{safe(chart.title)}, by {safe(chart.x_title)}:", *_runs(chart)]
    cells = [[MARKS.get(cell, cell) for cell in row] for row in chart.cells]
    wide = max(len(cell) for row in cells for cell in row)
    side = max(len(safe(row)) for row in chart.rows)
    lines = [
        f"{safe(chart.title)}: {safe(chart.y_title)} down,",
        f"{safe(chart.x_title)} across from {safe(chart.columns[0])} to {safe(chart.columns[-1])}",
    ]
    for name, row in zip(chart.rows, cells, strict=True):
        lines.append(f"{safe(name):>{side}}  {' '.join(f'{cell:<{wide}}' for cell in row)}".rstrip())
    used = {cell for row in cells for cell in row}
    return [*lines, *(f"{mark} {words}" for mark, words in LEGEND.items() if mark in used)]


def _runs(chart: HeatMap) -> list[str]:
    """Return a line for each stretch of values in which the same is best."""
    pairs = list(zip(chart.columns, chart.cells[0], strict=True))
    found = [(cell, [value for value, _ in group]) for cell, group in groupby(pairs, key=lambda pair: pair[1])]
    spans = [safe(values[0]) if len(values) == 1 else f"{safe(values[0])} to {safe(values[-1])}" for _, values in found]
    wide = max(len(span) for span in spans)
    return [f"{span:<{wide}}  {cell}" for span, (cell, _) in zip(spans, found, strict=True)]
