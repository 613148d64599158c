"""Typed access to the keys of a ``config.json``, with errors that name the key and the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcopt.problem.model_config import ModelConfigError


@dataclass(frozen=True)
class Keys:
    """A configuration being read: typed access with errors that name the key and the file."""

    config: Mapping[str, Any]
    name: str
    where: str

    def whole(self, *names: str, default: int | None = None) -> int:
        """Return the first of ``names`` that is present as a whole number."""
        for name in names:
            value = self.config.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
                raise ModelConfigError(f"{self.where}: '{name}' must be a whole number, not {value!r}")
            return int(value)
        if default is not None:
            return default
        others = ", ".join(f"'{name}'" for name in names[1:])
        spelt = f"'{names[0]}'" + (f" (or {others})" if others else "")
        raise ModelConfigError(f"{self.where}: the key {spelt} is missing")

    def flag(self, name: str, default: bool) -> bool:
        """Return ``name`` as a truth value."""
        value = self.config.get(name)
        return default if value is None else bool(value)

    def text(self, *names: str) -> str:
        """Return the first of ``names`` that holds text, in lower case, or ''."""
        for name in names:
            value = self.config.get(name)
            if isinstance(value, str):
                return value.lower()
        return ""

    def head_dim(self, hidden: int, heads: int) -> int:
        """Return the width of a head: given, or hidden ÷ heads (which must be whole)."""
        if self.config.get("head_dim") is not None:
            return self.whole("head_dim")
        if heads < 1 or hidden % heads:
            raise ModelConfigError(f"{self.where}: hidden size {hidden} is not a multiple of {heads} attention heads")
        return hidden // heads

    def native(self) -> dict[str, Any]:
        """Return the bits of the weights where the checkpoint is published quantized."""
        quantization = self.config.get("quantization_config")
        method = quantization.get("quant_method") if isinstance(quantization, dict) else None
        if method == "fp8":
            return {"native_weight_bits": 8.0}
        if method == "mxfp4":
            return {"native_weight_bits": 4.25, "native_quantized": "experts"}
        if method in ("gptq", "awq") and isinstance(quantization, dict):
            return {"native_weight_bits": float(quantization.get("bits", 4))}
        return {}
