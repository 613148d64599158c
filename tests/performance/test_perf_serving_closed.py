"""The closed loop of the benchmarks, held against a simulation step by step."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from perf_inputs import ENGINE, cluster, model

from dcopt.performance.decoder import closed_times
from dcopt.performance.decoder_build import engine
from dcopt.performance.decoder_engine import Drafting, Engine, Mixture, Reduction
from dcopt.performance.serving import Disaggregated, ReplicaLayout, ServingTask, Variant, predict_closed

CHAT = ServingTask(model("llama-3.1-70b"), 1000, 300)
FP8 = Variant("fp8", 8, 8)


def plain(step_s: float, prompt_s: float, outputs: int) -> Engine:
    """Return an engine whose steps and prompts take a given time, and nothing else does."""
    return Engine(
        outputs=outputs,
        stages=1,
        groups=1,
        dense_s=step_s,
        kv_each_s=0.0,
        flops_each_s=0.0,
        activations_each_s=0.0,
        exchange_each_s=0.0,
        kernels_s=0.0,
        mixture=Mixture(),
        reduction=Reduction(),
        marginal_s=prompt_s,
        alone_s=prompt_s,
        own_s=0.0,
        passes=0.1,
        overhead_s=0.0,
        admission_steps=1.0,
        stall=0.94,
        front_s=0.0,
        most_requests=4096,
        weights_gb=1.0,
        kv_each_gb=0.001,
        fixed_gb=1.0,
        memory_gb=80.0,
    )


def simulate(requests: int, prompt: int, answer: int, step_s: float, token_s: float) -> tuple[float, float]:
    """Mean times to the first and of a further token: all requests at once, ten waves, lengths of 80 to 100 %."""
    source = random.Random(5)
    shapes = [
        (source.randint(int(0.8 * prompt), prompt), source.randint(int(0.8 * answer), answer))
        for _ in range(10 * requests)
    ]
    waiting = [[0.0, shapes[index][0], index] for index in range(requests)]
    come, now, steps, active = requests, 0.0, 0, 0
    ends: dict[int, list[int]] = {}
    begun: dict[int, float] = {}
    firsts, tokens = [], []
    while waiting or active:
        room, read, done = 8192 - active, 0, []
        while waiting and read < room:
            taken = min(waiting[0][1], room - read)
            waiting[0][1] -= taken
            read += int(taken)
            if waiting[0][1] == 0:
                done.append(waiting.pop(0))
        now, steps = now + step_s + read * token_s, steps + 1
        for index in ends.pop(steps, []):
            active -= 1
            tokens.append((now - begun[index]) / (shapes[index][1] - 1))
            if come < len(shapes):
                waiting.append([now, shapes[come][0], come])
                come += 1
        for arrived, _, number in done:
            index = int(number)
            firsts.append(now - arrived)
            begun[index], active = now, active + 1
            ends.setdefault(steps + shapes[index][1] - 1, []).append(index)
    return sum(firsts) / len(firsts), sum(tokens) / len(tokens)


@pytest.mark.parametrize("requests", [4, 16, 64, 200])
@pytest.mark.parametrize("load", [0.1, 0.5, 2.0])
def test_means_of_a_closed_loop_are_those_of_a_simulation(requests: int, load: float) -> None:
    """``load``: seconds of all requests' prompts over those of one answer's steps."""
    step_s, answer = 0.01, 400
    prompt_s = load * 0.9 * answer * step_s / requests
    first, token = simulate(requests, 1000, answer, step_s, prompt_s / 900.0)
    made = plain(step_s, prompt_s, round(0.9 * answer))
    _, ttft, tpot = closed_times(made, 4096.0, float(requests))
    queue, simulated = ttft - tpot, first - step_s
    assert tpot == pytest.approx(token, rel=0.05)
    assert queue == pytest.approx(simulated, rel=0.25, abs=1.5 * step_s)


def test_requests_beyond_the_cache_wait_for_a_place() -> None:
    made = plain(0.01, 0.001, 100)
    inside, beyond = closed_times(made, 50.0, 50.0), closed_times(made, 50.0, 100.0)
    assert beyond[0] == inside[0] == 50.0
    assert beyond[2] == inside[2]
    assert beyond[1] == pytest.approx(2 * inside[1] + 100 * inside[2])


@pytest.mark.parametrize("load", [1.0, 24.0, 3000.0])
def test_the_parts_add_up_to_the_times(load: float) -> None:
    for layout in (ReplicaLayout(4), Disaggregated(ReplicaLayout(4), 2, ReplicaLayout(8), 1)):
        point = predict_closed(CHAT, cluster(), layout, FP8, ENGINE, concurrency=load)
        decode = sum(value for name, value in point.breakdown.items() if name.startswith("decode"))
        first = sum(value for name, value in point.breakdown.items() if not name.startswith("decode"))
        assert decode == pytest.approx(point.tpot_ms)
        assert first == pytest.approx(point.ttft_ms)
        assert point.latency_ms == pytest.approx(point.ttft_ms + 299 * point.tpot_ms)
        assert point.requests_per_s == pytest.approx(load * 1e3 / point.latency_ms)


def test_the_parts_of_a_speculative_step_add_up() -> None:
    made = engine(CHAT, cluster(), ReplicaLayout(4), FP8, ENGINE)
    drafted = replace(made, drafting=Drafting(tokens=3, yields=2.5, layers_share=0.02, head_s=1e-4))
    assert sum(drafted.breakdown(17.0).values()) == pytest.approx(drafted.step(17.0))
    assert sum(made.breakdown(17.0).values()) == pytest.approx(made.step(17.0))


def test_disaggregated_loops_obey_littles_law_and_the_prefill_pool() -> None:
    """Few prefill workers bound the rate; the requests that wait for them are not decoded."""
    for workers in (1, 2, 8):
        layout = Disaggregated(ReplicaLayout(2), workers, ReplicaLayout(8), 2)
        point = predict_closed(CHAT, cluster(), layout, FP8, ENGINE, concurrency=400)
        reader = engine(CHAT, cluster(), layout.prefill, FP8, ENGINE)
        assert point.requests_per_s <= workers / reader.prefill_service * 1.005
        decoding = 2 * point.batch
        assert decoding == pytest.approx(point.requests_per_s * 300 * point.tpot_ms / 1e3, rel=0.02)
    few, many = (
        predict_closed(
            CHAT, cluster(), Disaggregated(ReplicaLayout(2), count, ReplicaLayout(8), 2), FP8, ENGINE, concurrency=400
        )
        for count in (1, 8)
    )
    assert few.ttft_ms > many.ttft_ms
    assert few.batch < many.batch
