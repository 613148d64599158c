"""Drawings with exact geometry: what flows (Sankey), how a network is cabled, what stands in the racks."""

from __future__ import annotations

import math

from dcopt.report.blocks import Elevations, NetworkDiagram, RackDrawing, Sankey, Tier
from dcopt.report.drawing import WIDTH, colour, legend, line, path, rect, short, text
from dcopt.report.numbers import number

BOX = 14
"""Width of the box of a Sankey's stop."""


def sankey(chart: Sankey) -> tuple[list[str], int]:
    """Draw the flows as bands as thick as their values; every column has the same scale."""
    flows = [flow for flow in chart.flows if flow[2] > 0]
    if not flows:
        return [], 0
    size = {stop.name: _through(stop.name, flows) for stop in chart.stops}
    stops = [stop for stop in chart.stops if size[stop.name] > 0]
    columns = max(stop.column for stop in stops) + 1
    by_column = [[stop for stop in stops if stop.column == c] for c in range(columns)]
    tall, gap, top = 280.0, 42.0, 34.0
    most = max(sum(size[s.name] for s in column) for column in by_column)
    scale = tall / most
    height = max(sum(size[s.name] for s in c) * scale + gap * (len(c) - 1) for c in by_column) + top + 16
    step = (WIDTH - 190) / max(columns - 1, 1)
    place: dict[str, tuple[float, float]] = {}
    for c, column in enumerate(by_column):
        y = top
        for stop in column:
            place[stop.name] = (10 + c * step, y)
            y += max(size[stop.name] * scale, 1.0) + gap
    kinds = {stop.name: stop.kind or "c7" for stop in stops}
    parts = _bands(flows, place, kinds, scale, chart.unit)
    for stop in stops:
        x, y = place[stop.name]
        said = f"{stop.name}: {number(size[stop.name], 4)} {chart.unit}"
        parts.append(rect(x, y, BOX, max(size[stop.name] * scale, 1.5), kinds[stop.name], said))
        room = int((step if stop.column < columns - 1 else WIDTH - x - BOX) / 6.8)
        parts.append(text(x, y - 18, short(stop.name, room), "start", "label strong"))
        parts.append(text(x, y - 5, f"{number(size[stop.name], 4)} {chart.unit}", "start", "label"))
    return parts, math.ceil(height)


def _through(name: str, flows: list[tuple[str, str, float]]) -> float:
    incoming = sum(value for _, end, value in flows if end == name)
    return max(incoming, sum(value for start, _, value in flows if start == name))


def _bands(
    flows: list[tuple[str, str, float]],
    place: dict[str, tuple[float, float]],
    kinds: dict[str, str],
    scale: float,
    unit: str,
) -> list[str]:
    """Return the bands; those of a stop leave and arrive from top to bottom in the order of the other end."""
    used_out = dict.fromkeys(place, 0.0)
    used_in = dict.fromkeys(place, 0.0)
    ends: dict[int, tuple[float, float]] = {}
    for index in sorted(range(len(flows)), key=lambda i: place[flows[i][1]][1]):
        start = flows[index][0]
        ends[index] = (place[start][1] + used_out[start], 0.0)
        used_out[start] += flows[index][2] * scale
    for index in sorted(range(len(flows)), key=lambda i: place[flows[i][0]][1]):
        end = flows[index][1]
        ends[index] = (ends[index][0], place[end][1] + used_in[end])
        used_in[end] += flows[index][2] * scale
    parts = []
    for index, (start, end, value) in enumerate(flows):
        x1, x2 = place[start][0] + BOX, place[end][0]
        y1, y2 = ends[index]
        thick, middle = max(value * scale, 0.8), (x1 + x2) / 2
        shape = (
            f"M{x1:.1f},{y1:.1f}C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
            f"V{y2 + thick:.1f}C{middle:.1f},{y2 + thick:.1f} {middle:.1f},{y1 + thick:.1f} {x1:.1f},{y1 + thick:.1f}Z"
        )
        parts.append(path(shape, f"{kinds[end]} band", f"{start} → {end}: {number(value, 4)} {unit}"))
    return parts


MOST_BOXES = 16
ROW_HEIGHT = 96


