"""Charts of the HTML report, as inline SVG: no library, readable in print, in the dark and by screen readers.

Every number drawn is also in a table of the same section; hovering a mark shows it.
"""

from __future__ import annotations

import math

from dcopt.report.blocks import BarChart, BulletChart, Chart, ScatterChart, StackedChart, Timeline, markup
from dcopt.report.numbers import amount, number, percent

WIDTH = 760
LABEL = 200
COLOURS = 8
ROW = 30


def draw(chart: Chart, key: str) -> str:
    """Return the chart as an ``svg`` element; ``key`` makes its ids unique in the page. '' where nothing is to draw."""
    if isinstance(chart, BarChart):
        parts, height = _bars(chart)
    elif isinstance(chart, StackedChart):
        parts, height = _stacked(chart)
    elif isinstance(chart, BulletChart):
        parts, height = _bullets(chart)
    elif isinstance(chart, ScatterChart):
        parts, height = _scatter(chart)
    else:
        parts, height = _timeline(chart)
    if not parts:
        return ""
    title = f'<title id="{key}">{markup(chart.title)}</title>'
    return (
        f'<svg role="img" aria-labelledby="{key}" viewBox="0 0 {WIDTH} {height}" '
        f'xmlns="http://www.w3.org/2000/svg">{title}{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    css = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{css}>{markup(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, kind: str, hover: str = "") -> str:
    title = f"<title>{markup(hover)}</title>" if hover else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{max(height, 0.0):.1f}" '
        f'class="{kind}">{title}</rect>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _legend(names: list[str], y: float) -> list[str]:
    """Return a legend in rows of four; colours in the order of the names."""
    parts = []
    for i, name in enumerate(names):
        x, top = 10 + (i % 4) * 185, y + (i // 4) * 22
        parts += [_rect(x, top, 14, 14, f"c{i % COLOURS}"), _text(x + 20, top + 12, _short(name, 22))]
    return parts


def _bars(chart: BarChart) -> tuple[list[str], int]:
    if not chart.bars:
        return [], 0
    groups = list(dict.fromkeys(bar.group for bar in chart.bars))
    longest = max(bar.value for bar in chart.bars) or 1.0
    parts = _legend(groups, 4)
    for i, bar in enumerate(chart.bars):
        y = 34 + i * ROW
        length = (WIDTH - LABEL - 130) * bar.value / longest
        colour = f"c{groups.index(bar.group) % COLOURS}"
        parts += [
            _text(LABEL - 8, y + 16, _short(bar.label, 26), "end"),
            _rect(LABEL, y, length, ROW - 8, colour, f"{bar.label} ({bar.group}): {bar.text}"),
            _text(LABEL + length + 6, y + 16, bar.text),
        ]
    return parts, 40 + len(chart.bars) * ROW


def nice_ceiling(value: float) -> float:
    """Return a round number (1, 2, 2.5, 5 or 10 times a power of ten) that is at least ``value``, which is above 0."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-12))


def _stacked(chart: StackedChart) -> tuple[list[str], int]:
    sums = [sum(values[i] for _, values in chart.series) for i in range(len(chart.labels))]
    if not sums or max(sums) <= 0:
        return [], 0
    top = nice_ceiling(max(sums))
    left, base, tall = 110, 270, 240
    parts = []
    for tick in range(5):
        y = base - tall * tick / 4
        parts += [_line(left, y, WIDTH, y, "axis"), _text(left - 8, y + 4, amount(top * tick / 4), "end", "soft")]
    step = (WIDTH - left) / len(chart.labels)
    for i, label in enumerate(chart.labels):
        x, y = left + step * i + step * 0.15, float(base)
        for j, (name, values) in enumerate(chart.series):
            height = tall * values[i] / top
            y -= height
            hover = f"{chart.axis} {label}, {name}: {chart.unit} {amount(values[i])}"
            if values[i] > 0:
                parts.append(_rect(x, y, step * 0.7, height, f"c{j % COLOURS}", hover))
        parts.append(_text(x + step * 0.35, base + 18, _short(label, max(3, int(step / 8))), "middle"))
    parts.append(_text(left - 8, base + 18, chart.axis, "end", "soft"))
    names = [name for name, _ in chart.series]
    parts += _legend(names, base + 34)
    return parts, base + 40 + 22 * math.ceil(len(names) / 4)


def _bullets(chart: BulletChart) -> tuple[list[str], int]:
    """Draw each figure as a share of its limit; the limits align in one line, so that the nearest stands out."""
    if not chart.bullets:
        return [], 0
    left, room = 240, WIDTH - 240 - 220
    span = max(1.1, *(min(2.0, bullet.value / bullet.limit) for bullet in chart.bullets))
    limit_x = left + room / span
    height = 30 + len(chart.bullets) * ROW
    parts = [_text(limit_x, 16, "promise or limit", "middle", "soft")]
    for i, bullet in enumerate(chart.bullets):
        y = 24 + i * ROW
        share = bullet.value / bullet.limit
        kept = share <= 1 + 1e-6
        said = f"{number(bullet.value)} of {number(bullet.limit, 4)} {bullet.unit} ({percent(share)})"
        parts += [
            _text(left - 8, y + 15, _short(bullet.label, 32), "end"),
            _rect(left, y, room, ROW - 8, "track"),
            _rect(left, y + 5, min(room, room * share / span), ROW - 18, "good" if kept else "bad", said),
            _line(limit_x, y - 1, limit_x, y + ROW - 7, "mark"),
            _text(left + room + 8, y + 15, said),
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
        parts += [_line(x, 4, x, height - 24, "axis"), _text(x, height - 8, f"day {day}", "middle", "soft")]
    for i, (label, spans) in enumerate(chart.lanes):
        y = 8 + i * ROW
        parts.append(_text(left - 8, y + 16, _short(label, 26), "end"))
        for span in spans:
            x = left + room * span.start / chart.days
            width = max(1.0, room * (span.end - span.start) / chart.days)
            parts.append(_rect(x, y, width, ROW - 8, f"c{i % COLOURS}", f"{label}, {span.text}"))
    return parts, height


def _scatter(chart: ScatterChart) -> tuple[list[str], int]:
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
        parts += [_line(left, y, left + size, y, "axis"), _line(x, top, x, top + size, "axis")]
        parts += [_text(left - 8, y + 4, word, "end", "soft"), _text(x, top + size + 18, word, "middle", "soft")]
    least, most = 10.0**low, 10.0**high
    for factor, kind in ((1.0, "mark"), (chart.band, "axis"), (1 / chart.band, "axis")):
        ends = (
            *place(least / min(factor, 1.0), least * max(factor, 1.0)),
            *place(most / max(factor, 1.0), most * min(factor, 1.0)),
        )
        parts.append(_line(*ends, kind))
    for i, (name, points) in enumerate(chart.series):
        colour = f"c{i % COLOURS}"
        dots = "".join('<circle cx="{:.1f}" cy="{:.1f}" r="2.2"/>'.format(*place(*point)) for point in points)
        parts.append(f'<g class="{colour}" fill-opacity="0.6">{dots}</g>')
        y = top + 6 + 22 * i
        parts += [_rect(left + size + 24, y, 14, 14, colour), _text(left + size + 46, y + 12, _short(name, 28))]
    parts.append(_text(left + size, top + size + 36, f"measured, {chart.unit} (predicted upwards)", "end", "soft"))
    return parts, top + size + 46
