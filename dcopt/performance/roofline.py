"""Where each class of operations stands under the roofline of its chip: arithmetic intensity against the ridge.

An operation that does F FLOPs on B bytes of memory has the intensity F/B; the chip's ridge is peak FLOP/s ÷ memory
bytes/s (Williams, Waterman and Patterson, CACM 2009). Above the ridge arithmetic bounds it, below it memory does; what
crosses links is bound by these. Counts are of the model, before any efficiency: they say what bounds, not how long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dcopt.performance import arithmetic
from dcopt.performance.cluster import Cluster
from dcopt.performance.serving_records import ReplicaLayout, ServingTask
from dcopt.performance.training_records import Layout, TrainingTask
from dcopt.performance.variants import Variant
from dcopt.problem.model_config import ModelConfig

VALUE_BYTES = 2.0
"""Bytes of an activation; narrower ones exist only inside a product."""
OPTIMIZER_BYTES, OPTIMIZER_FLOPS = 28.0, 12.0
"""Bytes read and written, and arithmetic, of one Adam update of a parameter: fp32 master, two moments and a gradient
read, the first three and the 16-bit weight written; about a dozen operations (Kingma and Ba, arXiv 1412.6980)."""


@dataclass(frozen=True)
class Operation:
    """A class of operations on one chip: FLOPs, bytes of memory, bytes over links (of one step or one token)."""

    flops: float
    memory_bytes: float
    ridge: float
    link_bytes: float = 0.0

    @property
    def intensity(self) -> float:
        """FLOPs for each byte of memory (0 for what only crosses links)."""
        return self.flops / self.memory_bytes if self.memory_bytes else 0.0

    @property
    def bound(self) -> Literal["compute", "memory", "link"]:
        """What bounds it."""
        if self.link_bytes:
            return "link"
        return "compute" if self.intensity >= self.ridge else "memory"

    def record(self) -> dict[str, float | str]:
        """Return intensity, ridge and bound as plain values."""
        return {"flop_per_byte": self.intensity, "ridge_flop_per_byte": self.ridge, "bound": self.bound}


def ridge_of(cluster: Cluster, precision: str) -> float:
    """Return the FLOPs for each byte of memory at which a chip's arithmetic and memory are in balance.

    Raises `ValueError` where the chip lacks the arithmetic.
    """
    peak = cluster.peak_flops(precision)
    if peak is None:
        raise ValueError(f"accelerator '{cluster.accelerator.name}' has no {precision} arithmetic")
    return peak / cluster.bytes_per_s


def serving_roofline(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, batch: float
) -> Mapping[str, Operation]:
    """Return the classes of one decode step of ``batch`` requests and of one prefill (of one pass for encoders)."""
    model, ridge = task.model, ridge_of(cluster, variant.precision)
    dense, experts = arithmetic.weight_bytes(model, variant.stored_bits(model), variant.size_factor)
    chips = float(layout.accelerators)
    inputs = float(task.input_tokens)
    read = (
        arithmetic.prefill_flops(model, inputs) if task.generates else arithmetic.sequence_forward_flops(model, inputs)
    )
    attention = inputs * arithmetic.attention_flops_per_token(model, inputs) * (0.5 if task.generates else 1.0)
    width = _moved_values(model) * VALUE_BYTES
    together = 1.0 if task.generates else max(1.0, batch)
    found: dict[str, Operation] = {
        "prefill_products" if task.generates else "products": Operation(
            together * (read - attention) / chips, (dense + experts + together * inputs * width) / chips, ridge
        ),
        "prefill_attention" if task.generates else "attention": Operation(
            together * attention / chips, together * inputs * _attention_values(model) * VALUE_BYTES / chips, ridge
        ),
    }
    if task.generates:
        found |= _decode(task, layout, variant, max(1.0, batch), (dense, experts), ridge)
    if layout.tensor > 1:
        crossing = 2 * model.layers * together * inputs * model.hidden * VALUE_BYTES
        found["tensor_links"] = Operation(0.0, 0.0, ridge, crossing / chips)
    return found


def _decode(
    task: ServingTask,
    layout: ReplicaLayout,
    variant: Variant,
    batch: float,
    weights: tuple[float, float],
    ridge: float,
) -> dict[str, Operation]:
    model, chips = task.model, float(layout.accelerators)
    context = task.input_tokens + task.output_tokens / 2.0
    dense, experts = weights
    touched = 1.0 - (1.0 - model.experts_per_token / model.experts) ** batch if model.experts else 0.0
    attention = arithmetic.attention_flops_per_token(model, context)
    products = arithmetic.decode_flops(model, context) - attention
    cache = arithmetic.kv_bytes(model, context, variant.kv_bytes_per_value)
    read = dense + experts * touched + batch * _moved_values(model) * VALUE_BYTES
    return {
        "decode_products": Operation(batch * products / chips, read / chips, ridge),
        "decode_attention": Operation(batch * attention / chips, batch * cache / chips, ridge),
    }


def training_roofline(task: TrainingTask, cluster: Cluster, layout: Layout, precision: str) -> Mapping[str, Operation]:
    """Return the classes of one micro-batch's forward pass on a chip, of the optimizer, and what crosses links."""
    model, ridge = task.model, ridge_of(cluster, precision)
    stage = layout.pipeline * layout.tensor
    tokens = layout.micro_batch * task.sequence_length / layout.context
    attention = tokens * arithmetic.attention_flops_per_token(model, float(task.sequence_length))
    products = 2.0 * tokens * arithmetic.layer_products(model)
    weights = arithmetic.layer_products(model) * VALUE_BYTES
    share = arithmetic.parameters(model) / (stage * max(1, layout.expert))
    if layout.sharding != "none":
        share /= layout.data / layout.expert
    found = {
        "products": Operation(products / stage, (weights + tokens * _moved_values(model) * VALUE_BYTES) / stage, ridge),
        "attention": Operation(attention / stage, tokens * _attention_values(model) * VALUE_BYTES / stage, ridge),
        "normalization": Operation(
            tokens * model.layers * model.hidden * 10.0 / layout.pipeline,
            tokens * model.layers * model.hidden * 4.0 * VALUE_BYTES / layout.pipeline,
            ridge,
        ),
        "optimizer": Operation(share * OPTIMIZER_FLOPS, share * OPTIMIZER_BYTES, ridge),
    }
    if layout.tensor > 1:
        crossing = 2 * model.layers / layout.pipeline * tokens * model.hidden * VALUE_BYTES
        found["tensor_links"] = Operation(0.0, 0.0, ridge, crossing)
    if layout.pipeline > 1:
        found["pipeline_links"] = Operation(0.0, 0.0, ridge, tokens * model.hidden * VALUE_BYTES)
    if layout.data > 1:
        found["data_links"] = Operation(0.0, 0.0, ridge, 2.0 * share * VALUE_BYTES)
    return found


def _moved_values(model: ModelConfig) -> float:
    """Return the values that the products of all layers read and write for one token."""
    width = model.heads * model.head_dim
    attention = 2.0 * model.hidden + 2.0 * width + 2.0 * model.kv_heads * model.head_dim
    active = model.experts_per_token * model.expert_ffn + model.shared_ffn if model.experts else model.ffn
    feed_forward = 2.0 * model.hidden + (3.0 if model.gated else 2.0) * active
    return (model.layers + model.decoder_layers) * (attention + feed_forward)


def _attention_values(model: ModelConfig) -> float:
    """Return the values that fused attention reads and writes for one token: queries, keys, values and the result."""
    values = 2.0 * model.heads * model.head_dim + 2.0 * model.kv_heads * model.head_dim
    return (model.layers + model.decoder_layers) * values
