"""A table in Markdown that is also readable as it stands."""

from __future__ import annotations

from collections.abc import Sequence


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return head and rows as a Markdown table, the first two columns to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]
    shown = ["| " + " | ".join(_aligned(line, widths)) + " |" for line in lines]
    rule = ["-" * width if column < 2 else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([shown[0], "| " + " | ".join(rule) + " |", *shown[1:]])


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(w) if column < 2 else cell.rjust(w)
        for column, (cell, w) in enumerate(zip(line, widths, strict=True))
    ]
