"""What a chip reaches in the operations of a training step: matrix products, attention, and everything in between.

Products run at the chip's *achievable* matrix rate (its data sheet's peak × the share that the best large product was
measured to reach, a column of the catalogue) times one fitted share. Everything else moves bytes at the memory's
bandwidth. Attention that is fused is a kernel of its own; written for the chip ("native") it reaches a published
share of the achievable rate; written for the chip before ("portable", PyTorch of 2023) it gains only with the square
root of the peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcopt.performance.cluster import Cluster
from dcopt.performance.memory import fused
from dcopt.problem.tables.catalog_rows import Software

NARROW = ("fp8", "int8", "fp4")
"""Precisions in which only the weight products of the layers run; attention, output projection and all that is kept
stay in 16 bits (FP8-LM, arXiv 2310.18313; Transformer Engine's recipe)."""
SPARSE_SPEEDUP = 1.3
"""Speed of linear layers with 2:4 sparse weights against dense ones, both passes, measured on A100 (PyTorch blog,
"Accelerating Neural Network Training with Semi-Structured (2:4) Sparsity", 2024)."""
HOST_BYTES_PER_S = 200e9
"""Memory bandwidth that a server's CPUs reach in an optimizer's sweep (half of 16 channels of DDR4-3200; assumed)."""
PORTABLE_PEAK = 312e12
"""16-bit peak of the chip (A100) that portable attention kernels were written for, FLOP/s."""


@dataclass(frozen=True)
class TrainingConstants:
    """What data sheets do not say: six fitted constants, the others read or assumed.

    Refit them with ``python tests/benchmarks/fit_training.py``, which also leaves groups out.

    Unfused kernels (fp16 and fp32, the Megatron of 2021): ``products``, ``traffic`` and ``launch_s`` on the 341 rows of
    training_steps_public.csv (A100): mean error 7.3 % on the multi-node rows and 7.5 % on a node; carried to another
    cluster (Megatron-LM's table 1) 4.3 %. Fused kernels: ``products_fused``, ``traffic_fused`` and ``portable`` on the
    154 FSDP rows of training_public.csv: 5.1 % (A100-40), 4.0 % (A100-80), 3.0 % (H100). Never fitted: fp8 on H100
    (NeMo and Megatron-Bridge 0.4 to 7 %, MLPerf GPT-3 13 %, whose time includes its evaluations).

    products, products_fused: share of the achievable matrix rate. traffic, traffic_fused: reads and writes of each byte
    of a layer's activations, forward. launch_s: host time of a layer and pass. portable: rate of portable attention
    kernels against the root of (their chip's peak × the chip's).
    scores_fused: attention against the achievable matrix rate: FlashAttention-2 reaches about half of an A100's peak
    and FlashAttention-3 of an H100's over both passes (arXiv 2307.08691, 2407.08608), causal products counted once.
    launch_fused_s: host time with fused kernels and graphs (assumed). update: share of the bandwidth in the optimizer's
    sweep; imbalance: busiest expert's share against the mean (both assumed).
    """

    products: float = 0.853
    traffic: float = 3.19
    launch_s: float = 0.89e-3
    products_fused: float = 0.981
    traffic_fused: float = 4.79
    portable: float = 0.273
    scores_fused: float = 0.57
    launch_fused_s: float = 0.2e-3
    update: float = 0.8
    imbalance: float = 1.1


CONSTANTS = TrainingConstants()


@dataclass(frozen=True)
class Rates:
    """FLOP/s that a chip reaches in weight products, the output projection and attention; bytes/s; launch seconds."""

    products: float
    head: float
    scores: float
    bytes_per_s: float
    traffic: float
    launch_s: float


def peaks(cluster: Cluster, precision: str) -> tuple[float, float]:
    """Return the chip's FLOP/s of (weight products, attention and output products) at ``precision``.

    8- and 4-bit training keeps attention and the output projection in 16 bits.

    Raises `ValueError` where the chip lacks the precision.
    """
    peak = cluster.peak_flops(precision)
    if peak is None:
        raise ValueError(f"accelerator '{cluster.accelerator.name}' has no {precision} arithmetic")
    if precision in NARROW:
        wide = cluster.peak_flops("bf16") or cluster.peak_flops("fp16") or peak
        return peak, wide
    return peak, peak


def rates_of(cluster: Cluster, precision: str, software: Software, constants: TrainingConstants = CONSTANTS) -> Rates:
    """Return what a chip of ``cluster`` reaches in training at ``precision`` under ``software``.

    Raises `ValueError` where the chip lacks the precision.
    """
    narrow, wide = peaks(cluster, precision)
    chip, speed = cluster.accelerator, software.efficiency
    is_fused = fused(precision)
    share = (constants.products_fused if is_fused else constants.products) * speed * cluster.products_share
    products = narrow * chip.matmul_share(precision) * share
    head = wide * chip.matmul_share("bf16") * share
    scores = head
    if is_fused:
        scores = constants.scores_fused * chip.matmul_share("bf16") * wide
        if software.stack == "pytorch":
            scores = min(scores, constants.portable * math.sqrt(PORTABLE_PEAK * wide))
        scores *= speed * cluster.products_share
    return Rates(
        products=products,
        head=head,
        scores=scores,
        bytes_per_s=cluster.bytes_per_s * speed,
        traffic=constants.traffic_fused if is_fused else constants.traffic,
        launch_s=(constants.launch_fused_s if is_fused else constants.launch_s) / speed,
    )
