"""Laws of one replica that must hold whatever the constants: what more hardware, caching and speculation may do."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perf_inputs import ENGINE, chip, cluster, model

from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder_build import build, engine
from dcopt.performance.decoder_engine import DECODER, Engine, Mixture, Reduction
from dcopt.performance.decoder_work import work_of
from dcopt.performance.serving import ReplicaLayout, ServingTask, Speculation, Variant, predict_closed, saturated

BF16, FP8, FP4 = Variant("bf16", 16, 16), Variant("fp8", 8, 8), Variant("fp4", 4, 4)
CASES = {
    "grouped": ("llama-3.1-70b", "h100-sxm", ReplicaLayout(4), FP8),
    "pipeline": ("llama-3.1-70b", "h100-sxm", ReplicaLayout(8, 2), BF16),
    "slots": ("llama-3.1-8b", "a100-pcie-80", ReplicaLayout(2), BF16),
    "latent": ("deepseek-v3", "h200-sxm", ReplicaLayout(8, 1, 8), FP8),
    "latent by requests": ("deepseek-v3", "gb200", ReplicaLayout(1, 1, 8, 8), FP4),
    "sliding": ("gpt-oss-120b", "b200-sxm", ReplicaLayout(2, 1, 1, 2), FP4),
    "linear": ("qwen3.5-397b-a17b", "b200-sxm", ReplicaLayout(4, 1, 4, 2), FP8),
    "two stacks": ("t5-11b", "a100-sxm-80", ReplicaLayout(2), BF16),
}
names = st.sampled_from(sorted(CASES))
loads = st.floats(1.0, 600.0)


def made(case: str, hardware: Cluster | None = None, **asked: object) -> Engine:
    name, accelerator, layout, variant = CASES[case]
    task = replace(ServingTask(model(name), 2000, 400), **asked)  # type: ignore[arg-type]
    return engine(task, hardware or cluster(accelerator), layout, variant, ENGINE)


def times(one: Engine, batch: float) -> tuple[float, ...]:
    return one.step(batch), one.tpot(batch), one.prefill, one.prefill_service, one.first(batch)


def none_slower(fast: Engine, slow: Engine, batch: float) -> None:
    for quick, long in zip(times(fast, batch), times(slow, batch), strict=True):
        assert quick <= long * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(case=names, batch=loads, more=st.floats(1.0, 4.0), what=st.sampled_from(["memory", "link", "network", "peak"]))
def test_faster_hardware_never_slows(case: str, batch: float, more: float, what: str) -> None:
    base = cluster(CASES[case][1])
    row = base.accelerator
    if what == "link":
        better = replace(base, scaleup_gb_per_s=base.scaleup_gb_per_s * more)
    elif what == "network":
        better = replace(base, network_gb_per_s=base.network_gb_per_s * more)
    elif what == "memory":
        better = replace(base, accelerator=row.model_copy(update={"memory_gb_per_s": row.memory_gb_per_s * more}))
    else:
        faster = {
            key: getattr(row, key) * more for key in ("bf16_tflops", "fp8_tflops", "fp4_tflops") if getattr(row, key)
        }
        better = replace(base, accelerator=row.model_copy(update=faster))
    none_slower(made(case, better), made(case), batch)


@settings(max_examples=40, deadline=None)
@given(case=names, batch=loads, more=st.floats(1.0, 2.0))
def test_more_requests_slow_each_but_raise_the_rate(case: str, batch: float, more: float) -> None:
    one = made(case)
    assert one.step(batch) <= one.step(batch * more) * (1 + 1e-12)
    assert one.tpot(batch) <= one.tpot(batch * more) * (1 + 1e-12)
    assert one.rate(batch) <= one.rate(batch * more) * (1 + 1e-12)
    assert one.memory(batch) <= one.memory(batch * more)


@settings(max_examples=30, deadline=None)
@given(case=names, batch=loads, share=st.floats(0.0, 0.99), more=st.floats(0.0, 1.0))
def test_a_cached_prefix_never_slows(case: str, batch: float, share: float, more: float) -> None:
    little, much = 2000 * share, 2000 * (share + (0.99 - share) * more)
    none_slower(made(case, cached_prefix_tokens=much), made(case, cached_prefix_tokens=little), batch)


def test_a_cached_prefix_saves_its_share_of_the_prompt() -> None:
    """Half of a short prompt known: half of its products remain, and all of the attention of the second half."""
    whole, half = made("grouped"), made("grouped", cached_prefix_tokens=1000.0)
    assert 0.5 < half.marginal_s / whole.marginal_s < 0.53
    assert half.kv_each_gb == whole.kv_each_gb
    assert made("two stacks", cached_prefix_tokens=1000.0).marginal_s == made("two stacks").marginal_s


@settings(max_examples=30, deadline=None)
@given(
    case=names,
    batch=loads,
    drafts=st.integers(1, 8),
    low=st.floats(0.0, 1.0),
    high=st.floats(0.0, 1.0),
    layers=st.integers(0, 2),
)
def test_speculation_pays_with_what_is_accepted(
    case: str, batch: float, drafts: int, low: float, high: float, layers: int
) -> None:
    low, high = sorted((low, high))
    plain = made(case)
    none, less, more, all_ = (
        made(case, speculation=Speculation("x", drafts, share, mtp_layers=layers)) for share in (0.0, low, high, 1.0)
    )
    assert none.step(batch) >= plain.step(batch) * (1 - 1e-12)
    assert less.step(batch) >= more.step(batch) * (1 - 1e-12)
    assert all_.step(batch) == pytest.approx(none.step(batch) / (drafts + 1))
    assert none.memory(batch) >= plain.memory(batch)


def test_free_drafts_that_are_accepted_divide_a_step_of_one_request() -> None:
    """One request of a large model is bound by its weights, which one step reads once for all drafted tokens."""
    plain = made("grouped")
    free = made("grouped", speculation=Speculation("lookup", 3, 1.0))
    assert plain.step(1.0) / 4 < free.step(1.0) < plain.step(1.0) / 3.8
    assert free.step(512.0) > plain.step(512.0) / 3  # many requests are bound by arithmetic: less is gained


def test_a_draft_model_costs_its_own_steps_memory_and_prompts() -> None:
    small = Speculation("small", 4, 0.8, draft=model("llama-3.1-8b"))
    plain, drafted = made("grouped"), made("grouped", speculation=small)
    own = engine(ServingTask(model("llama-3.1-8b"), 2000, 400), cluster(), ReplicaLayout(4), FP8, ENGINE)
    verified = sum(plain.parts(8.0, 5.0))
    assert drafted.step(8.0) == pytest.approx((verified + 4 * own.step(8.0)) / small.tokens_a_step)
    assert drafted.weights_gb == pytest.approx(plain.weights_gb + own.weights_gb)
    assert drafted.prefill == pytest.approx(plain.prefill + own.prefill, rel=0.01)
    with pytest.raises(ValueError, match="does not generate"):
        made("grouped", speculation=Speculation("encoder", 2, 0.5, draft=model("bert-large")))


def test_latent_heads_are_not_split_and_grouped_ones_are() -> None:
    """A request's latent is whole on every chip of a tensor-parallel group; attention split by requests shares it."""
    task, where = ServingTask(model("deepseek-v3"), 4000, 1000), cluster("h200-sxm")
    by_heads = build(task, where, ReplicaLayout(8, 1, 8), FP8, ENGINE, DECODER)
    by_requests = build(task, where, ReplicaLayout(1, 1, 8, 8), FP8, ENGINE, DECODER)
    assert by_heads.kv_each_gb == pytest.approx(8 * by_requests.kv_each_gb)
    assert by_requests.weights_gb > by_heads.weights_gb
    grouped = ServingTask(model("llama-3.1-70b"), 4000, 1000)
    one, eight = (build(grouped, where, ReplicaLayout(size), FP8, ENGINE, DECODER) for size in (1, 8))
    assert one.kv_each_gb == pytest.approx(8 * eight.kv_each_gb)


