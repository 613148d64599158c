"""Decoders (and encoder-decoders) in a closed loop: one decode step, one prefill, the memory, and the queue between.

The engine mixes prefills into decoding. With b requests in flight a decode step takes t_dec(b), a prefill S, and

    TPOT(b) = t_dec(b) + γ·S·(b − 1)/outputs           others' prefills stall my decode

Weights read are those of the experts that a batch touches. Open arrivals: `dcopt.performance.decoder_arrivals`.
"""

from __future__ import annotations

import math
from dataclasses import replace

from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder_engine import DECODER, Engine, engine
from dcopt.performance.serving_records import ReplicaLayout, ServingPrediction, ServingTask
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software


def prediction_of(
    task: ServingTask,
    layout: ReplicaLayout,
    made: Engine,
    software: Software,
    batch: float,
    times: tuple[float, float, float],
    statistic: str,
    rate: float,
    utilization: float,
) -> ServingPrediction:
    """Assemble the record; ``times`` are TTFT, TPOT and latency in seconds."""
    here = max(1.0, batch / made.stages)
    wait = times[0] - made.overhead_s - made.prefill - made.step(batch)
    memory = made.memory(batch)
    breakdown = {
        "decode_weights": (made.dense_s + made.experts_s * made.touched(here)) * 1e3,
        "decode_kv": made.kv_each_s * here * 1e3,
        "decode_compute": made.flops_each_s * here * 1e3,
        "decode_communication": made.link_each_s * here * 1e3,
        "decode_overhead": made.layers_s * 1e3,
        "decode_stalls": (times[1] - made.step(batch)) * 1e3,
        "prefill": made.prefill * 1e3,
        "first_overhead": made.overhead_s * 1e3,
        "first_wait": wait * 1e3,
    }
    return ServingPrediction(
        ttft_ms=times[0] * 1e3,
        tpot_ms=times[1] * 1e3,
        latency_ms=times[2] * 1e3,
        statistic=statistic,
        batch=batch,
        requests_per_s=rate,
        tokens_per_s_per_accelerator=rate * task.output_tokens / layout.accelerators,
        memory_gb=memory,
        fits=memory <= made.memory_gb * software.memory_fraction,
        utilization=utilization,
        breakdown=breakdown,
    )


def closed(
    task: ServingTask,
    cluster: Cluster,
    layout: ReplicaLayout,
    variant: Variant,
    software: Software,
    concurrency: float,
) -> ServingPrediction:
    """Return the means under a closed loop of ``concurrency`` requests (one prefill server and a delay).

    Requests beyond what the KV cache holds wait for a place; where not even one fits, ``fits`` is False and the times
    are those of a cache without limit.
    """
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    batch = min(concurrency, capacity) if capacity >= 1.0 else concurrency
    tpot = made.tpot(batch)
    ttft = made.overhead_s + made.step(batch) + queued(made, batch, made.outputs * tpot, concurrency)
    latency = ttft + max(0, made.outputs - 1) * tpot
    rate = concurrency / latency
    utilization = min(1.0, rate / saturated_rate(made, capacity)) if capacity >= 1.0 else math.inf
    return prediction_of(task, layout, made, software, batch, (ttft, tpot, latency), "mean", rate, utilization)


def queued(made: Engine, batch: float, delay: float, concurrency: float) -> float:
    """Return mean seconds from arrival to the end of the prefill in a closed loop: one server, then a ``delay``.

    Asymptotic bounds of the closed network, joined by a hyperbola; a share of the requests starts in one burst.
    """
    service = made.prefill_service
    spread = service * batch - delay
    response = 0.5 * (spread + math.sqrt(spread * spread + 4.0 * service * delay)) + made.prefill - service
    kv_wait = max(0.0, concurrency - batch) / batch * (response + delay)
    return (1.0 - DECODER.burst) * response + DECODER.burst * service * (batch + 1.0) / 2.0 + kv_wait


def saturated_rate(made: Engine, capacity: float) -> float:
    """Requests/s with the KV cache full and at most 98 % of the prefill rate."""
    return min(capacity / (made.outputs * made.tpot(capacity)), 0.98 / made.prefill_service)


def saturated(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software
) -> ServingPrediction | None:
    """Return the point of largest throughput, means; None where the model does not fit."""
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    if capacity < 1.0:
        return None
    point = closed(task, cluster, layout, variant, software, capacity)
    rate = saturated_rate(made, capacity)
    tokens = rate * task.output_tokens / layout.accelerators
    return replace(point, requests_per_s=rate, tokens_per_s_per_accelerator=tokens, utilization=1.0)
