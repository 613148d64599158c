"""Encoders under open arrivals: percentiles at a Poisson rate, and the largest rate that keeps a promise.

Requests that arrive while a batch runs form the next one, so a request waits for the rest of the running batch and then
takes part in its own: with Poisson arrivals at rate λ the batch it joins holds itself and the λ·t(b) that arrive beside
it, b = 1 + λ·t(b). The sizes of successive batches are a Markov chain, which is solved where they are small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dcopt.performance.cluster import Cluster
from dcopt.performance.encoder import Timing, largest_batch, prediction_of, saturated_rate, timing_of
from dcopt.performance.queueing import (
    SATURATED_SHARE,
    erlang_c,
    evened,
    largest_true,
    largest_within,
    poisson_quantile,
    wait_quantile,
)
from dcopt.performance.serving_records import (
    Promise,
    ReplicaLayout,
    ServingPrediction,
    ServingTask,
    statistic_of,
)
from dcopt.performance.simulation_records import Floats
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software


def _rate(timing: Timing, batch: float) -> float:
    """Arrival rate at which an arrival finds itself in a batch of mean size ``batch``."""
    return (batch - 1.0) / timing.cycle(batch)


def _batch_of(batch: float, percentile: float, servers: int) -> float:
    """Quantile of the batch that an arrival joins; a balancer evens out the batches of its replicas."""
    mean = batch - 1.0
    if mean <= 0.0:
        return 1.0
    return 1.0 + poisson_quantile(mean, percentile, evened(mean, servers) / mean)


def _latency(timing: Timing, batch: float, percentile: float, servers: int) -> float:
    """Quantile of the latency, s."""
    smooth = _smooth_latency(timing, batch, percentile, servers)
    chain = _chain(timing, batch)
    if chain is None:
        return smooth
    low, high = timing.service(1.0), timing.cycle(3.0 * batch) + timing.service(3.0 * batch)
    missed = 1.0 - percentile / 100.0
    shorter = largest_true(lambda negated: chain.late(-negated) <= missed, -high, -low)
    alone = math.inf if shorter is None else -shorter
    return alone if servers == 1 else min(alone, smooth)


def _excess(timing: Timing, batch: float, percentile: float, servers: int, limit_s: float) -> float:
    """By how much the latency's quantile (s), or the chance to miss it, is above its limit; not above 0: it is kept.

    Several replicas keep it where one alone does, too; the smooth form is asked first, as it takes less time.
    """
    excess = math.inf
    if servers > 1:
        excess = _smooth_latency(timing, batch, percentile, servers) - limit_s
        if excess <= 0.0:
            return excess
    chain = _chain(timing, batch)
    if chain is not None:
        return min(excess, chain.late(limit_s) - (1.0 - percentile / 100.0))
    return excess if servers > 1 else _smooth_latency(timing, batch, percentile, servers) - limit_s


def _smooth_latency(timing: Timing, batch: float, percentile: float, servers: int) -> float:
    """Quantile of the latency where many share a batch, or many replicas the arrivals: the running batch, then the own.

    Of several replicas all are busy with Erlang's C where batches are of one, else always; the own batch is then what
    each replica takes in turn, and what waits before it as in M/D/c with the time that one request more takes; half a
    request is added for the continuous quantile of a count.
    """
    rate = _rate(timing, batch)
    missed = 1.0 - percentile / 100.0
    if servers == 1:
        large, busy = _batch_of(batch, percentile, 1), min(1.0, batch - 1.0)
    else:
        each = timing.cycle(2.0) - timing.cycle(1.0)
        behind = wait_quantile(rate, each, percentile, servers=servers) / max(each, 1e-12)
        large = 0.5 + behind + _batch_of(_running(timing, rate), percentile, servers)
        busy = erlang_c(servers, servers * min(1.0, rate * timing.cycle(1.0)))
    if busy <= missed:
        return timing.service(1.0)
    return timing.cycle(max(1.0, large - 1.0)) * (1.0 - missed / busy) + timing.service(large)


def _running(timing: Timing, rate: float) -> float:
    """Requests of a batch where every replica is busy all the time: b = λ·t(b), at least 1."""
    each = timing.cycle(2.0) - timing.cycle(1.0)
    fixed = timing.cycle(1.0) - each
    return max(1.0, rate * fixed / max(1e-12, 1.0 - rate * each))


STEPS = 28
"""Halvings of a search over the chain: within 2⁻²⁸ of the range."""

MOST_STATES = 64
"""Batches up to which the chain of batch sizes is solved; larger ones vary little and have a smooth form."""


@dataclass(frozen=True)
class _Chain:
    """What an arrival finds at one replica: the running batch by its size, or none.

    weights: probability to fall into a batch of each size. cycles: seconds of each. joins: probability, by the size of
    the running batch, that so many others come while it runs. services: seconds of a batch of 1, 2, … requests.
    """

    weights: Floats
    cycles: Floats
    joins: Floats
    services: Floats

    def late(self, latency_s: float) -> float:
        """Return the probability that a request takes longer than ``latency_s``.

        It waits for a uniform rest of the running batch, and then takes part in a batch with all who came meanwhile.
        """
        idle = max(0.0, 1.0 - float(self.weights.sum()))
        left = latency_s - self.services[None, :]
        late = np.clip(1.0 - left / self.cycles[:, None], 0.0, 1.0)
        alone = idle if latency_s < self.services[0] * (1.0 - 1e-12) else 0.0
        return float(self.weights @ (self.joins * late).sum(axis=1)) + alone


@lru_cache(maxsize=4096)
def _chain(timing: Timing, batch: float) -> _Chain | None:
    """Return the stationary chain of batch sizes under Poisson arrivals; None where batches are large.

    The next batch is made of those who came while this one ran, or of the next one to come: a Markov chain with Poisson
    transitions, solved as a linear system (Bailey, On queueing processes with bulk service, 1954).
    """
    rate = _rate(timing, batch)
    states = int(2.0 * batch + 6.0 * math.sqrt(batch)) + 6
    if states > MOST_STATES or rate <= 0.0:
        return None
    sizes = np.arange(1, states + 1)
    first, each = timing.cycle(1.0), timing.cycle(2.0) - timing.cycle(1.0)
    cycles = np.asarray(first + each * (sizes - 1.0), dtype=np.float64)
    counts = np.arange(states + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    joins = np.exp(np.outer(np.log(rate * cycles), counts) - (rate * cycles)[:, None] - factorials)
    joins[:, -1] += np.maximum(0.0, 1.0 - joins.sum(axis=1))
    moves = joins[:, 1:].copy()
    moves[:, 0] += joins[:, 0]
    system = moves.T - np.eye(states)
    system[-1] = 1.0
    share = np.linalg.solve(system, np.concatenate([np.zeros(states - 1), [1.0]]))
    times: Floats = share * cycles
    idle = float(share @ joins[:, 0]) / rate
    more = timing.service(2.0) - timing.service(1.0)
    services = np.asarray(timing.service(1.0) + more * counts, dtype=np.float64)
    return _Chain(times / (times.sum() + idle), cycles, joins, services)


def _largest_mean(timing: Timing, cap: float, percentile: float, servers: int) -> float | None:
    """Mean batch whose quantile still fits into batches of ``cap``, at no more than the planned share of saturation."""
    saturated = SATURATED_SHARE * saturated_rate(timing, cap)

    def holds(batch: float) -> bool:
        return _batch_of(batch, percentile, servers) <= cap and _rate(timing, batch) <= saturated

    return largest_true(holds, 1.0, cap)


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
    """Return the percentile of the latency at a Poisson arrival rate of each of ``servers`` pooled replicas.

    None where they cannot carry it.
    """
    timing = timing_of(task, cluster, layout, variant, software)
    cap = largest_batch(timing, software)
    if cap < 1.0:
        return None
    batch = largest_true(lambda value: _rate(timing, value) <= requests_per_s, 1.0, cap)
    saturated = saturated_rate(timing, cap)
    if batch is None or requests_per_s > saturated or _batch_of(batch, percentile, servers) > cap * 1.0001:
        return None
    latency = _latency(timing, batch, percentile, servers)
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
    servers: int = 1,
) -> float | None:
    """Return the largest Poisson rate (requests/s) of each of ``servers`` pooled replicas that keeps ``promise``.

    None where one request misses it.
    """
    timing = timing_of(task, cluster, layout, variant, software)
    cap = largest_batch(timing, software)
    if cap < 1.0:
        return None
    top = _largest_mean(timing, cap, percentile, servers)
    if top is None or top <= 1.0:
        return None

    limits = [limit for limit in (promise.ttft_ms, promise.latency_ms) if limit is not None]
    limit_s = min(limits, default=math.inf) * 1e-3
    batch: float | None = top
    if limit_s < math.inf:
        batch = largest_within(lambda value: _excess(timing, value, percentile, servers, limit_s), 1.0, top, STEPS)
    if batch is None or batch <= 1.0:
        return None
    return _rate(timing, batch)