def test_sliding_and_linear_layers_do_not_read_the_whole_context() -> None:
    for case in ("sliding", "linear"):
        name, accelerator, layout, variant = CASES[case]
        short, long = (
            engine(ServingTask(model(name), tokens, 100), cluster(accelerator), layout, variant, ENGINE)
            for tokens in (10_000, 20_000)
        )
        full = engine(
            ServingTask(replace(model(name), attention=("full",) * model(name).layers), 20_000, 100),
            cluster(accelerator),
            layout,
            variant,
            ENGINE,
        )
        assert 1.0 < long.kv_each_s / short.kv_each_s < 2.0
        assert full.kv_each_s > 1.8 * long.kv_each_s


def routed(experts: int, chosen: int, ranks: int, tokens: int, seed: int) -> tuple[float, float]:
    """Draw experts uniformly; return the largest share of its experts touched, and of tokens taken, by one rank."""
    source, held = random.Random(seed), experts // ranks
    touched: list[set[int]] = [set() for _ in range(ranks)]
    taken = [0] * ranks
    for _ in range(tokens):
        for expert in source.sample(range(experts), chosen):
            touched[expert // held].add(expert)
            taken[expert // held] += 1
    return max(len(found) for found in touched) / held, max(taken) * ranks / (tokens * chosen)


@pytest.mark.parametrize(("experts", "chosen", "ranks"), [(128, 4, 1), (256, 8, 8), (256, 8, 32), (8, 2, 4)])
@pytest.mark.parametrize("tokens", [2, 16, 128])
def test_the_busiest_rank_of_a_mixture_is_that_of_drawn_tokens(
    experts: int, chosen: int, ranks: int, tokens: int
) -> None:
    drawn = [routed(experts, chosen, ranks, tokens, seed) for seed in range(200)]
    share, skew = (sum(values) / len(drawn) for values in zip(*drawn, strict=True))
    mixture = Mixture(experts, chosen, ranks, 1.0, 1.0)
    assert mixture.touched(tokens) == pytest.approx(share, rel=0.35)
    if ranks > 1:
        assert mixture.touched(tokens) >= share * 0.98
        assert mixture.flops_s(tokens) / tokens == pytest.approx(skew, rel=0.4)


def test_small_messages_are_read_directly_and_large_ones_go_round() -> None:
    reduction = Reduction(count=10, direct_each_s=1e-6, ring_each_s=2e-7, ring_s=2e-5)
    assert reduction.seconds(10) == pytest.approx(10 * 1e-5)
    assert reduction.seconds(1000) == pytest.approx(10 * (2e-5 + 2e-4))
    assert Reduction().seconds(1000) == 0.0


def test_kernels_are_counted_by_what_a_layer_holds() -> None:
    dense, mixed, latent = (work_of(model(name)) for name in ("llama-3.1-70b", "gpt-oss-120b", "deepseek-v3"))
    assert dense.kernels == 80 * 10
    assert mixed.kernels == 36 * (10 + 5)
    assert latent.kernels == 61 * (10 + 6) + 58 * (5 + 3)
    assert work_of(model("t5-11b")).kernels == 24 * 16  # its decoder attends twice


def test_narrow_keys_and_values_are_never_slower_or_larger() -> None:
    wide, narrow = (
        made("grouped"),
        engine(
            ServingTask(model("llama-3.1-70b"), 2000, 400),
            cluster(),
            ReplicaLayout(4),
            replace(FP8, activation_bits=16),
            ENGINE,
        ),
    )
    assert wide.kv_each_gb == pytest.approx(narrow.kv_each_gb / 2)
    assert wide.kv_each_s == pytest.approx(narrow.kv_each_s / 2)


def test_chips_without_a_measured_relative_answer_sensibly() -> None:
    """No kind of chip of the catalogue that has 16- or 8-bit arithmetic and memory enough is refused or absurd."""
    task = ServingTask(model("llama-3.1-8b"), 500, 100)
    for name in ("tpu-v6e", "gaudi3", "trainium2", "inferentia2", "mi300x", "xeon-8480-2s", "epyc-9654-2s", "l4"):
        variant = BF16 if chip(name).peak_tflops("bf16") else Variant("fp16", 16, 16)
        point = predict_closed(task, cluster(name, per_node=1), ReplicaLayout(1), variant, ENGINE, concurrency=1)
        roof = 16.1e9 / (chip(name).memory_gb_per_s * 1e9) * 1e3
        assert roof < point.tpot_ms < 3 * roof + 5
        assert saturated(task, cluster(name, per_node=1), ReplicaLayout(1), variant, ENGINE) is not None
