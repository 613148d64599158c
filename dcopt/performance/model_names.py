"""Models by name, in the spellings that published tables use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dcopt.problem.model_config import ModelConfig, ModelConfigError, load_model


def _key(name: str) -> str:
    """Return a name without case, separators and the words that vendors add."""
    plain = re.sub(r"[^a-z0-9.]", "", name.lower())
    return re.sub(r"(instruct|chat|hf|v0\.1|fp8|fp4)$", "", plain).replace(".", "")


def find_by_name(name: str, search: Sequence[Path]) -> ModelConfig:
    """Return the model that ``name`` means: a path, a name of a folder in ``search``, or another spelling of one.

    'Llama-3.1-70B' and 'llama2-7b' are understood; 'llama3-8b' is taken as llama-3.1-8b, whose shape is the same.

    Raises `ModelConfigError` where there is none.
    """
    try:
        return load_model(name, search)
    except ModelConfigError as error:
        wanted = _key(name)
        names = sorted({found.parent.name for folder in search for found in Path(folder).glob("*/config.json")})
        for known in names:
            if wanted in (_key(known), _key(known).replace("llama31", "llama3")):
                return load_model(known, search)
        raise error
