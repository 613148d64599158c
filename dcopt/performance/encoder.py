"""Encoders and vision models: whole requests, answered in dynamic batches.

A batch of b requests takes t(b) = host + kernels + weights/(em·BW) + b·(FLOPs/rate + κ·activations/BW + messages): the
same physics as `dcopt.performance.decoder_engine`. Open arrivals: `dcopt.performance.encoder_arrivals`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from dcopt.performance import arithmetic
from dcopt.performance.cluster import Cluster
from dcopt.performance.serving_records import ReplicaLayout, ServingPrediction, ServingTask
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software


@dataclass(frozen=True)
class EncoderConstants:
    """Efficiencies of encoders.

    ``products``, the share of the peak that matrix products reach, and ``activations``, how often the values between
    kernels move through memory (training steps show 0.82 and 3.9), are fitted on
    data/published/mlperf_bert_offline_public.csv: 217 rows of A100, A30, H100, L4 and T4, mean error 7 %, median 4 %;
    carried to the 38 rows of A2, A40 and L40 there, which the catalogue does not hold: 14 %. T4 (70 W) runs below its
    data sheet: 1.5 to 2 times as fast here.
    A layer starts ``kernels`` of the engine's shortest kernel time; with them and ``host_s`` BERT-large at batch 1
    takes the 2.2 ms that NVIDIA states for an A100 at sequence 128 (recalled, not in the shipped rows).
    """

    products: float = 0.77
    activations: float = 2.7
    kernels: float = 10.0
    memory: float = 0.81
    host_s: float = 0.5e-3
    link: float = 0.7
    most_requests: int = 512


ENCODER = EncoderConstants()


@dataclass(frozen=True)
class Timing:
    """Coefficients of t(b) in seconds: fixed + b·each."""

    host_s: float
    launch_s: float
    weights_s: float
    each_s: float
    activations_each_s: float
    link_each_s: float
    weights_gb: float
    activation_gb: float
    memory_gb: float
    stages: int

    def service(self, batch: float) -> float:
        """Seconds of a batch on the chip, end to end."""
        each = self.each_s + self.activations_each_s + self.link_each_s
        return self.host_s + self.launch_s + self.weights_s + each * batch

    def cycle(self, batch: float) -> float:
        """Seconds between batches: stages of a pipeline work on different ones."""
        return self.service(batch) / self.stages

    def memory(self, batch: float) -> float:
        """GB that a chip needs at a batch."""
        return self.weights_gb + self.activation_gb * batch + min(1.0, 0.05 * self.memory_gb)


@lru_cache(maxsize=8192)
def timing_of(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software
) -> Timing:
    """Return what one replica costs; raises `ValueError` where the chip lacks the arithmetic."""
    model, chip = task.model, cluster.accelerator
    peak = cluster.peak_flops(variant.precision)
    if peak is None:
        raise ValueError(f"accelerator '{chip.name}' has no {variant.precision} arithmetic")
    tensor, stages, slower = layout.tensor, layout.pipeline, 1.0 / cluster.speeds.prefill
    rate = ENCODER.products * cluster.products_share * peak * variant.speedup * software.efficiency
    tokens = float(task.input_tokens)
    flops = arithmetic.prefill_flops(model, tokens)
    dense, experts = arithmetic.weight_bytes(model, variant.stored_bits(model), variant.size_factor)
    layers = model.layers + model.decoder_layers
    width = 2.0 if variant.activation_bits > 8 else 1.0
    reduced = 2.0 * layers * tokens * model.hidden * 2.0 * 2.0 * (tensor - 1) / tensor if tensor > 1 else 0.0
    values = layers * (
        model.hidden + (2.0 * model.ffn + 2.0 * (model.heads + model.kv_heads) * model.head_dim) / tensor
    )
    moved = ENCODER.activations * values * width * tokens / (cluster.bytes_per_s * software.efficiency)
    activation = tokens * (model.hidden * 6 + model.ffn * 2) * width / tensor
    return Timing(
        host_s=ENCODER.host_s + software.overhead_ms * 1e-3,
        launch_s=slower * layers * ENCODER.kernels * software.kernel_us * 1e-6 / software.efficiency,
        weights_s=slower * (dense + experts) / tensor / (ENCODER.memory * cluster.bytes_per_s * software.efficiency),
        each_s=slower * flops / tensor / rate,
        activations_each_s=slower * moved,
        link_each_s=slower * reduced / (ENCODER.link * cluster.between(tensor)) if tensor > 1 else 0.0,
        weights_gb=(dense + experts) / (tensor * stages) / 1e9,
        activation_gb=activation / 1e9,
        memory_gb=chip.memory_gb,
        stages=stages,
    )


def largest_batch(timing: Timing, software: Software) -> float:
    """Largest batch that the memory and the engine admit; below 1 the model does not fit."""
    room = timing.memory_gb * software.memory_fraction - timing.memory(0.0)
    return min(float(ENCODER.most_requests), room / timing.activation_gb)


def prediction_of(
    task: ServingTask,
    layout: ReplicaLayout,
    timing: Timing,
    software: Software,
    batch: float,
    rate: float,
    latency_s: float,
    statistic: str,
    saturated: float,
) -> ServingPrediction:
    """Assemble the record of an operating point."""
    service = timing.service(batch)
    memory = timing.memory(batch)
    breakdown = {
        "host": timing.host_s * 1e3,
        "launch": timing.launch_s * 1e3,
        "weights": timing.weights_s * 1e3,
        "compute": timing.each_s * batch * 1e3,
        "activations": timing.activations_each_s * batch * 1e3,
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
    timing = timing_of(task, cluster, layout, variant, software)
    rate = batch / timing.cycle(batch)
    saturated = saturated_rate(timing, max(batch, largest_batch(timing, software)))
    return prediction_of(task, layout, timing, software, batch, rate, timing.service(batch), "mean", saturated)


def saturated_rate(timing: Timing, cap: float) -> float:
    """Requests/s with every batch full."""
    return cap / timing.cycle(cap)


def saturated(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software
) -> ServingPrediction | None:
    """Return the point of largest throughput: full batches, one after the other; None where the model does not fit."""
    cap = largest_batch(timing_of(task, cluster, layout, variant, software), software)
    return closed(task, cluster, layout, variant, software, cap) if cap >= 1.0 else None
