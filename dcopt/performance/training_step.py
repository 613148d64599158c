"""The parts of a training step for many layouts at once: one code path over arrays.

A layer's forward pass is its products at the chip's achievable rate plus its element-wise traffic at the memory's
bandwidth; backward is twice that, full recomputation once more, selective recomputation the attention scores again.
Tensor-parallel all-reduces, stage hand-overs, the pipeline's bubble, the data-parallel reduction that backward does
not hide, expert all-to-alls and the optimizer's sweep are added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from dcopt.performance import arithmetic, collectives
from dcopt.performance.cluster import Cluster
from dcopt.performance.collectives import Links
from dcopt.performance.layouts import LayoutArrays, depth_of, stage_layers
from dcopt.performance.memory import fused, stage_parameters, sweep_bytes, token_bytes, trained_parameters
from dcopt.performance.training_rates import (
    CONSTANTS,
    HOST_BYTES_PER_S,
    SPARSE_SPEEDUP,
    Rates,
    TrainingConstants,
    rates_of,
)
from dcopt.performance.training_records import SERVERS, TrainingTask
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.tables.catalog_rows import Software

Floats = NDArray[np.float64]
CONTENTION = 0.15
"""Share of the compute that communication beside it takes: 20 of an H100's 132 multiprocessors (DeepSeek-V3, arXiv
2412.19437, section 3.2)."""
SHARPNESS = 3.0
"""How sharply a layer turns from bound by the host's launches to bound by the chip (chosen among 2, 3, 4 and 12)."""


@dataclass(frozen=True)
class Times:
    """Seconds of each layout by part (arrays of one length)."""

    compute: Floats
    tensor_comm: Floats
    pipeline_comm: Floats
    data_comm: Floats
    expert_comm: Floats
    bubble: Floats
    optimizer: Floats
    other: Floats

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

    def at(self, speed: float) -> Times:
        """Return the times of hardware that does every part at ``speed`` of this one's."""
        parts = {part.name: getattr(self, part.name) / speed for part in fields(self)}
        return replace(self, **parts)


@dataclass(frozen=True)
class Layer:
    """Seconds of one layer and one micro-batch, forward; ``head`` of the output projection."""

    products: Floats
    scores: Floats
    traffic: Floats
    head: Floats

    @property
    def forward(self) -> Floats:
        """Seconds of the forward pass of a layer."""
        return self.products + self.scores + self.traffic


def _attended(model: ModelConfig, length: float, is_fused: bool) -> float:
    """Return FLOPs of attention of one sequence that are computed: fused kernels skip what causality masks."""
    if model.decoder_layers:
        return 4.0 * model.heads * model.head_dim * model.layers * length * length
    seen = 0.5 * length if is_fused and model.kind == "decoder" else length
    return arithmetic.attention_flops_per_token(model, seen) * length


def _routed_bytes(model: ModelConfig) -> float:
    """Return bytes a layer moves of one token to sort it to its experts and back: each copy read and written twice."""
    share = 1.0 - model.dense_layers / model.layers if model.experts else 0.0
    return share * 8.0 * model.hidden * model.experts_per_token


def _expert_products(model: ModelConfig) -> float:
    """Return the share of the layers' products that routed experts hold, for one token."""
    if not model.experts:
        return 0.0
    return arithmetic.parts(model).experts * model.experts_per_token / model.experts / arithmetic.layer_products(model)


def _layer(
    task: TrainingTask, layouts: LayoutArrays, is_fused: bool, rates: Rates, constants: TrainingConstants
) -> Layer:
    model, depth = task.model, depth_of(task)
    length = float(task.sequence_length)
    sequences = layouts.micro_batch / (layouts.tensor * layouts.context)
    head = 2.0 * arithmetic.parts(model).head_flops_params * (length if model.vocab else 1.0)
    if model.decoder_layers:
        head *= 0.25
    whole = arithmetic.sequence_forward_flops(model, length)
    full = _attended(model, length, is_fused=False)
    kept, shared, score = token_bytes(model)
    tokens = layouts.micro_batch * length / layouts.context
    moved = kept / (layouts.tensor if is_fused else 1) + shared / layouts.tensor
    busiest = 1.0 + _expert_products(model) * np.where(layouts.expert > 1, constants.imbalance - 1.0, 0.0)
    if not is_fused:
        moved = moved + score * length / layouts.tensor
    return Layer(
        products=busiest * sequences * (whole - full - head) / depth / rates.products,
        scores=sequences * _attended(model, length, is_fused) / depth / rates.scores,
        traffic=tokens * (rates.traffic * moved + _routed_bytes(model) / layouts.tensor) / rates.bytes_per_s,
        head=sequences * head / rates.head,
    )


