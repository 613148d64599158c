"""Queues: the tail of a wait, quantiles, and searches for the largest load, as pure functions of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

SATURATED_SHARE = 0.9
"""Share of the saturated rate that is used where nothing is promised (headroom for bursts; a planning choice)."""

STEPS = 36
"""Halvings of a search: the answer is within 2⁻³⁶ of the range, far below any model error."""


EVENED = 1.0 / 3.0
"""Variance of the requests of one replica around the mean of all where a balancer evens them out (within one)."""


MOST_POOLED = 64
"""Replicas behind one balancer beyond which the closed forms count no further gain."""


NEVER = 1e30
"""Odds against a wait from which it counts as none."""
FADED = 1e-17
"""Share of a sum of falling terms below which the next of them is left out."""


@lru_cache(maxsize=256)
def normal_quantile(percentile: float) -> float:
    """Return the standard normal quantile of ``percentile`` (in percent, above 0 and below 100)."""
    return NormalDist().inv_cdf(percentile / 100.0)


def poisson_quantile(mean: float, percentile: float, dispersion: float = 1.0) -> float:
    """Return the normal approximation of a Poisson quantile, at least the mean; continuous and monotone in all.

    ``dispersion`` is variance ÷ mean where it is not Poisson's 1.
    """
    return mean + max(0.0, normal_quantile(percentile)) * math.sqrt(mean * dispersion)


def wait_quantile(rate: float, service_s: float, percentile: float, cv2: float = 0.0, servers: int = 1) -> float:
    """Return the quantile of the wait in seconds before ``servers`` equal servers with Poisson arrivals.

    One server, constant service: exact within the first service time, P(W ≤ t) = (1 − ρ)·e^(λt), and beyond it the
    exponential tail P(W > t) = C·e^(−θt) with λ(e^(θS) − 1) = θ and C = (1 − ρ)/(ρ·e^(θS) − 1) (Asmussen, Applied
    Probability and Queues, XIII.5). Several servers: the tail of M/D/c falls c times as fast from Erlang's C. Spread
    services: Kimura's factor 1 + cv².

    Parameters
    ----------
    rate: arrivals/s for each server. service_s: mean service, s. cv2: squared coefficient of variation of the service
        (0: constant). servers: servers of the one queue.

    Returns
    -------
    The wait in s, infinite where the servers are overloaded (ρ ≥ 1); never larger with more servers.
    """
    waiting = waiting_chance(rate * service_s, servers)
    return wait_quantiles(rate, service_s, percentile, servers, waiting)[1] * (1.0 + cv2)


def waiting_chance(load: float, servers: int) -> float:
    """Return the probability that an arrival waits where each of ``servers`` has ``load``; more of them than
    `MOST_POOLED` count as so many."""
    if servers == 1:
        return load
    servers = min(servers, MOST_POOLED)
    return erlang_c(servers, servers * load)


def wait_quantiles(
    rate: float, service_s: float, percentile: float, servers: int, waiting: float
) -> tuple[float, float]:
    """Return `wait_quantile` of one server alone and of ``servers``, s, for constant service.

    ``waiting`` is their `waiting_chance`.
    """
    load = rate * service_s
    if load >= 1.0:
        return math.inf, math.inf
    missed = 1.0 - percentile / 100.0
    if load <= missed:
        return 0.0, 0.0
    alone = math.log((1.0 - missed) / (1.0 - load)) / load
    if servers == 1 and alone <= 1.0:
        return alone * service_s, alone * service_s
    decay = _decay(load)
    share = (1.0 - load) / (load * math.exp(decay) - 1.0)
    if alone > 1.0:
        alone = math.log(share / missed) / decay
    together = alone
    if servers > 1:
        servers = min(servers, MOST_POOLED)
        late = math.log(max(waiting * share / load, 1e-300) / missed)
        together = min(alone, max(0.0, late) / (decay * servers))
    return alone * service_s, together * service_s


def _decay(load: float) -> float:
    """Return x > 0 with load·(e^x − 1) = x, by Newton's method from above (the function is convex there)."""
    x = 2.0 * (1.0 - load) / load
    x = min(x, 2.0 - 2.0 * math.log(load))
    for _ in range(60):
        grown = load * math.exp(x)
        step = (grown - load - x) / (grown - 1.0)
        x -= step
        if abs(step) < 1e-13 * x:
            break
    return x


