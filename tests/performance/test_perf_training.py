"""The training step: published times, laws, and the search over layouts."""

from __future__ import annotations

from dataclasses import asdict, replace
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perf_inputs import TRAINER, cluster, model, published, request

from dcopt.performance import memory, training
from dcopt.performance.layouts import arrays_of, check, enumerate_layouts
from dcopt.performance.request_training import predict_training
from dcopt.performance.training import (
    Layout,
    TrainingTask,
    best_step,
    best_steps,
    legal_node_counts,
    predict_step,
    run_tokens,
)
from dcopt.problem.model_config import gpt_style
from dcopt.problem.tables.problem_rows import TrainingJob

GPT = gpt_style(24, 2048, 16)
TASK = TrainingTask(GPT, 2048, 64)


def errors(rows: list[dict[str, str]], measured: str) -> list[float]:
    """Relative errors of the predicted time of a step."""
    found = []
    for row in rows:
        step = predict_training(request(**row))
        if measured == "step_ms":
            found.append(step["step_s"] * 1e3 / float(row["step_ms"]) - 1)
        else:
            found.append(float(row[measured]) / step[measured] - 1)
    return found


def test_multi_node_steps_on_a100_within_eight_percent() -> None:
    rows = [row for row in published("training_steps_public") if "params_b" in row]
    assert len(rows) == 41
    assert mean(abs(error) for error in errors(rows, "step_ms")) < 0.08


def test_single_node_steps_on_a100_within_nine_percent() -> None:
    rows = [row for row in published("training_steps_public") if "params_b" not in row]
    assert mean(abs(error) for error in errors(rows[::3], "step_ms")) < 0.09


@pytest.mark.parametrize(("chip", "bound"), [("a100-sxm-40", 0.06), ("a100-sxm-80", 0.05), ("h100-sxm", 0.04)])
def test_fsdp_rates_within_bounds(chip: str, bound: float) -> None:
    rows = [
        row for row in published("training_public") if row["accelerator"] == chip and "llm-foundry" in row["source"]
    ]
    assert len(rows) > 40
    assert mean(abs(error) for error in errors(rows, "tokens_per_s_per_accelerator")) < bound


def test_megatron_table_carried_without_a_fit() -> None:
    rows = [row for row in published("training_public") if row["source"].startswith("Megatron-LM")]
    found = []
    for row in rows:
        step = predict_training(request(**row))
        found.append(0.75 * float(row["tflops_per_accelerator"]) / step["tflops_per_accelerator"] - 1)
    assert mean(map(abs, found)) < 0.05


def test_fp8_runs_carried_without_a_fit() -> None:
    """NeMo, Megatron-Bridge and MLPerf rows on H100: no constant was fitted on them, nor on fp8 at all."""
    rows = [row for row in published("training_public") if row.get("precision", "").startswith("fp8")]
    assert len(rows) == 4
    found = errors(rows, "tokens_per_s_per_accelerator")
    assert mean(map(abs, found)) < 0.08
    assert max(map(abs, found)) < 0.15


def test_published_runs_fit_their_memory() -> None:
    rows = [row for row in published("training_public") if "llm-foundry" in row["source"]]
    fits = [predict_training(request(**row))["fits"] for row in rows]
    assert mean(fits) > 0.9


@pytest.mark.parametrize(
    ("recompute", "expected"), [("none", 34 + 5 * 96 * 2048 / 12288), ("selective", 34.0), ("full", 2.0)]
)
def test_activations_are_those_of_korthikanti(recompute: str, expected: float) -> None:
    """arXiv 2205.05198, table 2 (no tensor parallelism, one layer, unfused attention)."""
    gpt = replace(gpt_style(96, 12288, 96), vocab=1, kind="encoder")
    task = TrainingTask(gpt, 2048, 1)
    layouts = arrays_of([Layout(recompute=recompute)])  # type: ignore[arg-type]
    found = memory.activation_bytes(task, "fp16", layouts)[0] / (96 * 2048 * 12288)
    working = (34 + 5 * 96 * 2048 / 12288) / 96 if recompute == "full" else 0.0
    assert found == pytest.approx(expected + working, rel=1e-6)


def test_adam_states_take_sixteen_to_eighteen_bytes_a_parameter() -> None:
    task = TrainingTask(gpt_style(96, 12288, 96), 2048, 1)
    big = memory.memory_gb(task, "bf16", arrays_of([Layout(recompute="full")]))[0]
    count = memory.trained_parameters(task)
    assert 16 <= big * 1e9 / count <= 18.5
    adapters = replace(task, method="lora")
    small = memory.memory_gb(adapters, "bf16", arrays_of([Layout(recompute="full")]))[0]
    assert small < 0.2 * big


def test_breakdown_sums_to_the_step_and_rates_agree() -> None:
    step = predict_step(TASK, cluster(), Layout(tensor=2, pipeline=2, data=4), "bf16", TRAINER)
    assert sum(step.breakdown.values()) == pytest.approx(step.step_s)
    assert step.tokens_per_s == pytest.approx(64 * 2048 / step.step_s)
    assert step.tokens_per_s_per_accelerator * 16 == pytest.approx(step.tokens_per_s)
    assert 0 < step.mfu < 1


def test_many_layouts_at_once_are_each_alone() -> None:
    layouts = enumerate_layouts(TASK, cluster(), [8, 16, 32])
    times = training.evaluate(TASK, cluster(), layouts, "bf16", TRAINER)
    needed = memory.memory_gb(TASK, "bf16", layouts)
    for index in range(0, len(layouts), 97):
        alone = predict_step(TASK, cluster(), layouts.at(index), "bf16", TRAINER)
        assert alone.step_s == pytest.approx(float(times.step[index]), rel=1e-12)
        assert alone.memory_gb == pytest.approx(float(needed[index]), rel=1e-12)