def trained_layer(
    task: TrainingTask,
    cluster: Cluster,
    layouts: LayoutArrays,
    is_fused: bool,
    rates: Rates,
    constants: TrainingConstants,
) -> Layer:
    """Return a layer of the model that is trained, with as many of its steps on sparse weights as the task has."""
    layer = _layer(task, layouts, is_fused, rates, constants)
    if task.sparse_share and cluster.accelerator.sparsity_2_4:
        left = 1.0 - task.sparse_share * (1.0 - 1.0 / SPARSE_SPEEDUP)
        layer = replace(layer, products=layer.products * left)
    return layer


def backward_passes(task: TrainingTask) -> float:
    """Return the forward passes that a backward pass takes as long as."""
    return 1.0 if task.method == "lora" else 2.0


def reduce_s(task: TrainingTask, links: Links, layouts: LayoutArrays) -> Floats:
    """Return seconds of a layer's and micro-batch's all-reduces over tensor ranks, all passes."""
    tokens = layouts.micro_batch * task.sequence_length / layouts.context
    message, tensor = 2.0 * tokens * task.model.hidden, layouts.tensor
    once = collectives.all_reduce_s(links, message, tensor, tensor, np.minimum(tensor, _inside(links, 1.0)))
    return once * np.where(layouts.recompute == 2, 6.0, 4.0)


def recomputed_s(task: TrainingTask, layer: Layer, layouts: LayoutArrays, is_fused: bool, software: Software) -> Floats:
    """Return seconds of one layer and micro-batch that recomputation adds.

    Of the attention, a fused kernel's forward pass is two products of the seven of both passes (arXiv 2307.08691).
    PyTorch's checkpoints stop once the last tensor that backward needs is there, which spares the last projection.
    """
    scores = layer.scores * (6.0 / 7.0 if is_fused else 1.0)
    model = task.model
    width = model.experts_per_token * model.expert_ffn + model.shared_ffn if model.experts else model.ffn
    spared = 0.0
    if software.stack == "pytorch":
        spared = model.hidden * width * depth_of(task) / arithmetic.layer_products(model)
    whole = layer.products * (1.0 - spared) + layer.traffic + scores
    return np.select([layouts.recompute == 2, layouts.recompute == 1], [whole, scores], 0.0)