def wait_moments(rate: float, service_s: float) -> tuple[float, float, float]:
    """Return E W, E W², E W³ of the wait of a single server with Poisson arrivals and constant service.

    Takács' recurrence, E W^k = λ/(1 − ρ)·Σ C(k, i)·E S^(i+1)/(i + 1)·E W^(k−i).

    Raises `ValueError` where the server is overloaded.
    """
    load = rate * service_s
    if load >= 1.0:
        raise ValueError("an overloaded server has no mean wait")
    factor, second, third = rate / (1.0 - load), service_s**2 / 2.0, service_s**3 / 3.0
    one = factor * second
    two = factor * (2.0 * second * one + third)
    three = factor * (3.0 * second * two + 3.0 * third * one + service_s**4 / 4.0)
    return one, two, three


def skewed_quantile(mean: float, variance: float, third: float, percentile: float) -> float:
    """Return the quantile of a gamma-like variable from its mean, variance and third central moment.

    Wilson and Hilferty's approximation of Pearson's type III; the normal one where there is no skewness. Skewness
    counts up to 4, where the approximation ends.
    """
    if variance <= 0.0:
        return mean
    sd = math.sqrt(variance)
    z, skew = normal_quantile(percentile), min(4.0, third / variance / sd)
    if skew < 1e-6:
        return mean + z * sd
    base = max(0.0, 1.0 + skew * z / 6.0 - skew * skew / 36.0)
    return mean + sd * 2.0 / skew * (base**3 - 1.0)


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
    # 1/B = Σ c·(c − 1)···(c − k + 1)/aᵏ over k = 0 … c, the recurrence 1/B(c) = 1 + c/a·1/B(c − 1) written out: all its
    # terms are positive, they rise while c − k > a, and it may end where what is left cannot be seen in the sum
    term = inverse = 1.0
    for left in range(servers, 0, -1):
        term *= left / offered
        inverse += term
        if inverse > NEVER or (left < offered and term < FADED * inverse):
            break
    blocked = 1.0 / inverse
    return blocked / (1.0 - offered / servers * (1.0 - blocked))


def largest_true(holds: Callable[[float], bool], low: float, high: float, steps: int = STEPS) -> float | None:
    """Return the largest x in [low, high] where the monotone test ``holds`` (true first, then false); None if nowhere.

    Deterministic halving on a grid that depends on ``low`` and ``high`` alone: a test that is true more often never
    gives a smaller answer.
    """
    if not holds(low):
        return None
    if holds(high):
        return high
    for _ in range(steps):
        middle = 0.5 * (low + high)
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def largest_within(excess: Callable[[float], float], low: float, high: float, steps: int = STEPS) -> float | None:
    """Return `largest_true` of ``excess(x) ≤ 0`` for a continuous function that only rises, by fewer calls of it.

    Chandrupatla's method (Advances in Engineering Software 28, 1997: inverse quadratic steps where they converge, else
    halving) brackets where it passes 0; of the halvings only those whose middle lies in that bracket are then left.
    ``excess`` may be infinite.
    """
    at_low = excess(low)
    if at_low > 0.0:
        return None
    at_high = excess(high)
    if at_high <= 0.0:
        return high
    within, beyond = _bracket(excess, (low, at_low), (high, at_high), (high - low) * 0.5 ** (steps + 1))
    for _ in range(steps):
        middle = 0.5 * (low + high)
        if within < middle < beyond:
            if excess(middle) <= 0.0:
                within = middle
            else:
                beyond = middle
        if middle <= within:
            low = middle
        else:
            high = middle
    return low


Value = tuple[float, float]
"""A number and what a function is there."""


def _bracket(function: Callable[[float], float], within: Value, beyond: Value, tolerance: float) -> tuple[float, float]:
    """Return numbers at most 2·``tolerance`` apart where ``function`` is ≤ 0 and > 0, between two that are so."""
    (a, at_a), (b, at_b) = within, beyond
    part = 0.5
    while True:
        x = a + part * (b - a)
        at_x = function(x)
        if (at_x <= 0.0) == (at_a <= 0.0):
            c, at_c = a, at_a
        else:
            c, at_c, b, at_b = b, at_b, a, at_a
        a, at_a = x, at_x
        least = tolerance / abs(b - a)
        if least > 0.5 or at_a == 0.0:
            return (a, b) if at_a <= 0.0 else (b, a)
        place, share = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
        part = 0.5
        if share * share < place and (1.0 - share) ** 2 < 1.0 - place:
            part = at_a / (at_b - at_a) * at_c / (at_b - at_c)
            part += (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
        part = min(1.0 - least, max(least, part))


def evened(variance: float, servers: int) -> float:
    """Variance of a count at one of ``servers`` replicas whose balancer keeps them alike; never more than alone."""
    return min(variance, variance / servers + EVENED * (1.0 - 1.0 / servers))
