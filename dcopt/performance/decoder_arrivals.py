"""Decoders under open arrivals: percentiles at a Poisson rate, and the largest rate that keeps a promise.

With b requests in flight, of which an arrival finds b − 1,

    λ(b) = (b − 1)/(outputs·TPOT(b))                    Little's law for Poisson arrivals

Both λ and the times grow with b, so every promise is a limit on b.
"""

from __future__ import annotations

import math

from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder import prediction_of, saturated_rate
from dcopt.performance.decoder_engine import DECODER, Engine, engine
from dcopt.performance.queueing import SATURATED_SHARE, largest_true, normal_quantile, poisson_quantile, wait_quantile
from dcopt.performance.serving_records import (
    Promise,
    ReplicaLayout,
    ServingPrediction,
    ServingTask,
    statistic_of,
)
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software


def _times(made: Engine, batch: float, percentile: float) -> tuple[float, float, float]:
    """Quantiles of TTFT, TPOT and latency in seconds where an arrival finds ``batch`` − 1 others on average."""
    large = _crowd(made, batch, percentile)
    wait = wait_quantile(made.rate(batch), made.prefill_service, percentile)
    ttft = made.overhead_s + made.prefill + made.step(large) + wait
    tpot = made.tpot(batch) + _excess(made, batch, large, percentile)
    return ttft, tpot, ttft + max(0, made.outputs - 1) * tpot


def _excess(made: Engine, batch: float, large: float, percentile: float) -> float:
    """Seconds a token by which the quantile of a request's mean TPOT exceeds the mean.

    Two causes, added because they come together: more requests decode beside it (``large``), and more prompts are
    read while it decodes. The second is a delay busy period: a window D of decoding, stalls of σ at rate λ within it
    and within its stalls, has the variance λσ²D/(1 − λσ)³.
    """
    rate = made.rate(batch)
    stall = DECODER.stall * made.prefill_service
    free = 1.0 - rate * stall
    crowd = (made.step(large) - made.step(batch)) / free
    window = made.outputs * made.step(batch)
    spread = stall * math.sqrt(rate * window / free**3) / made.outputs
    return crowd + max(0.0, normal_quantile(percentile)) * spread


def _crowd(made: Engine, batch: float, percentile: float) -> float:
    """Quantile of the requests in flight that an arrival joins, itself included.

    Requests that slow each other down stay longer, so their number varies more than Poisson's: with departures at rate
    μ(n) = n/(outputs·TPOT(n)) the variance is λ/μ'(n), which is TPOT(n)/TPOT(1) times the mean.
    """
    return 1.0 + poisson_quantile(batch - 1.0, percentile, made.tpot(batch) / made.tpot(1.0))


def _largest_mean(made: Engine, capacity: float, percentile: float, share: float) -> float | None:
    """Largest mean batch whose quantile fits the KV cache at no more than ``share`` of the saturated rate."""
    limit = share * saturated_rate(made, capacity)

    def holds(batch: float) -> bool:
        return _crowd(made, batch, percentile) <= capacity and made.rate(batch) <= limit

    return largest_true(holds, 1.0, capacity)


def at_rate(
    task: ServingTask,
    cluster: Cluster,
    layout: ReplicaLayout,
    variant: Variant,
    software: Software,
    requests_per_s: float,
    percentile: float,
) -> ServingPrediction | None:
    """Return the percentiles at a Poisson arrival rate; None where the replica cannot carry it."""
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    if capacity < 1.0:
        return None
    saturated = saturated_rate(made, capacity)
    batch = largest_true(lambda value: made.rate(value) <= requests_per_s, 1.0, capacity)
    if batch is None or requests_per_s >= saturated:
        return None
    if _crowd(made, batch, percentile) > capacity * 1.0001:
        return None
    times = _times(made, batch, percentile)
    if not math.isfinite(times[0]):
        return None
    return prediction_of(
        task,
        layout,
        made,
        software,
        batch,
        times,
        statistic_of(percentile),
        requests_per_s,
        requests_per_s / saturated,
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
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    if capacity < 1.0:
        return None
    top = _largest_mean(made, capacity, percentile, SATURATED_SHARE)
    if top is None or top <= 1.0:
        return None

    def holds(batch: float) -> bool:
        ttft, tpot, latency = _times(made, batch, percentile)
        return promise.kept_by(ttft * 1e3, tpot * 1e3, latency * 1e3)

    batch = largest_true(holds, 1.0, top)
    if batch is None or batch <= 1.0:
        return None
    return made.rate(batch)
