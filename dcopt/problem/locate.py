"""Where the shipped catalogue, models and examples are: in a checkout, or inside an installed wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def shipped_dir() -> Path:
    """Return the folder that holds the shipped ``data/`` and ``models/``.

    Raises
    ------
    FileNotFoundError: neither the wheel nor a checkout around this file holds them.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_shipped", package.parent):
        if (folder / "data" / "catalog").is_dir() and (folder / "models").is_dir():
            return folder
    raise FileNotFoundError(f"the data that ship with dcopt are missing beside {package}: install dcopt again")


def catalog_dir() -> Path:
    """Return the folder of the shipped catalogue tables."""
    return shipped_dir() / "data" / "catalog"


def models_dir() -> Path:
    """Return the folder of the shipped models, one folder with a ``config.json`` each."""
    return shipped_dir() / "models"


def examples_dir() -> Path:
    """Return the folder of the shipped example problems."""
    return shipped_dir() / "data" / "problems"


def published_dir() -> Path:
    """Return the folder of the published results that predictions are held against."""
    return shipped_dir() / "data" / "published"
