"""Tables too wide for a terminal, as several under each other that begin with the same columns."""

from __future__ import annotations

from dataclasses import replace

from dcopt.report.blocks import Table, safe

MOST_KEYS = 3
"""Columns that are repeated at most, so that a row is known again."""
MOST_SHARE = 0.5
"""Share of the width that the repeated columns may take; where they need more the table stays one, its words broken."""


def stacked(table: Table, width: int, gap: int = 2) -> list[Table]:
    """Return ``table`` where no word of it must be broken to fit ``width`` columns, else parts of it that fit.

    Each part begins with the columns that tell the rows apart; ``gap`` spaces stand between two columns.
    """
    words = narrowest(table)
    if _width(words, gap) <= width:
        return [table]
    keys = _keys(table)
    taken = _width(words[:keys], gap)
    if taken > MOST_SHARE * width:
        return [table]
    parts: list[list[int]] = [[]]
    for column in range(keys, len(words)):
        with_it = _width([*words[:keys], *(words[other] for other in parts[-1]), words[column]], gap)
        if parts[-1] and with_it > width:
            parts.append([])
        parts[-1].append(column)
    chosen = [[*range(keys), *part] for part in parts]
    captions = [table.caption, *[f"{table.caption}, continued"] * (len(chosen) - 1)]
    return [_of_columns(table, columns, caption) for columns, caption in zip(chosen, captions, strict=True)]


def narrowest(table: Table) -> list[int]:
    """Return the width of each column below which a word or a number with its unit would have to be broken."""
    found = []
    for header, align, *cells in zip(table.headers, table.aligns, *table.rows, strict=True):
        words = [word for text in (header, *cells) for word in safe(text).split()]
        whole = [safe(cell) for cell in cells] if align == "right" else []
        found.append(max((len(text) for text in (*words, *whole)), default=1))
    return found


def _width(words: list[int], gap: int) -> int:
    return sum(words) + gap * max(0, len(words) - 1)


def _keys(table: Table) -> int:
    """Return how many of the first columns tell the rows apart, or as many as may be repeated."""
    for count in range(1, MOST_KEYS):
        if len({row[:count] for row in table.rows}) == len(table.rows):
            return count
    return MOST_KEYS


def _of_columns(table: Table, columns: list[int], caption: str) -> Table:
    return replace(
        table,
        caption=caption,
        headers=tuple(table.headers[column] for column in columns),
        aligns=tuple(table.aligns[column] for column in columns),
        rows=tuple(tuple(row[column] for column in columns) for row in table.rows),
    )
