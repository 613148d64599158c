"""Decoders (and encoder-decoders) in a closed loop: one decode step, one prefill, the memory, and the queue between.

The engine mixes prompts into decoding. With b requests in flight a decode step takes t_dec(b), a prompt S, and

    TPOT(b) = t_dec(b) + γ·S·(b − 1)/outputs                         others' prompts stall my decode
    TTFT(b) = t₀ + n·TPOT(b) + S + S·(0.15 + 0.0575·(b − 1))         admission, the own prompt, others' before it

Open arrivals: `dcopt.performance.decoder_arrivals`.
"""

from __future__ import annotations

import math
from dataclasses import replace

from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder_build import engine
from dcopt.performance.decoder_engine import Engine
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
    admission = made.admission_steps * made.step(batch)
    waited = times[0] - made.overhead_s - made.front_s - admission - made.prefill
    memory = made.memory(batch)
    parts = {f"decode_{name}": value * 1e3 for name, value in made.breakdown(batch).items()}
    breakdown = {
        **parts,
        "decode_stalls": (times[1] - made.step(batch)) * 1e3,
        "first_overhead": (made.overhead_s + made.front_s) * 1e3,
        "first_admission": admission * 1e3,
        "first_prompt": made.prefill * 1e3,
        "first_wait": waited * 1e3,
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
    """Return the means under a closed loop of ``concurrency`` requests, as benchmarks run it (see `closed_times`).

    Where the memory holds not even one request, ``fits`` is False and the times are those of a cache without limit.
    """
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    batch, ttft, tpot = closed_times(made, capacity, concurrency)
    latency = ttft + max(0, made.outputs - 1) * tpot
    rate = concurrency / latency
    utilization = min(1.0, rate / saturated_rate(made, capacity)) if capacity >= 1.0 else math.inf
    return prediction_of(task, layout, made, software, batch, (ttft, tpot, latency), "mean", rate, utilization)


WAVE_ALONE = 1.15
WAVE_OTHERS = 0.0575
"""Prompts that a request waits for, itself included, in a closed loop of b requests: 1.15 + 0.0575·(b − 1).

From a simulation step by step of the benchmarks' loop (all b at once, 10·b in all, lengths from 80 to 100 % of nominal,
prompts of 8192 tokens to a step): within 15 % for b from 4 to 256 whatever the share of prompts in the work, because
prompts delay the very requests whose ends bring the next ones (tests/performance/test_perf_serving_closed.py)."""


def closed_times(made: Engine, capacity: float, concurrency: float) -> tuple[float, float, float]:
    """Return (requests decoded together, mean TTFT, mean TPOT; seconds) in a closed loop of ``concurrency``.

    Requests beyond the ``capacity`` of the KV cache wait for a place.
    """
    batch = min(concurrency, capacity) if capacity >= 1.0 else concurrency
    tpot = made.tpot(batch)
    prompts = WAVE_OTHERS * (batch - 1.0) * (made.prefill_service + made.front_s)
    ttft = made.overhead_s + made.admission_steps * tpot + WAVE_ALONE * (made.prefill + made.front_s) + prompts
    wait = max(0.0, concurrency - batch) / batch * (ttft + made.outputs * tpot)
    return batch, ttft + wait, tpot


def saturated_rate(made: Engine, capacity: float) -> float:
    """Return requests/s with the KV cache full: each request takes its share of the steps, and its prompt."""
    return 1.0 / (made.outputs * made.step(capacity) / capacity + made.prefill_service)


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
