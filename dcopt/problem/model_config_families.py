"""How each family of models spells its ``config.json``: one small parser a family.

Key names and defaults are those of the configuration classes of Hugging Face transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dcopt.problem.model_config import Attention, ModelConfig, ModelConfigError
from dcopt.problem.model_config_keys import Keys

FULL: Attention = "full"
SLIDING: Attention = "sliding"
LINEAR: Attention = "linear"


def _bert(keys: Keys) -> ModelConfig:
    hidden, heads = keys.whole("hidden_size"), keys.whole("num_attention_heads")
    positions = keys.whole("max_position_embeddings", default=512)
    return ModelConfig(
        name=keys.name,
        family="bert",
        kind="encoder",
        layers=keys.whole("num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_dim=keys.head_dim(hidden, heads),
        ffn=keys.whole("intermediate_size"),
        vocab=keys.whole("vocab_size"),
        learned_positions=positions,
        max_positions=positions,
        token_types=keys.whole("type_vocab_size", default=2),
        pooler=True,
    )


def _distilbert(keys: Keys) -> ModelConfig:
    hidden, heads = keys.whole("dim", "hidden_size"), keys.whole("n_heads", "num_attention_heads")
    positions = keys.whole("max_position_embeddings", default=512)
    return ModelConfig(
        name=keys.name,
        family="distilbert",
        kind="encoder",
        layers=keys.whole("n_layers", "num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_dim=keys.head_dim(hidden, heads),
        ffn=keys.whole("hidden_dim", "intermediate_size"),
        vocab=keys.whole("vocab_size"),
        learned_positions=positions,
        max_positions=positions,
    )


def _gpt2(keys: Keys) -> ModelConfig:
    hidden, heads = keys.whole("n_embd", "hidden_size"), keys.whole("n_head", "num_attention_heads")
    positions = keys.whole("n_positions", "n_ctx", "max_position_embeddings", "seq_length", default=1024)
    return ModelConfig(
        name=keys.name,
        family="gpt2",
        kind="decoder",
        layers=keys.whole("n_layer", "num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_dim=keys.head_dim(hidden, heads),
        ffn=keys.whole("n_inner", "intermediate_size", default=4 * hidden),
        vocab=keys.whole("vocab_size"),
        learned_positions=positions,
        max_positions=positions,
        final_norm=keys.text("model_type") != "openai-gpt",
    )


def _vit(keys: Keys) -> ModelConfig:
    hidden, heads = keys.whole("hidden_size"), keys.whole("num_attention_heads")
    image, patch = keys.whole("image_size", default=224), keys.whole("patch_size", default=16)
    if patch < 1 or image % patch:
        raise ModelConfigError(f"{keys.where}: image_size {image} is not a multiple of patch_size {patch}")
    patches = (image // patch) ** 2
    names = keys.config.get("id2label")
    labels = len(names) if isinstance(names, dict) else keys.whole("num_labels", default=1000)
    return ModelConfig(
        name=keys.name,
        family="vit",
        kind="vision",
        layers=keys.whole("num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_dim=keys.head_dim(hidden, heads),
        ffn=keys.whole("intermediate_size"),
        vocab=0,
        learned_positions=patches + 1,
        max_positions=patches + 1,
        patches=patches,
        patch_values=patch * patch * keys.whole("num_channels", default=3),
        labels=labels,
    )


def _t5(keys: Keys) -> ModelConfig:
    layers, heads = keys.whole("num_layers"), keys.whole("num_heads")
    return ModelConfig(
        name=keys.name,
        family="t5",
        kind="encoder-decoder",
        layers=layers,
        decoder_layers=keys.whole("num_decoder_layers", default=layers),
        hidden=keys.whole("d_model"),
        heads=heads,
        kv_heads=heads,
        head_dim=keys.whole("d_kv"),
        ffn=keys.whole("d_ff"),
        vocab=keys.whole("vocab_size"),
        gated=keys.text("feed_forward_proj").startswith("gated"),
        tied_embeddings=keys.flag("tie_word_embeddings", True),
        biases=False,
        relative_buckets=keys.whole("relative_attention_num_buckets", default=32),
        max_positions=keys.whole("n_positions", default=512),
    )


def _glm(keys: Keys) -> ModelConfig:
    """GLM-10B, GLM-130B and ChatGLM: learned or rotary positions, GeGLU from GLM-130B on."""
    hidden, heads = keys.whole("hidden_size"), keys.whole("num_attention_heads")
    ffn = keys.whole("intermediate_size", "inner_hidden_size", "ffn_hidden_size", default=4 * hidden)
    kv_heads = keys.whole("num_key_value_heads", default=heads)
    if keys.flag("multi_query_attention", False):
        kv_heads = keys.whole("multi_query_group_num", default=1)
    positions = keys.whole("max_sequence_length", "max_position_embeddings", "seq_length", default=2048)
    activation = keys.text("hidden_act", "activation", "activation_func", "mlp_activation")
    gated = "glu" in activation or activation == "silu" or "ffn_hidden_size" in keys.config
    gated = keys.flag("gated", gated)
    rotary = gated or any("rotary" in key or "rope" in key for key in keys.config)
    return ModelConfig(
        name=keys.name,
        family="glm",
        kind="decoder",
        layers=keys.whole("num_layers", "num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=keys.whole("head_dim", "kv_channels", default=hidden // max(1, heads)),
        ffn=ffn,
        vocab=keys.whole("vocab_size", "padded_vocab_size"),
        gated=gated,
        tied_embeddings=keys.flag("tie_word_embeddings", "kv_channels" not in keys.config),
        learned_positions=0 if rotary else 2 * (positions + 1),
        max_positions=positions,
    )


def _llama(keys: Keys, family: str = "llama", **more: Any) -> ModelConfig:
    """The Llama pattern: rotary positions, RMS norms, gated feed-forward, grouped-query attention."""
    hidden, heads = keys.whole("hidden_size"), keys.whole("num_attention_heads")
    layers = keys.whole("num_hidden_layers")
    if keys.flag("use_sliding_window", keys.text("model_type") not in ("qwen2", "qwen3", "qwen3_moe")):
        kinds, window = _attention_kinds(keys, layers)
    else:
        kinds, window = (), 0
    values: dict[str, Any] = {
        "name": keys.name,
        "family": family,
        "kind": "decoder",
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "kv_heads": keys.whole("num_key_value_heads", default=heads),
        "head_dim": keys.head_dim(hidden, heads),
        "ffn": keys.whole("intermediate_size", "moe_intermediate_size"),
        "vocab": keys.whole("vocab_size"),
        "gated": True,
        "tied_embeddings": keys.flag("tie_word_embeddings", False),
        "biases": False,
        "qkv_bias": keys.flag("attention_bias", False) or keys.text("model_type") == "qwen2",
        "max_positions": keys.whole("max_position_embeddings", default=2048),
        "attention": kinds,
        "window": window,
        **keys.native(),
        **more,
    }
    return ModelConfig(**values)


def _attention_kinds(keys: Keys, layers: int) -> tuple[tuple[Attention, ...], int]:
    """Return the kind of each layer (empty: all full) and the sliding window."""
    window = keys.whole("sliding_window", default=0)
    listed = keys.config.get("layer_types")
    spelling: dict[str, Attention] = {
        "full_attention": FULL,
        "sliding_attention": SLIDING,
        "linear_attention": LINEAR,
    }
    if listed is None:
        return ((SLIDING,) * layers if window else ()), window
    if not isinstance(listed, list) or any(kind not in spelling for kind in listed):
        raise ModelConfigError(f"{keys.where}: 'layer_types' may hold {', '.join(spelling)}")
    return tuple(spelling[kind] for kind in listed), window


def _mixtral(keys: Keys) -> ModelConfig:
    ffn = keys.whole("intermediate_size")
    return _llama(
        keys,
        "mixtral",
        experts=keys.whole("num_local_experts"),
        experts_per_token=keys.whole("num_experts_per_tok"),
        expert_ffn=ffn,
    )


def _minimax(keys: Keys) -> ModelConfig:
    return _llama(
        keys,
        "minimax",
        experts=keys.whole("num_local_experts"),
        experts_per_token=keys.whole("num_experts_per_tok"),
        expert_ffn=keys.whole("intermediate_size"),
        shared_ffn=keys.whole("shared_intermediate_size", default=0),
        qk_norm=keys.flag("use_qk_norm", False),
    )


def _gpt_oss(keys: Keys) -> ModelConfig:
    return _llama(
        keys,
        "gpt-oss",
        biases=True,
        experts=keys.whole("num_local_experts"),
        experts_per_token=keys.whole("num_experts_per_tok", "experts_per_token"),
        expert_ffn=keys.whole("intermediate_size"),
    )


def _qwen3(keys: Keys) -> ModelConfig:
    return _llama(keys, "qwen3", qk_norm=True)


def _qwen3_moe(keys: Keys) -> ModelConfig:
    dense = keys.config.get("mlp_only_layers")
    return _llama(
        keys,
        "qwen3",
        qk_norm=True,
        experts=keys.whole("num_experts"),
        experts_per_token=keys.whole("num_experts_per_tok"),
        expert_ffn=keys.whole("moe_intermediate_size"),
        dense_layers=len(dense) if isinstance(dense, list) else 0,
    )


def _qwen35(keys: Keys) -> ModelConfig:
    inner = keys.config.get("text_config", keys.config)
    if not isinstance(inner, dict):
        raise ModelConfigError(f"{keys.where}: 'text_config' must be an object")
    text = Keys({**inner, "quantization_config": keys.config.get("quantization_config")}, keys.name, keys.where)
    moe = {}
    if "num_experts" in inner:
        moe = {
            "experts": text.whole("num_experts"),
            "experts_per_token": text.whole("num_experts_per_tok"),
            "expert_ffn": text.whole("moe_intermediate_size"),
            "shared_ffn": text.whole("shared_expert_intermediate_size", default=0),
        }
    layers = text.whole("num_hidden_layers")
    kinds, _ = _attention_kinds(text, layers)
    if not kinds:
        every = text.whole("full_attention_interval", default=4)
        kinds = tuple(LINEAR if (layer + 1) % every else FULL for layer in range(layers))
    return _llama(
        text,
        "qwen3.5",
        qk_norm=True,
        attention=kinds,
        attention_gate=text.flag("attn_output_gate", True),
        linear_key_heads=text.whole("linear_num_key_heads"),
        linear_value_heads=text.whole("linear_num_value_heads"),
        linear_key_dim=text.whole("linear_key_head_dim"),
        linear_value_dim=text.whole("linear_value_head_dim"),
        linear_kernel=text.whole("linear_conv_kernel_dim", default=4),
        tied_embeddings=keys.flag("tie_word_embeddings", False),
        **moe,
    )


def _deepseek(keys: Keys) -> ModelConfig:
    expert_ffn = keys.whole("moe_intermediate_size")
    rope, nope = keys.whole("qk_rope_head_dim"), keys.whole("qk_nope_head_dim")
    return _llama(
        keys,
        "deepseek",
        head_dim=rope + nope,
        experts=keys.whole("n_routed_experts"),
        experts_per_token=keys.whole("num_experts_per_tok"),
        expert_ffn=expert_ffn,
        shared_ffn=expert_ffn * keys.whole("n_shared_experts", default=0),
        dense_layers=keys.whole("first_k_dense_replace", default=0),
        q_lora_rank=keys.whole("q_lora_rank", default=0),
        kv_lora_rank=keys.whole("kv_lora_rank"),
        rope_head_dim=rope,
        nope_head_dim=nope,
        v_head_dim=keys.whole("v_head_dim"),
        attention=(),
        window=0,
    )


PARSERS: dict[str, Callable[[Keys], ModelConfig]] = {
    "bert": _bert,
    "roberta": _bert,
    "distilbert": _distilbert,
    "gpt2": _gpt2,
    "gpt3": _gpt2,
    "openai-gpt": _gpt2,
    "glm": _glm,
    "glm130b": _glm,
    "glm-130b": _glm,
    "chatglm": _glm,
    "t5": _t5,
    "llama": _llama,
    "mistral": _llama,
    "qwen2": _llama,
    "mixtral": _mixtral,
    "minimax_m2": _minimax,
    "deepseek_v2": _deepseek,
    "deepseek_v3": _deepseek,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
    "qwen3_5": _qwen35,
    "qwen3_5_text": _qwen35,
    "qwen3_5_moe": _qwen35,
    "qwen3_5_moe_text": _qwen35,
    "gpt_oss": _gpt_oss,
    "vit": _vit,
}


def parse(config: Mapping[str, Any], name: str, where: str) -> ModelConfig:
    """Return the normalised model of a parsed ``config.json``.

    Parameters
    ----------
    config: the JSON object.
    name: the name that the model goes by.
    where: the file, for error messages.

    Raises
    ------
    ModelConfigError: unknown ``model_type`` (the message lists those understood) or a missing or impossible key.
    """
    kind = str(config.get("model_type", "")).lower()
    if kind not in PARSERS:
        shown = f"'{kind}'" if kind else "missing"
        architectures = config.get("architectures")
        also = f" (architecture {', '.join(map(str, architectures))})" if isinstance(architectures, list) else ""
        raise ModelConfigError(f"{where}: model_type is {shown}{also}; understood are {', '.join(sorted(PARSERS))}")
    return PARSERS[kind](Keys(config, name, where))
