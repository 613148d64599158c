"""A problem while it is being read: rows that may still be wrong, and every finding so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcopt.problem.findings import Finding
from dcopt.problem.parse import ParsedRow
from dcopt.problem.problem import Change, ModelFile
from dcopt.problem.tables import TABLES

if TYPE_CHECKING:
    from dcopt.problem.model_config import ModelConfig


@dataclass
class Draft:
    """What was read of a problem, after merging with the catalogue.

    Attributes
    ----------
    folder: where relative model paths start.
    files: how findings call a table (``sites.csv``, ``plan.xlsx!sites``).
    settings: the settings as one row.
    tables: every table but the settings: key -> row.
    loose: rows whose key is wrong or stands already; their other cells are checked all the same.
    unreadable: tables of which rows may be missing, so that references into them cannot be judged.
    """

    folder: Path
    files: dict[str, str]
    settings: ParsedRow
    tables: dict[str, dict[str, ParsedRow]]
    loose: list[ParsedRow] = field(default_factory=list)
    unreadable: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    models: dict[str, ModelConfig] = field(default_factory=dict)
    model_files: dict[str, ModelFile] = field(default_factory=dict)

    def all_rows(self) -> Iterator[ParsedRow]:
        """Yield every row of every table, the wrong and loose ones included."""
        for name in TABLES:
            yield from self.tables.get(name, {}).values()
        yield from self.loose

    def is_sound(self, *tables: str) -> bool:
        """Whether every row of these tables could be read, so that what is absent from them is absent indeed."""
        broken = {row.table for row in self.all_rows() if row.row is None} | self.unreadable
        return broken.isdisjoint(tables)

    def valid(self, table: str) -> Iterator[tuple[ParsedRow, Any]]:
        """Yield the rows of a table that are right as far as they go, with their typed form."""
        for row in self.tables[table].values():
            if row.row is not None:
                yield row, row.row

    def typed(self, table: str) -> dict[str, Any]:
        """Return the typed rows of a table by key, the wrong ones left out."""
        return {row.key: typed for row, typed in self.valid(table)}
