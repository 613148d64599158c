"""From a task, a chip, a layout and an engine's software to the coefficients of a replica (`Engine`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from dcopt.performance import arithmetic
from dcopt.performance.cluster import Cluster
from dcopt.performance.collectives import SCALEUP_SHARE
from dcopt.performance.decoder_engine import DECODER, DecoderConstants, Drafting, Engine, Mixture, Reduction
from dcopt.performance.decoder_work import Work, work_of
from dcopt.performance.serving_records import ReplicaLayout, ServingTask
from dcopt.performance.variants import Variant
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.tables.catalog_rows import Software

FASTEST_BUS = 64e9
"""Bytes/s of PCIe 5.0 x16, one direction: a scale-up link no faster than that is a slot of the host's bus."""
VALUE_BYTES = 2.0
"""Bytes of an activation that travels between kernels or chips (bf16)."""
GB = 2.0**30
"""Bytes of a GB of memory as data sheets count it (an 80 GB H100 reports 81,559 MiB, 85.5e9 bytes)."""
BUFFERS_GB = 0.35
RUNTIME_GB = 3.5
"""Communication buffers, and what a runtime takes beside them (performance.md: 0.35 GB and 3.5 GB of an 80 GB chip)."""
RUNTIME_SHARE = 0.044
"""The same 3.5 GB as a share, for smaller chips."""


@dataclass(frozen=True)
class _Rates:
    """Rates of one chip in this replica, efficiencies applied: FLOP/s of products by part, bytes/s, seconds."""

    cluster: Cluster
    layout: ReplicaLayout
    variant: Variant
    software: Software
    constants: DecoderConstants
    model: ModelConfig
    speed: float = 1.0
    """What a power cap leaves of the speed of the phase that these are the rates of."""

    @cached_property
    def memory(self) -> float:
        """Bytes/s of the memory."""
        peak, constants = self.cluster.bytes_per_s, self.constants
        reached: float = constants.memory * min(1.0, (constants.memory_knee / peak) ** constants.memory_fall)
        return peak * reached * self.software.efficiency * self.speed

    def products(self, precision: str) -> float:
        """FLOP/s of matrix products in a precision that the chip has."""
        peak = self.cluster.peak_flops(precision)
        assert peak is not None
        return peak * self.cluster.products_share * self.software.efficiency * self.speed

    @cached_property
    def quantized(self) -> float:
        """FLOP/s of the products in the variant's arithmetic."""
        return self.products(self.variant.precision) * self.variant.speedup

    @cached_property
    def wide(self) -> float:
        """FLOP/s of attention, which no quantization narrows below 16 bits (where the chip has them)."""
        narrow = self.variant.activation_bits <= 8
        names = ("bf16", "fp16", self.variant.precision) if narrow else (self.variant.precision,)
        return self.products(next(name for name in names if self.cluster.peak_flops(name) is not None))

    @cached_property
    def dense(self) -> float:
        """FLOP/s of dense products: checkpoints that quantize their experts alone keep them in 16 bits."""
        return self.wide if self.model.native_quantized == "experts" else self.quantized

    @cached_property
    def link(self) -> float:
        """Bytes/s of a chip to the others of its stage, before any efficiency but a shared bus's."""
        found = self.cluster.between(self.layout.stage)
        on_bus = self.inside and found <= FASTEST_BUS
        return found * (self.constants.bus if on_bus else 1.0) * self.speed

    @cached_property
    def inside(self) -> bool:
        """Whether a stage stays in a scale-up domain."""
        return self.layout.stage <= self.cluster.scaleup_domain

    @cached_property
    def kernel_s(self) -> float:
        """Shortest time of a kernel."""
        return self.software.kernel_us * 1e-6 / self.software.efficiency / self.speed

    @cached_property
    def activations(self) -> float:
        """Bytes/s of values between kernels."""
        return self.cluster.bytes_per_s * self.software.efficiency * self.speed


def _dense_bytes(task: ServingTask, variant: Variant) -> tuple[float, float, float]:
    """Return bytes of (dense weights that a decode step reads, routed experts, dense weights in memory)."""
    model = task.model
    dense, experts = arithmetic.weight_bytes(model, variant.stored_bits(model), variant.size_factor)
    part = arithmetic.parts(model)
    looked_up = part.embedding if not model.tied_embeddings else part.embedding - part.head_flops_params
    read = dense - max(0.0, looked_up) * 2.0 * variant.size_factor
    return read * (1.0 - arithmetic.encoder_share(model)), experts, dense


def _kernels(model: ModelConfig, layout: ReplicaLayout, variant: Variant, constants: DecoderConstants) -> float:
    """Return the kernels of a pass on one chip."""
    work = work_of(model)
    count = work.kernels
    count += work.split_kernels if layout.tensor > 1 else 0.0
    count += work.exchange_kernels if model.experts and layout.attention_data > 1 else 0.0
    layers = model.decoder_layers or model.layers
    if model.native_quantized == "experts" and variant.stored_bits(model) < 8 < variant.activation_bits:
        count += constants.conversion_kernels * (layers - model.dense_layers)
    elif model.native_weight_bits == 8 and variant.weight_bits == variant.activation_bits == 8:
        count += constants.conversion_kernels * layers
    return count


