"""The exact front of TCO against capex, energy or carbon by the ε-constraint method (Haimes 1971).

Each point minimizes the other objective under a limit on TCO, and among those as good takes the cheapest, so no point
of the front dominates another. The next limit lies just below the last point's TCO, which misses none; or on an even
grid, for a front of a few points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dcopt.study.records import Outcome, Scenario

FIGURE = {"capex": "capex_usd", "energy": "energy_mwh", "carbon": "carbon_t"}
"""The figure of an outcome that is the other objective's value."""
STEP = 1e-6
"""How far below the last point's TCO the next limit lies, relative."""
SLACK = 1e-9
"""How far above the least TCO its own limit lies, relative, so that rounding does not exclude it."""

Solve = Callable[[Scenario], Outcome]


@dataclass(frozen=True)
class Point:
    """A point of the front with the design's fingerprint and what it chooses."""

    tco_usd: float
    other: float
    outcome: Outcome


def front(other: str, solve: Solve, *, points: int | None) -> tuple[Point, ...]:
    """Return the front, cheapest first: all of it, or about ``points`` points evenly spaced in TCO with both ends.

    Raises
    ------
    ValueError: the problem has no design, or a point was not proven.
    """
    cheapest = _solved(solve(Scenario(name="least tco", inputs={"limit_usd": ""}))).figures["tco_usd"]
    start = _point(other, solve, cheapest * (1 + SLACK))
    end = _point(other, solve, None)
    found = [end, *_between(other, solve, start, end, points), start]
    return tuple(_undominated(sorted(found, key=lambda point: point.tco_usd)))


def _between(other: str, solve: Solve, start: Point, end: Point, points: int | None) -> Iterator[Point]:
    width = 0.0 if points is None else (end.tco_usd - start.tco_usd) / max(1, points - 1)
    last = end
    while True:
        limit = min(last.tco_usd * (1 - STEP), last.tco_usd - width)
        if limit <= start.tco_usd * (1 + SLACK) or last.other >= start.other:
            return
        last = _point(other, solve, limit)
        yield last


def _point(other: str, solve: Solve, limit_usd: float | None) -> Point:
    name = f"least {other}" if limit_usd is None else f"least {other} within {limit_usd:,.0f} USD"
    limits = {} if limit_usd is None else {"tco": limit_usd}
    inputs: dict[str, float | str] = {"limit_usd": "" if limit_usd is None else limit_usd}
    scenario = Scenario(name=name, sets=(f"settings.objective={other}",), limits=limits, inputs=inputs)
    outcome = _solved(solve(scenario))
    return Point(outcome.figures["tco_usd"], outcome.figures[FIGURE[other]], outcome)


def _solved(outcome: Outcome) -> Outcome:
    if outcome.status != "optimal":
        raise ValueError(f"{outcome.scenario}: {outcome.status}: {outcome.reason or 'not proven within its limits'}")
    return outcome


def _undominated(points: list[Point]) -> Iterator[Point]:
    """Yield the points that no cheaper one matches, of points in the order of their cost."""
    least = float("inf")
    for point in points:
        if point.other < least * (1 - SLACK) - 1e-12:
            yield point
            least = point.other
