"""Charts over two axes: predictions against measurements, lines and fronts, tornados, maps."""

from __future__ import annotations

import math

from dcopt.report.blocks import HeatMap, RangeChart, ScatterChart, XYChart
from dcopt.report.drawing import WIDTH, colour, hovered, legend, line, path, rect, short, text
from dcopt.report.numbers import amount, nice_ceiling, number

MARGIN = 45
"""Room at the right for half of the last tick's label."""
MOST_IN_CELL = 4
"""Characters of a word that is written into the cells of a map; longer ones are numbered."""
LABEL = 44
"""Width that the label of a map's column takes."""


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round values that cover ``low`` to ``high``, at most ``most`` + 1 of them."""
    if high <= low:
        pad = abs(low) * 0.01 or 1.0
        low, high = low - pad, high + pad
    step = nice_ceiling((high - low) / (most - 1))  # most - 1 steps, and one more where the ends are not round
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [k * step for k in range(first, last + 1)]


def xy(chart: XYChart) -> tuple[list[str], int]:
    """Draw the series over linear axes with round ticks."""
    points = [point for _, series in chart.series for point in series]
    if not points:
        return [], 0
    across = nice_ticks(min(x for x, _ in points), max(x for x, _ in points))
    up = nice_ticks(min(y for _, y in points), max(y for _, y in points))
    left, top, wide, tall = 130, 32, WIDTH - 130 - MARGIN, 240

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            left + wide * (x - across[0]) / (across[-1] - across[0]),
            top + tall * (1 - (y - up[0]) / (up[-1] - up[0])),
        )

    parts = []
    for value in up:
        _, y = place(across[0], value)
        parts += [line(left, y, left + wide, y, "axis"), text(left - 8, y + 4, number(value, 4), "end", "soft")]
    for value in across:
        x, _ = place(value, up[0])
        parts.append(text(x, top + tall + 18, number(value, 4), "middle", "soft"))
    parts.append(text(left + wide, top + tall + 36, chart.x_title, "end", "soft"))
    parts.append(text(8, 12, chart.y_title, "start", "soft"))
    for i, (name, series) in enumerate(chart.series):
        where = [place(*point) for point in series]
        if chart.kind != "dot" and len(where) > 1:
            parts.append(path(_trail(where, chart.kind == "step"), f"stroke s{i % 8}", name))
        for (x, y), (a, b) in zip(where, series, strict=True):
            said = f"{name}: {chart.x_title} {number(a, 4)}, {chart.y_title} {number(b, 6)}"
            parts.append(rect(x - 2.5, y - 2.5, 5, 5, colour(i), said))
    parts += legend([name for name, _ in chart.series], top + tall + 46)
    return parts, top + tall + 50 + 22 * math.ceil(len(chart.series) / 4)


def _trail(where: list[tuple[float, float]], is_step: bool) -> str:
    parts = [f"M{where[0][0]:.1f},{where[0][1]:.1f}"]
    for x, y in where[1:]:
        parts.append(f"H{x:.1f}V{y:.1f}" if is_step else f"L{x:.1f},{y:.1f}")
    return "".join(parts)


def ranges(chart: RangeChart) -> tuple[list[str], int]:
    """Draw a tornado: bars from the outcome at the low end to that at the high end, the centre as a line."""
    if not chart.ranges:
        return [], 0
    values = [chart.centre, *(end for bar in chart.ranges for end in (bar.low, bar.high))]
    ticks = nice_ticks(min(values), max(values))
    left, room, row = 250, WIDTH - 250 - MARGIN, 34

    def place(value: float) -> float:
        return left + room * (value - ticks[0]) / (ticks[-1] - ticks[0])

    height = 40 + len(chart.ranges) * row
    parts = []
    for value in ticks:
        x = place(value)
        parts += [line(x, 4, x, height - 26, "axis"), text(x, height - 10, number(value, 4), "middle", "soft")]
    for i, bar in enumerate(chart.ranges):
        y, centre = 8 + i * row, place(chart.centre)
        parts.append(text(left - 8, y + 17, short(bar.label, 34), "end"))
        for value, said, kind in ((bar.low, bar.low_text, "c0"), (bar.high, bar.high_text, "c1")):
            x = place(value)
            hover = f"{bar.label} {said}: {chart.unit} {amount(value)}"
            parts.append(rect(min(x, centre), y, max(abs(x - centre), 1.0), row - 10, kind, hover))
    parts.append(line(place(chart.centre), 2, place(chart.centre), height - 26, "mark"))
    return parts, height


def heat_map(chart: HeatMap) -> tuple[list[str], int]:
    """Draw the grid; the colour of a cell stands for its word, which pointing at it shows too."""
    words = sorted({word for row in chart.cells for word in row})
    if not words:
        return [], 0
    in_cells = words if max(map(len, words)) <= MOST_IN_CELL else [str(index + 1) for index in range(len(words))]
    left, top = 170, 30 if chart.y_title else 10
    wide, tall = (WIDTH - left - 10) / len(chart.columns), 28
    parts = [text(10, 16, chart.y_title, "start", "soft")] if chart.y_title else []
    for i, name in enumerate(chart.rows):
        parts.append(text(left - 8, top + i * tall + 18, short(name, 22), "end"))
        for j, column in enumerate(chart.columns):
            index = words.index(chart.cells[i][j])
            hover = f"{chart.y_title} {name}, {chart.x_title} {column}: {words[index]}"
            parts.append(rect(left + j * wide, top + i * tall, wide - 1, tall - 1, colour(index), hover))
            middle = left + (j + 0.5) * wide
            parts.append(text(middle, top + i * tall + 18, in_cells[index], "middle", "inside"))
    base = top + len(chart.rows) * tall
    fits = max(1, math.ceil(LABEL / wide))
    for j, column in list(enumerate(chart.columns))[::fits]:
        parts.append(
            text(left + (j + 0.5) * wide, base + 16, short(column, max(3, int(fits * wide / 7))), "middle", "soft")
        )
    parts.append(text(WIDTH - 10, base + 34, chart.x_title, "end", "soft"))
    meanings = dict(chart.meanings)
    for i, (word, shown) in enumerate(zip(words, in_cells, strict=True)):
        y = base + 44 + i * 22
        named = meanings.get(word, "" if shown == word else word)
        parts += [rect(10, y, 14, 14, colour(i)), text(30, y + 12, short(": ".join(filter(None, (shown, named))), 96))]
    return parts, base + 50 + 22 * len(words)


def scatter(chart: ScatterChart) -> tuple[list[str], int]:
    """Draw predicted (up) against measured (to the right) over the same decades, so that equality is the diagonal."""
    values = [math.log10(value) for _, points in chart.series for point in points for value in point]
    if not values:
        return [], 0
    low, high = math.floor(min(values)), max(math.floor(min(values)) + 1, math.ceil(max(values)))
    left, size, top = 90, 420, 10

    def place(measured: float, predicted: float) -> tuple[float, float]:
        across, up = ((math.log10(value) - low) / (high - low) for value in (measured, predicted))
        return left + size * min(max(across, 0.0), 1.0), top + size * (1 - min(max(up, 0.0), 1.0))

    parts = []
    for power in range(low, high + 1):
        x, y = place(10.0**power, 10.0**power)
        word = number(10.0**power)
        parts += [line(left, y, left + size, y, "axis"), line(x, top, x, top + size, "axis")]
        parts += [text(left - 8, y + 4, word, "end", "soft"), text(x, top + size + 18, word, "middle", "soft")]
    least, most = 10.0**low, 10.0**high
    for factor, kind in ((1.0, "mark"), (chart.band, "axis"), (1 / chart.band, "axis")):
        ends = (
            *place(least / min(factor, 1.0), least * max(factor, 1.0)),
            *place(most / max(factor, 1.0), most * min(factor, 1.0)),
        )
        parts.append(line(*ends, kind))
    for i, (name, points) in enumerate(chart.series):
        dots = "".join(_dot(*place(*point), f"{name}: {_pair(point)} {chart.unit}") for point in points)
        parts.append(f'<g class="{colour(i)}" fill-opacity="0.6">{dots}</g>')
        y = top + 6 + 22 * i
        parts += [rect(left + size + 24, y, 14, 14, colour(i)), text(left + size + 46, y + 12, short(name, 28))]
    parts.append(text(left + size, top + size + 36, f"measured, {chart.unit} (predicted upwards)", "end", "soft"))
    return parts, top + size + 46


def _dot(x: float, y: float, words: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2">{hovered(words)}</circle>'


def _pair(point: tuple[float, float]) -> str:
    return f"measured {number(point[0], 4)}, predicted {number(point[1], 4)}"
