"""Plain text tables for the terminal: aligned, and no wider than it where whole columns can be left out."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

GAP = "  "


def terminal_width() -> int:
    """Return the characters of a terminal's line, 120 where there is no terminal."""
    return shutil.get_terminal_size((120, 24)).columns


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Return an aligned table; columns of numbers are set to the right.

    Parameters
    ----------
    header: titles of the columns.
    rows: the cells; each row as long as the header.
    width: characters that a line may have (default: those of the terminal). Columns that do not fit are left out
        from the right, never the first one, and a last line names them.
    """
    limit = terminal_width() if width is None else width
    widths = [max(len(row[index]) for row in (header, *rows)) for index in range(len(header))]
    shown = 1
    while shown < len(header) and sum(widths[: shown + 1]) + len(GAP) * shown <= limit:
        shown += 1
    numeric = [bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(shown)]
    lines = [
        GAP.join(
            row[index].rjust(widths[index]) if numeric[index] else row[index].ljust(widths[index])
            for index in range(shown)
        ).rstrip()
        for row in (header, *rows)
    ]
    lines.insert(1, GAP.join("-" * size for size in widths[:shown]))
    if shown < len(header):
        lines.append(f"(not shown: {', '.join(header[shown:])})")
    return "\n".join(lines)


def _is_number(cell: str) -> bool:
    return not cell or cell[0].isdigit() or (cell[0] in "-+.<" and any(char.isdigit() for char in cell))
