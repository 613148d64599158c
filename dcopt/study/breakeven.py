"""The value of a cell at which the decision flips, by bisection on proven optima."""

from __future__ import annotations

from collections.abc import Callable

from dcopt.report.study_content import BreakEven
from dcopt.study.grid import heading
from dcopt.study.records import Outcome, Scenario

Solve = Callable[[Scenario], Outcome]


class NotProvenError(Exception):
    """A scenario ended without a proof, so what is best there is not known; the text says which and why."""


def break_even(
    cell: str,
    operator: str,
    low: float,
    high: float,
    aspect: str,
    solve: Solve,
    *,
    today: float | None = None,
    tolerance: float = 2e-4,
) -> BreakEven:
    """Return a value of ``cell`` between ``low`` and ``high`` where what is decided about ``aspect`` changes.

    Parameters
    ----------
    aspect: node, fabric, site, compression, software, 'choice' (the first three), 'any' (all five) or 'design'
        (every number of it).
    today: what stands there. Strictly between the ends it is where the search begins: towards each end that decides
        otherwise there is a flip, and the nearer one is the answer (the other its ``other``).
    tolerance: width of the answer, relative to its value.

    Raises
    ------
    NotProvenError: a scenario was not solved to its gap.
    """
    asked: dict[float, str] = {}

    def decided(value: float) -> str:
        if value not in asked:
            asked[value] = _decision(f"{cell}{operator}{value:.12g}", heading(cell, operator), value, aspect, solve)
        return asked[value]

    starts = low if today is None or not low < today < high else today
    found = []
    for end in (low, high):
        if end != starts and decided(end) != decided(starts):
            inside, outside = _bisected(decided, starts, end, tolerance)
            found.append((abs(inside - starts), min(inside, outside), max(inside, outside)))
    if not found:
        return BreakEven(cell, operator, aspect, None, high - low, decided(low), decided(high), len(asked))
    (_, below, above), *others = sorted(found)
    other = 0.5 * (others[0][1] + others[0][2]) if others else None
    words = decided(below), decided(above)
    return BreakEven(cell, operator, aspect, 0.5 * (below + above), above - below, *words, len(asked), other)


def _decision(text: str, column: str, value: float, aspect: str, solve: Solve) -> str:
    outcome = solve(Scenario(name=text, sets=(text,), inputs={column: value}))
    if outcome.status not in ("optimal", "infeasible"):
        raise NotProvenError(f"{text}: {outcome.status} {outcome.reason}".strip())
    return "no design" if outcome.status == "infeasible" else aspect_of(outcome, aspect)


def _bisected(decided: Callable[[float], str], inside: float, outside: float, tolerance: float) -> tuple[float, float]:
    """Return two values close to each other of which the first decides as ``inside`` does and the second does not."""
    here = decided(inside)
    while abs(outside - inside) > tolerance * max(abs(inside), abs(outside)):
        middle = 0.5 * (inside + outside)
        if not min(inside, outside) < middle < max(inside, outside):
            break
        if decided(middle) == here:
            inside = middle
        else:
            outside = middle
    return inside, outside


def aspect_of(outcome: Outcome, aspect: str) -> str:
    """Return what an outcome decides about ``aspect``, in words."""
    if aspect == "design":
        return outcome.design
    if aspect == "any":
        return "; ".join(outcome.choices.values())
    return outcome.choice if aspect == "choice" else outcome.choices[aspect]
