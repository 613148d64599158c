"""What a model is made of: parameters, floating-point operations, bytes of weights and of the KV cache.

Every count of the program comes from here. FLOPs count a multiply-add as two. *Model FLOPs* never count
recomputation and count attention in full (not halved for the causal mask), as Megatron-LM (arXiv 2104.04473) does;
`attention_flops_per_token` takes the context that is really attended to, so that callers choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dcopt.problem.model_config import ModelConfig

LORA_RANK = 16
"""Rank of LoRA adapters on every matrix (the common default of PEFT recipes; at most 1 % of the weights)."""


@dataclass(frozen=True)
class Parts:
    """Parameters by part, of the whole model.

    Attributes
    ----------
    embedding: token, position and type tables and their norm (looked up, not multiplied).
    head: output projection or pooler that is multiplied; 0 extra parameters where tied, see ``head_flops_params``.
    attention: projections of all attention layers (cross attention included).
    dense_ffn: feed-forward of layers without experts, and shared experts and routers.
    experts: routed experts of all layers.
    norms: norms and what else is never multiplied by a matrix.
    head_flops_params: parameters that the output projection multiplies (tied or not).
    """

    embedding: int
    head: int
    attention: int
    dense_ffn: int
    experts: int
    norms: int
    head_flops_params: int


def _attention_of_layer(model: ModelConfig, kind: str) -> int:
    """Parameters of one layer's attention projections."""
    width, heads = model.hidden, model.heads
    if kind == "linear":
        keys = model.linear_key_heads * model.linear_key_dim
        values = model.linear_value_heads * model.linear_value_dim
        projections = width * (2 * keys + 2 * values + 2 * model.linear_value_heads) + values * width
        return projections + (2 * keys + values) * model.linear_kernel
    if model.kv_lora_rank:
        query_width = heads * (model.nope_head_dim + model.rope_head_dim)
        query = (
            width * model.q_lora_rank + model.q_lora_rank * query_width if model.q_lora_rank else width * query_width
        )
        latent = width * (model.kv_lora_rank + model.rope_head_dim)
        latent += model.kv_lora_rank * heads * (model.nope_head_dim + model.v_head_dim)
        return query + latent + heads * model.v_head_dim * width
    query_width, kv_width = heads * model.head_dim, model.kv_heads * model.head_dim
    count = width * (query_width * (2 if model.attention_gate else 1) + 2 * kv_width) + query_width * width
    if model.biases:
        count += query_width + 2 * kv_width + width
    elif model.qkv_bias:
        count += query_width + 2 * kv_width
    return count


def _ffn(model: ModelConfig, width: int) -> int:
    """Parameters of one feed-forward block of inner ``width``."""
    biases = (width * (2 if model.gated else 1) + model.hidden) if model.biases else 0
    return (3 if model.gated else 2) * model.hidden * width + biases


def _norms(model: ModelConfig) -> int:
    layer_norm = model.hidden * (2 if model.biases and not model.gated else 1)
    per_layer = 2 * layer_norm + (2 * model.head_dim if model.qk_norm else 0)
    if model.kv_lora_rank:
        per_layer += model.q_lora_rank + model.kv_lora_rank
    cross = model.decoder_layers * layer_norm
    return (model.layers + model.decoder_layers) * per_layer + cross + (layer_norm if model.final_norm else 0)


@lru_cache(maxsize=512)
def parts(model: ModelConfig) -> Parts:
    """Return the parameters of ``model`` by part."""
    width = model.hidden
    embedding = model.vocab * width + (model.learned_positions + model.token_types) * width
    embedding += model.patch_values * width + (2 * width if model.kind == "vision" else 0)
    embedding += model.relative_buckets * model.heads * (2 if model.decoder_layers else 1)
    attention = sum(_attention_of_layer(model, kind) for kind in model.attention)
    layers = len(model.attention)
    dense_layers = layers
    experts = shared = 0
    if model.decoder_layers:
        one = _attention_of_layer(model, "full")
        attention += one * (model.layers + model.decoder_layers)
        dense_layers = model.layers + model.decoder_layers
    if model.experts:
        dense_layers = model.dense_layers
        expert_layers = layers - dense_layers
        experts = expert_layers * model.experts * _ffn(model, model.expert_ffn)
        router = width * model.experts
        shared = expert_layers * (router + (_ffn(model, model.shared_ffn) + width if model.shared_ffn else 0))
    labels = model.labels * (width + 1)
    pooler = width * (width + 1) if model.pooler else 0
    untied = 0 if model.tied_embeddings or not model.generates else model.vocab * width
    head_flops = model.vocab * width if model.generates else labels
    return Parts(
        embedding=embedding,
        head=untied + pooler + labels,
        attention=attention,
        dense_ffn=dense_layers * _ffn(model, model.ffn) + shared,
        experts=experts,
        norms=_norms(model),
        head_flops_params=head_flops,
    )


