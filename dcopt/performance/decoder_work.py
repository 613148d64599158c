"""What a token of a generating model costs an engine apart from FLOPs and bytes of weights: kernels and activations.

Plain counts of a model, without hardware: the kernels that a pass starts one after the other (each takes a few
microseconds however small the batch) and the values that travel through memory between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dcopt.problem.model_config import ModelConfig

ATTENTION_KERNELS = 6
"""Norm, projection to queries, keys and values, rotation with the cache's write, attention, its combination, output."""
FEED_FORWARD_KERNELS = 4
"""Norm, gate and up, activation, down."""
EXPERT_KERNELS = 5
"""What a mixture adds to a feed-forward: router, choice of experts, sorting tokens to them, quantizing, combining."""
SHARED_EXPERT_KERNELS = 3
LATENT_KERNELS = 6
"""What latent attention adds: down-projections, their two norms, and the two products with absorbed matrices."""
LINEAR_KERNELS = 6
"""What a linear-attention layer adds: gates, convolution, norms, and the update of its state."""
NORMED_KERNELS = 2
"""Norms of queries and keys."""
REDUCTION_KERNELS = 2
"""Two all-reduces in a layer that is split over chips (their start; what they move is counted apart)."""
EXCHANGE_KERNELS = 2
"""Sending tokens to experts of other groups and back."""


@dataclass(frozen=True)
class Work:
    """Counts of a whole model.

    kernels: started for a pass on one chip. split_kernels: more of them where a layer is split over chips;
    exchange_kernels: more of them where attention is split by requests. whole_values, split_values: activations a token
    that each chip of a tensor-parallel group moves whole, and that the group shares.
    """

    kernels: float
    split_kernels: float
    exchange_kernels: float
    whole_values: float
    split_values: float


@lru_cache(maxsize=512)
def work_of(model: ModelConfig) -> Work:
    """Return the counts of the layers that generate (of an encoder-decoder: the decoder's)."""
    layers = model.decoder_layers or model.layers
    mixtures = layers - model.dense_layers if model.experts else 0
    a_layer = ATTENTION_KERNELS * (2 if model.decoder_layers else 1) + FEED_FORWARD_KERNELS
    a_layer += (NORMED_KERNELS if model.qk_norm else 0) + (LATENT_KERNELS if model.kv_lora_rank else 0)
    a_mixture = EXPERT_KERNELS + (SHARED_EXPERT_KERNELS if model.shared_ffn else 0)
    kernels = layers * a_layer + mixtures * a_mixture + model.attention.count("linear") * LINEAR_KERNELS
    chosen = model.experts_per_token * model.expert_ffn + model.shared_ffn
    width = ((layers - mixtures) * model.ffn + mixtures * chosen) / layers
    if model.kv_lora_rank:
        heads = 1.5 * model.heads * (model.nope_head_dim + model.rope_head_dim + model.v_head_dim)
    else:
        heads = 2.0 * (model.heads + model.kv_heads) * model.head_dim
    return Work(
        kernels=float(kernels),
        split_kernels=float(layers * REDUCTION_KERNELS),
        exchange_kernels=float(mixtures * EXCHANGE_KERNELS),
        whole_values=float(layers * model.hidden),
        split_values=layers * (2.0 * width + heads),
    )
