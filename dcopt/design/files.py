"""Reading and writing ``design.json``."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import ValidationError

from dcopt.design.records import Design

DESIGN_FILE = "design.json"


class DesignFileError(Exception):
    """A RUN folder without a readable ``design.json``; the text says the cure."""


def write_design(design: Design, folder: Path) -> Path:
    """Write ``design.json`` into ``folder``, whole or not at all, and return its path."""
    path = folder / DESIGN_FILE
    text = json.dumps(design.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False, allow_nan=False)
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, path)
    return path


def read_design(folder: Path) -> Design:
    """Read the design of a RUN folder.

    Raises
    ------
    DesignFileError: there is no ``design.json``, or it is not one that this version wrote.
    """
    path = folder / DESIGN_FILE
    if not path.is_file():
        raise DesignFileError(f"{folder} holds no {DESIGN_FILE}; give the folder that 'dcopt solve' wrote")
    try:
        return Design.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        where = "" if first is None else f" ({'.'.join(str(part) for part in first['loc'])}: {first['msg']})"
        raise DesignFileError(f"{path} is not a design that this version of dcopt wrote{where}") from error
