"""The first design that the solver comes upon may be wasteful, but it is whole: it is verified like the best."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_inputs import dcopt

from dcopt.problem.locate import examples_dir


@pytest.mark.parametrize(
    ("example", "seed"),
    [
        ("bert-question-answering", 3),
        ("bert-question-answering", 4),
        ("hospital-and-bank", 2),
        ("hospital-and-bank", 5),
        ("hospital-and-bank", 11),
    ],
)
def test_any_incumbent_verifies(example: str, seed: int, tmp_path: Path) -> None:
    options = ("--gap", "1", "--seed", str(seed), "--no-baseline", "-o", tmp_path / "run")
    result = dcopt("solve", examples_dir() / example, *options)
    assert result.exit_code == 0, result.stderr
