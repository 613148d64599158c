"""The next best designs that differ in a part that matters: a node, a fabric or a site.

Lawler's (1972) partition, by what a design uses: the cheapest design uses parts {a, b}; the next is the cheaper of the
best without a and the best without b; each of these is split further in the same way. So alternatives come in the order
of their cost, and each is proven to be the cheapest that does without what it leaves out.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dcopt.study.records import Outcome, Scenario

Solve = Callable[[Scenario], Outcome]


@dataclass(frozen=True)
class Alternative:
    """A design that does without some parts of the cheapest one; ``extra_usd`` against the cheapest."""

    without: tuple[str, ...]
    outcome: Outcome
    extra_usd: float


def alternatives(aspect: str, solve: Solve, *, count: int, within: float) -> tuple[Alternative, ...]:
    """Return the cheapest design and up to ``count`` others in the order of their cost.

    Parameters
    ----------
    aspect: node, fabric or site: what designs must differ in. within: most extra cost as a share of the least TCO.

    Raises
    ------
    ValueError: the problem has no design.
    """
    cheapest = solve(Scenario(name="cheapest", inputs={"without": ""}))
    if not cheapest.solved:
        raise ValueError("the problem has no design: 'dcopt explain' says why")
    least = cheapest.figures["tco_usd"]
    found: list[Alternative] = []
    seen: set[tuple[str, ...]] = set()
    for without, outcome in _by_cost(aspect, solve, cheapest, least * (1 + within)):
        used = outcome.used[aspect]
        if used not in seen:
            seen.add(used)
            found.append(Alternative(without, outcome, outcome.figures["tco_usd"] - least))
        if len(found) > count:
            break
    return tuple(found)


def _by_cost(
    aspect: str, solve: Solve, cheapest: Outcome, most_usd: float
) -> Iterator[tuple[tuple[str, ...], Outcome]]:
    """Yield the cheapest design without each set of parts, cheapest first, up to ``most_usd``."""
    queue: list[tuple[float, tuple[str, ...], Outcome]] = [(cheapest.figures["tco_usd"], (), cheapest)]
    asked: set[tuple[str, ...]] = {()}
    while queue:
        _, without, outcome = heapq.heappop(queue)
        yield without, outcome
        for part in outcome.used[aspect]:
            less = tuple(sorted({*without, part}))
            if less in asked:
                continue
            asked.add(less)
            scenario = Scenario(
                name="without " + ", ".join(less),
                without=tuple(f"{aspect}:{name}" for name in less),
                limits={"tco": most_usd},
                inputs={"without": ", ".join(less)},
            )
            answer = solve(scenario)
            if answer.solved:
                heapq.heappush(queue, (answer.figures["tco_usd"], less, answer))
