"""Serving: published times, laws that the optimizer relies on, and queues held against a small simulation."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from statistics import mean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perf_inputs import ENGINE, catalog, chip, cluster, model, published, request

from dcopt.performance import encoder
from dcopt.performance.decoder_build import engine
from dcopt.performance.decoder_engine import Engine
from dcopt.performance.request import RequestError
from dcopt.performance.request_inference import predict_inference
from dcopt.performance.serving import (
    ReplicaLayout,
    ServingTask,
    Variant,
    at_rate,
    largest_rate,
    layouts_of,
    predict_closed,
    saturated,
    variant_of,
)
from dcopt.performance.variants import variant_of_precision

CHAT = ServingTask(model("llama-3.1-70b"), 1000, 300)
QUESTION = ServingTask(model("bert-large"), 384, 0)
TRANSLATION = ServingTask(model("t5-11b"), 200, 200)
FP8 = Variant("fp8", 8, 8)
INT8 = Variant("int8", 8, 8)
CASES = {
    "chat": (CHAT, "h100-sxm", ReplicaLayout(4), FP8),
    "experts": (ServingTask(model("mixtral-8x7b"), 500, 200), "h100-sxm", ReplicaLayout(2, 1, 2), FP8),
    "translation": (TRANSLATION, "a100-sxm-80", ReplicaLayout(1), Variant("bf16", 16, 16)),
    "question": (QUESTION, "t4", ReplicaLayout(1), INT8),
    "spanning": (CHAT, "a100-sxm-40", ReplicaLayout(8, 2), Variant("bf16", 16, 16)),
}


def rows_of(mode: str) -> list[dict[str, str]]:
    return [row for row in published("serving_public") if row["mode"] == mode and "flag" not in row]


def test_times_of_closed_loops_are_near_the_measured() -> None:
    points = [(row, predict_inference(request(**row))) for row in rows_of("aggregated")]
    assert len(points) == 1375
    tokens = [abs(point["tpot_ms"] / float(row["tpot_ms"]) - 1) for row, point in points]
    firsts = [abs(point["ttft_ms"] / float(row["ttft_ms"]) - 1) for row, point in points]
    assert mean(tokens) < 0.118
    assert median(tokens) < 0.088
    assert median(firsts) < 0.255


def test_disaggregated_tokens_within_a_sixth() -> None:
    """Rows of GB200 with SGLang that record workers of one chip, which cannot hold the model, say nothing."""
    points = [(row, predict_inference(request(**row))) for row in rows_of("disaggregated")]
    possible = [abs(point["tpot_ms"] / float(row["tpot_ms"]) - 1) for row, point in points if point["fits"]]
    assert len(possible) == 193
    assert mean(possible) < 0.155


def test_saturated_throughput_within_an_eighth() -> None:
    rows = published("serving_max_throughput_public")
    found = [abs(predict_inference(request(**row))["tokens_per_s"] / float(row["out_tok_s_total"]) - 1) for row in rows]
    assert len(found) == 74
    assert mean(found) < 0.12


def test_bert_offline_within_nine_percent() -> None:
    found = []
    for row in published("mlperf_bert_offline_public"):
        try:
            found.append(abs(predict_inference(request(**row))["requests_per_s"] / float(row["result"]) - 1))
        except RequestError:  # an accelerator that the catalogue does not hold
            continue
    assert len(found) > 200
    assert mean(found) < 0.085


def solve(case: str, **promises: float) -> float:
    task, name, layout, variant = CASES[case]
    point = largest_rate(task, cluster(name), layout, variant, ENGINE, percentile=95, **promises)
    return 0.0 if point is None else point.requests_per_s


@settings(max_examples=60, deadline=None)
@given(
    case=st.sampled_from(sorted(CASES)),
    limit=st.floats(1.0, 60_000.0),
    looser=st.floats(1.0, 5.0),
    column=st.sampled_from(["ttft_ms", "tpot_ms", "latency_ms"]),
)
def test_a_looser_promise_never_gives_a_smaller_rate(case: str, limit: float, looser: float, column: str) -> None:
    tight, loose, free = solve(case, **{column: limit}), solve(case, **{column: limit * looser}), solve(case)
    assert tight <= loose <= free
    assert solve(case, **{column: limit}) == tight


@settings(max_examples=60, deadline=None)
@given(
    case=st.sampled_from(sorted(CASES)),
    ttft=st.floats(50, 5000),
    latency=st.floats(10, 60_000),
    percentile=st.sampled_from([50.0, 90.0, 95.0, 99.0, 99.9]),
)
def test_the_largest_rate_keeps_its_promises_when_recomputed(
    case: str, ttft: float, latency: float, percentile: float
) -> None:
    task, name, layout, variant = CASES[case]
    where = (task, cluster(name), layout, variant, ENGINE)
    point = largest_rate(*where, percentile=percentile, ttft_ms=ttft, latency_ms=latency)
    if point is None:
        return
    again = at_rate(*where, point.requests_per_s, percentile)
    assert again == point
    assert point.ttft_ms <= ttft
    assert point.latency_ms <= latency
    assert point.fits
    assert 0 < point.utilization <= 0.9001
    beyond = at_rate(*where, point.requests_per_s * 1.02, percentile)
    assert (
        beyond is None
        or beyond.ttft_ms > ttft * 0.98
        or beyond.latency_ms > latency * 0.98
        or point.utilization > 0.85
        or beyond.batch > 0.8 * saturated_batch(case)
    )


def saturated_batch(case: str) -> float:
    task, name, layout, variant = CASES[case]
    point = saturated(task, cluster(name), layout, variant, ENGINE)
    return 0.0 if point is None else point.batch


@settings(max_examples=40, deadline=None)
@given(case=st.sampled_from(sorted(CASES)), share=st.floats(0.01, 0.8), more=st.floats(1.0, 1.2))
def test_times_grow_with_the_rate_and_the_percentile(case: str, share: float, more: float) -> None:
    task, name, layout, variant = CASES[case]
    where = (task, cluster(name), layout, variant, ENGINE)
    top = solve(case)
    low, high = at_rate(*where, top * share, 95), at_rate(*where, top * share * more, 95)
    tail = at_rate(*where, top * share, 99)
    assert low is not None
    if high is not None:
        assert low.ttft_ms <= high.ttft_ms * (1 + 1e-9)
        assert low.latency_ms <= high.latency_ms * (1 + 1e-9)
    if tail is not None:
        assert low.latency_ms <= tail.latency_ms


@pytest.mark.parametrize("case", sorted(CASES))
def test_impossible_promises_and_loads_have_no_answer(case: str) -> None:
    task, name, layout, variant = CASES[case]
    where = (task, cluster(name), layout, variant, ENGINE)
    assert largest_rate(*where, percentile=95, latency_ms=0.1) is None
    assert at_rate(*where, 1e9, 95) is None


def test_a_model_that_does_not_fit_has_no_rate() -> None:
    assert largest_rate(CHAT, cluster("t4"), ReplicaLayout(1), Variant("fp16", 16, 16), ENGINE, percentile=95) is None


def test_unconnected_nodes_hold_no_replica_together() -> None:
    with pytest.raises(ValueError, match="no fabric"):
        largest_rate(CHAT, cluster(gbps=0.0), ReplicaLayout(8, 2), FP8, ENGINE, percentile=95)


def simulate_batches(service: Callable[[float], float], rate: float, seed: int, count: int = 40_000) -> list[float]:
    """Latencies of a server that takes all who wait whenever it is free."""
    source = random.Random(seed)
    arrivals, now = [], 0.0
    for _ in range(count):
        now += source.expovariate(rate)
        arrivals.append(now)
    free, first, latencies = 0.0, 0, []
    while first < count:
        start = max(free, arrivals[first])
        last = first
        while last < count and arrivals[last] <= start:
            last += 1
        free = start + service(last - first)
        latencies += [free - arrival for arrival in arrivals[first:last]]
        first = last
    return latencies


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.85])
@pytest.mark.parametrize("percentile", [90.0, 95.0, 99.0])
def test_batched_latency_covers_a_simulation(share: float, percentile: float) -> None:
    where = (QUESTION, cluster("t4"), ReplicaLayout(1), INT8, ENGINE)
    timing = encoder.timing_of(*where)
    rate = solve("question") * share
    point = at_rate(*where, rate, percentile)
    assert point is not None
    latencies = sorted(simulate_batches(timing.service, rate, seed=7))
    simulated = latencies[int(len(latencies) * percentile / 100)] * 1e3
    assert 0.93 * simulated <= point.latency_ms <= 1.65 * simulated


def test_closed_loop_means_add_up() -> None:
    point = predict_closed(CHAT, cluster(), ReplicaLayout(4), FP8, ENGINE, concurrency=16)
    assert point.statistic == "mean"
    assert point.latency_ms == pytest.approx(point.ttft_ms + 299 * point.tpot_ms)
    assert point.requests_per_s == pytest.approx(16e3 / point.latency_ms)
    parts = sum(value for name, value in point.breakdown.items() if name.startswith("decode"))
    assert parts == pytest.approx(point.tpot_ms)
    with pytest.raises(ValueError, match="positive"):
        predict_closed(CHAT, cluster(), ReplicaLayout(4), FP8, ENGINE)


def test_more_bandwidth_memory_and_chips_never_hurt() -> None:
    base = cluster()
    wide = replace(base, scaleup_gb_per_s=base.scaleup_gb_per_s * 2)
    fast = replace(base, accelerator=chip("h100-sxm").model_copy(update={"memory_gb_per_s": 5000.0}))
    reference = predict_closed(CHAT, base, ReplicaLayout(4), FP8, ENGINE, concurrency=8)
    for better in (wide, fast):
        assert predict_closed(CHAT, better, ReplicaLayout(4), FP8, ENGINE, concurrency=8).tpot_ms < reference.tpot_ms
    bigger = predict_closed(CHAT, base, ReplicaLayout(8), FP8, ENGINE, concurrency=8)
    assert bigger.tpot_ms < reference.tpot_ms
    assert bigger.memory_gb < reference.memory_gb


def test_variants_need_their_arithmetic() -> None:
    rows = catalog()["compression"]
    fp8, int4 = rows["fp8-llama"], rows["int4-awq-llama"]
    pruned = next(row for name, row in rows.items() if name.startswith("prune-2"))
    assert variant_of([fp8], chip("a100-sxm-80")) is None
    found = variant_of([fp8], chip("h100-sxm"))
    assert found is not None
    assert (found.precision, found.weight_bits, found.kv_bytes_per_value) == ("fp8", 8, 2.0)
    weight_only = variant_of([int4], chip("t4"))
    assert weight_only is not None
    assert (weight_only.precision, weight_only.kv_bytes_per_value) == ("fp16", 2.0)
    assert variant_of([], chip("alveo-u55c")) is None
    plain = variant_of([], chip("xeon-8260-2s"))
    assert plain is not None
    assert (plain.precision, plain.weight_bits) == ("fp32", 32)
    dense, sparse = variant_of([pruned], chip("v100-sxm-32")), variant_of([pruned], chip("a100-sxm-80"))
    assert dense is not None
    assert sparse is not None
    assert (dense.speedup, sparse.speedup) == (1.0, 2.0)
    limited = ENGINE.model_copy(update={"precisions": ("fp32",)})
    only = variant_of([], chip("h100-sxm"), limited)
    assert only is not None
    assert only.precision == "fp32"
    with pytest.raises(ValueError, match="no fp8"):
        variant_of_precision("fp8", chip("v100-sxm-16"))


def test_layouts_of_a_replica_use_its_chips() -> None:
    for size in (1, 2, 4, 8, 16):
        for layout in layouts_of(ServingTask(model("deepseek-v3"), 1000, 100), cluster(), size):
            assert layout.accelerators == size
    assert layouts_of(CHAT, cluster(gbps=0.0), 16) == ()


def test_vision_and_unbatched_latency() -> None:
    task = ServingTask(model("vit-l"), 197, 0)
    point = predict_closed(task, cluster("a100-sxm-80"), ReplicaLayout(1), Variant("fp16", 16, 16), ENGINE, batch=1)
    assert 1.0 < point.latency_ms < 10.0
    assert math.isfinite(point.requests_per_s)


def test_bert_offline_on_a_cpu() -> None:
    """Two Xeon 8480+, int8: 1,376 samples/s (MLPerf v3.0, Dell)."""
    point = saturated(ServingTask(model("bert-large"), 177, 0), cluster("xeon-8480-2s"), ReplicaLayout(), INT8, ENGINE)
    assert point is not None
    assert point.requests_per_s == pytest.approx(1376, rel=0.15)


def simulate_engine(made: Engine, rate: float, seed: int, count: int) -> tuple[list[float], list[float]]:
    """Times to the first token and mean times of a token where prompts go first and stall a share of decoding."""
    source = random.Random(seed)
    arrivals, now = [], 0.0
    for _ in range(count):
        now += source.expovariate(rate)
        arrivals.append(now)
    service, now, first = made.prefill_service, 0.0, 0
    active: list[list[float]] = []
    firsts, tokens = [], []
    while first < count or active:
        if first < count and arrivals[first] <= now:
            slipped = (1.0 - made.stall) * service / made.step(max(1, len(active)))
            now += service
            for request_ in active:
                request_[0] -= slipped
            active.append([made.outputs - 1.0, now])
            firsts.append(now - arrivals[first] - service + made.first(len(active)))
            first += 1
        elif active:
            now += made.step(len(active))
            for request_ in active:
                request_[0] -= 1.0
        else:
            now = arrivals[first]
        tokens += [(now - start) / (made.outputs - 1) for left, start in active if left <= 0]
        active = [request_ for request_ in active if request_[0] > 0]
    return sorted(firsts), sorted(tokens)


@pytest.mark.parametrize("case", ["chat", "experts"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_percentiles_of_generation_are_those_of_a_simulation(case: str, share: float) -> None:
    task, name, layout, variant = CASES[case]
    where = (task, cluster(name), layout, variant, ENGINE)
    rate = solve(case) * share
    firsts, tokens = simulate_engine(engine(*where), rate, 11, 1500)
    for percentile in (50, 95):
        point = at_rate(*where, rate, percentile)
        assert point is not None
        assert point.ttft_ms == pytest.approx(firsts[int(15 * percentile)] * 1e3, rel=0.15)
        assert point.tpot_ms == pytest.approx(tokens[int(15 * percentile)] * 1e3, rel=0.15)


def test_bert_large_takes_what_nvidia_states() -> None:
    task = ServingTask(model("bert-large"), 128, 0)
    point = predict_closed(task, cluster("a100-sxm-80"), ReplicaLayout(1), Variant("fp16", 16, 16), ENGINE, batch=1)
    assert point.latency_ms == pytest.approx(2.2 + 0.5, rel=0.25)
