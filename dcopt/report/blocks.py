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
    """How much of each promise or limit is used."""

    title: str
    bullets: tuple[Bullet, ...]


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


Chart = BarChart | StackedChart | BulletChart | Timeline | ScatterChart
Block = Text | Items | Figures | Table | BarChart | StackedChart | BulletChart | Timeline | ScatterChart


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
