"""The simulation against queues whose answers are known, and the closed forms against the simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perf_inputs import ENGINE, cluster, model

from dcopt.performance import decoder_arrivals, encoder
from dcopt.performance.decoder_build import engine
from dcopt.performance.decoder_engine import DECODER
from dcopt.performance.queueing import erlang_c, largest_true, wait_moments, wait_quantile
from dcopt.performance.serving import ReplicaLayout, ServingTask, Variant, at_rate, largest_rate
from dcopt.performance.simulation_decoder import Station
from dcopt.performance.simulation_decoder import simulate as simulate_decoder
from dcopt.performance.simulation_encoder import Batcher
from dcopt.performance.simulation_encoder import simulate as simulate_encoder
from dcopt.performance.simulation_records import Answers, Requests
from dcopt.performance.simulation_requests import busiest_minute_rate, poisson_requests, traced_requests
from dcopt.performance.simulation_statistics import percentile_of

FP8 = Variant("fp8", 8, 8)
BF16 = Variant("bf16", 16, 16)
INT8 = Variant("int8", 8, 8)


def exponential(count: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).exponential(1.0, count)


def single_server(service_s: float) -> Station:
    """Prompts alone: whoever is read is answered at once."""
    return Station((1e-12,) * 10_001, service_s, service_s, stall=0.0, overhead_s=0.0, tokens=1.0, room=1e4)


def slots(count: int, tokens: float = 100.0) -> Station:
    """So many places in which an answer takes 1 s whatever else is going on; no prefill."""
    return Station((0.01,) * (count + 1), 1e-9, 1e-9, stall=0.0, overhead_s=0.0, tokens=tokens + 1.0, room=count)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.85])
def test_constant_services_wait_as_in_m_d_1(load: float) -> None:
    waits = simulate_decoder(single_server(1.0), poisson_requests(60_000, load, 1), 1).ttft_s - 1.0
    assert waits.mean() == pytest.approx(load / (2 * (1 - load)), rel=0.08)
    inside = math.exp(0.5 * load) * (1 - load)  # P(W ≤ S/2), exact
    assert (waits <= 0.5).mean() == pytest.approx(inside, rel=0.03)
    for percentile in (90, 95, 99):
        found = percentile_of(waits, percentile)
        assert wait_quantile(load, 1.0, percentile) == pytest.approx(found.value, rel=0.1, abs=0.05)


@pytest.mark.parametrize("load", [0.4, 0.7])
def test_exponential_services_wait_as_in_m_m_1(load: float) -> None:
    arrivals = poisson_requests(60_000, load, 2)
    spread = replace(arrivals, inputs=exponential(arrivals.count, 3))
    response = simulate_decoder(single_server(1.0), spread, 1).ttft_s
    assert response.mean() == pytest.approx(1 / (1 - load), rel=0.08)
    assert np.percentile(response, 95) == pytest.approx(math.log(20) / (1 - load), rel=0.1)


@pytest.mark.parametrize(("places", "load"), [(4, 0.7), (20, 0.85)])
def test_places_of_the_cache_wait_as_in_m_m_c(places: int, load: float) -> None:
    arrivals = poisson_requests(60_000, places * load, 4)
    spread = replace(arrivals, outputs=exponential(arrivals.count, 5))
    waits = simulate_decoder(slots(places), spread, 1).ttft_s - 0.01
    waiting = erlang_c(places, places * load)
    assert (waits > 1e-6).mean() == pytest.approx(waiting, rel=0.1)
    assert waits.mean() == pytest.approx(waiting / (places * (1 - load)), rel=0.15)


def test_an_encoder_of_single_requests_is_m_d_1_and_the_pool_approaches_one_queue() -> None:
    batcher = Batcher((1.0, 1.0), (1.0, 1.0))
    alone = simulate_encoder(batcher, poisson_requests(60_000, 0.6, 6), 1).latency_s - 1.0
    assert alone.mean() == pytest.approx(0.6 / (2 * 0.4), rel=0.08)
    pooled = simulate_encoder(batcher, poisson_requests(60_000, 0.6 * 8, 6), 8).latency_s - 1.0
    assert pooled.mean() < 0.2 * alone.mean()


def test_one_four_and_forty_servers_carry_what_the_theory_says() -> None:
    """At p99 within 5 service times: 0.55 of one server, 0.86 of four, 0.95 of forty behind one queue."""
    for servers, load in ((1, 0.55), (4, 0.86), (40, 0.95)):
        most = largest_true(lambda rho, n=servers: wait_quantile(rho, 1.0, 99, servers=n) <= 4.0, 0.01, 0.999)  # type: ignore[misc]
        assert most == pytest.approx(load, abs=0.04)


def test_moments_of_the_wait_are_those_of_the_simulation() -> None:
    waits = simulate_decoder(single_server(0.5), poisson_requests(80_000, 1.2, 8), 1).ttft_s - 0.5
    for power, moment in enumerate(wait_moments(1.2, 0.5), start=1):
        assert (waits**power).mean() == pytest.approx(moment, rel=0.12)


@settings(max_examples=15, deadline=None)
@given(
    rate=st.floats(0.5, 6.0),
    servers=st.integers(1, 5),
    seed=st.integers(0, 1000),
    cv=st.sampled_from([0.0, 1.0]),
    places=st.integers(2, 40),
)
def test_littles_law_and_no_request_is_lost(rate: float, servers: int, seed: int, cv: float, places: int) -> None:
    station = Station(
        tuple(0.01 + 0.001 * n for n in range(41)), 0.06, 0.05, stall=0.8, overhead_s=0.3, tokens=20, room=places
    )
    requests = poisson_requests(2000, rate * servers, seed, cv)
    found = simulate_decoder(station, requests, servers)
    assert np.isfinite(found.latency_s).all()
    assert (found.ttft_s >= 0.3 + 0.06 * np.minimum(1.0, requests.inputs) - 1e-9).all()
    assert (found.latency_s >= found.ttft_s - 1e-9).all()
    finished = requests.arrivals_s + found.latency_s - 0.3
    stay = float(np.mean(found.latency_s - 0.3)) * requests.count
    span = finished.max() - requests.arrivals_s[0]
    assert found.in_service * servers == pytest.approx(stay / span, rel=0.1)


def test_the_same_seed_gives_the_same_answers_and_another_seed_others() -> None:
    station = Station(tuple(0.01 + 0.001 * n for n in range(30)), 0.06, 0.05, 0.8, 0.1, 20, 25)

    def run(seed: int) -> Answers:
        return simulate_decoder(station, poisson_requests(3000, 5.0, seed, 0.5), 2)

    assert (run(1).latency_s == run(1).latency_s).all()
    assert (run(1).latency_s != run(2).latency_s).any()


def test_lengths_keep_their_mean_and_spread() -> None:
    requests = poisson_requests(200_000, 1.0, 3, 1.5)
    assert requests.outputs.mean() == pytest.approx(1.0, rel=0.03)
    assert requests.inputs.std() == pytest.approx(1.5, rel=0.1)
    with pytest.raises(ValueError, match="positive"):
        poisson_requests(0, 1.0, 1)
    with pytest.raises(ValueError, match="positive"):
        poisson_requests(5, 0.0, 1)


def test_a_trace_keeps_its_lengths_and_its_busiest_minute_has_the_rate() -> None:
    times = np.array([0.0, 50.0, 51.0, 52.0, 53.0, 400.0])
    requests = traced_requests(times, np.arange(6.0), np.full(6, 10.0), 2.0, 5.0, 2.0, 12)
    assert requests.count == 12
    assert busiest_minute_rate(times) == pytest.approx(5 / 60)
    assert requests.inputs[:6].tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert (requests.outputs == 2.0).all()
    assert (np.diff(requests.arrivals_s) > 0).all()
    assert requests.arrivals_s[1] == pytest.approx(50.0 * (5 / 60) / 2.0)
    with pytest.raises(ValueError, match="two requests"):
        busiest_minute_rate(np.array([1.0]))


def test_the_interval_of_a_percentile_covers_it() -> None:
    covered = 0
    for seed in range(60):
        found = percentile_of(exponential(20_000, seed), 95)
        covered += found.low <= math.log(20) <= found.high
    assert covered >= 50


GRID = [
    ("llama-3.1-70b", "h100-sxm", ReplicaLayout(4), FP8, 1000, 300),
    ("llama-3.1-70b", "h100-sxm", ReplicaLayout(4), FP8, 4000, 100),
    ("llama-3.1-70b", "h100-sxm", ReplicaLayout(4), FP8, 8000, 500),
    ("qwen3-32b", "a100-sxm-80", ReplicaLayout(2), BF16, 3000, 30),
    ("mixtral-8x7b", "h100-sxm", ReplicaLayout(2, 1, 2), FP8, 200, 200),
]


def decoder_station(made: object, capacity: int) -> Station:
    steps = tuple(made.step(max(1, n)) for n in range(2 * capacity + 1))  # type: ignore[attr-defined]
    return Station(
        steps,
        made.prefill,  # type: ignore[attr-defined]
        made.prefill_service,  # type: ignore[attr-defined]
        DECODER.stall,
        made.overhead_s + made.front_s,  # type: ignore[attr-defined]
        made.outputs,  # type: ignore[attr-defined]
        capacity,
        made.admission_steps,  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize("servers", [1, 4])
@pytest.mark.parametrize("case", GRID, ids=lambda case: f"{case[0]}-{case[4]}-{case[5]}")
def test_the_closed_form_of_a_decoder_is_right_or_on_the_safe_side(case: tuple[object, ...], servers: int) -> None:
    name, chip, layout, variant, read, written = case
    where = (ServingTask(model(name), read, written), cluster(chip), layout, variant, ENGINE)  # type: ignore[arg-type]
    top = largest_rate(*where, percentile=95, servers=servers)  # type: ignore[arg-type]
    assert top is not None
    made = engine(*where)  # type: ignore[arg-type]
    station = decoder_station(made, int(made.largest_batch(ENGINE.memory_fraction)))
    for share in (0.5, 0.85):
        rate = top.requests_per_s * share
        count = int(max(24_000, 15 * top.batch * servers))
        found = simulate_decoder(station, poisson_requests(count, rate * servers, 12), servers)
        for percentile in (95, 99):
            point = at_rate(*where, rate, percentile, servers)  # type: ignore[arg-type]
            assert point is not None
            for times, closed in (
                (found.ttft_s, point.ttft_ms),
                (found.tpot_s, point.tpot_ms),
                (found.latency_s, point.latency_ms),
            ):
                simulated = percentile_of(times, percentile, int(3 * top.batch * servers))
                assert closed * 1e-3 >= 0.92 * simulated.low
                assert servers > 1 or closed * 1e-3 <= 1.35 * simulated.value


@pytest.mark.parametrize(("chip", "limit"), [("t4", 3.0), ("t4", 8.0), ("xeon-8260-2s", 6.0)])
@pytest.mark.parametrize("servers", [1, 4])
def test_the_closed_form_of_an_encoder_is_right(chip: str, limit: float, servers: int) -> None:
    where = (ServingTask(model("bert-large"), 384, 0), cluster(chip), ReplicaLayout(1), INT8, ENGINE)
    timing = encoder.timing_of(*where)
    cap = int(encoder.largest_batch(timing, ENGINE))
    batcher = Batcher(
        tuple(timing.service(max(1, b)) for b in range(cap + 1)), tuple(timing.cycle(max(1, b)) for b in range(cap + 1))
    )
    for percentile in (95, 99):
        point = largest_rate(*where, percentile=percentile, latency_ms=limit * timing.service(1) * 1e3, servers=servers)
        assert point is not None
        requests = poisson_requests(40_000, point.requests_per_s * servers, 10)
        found = percentile_of(simulate_encoder(batcher, requests, servers).latency_s, percentile)
        assert point.latency_ms * 1e-3 >= (0.97 if servers == 1 else 0.9) * found.low
        assert point.latency_ms * 1e-3 <= (1.03 if servers == 1 else 1.5) * found.high


@settings(max_examples=25, deadline=None)
@given(
    case=st.sampled_from(GRID),
    share=st.floats(0.05, 0.95),
    servers=st.integers(1, 40),
    more=st.integers(1, 40),
    percentile=st.sampled_from([90.0, 95.0, 99.0]),
)
def test_more_replicas_behind_a_balancer_are_never_slower(
    case: tuple[object, ...], share: float, servers: int, more: int, percentile: float
) -> None:
    name, chip, layout, variant, read, written = case
    where = (ServingTask(model(name), read, written), cluster(chip), layout, variant, ENGINE)  # type: ignore[arg-type]
    top = largest_rate(*where, percentile=percentile)  # type: ignore[arg-type]
    assert top is not None
    few = at_rate(*where, top.requests_per_s * share, percentile, servers)  # type: ignore[arg-type]
    many = at_rate(*where, top.requests_per_s * share, percentile, servers + more)  # type: ignore[arg-type]
    assert few is not None
    assert many is not None
    for slow, fast in (
        (few.ttft_ms, many.ttft_ms),
        (few.tpot_ms, many.tpot_ms),
        (few.latency_ms, many.latency_ms),
    ):
        assert fast <= slow * (1 + 1e-9)
    limit = few.latency_ms
    rates = [
        largest_rate(*where, percentile=percentile, latency_ms=limit, servers=n) for n in (servers, servers + more)
    ]  # type: ignore[arg-type]
    assert rates[0] is not None
    assert rates[1] is not None
    assert rates[1].requests_per_s >= rates[0].requests_per_s * (1 - 1e-9)


def test_a_full_cache_is_kept_from_holding_up_more_than_promised() -> None:
    where = (ServingTask(model("qwen3-32b"), 8000, 500), cluster("a100-sxm-80"), ReplicaLayout(2), BF16, ENGINE)
    made = engine(*where)
    capacity = int(made.largest_batch(ENGINE.memory_fraction))
    assert capacity < 40
    point = largest_rate(*where, percentile=95)
    assert point is not None
    assert decoder_arrivals._crowd(decoder_arrivals._Point(made, point.batch), 95, 1) < capacity
    requests = poisson_requests(12_000, point.requests_per_s, 11)
    free = simulate_decoder(decoder_station(made, 4096), requests, 1)
    held = simulate_decoder(decoder_station(made, capacity), requests, 1)
    late = np.mean(held.ttft_s > free.ttft_s + 1e-6)
    assert late < 0.15


def test_requests_of_a_trace_need_not_be_alike() -> None:
    station = slots(3)
    requests = Requests(np.array([0.0, 0.1, 0.2, 0.3]), np.ones(4), np.array([5.0, 1.0, 1.0, 1.0]))
    found = simulate_decoder(station, requests, 1)
    assert found.latency_s[0] == pytest.approx(5.05, abs=0.1)
    assert found.ttft_s[3] == pytest.approx(0.8 + 0.01, abs=0.03)
