"""``dcopt predict``: options, tables, exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from perf_inputs import PUBLISHED, published

from dcopt.cli.predict import command


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(command, list(arguments))
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


def test_training_from_options() -> None:
    found = json.loads(
        run(
            "training",
            *("--model", "gpt-3-175b", "--node", "dgx-h100", "--accelerators", "512", "--tensor", "8"),
            *("--pipeline", "8", "--global-batch", "1536", "--sequence-length", "2048", "--precision", "bf16"),
            *("--recompute", "full", "--tokens", "3e11", "--json"),
        )
    )
    assert (found["tensor"], found["pipeline"], found["data"], found["recompute"]) == (8, 8, 8, "full")
    assert sum(found["breakdown"].values()) == pytest.approx(found["step_s"])
    assert found["days"] > 0


def test_inference_from_options() -> None:
    shared = (
        "inference",
        "--model",
        "llama-3.1-70b",
        "--node",
        "dgx-h100",
        "--precision",
        "fp8",
        "--input-tokens",
        "1000",
    )
    base = (*shared, "--output-tokens", "300", "--json")
    closed = json.loads(run(*base, "--tensor", "4", "--concurrency", "16"))
    assert closed["statistic"] == "mean"
    open_loop = json.loads(run(*base, "--tensor", "4", "--requests-per-s", "1", "--percentile", "99"))
    assert open_loop["statistic"] == "p99"
    best = json.loads(run(*base, "--ttft-ms", "500", "--tpot-ms", "50"))
    assert best["ttft_ms"] <= 500
    assert best["requests_per_s"] > 0
    most = json.loads(run(*base, "--tensor", "4", "--max-throughput"))
    assert most["requests_per_s"] > best["requests_per_s"] * 4 / best["accelerators"] * 0.9


def test_fabric_from_options() -> None:
    found = json.loads(run("fabric", "--fabric", "ndr400-rail", "--nodes", "64", "--ports-per-node", "8", "--json"))
    assert (found["leaf"], found["spine"], found["core"]) == (16, 8, 0)
    assert found["price_usd"] > 0


@pytest.mark.parametrize(
    ("task", "table"),
    [
        ("training", "training_steps_public"),
        ("training", "training_public"),
        ("inference", "serving_public"),
        ("inference", "serving_max_throughput_public"),
        ("inference", "mlperf_bert_offline_public"),
        ("fabric", "network_public"),
    ],
)
def test_published_tables_are_understood(task: str, table: str, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    run(task, "--table", str(PUBLISHED / f"{table}.csv"), "-o", str(output))
    with output.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(published(table))
    unanswered = [row for row in rows if row.get("error")]
    if table == "mlperf_bert_offline_public":
        assert len(unanswered) < 0.45 * len(rows)  # accelerators that the catalogue does not hold
    elif table == "serving_max_throughput_public":
        assert len(unanswered) <= 8  # models that the predicted memory does not hold
    else:
        assert not unanswered
    if "id" in rows[0]:
        assert next(iter(rows[0])) == "id"


def test_published_fabrics_are_counted_exactly(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    run("fabric", "--table", str(PUBLISHED / "network_public.csv"), "-o", str(output))
    with output.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name in ("leaf", "spine", "core", "leaf_spine_links", "spine_core_links"):
                assert int(row[name]) == int(row[f"given_{name}"])


def test_blanks_whole_floats_and_unknown_columns(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text(
        "note,id,layers,hidden,heads,global_batch,sequence_length,accelerator,accelerators,tensor,expert\n"
        "mine,a,24.0,2048,16,64.0,2048,NVIDIA H100-SXM5-80GB,8.0,2,nan\n"
        "mine,b,24,2048,16,64,2048,no-such-chip,8,2,\n",
        encoding="utf-8",
    )
    rows = list(csv.DictReader(run("training", "--table", str(table)).splitlines()))
    assert (rows[0]["id"], rows[0]["note"], rows[0]["tensor"]) == ("a", "mine", "2")
    assert float(rows[0]["step_s"]) > 0
    assert "no-such-chip" in rows[1]["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("training", "--model", "gpt9", "--node", "dgx-h100", "--global-batch", "8"), "gpt9"),
        (("training", "--model", "bert-base", "--global-batch", "8"), "name a node"),
        (("training", "--model", "bert-base", "--node", "dgx-h1000", "--global-batch", "8"), "did you mean"),
        (("training", "--model", "bert-base", "--node", "dgx-h100"), "global_batch"),
        (("training", "--model", "bert-base", "--node", "dgx-h100", "--global-batch", "many"), "number"),
        (
            ("training", "--model", "bert-base", "--node", "dgx-h100", "--global-batch", "8", "--precision", "fp5"),
            "fp5",
        ),
        (("training", "--model", "bert-base", "--node", "dgx-h100", "--global-batch", "8", "--tensor", "5"), "heads"),
        (("inference", "--model", "llama-3.1-8b", "--node", "dgx-h100", "--output-tokens", "9"), "input_tokens"),
        (("fabric", "--fabric", "none", "--nodes", "9"), "no switches"),
        (("fabric", "--fabric", "ndr400-rail"), "nodes"),
    ],
)
def test_bad_requests_say_what_is_wrong(arguments: tuple[str, ...], words: str) -> None:
    assert words in run(*arguments, code=2)
