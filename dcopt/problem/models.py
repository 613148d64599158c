"""The models that a problem names: found as a path, in the problem's ``models/``, or among the shipped ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dcopt.problem.findings import nearest
from dcopt.problem.locate import models_dir
from dcopt.problem.problem import ModelFile

if TYPE_CHECKING:
    from dcopt.problem.model_config import ModelConfig


class ModelNotFoundError(ValueError):
    """No model of that name or path; ``nearest`` is the known name that resembles it most."""

    def __init__(self, message: str, nearest: str | None = None) -> None:
        super().__init__(message)
        self.nearest = nearest


def known_models(folder: Path) -> list[str]:
    """Return the names that a problem in ``folder`` can use: its own models and the shipped ones."""
    return sorted({path.parent.name for place in _search(folder) for path in place.glob("*/config.json")})


def find_model(text: str, folder: Path) -> Path:
    """Return the ``config.json`` that a ``model`` cell of a problem in ``folder`` means.

    Raises
    ------
    ModelNotFoundError: there is none.
    """
    try:
        for place in (folder / text, folder / text / "config.json"):
            if place.is_file():
                return place
        for models in _search(folder):
            if (models / text / "config.json").is_file():
                return models / text / "config.json"
    except (OSError, ValueError):  # a name too long for the file system, or with a NUL
        pass
    if "/" in text or "\\" in text or text.endswith(".json"):
        raise ModelNotFoundError(
            "is no file or folder with a config.json, seen from the problem folder: correct the path"
        )
    raise ModelNotFoundError(
        "is not a known model: correct the name, or put its config.json under models/NAME/ in the problem folder",
        nearest(text, known_models(folder)),
    )


def read_model(path: Path) -> tuple[ModelConfig, str]:
    """Return the configuration in ``path`` and its text.

    Raises
    ------
    ModelConfigError: the file is not a configuration that is understood.
    OSError: the file cannot be read.
    """
    from dcopt.problem.model_config import load_model

    config = load_model(str(path))
    return config, path.read_text(encoding="utf-8-sig")


def travel_names(configs: Iterable[tuple[str, Path, ModelConfig, str]]) -> dict[str, ModelFile]:
    """Return for each ``model`` cell the name under which its configuration is written.

    Parameters
    ----------
    configs: (cell, path of the file, configuration, text of the file), in a fixed order.
    """
    files: dict[str, ModelFile] = {}
    name_of: dict[Path, str] = {}
    for cell, path, config, text in configs:
        if path not in name_of:
            base = re.sub(r"[^A-Za-z0-9._-]+", "-", config.name).strip(".-") or "model"
            taken = set(name_of.values())
            number = 2
            name = base
            while name in taken:
                name, number = f"{base}-{number}", number + 1
            name_of[path] = name
        files[cell] = ModelFile(name_of[path], text)
    return files


def _search(folder: Path) -> tuple[Path, Path]:
    return folder / "models", models_dir()
