"""Groups of prefill and decode workers: rates and times under open arrivals, and how a design writes them down."""

from __future__ import annotations

from typing import Any

import pytest
from perf_inputs import catalog, chip, model

from dcopt.performance.cluster import Cluster, cluster_from_numbers
from dcopt.performance.replica_layouts import LayoutColumns, layout_columns, layout_from
from dcopt.performance.serving import (
    Disaggregated,
    ReplicaLayout,
    ServingTask,
    Variant,
    at_rate,
    largest_rate,
    saturated,
)
from dcopt.performance.serving_limits import most_carried, worker_rates

CHAT = ServingTask(model("llama-3.1-8b"), 2000, 200)
FP8 = Variant("fp8", 8, 8, kv_bits=16)
ENGINE: Any = catalog()["software"]["tensorrt-llm"]
ONE = ReplicaLayout(1)


def hopper() -> Cluster:
    return cluster_from_numbers(chip("h100-sxm"), 8, 3200.0)


def group(readers: int, writers: int) -> Disaggregated:
    return Disaggregated(ONE, readers, ONE, writers)


def test_a_group_carries_the_smaller_of_its_two_sides() -> None:
    reads, writes = worker_rates(CHAT, hopper(), ONE, FP8, ENGINE)
    for readers, writers in ((1, 1), (1, 3), (3, 1), (4, 4)):
        point = saturated(CHAT, hopper(), group(readers, writers), FP8, ENGINE)
        assert point is not None
        assert point.requests_per_s == pytest.approx(min(readers * reads, writers * writes))


def test_cheap_bounds_are_the_saturated_rates() -> None:
    for task in (CHAT, ServingTask(model("bert-base"), 128, 0)):
        point = saturated(task, hopper(), ONE, FP8, ENGINE)
        assert point is not None
        assert most_carried(task, hopper(), ONE, FP8, ENGINE) == pytest.approx(point.requests_per_s)
    huge = ServingTask(model("llama-3.1-405b"), 2000, 200)
    assert most_carried(huge, hopper(), ONE, FP8, ENGINE) == 0
    assert worker_rates(huge, hopper(), ONE, FP8, ENGINE) == (0, 0)


def test_promises_of_a_group() -> None:
    rates = []
    for tpot in (200, 20, 8, 5, 0.1):
        point = largest_rate(CHAT, hopper(), group(1, 2), FP8, ENGINE, percentile=95, ttft_ms=1000, tpot_ms=tpot)
        rates.append(0.0 if point is None else point.requests_per_s)
        if point is not None:
            assert point.tpot_ms <= tpot
            assert point.ttft_ms <= 1000
            assert 0 < point.utilization < 1
            assert sum(value for name, value in point.breakdown.items() if not name.startswith("decode_")) > 0
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0
    assert rates[-1] == 0
    loose = largest_rate(CHAT, hopper(), group(1, 2), FP8, ENGINE, percentile=95, ttft_ms=2000)
    assert loose is not None
    again = at_rate(CHAT, hopper(), group(1, 2), FP8, ENGINE, loose.requests_per_s, 95)
    assert again == loose
    most = saturated(CHAT, hopper(), group(1, 2), FP8, ENGINE)
    assert most is not None
    assert at_rate(CHAT, hopper(), group(1, 2), FP8, ENGINE, most.requests_per_s, 95) is None
    with pytest.raises(ValueError, match="only models that generate"):
        at_rate(ServingTask(model("bert-base"), 128, 0), hopper(), group(1, 1), FP8, ENGINE, 1.0, 95)


def test_more_workers_never_hurt() -> None:
    def ttft(readers: int, writers: int) -> float:
        point = at_rate(CHAT, hopper(), group(readers, writers), FP8, ENGINE, 3.0, 99)
        assert point is not None
        return point.ttft_ms

    assert ttft(2, 2) <= ttft(1, 2)
    assert ttft(2, 4) <= ttft(2, 2)


@pytest.mark.parametrize(
    "layout",
    [
        ReplicaLayout(4),
        ReplicaLayout(2, 1, 8, 4),
        Disaggregated(ReplicaLayout(8, 1, 8), 1, ReplicaLayout(1, 1, 8, 8), 2),
    ],
)
def test_layouts_are_read_back_from_their_columns(layout: Any) -> None:
    assert layout_from(layout_columns(layout), model("deepseek-v3")) == layout


@pytest.mark.parametrize(
    "cells",
    [
        {"tensor": 0},
        {"mode": "both"},
        {"mode": "disaggregated"},
        {"prefill_workers": 1},
        {"decode_workers": 2},
        {"attention_data": -1},
    ],
)
def test_columns_that_are_no_layout_are_refused(cells: dict[str, Any]) -> None:
    columns: Any = {**layout_columns(ONE), **cells}
    with pytest.raises(ValueError, match=r"layout|workers|mode"):
        layout_from(LayoutColumns(**columns), model("llama-3.1-8b"))
