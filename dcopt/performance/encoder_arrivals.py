"""Encoders under open arrivals: percentiles at a Poisson rate, and the largest rate that keeps a promise.

Requests that arrive while a batch runs form the next one, so a request waits for the rest of the running batch and then
takes part in its own: with Poisson arrivals at rate λ the batch it joins holds itself and the λ·t(b) that arrive beside
it, b = 1 + λ·t(b).
"""

from __future__ import annotations

from dcopt.performance.cluster import Cluster
from dcopt.performance.encoder import Timing, largest_batch, prediction_of, saturated_rate, timing_of
from dcopt.performance.queueing import SATURATED_SHARE, largest_true, poisson_quantile
from dcopt.performance.serving_records import (
    Promise,
    ReplicaLayout,
    ServingPrediction,
    ServingTask,
    statistic_of,
)
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software


def _rate(timing: Timing, batch: float) -> float:
    """Arrival rate at which an arrival finds itself in a batch of mean size ``batch``."""
    return (batch - 1.0) / timing.cycle(batch)


def _latency(timing: Timing, batch: float, percentile: float) -> float:
    """Quantile of the latency, s: the rest of the running batch, then the own one."""
    large = 1.0 + poisson_quantile(batch - 1.0, percentile)
    busy = min(1.0, batch - 1.0)
    missed = 1.0 - percentile / 100.0
    waits = max(0.0, 1.0 - missed / busy) if busy > 0 else 0.0
    return timing.cycle(large) * waits + timing.service(large)


def _largest_mean(timing: Timing, cap: float, percentile: float) -> float | None:
    """Mean batch whose quantile still fits into batches of ``cap``, at no more than the planned share of saturation."""
    saturated = SATURATED_SHARE * saturated_rate(timing, cap)

    def holds(batch: float) -> bool:
        return 1.0 + poisson_quantile(batch - 1.0, percentile) <= cap and _rate(timing, batch) <= saturated

    return largest_true(holds, 1.0, cap)


def at_rate(
    task: ServingTask,
    cluster: Cluster,
    layout: ReplicaLayout,
    variant: Variant,
    software: Software,
    requests_per_s: float,
    percentile: float,
) -> ServingPrediction | None:
    """Return the percentile of the latency at a Poisson arrival rate; None where the replica cannot carry it."""
    timing = timing_of(task, cluster, layout, variant, software)
    cap = largest_batch(timing, software)
    if cap < 1.0:
        return None
    batch = largest_true(lambda value: _rate(timing, value) <= requests_per_s, 1.0, cap)
    saturated = saturated_rate(timing, cap)
    if batch is None or requests_per_s > saturated or 1.0 + poisson_quantile(batch - 1.0, percentile) > cap * 1.0001:
        return None
    latency = _latency(timing, batch, percentile)
    return prediction_of(
        task, layout, timing, software, batch, requests_per_s, latency, statistic_of(percentile), saturated
    )


def largest_rate(
    task: ServingTask,
    cluster: Cluster,
    layout: ReplicaLayout,
    variant: Variant,
    software: Software,
    percentile: float,
    promise: Promise,
) -> float | None:
    """Return the largest Poisson rate (requests/s) at which ``promise`` is kept; None where one request misses it."""
    timing = timing_of(task, cluster, layout, variant, software)
    cap = largest_batch(timing, software)
    if cap < 1.0:
        return None
    top = _largest_mean(timing, cap, percentile)
    if top is None or top <= 1.0:
        return None

    def holds(batch: float) -> bool:
        latency = _latency(timing, batch, percentile) * 1e3
        return promise.kept_by(latency, 0.0, latency)

    batch = largest_true(holds, 1.0, top)
    if batch is None or batch <= 1.0:
        return None
    return _rate(timing, batch)
