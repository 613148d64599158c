"""The exact front of TCO against capex, energy, carbon or a promise by the ε-constraint method (Haimes 1971).

Each point minimizes the other objective under a limit on TCO, and among those as good takes the cheapest, so no point
of the front dominates another. The next limit lies just below the last point's TCO, which misses none; or on an even
grid, for a front of a few points.

A promise (days of a job, quality, latency) is its own ε. What a design needs in days and quality are numbers of its
candidates, so the next promise lies just below what the last design reached, which misses none. Latency is different:
a replica carries what its latency allows, so the cost falls in steps as the promise is loosened, and the steps are
found by bisection between promises of different cost, to a share of the promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dcopt.problem.problem import Problem
from dcopt.study.records import Outcome, Scenario

FIGURE = {"capex": "capex_usd", "energy": "energy_mwh", "carbon": "carbon_t"}
"""The figure of an outcome that is the other objective's value."""
STEP = 1e-6
"""How far below the last point's TCO the next limit lies, relative."""
SLACK = 1e-9
"""How far above the least TCO its own limit lies, relative, so that rounding does not exclude it."""

CLOSE = 1e-3
"""Share of a promise to which a step in latency is found."""
STEPPED = ("deadline_days", "max_quality_loss_pct")
"""Promises of which a design reaches a value of its candidates, whatever was promised."""
TIMES = ("ttft_ms", "tpot_ms", "latency_ms")
SAME = 1e-6
"""Relative difference below which two costs are one: the gap to which fronts are solved."""

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


def promise_front(cell: str, solve: Solve, low: float, high: float) -> tuple[Point, ...]:
    """Return the cheapest design for every promise of ``cell`` from ``high`` down to ``low``, each step once.

    ``other`` of a point is what its design reaches; for a latency the tightest promise that its cost was found for.

    Raises
    ------
    ValueError: the cell is no promise that can be traded, there is no design at ``high``, or a point was not proven.
    """
    column = cell.rpartition(".")[2]
    if column not in (*STEPPED, *TIMES):
        raise ValueError(f"{cell} is no promise that can be traded: take one of {', '.join((*STEPPED, *TIMES))}")
    start = _promised(cell, solve, high)
    if start is None:
        raise ValueError(f"with {cell}={high:g} there is no design")
    found = list(_steps_down(cell, solve, low, start) if column in STEPPED else _steps_of_time(cell, solve, low, start))
    return tuple(sorted(_each_step_once(found), key=lambda point: point.tco_usd))


def _each_step_once(points: list[Point]) -> Iterator[Point]:
    """Yield the tightest point of each cost; a looser promise that saves nothing is no step."""
    least = float("inf")
    for point in sorted(points, key=lambda point: (point.other, point.tco_usd)):
        if point.tco_usd < least * (1 - SAME):
            yield point
            least = point.tco_usd


def range_of(problem: Problem, cell: str) -> tuple[float, float]:
    """Return from where to where a promise is traded: as far as it can be for days and quality, times ten for times.

    Raises
    ------
    ValueError: the cell is no promise of one row, or a latency that is not promised.
    """
    table, _, rest = cell.partition(".")
    name, _, column = rest.rpartition(".")
    known = {"training": ("deadline_days", "max_quality_loss_pct"), "inference": (*TIMES, "max_quality_loss_pct")}
    if column not in known.get(table, ()) or name not in problem.tables[table]:
        raise ValueError(f"{cell} is no promise that can be traded: training.NAME.deadline_days or inference.NAME.X")
    if column in STEPPED:
        return 0.0, 365.0 if column == "deadline_days" else 100.0
    asked = getattr(problem.tables[table][name], column)
    if asked is None:
        raise ValueError(f"{cell} is not promised: give --between LOW:HIGH")
    return asked / 10, asked * 10


def _promised(cell: str, solve: Solve, value: float) -> Point | None:
    text = f"{cell}={value:.12g}"
    outcome = solve(Scenario(name=text, sets=(text,), inputs={cell: value}))
    if outcome.status == "infeasible":
        return None
    reached = _solved(outcome).achieved.get(cell, value)
    return Point(outcome.figures["tco_usd"], value if cell.endswith(TIMES) else min(value, reached), outcome)


def _steps_down(cell: str, solve: Solve, low: float, start: Point) -> Iterator[Point]:
    point: Point | None = start
    while point is not None:
        yield point
        limit = point.other * (1 - STEP)
        if limit < low or point.other <= 0:
            return
        point = _promised(cell, solve, limit)


def _steps_of_time(cell: str, solve: Solve, low: float, start: Point) -> Iterator[Point]:
    """Yield points between which the cost steps, each pair of neighbours within `CLOSE` of its step."""
    yield start
    tight = low
    end = _promised(cell, solve, tight)
    if end is not None:
        yield end
    queue: list[tuple[float, Point | None, Point]] = [(tight, end, start)]
    while queue:
        below, dear, cheap = queue.pop()
        if cheap.other - below <= CLOSE * cheap.other:
            continue
        if dear is not None and dear.tco_usd <= cheap.tco_usd * (1 + SAME):
            continue
        middle = 0.5 * (below + cheap.other)
        point = _promised(cell, solve, middle)
        if point is not None:
            yield point
            queue.append((below, dear, point))
        queue.append((middle, point, cheap))


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
