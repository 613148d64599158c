"""The time of a training step, for one layout or for a hundred thousand at once: one code path over arrays.

A layer's forward pass is its products at a share of the chip's peak plus its element-wise traffic at the memory's
bandwidth; backward is twice that, full recomputation once more, selective recomputation the attention scores again.
Tensor-parallel all-reduces, stage hand-overs, the pipeline's bubble, the data-parallel reduction that backward does
not hide, expert all-to-alls and the optimizer's sweep are added. See `TrainingConstants` for what was fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcopt.performance import arithmetic, collectives
from dcopt.performance.cluster import BALANCED, Cluster
from dcopt.performance.layouts import (
    LayoutArrays,
    arrays_of,
    check,
    depth_of,
    enumerate_layouts,
    legal_node_counts,
)
from dcopt.performance.memory import fused, memory_gb, stage_parameters, token_bytes, trained_parameters
from dcopt.performance.training_records import (
    Layout,
    StepPrediction,
    TrainingTask,
    run_tokens,
    sequence_length_of,
    task_of,
)
from dcopt.problem.tables.catalog_rows import Software

__all__ = [
    "Layout",
    "StepPrediction",
    "TrainingTask",
    "best_step",
    "best_steps",
    "legal_node_counts",
    "predict_step",
    "run_tokens",
    "sequence_length_of",
    "task_of",
]

Floats = NDArray[np.float64]
CHUNK = 65_536
"""Layouts evaluated together: keeps the arrays within the cache's reach."""


@dataclass(frozen=True)
class TrainingConstants:
    """What data sheets do not say: seven fitted constants, three assumed ones.

    Unfused kernels (fp16): ``products``, ``traffic`` and ``launch_s`` on the 341 rows of training_steps_public.csv
    (A100, 8 % mean error on the multi-node rows, 10 % on all); carried to Megatron-LM's table 1 they err by 3 to 4 %.
    Fused kernels: ``products_fused``, ``scores_fused``, ``traffic_fused`` and ``balance`` on the 154 FSDP rows of
    training_public.csv (A100-40, A100-80, H100; 8 %). Carried without refit to fp8 on H100 (NeMo, MLPerf) they err by
    6 to 32 %, to Gaudi 2 by 30 %, to TPU v5p by 5 %.

    products, scores: share of the peak that weight products and attention reach. traffic: reads and writes of each
    byte of a layer's activations, forward. balance: exponent by which chips with more arithmetic for each byte of
    bandwidth reach less. launch: host time of a layer and pass, which short kernels cannot hide. update: share of the
    bandwidth in the optimizer's sweep; imbalance: busiest expert's share against the mean (both assumed);
    gathers_hidden: share of a layer's compute behind which sharded weights are gathered (assumed).
    """

    products: float = 0.787
    traffic: float = 3.70
    products_fused: float = 0.878
    scores_fused: float = 0.539
    traffic_fused: float = 4.24
    balance: float = 0.52
    launch_s: float = 0.89e-3
    launch_fused_s: float = 0.2e-3
    update: float = 0.8
    imbalance: float = 1.1
    gathers_hidden: float = 1.0


CONSTANTS = TrainingConstants()


@dataclass(frozen=True)
class _Times:
    """Seconds of each layout by part (arrays of one length) and its memory in GB."""

    compute: Floats
    tensor_comm: Floats
    pipeline_comm: Floats
    data_comm: Floats
    expert_comm: Floats
    bubble: Floats
    optimizer: Floats
    other: Floats
    memory: Floats

    @property
    def step(self) -> Floats:
        """Seconds of the whole step."""
        return (
            self.compute
            + self.tensor_comm
            + self.pipeline_comm
            + self.data_comm
            + self.expert_comm
            + self.bubble
            + self.optimizer
            + self.other
        )


def peaks(cluster: Cluster, precision: str) -> tuple[float, float]:
    """Return the chip's FLOP/s of (weight products, attention and output products) at ``precision``.

    8- and 4-bit training keeps attention and the output projection in 16 bits.

    Raises `ValueError` where the chip lacks the precision.
    """
    peak = cluster.peak_flops(precision)
    if peak is None:
        raise ValueError(f"accelerator '{cluster.accelerator.name}' has no {precision} arithmetic")
    if precision in ("fp8", "int8", "fp4"):
        wide = cluster.peak_flops("bf16") or cluster.peak_flops("fp16") or peak
        return peak, wide
    return peak, peak


