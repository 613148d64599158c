"""Leaving out what something else beats or equals in every respect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def undominated(items: Iterable[T], merits: Callable[[T], tuple[float, ...]]) -> list[T]:
    """Return the items of which no earlier one has all ``merits`` no larger (small is good), in order.

    Give them in an order in which whatever beats another comes first, such as that of their merits.
    """
    kept: list[tuple[tuple[float, ...], T]] = []
    for item in items:
        mine = merits(item)
        if not any(all(a <= b for a, b in zip(other, mine, strict=True)) for other, _ in kept):
            kept.append((mine, item))
    return [item for _, item in kept]
