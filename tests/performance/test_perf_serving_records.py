"""What a serving prediction is asked: speculation, cached prefixes, pools of workers."""

from __future__ import annotations

import random

import pytest
from perf_inputs import ENGINE, cluster, model

from dcopt.performance.serving import (
    Disaggregated,
    ReplicaLayout,
    ServingTask,
    Speculation,
    Variant,
    predict_closed,
    saturated,
)

FP8 = Variant("fp8", 8, 8)
POOLS = Disaggregated(ReplicaLayout(4), 1, ReplicaLayout(8), 2)


@pytest.mark.parametrize(("acceptance", "expected"), [(0.0, 1.0), (1.0, 5.0), (0.8, 3.3616)])
def test_expected_tokens_of_a_step(acceptance: float, expected: float) -> None:
    """Leviathan et al. (arXiv 2211.17192), equation 1; 0.8 with 4 drafts by hand."""
    assert Speculation("draft", 4, acceptance).tokens_a_step == pytest.approx(expected)


def test_expected_tokens_are_those_of_drawing_them() -> None:
    source = random.Random(3)
    drawn = []
    for _ in range(40_000):
        tokens = 1
        while tokens <= 3 and source.random() < 0.6:
            tokens += 1
        drawn.append(tokens)
    assert Speculation("draft", 3, 0.6).tokens_a_step == pytest.approx(sum(drawn) / len(drawn), rel=0.01)


@pytest.mark.parametrize(("drafts", "acceptance", "layers"), [(0, 0.5, 0), (2, 1.1, 0), (2, -0.1, 0), (2, 0.5, -1)])
def test_impossible_speculation_is_refused(drafts: int, acceptance: float, layers: int) -> None:
    with pytest.raises(ValueError, match="speculation 'x'"):
        Speculation("x", drafts, acceptance, mtp_layers=layers)


@pytest.mark.parametrize("cached", [-1.0, 100.0, 120.0])
def test_a_prefix_is_shorter_than_the_input(cached: float) -> None:
    with pytest.raises(ValueError, match="cached_prefix_tokens"):
        ServingTask(model("llama-3.1-8b"), 100, 10, cached_prefix_tokens=cached)
    assert ServingTask(model("llama-3.1-8b"), 100, 10, cached_prefix_tokens=30).computed_tokens == 70


def test_pools_count_their_chips_and_hold_workers() -> None:
    assert POOLS.accelerators == 20
    with pytest.raises(ValueError, match="at least one"):
        Disaggregated(ReplicaLayout(4), 0, ReplicaLayout(8), 2)


def test_pools_answer_closed_loops_and_saturation() -> None:
    task = ServingTask(model("llama-3.1-70b"), 1000, 300)
    point = predict_closed(task, cluster(), POOLS, FP8, ENGINE, concurrency=32)
    assert point.fits
    assert point.tokens_per_s_per_accelerator == pytest.approx(point.requests_per_s * 300 / 20)
    top = saturated(task, cluster(), POOLS, FP8, ENGINE)
    assert top is not None
    assert point.requests_per_s < top.requests_per_s
    assert point.utilization == pytest.approx(point.requests_per_s / top.requests_per_s)
    assert saturated(task, cluster("t4"), POOLS, Variant("fp16", 16, 16), ENGINE) is None
    with pytest.raises(ValueError, match="disaggregated"):
        predict_closed(ServingTask(model("bert-large"), 384, 0), cluster(), POOLS, FP8, ENGINE, concurrency=4)
