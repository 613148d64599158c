"""What is wrong, or unusual, in the input: one `Finding` for each place, and the error that carries them all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong (``error``) or unusual (``warning``) at one place of the input.

    Attributes
    ----------
    severity: ``error`` stops the run, ``warning`` does not.
    file: the file as the planner knows it (``sites.csv``, ``plan.xlsx!sites``, ``--set ...``).
    message: a plain sentence that ends with the cure.
    line: line of the file (row of the sheet), from 1.
    column: name of the column (key of the setting).
    value: the text of the cell.
    expected: what the cell may hold.
    nearest: the known name that resembles the value most.
    """

    severity: Literal["error", "warning"]
    file: str
    message: str
    line: int | None = None
    column: str | None = None
    value: str | None = None
    expected: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        if self.column is not None:
            place += f": {self.column}"
        if self.value is not None:
            place += f" {_quoted(self.value)}"
        text = f"{self.severity}: {place}: {self.message}"
        if self.expected is not None:
            text += f" (expected: {self.expected})"
        if self.nearest is not None:
            text += f" - did you mean '{self.nearest}'?"
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain values for JSON."""
        return {
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "value": self.value,
            "message": self.message,
            "expected": self.expected,
            "nearest": self.nearest,
        }


class InputError(Exception):
    """The input cannot be used; ``findings`` holds every error and warning, ordered by file and line."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = ordered(findings)
        super().__init__(self.findings)

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings without the warnings."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings without repetitions, by file, line and column."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda finding: (finding.file, finding.line or 0, finding.column or "")))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name of ``known`` that a planner most likely meant by ``name``, or None where none resembles it."""
    names = sorted(known)
    folded: dict[str, str] = {}
    for candidate in names:
        folded.setdefault(_folded(candidate), candidate)
    wanted = _folded(name)
    if wanted in folded:
        return folded[wanted]
    close: Sequence[str] = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    if close:
        return folded[close[0]]
    within = [key for key in folded if len(wanted) >= 3 and (wanted in key or (len(key) >= 3 and key in wanted))]
    return folded[min(within, key=lambda key: (abs(len(key) - len(wanted)), key))] if within else None


def _folded(name: str) -> str:
    return name.strip().casefold().replace("_", "-").replace(" ", "-")


def _quoted(value: str) -> str:
    return f"'{value}'" if len(value) <= 60 else f"'{value[:57]}...'"
