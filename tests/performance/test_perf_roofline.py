"""Roofline positions of operation classes, and the error bands that ``dcopt predict`` shows."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from perf_inputs import cluster, model, request

from dcopt.cli.predict import command
from dcopt.performance import arithmetic
from dcopt.performance.request_inference import predict_inference
from dcopt.performance.request_training import predict_training
from dcopt.performance.roofline import Operation, ridge_of, serving_roofline, training_roofline
from dcopt.performance.serving import ReplicaLayout, ServingTask, Variant
from dcopt.performance.training import Layout, TrainingTask

FP8 = Variant("fp8", 8, 8)
CHAT = ServingTask(model("llama-3.1-70b"), 1000, 300)


def test_the_ridge_is_peak_over_bandwidth() -> None:
    assert ridge_of(cluster(), "bf16") == pytest.approx(989.5e12 / 3350e9)
    with pytest.raises(ValueError, match="no fp8"):
        ridge_of(cluster("a100-sxm-80"), "fp8")


def test_an_operation_is_bound_by_what_it_lacks() -> None:
    assert Operation(1000.0, 1.0, 300.0).bound == "compute"
    assert Operation(100.0, 1.0, 300.0).bound == "memory"
    assert Operation(0.0, 0.0, 300.0, 5.0).bound == "link"


def test_decoding_reads_weights_once_for_all_requests() -> None:
    """Products of one request: 2 FLOPs for each weight of 1 byte; the intensity grows with the batch."""
    alone = serving_roofline(CHAT, cluster(), ReplicaLayout(4), FP8, 1.0)
    many = serving_roofline(CHAT, cluster(), ReplicaLayout(4), FP8, 64.0)
    assert alone["decode_products"].intensity == pytest.approx(2.0, rel=0.05)
    assert many["decode_products"].intensity == pytest.approx(128.0, rel=0.1)
    assert many["decode_attention"].intensity == pytest.approx(alone["decode_attention"].intensity)
    assert alone["decode_attention"].bound == "memory"
    assert alone["prefill_products"].bound == "compute"
    assert alone["tensor_links"].bound == "link"
    assert "tensor_links" not in serving_roofline(CHAT, cluster(), ReplicaLayout(1), FP8, 1.0)


def test_grouped_queries_share_what_they_read() -> None:
    """Llama's 8 query heads share each KV head of 2 values of 1 byte: 4·8/2 FLOPs a byte."""
    found = serving_roofline(CHAT, cluster(), ReplicaLayout(4), FP8, 8.0)
    assert found["decode_attention"].intensity == pytest.approx(16.0, rel=0.01)


def test_experts_that_a_batch_does_not_touch_are_not_read() -> None:
    task = ServingTask(model("mixtral-8x7b"), 500, 200)
    alone = serving_roofline(task, cluster(), ReplicaLayout(2), FP8, 1.0)["decode_products"]
    many = serving_roofline(task, cluster(), ReplicaLayout(2), FP8, 256.0)["decode_products"]
    dense, experts = arithmetic.weight_bytes(task.model, 8)
    assert alone.memory_bytes * 2 == pytest.approx(dense + experts * 2 / 8, rel=0.01)
    assert many.memory_bytes * 2 > dense + experts


def test_classes_of_a_training_step() -> None:
    task = TrainingTask(model("llama-2-7b"), 4096, 512)
    found = training_roofline(task, cluster(), Layout(tensor=2, pipeline=2, data=4, micro_batch=2), "bf16")
    assert {name: operation.bound for name, operation in found.items()} == {
        "products": "compute",
        "attention": "compute",
        "normalization": "memory",
        "optimizer": "memory",
        "tensor_links": "link",
        "pipeline_links": "link",
        "data_links": "link",
    }
    alone = training_roofline(task, cluster(), Layout(), "bf16")
    products = 2 * 4096 * arithmetic.layer_products(task.model)
    assert alone["products"].flops == pytest.approx(products)
    assert set(alone) == {"products", "attention", "normalization", "optimizer"}


@pytest.mark.parametrize("name", ["bert-large", "vit-l", "t5-11b"])
def test_every_kind_of_model_has_a_position(name: str) -> None:
    outputs = 20 if name == "t5-11b" else 0
    task = ServingTask(model(name), 197, outputs)
    found = serving_roofline(task, cluster(), ReplicaLayout(1), FP8, 8.0)
    assert all(operation.intensity > 0 for operation in found.values())
    assert ("decode_products" in found) == bool(outputs)


STEP = {"model": "gpt-3-175b", "node": "dgx-h100", "accelerators": 512, "global_batch": 1536, "precision": "bf16"}


def test_a_prediction_carries_its_errors_and_position() -> None:
    plain = predict_training(request(**STEP))
    found = predict_training(request(**STEP, tokens=3e11), explain=True)
    assert {"roofline", "errors", "outside"}.isdisjoint(plain)
    for name in ("step_s", "tokens_per_s", "tflops_per_accelerator", "mfu", "days"):
        assert found["errors"][name]["low"] < found["errors"][name]["high"]
    ratio = found["errors"]["step_s"]["high"] / found["step_s"]
    assert found["tokens_per_s"] / found["errors"]["tokens_per_s"]["low"] == pytest.approx(ratio)
    assert found["outside"] == ""
    assert found["roofline"]["products"]["bound"] == "compute"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"node": "mi300x-8"}, "mi300x"),
        ({"node": "dgx-h100", "model": "t5-11b"}, "encoder-decoder"),
        ({"node": "dgx-h100"}, ""),
    ],
)
def test_what_was_never_measured_is_named(cells: dict[str, str], words: str) -> None:
    asked = {"model": "llama-3.1-70b", "precision": "fp8", "input_tokens": 1000, "output_tokens": 300, "batch": 16}
    found = predict_inference(request(**{**asked, "tensor": 4, **cells}), explain=True)
    assert words in found["outside"]
    assert bool(found["outside"]) == bool(words)
    assert set(found["errors"]) == {
        "ttft_ms",
        "tpot_ms",
        "latency_ms",
        "requests_per_s",
        "tokens_per_s_per_accelerator",
    }


def test_the_command_shows_them(tmp_path: Path) -> None:
    options = ["inference", "--model", "llama-3.1-70b", "--node", "mi300x-8", "--precision", "fp8", "--tensor", "2"]
    options += ["--input-tokens", "1000", "--output-tokens", "300", "--concurrency", "8"]
    shown = CliRunner().invoke(command, options).stdout
    assert "80 % within" in shown
    assert "memory-bound" in shown
    assert "out of domain: no published measurement of the accelerator mi300x" in shown
    answer = json.loads(CliRunner().invoke(command, [*options, "--json"]).stdout)
    assert answer["roofline"]["decode_products"]["bound"] == "memory"
    table = tmp_path / "rows.csv"
    table.write_text("id,tensor\na,2\nb,4\n", encoding="utf-8")
    rows = list(csv.DictReader(CliRunner().invoke(command, [*options, "--table", str(table)]).stdout.splitlines()))
    names = list(rows[0])
    assert names[0] == "id"
    assert names.index("breakdown_first_prompt") < names.index("roofline_decode_products_bound")
    assert float(rows[0]["errors_tpot_ms_low"]) < float(rows[0]["tpot_ms"]) < float(rows[0]["errors_tpot_ms_high"])
    assert rows[0]["outside"]
