"""How likely promises are kept together: Monte Carlo over the errors of predictions, group errors in common.

A promise with slack s = ln(promise ÷ predicted time) is kept where its error is at most s. Errors are standard normal u
of group and candidate parts; a chosen design has errors that flatter it, as the best of n equally good alternatives
would (`SELECTED_FROM`): the largest of n normals has the quantile of u at Φ(u)^(1/n). How much a choice flatters is not
known, so the probability without any selection is given too: the truth lies between the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from dcopt.performance.cluster import Cluster
from dcopt.performance.errors import Band
from dcopt.performance.expected import SELECTED_FROM
from dcopt.performance.queueing import largest_true
from dcopt.performance.serving import at_rate
from dcopt.performance.serving_records import Layout, Promise, ServingTask
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software

DRAWS = 20_000
SEED = 20_260
LARGEST_LOG = 3.0
"""Slowdowns beyond e³ are not told apart: no band reaches them."""


@dataclass(frozen=True)
class Stake:
    """A promise at stake: its slack, its band, and what its errors have in common with others.

    Stakes of one ``group`` share the group error, those of one ``candidate`` all of it.
    """

    slack: float
    band: Band
    group: str
    candidate: str


def kept(stakes: Sequence[Stake], selected_from: int = SELECTED_FROM) -> tuple[float, tuple[float, ...]]:
    """Return the probability that all promises are kept, and that of each (1 and nothing without promises).

    ``selected_from``: of how many equally good alternatives each is taken to be the most flattered (1: no selection).
    Reproducible: a fixed seed, `DRAWS` draws (standard error at most 0.4 %).
    """
    if not stakes:
        return 1.0, ()
    source = np.random.default_rng(SEED)
    common = {name: source.standard_normal(DRAWS) for name in dict.fromkeys(stake.group for stake in stakes)}
    own = {name: source.standard_normal(DRAWS) for name in dict.fromkeys(stake.candidate for stake in stakes)}
    every = np.ones(DRAWS, dtype=bool)
    for stake in stakes:
        error = stake.band.group_sigma * common[stake.group] + stake.band.candidate_sigma * own[stake.candidate]
        every &= error <= _limit(stake, selected_from)
    return float(every.mean()), tuple(_alone(stake, selected_from) for stake in stakes)


def _alone(stake: Stake, selected_from: int) -> float:
    """Probability that one promise is kept, allowing for selection."""
    sigma = stake.band.sigma
    if sigma == 0.0:
        return float(stake.slack >= stake.band.bias)
    return _normal((stake.slack - stake.band.bias) / sigma) ** selected_from


def _limit(stake: Stake, selected_from: int) -> float:
    """Return the largest error without selection that is as likely as the slack is with it."""
    share = _alone(stake, selected_from)
    if share <= 0.0 or share >= 1.0:
        return -math.inf if share <= 0.0 else math.inf
    return stake.band.sigma * NormalDist().inv_cdf(share)


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2.0))


@lru_cache(maxsize=4096)
def pace_slack(
    task: ServingTask,
    cluster: Cluster,
    layout: Layout,
    variant: Variant,
    software: Software,
    requests_per_s: float,
    percentile: float,
    promise: Promise,
) -> float:
    """Return ln of the largest slowdown at which a replica still carries its rate within TPOT and latency.

    A replica that is f times as slow does at rate λ what the prediction does at f·λ, with all times × f.
    """

    def holds(log_slowdown: float) -> bool:
        slow = math.exp(log_slowdown)
        point = at_rate(task, cluster, layout, variant, software, requests_per_s * slow, percentile)
        if point is None:
            return False
        return Promise(None, promise.tpot_ms, promise.latency_ms).kept_by(
            0.0, point.tpot_ms * slow, point.latency_ms * slow
        )

    found = largest_true(holds, -LARGEST_LOG, LARGEST_LOG)
    return -LARGEST_LOG if found is None else found


def first_slack(
    task: ServingTask,
    cluster: Cluster,
    layout: Layout,
    variant: Variant,
    software: Software,
    requests_per_s: float,
    percentile: float,
    ttft_ms: float,
) -> float:
    """Return ln(promise ÷ predicted) of the time to the first token at that rate."""
    point = at_rate(task, cluster, layout, variant, software, requests_per_s, percentile)
    return -LARGEST_LOG if point is None or point.ttft_ms <= 0 else math.log(ttft_ms / point.ttft_ms)
