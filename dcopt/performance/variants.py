"""A compressed model as a chip runs it: bytes of weights and the arithmetic of its matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcopt.problem.model_config import ModelConfig
from dcopt.problem.tables.catalog_rows import Accelerator, Compression, Software

WIDE = ("bf16", "fp16", "fp32")
"""Arithmetic for 16-bit activations, preferred first; what lacks the first two computes in fp32."""
SCALE_BITS = 0.5
"""Bits a weight that the scales of 4-bit blocks add (NVFP4, MXFP4 and AWQ: an 8- or 16-bit scale for 16 to 128)."""


@dataclass(frozen=True)
class Variant:
    """How a model's weights are kept and multiplied.

    Attributes
    ----------
    precision: arithmetic of the matrix products (a column of the accelerators).
    weight_bits, activation_bits: widths.
    size_factor, compute_factor: share of the weights' bytes and of the arithmetic that is left.
    sparse_2_4: the chip's 2:4 rate is used (its products are twice as fast).
    kv_bits: width of a value in the KV cache; None: 8 where activations take 8 bits or fewer, else 16.
    """

    precision: str
    weight_bits: float
    activation_bits: float
    size_factor: float = 1.0
    compute_factor: float = 1.0
    sparse_2_4: bool = False
    kv_bits: float | None = None

    @property
    def kv_bytes_per_value(self) -> float:
        """Bytes of a value in the KV cache, with the scales of 4-bit blocks."""
        if self.kv_bits is not None:
            return (self.kv_bits + SCALE_BITS if self.kv_bits == 4 else self.kv_bits) / 8.0
        return 1.0 if self.activation_bits <= 8 else 2.0

    @property
    def speedup(self) -> float:
        """Factor on the rate of matrix products against the dense, whole model."""
        return (2.0 if self.sparse_2_4 else 1.0) / self.compute_factor

    def stored_bits(self, model: ModelConfig) -> float:
        """Return the bits of a weight as stored: never more than the published checkpoint's own."""
        bits = min(self.weight_bits, model.native_weight_bits)
        return bits + SCALE_BITS if bits == 4 else bits


def variant_of(
    rows: Sequence[Compression], accelerator: Accelerator, software: Software | None = None
) -> Variant | None:
    """Return how ``accelerator`` runs a model under stacked compression ``rows`` (none: as published, 16 bits).

    Weight-only quantization computes in 16 bits (fp32 where the chip has nothing narrower); 8-bit activations need
    fp8 or int8 (by the row's name, else whichever the chip has), 4-bit ones fp4; so does a narrow KV cache, which only
    its own row makes. 2:4 pruning changes nothing on a chip without it, unstructured pruning on any: matrix products
    and memory stay dense.

    Returns None where the chip (or the software) lacks the arithmetic.
    """
    weight_bits = min((row.weight_bits for row in rows), default=16.0)
    activation_bits = min((row.activation_bits for row in rows), default=16.0)
    kv_bits = min((row.kv_bits for row in rows if row.kv_bits is not None), default=16.0)
    size = compute = 1.0
    sparse = False
    for row in rows:
        if row.pattern == "2-4":
            if accelerator.sparsity_2_4:
                sparse, size = True, size * row.size_factor
        elif row.pattern != "unstructured":
            size, compute = size * row.size_factor, compute * row.compute_factor
    names = " ".join(row.name for row in rows if row.activation_bits == activation_bits).lower()
    allowed = software.precisions if software is not None else ()

    def has(precision: str) -> bool:
        return accelerator.peak_tflops(precision) is not None and (not allowed or precision in allowed)

    if (kv_bits <= 8 and not has("fp8")) or (kv_bits <= 4 and not has("fp4")):
        return None
    for precision in _arithmetic(activation_bits, names):
        if has(precision):
            stored = 32.0 if precision == "fp32" and weight_bits == 16 else weight_bits
            return Variant(precision, stored, activation_bits, size, compute, sparse, kv_bits)
    return None


def _arithmetic(activation_bits: float, names: str) -> tuple[str, ...]:
    """Return the arithmetic that serves these activations, preferred first."""
    if activation_bits > 16:
        return ("fp32",)
    if activation_bits > 8:
        return ("fp16", "bf16", "fp32") if "fp16" in names and "bf16" not in names else WIDE
    if activation_bits > 4:
        if "int8" in names or "w8a8" in names:
            return ("int8",)
        return ("fp8",) if "fp8" in names else ("fp8", "int8")
    return ("fp4",)


def variant_of_precision(precision: str, accelerator: Accelerator, weight_bits: float | None = None) -> Variant:
    """Return the variant that a serving ``precision`` names: bf16, fp16, fp32, tf32, fp8, int8, fp4 or int4.

    fp4 on a chip without it, and int4 anywhere, keep 4-bit weights and compute in 16 bits.

    Raises `ValueError` where the chip cannot run it.
    """
    widths = {"fp32": 32.0, "tf32": 32.0, "bf16": 16.0, "fp16": 16.0, "fp8": 8.0, "int8": 8.0, "fp4": 4.0, "int4": 4.0}
    if precision not in widths:
        raise ValueError(f"precision '{precision}' is not one of {', '.join(widths)}")
    bits = widths[precision]
    if precision != "int4" and accelerator.peak_tflops(precision) is not None:
        return Variant(precision, weight_bits or bits, min(bits, 16.0) if bits < 32 else bits)
    if bits == 4:
        wide = next((name for name in WIDE if accelerator.peak_tflops(name) is not None), None)
        if wide is not None:
            return Variant(wide, weight_bits or bits, 16.0)
    has = ", ".join(name for name in widths if name != "int4" and accelerator.peak_tflops(name) is not None)
    raise ValueError(f"accelerator '{accelerator.name}' has no {precision} arithmetic; it has {has}")
