"""How models may be run: frameworks, engines, speculative decoding and compression."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import CatalogRow, Names, YesNo, column
from dcopt.problem.tables.compute_rows import ACCELERATOR_KINDS, PRECISIONS

ENGINE_FEATURES = ("encryption-in-transit", "access-control", "audit-log")


class Software(CatalogRow):
    """A training framework or a serving engine."""

    role: Literal["training", "serving"] = column("What it does.")
    kinds: Names = column("Kinds of accelerators that it runs on; blank: any.", default=(), choices=ACCELERATOR_KINDS)
    vendors: Names = column("Vendors of them; blank: any.", default=())
    precisions: Names = column("Arithmetic that it can use; blank: any.", default=(), choices=PRECISIONS)
    efficiency: float = column("Speed against the reference stack of its role.", default=1.0, gt=0, le=2)
    overhead_ms: float = column("Time added to each step or request.", default=0.0, ge=0)
    admission_steps: float = column(
        "Decode steps that pass between a request's arrival and the start of its prompt, or between a first token and "
        "its delivery (engines of models that generate).",
        default=2.6,
        ge=0,
        le=100,
    )
    kernel_us: float = column(
        "Shortest time of a kernel of a decode step (engines of models that generate).", default=4.5, gt=0, le=1000
    )
    memory_fraction: float = column("Share of the memory that it can use.", default=0.9, gt=0, le=1)
    licence_usd_per_accelerator_year: float = column("Licence.", default=0.0, ge=0)
    stack: Literal["megatron", "pytorch"] = column(
        "Training: how it works. megatron: attention kernels written for the chip, whole layers recomputed; "
        "pytorch: portable attention kernels, recomputation that stops at the last tensor needed, gradients summed "
        "during backward in every precision.",
        default="megatron",
    )
    families: Names = column(
        "What it can serve: decoder, encoder; blank: both.", default=(), choices=("decoder", "encoder")
    )
    disaggregation: YesNo = column(
        "Whether it can serve prompts and answers on workers of their own (yes, no).", default=False
    )
    features: Names = column(
        "What the engine itself offers to services that require it: TLS to its callers, calls by those alone who may, "
        "a log of who called.",
        default=(),
        choices=ENGINE_FEATURES,
    )
    encryption_loss_pct: float = column(
        "Share of a replica's speed that encryption in transit takes, for services that require it.",
        default=0.0,
        ge=0,
        le=95,
    )


class SpeculativeDecoding(CatalogRow):
    """A way to draft tokens that one step of the model then checks: the answers stay the model's own."""

    method: Literal["draft", "mtp", "eagle"] = column(
        "Who drafts: a smaller model, the model's own layers for multi-token prediction, or a trained EAGLE head."
    )
    draft_model: str | None = column(
        "The smaller model (method draft): a name in models/, or the path of a config.json.", default=None
    )
    mtp_layers: int = column("Layers that draft (methods mtp and eagle).", default=1, ge=1)
    draft_tokens: int = column("Tokens drafted for each step.", ge=1, le=64, usual=(1, 16))
    acceptance: float = column(
        "Probability that a drafted token is accepted where those before it were.", ge=0, le=1, usual=(0.3, 0.95)
    )
    applies_to: Names = column("Models or families for which it was measured; blank: all.", default=())
    engines: Names = column("Engines that can do it; blank: all.", default=(), refers_to="software")

    @model_validator(mode="after")
    def _drafter(self) -> SpeculativeDecoding:
        if (self.method == "draft") != (self.draft_model is not None):
            raise ValueError("draft_model|needed for the method draft, and for it alone")
        return self


class Compression(CatalogRow):
    """A variant of a model that is smaller or cheaper to run."""

    method: Literal["none", "quantization", "pruning", "distillation", "kv-cache"] = column("How it is made.")
    weight_bits: float = column("Bits of a weight.", default=16.0, gt=0, le=32)
    activation_bits: float = column("Bits of an activation in matrix products.", default=16.0, gt=0, le=32)
    kv_bits: float | None = column(
        "Bits of a value in the KV cache; blank: 16, whatever the activations.", default=None, gt=0, le=32
    )
    size_factor: float = column("Weights left ÷ weights.", default=1.0, gt=0, le=1)
    compute_factor: float = column("Arithmetic left ÷ arithmetic.", default=1.0, gt=0, le=1)
    sparsity: Literal["2-4", "unstructured"] | None = column(
        "Pattern of a pruned matrix: 2-4 speeds chips with 2:4 sparsity, unstructured only shrinks files; "
        "blank: 2-4 if the name says so (2-4, 2of4), else whole rows, heads or layers, which speed any chip.",
        default=None,
    )
    quality_loss_pct: float | None = column(
        "Published loss, relative to the 16-bit model; blank: none is published, so no service may use the variant "
        "(0 for method none).",
        default=None,
        ge=-100,
        le=100,
    )
    applies_to: Names = column("Models or families whose loss is published; blank: all.", default=())
    min_params_b: float | None = column(
        "Smallest model for which it holds, billions of parameters.", default=None, ge=0
    )
    max_params_b: float | None = column("Largest model for which it holds, billions of parameters.", default=None, gt=0)
    stacks_with: Names = column("Variants that it is known to combine with.", default=(), refers_to="compression")

    @model_validator(mode="after")
    def _consistent(self) -> Compression:
        if self.sparsity is not None and self.method != "pruning":
            raise ValueError("sparsity|only pruning leaves a pattern: leave it blank, or correct the method")
        if self.method == "kv-cache" and self.kv_bits is None:
            raise ValueError("kv_bits|needed for the method kv-cache")
        if None not in (self.min_params_b, self.max_params_b) and self.min_params_b > self.max_params_b:  # type: ignore[operator]
            raise ValueError("min_params_b|must not exceed max_params_b")
        return self

    @property
    def pattern(self) -> str:
        """Pattern of the pruned matrices: ``2-4``, ``unstructured``, or '' where none is left."""
        if self.method != "pruning":
            return ""
        named = any(mark in self.name for mark in ("2of4", "2-4", "2_4", "2.4"))
        return self.sparsity or ("2-4" if named else "")

    @property
    def published_loss_pct(self) -> float | None:
        """Relative loss in %, negatives counted as 0; None where none is published."""
        if self.quality_loss_pct is None:
            return 0.0 if self.method == "none" else None
        return max(0.0, self.quality_loss_pct)
