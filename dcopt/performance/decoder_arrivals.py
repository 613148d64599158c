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
    evened,
    largest_within,
    poisson_quantile,
    skewed_quantile,
    wait_moments,
    wait_quantiles,
    waiting_chance,
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


class _Point:
    """What all times of one engine at one load are made of: an arrival finds ``batch`` − 1 others on average.

    rate: arrivals/s. load: share of the time that reads prompts. coming: mean arrivals at the replica while one of its
    requests decodes, unstalled. apart: see `_apart`. waits: moments of the wait of a single server (none: overloaded).
    """

    __slots__ = ("apart", "batch", "coming", "load", "made", "rate", "service", "step", "tpot", "waits")

    def __init__(self, made: Engine, batch: float) -> None:
        self.made, self.batch = made, batch
        self.service = made.prefill_service
        self.step = made.step(batch)
        self.tpot = made.tpot(batch)
        self.rate = made.rate_at(batch, self.tpot)
        self.load = self.rate * self.service
        self.coming = self.rate * max(0, made.outputs - 1) * self.step
        self.apart = _apart(self.load, self.coming)
        self.waits = wait_moments(self.rate, self.service) if self.load < 1.0 else None


def _times(point: _Point, percentile: float, servers: int) -> tuple[float, float, float]:
    """Quantiles of TTFT, TPOT and latency in seconds."""
    made, rate, service = point.made, point.rate, point.service
    waiting = waiting_chance(point.load, servers)
    alone, together = wait_quantiles(rate, service, percentile, servers, waiting)
    if not math.isfinite(alone):
        return math.inf, math.inf, math.inf
    wait = together + point.apart * (alone - together)
    large = _crowd(point, percentile, servers)
    slow = made.step(large)
    ttft = made.first(large) + wait
    further = max(1, made.outputs - 1)
    stalled = STALL * service * _prompts(point, percentile, servers, waiting) / further
    slower = (slow - point.step) / (1.0 - rate * STALL * service)
    tpot = min(point.step + slower + stalled, slow * SLOWEST)
    return ttft, tpot, ttft + max(0, made.outputs - 1) * tpot


def _apart(load: float, coming: float) -> float:
    """How far prompts at pooled replicas wait as if each replica had arrivals of its own (0: one queue, 1: apart).

    A balancer that counts requests in flight evens out decoding and sees little of the prompts that wait, unless few
    are in flight. Envelope of simulations of six models and lengths from 128 to 8000 tokens at 4 and 16 replicas: one
    queue below a prefill load of 0.2, apart from 0.4 to 0.6, nearer again where the prefill is the bottleneck.
    """
    return max(0.0, min(1.0, (load - 0.2) / 0.18, 3.0 * (1.0 - load), coming / 3.5))


def _prompts(point: _Point, percentile: float, servers: int, waiting: float) -> float:
    """Quantile of the prompts that are read while a request decodes, each of which stalls it by σ seconds.

    J prompts stand behind it when it begins: those that came during its own wait and prefill T, so that their
    factorial moments are λᵏ·E Tᵏ. While it decodes D seconds, and is stalled, others come: in all J + a generalized
    Poisson number of mean (λD + λσJ)/(1 − λσ) (the customers of a delay busy period; Consul, Generalized Poisson
    Distributions, 1989). A balancer evens out the arrivals of its replicas over a decode, and an arrival finds half a
    request less than the mean at the replica that holds the fewest. Half a prompt is added for the continuous quantile
    of a count.
    """
    rate, service = point.rate, point.service
    stall = rate * STALL * service
    grow = 1.0 / (1.0 - stall)
    pooled = _pooled(point, servers, waiting)
    assert point.waits is not None
    w1, w2, w3 = (pooled * moment for moment in point.waits)
    t2 = w2 - w1 * w1
    t3 = w3 - 3.0 * w1 * w2 + 2.0 * w1**3
    behind = rate * (w1 + pooled * service)
    behind2 = behind + rate * rate * t2
    behind3 = behind + 3.0 * rate * rate * t2 + rate**3 * t3
    come = point.coming
    even = evened(come, servers) / come if come > 0.0 else 1.0
    come -= min(come, 0.5) * (1.0 - 1.0 / servers)
    each = come * even + stall * behind
    mean = grow * (behind + come)
    variance = grow**3 * each + grow * grow * behind2
    third = grow**5 * (1.0 + 2.0 * stall) * each + 3.0 * grow**4 * stall * behind2 + grow**3 * behind3
    return skewed_quantile(mean, variance, third, percentile) + 0.5


def _pooled(point: _Point, servers: int, waiting: float) -> float:
    """Share that is left of the waits of a single server where ``servers`` share the arrivals."""
    load = point.load
    if servers == 1 or load <= 0.0:
        return 1.0
    together = waiting / (min(servers, MOST_POOLED) * load)
    return together + point.apart * (1.0 - together)


def _backlog(point: _Point) -> float:
    """Mean requests in flight for the stalls by prompts that stood behind them when they began (`_prompts`)."""
    if point.waits is None:
        return math.inf
    rate, service = point.rate, point.service
    behind = rate * (point.waits[0] + service)
    stall = STALL * service
    most = max(0.0, point.coming * SLOWEST - (point.batch - 1.0))
    return min(most, rate * stall * behind / (1.0 - rate * stall))


def _crowd(point: _Point, percentile: float, servers: int) -> float:
    """Quantile of the requests in flight that an arrival joins, itself included.

    Requests that slow each other down stay longer, so their number varies more than Poisson's: with departures at rate
    μ(n) = n/(outputs·TPOT(n)) the variance is λ/μ'(n), which is TPOT(n)/TPOT(1) times the mean.
    """
    batch = point.batch
    if batch <= 1.0:
        return 1.0
    mean = batch - 1.0 + _backlog(point)
    variance = mean * point.tpot / point.made.tpot_alone
    return 1.0 + poisson_quantile(mean, percentile, evened(variance, servers) / mean)


def _room_needed(point: _Point, percentile: float, servers: int) -> float:
    """Requests the KV cache needs room for to hold up at most a part of those that may miss a promise (`BLOCKED`).

    Those in flight and the prompts that are being read.
    """
    rare = 100.0 - (100.0 - percentile) / BLOCKED
    return _crowd(point, rare, servers) + point.rate * point.made.prefill


ROUNDING = 1.0001
"""What the needed room may exceed the KV cache by."""


def _largest_mean(made: Engine, capacity: float, percentile: float, share: float, servers: int) -> float | None:
    """Largest mean batch whose quantile fits the KV cache at no more than ``share`` of the saturated rate."""
    limit = share * saturated_rate(made, capacity)
    room = capacity * ROUNDING
    scale = room / limit

    def excess(batch: float) -> float:
        point = _Point(made, batch)
        return max(_room_needed(point, percentile, servers) - room, (point.rate - limit) * scale)

    return largest_within(excess, 1.0, capacity)


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
    if requests_per_s >= saturated:
        return None
    batch = largest_within(lambda value: made.rate(value) - requests_per_s, 1.0, capacity)
    if batch is None:
        return None
    point = _Point(made, batch)
    if _room_needed(point, percentile, servers) > capacity * ROUNDING:
        return None
    times = _times(point, percentile, servers)
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

    def excess(batch: float) -> float:
        ttft, tpot, latency = _times(_Point(made, batch), percentile, servers)
        return promise.excess_ms(ttft * 1e3, tpot * 1e3, latency * 1e3)

    batch = largest_within(excess, 1.0, top)
    if batch is None or batch <= 1.0:
        return None
    return made.rate(batch)
