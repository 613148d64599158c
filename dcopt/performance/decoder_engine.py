"""What one replica of a generating model costs: a decode step, a prefill, the memory, as coefficients in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dcopt.performance import arithmetic
from dcopt.performance.cluster import Cluster
from dcopt.performance.serving_records import ReplicaLayout, ServingTask
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software


@dataclass(frozen=True)
class DecoderConstants:
    """Constants of the engine; the first seven are fitted.

    On the 1,375 unflagged aggregated rows of data/published/serving_public.csv (dense, grouped-query, latent and
    linear attention, mixtures of experts; H100, H200, B200; three engines): mean / median error of TPOT 15 / 10 %, of
    TTFT 47 / 34 %. With each model left out of the fit in turn: 18 / 12 % and 53 / 37 %.

    memory, products: shares of HBM bandwidth and of the peak that are reached. layer_s: overhead of a layer of a
    decode step or prefill; expert_layer_s: what routing adds to it. packed_tokens: prompts are read together up to so
    many tokens. stall: share of a prefill that stalls others' decoding. first_s: fixed part of the time to the first
    token. burst: share of requests in a closed loop's start burst. link: share of the scale-up bandwidth.
    """

    memory: float = 0.892
    products: float = 0.505
    layer_s: float = 68e-6
    expert_layer_s: float = 46e-6
    packed_tokens: float = 476.0
    stall: float = 0.886
    first_s: float = 0.085
    burst: float = 0.1
    link: float = 0.7
    most_requests: int = 4096


DECODER = DecoderConstants()


@dataclass(frozen=True)
class Engine:
    """Coefficients of one replica in seconds and bytes, all efficiencies applied."""

    outputs: int
    stages: int
    dense_s: float
    experts_s: float
    experts: int
    chosen: int
    kv_each_s: float
    flops_each_s: float
    link_each_s: float
    layers_s: float
    prefill_flops_s: float
    prefill_weights_s: float
    prefill_link_s: float
    prefill_share: float
    overhead_s: float
    weights_gb: float
    kv_each_gb: float
    fixed_gb: float
    memory_gb: float

    def touched(self, tokens: float) -> float:
        """Share of the experts that ``tokens`` tokens in flight touch."""
        if not self.experts:
            return 0.0
        return float(1.0 - (1.0 - self.chosen / self.experts) ** tokens)

    def step(self, batch: float) -> float:
        """Seconds of one decode step of ``batch`` requests (each stage of a pipeline holds its share of them)."""
        here = max(1.0, batch / self.stages)
        each = self.kv_each_s + self.flops_each_s + self.link_each_s
        return self.dense_s + self.experts_s * self.touched(here) + each * here + self.layers_s

    @property
    def prefill(self) -> float:
        """Seconds of one prompt through all stages."""
        return self.prefill_flops_s + self.prefill_weights_s + self.prefill_link_s + self.layers_s

    @property
    def prefill_service(self) -> float:
        """Seconds of a stage that one prompt occupies: the reciprocal of the prefill rate.

        Short prompts are read together: they share the weights' reading and the layers' overhead.
        """
        shared = (self.prefill_weights_s + self.layers_s) * self.prefill_share
        return (self.prefill_flops_s + self.prefill_link_s + shared) / self.stages

    def tpot(self, batch: float) -> float:
        """Mean seconds of a further token with ``batch`` requests in flight."""
        return self.step(batch) + DECODER.stall * self.prefill_service * (batch - 1.0) / self.outputs

    def rate(self, batch: float) -> float:
        """Poisson arrival rate at which an arrival finds ``batch`` − 1 others in flight."""
        return (batch - 1.0) / (self.outputs * self.tpot(batch))

    def memory(self, batch: float) -> float:
        """GB that a chip needs with ``batch`` requests in flight."""
        return self.weights_gb + self.fixed_gb + self.kv_each_gb * batch

    def largest_batch(self, fraction: float) -> float:
        """Most requests whose KV cache fits into ``fraction`` of the memory; negative where the weights do not."""
        room = self.memory_gb * fraction - self.weights_gb - self.fixed_gb
        return min(float(DECODER.most_requests), room / self.kv_each_gb)


def _dense_bytes(task: ServingTask, variant: Variant) -> tuple[float, float, float]:
    """Return bytes of (dense weights that a decode step reads, routed experts, dense weights in memory)."""
    model = task.model
    dense, experts = arithmetic.weight_bytes(model, variant.stored_bits(model), variant.size_factor)
    part = arithmetic.parts(model)
    looked_up = part.embedding if not model.tied_embeddings else part.embedding - part.head_flops_params
    read = dense - max(0.0, looked_up) * 2.0 * variant.size_factor
    return read * (1.0 - arithmetic.encoder_share(model)), experts, dense


@lru_cache(maxsize=8192)
def engine(task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software) -> Engine:
    """Return the coefficients of one replica.

    Raises `ValueError` where the chip lacks the arithmetic or a replica spans chips that nothing connects.
    """
    model, chip = task.model, cluster.accelerator
    peak = cluster.peak_flops(variant.precision)
    if peak is None:
        raise ValueError(f"accelerator '{chip.name}' has no {variant.precision} arithmetic")
    tensor, stage, groups = layout.tensor, layout.stage, layout.attention_data
    speed = software.efficiency
    flops = DECODER.products * cluster.products_share * peak * variant.speedup * speed
    memory = DECODER.memory * cluster.bytes_per_s * speed
    link = DECODER.link * cluster.between(stage)
    if (stage > 1 and link <= 0) or (layout.accelerators > cluster.accelerators_per_node and not cluster.connected):
        raise ValueError("the replica spans nodes that no fabric connects")
    read, experts, dense = _dense_bytes(task, variant)
    context = task.input_tokens + 0.5 * task.output_tokens
    value = variant.kv_bytes_per_value
    kv_split = 1.0 if model.kv_lora_rank else float(min(tensor, model.kv_heads))
    kv_read = arithmetic.kv_bytes(model, context, value) / kv_split / groups
    kv_kept = arithmetic.kv_bytes(model, float(task.input_tokens + task.output_tokens), value) / kv_split / groups
    width = 2.0 * model.hidden
    layers = model.decoder_layers or model.layers
    reduced = layers * 2.0 * width * 2.0 * (tensor - 1) / tensor / groups
    if model.experts and groups > 1:
        reduced += (layers - model.dense_layers) * 2.0 * width * min(model.experts_per_token, stage) / stage
    expert_layers = layers - model.dense_layers if model.experts else 0
    hops = (layout.pipeline - 1) * (cluster.latency_us * 1e-6)
    chunk = min(8192.0, max(2048.0, float(task.input_tokens)))
    activations = 2.0 * chunk * model.hidden * 8.0 / tensor
    return Engine(
        outputs=task.output_tokens,
        stages=layout.pipeline,
        dense_s=read / tensor / memory,
        experts_s=experts / stage / memory,
        experts=model.experts,
        chosen=model.experts_per_token,
        kv_each_s=kv_read / memory,
        flops_each_s=arithmetic.decode_flops(model, context) / stage / flops,
        link_each_s=reduced / link if stage > 1 else 0.0,
        layers_s=(layers * DECODER.layer_s + expert_layers * DECODER.expert_layer_s) / speed + hops,
        prefill_flops_s=arithmetic.prefill_flops(model, float(task.input_tokens)) / stage / flops,
        prefill_weights_s=(read / tensor + experts / stage) / memory,
        prefill_link_s=reduced * task.input_tokens / link if stage > 1 else 0.0,
        prefill_share=min(1.0, task.input_tokens / DECODER.packed_tokens),
        overhead_s=DECODER.first_s + software.overhead_ms * 1e-3,
        weights_gb=(dense / tensor + experts / stage) / layout.pipeline / 1e9,
        kv_each_gb=kv_kept / layout.pipeline / 1e9,
        fixed_gb=activations / 1e9 + 0.35 + min(3.5, 0.044 * chip.memory_gb),
        memory_gb=chip.memory_gb,
    )
