"""Memory of a training step against published sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from perf_inputs import cluster, published, request

from dcopt.performance import arithmetic, memory
from dcopt.performance.layouts import arrays_of
from dcopt.performance.request_training import predict_training
from dcopt.performance.training import Layout, TrainingTask, predict_step
from dcopt.problem.model_config import gpt_style
from dcopt.problem.tables.catalog_rows import Software

ZERO_MODEL = gpt_style(47, 3584, 28, vocab=50257, max_positions=1024)
"""About 7.5 billion parameters."""


def states_gb(precision: str, sharding: str, data: int) -> float:
    """Return weights, gradients and states of 7.5 billion parameters on one of ``data`` chips."""
    task = TrainingTask(ZERO_MODEL, 1, data)
    layouts = arrays_of([Layout(data=data, sharding=sharding, recompute="full")])  # type: ignore[arg-type]
    depth = ZERO_MODEL.layers
    weight = 4.0 if precision == "fp32" else 2.0
    gathered = 2 * weight * arithmetic.parameters(ZERO_MODEL) / depth if sharding == "full" else 0.0
    found = memory.memory_gb(task, precision, layouts)[0] - memory.RUNTIME_GB - gathered / 1e9
    return (
        float(found - memory.activation_bytes(task, precision, layouts)[0] / 1e9)
        * 7.5e9
        / arithmetic.parameters(ZERO_MODEL)
    )


@pytest.mark.parametrize(
    ("sharding", "gb"), [("none", 120.0), ("optimizer", 31.4), ("gradients", 16.6), ("full", 1.88)]
)
def test_model_states_are_those_of_zero(sharding: str, gb: float) -> None:
    """Arxiv 1910.02054, figure 1: 7.5 billion parameters, fp16 Adam, 64 data ranks."""
    assert states_gb("fp16", sharding, 64) == pytest.approx(gb, rel=0.02)


@pytest.mark.parametrize("data", [1, 8, 64])
def test_bytes_a_parameter_are_those_of_megatron_core(data: int) -> None:
    """Megatron Core, distributed optimizer: bf16 18 and 6 + 12/d bytes a parameter, fp32 16 and 8 + 8/d."""
    assert states_gb("bf16", "none", data) / 7.5 == pytest.approx(18.0, rel=1e-3)
    assert states_gb("fp32", "none", data) / 7.5 == pytest.approx(16.0, rel=1e-3)
    if data > 1:
        assert states_gb("bf16", "optimizer", data) / 7.5 == pytest.approx(6 + 12 / data, rel=1e-3)
        assert states_gb("fp32", "optimizer", data) / 7.5 == pytest.approx(8 + 8 / data, rel=1e-3)


@pytest.mark.parametrize(
    ("layers", "hidden", "heads", "saved"), [(96, 12288, 96, 0.70), (105, 20480, 128, 0.65)], ids=["175b", "530b"]
)
def test_selective_recomputation_saves_what_was_published(layers: int, hidden: int, heads: int, saved: float) -> None:
    """Arxiv 2205.05198, section 5: 70 % of the activations of GPT-3 and 65 % of those of MT-NLG 530B."""
    model = replace(gpt_style(layers, hidden, heads), vocab=1, kind="encoder")
    task = TrainingTask(model, 2048, 1)
    kept = [
        memory.activation_bytes(task, "fp16", arrays_of([Layout(recompute=recompute)]))[0]  # type: ignore[arg-type]
        for recompute in ("none", "selective")
    ]
    assert 1 - kept[1] / kept[0] == pytest.approx(saved, abs=0.01)


@pytest.mark.parametrize("tensor", [1, 2, 4, 8])
def test_tensor_parallel_activations_of_a_layer(tensor: int) -> None:
    """Arxiv 2205.05198, equation 2: s·b·h·(10 + 24/t + 5·a·s/(h·t)) bytes a layer."""
    model = replace(gpt_style(48, 6144, 64), vocab=1, kind="encoder")
    task = TrainingTask(model, 2048, 4)
    found = memory.activation_bytes(task, "fp16", arrays_of([Layout(tensor=tensor, micro_batch=4)]))[0]
    layer = 2048 * 4 * 6144 * (10 + 24 / tensor + 5 * 64 * 2048 / (6144 * tensor))
    assert found == pytest.approx(48 * layer, rel=1e-6)


@pytest.mark.parametrize(("precision", "share"), [("bf16", 1.0), ("tf32", 2.0)])
def test_wide_arithmetic_has_no_master_copy(precision: str, share: float) -> None:
    task = TrainingTask(ZERO_MODEL, 128, 8)
    step = predict_step(task, cluster(), Layout(data=8), precision, Software(name="r", role="training"))
    assert memory.state_bytes(task, precision) == (12.0 if share == 1.0 else 8.0)
    assert step.memory_gb > 100


def test_published_runs_fit_where_they_ran() -> None:
    """Every FSDP row ran: at most one in twenty may be predicted not to fit, and none by more than 10 %."""
    rows = [row for row in published("training_public") if "llm-foundry" in row["source"]]
    over = []
    for row in rows:
        found = predict_training(request(**row))
        limit = {"a100-sxm-40": 40.0, "a100-sxm-80": 80.0, "h100-sxm": 80.0}[row["accelerator"]]
        over.append(found["memory_gb"] / limit - 1)
    assert max(over) < 0.10
    assert sum(excess > 0 for excess in over) <= len(over) / 20
