"""Leaving out what something else beats or equals in every respect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
AT_ONCE = 128
"""Items that are held against all before them at once: what one more beats costs less than the call."""


def undominated(items: Iterable[T], merits: Callable[[T], tuple[float, ...]]) -> list[T]:
    """Return the items of which no earlier one has all ``merits`` no larger (small is good), in order.

    Give them in an order in which whatever beats another comes first, such as that of their merits.
    """
    every = list(items)
    if len(every) < 2:
        return every
    table = np.array([merits(item) for item in every], dtype=float)
    falls = (table[1:] < table[:-1]).any(axis=0)
    keeps = _none_before(table[:, falls])  # a merit that never falls is no larger in every earlier item
    return [item for item, keep in zip(every, keeps, strict=True) if keep]


def _none_before(table: Any) -> Any:
    """Return for each row whether no earlier row is ≤ in every column."""
    rows, columns = table.shape
    keeps = np.zeros(rows, dtype=bool)
    keeps[0] = True
    if columns == 1:
        least = np.minimum.accumulate(table[:, 0])
        keeps[1:] = table[1:, 0] < least[:-1]
    elif columns > 1:
        kept = table[:1]
        for first in range(0, rows, AT_ONCE):
            block = table[first : first + AT_ONCE]
            beaten = np.triu(_no_larger(block, block), k=1).any(axis=0)
            if first:
                beaten |= _no_larger(kept, block).any(axis=0)
            keeps[first : first + AT_ONCE] = ~beaten
            kept = np.concatenate((kept, block[~beaten])) if first else block[~beaten]
    return keeps


def _no_larger(some: Any, others: Any) -> Any:
    """Return for each row of ``some`` and each of ``others`` whether the first is ≤ the second in every column."""
    found = np.ones((len(some), len(others)), dtype=bool)
    for column in range(some.shape[1]):
        found &= some[:, column, None] <= others[None, :, column]
    return found
