"""The next best designs that differ in a part that matters: a node, a fabric, a cooling unit or a site.

By integer cuts: with A_1, ..., A_k the parts of the designs found so far, the next is the cheapest one that does
without at least one part of each, Σ_{a in A_i} used_a ≤ |A_i| − 1. So alternatives come in the order of their cost,
none merely adds parts to a cheaper one, and none in between is missed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dcopt.study.records import Outcome, Scenario

Solve = Callable[[Scenario], Outcome]

ANY = "any"
TRADES = ("capital_usd", "running_usd", "facility_kw", "racks", "carbon_t_per_year", "headroom_pct")
"""Figures that an alternative trades against the cheapest design."""


@dataclass(frozen=True)
class Alternative:
    """A design of other parts: what it does ``without`` and ``with_`` against the cheapest, and ``extra_usd``.

    ``proven_usd`` is what no design of other parts than those before costs less than, against the cheapest.
    ``trades`` are its figures less those of the cheapest, but ``headroom_pct`` is its own.
    """

    outcome: Outcome
    without: tuple[str, ...]
    with_: tuple[str, ...]
    extra_usd: float
    proven_usd: float
    trades: dict[str, float]


@dataclass(frozen=True)
class Found:
    """The alternatives in the order of their cost, the cheapest design first.

    ``ended`` says why there are no more: enough were found, none is left ``within`` the share, or the time for one did
    not suffice.
    """

    designs: tuple[Alternative, ...]
    ended: str


def alternatives(aspect: str, solve: Solve, *, count: int, within: float) -> Found:
    """Return the cheapest design and up to ``count`` others in the order of their cost.

    Parameters
    ----------
    aspect: node, fabric, cooling, site or any: what designs must differ in. within: most extra cost as a share of the
        least TCO.

    Raises
    ------
    ValueError: the problem has no design.
    """
    cheapest = solve(Scenario(name="cheapest", inputs={"without": ""}))
    if not cheapest.solved:
        raise ValueError("the problem has no design: 'dcopt explain' says why")
    least = cheapest.figures["tco_usd"]
    found = [_compared(cheapest, cheapest, aspect)]
    cuts: list[tuple[str, ...]] = []
    while len(found) <= count:
        cuts.append(_parts(found[-1].outcome, aspect))
        scenario = Scenario(
            name=f"alternative {len(found)}",
            unlike=tuple(cuts),
            limits={"tco": least * (1 + within)},
            inputs={"without": f"all parts of {'each of ' if len(cuts) > 1 else ''}the {len(cuts)} before"},
        )
        answer = solve(scenario)
        if not answer.solved:
            none_left = answer.status == "infeasible"
            return Found(tuple(found), "no other design is within it" if none_left else f"the next: {answer.reason}")
        found.append(_compared(cheapest, answer, aspect))
    return Found(tuple(found), "")


def _parts(outcome: Outcome, aspect: str) -> tuple[str, ...]:
    """Return the parts of a design in an aspect, as ``aspect:name``; the fabric ``none`` is no part."""
    return tuple(part for part in outcome.kinds if aspect == ANY or part.startswith(f"{aspect}:"))


def _compared(cheapest: Outcome, other: Outcome, aspect: str) -> Alternative:
    before, after = _parts(cheapest, aspect), _parts(other, aspect)
    least = cheapest.figures["tco_usd"]
    return Alternative(
        outcome=other,
        without=tuple(part for part in before if part not in after),
        with_=tuple(part for part in after if part not in before),
        extra_usd=other.figures["tco_usd"] - least,
        proven_usd=max(0.0, other.figures.get("objective_bound", least) - least),
        trades={
            name: other.figures[name] - (0.0 if name == "headroom_pct" else cheapest.figures[name])
            for name in TRADES
            if name in other.figures and name in cheapest.figures
        },
    )
