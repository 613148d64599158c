"""A model as the planner sees it: the numbers of a Hugging Face ``config.json`` in one normalised form.

The families' own key names are read in `dcopt.problem.model_config_families`; everything that computes with a model
(parameters, FLOPs, bytes) lives in `dcopt.performance.arithmetic` and sees only `ModelConfig`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["encoder", "decoder", "encoder-decoder", "vision"]
Attention = Literal["full", "sliding", "linear"]


class ModelConfigError(ValueError):
    """A model that cannot be found, read or understood; the message says the cure."""


@dataclass(frozen=True)
class ModelConfig:
    """A transformer, normalised. Lengths are in tokens, widths in elements, all counts are of the whole model.

    Attributes
    ----------
    family: bert, distilbert, gpt2, glm, t5, llama, mixtral, deepseek, qwen3, gpt-oss, minimax, qwen3.5 or vit.
    kind: what it computes; an encoder-decoder has ``layers`` encoder and ``decoder_layers`` decoder layers.
    ffn: width of the dense feed-forward; ``gated`` ones have three matrices instead of two.
    attention: kind of each layer (of each decoder layer in an encoder-decoder).
    experts: routed experts of a mixture-of-experts layer (0: none); the first ``dense_layers`` layers have none.
    kv_lora_rank: rank of the latent that the KV cache keeps (0: no latent attention).
    native_weight_bits: bits of a weight in the published checkpoint, 16 unless it is published quantized.
    native_quantized: which weights that holds for ('all' matrices or the 'experts' only).
    """

    name: str
    family: str
    kind: Kind
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    gated: bool = False
    tied_embeddings: bool = True
    biases: bool = True
    qkv_bias: bool = False
    learned_positions: int = 0
    max_positions: int = 2048
    token_types: int = 0
    final_norm: bool = True
    pooler: bool = False
    decoder_layers: int = 0
    relative_buckets: int = 0
    attention: tuple[Attention, ...] = ()
    window: int = 0
    attention_gate: bool = False
    qk_norm: bool = False
    experts: int = 0
    experts_per_token: int = 0
    expert_ffn: int = 0
    shared_ffn: int = 0
    dense_layers: int = 0
    q_lora_rank: int = 0
    kv_lora_rank: int = 0
    rope_head_dim: int = 0
    nope_head_dim: int = 0
    v_head_dim: int = 0
    linear_key_heads: int = 0
    linear_value_heads: int = 0
    linear_key_dim: int = 0
    linear_value_dim: int = 0
    linear_kernel: int = 0
    patches: int = 0
    patch_values: int = 0
    labels: int = 0
    native_weight_bits: float = 16.0
    native_quantized: Literal["all", "experts"] = "all"

    def __post_init__(self) -> None:
        """Fill the attention kinds (all full) and check the shape; raises `ModelConfigError`."""
        depth = self.decoder_layers or self.layers
        if not self.attention:
            object.__setattr__(self, "attention", ("full",) * depth)
        for label in ("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn"):
            if getattr(self, label) < 1:
                raise ModelConfigError(f"model '{self.name}': {label} must be at least 1, not {getattr(self, label)}")
        if self.heads % self.kv_heads:
            raise ModelConfigError(
                f"model '{self.name}': {self.heads} heads cannot share {self.kv_heads} KV heads evenly"
            )
        if len(self.attention) != depth:
            raise ModelConfigError(f"model '{self.name}': {len(self.attention)} attention kinds for {depth} layers")
        if self.experts and not 0 < self.experts_per_token <= self.experts:
            raise ModelConfigError(f"model '{self.name}': {self.experts_per_token} of {self.experts} experts a token")

    def __hash__(self) -> int:
        """Hash what tells models apart; all fields are compared, but hashing them all would take long."""
        return hash((self.name, self.layers, self.hidden, self.ffn, self.vocab))

    @property
    def generates(self) -> bool:
        """Whether it answers token by token (decoder or encoder-decoder)."""
        return self.kind in ("decoder", "encoder-decoder")

    @property
    def default_tokens(self) -> int:
        """Tokens of one input where none are given: patches + 1 of an image, else the longest that it takes."""
        return self.patches + 1 if self.kind == "vision" else self.max_positions


def gpt_style(
    layers: int,
    hidden: int,
    heads: int,
    *,
    kv_heads: int | None = None,
    ffn: int | None = None,
    vocab: int = 51200,
    gated: bool = False,
    max_positions: int = 2048,
    name: str = "gpt-style",
) -> ModelConfig:
    """Return a GPT-style decoder of a given shape (tied embeddings, no learned positions).

    Raises `ModelConfigError` where heads do not divide the width or the KV heads do not divide the heads.
    """
    if heads < 1 or hidden % heads:
        raise ModelConfigError(f"model '{name}': hidden {hidden} is not a multiple of {heads} heads")
    return ModelConfig(
        name=name,
        family="gpt2",
        kind="decoder",
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads or heads,
        head_dim=hidden // heads,
        ffn=ffn or 4 * hidden,
        vocab=vocab,
        gated=gated,
        max_positions=max_positions,
    )


def load_model(name_or_path: str, search: Sequence[Path] = ()) -> ModelConfig:
    """Return the model that a ``model`` cell names.

    Parameters
    ----------
    name_or_path: the path of a ``config.json`` or of a folder that holds one, or a name that is looked up as
        ``FOLDER/NAME/config.json`` in each folder of ``search``, in order.

    Raises
    ------
    ModelConfigError: no such model, not JSON, a key is missing, or the architecture is not one that is understood.
    """
    direct = Path(name_or_path)
    candidates = [direct, direct / "config.json", *(folder / name_or_path / "config.json" for folder in search)]
    for path in candidates:
        if path.is_file():
            return _read(path, name_or_path)
    places = ", ".join(str(folder) for folder in search) or "no model folders"
    known = sorted({found.parent.name for folder in search for found in Path(folder).glob("*/config.json")})
    hint = f"; known models: {', '.join(known)}" if known else ""
    raise ModelConfigError(f"model '{name_or_path}' is neither a config.json nor a name in {places}{hint}")


def _read(path: Path, given: str) -> ModelConfig:
    from dcopt.problem.model_config_families import parse

    try:
        config: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelConfigError(f"{path}: not JSON ({error}); save the model's config.json as published") from None
    if not isinstance(config, dict):
        raise ModelConfigError(f"{path}: a config.json holds a JSON object, not a {type(config).__name__}")
    name = path.parent.name if path.name == "config.json" else path.stem
    if Path(given).name and not Path(given).exists():
        name = given
    return parse(config, name or given, str(path))
