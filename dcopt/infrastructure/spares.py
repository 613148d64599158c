"""Spare nodes: the fewest that keep a pool's working nodes up with the wanted probability, exactly.

A node is down ``repair ÷ (mtbf + repair)`` of the time, independently of the others. The probability that more than
k of n + k nodes are down falls with k and grows with n (one node more, spare or working, is one more that may fail;
as a spare it also allows one more failure), so the spares are a step function of n whose steps bisection finds.
"""

from __future__ import annotations

import math
from functools import lru_cache

_TIE = 1.0 + 1e-9
_NEGLIGIBLE = 1e-18


def spares_needed(working: int, mtbf_hours: float, repair_hours: float, target_pct: float) -> int:
    """Return the smallest k with P(Binomial(working + k, q) ≤ k) ≥ target, q = repair ÷ (mtbf + repair).

    Parameters
    ----------
    working: nodes that must work, ≥ 0.
    mtbf_hours, repair_hours: mean times between failures (> 0) and to repair (≥ 0), hours.
    target_pct: probability in percent, 0 ≤ target < 100.

    Raises ValueError for an argument out of range: no number of spares promises 100 %.
    """
    down, missed = _chances(mtbf_hours, repair_hours, target_pct)
    if working < 0:
        raise ValueError(f"a pool cannot have {working} working nodes")
    low, high = -1, 0
    while not _enough(working, high, down, missed):
        low, high = high, 2 * high + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _enough(working, middle, down, missed):
            high = middle
        else:
            low = middle
    return high


@lru_cache(maxsize=1024)
def spare_steps(
    max_working: int, mtbf_hours: float, repair_hours: float, target_pct: float
) -> tuple[tuple[int, int], ...]:
    """Return `spares_needed` as steps (spares, most working nodes), ascending in both.

    A step holds for all working counts above the one before it and up to its own; the last ends at ``max_working``.
    A number of spares with which not even one node may work has no step. ``max_working`` = 0 gives no step.

    Raises ValueError as `spares_needed`.
    """
    down, missed = _chances(mtbf_hours, repair_hours, target_pct)
    if max_working < 0:
        raise ValueError(f"a pool cannot have {max_working} working nodes")
    steps: list[tuple[int, int]] = []
    reached = spares = 0
    while reached < max_working:
        if _enough(reached + 1, spares, down, missed):
            reached = _most_working(reached + 1, max_working, spares, down, missed)
            steps.append((spares, reached))
            spares += 1
        else:
            spares = max(spares + 1, spares_needed(reached + 1, mtbf_hours, repair_hours, target_pct))
    return tuple(steps)


def _chances(mtbf_hours: float, repair_hours: float, target_pct: float) -> tuple[float, float]:
    """Return the share of time that a node is down, and the probability of missing that is allowed."""
    if not (mtbf_hours > 0 and repair_hours >= 0):
        raise ValueError(
            f"mtbf_hours must be positive and repair_hours not negative, not {mtbf_hours:g} and {repair_hours:g}"
        )
    if not 0 <= target_pct < 100:
        raise ValueError(f"a target of {target_pct:g} % cannot be promised: it must be at least 0 and below 100 %")
    return repair_hours / (mtbf_hours + repair_hours), (100.0 - target_pct) / 100.0


def _most_working(feasible: int, limit: int, spares: int, down: float, missed: float) -> int:
    """Return the most working nodes (at most ``limit``) that ``spares`` are enough for; ``feasible`` is one such."""
    step = 1
    while feasible + step <= limit and _enough(feasible + step, spares, down, missed):
        feasible += step
        step *= 2
    low, high = feasible, min(feasible + step, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _enough(middle, spares, down, missed):
            low = middle
        else:
            high = middle
    return low


def _enough(working: int, spares: int, down: float, missed: float) -> bool:
    """Whether more than ``spares`` of all nodes are down with no more than the allowed probability."""
    return tail_probability(working + spares, spares, down) <= missed * _TIE


def joint_targets(availability_pct: float, pools: int) -> dict[int, float]:
    """Return the spare target in % that each of so many pools needs for all of them together to keep an availability.

    q pools that each miss no more than (100 − availability)/q together miss no more than 100 − availability, whatever
    their failures have to do with each other (the union bound; for independent pools the product asks for almost the
    same). The numbers of pools are one, two and all ``pools``: more than two are held to the last.
    """
    return {count: 100.0 - (100.0 - availability_pct) / count for count in sorted({1, min(2, pools), max(1, pools)})}


def tail_probability(trials: int, allowed: int, chance: float) -> float:
    """Return P(Binomial(trials, chance) > allowed).

    Summed from the largest term outwards on the side of the mean where terms fall, so that small tails keep their
    relative precision (about 1e-11 for 10,000 trials) and only a few standard deviations of terms are visited.
    """
    if allowed >= trials or chance <= 0.0:
        return 0.0
    if chance >= 1.0:
        return 1.0
    odds = chance / (1.0 - chance)
    if allowed + 1 > trials * chance:
        first = term = math.exp(_log_term(trials, allowed + 1, chance))
        total = 0.0
        k = allowed + 1
        while k <= trials and term > _NEGLIGIBLE * first:
            total += term
            term *= (trials - k) / (k + 1) * odds
            k += 1
        return min(total, 1.0)
    first = term = math.exp(_log_term(trials, allowed, chance))
    total = 0.0
    k = allowed
    while k >= 0 and term > _NEGLIGIBLE * first:
        total += term
        term *= k / ((trials - k + 1) * odds)
        k -= 1
    return max(1.0 - total, 0.0)


def _log_term(trials: int, k: int, chance: float) -> float:
    choose = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
    return choose + k * math.log(chance) + (trials - k) * math.log1p(-chance)