def parameters(model: ModelConfig) -> int:
    """Return all parameters (those of multi-token-prediction modules are not part of the model)."""
    part = parts(model)
    return part.embedding + part.head + part.attention + part.dense_ffn + part.experts + part.norms


def multiplied_parameters(model: ModelConfig) -> float:
    """Return the parameters that a matrix product uses for one token, output projection included."""
    part = parts(model)
    share = model.experts_per_token / model.experts if model.experts else 0.0
    return part.attention + part.dense_ffn + part.experts * share + part.head_flops_params


def lora_parameters(model: ModelConfig, rank: int = LORA_RANK) -> int:
    """Return the parameters of LoRA adapters of ``rank`` on every attention and dense feed-forward matrix."""
    layers = model.layers + model.decoder_layers
    query, key = model.heads * model.head_dim, model.kv_heads * model.head_dim
    attention = 2 * (model.hidden + query) + 2 * (model.hidden + key)
    feed_forward = (3 if model.gated else 2) * (model.hidden + (0 if model.experts else model.ffn))
    return rank * layers * (attention + feed_forward)


def attention_flops_per_token(model: ModelConfig, context: float) -> float:
    """Return the FLOPs of scores and weighted values for one token that attends to ``context`` tokens.

    Sliding layers attend to their window at most; linear layers cost their state whatever the context. In an
    encoder-decoder this is the decoder's self attention (see `encoder_flops_per_token` for the encoder).
    """
    pair = model.heads * (
        model.nope_head_dim + model.rope_head_dim + model.v_head_dim if model.kv_lora_rank else 2 * model.head_dim
    )
    state = 6.0 * model.linear_value_heads * model.linear_key_dim * model.linear_value_dim
    full = model.attention.count("full")
    sliding = model.attention.count("sliding")
    seen = min(context, float(model.window)) if model.window else context
    return 2.0 * pair * (full * context + sliding * seen) + model.attention.count("linear") * state


def layer_products(model: ModelConfig) -> float:
    """Return the multiplied parameters of the layers alone (no output projection) for one token."""
    return multiplied_parameters(model) - parts(model).head_flops_params


def encoder_share(model: ModelConfig) -> float:
    """Return the share of the layers' products that the encoder of an encoder-decoder holds (else 0)."""
    if not model.decoder_layers:
        return 0.0
    attention, feed_forward = _attention_of_layer(model, "full"), _ffn(model, model.ffn)
    encoder = model.layers * (attention + feed_forward)
    return encoder / (encoder + model.decoder_layers * (2 * attention + feed_forward))


def sequence_forward_flops(model: ModelConfig, tokens: float) -> float:
    """Return forward model FLOPs of one training sequence of ``tokens`` tokens, attention counted in full.

    An encoder-decoder reads ``tokens`` in its encoder and writes as many quarters of them as T5's span corruption
    does (targets of a quarter of the inputs, arXiv 1910.10683: 512 in, 114 out).
    """
    if not model.decoder_layers:
        head = parts(model).head_flops_params
        products = layer_products(model) * tokens + head * (1.0 if model.vocab == 0 else tokens)
        return 2.0 * products + attention_flops_per_token(model, tokens) * tokens
    share = encoder_share(model)
    written = 0.25 * tokens
    layers = layer_products(model)
    pair = 4.0 * model.heads * model.head_dim
    encoder = 2.0 * share * layers * tokens + pair * model.layers * tokens * tokens
    decoder = 2.0 * ((1 - share) * layers + parts(model).head_flops_params) * written
    decoder += pair * model.decoder_layers * written * (written + tokens)
    return encoder + decoder


