"""Goodput, queues and power."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perf_inputs import catalog, model

from dcopt.performance.goodput import checkpoint_gb, goodput
from dcopt.performance.power import serving_node_kw, training_node_kw
from dcopt.performance.queueing import erlang_c, largest_true, poisson_quantile, wait_quantile


def test_a_checkpoint_with_adam_takes_fourteen_bytes_a_parameter() -> None:
    assert checkpoint_gb(model("gpt-3-175b"), "adam", "pretrain") == pytest.approx(174.6 * 14, rel=1e-3)
    assert checkpoint_gb(model("gpt-3-175b"), "adam", "lora") < 10
    with pytest.raises(ValueError, match="optimizer"):
        checkpoint_gb(model("bert-base"), "lion", "pretrain")


def test_llama3_kept_nine_tenths_of_its_time() -> None:
    """16,384 H100: an interruption every 3.1 hours, more than 90 % effective time (arXiv 2407.21783)."""
    size = checkpoint_gb(model("llama-3.1-405b"), "adam", "pretrain")
    found = goodput(2048, 50_700 / 8, size, 2000.0)
    assert 24 / found.interruptions_per_day == pytest.approx(3.09, rel=0.01)
    assert 0.90 < found.fraction < 0.97


def test_the_interval_is_youngs_for_rare_failures_and_the_best_one() -> None:
    found = goodput(10, 1e5, 1000.0, 10.0)
    between = 1e5 * 3600 / 10
    assert found.checkpoint_interval_s == pytest.approx(math.sqrt(2 * 100.0 * between), rel=0.05)


@settings(max_examples=100, deadline=None)
@given(
    nodes=st.integers(1, 20_000),
    mtbf=st.floats(10, 1e6),
    size=st.floats(0, 1e5),
    speed=st.floats(0.1, 1e4),
    more=st.floats(1.0, 10.0),
)
def test_goodput_is_a_share_and_better_parts_never_lower_it(
    nodes: int, mtbf: float, size: float, speed: float, more: float
) -> None:
    base = goodput(nodes, mtbf, size, speed).fraction
    assert 0 < base <= 1
    assert goodput(nodes, mtbf * more, size, speed).fraction >= base * (1 - 1e-9)
    assert goodput(nodes, mtbf, size, speed * more).fraction >= base * (1 - 1e-9)


def test_goodput_agrees_with_a_simulation() -> None:
    found = goodput(100, 1000.0, 500.0, 5.0, restart_s=300.0)
    source, between = random.Random(3), 1000.0 * 3600 / 100
    clock = done = 0.0
    failure = source.expovariate(1 / between)
    while done < 3e7:
        segment = found.checkpoint_interval_s + found.checkpoint_write_s
        if clock + segment <= failure:
            clock, done = clock + segment, done + found.checkpoint_interval_s
            continue
        clock = failure
        failure = clock + source.expovariate(1 / between)
        while clock + 400.0 > failure:
            clock = failure
            failure = clock + source.expovariate(1 / between)
        clock += 400.0
    assert found.fraction == pytest.approx(done / clock, rel=0.01)


@pytest.mark.parametrize("bad", [(0, 1.0, 1.0, 1.0), (1, 0.0, 1.0, 1.0), (1, 1.0, 1.0, 0.0), (1, 1.0, -1.0, 1.0)])
def test_impossible_goodput_is_refused(bad: tuple[int, float, float, float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        goodput(*bad)


def test_erlang_c_known_values() -> None:
    assert erlang_c(1, 0.5) == pytest.approx(0.5)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert erlang_c(500, 450.0) < 0.1
    assert erlang_c(2, 2.0) == 1.0
    assert erlang_c(3, 0.0) == 0.0
    with pytest.raises(ValueError, match="server"):
        erlang_c(0, 1.0)


@given(st.integers(1, 3000), st.floats(1e-3, 0.99999))
def test_erlang_c_is_that_of_the_recurrence_of_erlang_b(servers: int, load: float) -> None:
    """A. K. Erlang, 1917: 1/B(c) = 1 + c/a·1/B(c − 1), from no server up."""
    offered = servers * load
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    waits = blocked / (1.0 - load * (1.0 - blocked))
    assert erlang_c(servers, offered) == pytest.approx(waits, rel=1e-11, abs=1e-25)


def test_the_wait_is_that_of_a_simulated_server() -> None:
    source = random.Random(5)
    now = free = 0.0
    waits = []
    for _ in range(60_000):
        now += source.expovariate(0.7)
        waits.append(max(0.0, free - now))
        free = max(free, now) + 1.0
    waits.sort()
    assert wait_quantile(0.7, 1.0, 95) == pytest.approx(waits[int(0.95 * len(waits))], rel=0.15)
    assert wait_quantile(0.01, 1.0, 95) == 0.0
    assert wait_quantile(1.0, 1.0, 95) == math.inf


def test_quantiles_and_searches() -> None:
    assert poisson_quantile(9.0, 50.0) == 9.0
    assert poisson_quantile(9.0, 97.72) == pytest.approx(15.0, rel=0.01)
    assert largest_true(lambda x: x <= 2.5, 0.0, 10.0) == pytest.approx(2.5)
    assert largest_true(lambda x: x < 0, 0.0, 10.0) is None
    assert largest_true(lambda _: True, 0.0, 10.0) == 10.0


def test_power_lies_between_idle_and_peak() -> None:
    for node in catalog()["nodes"].values():
        assert node.standby_kw <= training_node_kw(node) <= node.peak_kw
        assert serving_node_kw(node, 0.0) <= serving_node_kw(node, 0.5) <= serving_node_kw(node, 2.0) <= node.peak_kw
