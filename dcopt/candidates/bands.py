"""What pooled replicas carry each, by how many of them share a balancer (formulation.md, point 4).

A queue in front of several replicas carries more on each than in front of one. The number of replicas is cut into bands
and each band is rated at its smallest number, so that the rate holds in all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

from dcopt.candidates.records import Band

FINE = 1.1
"""Ratio of rates up to which numbers of replicas share a band."""
ROUNDING = 1e-9


def enough_replicas(alone_per_s: float, peak: float) -> int:
    """Return as many replicas as carry ``peak`` where each has arrivals of its own, and so behind one balancer too."""
    return max(1, math.ceil(peak / alone_per_s - ROUNDING))


def least_replicas(rate: Callable[[int], float], peak: float) -> int:
    """Return the fewest replicas n with n·rate(n) ≥ ``peak``, for a rate that never falls with n."""
    high = enough_replicas(rate(1), peak)
    low = max(1, math.ceil(peak / rate(high) - ROUNDING))
    while low < high:
        middle = (low + high) // 2
        if middle * rate(middle) >= peak * (1.0 - ROUNDING):
            high = middle
        else:
            low = middle + 1
    return high


def bands_of(rate: Callable[[int], float], peaks: Iterable[float]) -> tuple[Band, ...]:
    """Return the bands of replicas behind one balancer, ascending from one replica.

    Each number that carries one of ``peaks`` alone begins a band, so that it is rated exactly; between them bands are
    halved until the rates at their ends are within 10 %.

    Parameters
    ----------
    rate: requests/s of each of n pooled replicas, never falling with n. peaks: loads that must be carried.
    """
    marks = {1} | {least_replicas(rate, peak) for peak in peaks}
    begins = sorted(marks)
    for low, high in pairwise(begins):
        marks |= _between(rate, low, high)
    begins = sorted(marks)
    ends = [begin - 1 for begin in begins[1:]] + [begins[-1]]
    merged: list[Band] = []
    for low, high in zip(begins, ends, strict=True):
        if merged and rate(low) <= merged[-1].requests_per_s * (1.0 + ROUNDING):
            merged[-1] = Band(merged[-1].low, high, merged[-1].requests_per_s)
        else:
            merged.append(Band(low, high, rate(low)))
    return tuple(merged)


def _between(rate: Callable[[int], float], low: int, high: int) -> set[int]:
    if high - low <= 1 or rate(high) <= FINE * rate(low):
        return set()
    middle = math.isqrt(low * high)
    middle = min(max(middle, low + 1), high - 1)
    return {middle} | _between(rate, low, middle) | _between(rate, middle, high)
