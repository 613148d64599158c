"""The strokes that charts are made of: SVG elements as text, every word escaped, marks with their number to hover."""

from __future__ import annotations

from dcopt.report.blocks import markup

WIDTH = 760
"""Width of every drawing in its own units; the page scales it."""
COLOURS = 8


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    """Return a line of text."""
    css = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{css}>{markup(words)}</text>'


def rect(x: float, y: float, width: float, height: float, kind: str, hover: str = "") -> str:
    """Return a box; ``hover`` is what pointing at it says."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{max(height, 0.0):.1f}" '
        f'class="{kind}">{hovered(hover)}</rect>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """Return a straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def path(shape: str, kind: str, hover: str = "") -> str:
    """Return a path of the given ``d``."""
    return f'<path d="{shape}" class="{kind}">{hovered(hover)}</path>'


def hovered(words: str) -> str:
    """Return the ``title`` child that a mark shows when it is pointed at."""
    return f"<title>{markup(words)}</title>" if words else ""


def short(words: str, most: int) -> str:
    """Return ``words`` cut to ``most`` characters."""
    return words if len(words) <= most else words[: max(most - 1, 1)] + "…"


def colour(index: int) -> str:
    """Return the class of the colour of the series with this index."""
    return f"c{index % COLOURS}"


def legend(names: list[str], y: float) -> list[str]:
    """Return a legend in rows of four; colours in the order of the names."""
    parts = []
    for i, name in enumerate(names):
        x, top = 10 + (i % 4) * 185, y + (i // 4) * 22
        parts += [rect(x, top, 14, 14, colour(i)), text(x + 20, top + 12, short(name, 22))]
    return parts