def _reduction(rates: _Rates) -> Reduction:
    """Return the all-reduces of a layer split over ``tensor`` chips."""
    tensor, model, cluster = rates.layout.tensor, rates.model, rates.cluster
    if tensor == 1:
        return Reduction()
    message = model.hidden * VALUE_BYTES
    inside = rates.inside
    share = SCALEUP_SHARE if inside else 1.0  # a network's rate is given after its efficiency
    ring = 2.0 * (tensor - 1) / tensor * message / (share * rates.link)
    direct = (tensor - 1) * message / (rates.constants.one_shot * rates.link)
    start = rates.constants.ring_s + (0.0 if inside else 2e-6 * cluster.latency_us)
    count = 2.0 * (model.decoder_layers or model.layers)
    return Reduction(count, direct if inside else float("inf"), ring, start)


def _exchange_each_s(rates: _Rates) -> float:
    """Return the seconds for a token of a group of going to its experts in other groups and back."""
    model, stage = rates.model, rates.layout.stage
    if not model.experts or rates.layout.attention_data == 1:
        return 0.0
    layers = (model.decoder_layers or model.layers) - model.dense_layers
    share = SCALEUP_SHARE if rates.inside else 1.0
    sent = min(model.experts_per_token, stage) * model.hidden * VALUE_BYTES
    return layers * 2.0 * (stage - 1) / stage * sent / (share * rates.link)


@dataclass(frozen=True)
class _Prompt:
    """Seconds that a prompt adds to a pass: in the group that reads it, and in the experts of all."""

    by_group: float
    experts: float

    def seconds(self, groups: int) -> float:
        """Return the seconds where so many of the groups work at once, for each of their prompts."""
        return self.by_group / groups + self.experts


@dataclass(frozen=True)
class _Counts:
    """FLOPs and bytes of a request, whatever chips serve it.

    read, kept: bytes of dense weights that a decode step reads, and that the memory keeps; experts: of routed experts.
    kv_read, kv_kept, kv_cached: bytes of keys and values of the mean context, of the longest, and of the cached prefix.
    decode, prefill: FLOPs of (dense products, experts, attention) of one token and of the prompt of ``tokens``.
    """

    read: float
    experts: float
    kept: float
    kv_read: float
    kv_kept: float
    kv_cached: float
    decode: tuple[float, float, float]
    prefill: tuple[float, float, float]
    tokens: float


@lru_cache(maxsize=4096)
def _counts(task: ServingTask, variant: Variant) -> _Counts:
    model, width = task.model, variant.kv_bytes_per_value
    read, experts, kept = _dense_bytes(task, variant)
    context = task.input_tokens + 0.5 * task.output_tokens
    tokens = task.computed_tokens if not model.decoder_layers else float(task.input_tokens)
    cached = task.input_tokens - tokens
    return _Counts(
        read=read,
        experts=experts,
        kept=kept,
        kv_read=arithmetic.kv_bytes(model, context, width),
        kv_kept=arithmetic.kv_bytes(model, float(task.input_tokens + task.output_tokens), width),
        kv_cached=arithmetic.kv_bytes(model, cached, width),
        decode=arithmetic.decode_flops_by_part(model, context),
        prefill=arithmetic.prefill_flops_by_part(model, tokens, cached),
        tokens=tokens,
    )


def _prompt(counts: _Counts, rates: _Rates, work: Work) -> _Prompt:
    layout, tokens = rates.layout, counts.tokens
    reduction, exchange_each_s = _reduction(rates), _exchange_each_s(rates)
    dense, experts, attention = counts.prefill
    values = work.whole_values + work.split_values / layout.tensor
    moved = rates.constants.activations * values * VALUE_BYTES * tokens
    return _Prompt(
        by_group=(dense / rates.dense + attention / rates.wide) / layout.tensor
        + moved / rates.activations
        + (reduction.count * reduction.ring_each_s + exchange_each_s) * tokens
        + counts.kv_cached / layout.tensor / rates.memory,
        experts=experts / rates.quantized / layout.stage,
    )


def _drafting(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, rates: _Rates, constants: DecoderConstants
) -> Drafting | None:
    """Return how the task's speculation drafts on these chips."""
    asked, model = task.speculation, task.model
    if asked is None:
        return None
    if asked.draft is not None:
        if not asked.draft.generates:
            raise ValueError(f"speculation '{asked.name}': the draft model '{asked.draft.name}' does not generate")
        plain = replace(task, model=asked.draft, speculation=None)
        made = build(plain, cluster, layout, rates.variant, rates.software, constants)
        return Drafting(asked.draft_tokens, asked.tokens_a_step, made)
    layers = model.decoder_layers or model.layers
    head = arithmetic.parts(model).head_flops_params * VALUE_BYTES / layout.tensor / rates.memory
    share = asked.mtp_layers / layers
    return Drafting(asked.draft_tokens, asked.tokens_a_step, None, share, head if asked.mtp_layers else 0.0)


