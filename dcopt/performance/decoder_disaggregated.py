"""Disaggregated serving: a pool of prefill workers and a pool of decode workers, with the KV cache moved between.

Nothing stalls decoding: a decode worker holds its share of the requests and steps on. The prompts queue for the prefill
workers alone, and their keys and values cross the network once.
"""

from __future__ import annotations

import math
from dataclasses import replace

from dcopt.performance import arithmetic
from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder import prediction_of
from dcopt.performance.decoder_build import engine
from dcopt.performance.decoder_engine import Engine
from dcopt.performance.queueing import largest_true
from dcopt.performance.serving_records import Disaggregated, ServingPrediction, ServingTask
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software

PREFILL_SHARE = 0.98
"""Share of the prefill pool's rate that a saturated group uses (beyond it prompts wait without end)."""


def transfer_s(task: ServingTask, cluster: Cluster, layout: Disaggregated, variant: Variant) -> float:
    """Return the seconds in which the keys and values of one prompt move to a decode worker.

    Over the scale-up links where the group lies within their domain, else over the network.
    """
    bandwidth = max(cluster.between(layout.accelerators), 1e9) * layout.decode.accelerators
    return arithmetic.kv_bytes(task.model, float(task.input_tokens), variant.kv_bytes_per_value) / bandwidth


def closed(
    task: ServingTask,
    cluster: Cluster,
    layout: Disaggregated,
    variant: Variant,
    software: Software,
    concurrency: float,
) -> ServingPrediction:
    """Return the means of a closed loop of ``concurrency`` requests over both pools."""
    reader = engine(task, cluster, layout.prefill, variant, software)
    writer = engine(task, cluster, layout.decode, variant, software)
    capacity = writer.largest_batch(software.memory_fraction)
    moved = transfer_s(task, cluster, layout, variant)
    batch, ttft, tpot = closed_times(layout, reader, writer, capacity, moved, concurrency)
    latency = ttft + max(0, writer.outputs - 1) * tpot
    rate = concurrency / latency
    limit = saturated_rate(layout, reader, writer, capacity)
    used = min(1.0, rate / limit) if limit > 0 else math.inf
    times = (ttft, tpot, latency)
    made = prediction_of(task, layout.decode, writer, software, batch, times, "mean", rate, used)
    overhead = (reader.overhead_s + reader.front_s) * 1e3
    first = {
        "first_overhead": overhead,
        "first_admission": 0.0,
        "first_prompt": reader.prefill * 1e3,
        "kv_transfer": moved * 1e3,
        "first_wait": (ttft - reader.prefill - moved) * 1e3 - overhead,
    }
    return replace(
        made,
        tokens_per_s_per_accelerator=rate * task.output_tokens / layout.accelerators,
        memory_gb=max(made.memory_gb, reader.memory(1.0)),
        fits=made.fits and reader.largest_batch(software.memory_fraction) >= 1.0,
        breakdown={**made.breakdown, **first},
    )


def closed_times(
    layout: Disaggregated, reader: Engine, writer: Engine, capacity: float, moved_s: float, concurrency: float
) -> tuple[float, float, float]:
    """Return (requests that a decode worker holds, mean TTFT, mean TPOT; seconds) in a closed loop.

    The prompts are a queue, decoding is a delay Z whose length depends on how many have left the queue; the response of
    the queue is the hyperbola between its asymptotes for N requests (Denning and Buzen's operational bounds):
    R = ((S·N − Z) + √((S·N − Z)² + 4·S·Z))/2 with S the pool's seconds a prompt. R grows and Z falls with the requests
    that still wait, so the balance N = λ·(R + Z) is found by halving.
    """
    service = reader.prefill_service / layout.prefill_workers
    alone = reader.overhead_s + reader.front_s + reader.prefill + moved_s

    def wait(decoding: float) -> float:
        """Seconds in the queue if ``decoding`` requests have left it."""
        delay = writer.outputs * writer.step(decoding / layout.decode_workers) + alone
        spread = service * concurrency - delay
        return max(0.0, 0.5 * (spread + math.sqrt(spread * spread + 4.0 * service * delay)) - service)

    def all_decode(decoding: float) -> bool:
        """Whether at least so many of the requests decode."""
        delay = writer.outputs * writer.step(decoding / layout.decode_workers)
        return decoding * (wait(decoding) + alone + delay) <= concurrency * delay

    most = min(concurrency, capacity * layout.decode_workers) if capacity >= 1.0 else concurrency
    decoding = largest_true(all_decode, min(most, layout.decode_workers * 1e-3), most)
    held = most if decoding is None else decoding
    tpot = writer.step(max(1.0, held / layout.decode_workers))
    ttft = alone + wait(held)
    if capacity >= 1.0:
        ttft = max(ttft, concurrency / held * writer.outputs * tpot - writer.outputs * tpot)
    return max(1.0, held / layout.decode_workers), ttft, tpot


def saturated_rate(layout: Disaggregated, reader: Engine, writer: Engine, capacity: float) -> float:
    """Return requests/s with the decode pool's KV caches full, or the prefill pool busy; 0 where nothing fits."""
    if capacity < 1.0:
        return 0.0
    decode = layout.decode_workers * capacity / (writer.outputs * writer.step(capacity))
    return min(decode, PREFILL_SHARE * layout.prefill_workers / reader.prefill_service)


def saturated(
    task: ServingTask, cluster: Cluster, layout: Disaggregated, variant: Variant, software: Software
) -> ServingPrediction | None:
    """Return the point of largest throughput, means; None where one of the pools cannot hold the model."""
    reader = engine(task, cluster, layout.prefill, variant, software)
    writer = engine(task, cluster, layout.decode, variant, software)
    capacity = writer.largest_batch(software.memory_fraction)
    if capacity < 1.0 or reader.largest_batch(software.memory_fraction) < 1.0:
        return None
    point = closed(task, cluster, layout, variant, software, capacity * layout.decode_workers)
    rate = saturated_rate(layout, reader, writer, capacity)
    tokens = rate * task.output_tokens / layout.accelerators
    return replace(point, requests_per_s=rate, tokens_per_s_per_accelerator=tokens, utilization=1.0)
