"""Screening by elementary effects (Morris 1991; mu* after Campolongo, Cariboni and Saltelli 2007).

Each trajectory changes one input after the other by the same step of its range, so that a few solves an input tell
inputs that matter from inputs that do not, also where effects depend on other inputs (a large sigma).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np

from dcopt.problem.tables.study_rows import UncertainCell
from dcopt.study.distributions import extremes, quantiles
from dcopt.study.records import NOTHING_UNCERTAIN, Outcome, Scenario

LEVELS = 4
MOST_INPUTS = 30
"""More inputs than this are a sign that their ranges were not thought about; each costs a solve a trajectory."""


class ScreeningError(Exception):
    """The inputs cannot be screened; the text says why and the cure."""


@dataclass(frozen=True)
class Effect:
    """What one input does when it moves through its range.

    Attributes
    ----------
    mu_star_usd, sigma_usd: mean size and standard deviation of the change of TCO for its whole range; None where too
        few steps have a design at both ends (mu* needs one, sigma two).
    steps: how many were tried; changes: in how many another design is best; broken: how many have no design at an end.
    """

    cell: str
    mu_star_usd: float | None
    sigma_usd: float | None
    steps: int
    changes: int
    broken: int


def morris_scenarios(cells: Sequence[UncertainCell], trajectories: int, seed: int) -> tuple[Scenario, ...]:
    """Return the scenarios of ``trajectories`` trajectories through the ranges of ``cells``.

    Raises
    ------
    ScreeningError: there are no cells, or more than `MOST_INPUTS`.
    RuntimeError: SALib is not installed.
    """
    if not cells:
        raise ScreeningError(NOTHING_UNCERTAIN)
    if len(cells) > MOST_INPUTS:
        raise ScreeningError(f"{len(cells)} inputs are uncertain; screening takes up to {MOST_INPUTS}: leave some out")
    points = _trajectories(len(cells), trajectories, seed)
    scenarios = []
    for number, path in enumerate(points):
        for step, point in enumerate(path):
            values = [_value(cell, share) for cell, share in zip(cells, point, strict=True)]
            moved = "" if step == 0 else cells[int(np.flatnonzero(point != path[step - 1])[0])].path
            inputs: dict[str, float | str] = {"trajectory": number + 1, "step": step, "moved": moved}
            if moved:
                inputs["moved_by"] = float((point - path[step - 1]).sum())
            scenarios.append(
                Scenario(
                    name=f"trajectory {number + 1} step {step}",
                    sets=tuple(cell.as_set(value) for cell, value in zip(cells, values, strict=True)),
                    inputs=inputs | {cell.path: value for cell, value in zip(cells, values, strict=True)},
                )
            )
    return tuple(scenarios)


def _trajectories(inputs: int, count: int, seed: int) -> Any:
    """Return points in the unit cube, shape (count, inputs + 1, inputs)."""
    try:
        from SALib.sample import morris
    except ImportError:
        raise RuntimeError("--screen needs the package 'SALib': pip install 'dcopt[screen]'") from None
    problem = {"num_vars": inputs, "names": [f"x{i}" for i in range(inputs)], "bounds": [[0.0, 1.0]] * inputs}
    return morris.sample(problem, count, num_levels=LEVELS, seed=seed).reshape(count, inputs + 1, inputs)


def _value(cell: UncertainCell, share: float) -> float:
    """Return the value at ``share`` of the way from a cell's low to its high (discrete: of its cumulative weight)."""
    if cell.distribution == "discrete":
        return float(quantiles(cell, np.array([min(max(share, 1e-12), 1 - 1e-12)]))[0])
    low, high = extremes(cell)
    return float(f"{low + share * (high - low):.12g}")


def effects(outcomes: Sequence[Outcome]) -> tuple[Effect, ...]:
    """Return the effect of each input, the largest first; those that leave no design at some end come before all."""
    by_place = {(o.inputs["trajectory"], o.inputs["step"]): o for o in outcomes}
    steps: dict[str, list[tuple[Outcome, Outcome]]] = {}
    for (trajectory, step), outcome in by_place.items():
        before = by_place.get((trajectory, float(step) - 1))
        if outcome.inputs["moved"] and before is not None and _known(before) and _known(outcome):
            steps.setdefault(str(outcome.inputs["moved"]), []).append((before, outcome))
    found = [_effect(cell, pairs) for cell, pairs in steps.items()]
    return tuple(sorted(found, key=lambda e: (e.mu_star_usd is not None, -(e.mu_star_usd or 0.0), e.cell)))


def _known(outcome: Outcome) -> bool:
    return outcome.status in ("optimal", "feasible", "infeasible")


def _effect(cell: str, pairs: list[tuple[Outcome, Outcome]]) -> Effect:
    both = [(a, b) for a, b in pairs if a.solved and b.solved]
    moves = [(b.figures["tco_usd"] - a.figures["tco_usd"]) / float(b.inputs["moved_by"]) for a, b in both]
    return Effect(
        cell=cell,
        mu_star_usd=fmean(abs(move) for move in moves) if moves else None,
        sigma_usd=stdev(moves) if len(moves) > 1 else None,
        steps=len(pairs),
        changes=sum(a.design != b.design for a, b in both) + sum(a.solved != b.solved for a, b in pairs),
        broken=len(pairs) - len(both),
    )
