"""Step functions in few pieces: steps in a row whose counts grow by the same amounts from each to the next.

Between two changes of its spines a leaf-spine grows by a leaf, its ports and its uplinks at a time. Such a run is one
choice and a whole number, in place of a choice for every step; as its points lie on a line, nothing is lost in the
relaxation either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcopt.infrastructure.topology import FabricStep


@dataclass(frozen=True)
class Segment:
    """Steps ``first`` to ``first + more``: step ``first + k`` has ``base + k · each`` nodes, switches, trunk links."""

    first: int
    more: int
    base: tuple[int, int, int]
    each: tuple[int, int, int]


def segments_of(steps: Sequence[FabricStep]) -> tuple[Segment, ...]:
    """Return the longest runs of ``steps``, in their order, that grow evenly; together they are all steps."""
    counts = [(step.max_nodes, step.switches, step.trunk_links) for step in steps]
    found: list[Segment] = []
    for index, count in enumerate(counts):
        last = found[-1] if found else None
        growth = _difference(count, counts[index - 1]) if last else (0, 0, 0)
        if last is not None and (last.more == 0 or last.each == growth):
            found[-1] = Segment(last.first, last.more + 1, last.base, growth)
        else:
            found.append(Segment(index, 0, count, (0, 0, 0)))
    return tuple(found)


def _difference(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]
