"""Memory of a training step on the fullest chip: weights, gradients, optimizer states, activations.

Activations follow Korthikanti et al. (arXiv 2205.05198): a layer keeps s·b·h·(10 + 24/t + 5·a·s/(h·t)) bytes, all
divided by t under sequence parallelism, generalised to grouped-query attention and gated or expert feed-forward.
Fused attention never writes the score matrices (the last term); kernels are taken as fused
(tensor parallelism as sequence-parallel, dropout as absent, which saves its masks of 2·h bytes) for every precision
but fp16 and fp32, whose published runs and chips predate such kernels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dcopt.performance import arithmetic
from dcopt.performance.layouts import LayoutArrays, depth_of, stage_layers
from dcopt.performance.training_records import SERVERS, TrainingTask
from dcopt.problem.model_config import ModelConfig

Floats = NDArray[np.float64]

STATE_BYTES = {
    "adam": 8.0,
    "sgd": 0.0,
    "momentum": 4.0,
    "rmsprop": 4.0,
    "adafactor": 0.1,
    "adam8bit": 2.0,
}
"""Bytes of optimizer state a trained parameter, without the fp32 master copy (4 more under mixed precision)."""
RUNTIME_GB = 1.0
"""CUDA context, communication buffers and fragments, GB (estimate)."""
UNFUSED = ("fp16", "fp32")


WIDE = ("fp32", "tf32")
"""Precisions whose weights are kept in 32 bits."""


def memory_kind(precision: str) -> tuple[bool, ...]:
    """Return what `memory_gb` sees of a precision: those of one kind need the same."""
    return (precision in WIDE, precision == "fp16", fused(precision))


def fused(precision: str) -> bool:
    """Return whether attention kernels are fused and tensor parallelism is sequence-parallel at ``precision``."""
    return precision not in UNFUSED


def trained_parameters(task: TrainingTask) -> float:
    """Return the parameters that get gradients and optimizer states (adapters only under LoRA)."""
    if task.method == "lora":
        return float(arithmetic.lora_parameters(task.model))
    return float(arithmetic.parameters(task.model))


def state_bytes(task: TrainingTask, precision: str) -> float:
    """Return bytes of optimizer state and master copy a trained parameter."""
    return STATE_BYTES[task.optimizer] + (0.0 if precision in WIDE else 4.0)


def sweep_bytes(optimizer: str, precision: str) -> float:
    """Return bytes that the optimizer's sweep moves a parameter.

    It reads the gradient, reads and writes the master weight and the states, and writes the 16-bit weight where the
    master is a copy: 28 bytes with Adam, 12 with plain SGD. Adafactor reads the gradient once more for its row and
    column means (arXiv 1804.04235).
    """
    wide = precision in WIDE
    gradient = (4.0 if wide else 2.0) * (2.0 if optimizer == "adafactor" else 1.0)
    return gradient + 8.0 + 2.0 * STATE_BYTES[optimizer] + (0.0 if wide else 2.0)


def token_bytes(model: ModelConfig) -> tuple[float, float, float]:
    """Return bytes a layer keeps of one token: (replicated over tensor ranks, split, split and a score's worth).

    The last is per token of context: 5 bytes for each head and pair of tokens.
    """
    queries, keys = model.heads * model.head_dim, model.kv_heads * model.head_dim
    width = model.experts_per_token * model.expert_ffn + model.shared_ffn if model.experts else model.ffn
    feed_forward = (6.0 if model.gated else 4.0) * width
    return 10.0 * model.hidden, 4.0 * queries + 4.0 * keys + feed_forward, 5.0 * model.heads


def stage_parameters(task: TrainingTask, layouts: LayoutArrays) -> tuple[Floats, Floats]:
    """Return (dense, expert) parameters on the fullest chip of each layout, before sharding over data ranks."""
    part = arithmetic.parts(task.model)
    layers = part.attention + part.dense_ffn + part.norms
    tables = float(part.embedding + part.head)
    ends = np.where(layouts.pipeline == 1, tables, max(part.embedding, part.head_flops_params, part.head))
    dense = (layers / layouts.pipeline + ends) / layouts.tensor
    experts = part.experts / (layouts.pipeline * layouts.tensor * layouts.expert)
    return np.asarray(dense, dtype=float), np.asarray(experts, dtype=float)


def _states(task: TrainingTask, precision: str, layouts: LayoutArrays) -> Floats:
    """Return bytes of weights, gradients and optimizer states on the fullest chip.

    With Adam 16 bytes a parameter in fp16 (ZeRO, arXiv 1910.02054) and 18 in bf16, whose gradients are summed in 32
    bits (Megatron Core's distributed optimizer).
    """
    dense, experts = stage_parameters(task, layouts)
    trained = min(1.0, trained_parameters(task) / arithmetic.parameters(task.model))
    weight = 4.0 if precision in WIDE else 2.0
    summed = weight if precision == "fp16" else 4.0
    gradient = np.where(layouts.sharding >= 2, weight, summed) * trained
    state = state_bytes(task, precision) * trained
    served = layouts.sharding == SERVERS
    mask = 1.0 / 8.0 if task.sparse_share else 0.0
    total: Floats = np.zeros(len(layouts))
    for count, ranks in ((dense, layouts.data), (experts, layouts.data // layouts.expert)):
        kept = weight / np.where(layouts.sharding == 3, ranks, 1) + mask
        kept = kept + gradient / np.where((layouts.sharding >= 2) & ~served, ranks, 1)
        kept = kept + np.where(served, 0.0, state / np.where(layouts.sharding >= 1, ranks, 1))
        total = total + count * kept
    total = total + _teacher_bytes(task, weight, layouts)
    gathered = 2.0 * weight * (dense + experts) / depth_of(task)
    result: Floats = total + np.where((layouts.sharding == 3) & (layouts.data > 1), gathered, 0.0)
    return result


def _teacher_bytes(task: TrainingTask, weight: float, layouts: LayoutArrays) -> Floats | float:
    """Return bytes of a teacher's weights, shared out as the student's are, and of its logits."""
    if task.teacher is None:
        return 0.0
    ranks = layouts.tensor * layouts.pipeline * np.where(layouts.sharding == 3, layouts.data, 1)
    tokens = layouts.micro_batch * task.sequence_length / layouts.context
    return weight * arithmetic.parameters(task.teacher) / ranks + 4.0 * tokens * task.teacher.vocab / layouts.tensor


def activation_bytes(task: TrainingTask, precision: str, layouts: LayoutArrays) -> Floats:
    """Return bytes of activations that the fullest chip keeps, logits included."""
    model = task.model
    whole, split, scores = token_bytes(model)
    is_fused = fused(precision)
    tensor, context = layouts.tensor, layouts.context
    tokens = layouts.micro_batch * task.sequence_length / context
    score = 0.0 if is_fused else scores * task.sequence_length
    masks = 2.0 * model.hidden if is_fused else 0.0
    layer = (whole - masks) / (tensor if is_fused else 1) + split / tensor
    kept = np.select(
        [layouts.recompute == 0, layouts.recompute == 1],
        [layer + score / tensor, layer],
        2.0 * model.hidden / (tensor if is_fused else 1),
    )
    depth = depth_of(task)
    micro_batches = task.global_batch / (layouts.data * layouts.micro_batch)
    interleaved = 1.0 + (layouts.pipeline - 1) / (layouts.pipeline * layouts.virtual_stages)
    flight = np.minimum(micro_batches, layouts.pipeline * np.where(layouts.virtual_stages > 1, interleaved, 1.0))
    total = tokens * kept * stage_layers(depth, layouts.pipeline, layouts.virtual_stages) * flight
    working = tokens * (layer + score / tensor)
    logits = tokens * (4.0 if is_fused else 6.0) * model.vocab / tensor if model.generates else 0.0
    result: Floats = total + np.where(layouts.recompute == 2, working, 0.0)
    return result + np.where(layouts.pipeline == 1, logits, 0.0)


def memory_gb(task: TrainingTask, precision: str, layouts: LayoutArrays) -> Floats:
    """Return GB that the fullest chip of each layout needs (shape (n,))."""
    total: Floats = (_states(task, precision, layouts) + activation_bytes(task, precision, layouts)) / 1e9 + RUNTIME_GB
    return total
