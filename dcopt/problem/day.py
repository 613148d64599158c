"""The hours of the day: what share of its peak each service carries in them, and which hours are alike.

All hours here are UTC; the clocks of services (their users') and of sites (tariffs, solar yields) are ahead of it by
their ``utc_offset_hours``.

Hours are merged into at most `MOST_BANDS` bands, each a run of hours that follow each other (the last may go on past
midnight), so that work which is confined to a band starts and stops once a day. What a service must be able to carry in
a band is its largest share there, what it draws follows the mean; the bands are those for which the sum over services
and hours of (largest share of the band − share of the hour) is least, found exactly by dynamic programming.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dcopt.problem.tables.building_rows import HOURS_PER_DAY

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem
    from dcopt.problem.tables.problem_rows import Service

MOST_BANDS = 5
ALL_DAY = tuple(range(HOURS_PER_DAY))

Hours = tuple[int, ...]
"""Hours of the day that follow each other, UTC."""


def shares_of(problem: Problem, service: Service) -> tuple[float, ...] | None:
    """Return the share of its peak that a service carries in each hour, UTC; None where it has no profile."""
    if service.profile is None:
        return None
    shares = problem.profiles[service.profile].shares
    return tuple(shares[(hour + service.utc_offset_hours) % HOURS_PER_DAY] for hour in ALL_DAY)


def site_hour(problem: Problem, site: str, hour: int) -> int:
    """Return the hour of a site's clock in an hour of UTC."""
    return (hour + problem.sites[site].utc_offset_hours) % HOURS_PER_DAY


def is_shaped(problem: Problem, service: Service) -> bool:
    """Whether the load of a service differs between hours."""
    shares = shares_of(problem, service)
    return shares is not None and min(shares) < 1


def releases_nodes(problem: Problem, service: Service) -> bool:
    """Whether a service leaves nodes free in hours of lower load.

    One whose weights lie on shared storage (``reload_s``) keeps them: its replicas would all be read at once.
    """
    return is_shaped(problem, service) and service.reload_s is None


def windows_of_day(problem: Problem) -> tuple[Hours, ...]:
    """Return the hours to which jobs may be confined: bands that follow each other, without a band of full load.

    Where every service is at its peak all its nodes are held, so there a job is no better off than one that runs all
    day. () where no service leaves nodes free.
    """
    bands = bands_of_day(problem)
    shapes = [
        shares_of(problem, service) or () for service in problem.inference.values() if releases_nodes(problem, service)
    ]
    open_to = [any(largest_share(shares, hours) < 1 for shares in shapes) for hours in bands]
    count = len(bands)
    if count == 1 or not any(open_to):
        return ()
    found = []
    for first in range(count):
        for length in range(1, count):
            window = [(first + step) % count for step in range(length)]
            if all(open_to[place] for place in window):
                found.append(tuple(hour for place in window for hour in bands[place]))
    return tuple(found)


def bands_of_day(problem: Problem) -> tuple[Hours, ...]:
    """Return the bands into which the day is cut, in the order of their first hours.

    One band of 24 hours where the hours make no difference: no service has a profile that is not flat, or nothing
    depends on it (no tariff, no solar power, no job that may be confined to some hours, no elastic cloud site).
    """
    shapes = [shares for service in problem.inference.values() if (shares := shares_of(problem, service))]
    shapes = [shares for shares in shapes if min(shares) < 1]
    matters = bool(problem.tariffs or problem.solar) or any(job.preemptible for job in problem.training.values())
    matters = matters or any(site.elastic for site in problem.sites.values())
    return merged_hours(tuple(shapes)) if shapes and matters else (ALL_DAY,)


def mean_share(shares: tuple[float, ...], hours: Hours) -> float:
    """Return the mean of the shares of some hours."""
    return sum(shares[hour] for hour in hours) / len(hours)


def largest_share(shares: tuple[float, ...], hours: Hours) -> float:
    """Return the largest of the shares of some hours."""
    return max(shares[hour] for hour in hours)


@lru_cache(maxsize=64)
def merged_hours(shapes: tuple[tuple[float, ...], ...], most: int = MOST_BANDS) -> tuple[Hours, ...]:
    """Return the best cut of the day into at most ``most`` bands for some shapes of load (see the module)."""
    best: tuple[float, int, tuple[Hours, ...]] | None = None
    for first in ALL_DAY:
        order = tuple((first + step) % HOURS_PER_DAY for step in ALL_DAY)
        for cost, bands in _cuts(shapes, order, most):
            rank = (round(cost, 9), len(bands))
            if best is None or rank < best[:2]:
                best = (*rank, bands)
    assert best is not None
    return tuple(sorted(best[2]))


def _cuts(shapes: tuple[tuple[float, ...], ...], order: Hours, most: int) -> list[tuple[float, tuple[Hours, ...]]]:
    """Return for each number of bands up to ``most`` the least waste of a cut of the hours in that order."""
    waste: dict[tuple[int, int], float] = {}
    for low in ALL_DAY:
        top = [0.0] * len(shapes)
        held = [0.0] * len(shapes)
        for high in range(low + 1, HOURS_PER_DAY + 1):
            for index, shares in enumerate(shapes):
                share = shares[order[high - 1]]
                top[index] = max(top[index], share)
                held[index] += share
            waste[low, high] = sum(t * (high - low) - h for t, h in zip(top, held, strict=True))
    least: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    found = []
    for count in range(1, most + 1):
        layer: dict[int, tuple[float, int]] = {}
        for end in range(count, HOURS_PER_DAY + 1):
            options = [(cost + waste[start, end], start) for start, (cost, _) in least[-1].items() if start < end]
            if options:
                layer[end] = min(options)
        least.append(layer)
        bands, end = [], HOURS_PER_DAY
        for level in range(count, 0, -1):
            start = least[level][end][1]
            bands.append(order[start:end])
            end = start
        found.append((layer[HOURS_PER_DAY][0], tuple(reversed(bands))))
    return found
