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
    cell: str, operator: str, low: float, high: float, aspect: str, solve: Solve, *, tolerance: float = 2e-4
) -> BreakEven:
    """Return a value of ``cell`` between ``low`` and ``high`` where what is decided about ``aspect`` changes.

    Parameters
    ----------
    aspect: node, fabric, site, compression, software, 'choice' (the first three), 'any' (all five) or 'design'
        (every number of it).
    tolerance: width of the answer, relative to its value.

    Raises
    ------
    NotProvenError: a scenario was not solved to its gap.
    """
    solves = 0

    def decided(value: float) -> str:
        nonlocal solves
        solves += 1
        text = f"{cell}{operator}{value:.12g}"
        outcome = solve(Scenario(name=text, sets=(text,), inputs={heading(cell, operator): value}))
        if outcome.status not in ("optimal", "infeasible"):
            raise NotProvenError(f"{text}: {outcome.status} {outcome.reason}".strip())
        if outcome.status == "infeasible":
            return "no design"
        return aspect_of(outcome, aspect)

    below, above = decided(low), decided(high)
    if below == above:
        return BreakEven(cell, operator, aspect, None, high - low, below, above, solves)
    while high - low > tolerance * max(abs(low), abs(high)):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        here = decided(middle)
        if here == below:
            low = middle
        else:
            high, above = middle, here
    return BreakEven(cell, operator, aspect, 0.5 * (low + high), high - low, below, above, solves)


def aspect_of(outcome: Outcome, aspect: str) -> str:
    """Return what an outcome decides about ``aspect``, in words."""
    if aspect == "design":
        return outcome.design
    if aspect == "any":
        return "; ".join(outcome.choices.values())
    return outcome.choice if aspect == "choice" else outcome.choices[aspect]
