"""The tiny problem and its RUN folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_inputs import dcopt, write_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny problem; not to be written to."""
    return write_tiny(tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture(scope="session")
def solved(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The RUN folder of the tiny problem; not to be written to."""
    run = tmp_path_factory.mktemp("solved") / "run"
    result = dcopt("solve", tiny, "-o", run)
    assert result.exit_code == 0, result.output
    return run
