"""Decoders under open arrivals: percentiles at a Poisson rate, and the largest rate that keeps a promise.

With b requests in flight, of which an arrival finds b − 1,

    λ(b) = (b − 1)/(outputs·TPOT(b))                    Little's law for Poisson arrivals

Both λ and the times grow with b, so every promise is a limit on b.
"""

from __future__ import annotations

import math

from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder import prediction_of, saturated_rate
from dcopt.performance.decoder_build import engine
from dcopt.performance.decoder_engine import DECODER, Engine
from dcopt.performance.queueing import (
    MOST_POOLED,
    SATURATED_SHARE,
    erlang_c,
    evened,
    largest_true,
    poisson_quantile,
    skewed_quantile,
    wait_moments,
    wait_quantile,
)
from dcopt.performance.serving_records import (
    Promise,
    ReplicaLayout,
    ServingPrediction,
    ServingTask,
    statistic_of,
)
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software

BLOCKED = 20.0
"""A full KV cache may hold up one in so many of the requests that may miss a promise: those wait for an answer to end.

Set on simulations of small caches (seven services with room for 26 to 155 requests, p95 and p99): the time to the first
token at the largest rate is 0 to 25 % too short there (one at p99: 41 %), with 4 in its place 10 to 50 %."""

STALL = DECODER.stall
"""Share of a prefill that stalls others' decoding."""

SLOWEST = 1.0 / max(1e-9, 1.0 - STALL)
"""Times that a decode step takes at most of its own where prompts are read without a pause."""


def _times(made: Engine, batch: float, percentile: float, servers: int) -> tuple[float, float, float]:
    """Quantiles of TTFT, TPOT and latency in seconds where an arrival finds ``batch`` − 1 others on average."""
    rate = made.rate(batch)
    alone = wait_quantile(rate, made.prefill_service, percentile)
    if not math.isfinite(alone):
        return math.inf, math.inf, math.inf
    together = wait_quantile(rate, made.prefill_service, percentile, servers=servers)
    wait = together + _apart(made, batch) * (alone - together)
    large = _crowd(made, batch, percentile, servers)
    ttft = made.first(large) + wait
    further = max(1, made.outputs - 1)
    stalled = STALL * made.prefill_service * _prompts(made, batch, percentile, servers) / further
    slower = (made.step(large) - made.step(batch)) / (1.0 - rate * STALL * made.prefill_service)
    tpot = min(made.step(batch) + slower + stalled, made.step(large) * SLOWEST)
    return ttft, tpot, ttft + max(0, made.outputs - 1) * tpot


def _apart(made: Engine, batch: float) -> float:
    """How far prompts at pooled replicas wait as if each replica had arrivals of its own (0: one queue, 1: apart).

    A balancer that counts requests in flight evens out decoding and sees little of the prompts that wait, unless few
    are in flight. Envelope of simulations of six models and lengths from 128 to 8000 tokens at 4 and 16 replicas: one
    queue below a prefill load of 0.2, apart from 0.4 to 0.6, nearer again where the prefill is the bottleneck.
    """
    load = made.rate(batch) * made.prefill_service
    return max(0.0, min(1.0, (load - 0.2) / 0.18, 3.0 * (1.0 - load), _coming(made, batch) / 3.5))


def _coming(made: Engine, batch: float) -> float:
    """Mean arrivals at a replica while one of its requests decodes, unstalled."""
    return made.rate(batch) * max(0, made.outputs - 1) * made.step(batch)


def _prompts(made: Engine, batch: float, percentile: float, servers: int) -> float:
    """Quantile of the prompts that are read while a request decodes, each of which stalls it by σ seconds.

    J prompts stand behind it when it begins: those that came during its own wait and prefill T, so that their
    factorial moments are λᵏ·E Tᵏ. While it decodes D seconds, and is stalled, others come: in all J + a generalized
    Poisson number of mean (λD + λσJ)/(1 − λσ) (the customers of a delay busy period; Consul, Generalized Poisson
    Distributions, 1989). A balancer evens out the arrivals of its replicas over a decode, and an arrival finds half a
    request less than the mean at the replica that holds the fewest. Half a prompt is added for the continuous quantile
    of a count.
    """
    rate, service = made.rate(batch), made.prefill_service
    stall = rate * STALL * service
    grow = 1.0 / (1.0 - stall)
    pooled = _pooled(made, batch, servers)
    w1, w2, w3 = (pooled * moment for moment in wait_moments(rate, service))
    t2 = w2 - w1 * w1
    t3 = w3 - 3.0 * w1 * w2 + 2.0 * w1**3
    behind = rate * (w1 + pooled * service)
    behind2 = behind + rate * rate * t2
    behind3 = behind + 3.0 * rate * rate * t2 + rate**3 * t3
    come = _coming(made, batch)
    even = evened(come, servers) / come if come > 0.0 else 1.0
    come -= min(come, 0.5) * (1.0 - 1.0 / servers)
    each = come * even + stall * behind
    mean = grow * (behind + come)
    variance = grow**3 * each + grow * grow * behind2
    third = grow**5 * (1.0 + 2.0 * stall) * each + 3.0 * grow**4 * stall * behind2 + grow**3 * behind3
    return skewed_quantile(mean, variance, third, percentile) + 0.5