def evaluate(
    task: TrainingTask,
    cluster: Cluster,
    layouts: LayoutArrays,
    precision: str,
    software: Software,
    constants: TrainingConstants = CONSTANTS,
    links: Links | None = None,
) -> Times:
    """Return the parts of the step of every layout; legality is the caller's.

    ``links`` connect the chips of each layout (None: the cluster's own).

    Raises `ValueError` where the chip lacks the precision.
    """
    links = cluster if links is None else links
    model, depth = task.model, depth_of(task)
    is_fused, rates = fused(precision), rates_of(cluster, precision, software, constants)
    tensor, pipeline, data = layouts.tensor, layouts.pipeline, layouts.data
    layer = trained_layer(task, cluster, layouts, is_fused, rates, constants)
    micro_batches = task.global_batch / (data * layouts.micro_batch)
    backward = backward_passes(task)
    passes = 1.0 + backward + (layouts.recompute == 2)
    again = recomputed_s(task, layer, layouts, is_fused, software)
    compute = layer.forward * (1.0 + backward) + again
    tokens = layouts.micro_batch * task.sequence_length / layouts.context
    message = 2.0 * tokens * model.hidden
    reduce = reduce_s(task, links, layouts) + _context_s(task, links, layouts)
    busy = compute + reduce
    compute = compute + (busy**SHARPNESS + (rates.launch_s * passes) ** SHARPNESS) ** (1.0 / SHARPNESS) - busy
    exchange = _expert_s(task, links, layouts, constants)
    hop = 2.0 * layouts.virtual_stages * collectives.point_to_point_s(links, message / tensor, layouts.accelerators)
    hop = np.where(pipeline > 1, hop, 0.0)
    layers = stage_layers(depth, pipeline, layouts.virtual_stages)
    lesson = _teacher_s(task, links, layouts, rates, constants, is_fused)
    stage = (compute + reduce + exchange) * layers + hop + lesson
    handed = np.where(is_fused & (layouts.virtual_stages > 1), hop, hop * micro_batches)
    heads = micro_batches * layer.head * (1.0 + backward)
    bubble = stage * (pipeline - 1) / layouts.virtual_stages
    back_s = (layer.forward * backward + again) * layers
    hides, overlapped = overlaps(is_fused, software)
    times = Times(
        compute=(compute * layers + lesson) * micro_batches + heads,
        tensor_comm=reduce * layers * micro_batches,
        pipeline_comm=handed,
        data_comm=_data_s(task, cluster, links, layouts, micro_batches, back_s * hides, compute * layers * overlapped),
        expert_comm=exchange * layers * micro_batches,
        bubble=bubble,
        optimizer=_optimizer_s(task, cluster, layouts, precision, constants),
        other=np.full(len(layouts), software.overhead_ms * 1e-3),
    )
    speed = cluster.speeds.of_training(precision)
    return times if speed == 1.0 else times.at(speed)


def overlaps(is_fused: bool, software: Software) -> tuple[float, float]:
    """Return whether reductions hide behind the last backward pass, and gathers behind every micro-batch (1 or 0)."""
    return float(is_fused or software.stack == "pytorch"), float(is_fused and software.stack == "megatron")


def _teacher_s(
    task: TrainingTask,
    links: Links,
    layouts: LayoutArrays,
    rates: Rates,
    constants: TrainingConstants,
    is_fused: bool,
) -> Floats | float:
    """Seconds a stage and micro-batch of a teacher's forward pass; its layers are shared evenly over the stages."""
    if task.teacher is None:
        return 0.0
    lesson = replace(task, model=task.teacher, method="pretrain", teacher=None)
    layer, depth = _layer(lesson, layouts, is_fused, rates, constants), depth_of(lesson)
    message = 2.0 * layouts.micro_batch * task.sequence_length / layouts.context * task.teacher.hidden
    inside = np.minimum(layouts.tensor, _inside(links, 1.0))
    reduce = 2.0 * collectives.all_reduce_s(links, message, layouts.tensor, layouts.tensor, inside)
    exchange = 0.5 * _expert_s(lesson, links, layouts, constants)
    busy = layer.forward + reduce + exchange
    return (busy * depth + layer.head) / layouts.pipeline


def _inside(links: Links, stride: Floats | NDArray[np.int64] | float) -> Floats:
    """Ranks of a group with ``stride`` chips between neighbours that one node holds."""
    return np.maximum(1.0, links.accelerators_per_node / np.asarray(stride, dtype=float))


def _context_s(task: TrainingTask, links: Links, layouts: LayoutArrays) -> Floats:
    """Seconds a layer and micro-batch of passing keys and values around the context ranks, three passes."""
    model, ranks = task.model, layouts.context
    tokens = layouts.micro_batch * task.sequence_length / ranks
    message = 4.0 * tokens * model.kv_heads * model.head_dim / layouts.tensor
    each = collectives.point_to_point_s(links, message, layouts.tensor * ranks)
    return np.where(ranks > 1, 3.0 * (ranks - 1) * each, 0.0)


def _expert_s(task: TrainingTask, links: Links, layouts: LayoutArrays, constants: TrainingConstants) -> Floats:
    """Seconds a layer and micro-batch of the four all-to-alls of expert parallelism, averaged over the layers."""
    model = task.model
    if not model.experts:
        return np.zeros(len(layouts))
    tokens = layouts.micro_batch * task.sequence_length / (layouts.context * layouts.tensor)
    message = 2.0 * tokens * model.hidden * model.experts_per_token * constants.imbalance
    extent = layouts.tensor * layouts.context * layouts.expert
    share = 1.0 - model.dense_layers / model.layers
    return 4.0 * share * collectives.all_to_all_s(links, message, layouts.expert, extent)


