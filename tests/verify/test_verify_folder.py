"""``dcopt verify RUN``: exit codes, and the inputs held against their lock."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from verify_cases import Case

from dcopt.cli.verify import command


@pytest.fixture
def run(cases: dict[str, Case], tmp_path: Path) -> Path:
    """Return a copy of alpha's RUN to spoil."""
    return Path(shutil.copytree(cases["alpha"].run, tmp_path / "run"))


def _verify(run: Path) -> Result:
    return CliRunner().invoke(command, [str(run)])


def _change(run: Path, *path: str | int, to: Any) -> None:
    file = run / "design.json"
    design = json.loads(file.read_text(encoding="utf-8"))
    inner = design
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    file.write_text(json.dumps(design), encoding="utf-8")


def test_untouched_run_passes(run: Path) -> None:
    result = _verify(run)
    assert result.exit_code == 0
    assert "all agree" in result.output


@pytest.mark.parametrize(
    ("path", "to", "place"),
    [
        (("tco_usd",), 1.0, "tco_usd"),
        (("gap_target",), 0.5, "gap_target"),
        (("status",), "feasible", "status"),
        (("status",), "infeasible", "pools"),
        (("pools", 0, "nodes"), 2, "pool hall/hgx-a100-80-8/ndr400-rail year 1 nodes"),
        (("training", 0, "days"), 17.0, "training llm year 1 days"),
        (("inference", 0, "latency_ms"), 5.0, "inference answers on hall/l4-4 year 1 latency_ms"),
        (("network", 0, "leaf"), 0, "network hall/hgx-a100-80-8/ndr400-rail year 1 switches"),
        (("storage", 0, "usable_tb"), 900.0, "usable_tb"),
        (("racks", 0, "count"), 9, "rack_positions_used"),
        (("power", 0, "units"), 1, "units for the load"),
        (("cooling", 0, "units"), 1, "units for the heat"),
        (("sites", 0, "facility_kw"), 20.0, "site hall year 1 facility_kw"),
        (("bom", 0, "quantity"), 1.0, "bom hall year 1"),
        (("cost", "running", "energy"), 0.0, "cost running energy"),
        (("calendar", 0, "start_day"), 400.0, "calendar"),
        (("training", 0, "node"), "no-such-node", "no-such-node"),
    ],
)
def test_corrupted_run_is_code_5(run: Path, path: tuple[str | int, ...], to: Any, place: str) -> None:
    _change(run, *path, to=to)
    result = _verify(run)
    assert result.exit_code == 5
    assert place in result.output
    assert "numbers differ from what the inputs give" in result.output


def test_changed_input_is_code_5(run: Path) -> None:
    file = run / "inputs" / "sites.csv"
    file.write_text(file.read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8")
    result = _verify(run)
    assert result.exit_code == 5
    assert "inputs/sites.csv sha256" in result.output


def test_added_input_is_code_5(run: Path) -> None:
    (run / "inputs" / "notes.txt").write_text("not there when it was solved", encoding="utf-8")
    result = _verify(run)
    assert result.exit_code == 5
    assert "notes.txt" in result.output


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"sha256": 3, "options": {"gap": 0}}'])
def test_missing_or_unreadable_lock_is_code_5(run: Path, text: str | None) -> None:
    lock = run / "inputs" / "lock.json"
    lock.unlink() if text is None else lock.write_text(text, encoding="utf-8")
    result = _verify(run)
    assert result.exit_code == 5
    assert "lock.json" in result.output


@pytest.mark.parametrize("text", [None, "", "not json", "[]", '{"problem": "alpha"}', '{"status": "optimal"}'])
def test_unreadable_design_is_code_2(run: Path, text: str | None) -> None:
    file = run / "design.json"
    file.unlink() if text is None else file.write_text(text, encoding="utf-8")
    result = _verify(run)
    assert result.exit_code == 2
    assert "design" in result.output


def test_unreadable_inputs_are_code_2(run: Path) -> None:
    (run / "inputs" / "sites.csv").write_text("name,power\nhall,3\n", encoding="utf-8")
    assert _verify(run).exit_code == 2
    shutil.rmtree(run / "inputs")
    assert _verify(run).exit_code == 2


def test_missing_run_is_code_2(tmp_path: Path) -> None:
    assert _verify(tmp_path / "nowhere").exit_code == 2