@dataclass(frozen=True)
class _Layer:
    """Seconds of one layer and one micro-batch, forward."""

    products: Floats
    scores: Floats
    traffic: Floats
    head: Floats


def _rates(cluster: Cluster, precision: str, efficiency: float) -> tuple[float, float, float]:
    """Return FLOP/s that a chip reaches in (weight products, output products, attention scores).

    Chips with more 16-bit arithmetic for each byte of their memory bandwidth reach less of it, in every precision.
    """
    constants = CONSTANTS
    narrow, wide = peaks(cluster, precision)
    efficiency *= cluster.products_share
    if not fused(precision):
        return narrow * constants.products * efficiency, *(2 * (wide * constants.products * efficiency,))

    reached = efficiency * min(1.0, (BALANCED * cluster.bytes_per_s / wide) ** constants.balance)
    products, scores = constants.products_fused * reached, constants.scores_fused * reached
    return narrow * products, wide * products, wide * scores


def _layer(task: TrainingTask, cluster: Cluster, layouts: LayoutArrays, precision: str, efficiency: float) -> _Layer:
    model, constants, depth = task.model, CONSTANTS, depth_of(task)
    is_fused = fused(precision)
    narrow, wide, scored = _rates(cluster, precision, efficiency)
    length = float(task.sequence_length)
    split = layouts.tensor * layouts.context
    sequences = layouts.micro_batch / split
    head = 2.0 * arithmetic.parts(model).head_flops_params * (length if model.vocab else 1.0)
    if model.decoder_layers:
        head *= 0.25
    whole = arithmetic.sequence_forward_flops(model, length)
    scores = arithmetic.attention_flops_per_token(model, length) * length
    if model.decoder_layers:
        scores = 4.0 * model.heads * model.head_dim * model.layers * length * length
    kept, shared, score = token_bytes(model)
    tokens = layouts.micro_batch * length / layouts.context
    moved = kept / (layouts.tensor if is_fused else 1) + shared / layouts.tensor
    if not is_fused:
        moved = moved + score * length / layouts.tensor
    traffic = constants.traffic_fused if is_fused else constants.traffic
    return _Layer(
        products=sequences * (whole - scores - head) / depth / narrow,
        scores=sequences * scores / depth / scored,
        traffic=traffic * tokens * moved / (cluster.bytes_per_s * efficiency),
        head=sequences * head / wide,
    )


def _evaluate(
    task: TrainingTask, cluster: Cluster, layouts: LayoutArrays, precision: str, software: Software
) -> _Times:
    """Return the parts of the step of every layout; legality is the caller's."""
    model, constants, depth = task.model, CONSTANTS, depth_of(task)
    tensor, pipeline, data = layouts.tensor, layouts.pipeline, layouts.data
    layer = _layer(task, cluster, layouts, precision, software.efficiency)
    micro_batches = task.global_batch / (data * layouts.micro_batch)
    full, selective = layouts.recompute == 2, layouts.recompute == 1
    backward = 1.0 if task.method == "lora" else 2.0
    forward = layer.products + layer.scores + layer.traffic
    passes = 1.0 + backward + full
    compute = forward * passes + np.where(selective, layer.scores, 0.0)
    launch = constants.launch_fused_s if fused(precision) else constants.launch_s
    compute = np.maximum(compute, launch * passes / software.efficiency)
    tokens = layouts.micro_batch * task.sequence_length / layouts.context
    message = 2.0 * tokens * model.hidden
    reduce = collectives.all_reduce_s(cluster, message, tensor, tensor, np.minimum(tensor, _inside(cluster, 1.0)))
    reduce = reduce * np.where(full, 6.0, 4.0) + _context_s(task, cluster, layouts)
    exchange = _expert_s(task, cluster, layouts)
    hop = 2.0 * layouts.virtual_stages * collectives.point_to_point_s(cluster, message / tensor, layouts.accelerators)
    hop = np.where(pipeline > 1, hop, 0.0)
    layers = depth / pipeline
    stage = (compute + reduce + exchange) * layers + hop
    heads = micro_batches * layer.head * (1.0 + backward)
    bubble = stage * (pipeline - 1) / layouts.virtual_stages
    back_s = (forward * (backward + full)) * layers
    return _Times(
        compute=compute * layers * micro_batches + heads,
        tensor_comm=reduce * layers * micro_batches,
        pipeline_comm=hop * micro_batches,
        data_comm=_data_s(task, cluster, layouts, micro_batches, back_s, compute * layers),
        expert_comm=exchange * layers * micro_batches,
        bubble=bubble,
        optimizer=_optimizer_s(task, cluster, layouts),
        other=np.full(len(layouts), software.overhead_ms * 1e-3),
        memory=memory_gb(task, precision, layouts),
    )


