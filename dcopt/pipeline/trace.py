"""How the solver got there: incumbent and bound over time, thinned for ``design.json``."""

from __future__ import annotations

from collections.abc import Sequence

from dcopt.design.records import ProgressPoint
from dcopt.solve.session import Progress

MOST_POINTS = 60


def points_of(trace: Sequence[Progress], after_s: float = 0.0) -> list[ProgressPoint]:
    """Return the trace of one run of the solver, which began ``after_s`` seconds into the search."""
    return [ProgressPoint(seconds=after_s + p.seconds, incumbent=p.incumbent, bound=p.bound) for p in trace]


def thinned(points: Sequence[ProgressPoint], most: int = MOST_POINTS) -> tuple[ProgressPoint, ...]:
    """Return at most ``most`` (2 or more) points: the first, the last, and those between where most changes.

    Points that repeat incumbent and bound are left out. The incumbent may rise where a calendar cut a design off.
    """
    changed = [p for i, p in enumerate(points) if i in (0, len(points) - 1) or _differs(p, points[i - 1])]
    if len(changed) <= most:
        return tuple(changed)
    steps = sorted(range(1, len(changed) - 1), key=lambda i: -_change(changed[i - 1], changed[i]))
    kept = sorted({0, len(changed) - 1, *steps[: most - 2]})
    return tuple(changed[i] for i in kept)


def _differs(one: ProgressPoint, other: ProgressPoint) -> bool:
    return (one.incumbent, one.bound) != (other.incumbent, other.bound)


def _change(before: ProgressPoint, after: ProgressPoint) -> float:
    """Return how much incumbent and bound moved, relative to where they are; a first incumbent counts as 1."""
    moved = 0.0
    for old, new in ((before.incumbent, after.incumbent), (before.bound, after.bound)):
        if old is None or new is None:
            moved += float(old is not new)
        elif new:
            moved += abs(new - old) / abs(new)
    return moved
