"""What is expected of predictions: measurements, shrinkage, factors of a confidence, and replicas that are slower."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perf_inputs import ENGINE, cluster, model

from dcopt.performance.errors import Band
from dcopt.performance.expected import (
    MEASUREMENT_SIGMA,
    SELECTED_FROM,
    Expectation,
    ServingExpectation,
    expectations_of,
    percent_each,
    posterior,
    promises_of,
)
from dcopt.performance.measured import measured_of
from dcopt.performance.reliability import Stake, first_slack, kept, pace_slack
from dcopt.performance.serving import ReplicaLayout, ServingTask, Variant, at_rate, largest_rate
from dcopt.performance.serving_expected import at_expected, largest_expected
from dcopt.performance.serving_records import Promise
from dcopt.performance.training import best_step
from dcopt.problem.findings import InputError
from dcopt.problem.load import load
from dcopt.problem.problem import Problem

BAND = Band(0.1, 0.2, 0.1, 50, "group")
CHAT = ServingTask(model("llama-3.1-70b"), 1000, 300)
WHERE = (CHAT, cluster(), ReplicaLayout(4), Variant("fp8", 8, 8), ENGINE)
PROMISE = Promise(ttft_ms=900, tpot_ms=40)

SETTINGS = "key,value\nname,p\n{}"
SITES = "name,power_limit_kw,electricity_usd_per_kwh\nhall,500,0.1\n"
TRAINING = (
    "name,model,tokens,sequence_length,global_batch,deadline_days,precisions\njob,llama-2-7b,1e11,4096,512,90,bf16\n"
)
INFERENCE = (
    "name,model,peak_requests_per_s,input_tokens,output_tokens,ttft_ms,tpot_ms,max_quality_loss_pct\n"
    "chat,llama-3.1-70b,3,1000,300,900,40,2\n"
)
MEASURED_COLUMNS = (
    "id,task,model,node,fabric,accelerators,tensor,global_batch,sequence_length,precision,compression,software,batch,"
    "input_tokens,output_tokens,step_s,ttft_ms,tpot_ms,requests_per_s\n"
)


def problem(folder: Path, measurements: str = "", settings: str = "") -> Problem:
    for name, text in (
        ("settings", SETTINGS.format(settings)),
        ("sites", SITES),
        ("training", TRAINING),
        ("inference", INFERENCE),
    ):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    if measurements:
        (folder / "measurements.csv").write_text(MEASURED_COLUMNS + measurements, encoding="utf-8")
    return load(folder)


@dataclass(frozen=True)
class Row:
    """A measured figure, as far as the posterior looks at it."""

    log_ratio: float
    id: str = "m"


def rows(*ratios: float) -> list[Any]:
    return [Row(ratio) for ratio in ratios]


def test_the_posterior_by_hand() -> None:
    """Prior N(0.1, 0.2²), one row of 0.5 with noise 0.1²: weight 0.8."""
    after = posterior(BAND, BAND.bias, [], rows(0.5))
    assert after.bias == pytest.approx(0.1 + 0.8 * 0.4)
    assert after.group_sigma == pytest.approx(0.2 * math.sqrt(0.2))
    assert after.candidate_sigma == BAND.candidate_sigma
    assert posterior(BAND, 0.1, [], []) == BAND
    exact = posterior(BAND, 0.1, rows(0.5, 0.7), rows(-3.0))
    assert (exact.bias, exact.group_sigma, exact.candidate_sigma) == (pytest.approx(0.6), 0.0, MEASUREMENT_SIGMA)


@given(ratio=st.floats(-1, 1), count=st.integers(1, 200))
def test_few_rows_shrink_towards_the_prior_and_many_do_not(ratio: float, count: int) -> None:
    few, many = posterior(BAND, 0.0, [], rows(ratio)), posterior(BAND, 0.0, [], rows(*[ratio] * count))
    assert abs(few.bias) <= abs(many.bias) + 1e-12 <= abs(ratio) + 1e-9
    assert many.group_sigma <= few.group_sigma < BAND.group_sigma
    weight = 0.04 / (0.04 + 0.01 / count)
    assert many.bias == pytest.approx(weight * ratio, abs=1e-12)


def expected(factor: float, **others: float) -> ServingExpectation:
    made = {name: Expectation(others.get(name, factor), BAND) for name in ("ttft", "tpot", "latency")}
    return ServingExpectation(**made)


def test_without_factors_nothing_changes() -> None:
    point = largest_rate(*WHERE, percentile=95, ttft_ms=900, tpot_ms=40)
    assert largest_expected(expected(1.0), WHERE, 95, PROMISE) == point
    assert point is not None
    assert at_expected(expected(1.0), WHERE, point.requests_per_s, 95, PROMISE) == point


@given(slow=st.floats(1.0, 2.0), slower=st.floats(1.0, 1.3))
def test_a_slower_replica_carries_less_and_keeps_its_promises(slow: float, slower: float) -> None:
    first = largest_expected(expected(slow), WHERE, 95, PROMISE)
    second = largest_expected(expected(slow * slower), WHERE, 95, PROMISE)
    if second is None:
        return
    assert first is not None
    assert second.requests_per_s <= first.requests_per_s * (1 + 1e-9)
    for point in (first, second):
        assert point.ttft_ms <= 900 * (1 + 1e-9)
        assert point.tpot_ms <= 40 * (1 + 1e-9)
    again = at_expected(expected(slow), WHERE, first.requests_per_s, 95, PROMISE)
    assert again is not None
    assert again.tpot_ms == pytest.approx(first.tpot_ms)
    assert again.ttft_ms == pytest.approx(first.ttft_ms)


def test_a_slowdown_scales_time() -> None:
    """A replica that is half as fast does at λ what the prediction does at 2λ, in twice the time."""
    plain = at_rate(*WHERE, 2.0, 95)
    slow = at_expected(expected(2.0), WHERE, 1.0, 95, PROMISE)
    assert plain is not None
    assert slow is not None
    assert slow.tpot_ms == pytest.approx(2 * plain.tpot_ms)
    assert slow.requests_per_s == 1.0


def test_slacks_are_those_of_the_largest_rate() -> None:
    point = largest_rate(*WHERE, percentile=95, tpot_ms=40)
    assert point is not None
    assert pace_slack(*WHERE, point.requests_per_s, 95, Promise(tpot_ms=40)) == pytest.approx(0.0, abs=1e-6)
    half = pace_slack(*WHERE, point.requests_per_s / 2, 95, Promise(tpot_ms=40))
    assert half > 0.1
    at_half = largest_expected(expected(math.exp(half)), WHERE, 95, Promise(tpot_ms=40))
    assert at_half is not None
    assert at_half.requests_per_s == pytest.approx(point.requests_per_s / 2, rel=1e-3)
    times = at_rate(*WHERE, 1.0, 95)
    assert times is not None
    assert first_slack(*WHERE, 1.0, 95, 900.0) == pytest.approx(math.log(900 / times.ttft_ms))


def test_promises_kept_together() -> None:
    z = NormalDist().inv_cdf(0.9 ** (1 / SELECTED_FROM))
    stake = Stake(BAND.bias + z * BAND.sigma, BAND, "g", "c")
    together, each = kept([stake])
    assert each[0] == pytest.approx(0.9)
    assert together == pytest.approx(0.9, abs=0.01)
    alone, _ = kept([stake, replace(stake, group="h", candidate="d")])
    assert alone == pytest.approx(0.81, abs=0.01)
    same, _ = kept([stake, stake])
    assert same == pytest.approx(0.9, abs=0.01)
    shared, _ = kept([stake, replace(stake, candidate="d")])
    assert alone < shared < same
    assert kept([]) == (1.0, ())
    assert kept([stake]) == kept([stake])


def test_each_promise_gets_its_share_of_the_confidence(tmp_path: Path) -> None:
    plain = problem(tmp_path)
    assert promises_of(plain) == 3  # a step, a first token, a pace
    assert percent_each(plain) is None
    sure = replace(plain, settings=plain.settings.model_copy(update={"confidence_pct": 90.0}))
    assert percent_each(sure) == pytest.approx(100 - 10 / (3 * SELECTED_FROM))


STEP = "{},training,llama-2-7b,dgx-h100,ndr400-rail,16,{},512,4096,bf16,,megatron,,,,{},,,\n"


def test_a_measured_step_replaces_its_prediction_and_calibrates_others(tmp_path: Path) -> None:
    read = problem(tmp_path, STEP.format("mine", "", 30))
    (figure,) = measured_of(read)
    assert figure.quantity == "step_s"
    made = expectations_of(read)
    job = read.training["job"]
    step = best_step(*_task(read), 16, "bf16", read.software["megatron"])
    assert step is not None
    where = (job, "dgx-h100", "ndr400-rail", "bf16", "megatron")
    exact = made.training(*where, 2, step.layout)
    assert exact.exact == ("mine",)
    assert step.step_s * exact.factor == pytest.approx(30)
    near = made.training(*where, 4, replace(step.layout, data=step.layout.data * 2))
    assert (near.exact, near.near) == ((), ("mine",))
    assert abs(math.log(near.factor)) < abs(math.log(exact.factor))
    assert near.factor != 1.0
    other = made.training(job, "hgx-h200-8", "ndr400-rail", "bf16", "megatron", 2, step.layout)
    assert (other.factor, other.near) == (1.0, ())


def _task(read: Problem) -> Any:
    from dcopt.performance.compatibility import cluster_for
    from dcopt.performance.workloads import run_of

    return run_of(read.training["job"], read).task, cluster_for(read, "dgx-h100", "ndr400-rail")


TIMES = "{},inference,llama-3.1-70b,dgx-h100,,,4,,,fp8,{},{},16,1000,300,,{},{},\n"
RATE = "rate,inference,llama-3.1-70b,dgx-h100,,4,,,,,fp8-llama,,,1000,300,,,{},{}\n"


def replica(read: Problem, software: str = "vllm", task: ServingTask = CHAT) -> ServingExpectation:
    layout, variant = ReplicaLayout(4), Variant("fp8", 8, 8)
    service = read.inference["chat"]
    return expectations_of(read).serving(service, task, "dgx-h100", ["fp8-llama"], software, layout, variant)


def test_measured_times_replace_and_calibrate(tmp_path: Path) -> None:
    read = problem(tmp_path, TIMES.format("mine", "fp8-llama", "vllm", 500, 30))
    figures = {figure.quantity: figure for figure in measured_of(read)}
    assert set(figures) == {"ttft_ms", "tpot_ms", "latency_ms"}
    assert figures["latency_ms"].value == pytest.approx(500 + 299 * 30)
    found = replica(read)
    assert found.tpot.exact == ("mine",)
    assert found.tpot.factor == pytest.approx(30 / figures["tpot_ms"].predicted)
    assert found.tpot.band.sigma == MEASUREMENT_SIGMA
    near = replica(read, task=ServingTask(CHAT.model, 2000, 300))
    assert near.tpot.near == ("mine",)
    assert near.tpot.factor != 1.0
    assert replica(read, "sglang").tpot.factor == 1.0


def test_a_measured_rate_stands_for_itself(tmp_path: Path) -> None:
    found = replica(problem(tmp_path, RATE.format("", 2.1)))
    assert (found.measured_rate, found.measured_by) == (2.1, "rate")
    impossible = Promise(ttft_ms=0.001, tpot_ms=0.001)
    point = largest_expected(found, WHERE, 95, impossible)
    assert point is not None
    assert (point.requests_per_s, point.ttft_ms, point.utilization) == (2.1, 0.001, 1.0)
    less = at_expected(found, WHERE, 1.0, 95, impossible)
    assert less is not None
    assert less.utilization == pytest.approx(1 / 2.1)
    assert at_expected(found, WHERE, 2.2, 95, impossible) is None


def test_a_rate_at_times_that_miss_a_promise_does_not_count(tmp_path: Path) -> None:
    assert replica(problem(tmp_path, RATE.format(39, 2.1))).measured_rate == 2.1
    assert replica(problem(tmp_path, RATE.format(41, 2.1))).measured_rate is None


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("m,training,llama-2-7b,dgx-h100,,,,512,4096,bf16,,megatron,,,,9,,,\n", "accelerators", "how many"),
        ("m,training,llama-2-7b,dgx-h100,,8,,512,4096,bf16,,,,,,9,,,\n", "software", "under which"),
        ("m,training,llama-2-7b,dgx-h100,,8,,512,4096,bf16,,megatron,,,,,,,\n", "step_s", "give step_s"),
        ("m,training,llama-2-7b,dgx-h100,,8,,,4096,bf16,,megatron,,,,9,,,\n", "global_batch", "must be given"),
        ("m,training,llama-2-7b,dgx-h100,,8,5,512,4096,bf16,,megatron,,,,9,,,\n", None, "tensor"),
        ("m,inference,llama-3.1-70b,dgx-h100,,,4,,,fp8,,vllm,,1000,300,,500,,\n", "batch", "in flight"),
        ("m,inference,llama-3.1-70b,dgx-h100,,,4,,,fp8,,vllm,16,,300,,500,,\n", "input_tokens", "must be given"),
        ("m,inference,llama-3.1-70b,dgx-h100,,,4,,,fp8,,vllm,16,1000,300,,,,\n", "ttft_ms", "requests_per_s"),
    ],
)
def test_a_row_that_cannot_be_compared_is_refused(tmp_path: Path, row: str, column: str | None, words: str) -> None:
    read = problem(tmp_path, row)
    with pytest.raises(InputError) as caught:
        measured_of(read)
    (finding,) = caught.value.findings
    assert (finding.file, finding.line, finding.column) == ("measurements.csv", 2, column)
    assert words in finding.message


def synthetic_choice(z: float, seed: int, draws: int) -> float:
    """Share of draws in which the cheapest of 24 alternatives, chosen on predictions with a margin, is as fast as said.

    Truth spreads by 0.3 over alternatives of 6 groups; predictions are off by the group and candidate errors of BAND.
    """
    source = random.Random(seed)
    good = 0
    for _ in range(draws):
        group = [source.gauss(0, BAND.group_sigma) for _ in range(6)]
        best, fine = math.inf, False
        for index in range(24):
            truth = source.gauss(0, 0.3)
            error = BAND.bias + group[index % 6] + source.gauss(0, BAND.candidate_sigma)
            margin = BAND.bias + z * BAND.sigma
            stated = truth - error + margin
            if stated < best:
                best, fine = stated, truth <= stated
        good += fine
    return good / draws


@pytest.mark.parametrize("confidence", [50.0, 80.0, 90.0, 95.0])
def test_the_margin_covers_the_choice_of_flattering_errors(confidence: float) -> None:
    each = 100 - (100 - confidence) / SELECTED_FROM
    z = NormalDist().inv_cdf(each / 100)
    assert synthetic_choice(z, seed=7, draws=200) >= confidence / 100
    if confidence >= 80:
        naive = NormalDist().inv_cdf(confidence / 100)
        assert synthetic_choice(naive, seed=7, draws=200) < confidence / 100
