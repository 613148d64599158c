"""What `dcopt check` says of the day and the calendar."""

from __future__ import annotations

import json
from pathlib import Path

from cli_inputs import dcopt

from dcopt.problem.locate import examples_dir

EXAMPLE = examples_dir() / "night-training"


def test_check_says_what_follows_the_hours_and_waits(tmp_path: Path) -> None:
    result = dcopt("check", EXAMPLE, "--no-precheck")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split()).replace("- ", "-")
    assert "assistant follows llm-conversation (mean 52.93 requests/s)" in text
    assert "weekly-guard comes after weekly-tune" in text
    assert "weekly-tune and weekly-guard may run at night" in text


def test_its_json_has_the_columns() -> None:
    facts = json.loads(dcopt("check", EXAMPLE, "--no-precheck", "--json").stdout)
    assert [job["after"] for job in facts["training"]] == [[], ["weekly-tune"]]
    assert all(job["preemptible"] for job in facts["training"])
    assert facts["inference"][0]["profile"] == "llm-conversation"


def test_other_problems_are_described_as_before() -> None:
    result = dcopt("check", examples_dir() / "gpt3-pretraining", "--no-precheck")
    assert "the day and the calendar" not in result.stdout


def test_the_check_shows_commitments_and_what_jobs_ask_year_by_year() -> None:
    changed = ["--set", "training.monthly-tune.growth_pct_per_year=50"]
    result = dcopt("check", examples_dir() / "rent-or-buy", "--no-precheck", *changed)
    assert result.exit_code == 0
    assert "commitments (2)" in result.stdout
    words = " ".join(result.stdout.split())
    assert "monthly-tune asks 12 × 4e+09 tokens in year 1 and 12 × 1.35e+10 tokens in year 4" in words
