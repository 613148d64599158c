"""Regret: what a design that is bought now costs above the best one, in every scenario that may come.

The designs are those that are best most often. Each is held fixed as it was bought (`dcopt.pipeline.stocked`) and run
in every scenario; where it cannot keep the promises they count as broken, and no cost stands for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dcopt.study.records import Outcome, Scenario

CONTINUOUS = ("sites",)
"""Tables whose units are no whole numbers: kW of a building."""


@dataclass(frozen=True)
class Purchase:
    """What is bought in the best design of ``count`` scenarios, under a short ``name``; ``choice`` says it in words."""

    name: str
    count: int
    parts: Mapping[str, float]
    choice: str


@dataclass(frozen=True)
class Regret:
    """How a purchase fares over all scenarios that have a design at all.

    Attributes
    ----------
    kept, scenarios: in how many of them it keeps the promises.
    mean_usd, p95_usd, worst_usd: TCO above that of the best design, where it keeps them; None where it never does.
    mean_tco_usd: TCO there.
    """

    purchase: Purchase
    kept: int
    scenarios: int
    mean_usd: float | None
    p95_usd: float | None
    worst_usd: float | None
    mean_tco_usd: float | None


def frequent_purchases(outcomes: Sequence[Outcome], most: int) -> tuple[Purchase, ...]:
    """Return the ``most`` purchases that are best most often, the most frequent first.

    Designs that buy the same whole units are one purchase, with the largest building that one of them needs.
    """
    found: dict[tuple[tuple[str, float], ...], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.solved and outcome.parts:
            found.setdefault(_whole_units(outcome), []).append(outcome)
    order = sorted(found.values(), key=lambda alike: -len(alike))[:most]
    return tuple(
        Purchase(f"D{number}", len(alike), _largest(alike), alike[0].choice)
        for number, alike in enumerate(order, start=1)
    )


def _whole_units(outcome: Outcome) -> tuple[tuple[str, float], ...]:
    return tuple(
        sorted((part, round(units, 6)) for part, units in outcome.parts.items() if part.split("/")[1] not in CONTINUOUS)
    )


def _largest(alike: Sequence[Outcome]) -> dict[str, float]:
    parts: dict[str, float] = {}
    for outcome in alike:
        for part, units in outcome.parts.items():
            parts[part] = max(units, parts.get(part, 0.0))
    return parts


def held_fixed(purchases: Sequence[Purchase], scenarios: Sequence[Scenario]) -> tuple[Scenario, ...]:
    """Return a scenario for each purchase in each of ``scenarios``."""
    return tuple(
        Scenario(
            name=f"{purchase.name} in {scenario.name}",
            sets=scenario.sets,
            bought=dict(purchase.parts),
            inputs={"purchase": purchase.name, "scenario": scenario.name},
        )
        for scenario in scenarios
        for purchase in purchases
    )


def regrets(purchases: Sequence[Purchase], best: Sequence[Outcome], fixed: Sequence[Outcome]) -> tuple[Regret, ...]:
    """Return the regret of each purchase, those that keep the promises most often and cost least first.

    Scenarios in which a solve failed or found nothing in its time are left out for the purchase concerned.
    """
    least = {outcome.scenario: outcome.figures["tco_usd"] for outcome in best if outcome.solved}
    results = []
    for purchase in purchases:
        mine = {
            str(outcome.inputs["scenario"]): outcome
            for outcome in fixed
            if outcome.inputs["purchase"] == purchase.name and outcome.status in ("optimal", "feasible", "infeasible")
        }
        known = [name for name in least if name in mine]
        costs = {name: mine[name].figures["tco_usd"] for name in known if mine[name].solved}
        above = [cost - least[name] for name, cost in costs.items()]
        results.append(
            Regret(
                purchase=purchase,
                kept=len(costs),
                scenarios=len(known),
                mean_usd=float(np.mean(above)) if above else None,
                p95_usd=float(np.percentile(above, 95)) if above else None,
                worst_usd=max(above) if above else None,
                mean_tco_usd=float(np.mean(list(costs.values()))) if above else None,
            )
        )
    return tuple(sorted(results, key=lambda r: (-r.kept, r.mean_usd if r.mean_usd is not None else 0.0)))