def network(chart: NetworkDiagram) -> tuple[list[str], int]:
    """Draw the tiers with their cables; of a long tier the first and the last boxes, with dots between them."""
    tiers = [tier for tier in chart.tiers if tier.units > 0]
    if not tiers:
        return [], 0
    parts: list[str] = []
    left, room = 196.0, WIDTH - 206.0
    centres = [_centres(tier, left, room) for tier in tiers]
    for i, tier in enumerate(tiers[:-1]):
        y1, y2 = 10 + i * ROW_HEIGHT + 26, 10 + (i + 1) * ROW_HEIGHT
        each = f", {tier.each}" if tier.each else ""
        said = f"{tier.name} to {tiers[i + 1].name}: {tier.cables_below:,} cables{each}"
        parts += [line(a, y1, b, y2, "cable") for a in centres[i] for b in centres[i + 1]]
        parts.append(text(8, (y1 + y2) / 2 - 2, f"{tier.cables_below:,} cables", "start", "strong"))
        parts.append(text(8, (y1 + y2) / 2 + 14, short(tier.each, 28), "start", "soft"))
        shape = f"M{centres[i][0]:.1f},{y1}H{centres[i][-1]:.1f}L{centres[i + 1][-1]:.1f},{y2}H{centres[i + 1][0]:.1f}Z"
        parts.append(path(shape, "bundle", said))
    for i, tier in enumerate(tiers):
        y = 10 + i * ROW_HEIGHT
        wide = min(30.0, 0.8 * room / max(len(centres[i]), 1))
        parts.append(text(8, y + 12, short(f"{tier.units:,} × {tier.name}", 28), "start", "strong"))
        kind = colour(2 if i == len(tiers) - 1 else 0)
        parts += [rect(x - wide / 2, y, wide, 26, kind, f"{tier.units:,} × {tier.name}") for x in centres[i]]
        if tier.units > len(centres[i]):
            last, before = centres[i][-1], centres[i][-2]
            parts.append(text((last + before) / 2, y + 17, "…", "middle"))
            parts.append(text(8, y + 28, f"{len(centres[i])} of them drawn", "start", "soft"))
    return parts, 10 + (len(tiers) - 1) * ROW_HEIGHT + 26 + 14


def _centres(tier: Tier, left: float, room: float) -> list[float]:
    """Return where the boxes of a tier stand."""
    if tier.units <= MOST_BOXES:
        return [left + room * (k + 0.5) / tier.units for k in range(tier.units)]
    step = room / MOST_BOXES
    return [left + step * (k + 0.5) for k in [*range(MOST_BOXES - 2), MOST_BOXES - 1]]


UNIT = 6.0
"""Height of a rack unit (44.45 mm) in the drawing."""
RACK_WIDTH = 600 / 44.45 * UNIT
"""Width of a 600 mm rack at the same scale."""
IN_ROW = 6


def elevations(chart: Elevations) -> tuple[list[str], int]:
    """Draw the racks from the front, to scale: 600 mm wide, a unit 44.45 mm high."""
    if not chart.racks:
        return [], 0
    items = list(dict.fromkeys(item for rack in chart.racks for _, _, item in rack.slots))
    parts = legend(items, 4)
    y = 12.0 + 22 * math.ceil(max(len(items), 1) / 4)
    for first in range(0, len(chart.racks), IN_ROW):
        row = chart.racks[first : first + IN_ROW]
        floor = y + max(rack.units for rack in row) * UNIT + 34
        for k, rack in enumerate(row):
            parts += _rack(rack, 30 + k * (WIDTH - 40) / IN_ROW, floor, items)
        y = floor + 16
    return parts, math.ceil(y)


def _rack(rack: RackDrawing, x: float, floor: float, items: list[str]) -> list[str]:
    tall = rack.units * UNIT
    said = f"{rack.count:,} × {rack.label}, {number(rack.units)} units"
    parts = [
        text(x, floor - tall - 18, f"{rack.count:,} ×", "start", "strong"),
        text(x, floor - tall - 5, short(rack.label, 18), "start", "small"),
        rect(x - 2, floor - tall - 1, RACK_WIDTH + 4, tall + 2, "rack", said),
    ]
    for mark in range(10, int(rack.units) + 1, 10):
        y = floor - mark * UNIT
        parts += [line(x - 8, y, x - 2, y, "axis"), text(x - 10, y + 4, str(mark), "end", "small soft")]
    for start, units, item in rack.slots:
        y = floor - (start - 1 + units) * UNIT
        last = start + units - 1
        where = f"unit {number(start)}" + (f" to {number(last)}" if units > 1 else "")
        parts.append(rect(x, y, RACK_WIDTH, units * UNIT - 0.7, colour(items.index(item)), f"{item}, {where}"))
    return parts