@dataclass(frozen=True)
class Reduction:
    """The sum over data ranks of what a chip holds of the dense weights, or of the experts: seconds of one all-reduce.

    trained: share of the weights that get gradients. behind: share of the compute beside it that it cannot hide behind,
    once a step and, of fully sharded weights, in every micro-batch.
    """

    once_s: Floats
    trained: float
    behind: Floats
    behind_sharded: float

    @property
    def once(self) -> Floats:
        """Seconds of communication once a step."""
        return self.once_s * self.trained

    @property
    def sharded(self) -> Floats:
        """Seconds of a micro-batch: fully sharded weights are gathered twice and gradients scattered once."""
        return 0.5 * self.once_s * (2.0 + self.trained)


def reductions(task: TrainingTask, links: Links, layouts: LayoutArrays) -> Iterator[Reduction]:
    """Yield the reductions of the dense weights and of the experts."""
    dense, experts = stage_parameters(task, layouts)
    trained = min(1.0, trained_parameters(task) / arithmetic.parameters(task.model))
    depth = depth_of(task)
    stride = layouts.tensor * layouts.context
    for count, ranks, step in (
        (dense, layouts.data, stride),
        (experts, layouts.data // layouts.expert, stride * layouts.expert),
    ):
        inside = np.minimum(_inside(links, step), ranks)
        once = collectives.all_reduce_s(links, 2.0 * count, ranks, step * ranks, inside)
        if (layouts.sharding == SERVERS).any():
            served = collectives.served_s(links, 2.0 * count, ranks, step * ranks, inside)
            once = np.where(layouts.sharding == SERVERS, served, once)
        yield Reduction(once, trained, layouts.pipeline / depth, 1.0 / depth)


def _data_s(
    task: TrainingTask,
    cluster: Cluster,
    links: Links,
    layouts: LayoutArrays,
    micro_batches: Floats,
    backward: Floats,
    stage: Floats,
) -> Floats:
    """Exposed seconds of the data-parallel reduction: what the last backward pass does not hide.

    Fully sharded weights hide behind the compute of every micro-batch.
    """
    exposed: Floats = np.zeros(len(layouts))
    for part in reductions(task, links, layouts):
        reduction = _beside(cluster, part.once, backward, part.behind)
        sharded = micro_batches * _beside(cluster, part.sharded, stage, part.behind_sharded)
        exposed = exposed + np.where(layouts.sharding == 3, sharded, reduction)
    return exposed


def _beside(cluster: Cluster, comm: Floats, compute: Floats, least: Floats | float) -> Floats:
    """Return by what communication beside ``compute`` lengthens it.

    It cannot hide in full (``least``: the share that has nothing to hide behind), and on GPUs it takes multiprocessors
    while it does; other chips move data by engines of their own.
    """
    taken = CONTENTION if cluster.accelerator.kind == "gpu" else 0.0
    return np.maximum(comm - compute, comm * least) + taken * np.minimum(comm, compute)


def _optimizer_s(
    task: TrainingTask, cluster: Cluster, layouts: LayoutArrays, precision: str, constants: TrainingConstants
) -> Floats:
    """Seconds of the optimizer's sweep over the parameters that the chip updates."""
    dense, experts = stage_parameters(task, layouts)
    trained = min(1.0, trained_parameters(task) / arithmetic.parameters(task.model))
    served = layouts.sharding == SERVERS
    sharded = (layouts.sharding >= 1) & ~served
    count = dense / np.where(sharded, layouts.data, 1)
    count = count + experts / np.where(sharded, layouts.data // layouts.expert, 1)
    moved = sweep_bytes(task.optimizer, precision)
    nodes = np.maximum(1.0, layouts.accelerators / cluster.accelerators_per_node)
    bandwidth = np.where(served, HOST_BYTES_PER_S * nodes, constants.update * cluster.bytes_per_s)
    whole = np.where(served, layouts.tensor, 1.0)
    return np.asarray(moved * trained * count * whole / bandwidth)