def _inside(cluster: Cluster, stride: Floats | NDArray[np.int64] | float) -> Floats:
    """Ranks of a group with ``stride`` chips between neighbours that one node holds."""
    return np.maximum(1.0, cluster.accelerators_per_node / np.asarray(stride, dtype=float))


def _context_s(task: TrainingTask, cluster: Cluster, layouts: LayoutArrays) -> Floats:
    """Seconds a layer and micro-batch of passing keys and values around the context ranks, three passes."""
    model, ranks = task.model, layouts.context
    tokens = layouts.micro_batch * task.sequence_length / ranks
    message = 4.0 * tokens * model.kv_heads * model.head_dim / layouts.tensor
    each = collectives.point_to_point_s(cluster, message, layouts.tensor * ranks)
    return np.where(ranks > 1, 3.0 * (ranks - 1) * each, 0.0)


def _expert_s(task: TrainingTask, cluster: Cluster, layouts: LayoutArrays) -> Floats:
    """Seconds a layer and micro-batch of the four all-to-alls of expert parallelism, averaged over the layers."""
    model = task.model
    if not model.experts:
        return np.zeros(len(layouts))
    tokens = layouts.micro_batch * task.sequence_length / (layouts.context * layouts.tensor)
    message = 2.0 * tokens * model.hidden * model.experts_per_token * CONSTANTS.imbalance
    extent = layouts.tensor * layouts.context * layouts.expert
    share = 1.0 - model.dense_layers / model.layers
    return 4.0 * share * collectives.all_to_all_s(cluster, message, layouts.expert, extent)


