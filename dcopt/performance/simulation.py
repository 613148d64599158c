"""Simulate the replicas of a service: what a candidate assumes, event by event, with the same coefficients.

The step and prefill times are those of `dcopt.performance.decoder_engine` and `dcopt.performance.encoder`; what is
checked is the queueing of the closed forms in the files of these names with ``_arrivals``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dcopt.performance import encoder
from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder_build import engine
from dcopt.performance.decoder_engine import DECODER, Engine
from dcopt.performance.serving_records import ReplicaLayout, ServingTask
from dcopt.performance.simulation_decoder import Station
from dcopt.performance.simulation_decoder import simulate as simulate_decoder
from dcopt.performance.simulation_encoder import Batcher
from dcopt.performance.simulation_encoder import simulate as simulate_encoder
from dcopt.performance.simulation_records import Answers, Estimate, Requests, Simulated
from dcopt.performance.simulation_requests import poisson_requests
from dcopt.performance.simulation_statistics import percentile_of
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software

MOST_SERVERS = 16
"""Replicas of one balancer that are simulated at most: a larger pool is no worse, and a smaller one is quicker."""

LIVES = 40.0
"""A run is at least as long as so many requests are in a replica at once, one after the other."""


@dataclass(frozen=True)
class Replicas:
    """Equal replicas behind one balancer: what is simulated."""

    task: ServingTask
    cluster: Cluster
    layout: ReplicaLayout
    variant: Variant
    software: Software
    servers: int = 1


def station_of(made: Engine, capacity: float) -> Station:
    """Return a decoder's replica as the simulation sees it; ``capacity`` requests fit the KV cache."""
    most = min(DECODER.most_requests, max(1, math.floor(2 * capacity)))
    return Station(
        steps=tuple(made.step(max(1, count)) for count in range(most + 1)),
        prefill_s=made.prefill,
        service_s=made.prefill_service,
        stall=DECODER.stall,
        overhead_s=made.overhead_s + made.front_s,
        tokens=made.outputs,
        room=math.floor(capacity),
        late_steps=made.admission_steps,
    )


def batcher_of(timing: encoder.Timing, capacity: float) -> Batcher:
    """Return an encoder's replica as the simulation sees it, with batches of up to ``capacity``."""
    sizes = [max(1, size) for size in range(math.floor(capacity) + 1)]
    return Batcher(tuple(timing.service(size) for size in sizes), tuple(timing.cycle(size) for size in sizes))


def answers_of(replicas: Replicas, requests: Requests) -> Answers | None:
    """Return the times of ``requests``; None where the memory does not hold one.

    Lengths of prompts weigh linearly on the prefill, those of answers on the tokens, both on the KV cache.

    Raises
    ------
    ValueError: the chip lacks the arithmetic, or the replica spans unconnected nodes.
    """
    where = (replicas.task, replicas.cluster, replicas.layout, replicas.variant, replicas.software)
    if not replicas.task.generates:
        timing = encoder.timing_of(*where)
        capacity = encoder.largest_batch(timing, replicas.software)
        return None if capacity < 1 else simulate_encoder(batcher_of(timing, capacity), requests, replicas.servers)
    made = engine(*where)
    capacity = made.largest_batch(replicas.software.memory_fraction)
    if capacity < 1:
        return None
    read, written = replicas.task.input_tokens, replicas.task.output_tokens
    size = (requests.inputs * read + requests.outputs * written) / (read + written)
    return simulate_decoder(station_of(made, capacity), requests, replicas.servers, size)


def simulate(
    replicas: Replicas,
    requests_per_s: float,
    percentile: float,
    *,
    requests: int = 20_000,
    seed: int = 0,
    length_cv: float = 0.0,
    batch: float = 1.0,
) -> Simulated | None:
    """Return percentiles of the replicas' times at Poisson arrivals; None where the memory does not hold a request.

    Parameters
    ----------
    requests_per_s: for each replica. percentile: in percent. requests: at least so many are simulated; more where
        many are in service at once. seed: the same seed gives the same numbers. length_cv: spread of the lengths
        (`dcopt.performance.simulation_requests`). batch: requests that a replica is expected to hold, for the warm-up.

    Raises
    ------
    ValueError: a rate that is not positive, or a replica that cannot be.
    """
    servers = min(replicas.servers, MOST_SERVERS)
    count = max(requests, math.ceil(LIVES * batch * servers))
    stream = poisson_requests(count, requests_per_s * servers, seed, length_cv)
    answers = answers_of(replace(replicas, servers=servers), stream)
    if answers is None:
        return None
    return summary(answers, requests_per_s, percentile, servers, math.ceil(4.0 * batch * servers))


def summary(answers: Answers, requests_per_s: float, percentile: float, servers: int, warm_up: int) -> Simulated:
    """Return the percentiles of ``answers``, leaving out the first ``warm_up`` requests."""

    def ms(values: Estimate) -> Estimate:
        return Estimate(values.value * 1e3, values.low * 1e3, values.high * 1e3)

    warm_up = min(warm_up, len(answers.latency_s) // 2)
    return Simulated(
        requests=len(answers.latency_s),
        servers=servers,
        requests_per_s=requests_per_s,
        percentile=percentile,
        ttft_ms=ms(percentile_of(answers.ttft_s, percentile, warm_up)),
        tpot_ms=ms(percentile_of(answers.tpot_s, percentile, warm_up)),
        latency_ms=ms(percentile_of(answers.latency_s, percentile, warm_up)),
        in_service=answers.in_service,
    )