@pytest.mark.parametrize("name", ["gpt-2-xl", "mixtral-8x7b", "t5-11b", "bert-large"])
def test_the_best_step_is_that_of_an_exhaustive_search(name: str) -> None:
    task = TrainingTask(model(name), 512, 16)
    hardware = cluster("a100-sxm-80")
    layouts = enumerate_layouts(task, hardware, [16])
    steps = [predict_step(task, hardware, layouts.at(i), "bf16", TRAINER) for i in range(len(layouts))]
    fitting = [step for step in steps if step.fits]
    best = best_step(task, hardware, 16, "bf16", TRAINER)
    assert best is not None
    assert best.step_s == min(step.step_s for step in fitting)
    assert best == best_step(task, hardware, 16, "bf16", TRAINER)


def test_every_enumerated_layout_is_legal_and_distinct() -> None:
    task = TrainingTask(model("mixtral-8x7b"), 8192, 48)
    layouts = enumerate_layouts(task, cluster(), [8, 16, 24, 48])
    seen = {layouts.at(index) for index in range(len(layouts))}
    assert len(seen) == len(layouts) > 100
    for layout in seen:
        check(task, cluster(), layout)
        assert layout.accelerators in (8, 16, 24, 48)


def test_node_counts_are_exactly_those_with_a_layout() -> None:
    counts = legal_node_counts(TASK, cluster(), 40)
    assert counts == [n for n in range(1, 41) if len(enumerate_layouts(TASK, cluster(), [8 * n]))]
    assert legal_node_counts(TASK, cluster(gbps=0.0), 40) == [1]


def test_best_steps_agree_with_best_step_and_respect_memory() -> None:
    task = TrainingTask(model("gpt-3-175b"), 2048, 64)
    many = best_steps(task, cluster(), [1, 2, 4, 8, 16], "bf16", TRAINER)
    assert 1 not in many
    for nodes, step in many.items():
        assert step == best_step(task, cluster(), nodes * 8, "bf16", TRAINER)
        assert step.memory_gb <= 0.9 * 80


def test_fixed_choices_are_kept() -> None:
    step = best_step(TASK, cluster(), 32, "bf16", TRAINER, {"tensor": 4, "recompute": "full"})
    assert step is not None
    assert (step.layout.tensor, step.layout.recompute) == (4, "full")
    assert best_step(TASK, cluster(), 32, "bf16", TRAINER, {"tensor": 3}) is None


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout(data=3), "global_batch"),
        (Layout(pipeline=5), "layers"),
        (Layout(tensor=3), "heads"),
        (Layout(expert=2, data=2), "experts"),
        (Layout(virtual_stages=2), "pipeline"),
        (Layout(pipeline=2, sharding="full"), "sharding"),
        (Layout(tensor=0), "at least 1"),
    ],
)
def test_illegal_layouts_are_refused(layout: Layout, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        predict_step(TASK, cluster(), layout, "bf16", TRAINER)


def test_a_precision_that_the_chip_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="no fp8"):
        predict_step(TASK, cluster("a100-sxm-80"), Layout(), "fp8", TRAINER)
    with pytest.raises(ValueError, match="no bf16"):
        best_step(TASK, cluster("v100-sxm-32"), 8, "bf16", TRAINER)


@settings(max_examples=40, deadline=None)
@given(
    tensor=st.sampled_from([1, 2, 4, 8]),
    pipeline=st.sampled_from([1, 2, 4]),
    data=st.sampled_from([1, 2, 8]),
    micro=st.sampled_from([1, 2]),
    factor=st.floats(1.0, 8.0),
)
def test_better_hardware_is_never_slower(tensor: int, pipeline: int, data: int, micro: int, factor: float) -> None:
    layout = Layout(tensor=tensor, pipeline=pipeline, data=data, micro_batch=micro)
    base = cluster("a100-sxm-80", 800.0)
    slow = predict_step(TASK, base, layout, "bf16", TRAINER).step_s
    wider = replace(base, network_gb_per_s=base.network_gb_per_s * factor)
    linked = replace(base, scaleup_gb_per_s=base.scaleup_gb_per_s * factor)
    for better in (wider, linked):
        assert predict_step(TASK, better, layout, "bf16", TRAINER).step_s <= slow * (1 + 1e-12)
    software = TRAINER.model_copy(update={"overhead_ms": 5.0, "efficiency": 1 / factor})
    assert predict_step(TASK, base, layout, "bf16", software).step_s > slow


def test_single_chips_and_cpus_work() -> None:
    small = TrainingTask(model("distilbert"), 128, 8, method="finetune")
    for name, precision in (("t4", "fp16"), ("xeon-8480-2s", "bf16"), ("xeon-8260-2s", "fp32")):
        step = best_step(small, cluster(name, 0.0, 1), 1, precision, TRAINER)
        assert step is not None
        assert np.isfinite(step.step_s)


def test_tokens_of_a_run() -> None:
    job = TrainingJob(name="a", model="bert-base", samples=100, epochs=3, global_batch=1, deadline_days=1)
    assert run_tokens(job, model("bert-base")) == 100 * 3 * 512
    job = TrainingJob(name="a", model="bert-base", tokens=5e9, global_batch=1, deadline_days=1)
    assert run_tokens(job, model("bert-base")) == 5e9


def test_a_request_echoes_its_layout_and_counts_days() -> None:
    found = predict_training(
        request(model="gpt-3-175b", node="dgx-h100", accelerators="512.0", global_batch=2048, tokens=3e11)
    )
    assert found["days"] == pytest.approx(3e11 / found["tokens_per_s"] / 86400)
    layout = Layout(**{name: found[name] for name in asdict(Layout())})
    assert layout.accelerators == 512