def _data_s(
    task: TrainingTask,
    cluster: Cluster,
    layouts: LayoutArrays,
    micro_batches: Floats,
    backward: Floats,
    stage: Floats,
) -> Floats:
    """Exposed seconds of the data-parallel reduction: what the last backward pass does not hide.

    Fully sharded weights are gathered twice and gradients scattered once in every micro-batch, behind its compute.
    """
    dense, experts = stage_parameters(task, layouts)
    trained = min(1.0, trained_parameters(task) / arithmetic.parameters(task.model))
    depth = depth_of(task)
    stride = layouts.tensor * layouts.context
    exposed: Floats = np.zeros(len(layouts))
    for count, ranks, step in (
        (dense, layouts.data, stride),
        (experts, layouts.data // layouts.expert, stride * layouts.expert),
    ):
        inside = np.minimum(_inside(cluster, step), ranks)
        once = collectives.all_reduce_s(cluster, 2.0 * count, ranks, step * ranks, inside)
        reduction = np.maximum(once * trained - backward, once * trained * layouts.pipeline / depth)
        gathers = 0.5 * once * (2.0 + trained)
        sharded = micro_batches * np.maximum(gathers - CONSTANTS.gathers_hidden * stage, gathers / depth)
        exposed = exposed + np.where(layouts.sharding == 3, sharded, reduction)
    return exposed


def _optimizer_s(task: TrainingTask, cluster: Cluster, layouts: LayoutArrays) -> Floats:
    """Seconds of the optimizer's sweep: 28 bytes moved a trained parameter that the chip updates."""
    dense, experts = stage_parameters(task, layouts)
    trained = min(1.0, trained_parameters(task) / arithmetic.parameters(task.model))
    sharded = layouts.sharding >= 1
    count = dense / np.where(sharded, layouts.data, 1)
    count = count + experts / np.where(sharded, layouts.data // layouts.expert, 1)
    return np.asarray(28.0 * trained * count / (CONSTANTS.update * cluster.bytes_per_s))


def _prediction(
    task: TrainingTask,
    cluster: Cluster,
    layouts: LayoutArrays,
    times: _Times,
    index: int,
    precision: str,
    software: Software,
) -> StepPrediction:
    names = (
        "compute",
        "tensor_comm",
        "pipeline_comm",
        "data_comm",
        "expert_comm",
        "bubble",
        "optimizer",
        "other",
    )
    breakdown = {name: float(getattr(times, name)[index]) for name in names}
    step = sum(breakdown.values())
    layout = layouts.at(index)
    chips = layout.accelerators
    flops = arithmetic.training_flops_per_sequence(task.model, task.sequence_length) * task.global_batch
    achieved = flops / step / chips
    memory = float(times.memory[index])
    return StepPrediction(
        layout=layout,
        accelerators=chips,
        precision=precision,
        step_s=step,
        tokens_per_s=task.tokens_per_step / step,
        tokens_per_s_per_accelerator=task.tokens_per_step / step / chips,
        tflops_per_accelerator=achieved / 1e12,
        mfu=achieved / peaks(cluster, precision)[0],
        memory_gb=memory,
        fits=memory <= cluster.accelerator.memory_gb * software.memory_fraction,
        breakdown=breakdown,
    )


def predict_step(
    task: TrainingTask, cluster: Cluster, layout: Layout, precision: str, software: Software
) -> StepPrediction:
    """Return the step of one layout (memory may not fit: see ``fits``).

    Raises
    ------
    ValueError: the layout is illegal, or the chip lacks the precision.
    """
    check(task, cluster, layout)
    layouts = arrays_of([layout])
    times = _evaluate(task, cluster, layouts, precision, software)
    return _prediction(task, cluster, layouts, times, 0, precision, software)


def best_step(
    task: TrainingTask,
    cluster: Cluster,
    accelerators: int,
    precision: str,
    software: Software,
    fixed: Mapping[str, int | str] | None = None,
) -> StepPrediction | None:
    """Return the fastest legal layout of ``accelerators`` chips that fits the memory; None where there is none.

    ``fixed`` gives degrees by the names of `Layout`. Ties go to the layout that is enumerated first.

    Raises `ValueError` where the chip lacks the precision.
    """
    return _best(task, cluster, [accelerators], precision, software, fixed).get(accelerators)


def best_steps(
    task: TrainingTask, cluster: Cluster, node_counts: Sequence[int], precision: str, software: Software
) -> dict[int, StepPrediction]:
    """Return the best step of each node count that has one, all accelerators of the nodes used."""
    per_node = cluster.accelerators_per_node
    found = _best(task, cluster, [nodes * per_node for nodes in node_counts], precision, software, None)
    return {nodes: found[nodes * per_node] for nodes in node_counts if nodes * per_node in found}


def _best(
    task: TrainingTask,
    cluster: Cluster,
    accelerators: Sequence[int],
    precision: str,
    software: Software,
    fixed: Mapping[str, int | str] | None,
) -> dict[int, StepPrediction]:
    """Return the best step of each number of chips."""
    peaks(cluster, precision)
    layouts = enumerate_layouts(task, cluster, accelerators, fixed)
    limit = cluster.accelerator.memory_gb * software.memory_fraction
    best: dict[int, tuple[float, StepPrediction]] = {}
    for start in range(0, len(layouts), CHUNK):
        part = layouts.piece(start, start + CHUNK)
        times = _evaluate(task, cluster, part, precision, software)
        step = np.where(times.memory <= limit, times.step, np.inf)
        chips = part.accelerators
        order = np.lexsort((np.arange(len(part)), step, chips))
        first = np.unique(chips[order], return_index=True)[1]
        for index in order[first]:
            count, seconds = int(chips[index]), float(step[index])
            if np.isfinite(seconds) and (count not in best or seconds < best[count][0]):
                best[count] = (seconds, _prediction(task, cluster, part, times, int(index), precision, software))
    return {count: prediction for count, (_, prediction) in best.items()}
