"""Predicted against published: bounds for each group, and the shipped table of prediction errors.

`accuracy_bounds.csv` holds the largest mean and median error (%) that each group may have. It is tightened when a model
improves: ``dcopt accuracy --by quantity,mode,model_class,accelerator`` prints the present errors.
"""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcopt.cli.main import main
from dcopt.performance.errors import Subject
from dcopt.pipeline.accuracy import Comparison, compare
from dcopt.pipeline.accuracy_groups import KEYS, ErrorGroup, errors_path, grouped, prediction_errors, reasons
from dcopt.problem.load import load_catalog
from dcopt.problem.locate import published_dir
from dcopt.problem.tables.error_rows import PredictionError

BOUND_KEYS = ("quantity", "mode", "model_class", "accelerator")
BOUNDS = Path(__file__).with_name("accuracy_bounds.csv")
DRIFT = 0.05
"""By how much (in logarithms) the shipped biases and sigmas may differ from those of the models as they are."""


@lru_cache
def comparisons() -> tuple[Comparison, ...]:
    return tuple(compare())


@lru_cache
def errors_by_group() -> dict[tuple[str, ...], ErrorGroup]:
    plain = [found for found in comparisons() if not found.flag]
    groups = grouped(plain, BOUND_KEYS) + grouped(plain, BOUND_KEYS[:2])
    return {tuple((dict(group.keys) | {}).get(key, "") for key in BOUND_KEYS): group for group in groups}


def bounds() -> list[dict[str, str]]:
    with BOUNDS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


@pytest.mark.parametrize("bound", bounds(), ids=lambda row: "-".join(row[key] for key in BOUND_KEYS if row[key]))
def test_the_errors_of_a_group_stay_within_its_bounds(bound: dict[str, str]) -> None:
    group = errors_by_group()[tuple(bound[key] for key in BOUND_KEYS)]
    assert group.rows >= int(bound["rows"])
    assert 100 * group.mean_abs <= float(bound["mean_pct"])
    assert 100 * group.median_abs <= float(bound["median_pct"])


def test_every_group_of_ten_rows_has_a_bound() -> None:
    held = {tuple(row[key] for key in BOUND_KEYS) for row in bounds()}
    missing = [keys for keys, group in errors_by_group().items() if group.rows >= 10 and keys not in held]
    assert missing == []


def test_every_published_row_is_compared_or_its_reason_is_given() -> None:
    for path in published_dir().glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = sum(1 for _ in csv.DictReader(file))
        seen = {found.id for found in comparisons() if found.table == path.stem}
        assert len(seen) == rows, path.stem
    for found in comparisons():
        assert (found.predicted is None) == bool(found.reason)
    assert sum(count for _, _, count in reasons(comparisons())) < 0.06 * 2700


def test_parts_of_published_fabrics_are_counted_exactly() -> None:
    parts = [found for found in comparisons() if found.subject.task == "fabric"]
    assert len(parts) == 20
    assert all(found.error == 0 for found in parts)


def test_the_shipped_table_of_errors_is_that_of_the_models() -> None:
    """After a change of the models that fails here: ``dcopt accuracy --write``."""
    shipped = load_catalog()["prediction_errors"]
    made = {row.name: row for row in prediction_errors(comparisons())}
    assert list(shipped) == list(made)
    for name, row in made.items():
        other = shipped[name]
        assert isinstance(other, PredictionError)
        assert (row.rows, row.groups) == (other.rows, other.groups), name
        for column in ("bias", "group_sigma", "candidate_sigma"):
            assert getattr(row, column) == pytest.approx(getattr(other, column), abs=DRIFT), name
    assert errors_path().is_file()


def compared(measured: float, predicted: float | None, flag: str = "") -> Comparison:
    subject = Subject("inference", "aggregated", "dense", "chip", "engine", "fp8", "model")
    reason = "" if predicted else "why"
    return Comparison("t", "1", subject, "tpot_ms", measured, predicted, "", flag, reason)


def test_errors_of_a_group_by_hand() -> None:
    (group,) = grouped([compared(10, 12), compared(10, 9), compared(10, 10), compared(10, None)], ("quantity",))
    assert (group.rows, group.unpredicted) == (3, 1)
    assert group.mean_abs == pytest.approx(0.1)
    assert group.median_abs == pytest.approx(0.1)
    assert group.p90_abs == pytest.approx(0.2)
    assert group.bias == pytest.approx(0.1 / 3)


def test_a_rate_counts_as_a_time_in_the_bands() -> None:
    slow = compared(10, 12)
    rate = Comparison("t", "1", slow.subject, "requests_per_s", 10, 12)
    assert slow.residual is not None
    assert rate.residual is not None
    assert slow.residual.log_ratio == pytest.approx(-rate.residual.log_ratio)
    assert compared(10, None).residual is None


def test_the_command_answers_as_table_json_csv_and_page(tmp_path: Path) -> None:
    rows, page = tmp_path / "rows.csv", tmp_path / "page.html"
    result = CliRunner().invoke(main, ["accuracy", "--by", "task,accelerator", "--json", "--csv", str(rows)])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert {"summary", "flagged", "groups", "unpredicted"} == set(answer)
    assert sum(row["rows"] for row in answer["unpredicted"]) > 0
    with rows.open(encoding="utf-8", newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == len(comparisons())
    result = CliRunner().invoke(main, ["accuracy", "--html", str(page)])
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    assert text.count("<script") == text.count("<script>") == 1  # the page's own, which loads nothing
    assert text.count("<circle") > 4000
    shown = CliRunner().invoke(main, ["accuracy"])
    assert "rows without a prediction" in shown.stdout


def test_an_unknown_key_is_refused() -> None:
    result = CliRunner().invoke(main, ["accuracy", "--by", "colour"])
    assert result.exit_code == 2
    assert "colour" in result.output
    assert KEYS[0] in result.output
