"""From measured ÷ predicted to groups of errors: random effects, shrunk towards the wider group where rows are few.

An atom is one model on one chip under one engine in one arithmetic and mode; its rows share a common error m, and
differ by a candidate error of variance w² around it. Atoms of a group scatter around its mean by τ². A group inherits
from the wider one: w² and τ² with the weight of a few rows (`WITHIN_PRIOR`, `BETWEEN_PRIOR`), its mean by the normal
posterior with prior variance τ² of the wider one. A prediction for an atom that was not measured has the group error
τ² + the variance of the mean (what leaving a group out shows); one for a measured atom only the latter.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from dcopt.performance.errors import Subject
from dcopt.problem.tables.error_rows import ERROR_KEYS, PredictionError

WITHIN_PRIOR = 10.0
"""Rows that the wider group's candidate variance counts as (a choice: small groups show too little of their tail)."""
BETWEEN_PRIOR = 3.0
"""Atoms that the wider group's variance between atoms counts as (a choice)."""
HELD_OUT_INFLATION = 1.16
"""Group errors of what was not fitted, ÷ those of what was: mean TPOT error with each model left out of the fit of the
constants, 17.6 %, ÷ 15.2 % in the fit (1,375 aggregated rows of data/published/serving_public.csv)."""
LEAST_ROWS = 8
"""Rows below which a group is not told apart from the wider one."""

SHORT = {"step_s": "step", "ttft_ms": "ttft", "tpot_ms": "tpot", "latency_ms": "latency", "requests_per_s": "rate"}
"""How the names of groups begin."""


@dataclass(frozen=True)
class Residual:
    """One comparison: its keys, ln(measured ÷ predicted time), and the configuration that its neighbours share.

    Rows of one ``cluster`` (the same lengths and layout at other loads) count as one where a mean is judged.
    """

    subject: Subject
    quantity: str
    log_ratio: float
    cluster: str


@dataclass(frozen=True)
class _Stats:
    mean: float
    mean_variance: float
    between: float
    within: float


def fit_errors(residuals: Iterable[Residual], *, source: str, as_of: str) -> list[PredictionError]:
    """Return the rows of `prediction_errors`, from the widest group of each task and quantity to single atoms.

    Groups refine each other in the order of the keys; one with fewer than `LEAST_ROWS` rows, or with no fewer rows
    than the wider one (unless it is a single model), is left out.
    """
    found: list[PredictionError] = []
    of_quantity: dict[tuple[str, str], list[Residual]] = defaultdict(list)
    for residual in residuals:
        of_quantity[residual.subject.task, residual.quantity].append(residual)
    for (_, quantity), rows in sorted(of_quantity.items()):
        if len(rows) >= LEAST_ROWS:
            found += _refine(quantity, rows, 0, None, 0, source, as_of)
    return found


def _refine(
    quantity: str,
    rows: Sequence[Residual],
    depth: int,
    wider: _Stats | None,
    wider_rows: int,
    source: str,
    as_of: str,
) -> list[PredictionError]:
    """Return the row of one group and those of the groups within it; ``depth`` keys are fixed."""
    single = depth == len(ERROR_KEYS)
    stats = _single(rows, wider) if single and wider is not None else _stats(rows, wider)
    found = [_row(quantity, rows, depth, stats, source, as_of)] if single or len(rows) != wider_rows else []
    if single:
        return found
    parts: dict[str, list[Residual]] = defaultdict(list)
    for row in rows:
        parts[getattr(row.subject, ERROR_KEYS[depth])].append(row)
    for value, part in sorted(parts.items()):
        alone = len(part) == len(rows)
        if len(part) >= LEAST_ROWS and (value or alone):
            inherited = wider if alone and wider is not None and depth + 1 < len(ERROR_KEYS) else stats
            found += _refine(quantity, part, depth + 1, inherited, len(rows), source, as_of)
    return found


def _single(rows: Sequence[Residual], wider: _Stats) -> _Stats:
    """Return the statistics of one atom: what its own rows leave open of its mean, from the wider group's."""
    centre = fmean(row.log_ratio for row in rows)
    squares = sum((row.log_ratio - centre) ** 2 for row in rows)
    within = (squares + WITHIN_PRIOR * wider.within) / (len(rows) - 1 + WITHIN_PRIOR)
    noise = within / len({row.cluster for row in rows})
    prior = wider.between + wider.mean_variance
    weight = prior / (prior + noise) if prior > 0 else 0.0
    return _Stats(wider.mean + weight * (centre - wider.mean), weight * noise, 0.0, within)


def _stats(rows: Sequence[Residual], wider: _Stats | None) -> _Stats:
    atoms: dict[Subject, list[Residual]] = defaultdict(list)
    for row in rows:
        atoms[row.subject].append(row)
    means = {atom: fmean(r.log_ratio for r in of_atom) for atom, of_atom in atoms.items()}
    squares = sum((row.log_ratio - means[row.subject]) ** 2 for row in rows)
    freedom = float(len(rows) - len(atoms))
    if wider is not None:
        squares, freedom = squares + WITHIN_PRIOR * wider.within, freedom + WITHIN_PRIOR
    within = squares / freedom if freedom > 0 else 0.0
    noise = fmean(within / len({row.cluster for row in of_atom}) for of_atom in atoms.values())
    centre = fmean(means.values())
    scatter = sum((mean - centre) ** 2 for mean in means.values())
    freedom = float(len(means) - 1)
    excess = scatter - freedom * noise
    if wider is None:
        between = max(0.0, excess / freedom) if freedom > 0 else within
        return _Stats(centre, (between + noise) / len(means), between, within)
    between = max(0.0, (excess + BETWEEN_PRIOR * wider.between) / (freedom + BETWEEN_PRIOR))
    own = (between + noise) / len(means)
    weight = wider.between / (wider.between + own) if wider.between > 0 else 0.0
    mean = wider.mean + weight * (centre - wider.mean)
    return _Stats(mean, weight * own + (wider.mean_variance if weight == 0 else 0.0), between, within)


def _row(
    quantity: str, rows: Sequence[Residual], depth: int, stats: _Stats, source: str, as_of: str
) -> PredictionError:
    subject = rows[0].subject
    keys = {key: getattr(subject, key) for key in ERROR_KEYS[:depth]}
    single = depth == len(ERROR_KEYS)
    common = stats.mean_variance if single else HELD_OUT_INFLATION**2 * stats.between + stats.mean_variance
    return PredictionError.model_validate(
        {
            "name": "-".join((SHORT[quantity], *(value for value in keys.values() if value))),
            "task": subject.task,
            "quantity": quantity,
            **keys,
            "rows": len(rows),
            "groups": len({row.subject for row in rows}),
            "bias": round(stats.mean, 3),
            "group_sigma": round(math.sqrt(common), 3),
            "candidate_sigma": round(math.sqrt(stats.within), 3),
            "source": source,
            "as_of": as_of,
        }
    )
