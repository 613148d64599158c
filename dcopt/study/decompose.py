"""One purchase for hundreds of scenarios, each solved alone: a bound by the Lagrangian, a purchase by what they buy.

Every scenario s may buy its own X_s; multipliers w_s with Σ_s p_s·w_s = 0 make it dear to differ from the rest:

    bound = Σ_s p_s · min (TCO_s(X_s) + w_s·X_s)          whatever w_s is (Carøe and Schultz 1999)
    w_s  += ρ·(X_s − Σ_t p_t·X_t)                          as in progressive hedging (Rockafellar and Wets 1991)

with ρ in proportion to the cost of a unit over what scenarios differ by (Watson and Woodruff 2011). The quadratic term
of progressive hedging is left out: it would make each scenario a quadratic integer program, and the bound needs solves
without it (Gade et al. 2016). The largest units that any scenario buys, row by row, serve them all, and often so do
those of the dearest scenario; the best one found is kept.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dcopt.economics.finance import Finance
from dcopt.economics.prices import Part, purchase_of
from dcopt.pipeline.extensive import Case, Tilted, tilted
from dcopt.pipeline.run import RunOptions
from dcopt.problem.load import load
from dcopt.study.evaluate import warmth_of
from dcopt.study.records import Scenario, SolveChoices
from dcopt.study.robust import for_tco

Value = Callable[[Mapping[Part, float]], float]
"""Expected TCO of a purchase over all scenarios, USD; infinite where it does not serve one."""
Job = tuple[Scenario, dict[Part, float]]

LONGEST = 2.0
"""The longest step, in units of the cost of what scenarios differ by."""


@dataclass(frozen=True)
class Decomposed:
    """The best purchase found and its expected TCO, the proven bound, and (bound, best) after each round.

    ``reason`` says why there is none.
    """

    parts: dict[Part, float]
    expected_usd: float | None
    bound_usd: float | None
    rounds: tuple[tuple[float, float], ...]
    reason: str = ""


def decomposed(
    path: Path,
    sets: Sequence[str],
    scenarios: Sequence[Scenario],
    choices: SolveChoices,
    value: Value,
    *,
    rounds: int = 10,
    gap: float = 1e-3,
    jobs: int = 1,
    on_round: Callable[[int, float, float], None] = lambda number, bound, best: None,
) -> Decomposed:
    """Return a purchase for equally likely scenarios with a proven bound, after at most ``rounds`` rounds.

    ``gap`` is the relative distance of purchase and bound at which it ends; ``jobs`` are processes.
    """
    share = 1.0 / len(scenarios)
    extra: list[dict[Part, float]] = [{} for _ in scenarios]
    most: dict[Part, float] = {}
    costs: dict[Part, float] = {}
    best_parts: dict[Part, float] = {}
    bound, best = float("-inf"), float("inf")
    history: list[tuple[float, float]] = []
    tried: set[tuple[tuple[Part, float], ...]] = set()
    for number in range(1, rounds + 1):
        found = _each(path, sets, choices, list(zip(scenarios, extra, strict=True)), most, jobs)
        for scenario, one in zip(scenarios, found, strict=True):
            if one.bound_usd is None:
                return Decomposed({}, None, None, tuple(history), f"{scenario.name}: {one.reason}")
            most = {part: max(units, most.get(part, 0.0)) for part, units in {**most, **one.most}.items()}
        costs = costs or _unit_costs(path, sets, most)
        lagrangian = share * sum(one.bound_usd or 0.0 for one in found)
        bound = max(bound, lagrangian)
        for parts in _purchases(found, costs):
            known = tuple(sorted((part, round(units, 6)) for part, units in parts.items()))
            if known in tried:
                continue
            tried.add(known)
            expected = value(parts)
            if expected < best:
                best, best_parts = expected, parts
        history.append((bound, best))
        on_round(number, bound, best)
        if best - bound <= gap * abs(best):
            break
        extra = _moved(extra, found, costs, share, best - lagrangian)
    return Decomposed(best_parts, best if best_parts else None, bound, tuple(history))


def _purchases(found: Sequence[Tilted], costs: Mapping[Part, float]) -> list[dict[Part, float]]:
    """Return purchases worth trying: the dearest of any scenario, and the most that any scenario buys of each row."""
    spent = [sum(costs.get(part, 0.0) * units for part, units in one.parts.items()) for one in found]
    dearest = found[max(range(len(found)), key=lambda index: spent[index])]
    building = {part: max(one.parts.get(part, 0.0) for one in found) for part in dearest.parts if part[1] == "sites"}
    largest = {part: max(one.parts.get(part, 0.0) for one in found) for one in found for part in one.parts}
    return [dearest.parts | building, largest]


def _moved(
    extra: list[dict[Part, float]],
    found: Sequence[Tilted],
    costs: Mapping[Part, float],
    share: float,
    missing_usd: float,
) -> list[dict[Part, float]]:
    """Return the multipliers moved towards agreement, by Polyak's (1969) step for a bound that lacks ``missing_usd``.

    Their mean stays 0.
    """
    bought = {part: [one.parts.get(part, 0.0) for one in found] for part in costs}
    mean = {part: share * sum(units) for part, units in bought.items()}
    scale = {part: costs[part] / (max(units) - min(units) + 1.0) for part, units in bought.items()}
    slope = share * sum(scale[p] * (one - mean[p]) ** 2 for p, units in bought.items() for one in units)
    step = min(missing_usd / slope, LONGEST) if slope > 0 else 0.0
    return [
        {part: before.get(part, 0.0) + step * scale[part] * (one.parts.get(part, 0.0) - mean[part]) for part in costs}
        for before, one in zip(extra, found, strict=True)
    ]


def _unit_costs(path: Path, sets: Sequence[str], most: Mapping[Part, float]) -> dict[Part, float]:
    """Return the discounted cost of one unit of each row, at the prices of the problem as it stands."""
    problem = load(path, sets)
    finance = Finance.of(problem.settings)
    lines = {part: purchase_of(problem, part, 1.0) for part in most}
    return {part: line.unit_price_usd * finance.capital_factor(line.lifetime_years) for part, line in lines.items()}


def _each(
    path: Path,
    sets: Sequence[str],
    choices: SolveChoices,
    asked: Sequence[Job],
    most: Mapping[Part, float],
    jobs: int,
) -> list[Tilted]:
    solve = partial(_one, path, tuple(sets), choices, dict(most))
    if jobs == 1:
        return [solve(one) for one in asked]
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as executor:
        return list(executor.map(solve, asked))


def _one(path: Path, sets: tuple[str, ...], choices: SolveChoices, most: dict[Part, float], asked: Job) -> Tilted:
    scenario, extra = asked
    problem = for_tco(load(path, (*sets, *scenario.sets)))
    options = RunOptions(choices.time_limit_s, choices.gap, choices.threads, choices.seed).solve_options(problem)
    return tilted(Case(scenario.name, problem, 1.0), extra, most, options, warmth_of(choices).memory)
