"""What a service may choose from: more ways never cost more, and only those that were published for its model."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from small import Small, owned_site, service, tco_of

from dcopt.candidates import serving
from dcopt.candidates.generate import generate
from dcopt.candidates.records import ServingCandidate
from dcopt.performance.serving import Disaggregated
from dcopt.performance.workloads import serving_task_of, speculation_of
from dcopt.problem.findings import InputError
from dcopt.problem.load import load
from dcopt.problem.locate import examples_dir
from dcopt.problem.problem import Problem

DRAFTS: dict[str, dict[str, Any]] = {
    "head": {"name": "head", "method": "eagle", "draft_tokens": 3, "acceptance": 0.7},
    "own-layers": {"name": "own-layers", "method": "mtp", "mtp_layers": 1, "draft_tokens": 1, "acceptance": 0.85},
    "small-model": {
        "name": "small-model",
        "method": "draft",
        "draft_model": "tiny",
        "draft_tokens": 2,
        "acceptance": 0.6,
    },
}
NARROW_KV = {"name": "kv", "method": "kv-cache", "kv_bits": 8, "quality_loss_pct": 0.3, "stacks_with": "int8"}


def chat(**cells: Any) -> Small:
    """Return a chat of long prompts on chips that have fp8."""
    row = service(peak_requests_per_s=900, mean_requests_per_s=300, input_tokens=900, output_tokens=120, **cells)
    small = owned_site(services=[row])
    return small.put("accelerators", ({**chip, "fp8_tflops": 400} for chip in small.tables["accelerators"]))


def found(small: Small) -> tuple[ServingCandidate, ...]:
    return generate(small.load()).serving["chat"]


@pytest.fixture
def all_rated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "cannot_win", lambda best_case, others: False)
    monkeypatch.setattr(serving, "undominated", list)


@pytest.fixture(scope="module")
def examples() -> dict[str, Problem]:
    names = ("bert-question-answering", "customer-service-chat", "hospital-and-bank")
    return {name: load(examples_dir() / name) for name in names}


@pytest.mark.parametrize("name", ["bert-question-answering", "customer-service-chat", "hospital-and-bank"])
def test_ways_that_cannot_win_are_left_out_unrated_and_unmissed(
    name: str, examples: dict[str, Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = generate(examples[name]).serving
    monkeypatch.setattr(serving, "cannot_win", lambda best_case, others: False)
    assert generate(examples[name]).serving == bounded


@pytest.mark.usefixtures("all_rated")
@pytest.mark.parametrize("name", ["bert-question-answering", "customer-service-chat"])
def test_no_promise_lets_a_replica_carry_more_than_its_saturated_rate(name: str, examples: dict[str, Problem]) -> None:
    every = [c for of_service in generate(examples[name]).serving.values() for c in of_service]
    assert every
    assert all(c.requests_per_s <= c.saturated_requests_per_s for c in every)
    assert {c.compression for c in every if "fp8-kv-qwen3" in c.compression} <= {
        ("fp8-kv-qwen3",),
        ("fp8-qwen3", "fp8-kv-qwen3"),
    }


@pytest.mark.usefixtures("all_rated")
def test_variants_whose_loss_nobody_published_are_no_candidates() -> None:
    unknown = {"name": "fp4", "method": "quantization", "weight_bits": 4, "quality_loss_pct": None}
    elsewhere = {**unknown, "name": "theirs", "quality_loss_pct": 0.1, "applies_to": "llama"}
    larger = {**unknown, "name": "larger", "quality_loss_pct": 0.1, "min_params_b": 400}
    known = {**unknown, "name": "known", "quality_loss_pct": 0.1}
    small = chat(max_quality_loss_pct=100)
    for row in (unknown, elsewhere, larger, known):
        small = small.add("compression", **row)
    used = {name for candidate in found(small) for name in candidate.compression}
    assert used == {"bf16", "int8", "known"}


@pytest.mark.usefixtures("all_rated")
def test_of_two_recipes_with_one_result_the_better_is_taken() -> None:
    small = chat().add("compression", name="int8-better", method="quantization", weight_bits=8, quality_loss_pct=0.2)
    assert {c.compression for c in found(small)} == {("bf16",), ("int8-better",)}


@pytest.mark.usefixtures("all_rated")
def test_drafts_are_ways_beside_plain_decoding() -> None:
    small = chat().put("speculation", DRAFTS.values())
    assert {c.speculation for c in found(small)} == {"none", *DRAFTS}
    only = small.put("offers", [{"table": "speculation", "name": "head"}])
    assert {c.speculation for c in found(only)} == {"none", "head"}
    theirs = small.change("speculation", "head", applies_to="llama").change(
        "speculation", "own-layers", engines="other"
    )
    theirs = theirs.add("software", name="other", role="serving", families="encoder")
    assert {c.speculation for c in found(theirs)} == {"none", "small-model"}
    search = small.put("inference", [service(output_tokens=0, ttft_ms=None, tpot_ms=None, latency_ms=900)])
    assert all(c.speculation == "none" for c in found(search))


def test_what_a_row_of_speculation_means() -> None:
    problem = chat(prefix_cached_pct=40).put("speculation", DRAFTS.values()).load()
    task = serving_task_of(problem.inference["chat"], problem, "small-model")
    assert task.cached_prefix_tokens == pytest.approx(360)
    assert task.speculation is not None
    assert task.speculation.draft == problem.models["tiny"]
    assert task.speculation.tokens_a_step == pytest.approx(1 + 0.6 + 0.36)
    own = speculation_of(problem, "own-layers")
    assert own is not None
    assert (own.draft, own.mtp_layers, own.tokens_a_step) == (None, 1, pytest.approx(1.85))
    assert speculation_of(problem, "none") is None


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"method": "draft"}, "needed for the method draft"),
        ({"method": "eagle", "draft_model": "tiny"}, "needed for the method draft"),
        ({"method": "draft", "draft_model": "tinny"}, "is not a known model"),
        ({"method": "mtp", "acceptance": 1.1}, "a number ≥ 0 and ≤ 1"),
        ({"method": "mtp", "draft_tokens": 0}, "draft_tokens '0'"),
        ({"method": "mtp", "engines": "engin"}, "there is no row 'engin'"),
    ],
)
def test_drafts_that_cannot_be_are_refused(cells: dict[str, Any], words: str) -> None:
    row = {"name": "odd", "draft_tokens": 2, "acceptance": 0.5, **cells}
    with pytest.raises(InputError) as caught:
        chat().add("speculation", **row).load()
    assert words in str(caught.value)


def test_a_prefix_cache_is_for_services_that_generate() -> None:
    with pytest.raises(InputError, match="only a service that generates tokens keeps a prefix cache"):
        owned_site(
            services=[service(output_tokens=0, ttft_ms=None, tpot_ms=None, latency_ms=900, prefix_cached_pct=10)]
        ).load()


@pytest.mark.usefixtures("all_rated")
def test_groups_take_whole_replica_sizes_and_balance_their_sides() -> None:
    every = found(chat().change("software", "engine", disaggregation="yes"))
    groups = [c for c in every if isinstance(c.layout, Disaggregated)]
    assert groups
    for candidate in groups:
        size, node = candidate.accelerators, candidate.pool.node
        assert size in node.replica_accelerators or size % node.accelerators == 0
        assert size <= node.accelerators or candidate.pool.fabric.switch is not None  # the cache moves over a network
        assert candidate.requests_per_s <= candidate.saturated_requests_per_s
    assert not any(isinstance(c.layout, Disaggregated) for c in found(chat()))


def never_costs_more(smalls: list[Small]) -> None:
    """Each problem allows what the one before it does, and more."""
    costs = [tco_of(small) for small in smalls]
    assert all(more <= fewer * (1 + 1e-6) for fewer, more in pairwise(costs)), costs


CHOICES: dict[str, Callable[[], list[Small]]] = {
    "a looser floor": lambda: [
        chat(max_quality_loss_pct=loss).add("compression", **NARROW_KV) for loss in (0, 0.3, 0.5, 0.9)
    ],
    "a narrow KV cache": lambda: [chat(), chat().add("compression", **NARROW_KV)],
    "speculative decoding": lambda: [
        chat(),
        chat().add("speculation", **DRAFTS["head"]),
        chat().put("speculation", DRAFTS.values()),
    ],
    "groups of prefill and decode workers": lambda: [
        chat(tpot_ms=3),
        chat(tpot_ms=3).change("software", "engine", disaggregation="yes"),
    ],
    "a prefix cache": lambda: [chat(prefix_cached_pct=share) for share in (0, 30, 80)],
}


@pytest.mark.parametrize("name", CHOICES)
def test_more_to_choose_from_never_costs_more(name: str) -> None:
    never_costs_more(CHOICES[name]())
