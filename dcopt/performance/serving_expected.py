"""A replica as it is expected to be: predicted times × factors, or the rate that was measured within the promises.

A replica that is slower by a factor f than predicted does at rate λ what the prediction does at f·λ, with all its times
× f. So its times are those predicted at f·λ, each multiplied by its own factor, where f is that of the whole latency.
"""

from __future__ import annotations

from dataclasses import replace

from dcopt.performance.expected import ServingExpectation
from dcopt.performance.serving import at_rate, largest_rate, largest_requests_per_s
from dcopt.performance.serving_records import Promise, ServingPrediction, statistic_of
from dcopt.performance.workloads import Where, promise_of
from dcopt.problem.tables.problem_rows import Service


def largest_expected(
    expected: ServingExpectation,
    where: Where,
    percentile: float,
    promise: Promise,
    servers: int = 1,
) -> ServingPrediction | None:
    """Return the operating point of one replica at the largest rate that keeps ``promise`` as it is expected to be.

    ``servers``, None, and what is raised: as `dcopt.performance.serving.largest_rate`.
    """
    if expected.measured_rate is not None:
        return _measured(expected, where, percentile, promise, expected.measured_rate)
    limits = _as_predicted(expected, promise)
    point = largest_rate(
        *where,
        percentile=percentile,
        ttft_ms=limits.ttft_ms,
        tpot_ms=limits.tpot_ms,
        latency_ms=limits.latency_ms,
        servers=servers,
    )
    return None if point is None else _slowed(expected, point, point.requests_per_s / expected.latency.factor)


def at_expected(
    expected: ServingExpectation,
    where: Where,
    requests_per_s: float,
    percentile: float,
    promise: Promise,
    servers: int = 1,
) -> ServingPrediction | None:
    """Return the times of one replica at a rate as it is expected to be; None where it cannot carry it.

    ``servers`` and what is raised: as `dcopt.performance.serving.at_rate`.
    """
    if expected.measured_rate is not None:
        if requests_per_s > expected.measured_rate * (1.0 + 1e-9):
            return None
        return _measured(expected, where, percentile, promise, requests_per_s)
    point = at_rate(*where, requests_per_s * expected.latency.factor, percentile, servers)
    return None if point is None else _slowed(expected, point, requests_per_s)


def promised_rate(
    service: Service,
    expected: ServingExpectation,
    where: Where,
    trip_ms: float,
    servers: int = 1,
    factor: float = 1.0,
) -> ServingPrediction | None:
    """Return the largest operating point of each of ``servers`` replicas that keeps the promises of ``service``.

    Its rate is ``factor`` times the expected one, where a simulation corrected it (`dcopt.problem.corrections`).
    None where a simulation found that no rate keeps them, or where the round trip of ``trip_ms`` or a request alone
    already misses one.
    """
    promise = promise_of(service, trip_ms)
    if not _possible(promise, factor):
        return None
    point = largest_expected(expected, where, service.percentile, promise, servers)
    if point is None or factor == 1.0:
        return point
    return replace(point, requests_per_s=point.requests_per_s * factor, utilization=point.utilization * factor)


def promised_requests_per_s(
    service: Service,
    expected: ServingExpectation,
    where: Where,
    trip_ms: float,
    servers: int = 1,
    factor: float = 1.0,
) -> float:
    """Return the rate of `promised_rate`, 0 where that is None, without the times at it."""
    promise = promise_of(service, trip_ms)
    if not _possible(promise, factor):
        return 0.0
    if expected.measured_rate is not None:
        rate: float | None = expected.measured_rate
    else:
        rate = largest_requests_per_s(*where, service.percentile, _as_predicted(expected, promise), servers)
        rate = None if rate is None else rate / expected.latency.factor
    return 0.0 if rate is None else rate * factor


def _possible(promise: Promise, factor: float) -> bool:
    budgets = (promise.ttft_ms, promise.tpot_ms, promise.latency_ms)
    return factor > 0.0 and all(budget is None or budget > 0 for budget in budgets)


def _as_predicted(expected: ServingExpectation, promise: Promise) -> Promise:
    """Return the promise that predicted times must keep so that the expected ones keep ``promise``."""
    return Promise(
        _shortened(promise.ttft_ms, expected.ttft.factor),
        _shortened(promise.tpot_ms, expected.tpot.factor),
        _shortened(promise.latency_ms, expected.latency.factor),
    )


def _shortened(limit: float | None, factor: float) -> float | None:
    return None if limit is None else limit / factor


def _slowed(expected: ServingExpectation, point: ServingPrediction, requests_per_s: float) -> ServingPrediction:
    return replace(
        point,
        ttft_ms=point.ttft_ms * expected.ttft.factor,
        tpot_ms=point.tpot_ms * expected.tpot.factor,
        latency_ms=point.latency_ms * expected.latency.factor,
        requests_per_s=requests_per_s,
        tokens_per_s_per_accelerator=point.tokens_per_s_per_accelerator / expected.latency.factor,
    )


def _measured(
    expected: ServingExpectation,
    where: Where,
    percentile: float,
    promise: Promise,
    requests_per_s: float,
) -> ServingPrediction:
    """Return a point within the measured rate: the times are the promises, which the measurement says are kept.

    What nothing promises, and the batch and memory, are predicted where the models can carry the rate.
    """
    task, _, layout, _, _ = where
    rate = expected.measured_rate or requests_per_s
    point = at_rate(*where, requests_per_s, percentile)
    if point is None:
        blank = ServingPrediction(0.0, 0.0, 0.0, "", 1.0, 0.0, 0.0, 0.0, True, 0.0, {})
        point = replace(blank, statistic=statistic_of(percentile))
    ttft = point.ttft_ms if promise.ttft_ms is None else promise.ttft_ms
    tpot = point.tpot_ms if promise.tpot_ms is None else promise.tpot_ms
    whole = ttft + max(0, task.output_tokens - 1) * tpot if task.generates else point.latency_ms
    return replace(
        point,
        ttft_ms=ttft,
        tpot_ms=tpot,
        latency_ms=whole if promise.latency_ms is None else promise.latency_ms,
        requests_per_s=requests_per_s,
        tokens_per_s_per_accelerator=requests_per_s * (task.output_tokens or task.input_tokens) / layout.accelerators,
        utilization=requests_per_s / rate,
    )
