"""Rates that a simulation found too high: ``corrections.csv`` beside the tables of a RUN."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

FILE = "corrections.csv"
HEADER = ("table", "name", "column", "predicted", "corrected", "reason")
RATE = ("inference", "requests_per_s")
"""Table and column of the corrections that this module applies; other rows are for the reader alone."""


@dataclass(frozen=True)
class Correction:
    """A predicted figure and what it was corrected to; ``name`` says of what."""

    table: str
    name: str
    column: str
    predicted: float
    corrected: float
    reason: str


def rate_factor(corrections: Iterable[Correction], name: str) -> float:
    """Return the share of its predicted rate that replica ``name`` is held to, at most 1.

    Each correction was found with those before it in force, so they multiply.
    """
    return math.prod(min(1.0, c.corrected / c.predicted) for c in corrections if c.name == name)


def read_corrections(folder: Path) -> tuple[Correction, ...]:
    """Return the corrections of rates in a folder's ``corrections.csv``, none where there is no such table.

    Rows of other figures, and rows without a positive prediction and a corrected rate (0: no rate keeps the promises),
    correct nothing and are left out.
    """
    try:
        with (folder / FILE).open(encoding="utf-8", newline="") as file:
            rows = [tuple(row) for row in csv.reader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()
    return tuple(found for row in rows[1:] if rows[0] == HEADER and (found := _correction(row)) is not None)


def _correction(row: tuple[str, ...]) -> Correction | None:
    if len(row) != len(HEADER) or (row[0], row[2]) != RATE:
        return None
    try:
        predicted, corrected = float(row[3]), float(row[4])
    except ValueError:
        return None
    if not (0 < predicted < math.inf and 0 <= corrected < math.inf):
        return None
    return Correction(row[0], row[1], row[2], predicted, corrected, row[5])


def correction_rows(corrections: Iterable[Correction]) -> list[tuple[str, ...]]:
    """Return the cells of the corrections, in the order of `HEADER`; numbers read back exactly."""
    return [tuple(cell if isinstance(cell, str) else repr(cell) for cell in astuple(row)) for row in corrections]
