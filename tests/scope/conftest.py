"""The catalogue, small problems, and the check that no row of the scope is without a test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcopt.problem.load import load, load_catalog
from dcopt.problem.locate import examples_dir
from dcopt.problem.problem import Problem


@pytest.fixture(scope="session")
def catalog() -> dict[str, dict[str, Any]]:
    """The shipped catalogue: table, name, row."""
    return load_catalog()


@pytest.fixture
def example(tmp_path: Path) -> Callable[..., Problem]:
    """Load an example, with the text of some of its tables replaced (blank: without the table) and cells changed."""

    def of(name: str, *sets: str, **tables: str) -> Problem:
        folder = shutil.copytree(examples_dir() / name, tmp_path / name, dirs_exist_ok=True)
        for table, text in tables.items():
            file = folder / f"{table}.csv"
            if text:
                file.write_text(text, encoding="utf-8")
            else:
                file.unlink(missing_ok=True)
        return load(folder, sets)

    return of
