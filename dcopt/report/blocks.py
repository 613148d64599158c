"""What a report is made of: sections of plain data that the terminal, Markdown and HTML writers render alike."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "right"]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Figures:
    """Key figures: (label, value) pairs."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """A table of text. ``aligns`` is one for each header; ``has_total`` says that the last row is a sum.

    ``is_detail`` marks a long list: the terminal shows its beginning, the other formats fold it.
    """

    caption: str
    headers: tuple[str, ...]
    aligns: tuple[Align, ...]
    rows: tuple[tuple[str, ...], ...]
    has_total: bool = False
    is_detail: bool = False


@dataclass(frozen=True)
class Bar:
    """One bar of a `BarChart`; ``text`` is its value as the tables write it, ``group`` picks its colour."""

    label: str
    value: float
    text: str
    group: str


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars, longest first."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class StackedChart:
    """One column for each label of ``axis``; ``series`` are (name, one value for each label), all in ``unit``."""

    title: str
    unit: str
    axis: str
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class Bullet:
    """A figure against its promise or limit, both in ``unit``; at or below ``limit`` the promise is kept."""

    label: str
    value: float
    limit: float
    unit: str


@dataclass(frozen=True)
class BulletChart:
    """How much of each promise or limit is used; ``line`` names what the line stands for."""

    title: str
    bullets: tuple[Bullet, ...]
    line: str = "promise or limit"


@dataclass(frozen=True)
class Span:
    """One bar of a `Timeline`, in days of the year."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Timeline:
    """Lanes of (label, spans) over the days 0 to ``days``."""

    title: str
    days: float
    lanes: tuple[tuple[str, tuple[Span, ...]], ...]


@dataclass(frozen=True)
class ScatterChart:
    """Points of predicted against measured figures on logarithmic axes, both in ``unit``, with the line of equality.

    ``series`` are (name, points), a point being (measured, predicted), both above 0. ``band`` is the factor between
    which and its inverse around equality a band is drawn.
    """

    title: str
    unit: str
    series: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    band: float = 1.25


@dataclass(frozen=True)
class SplitBar:
    """One bar that is divided into parts of (name, value, text), all of one unit, in their order."""

    title: str
    parts: tuple[tuple[str, float, str], ...]


@dataclass(frozen=True)
class XYChart:
    """Series of (name, points) over two linear axes; ``kind`` draws steps (a value holds until the next), lines, dots.

    The vertical axis does not begin at 0 unless a point does: it shows differences, not sizes.
    """

    title: str
    x_title: str
    y_title: str
    series: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    kind: Literal["step", "line", "dot"] = "line"


@dataclass(frozen=True)
class Range:
    """One bar of a `RangeChart`: the outcome at the low and at the high end of what is varied, with their texts."""

    label: str
    low: float
    high: float
    low_text: str
    high_text: str


@dataclass(frozen=True)
class RangeChart:
    """A tornado: how far each input moves the outcome away from ``centre``, in ``unit``, in the order given."""

    title: str
    unit: str
    centre: float
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class HeatMap:
    """A grid of (row, column) cells; each is a word, and cells of the same word have the same colour.

    ``meanings`` say what words stand for, for the legend.
    """

    title: str
    x_title: str
    y_title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    meanings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Stop:
    """One box of a `Sankey`, in a column from 0 (left). ``kind`` picks its colour."""

    name: str
    column: int
    kind: str = ""


@dataclass(frozen=True)
class Sankey:
    """What flows between stops: (from, to, value), values in ``unit``; stops of a column stand in the order given."""

    title: str
    unit: str
    stops: tuple[Stop, ...]
    flows: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Tier:
    """A row of like things in a `NetworkDiagram`: what they are, how many, and how many cables lead to the row below.

    ``each`` says what the cables of one thing or pair are, in words.
    """

    name: str
    units: int
    cables_below: int = 0
    each: str = ""


@dataclass(frozen=True)
class NetworkDiagram:
    """Tiers of a network from the top (core) to the bottom (nodes)."""

    title: str
    tiers: tuple[Tier, ...]


@dataclass(frozen=True)
class RackDrawing:
    """A rack of ``units`` with its things (lowest unit, height in units, what); ``count`` racks are filled alike."""

    label: str
    count: int
    units: float
    slots: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class Elevations:
    """Racks from the front, all at the same scale."""

    title: str
    racks: tuple[RackDrawing, ...]


Chart = (
    BarChart
    | StackedChart
    | BulletChart
    | Timeline
    | ScatterChart
    | SplitBar
    | XYChart
    | RangeChart
    | HeatMap
    | Sankey
    | NetworkDiagram
    | Elevations
)
Block = Text | Items | Figures | Table | Chart


@dataclass(frozen=True)
class Section:
    """A headed part of the report. ``is_appendix``: reference material that the terminal leaves out."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    is_appendix: bool = False


@dataclass(frozen=True)
class Report:
    """A whole report."""

    title: str
    status: str
    sections: tuple[Section, ...]


def safe(text: str) -> str:
    """Return ``text`` on one line, with control characters (terminal escapes too) made visible."""
    return "".join(c if c.isprintable() else " " if c in "\n\r\t" else f"\\x{ord(c):02x}" for c in text)


def markup(text: str) -> str:
    """Return ``text`` on one line, escaped for the text or a quoted attribute of HTML and SVG."""
    return html.escape(safe(text))


def table(
    caption: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    has_total: bool = False,
    is_detail: bool = False,
) -> Table:
    """Return a `Table`; a header that starts with '>' is right-aligned and loses that mark.

    Columns that are blank in every row are left out. Raises ``ValueError`` where a row has not one cell a header.
    """
    for row in rows:
        if len(row) != len(headers):
            raise ValueError(f"{caption}: {len(row)} cells under {len(headers)} headers")
    kept = [i for i in range(len(headers)) if not rows or any(row[i] for row in rows)]
    return Table(
        caption=caption,
        headers=tuple(headers[i].removeprefix(">") for i in kept),
        aligns=tuple("right" if headers[i].startswith(">") else "left" for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in rows),
        has_total=has_total,
        is_detail=is_detail,
    )
