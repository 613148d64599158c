"""Encoders and vision models: whole requests, answered in dynamic batches.

A batch of b requests takes t(b) = host + layers·launch + weights/(em·BW) + FLOPs/(rate) on the chip, with a rate that
falls where a batch offers few tokens. Requests that arrive while a batch runs form the next one, so a request waits for
the rest of the running batch and then takes part in its own: with Poisson arrivals at rate λ the batch it joins holds
itself and the λ·t(b) that arrive beside it, b = 1 + λ·t(b).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from dcopt.performance import arithmetic
from dcopt.performance.cluster import BALANCED, Cluster
from dcopt.performance.queueing import largest_true, poisson_quantile
from dcopt.performance.serving_records import (
    Promise,
    ReplicaLayout,
    ServingPrediction,
    ServingTask,
    statistic_of,
)
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software

SATURATED_SHARE = 0.9
"""Share of the saturated rate that is used where nothing is promised (headroom for bursts; a planning choice)."""


@dataclass(frozen=True)
class EncoderConstants:
    """Efficiencies of encoders.

    Fitted on data/published/mlperf_bert_offline_public.csv (213 rows, mean error 8 %): ``products``, the share of the
    peak that large batches reach (TensorRT on A100), and ``balance``, by which chips with more 16-bit arithmetic for
    each byte of memory bandwidth than an A100 reach less (H100, L4). ``ridge`` (tokens at which a chip of 100 TFLOP/s
    reaches half of its rate, growing with the peak) and ``launch_s`` (host and kernel launches of a layer) were set
    so that BERT-large at batch 1 takes the 2.2 ms that NVIDIA states for an A100 at sequence 128 (recalled, not in
    the shipped rows).
    """

    products: float = 0.60
    balance: float = 0.35
    ridge: float = 60.0
    memory: float = 0.81
    launch_s: float = 30e-6
    host_s: float = 0.5e-3
    link: float = 0.7
    most_requests: int = 512


ENCODER = EncoderConstants()


@dataclass(frozen=True)
class _Timing:
    """Coefficients of t(b) in seconds: fixed + b·each (+ the ridge's share, fixed in tokens)."""

    host_s: float
    launch_s: float
    weights_s: float
    each_s: float
    ridge_s: float
    link_each_s: float
    weights_gb: float
    activation_gb: float
    memory_gb: float
    stages: int

    def service(self, batch: float) -> float:
        """Seconds of a batch on the chip, end to end."""
        return self.host_s + self.launch_s + self.weights_s + self.ridge_s + (self.each_s + self.link_each_s) * batch

    def cycle(self, batch: float) -> float:
        """Seconds between batches: stages of a pipeline work on different ones."""
        return self.service(batch) / self.stages

    def memory(self, batch: float) -> float:
        """GB that a chip needs at a batch."""
        return self.weights_gb + self.activation_gb * batch + min(1.0, 0.05 * self.memory_gb)


@lru_cache(maxsize=8192)
def _timing(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software
) -> _Timing:
    model, chip = task.model, cluster.accelerator
    peak = cluster.peak_flops(variant.precision)
    if peak is None:
        raise ValueError(f"accelerator '{chip.name}' has no {variant.precision} arithmetic")
    tensor, stages = layout.tensor, layout.pipeline
    share = ENCODER.products * cluster.products_share
    if chip.kind != "cpu":
        wide = cluster.peak_flops("bf16") or cluster.peak_flops("fp16") or peak
        share *= min(1.0, (BALANCED * cluster.bytes_per_s / wide) ** ENCODER.balance)
    rate = share * peak * variant.speedup * software.efficiency
    tokens = float(task.input_tokens)
    flops = arithmetic.prefill_flops(model, tokens)
    dense, experts = arithmetic.weight_bytes(model, variant.stored_bits(model), variant.size_factor)
    layers = model.layers + model.decoder_layers
    width = 2.0 if variant.activation_bits > 8 else 1.0
    reduced = 2.0 * layers * tokens * model.hidden * 2.0 * 2.0 * (tensor - 1) / tensor if tensor > 1 else 0.0
    ridge_tokens = ENCODER.ridge * peak / 1e14
    activation = tokens * (model.hidden * 6 + model.ffn * 2) * width / tensor
    return _Timing(
        host_s=ENCODER.host_s + software.overhead_ms * 1e-3,
        launch_s=layers * ENCODER.launch_s / software.efficiency,
        weights_s=(dense + experts) / tensor / (ENCODER.memory * cluster.bytes_per_s * software.efficiency),
        each_s=flops / tensor / rate,
        ridge_s=flops / tokens * ridge_tokens / tensor / rate,
        link_each_s=reduced / (ENCODER.link * cluster.between(tensor)) if tensor > 1 else 0.0,
        weights_gb=(dense + experts) / (tensor * stages) / 1e9,
        activation_gb=activation / 1e9,
        memory_gb=chip.memory_gb,
        stages=stages,
    )


def _largest_batch(timing: _Timing, software: Software) -> float:
    """Largest batch that the memory and the engine admit; below 1 the model does not fit."""
    room = timing.memory_gb * software.memory_fraction - timing.memory(0.0)
    return min(float(ENCODER.most_requests), room / timing.activation_gb)


def _prediction(
    task: ServingTask,
    layout: ReplicaLayout,
    timing: _Timing,
    software: Software,
    batch: float,
    rate: float,
    latency_s: float,
    statistic: str,
    saturated: float,
) -> ServingPrediction:
    service = timing.service(batch)
    memory = timing.memory(batch)
    breakdown = {
        "host": timing.host_s * 1e3,
        "launch": timing.launch_s * 1e3,
        "weights": timing.weights_s * 1e3,
        "compute": (timing.each_s * batch + timing.ridge_s) * 1e3,
        "communication": timing.link_each_s * batch * 1e3,
        "wait": (latency_s - service) * 1e3,
    }
    return ServingPrediction(
        ttft_ms=latency_s * 1e3,
        tpot_ms=0.0,
        latency_ms=latency_s * 1e3,
        statistic=statistic,
        batch=batch,
        requests_per_s=rate,
        tokens_per_s_per_accelerator=rate * task.input_tokens / layout.accelerators,
        memory_gb=memory,
        fits=memory <= timing.memory_gb * software.memory_fraction,
        utilization=rate / saturated if saturated > 0 else math.inf,
        breakdown=breakdown,
    )


def closed(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software, batch: float
) -> ServingPrediction:
    """Return the mean times of batches of ``batch`` requests, one after the other."""
    timing = _timing(task, cluster, layout, variant, software)
    rate = batch / timing.cycle(batch)
    saturated = _saturated(timing, max(batch, _largest_batch(timing, software)))
    return _prediction(task, layout, timing, software, batch, rate, timing.service(batch), "mean", saturated)


def _saturated(timing: _Timing, cap: float) -> float:
    """Requests/s with every batch full."""
    return cap / timing.cycle(cap)


def saturated(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software
) -> ServingPrediction | None:
    """Return the point of largest throughput: full batches, one after the other; None where the model does not fit."""
    cap = _largest_batch(_timing(task, cluster, layout, variant, software), software)
    return closed(task, cluster, layout, variant, software, cap) if cap >= 1.0 else None


def _rate(timing: _Timing, batch: float) -> float:
    """Arrival rate at which an arrival finds itself in a batch of mean size ``batch``."""
    return (batch - 1.0) / timing.cycle(batch)


def _latency(timing: _Timing, batch: float, percentile: float) -> float:
    """Quantile of the latency, s: the rest of the running batch, then the own one."""
    large = 1.0 + poisson_quantile(batch - 1.0, percentile)
    busy = min(1.0, batch - 1.0)
    missed = 1.0 - percentile / 100.0
    waits = max(0.0, 1.0 - missed / busy) if busy > 0 else 0.0
    return timing.cycle(large) * waits + timing.service(large)


def _largest_mean(timing: _Timing, cap: float, percentile: float) -> float | None:
    """Mean batch whose quantile still fits into batches of ``cap``, at no more than the planned share of saturation."""
    saturated = SATURATED_SHARE * _saturated(timing, cap)

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
    timing = _timing(task, cluster, layout, variant, software)
    cap = _largest_batch(timing, software)
    if cap < 1.0:
        return None
    batch = largest_true(lambda value: _rate(timing, value) <= requests_per_s, 1.0, cap)
    saturated = _saturated(timing, cap)
    if batch is None or requests_per_s > saturated or 1.0 + poisson_quantile(batch - 1.0, percentile) > cap * 1.0001:
        return None
    latency = _latency(timing, batch, percentile)
    return _prediction(
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
    timing = _timing(task, cluster, layout, variant, software)
    cap = _largest_batch(timing, software)
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
