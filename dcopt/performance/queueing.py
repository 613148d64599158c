"""Queues: the tail of a wait, quantiles, and searches for the largest load, as pure functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

SATURATED_SHARE = 0.9
"""Share of the saturated rate that is used where nothing is promised (headroom for bursts; a planning choice)."""

STEPS = 48
"""Halvings of a search: the answer is within 2⁻⁴⁸ of the range, far below any model error."""


def normal_quantile(percentile: float) -> float:
    """Return the standard normal quantile of ``percentile`` (in percent, above 0 and below 100)."""
    return NormalDist().inv_cdf(percentile / 100.0)


def poisson_quantile(mean: float, percentile: float, dispersion: float = 1.0) -> float:
    """Return the normal approximation of a Poisson quantile, at least the mean; continuous and monotone in all.

    ``dispersion`` is variance ÷ mean where it is not Poisson's 1.
    """
    return mean + max(0.0, normal_quantile(percentile)) * math.sqrt(mean * dispersion)


def wait_quantile(rate: float, service_s: float, percentile: float, cv2: float = 0.0) -> float:
    """Return the quantile of the wait in seconds of a single server with Poisson arrivals.

    Kimura's exponential tail with the Pollaczek-Khinchine mean: P(W > t) = ρ·exp(−2(1 − ρ)t / ((1 + cv²)·service)).

    Parameters
    ----------
    rate: arrivals/s. service_s: mean service, s. cv2: squared coefficient of variation of the service (0: constant).

    Returns
    -------
    The wait in s, infinite where the server is overloaded (ρ ≥ 1).
    """
    load = rate * service_s
    if load >= 1.0:
        return math.inf
    missed = 1.0 - percentile / 100.0
    if load <= missed:
        return 0.0
    return math.log(load / missed) * service_s * (1.0 + cv2) / (2.0 * (1.0 - load))


def erlang_c(servers: int, offered: float) -> float:
    """Return the probability that an arrival waits in M/M/c with ``offered`` load (Erlangs), computed stably.

    Raises `ValueError` for a non-positive number of servers or a negative load; 1 where overloaded.
    """
    if servers < 1 or offered < 0:
        raise ValueError("at least one server and no negative load")
    if offered == 0:
        return 0.0
    if offered >= servers:
        return 1.0
    log_terms = [k * math.log(offered) - math.lgamma(k + 1) for k in range(servers)]
    log_last = servers * math.log(offered) - math.lgamma(servers + 1) + math.log(servers / (servers - offered))
    top = max(max(log_terms), log_last)
    total = sum(math.exp(term - top) for term in log_terms) + math.exp(log_last - top)
    return math.exp(log_last - top) / total


def largest_true(holds: Callable[[float], bool], low: float, high: float) -> float | None:
    """Return the largest x in [low, high] where the monotone test ``holds`` (true first, then false); None if nowhere.

    Deterministic halving on a grid that depends on ``low`` and ``high`` alone: a test that is true more often never
    gives a smaller answer.
    """
    if not holds(low):
        return None
    if holds(high):
        return high
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