def engine(task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software) -> Engine:
    """Return the coefficients of one replica; within a node the network makes no difference.

    Raises `ValueError` where the chip lacks the arithmetic, a replica spans chips that nothing connects, or a draft
    model does not generate.
    """
    alone = layout.accelerators <= cluster.accelerators_per_node and layout.stage <= cluster.scaleup_domain
    return _engine(task, cluster.node if alone and layout.pipeline == 1 else cluster, layout, variant, software)


@lru_cache(maxsize=16_384)
def _engine(task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software) -> Engine:
    return build(task, cluster, layout, variant, software, DECODER)


def build(
    task: ServingTask,
    cluster: Cluster,
    layout: ReplicaLayout,
    variant: Variant,
    software: Software,
    constants: DecoderConstants,
) -> Engine:
    """Return the coefficients of one replica under given ``constants`` (see `engine`)."""
    model, chip = task.model, cluster.accelerator
    if cluster.peak_flops(variant.precision) is None:
        raise ValueError(f"accelerator '{chip.name}' has no {variant.precision} arithmetic")
    tensor, stage, groups = layout.tensor, layout.stage, layout.attention_data
    rates = _Rates(cluster, layout, variant, software, constants, model, cluster.speeds.decode)
    reading = rates if cluster.speeds.prefill == rates.speed else replace(rates, speed=cluster.speeds.prefill)
    if (stage > 1 and rates.link <= 0) or (
        layout.accelerators > cluster.accelerators_per_node and not cluster.connected
    ):
        raise ValueError("the replica spans nodes that no fabric connects")
    work, reduction, exchange = work_of(model), _reduction(rates), _exchange_each_s(rates)
    counts = _counts(task, variant)
    kv_split = 1.0 if model.kv_lora_rank else float(min(tensor, model.kv_heads))
    kv_read, kv_kept = counts.kv_read / kv_split, counts.kv_kept
    dense_flops, expert_flops, attention_flops = counts.decode
    values = work.whole_values + work.split_values / tensor
    moved = constants.activations * values * VALUE_BYTES / rates.activations
    kernels = _kernels(model, layout, variant, constants) * rates.kernel_s
    hops = (layout.pipeline - 1) * cluster.latency_us * 1e-6
    dense_s = counts.read / tensor / rates.memory
    experts_s = counts.experts / stage / rates.memory
    prompt = _prompt(counts, reading, work)
    drafting = _drafting(task, cluster, layout, rates, constants)
    draft = drafting.engine if drafting else None
    share = drafting.layers_share if drafting else 0.0
    chunk = min(constants.pass_tokens, max(2048.0, float(task.input_tokens)))
    weights = (counts.kept / tensor + counts.experts / stage) * (1.0 + share) / layout.pipeline / GB
    return Engine(
        outputs=task.output_tokens,
        stages=layout.pipeline,
        groups=groups,
        dense_s=dense_s,
        kv_each_s=kv_read / rates.memory,
        flops_each_s=(dense_flops / rates.dense + attention_flops / rates.wide) / tensor,
        activations_each_s=moved,
        exchange_each_s=exchange,
        kernels_s=kernels + hops,
        mixture=Mixture(
            experts=model.experts,
            chosen=model.experts_per_token,
            ranks=stage if layout.expert > 1 else 1,
            read_s=experts_s,
            flops_each_s=expert_flops / rates.quantized / stage,
        ),
        reduction=reduction,
        marginal_s=prompt.seconds(groups) * (1.0 + share) + (draft.marginal_s if draft else 0.0),
        alone_s=prompt.seconds(1) * (1.0 + share) + (draft.alone_s if draft else 0.0),
        own_s=dense_s + experts_s + kernels + hops + (draft.own_s if draft else 0.0),
        passes=task.computed_tokens / groups / constants.pass_tokens,
        overhead_s=software.overhead_ms * 1e-3,
        admission_steps=software.admission_steps,
        stall=constants.stall,
        front_s=constants.front_s,
        most_requests=constants.most_requests,
        weights_gb=weights + (draft.weights_gb if draft else 0.0),
        kv_each_gb=kv_kept / kv_split / groups / layout.pipeline / GB + (draft.kv_each_gb if draft else 0.0),
        fixed_gb=2.0 * chunk * model.hidden * 8.0 / tensor / GB
        + BUFFERS_GB
        + min(RUNTIME_GB, RUNTIME_SHARE * chip.memory_gb),
        memory_gb=chip.memory_gb,
        drafting=drafting,
    )
