"""The verifier's notebook: what was compared, and every difference with its place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

RELATIVE = 1e-6
"""Largest relative difference that is not a failure."""
ABSOLUTE = 1e-9
"""Differences below this (USD, kW, days, …) are rounding of numbers near zero."""


@dataclass(frozen=True)
class Mismatch:
    """A number or promise of a design that does not hold: where, what the design says, what was found."""

    place: str
    stated: str
    found: str

    def __str__(self) -> str:
        return f"{self.place}: the design says {self.stated}, the inputs give {self.found}"


@dataclass
class Checker:
    """Collects mismatches; ``checks`` counts the comparisons that were made."""

    mismatches: list[Mismatch] = field(default_factory=list)
    checks: int = 0

    def equal(self, place: str, stated: float | None, found: float | None, *, near_zero: float = ABSOLUTE) -> None:
        """Compare two numbers within `RELATIVE`; differences below ``near_zero`` do not count."""
        self.checks += 1
        if stated is None or found is None:
            if stated is not found:
                self.mismatches.append(Mismatch(place, f"{stated}", f"{found}"))
            return
        room = max(RELATIVE * max(abs(stated), abs(found)), near_zero)
        if not (math.isfinite(stated) and abs(stated - found) <= room):
            self.mismatches.append(Mismatch(place, f"{stated!r}", f"{found!r}"))

    def same(self, place: str, stated: object, found: object) -> None:
        """Compare two names or whole numbers."""
        self.checks += 1
        if stated != found:
            self.mismatches.append(Mismatch(place, f"{stated!r}", f"{found!r}"))

    def at_most(self, place: str, value: float, limit: float, what: str) -> None:
        """Check that ``value`` keeps ``limit``; ``what`` names the limit."""
        self.checks += 1
        if not value <= limit + max(RELATIVE * abs(limit), ABSOLUTE):
            self.mismatches.append(Mismatch(place, f"{value!r}", f"a limit of {limit!r} ({what})"))

    def holds(self, place: str, condition: bool, stated: str, found: str) -> None:
        """Check a condition; the words say what the design claims and what is true."""
        self.checks += 1
        if not condition:
            self.mismatches.append(Mismatch(place, stated, found))