def training_flops_per_sequence(model: ModelConfig, tokens: float) -> float:
    """Return model FLOPs of one training sequence: forward and twice as much backward."""
    return 3.0 * sequence_forward_flops(model, tokens)


def prefill_flops(model: ModelConfig, tokens: float) -> float:
    """Return the FLOPs of reading a prompt: causal attention at half, the output projection for the last token only."""
    return sum(prefill_flops_by_part(model, tokens))


def prefill_flops_by_part(model: ModelConfig, tokens: float, cached: float = 0.0) -> tuple[float, float, float]:
    """Return the FLOPs (dense, experts, attention) of reading ``tokens`` of a prompt after ``cached`` known ones.

    Encoders attend to the whole input, decoders to what came before; an encoder-decoder reads with its encoder.
    """
    layers = layer_products(model)
    if model.decoder_layers:
        pair = 4.0 * model.heads * model.head_dim
        return 2.0 * layers * encoder_share(model) * tokens, 0.0, pair * model.layers * tokens * tokens
    seen = tokens if model.kind in ("encoder", "vision") else cached + 0.5 * tokens
    experts = _expert_products(model)
    dense = 2.0 * (layers - experts) * tokens + 2.0 * parts(model).head_flops_params
    return dense, 2.0 * experts * tokens, attention_flops_per_token(model, seen) * tokens


def _expert_products(model: ModelConfig) -> float:
    """Parameters of routed experts that one token multiplies."""
    return parts(model).experts * model.experts_per_token / model.experts if model.experts else 0.0


def decode_flops(model: ModelConfig, context: float) -> float:
    """Return the FLOPs of generating one token at a context of ``context`` tokens."""
    return sum(decode_flops_by_part(model, context))


def decode_flops_by_part(model: ModelConfig, context: float) -> tuple[float, float, float]:
    """Return the FLOPs (dense, experts, attention) of generating one token; latent attention absorbs projections."""
    if model.decoder_layers:
        products = layer_products(model) * (1 - encoder_share(model)) + parts(model).head_flops_params
        return 2.0 * products, 0.0, attention_flops_per_token(model, context)
    experts = _expert_products(model)
    attention = attention_flops_per_token(model, context)
    if model.kv_lora_rank:
        attention = 2.0 * model.heads * (2 * model.kv_lora_rank + model.rope_head_dim) * context * model.layers
    return 2.0 * (multiplied_parameters(model) - experts), 2.0 * experts, attention


def kv_bytes(model: ModelConfig, context: float, bytes_per_value: float = 2.0) -> float:
    """Return the bytes that the KV cache (or latent, or linear state) of one request of ``context`` tokens takes."""
    if not model.generates:
        return 0.0
    if model.kv_lora_rank:
        return model.layers * (model.kv_lora_rank + model.rope_head_dim) * context * bytes_per_value
    token = 2.0 * model.kv_heads * model.head_dim * bytes_per_value
    seen = min(context, float(model.window)) if model.window else context
    state = 4.0 * model.linear_value_heads * model.linear_key_dim * model.linear_value_dim
    full, sliding = model.attention.count("full"), model.attention.count("sliding")
    return token * (full * context + sliding * seen) + model.attention.count("linear") * state


def weight_bytes(model: ModelConfig, bits: float, size_factor: float = 1.0) -> tuple[float, float]:
    """Return the bytes of (dense weights, routed experts) at ``bits`` a weight.

    Where a checkpoint quantizes its experts only, the rest stays at 16 bits; embeddings stay at 16 bits below 16.
    ``size_factor`` is the share of the weights that pruning or distillation leaves.
    """
    part = parts(model)
    tables = part.embedding + part.head + part.norms
    dense = part.attention + part.dense_ffn
    dense_bits = max(bits, 16.0) if model.native_quantized == "experts" and bits < 8 else bits
    rest = tables * max(bits, 16.0) + dense * dense_bits
    return rest * size_factor / 8.0, part.experts * bits * size_factor / 8.0