def _pooled(made: Engine, batch: float, servers: int) -> float:
    """Share that is left of the waits of a single server where ``servers`` share the arrivals."""
    load = made.rate(batch) * made.prefill_service
    if servers == 1 or load <= 0.0:
        return 1.0
    servers = min(servers, MOST_POOLED)
    together = erlang_c(servers, servers * load) / (servers * load)
    return together + _apart(made, batch) * (1.0 - together)


def _backlog(made: Engine, batch: float) -> float:
    """Mean requests in flight for the stalls by prompts that stood behind them when they began (`_prompts`)."""
    rate, service = made.rate(batch), made.prefill_service
    if rate * service >= 1.0:
        return math.inf
    behind = rate * (wait_moments(rate, service)[0] + service)
    stall = STALL * service
    most = max(0.0, _coming(made, batch) * SLOWEST - (batch - 1.0))
    return min(most, rate * stall * behind / (1.0 - rate * stall))


def _crowd(made: Engine, batch: float, percentile: float, servers: int) -> float:
    """Quantile of the requests in flight that an arrival joins, itself included.

    Requests that slow each other down stay longer, so their number varies more than Poisson's: with departures at rate
    μ(n) = n/(outputs·TPOT(n)) the variance is λ/μ'(n), which is TPOT(n)/TPOT(1) times the mean.
    """
    if batch <= 1.0:
        return 1.0
    mean = batch - 1.0 + _backlog(made, batch)
    variance = mean * made.tpot(batch) / made.tpot(1.0)
    return 1.0 + poisson_quantile(mean, percentile, evened(variance, servers) / mean)


def _has_room(made: Engine, batch: float, percentile: float, servers: int, capacity: float) -> bool:
    """Whether the KV cache holds up at most a part of the requests that may miss a promise (`BLOCKED`)."""
    rare = 100.0 - (100.0 - percentile) / BLOCKED
    reading = made.rate(batch) * made.prefill
    return _crowd(made, batch, rare, servers) + reading <= capacity * 1.0001


def _largest_mean(made: Engine, capacity: float, percentile: float, share: float, servers: int) -> float | None:
    """Largest mean batch whose quantile fits the KV cache at no more than ``share`` of the saturated rate."""
    limit = share * saturated_rate(made, capacity)

    def holds(batch: float) -> bool:
        return _has_room(made, batch, percentile, servers, capacity) and made.rate(batch) <= limit

    return largest_true(holds, 1.0, capacity)


def at_rate(
    task: ServingTask,
    cluster: Cluster,
    layout: ReplicaLayout,
    variant: Variant,
    software: Software,
    requests_per_s: float,
    percentile: float,
    servers: int = 1,
) -> ServingPrediction | None:
    """Return the percentiles at a Poisson arrival rate of each of ``servers`` pooled replicas.

    None where they cannot carry it.
    """
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    if capacity < 1.0:
        return None
    saturated = saturated_rate(made, capacity)
    batch = largest_true(lambda value: made.rate(value) <= requests_per_s, 1.0, capacity)
    if batch is None or requests_per_s >= saturated:
        return None
    if not _has_room(made, batch, percentile, servers, capacity):
        return None
    times = _times(made, batch, percentile, servers)
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
    servers: int = 1,
) -> float | None:
    """Return the largest Poisson rate (requests/s) of each of ``servers`` pooled replicas that keeps ``promise``.

    None where one request misses it.
    """
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    if capacity < 1.0:
        return None
    top = _largest_mean(made, capacity, percentile, SATURATED_SHARE, servers)
    if top is None or top <= 1.0:
        return None

    def holds(batch: float) -> bool:
        ttft, tpot, latency = _times(made, batch, percentile, servers)
        return promise.kept_by(ttft * 1e3, tpot * 1e3, latency * 1e3)

    batch = largest_true(holds, 1.0, top)
    if batch is None or batch <= 1.0:
        return None
    return made.rate(batch)
