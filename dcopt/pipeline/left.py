"""What relaxations leave of the candidates of a large program, and what they say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dcopt.candidates.records import Candidates
from dcopt.pipeline.by_numbers import Numbers
from dcopt.pipeline.stated import Stated


class DoubtedError(Exception):
    """A relaxation excludes a design that is known."""


class NothingLeftError(Exception):
    """No design that costs no more than the known one is left."""


@dataclass(frozen=True)
class Left:
    """What is left of the candidates, what is known of the cost of every design, and where good ones lie."""

    candidates: Candidates
    bound: float | None = None
    kinds: frozenset[tuple[str, str]] = frozenset()
    """(site, node) of the coarse pools that the last relaxation opens."""
    numbers: Numbers | None = None
    """How many nodes of each kind promise most."""
    is_settled: bool = False
    """Whether the candidates are narrowed to the few numbers of nodes that a better design can have."""
    is_whole: bool = True
    """Whether all designs that may be better lie in the candidates; else they are those of one kind of designs."""
    site: str | None = None
    """Where these are all designs at one site, which."""
    is_nothing: bool = False
    """Whether no design that costs less than the known one is left."""
    is_to_be_refined: bool = False
    """Whether relaxations that pay for fabrics are to come, as less is rounded than is left."""
    solution: tuple[Stated, Any] | None = None
    """The program, its sites apart, and the values of its columns in a relaxation, which a design may follow."""
