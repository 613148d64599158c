"""Simulate the services of a design at the peak load that each of its rows carries."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dcopt.design.records import Design, ServiceRecord
from dcopt.design.simulation import SimulatedService, SimulatedTime
from dcopt.performance.compatibility import cluster_for, engine_for
from dcopt.performance.replica_layouts import AGGREGATED
from dcopt.performance.serving import ReplicaLayout, variant_of
from dcopt.performance.simulation import MOST_SERVERS, Replicas, answers_of, simulate, summary
from dcopt.performance.simulation_records import Estimate, Floats, Simulated
from dcopt.performance.simulation_requests import traced_requests
from dcopt.performance.workloads import serving_task_of
from dcopt.problem.problem import Problem
from dcopt.solve.interrupt import heard

REQUESTS = 20_000
"""Requests of a service that are simulated unless more are asked for."""


@dataclass(frozen=True)
class Trace:
    """A recorded stream: seconds, tokens in and out of each request, and the file's name."""

    name: str
    timestamps_s: Floats
    input_tokens: Floats
    output_tokens: Floats


def simulate_design(
    problem: Problem, design: Design, *, requests: int = REQUESTS, seed: int = 0, trace: Trace | None = None
) -> tuple[SimulatedService, ...]:
    """Return the simulation of the rows of ``design.inference`` that can be; years that are alike are simulated once.

    Groups of prefill and decode workers, rates that were measured within the promises, and replicas that carry nothing
    at the peak (they serve in other hours of the day) are not simulated.

    Raises
    ------
    ValueError: a replica of the design cannot be, or the trace has fewer than two requests.
    """
    alike: dict[tuple[object, ...], list[ServiceRecord]] = {}
    for record in design.inference:
        if record.mode != AGGREGATED or record.measured_by or record.requests_per_s <= 0:
            continue
        key = tuple(value for name, value in record if name not in ("year", "breakdown_ms"))
        alike.setdefault(key, []).append(record)
    return tuple(
        simulate_record(problem, records, requests=requests, seed=seed, trace=trace) for records in alike.values()
    )


def replicas_of(problem: Problem, record: ServiceRecord) -> Replicas:
    """Return what a row of the design runs.

    Raises
    ------
    ValueError: the variant does not run on that accelerator, or the row is a group of prefill and decode workers.
    """
    if record.mode != AGGREGATED:
        raise ValueError(f"{record.service}: groups of prefill and decode workers are rated but not simulated")
    service = problem.inference[record.service]
    stack = [problem.compression[name] for name in record.compression.split("+")]
    engine = engine_for(problem.software[record.software], service)
    variant = variant_of(stack, problem.accelerators[problem.nodes[record.node].accelerator], engine)
    if variant is None:
        raise ValueError(f"{record.compression} does not run on {record.node}")
    return Replicas(
        task=serving_task_of(service, problem, record.speculation),
        cluster=cluster_for(problem, record.node, record.fabric),
        layout=ReplicaLayout(record.tensor, record.pipeline, record.expert, record.attention_data),
        variant=variant,
        software=engine,
        servers=record.replicas if service.balancer == "pooled" else 1,
    )


def simulate_record(
    problem: Problem, records: list[ServiceRecord], *, requests: int, seed: int, trace: Trace | None = None
) -> SimulatedService:
    """Return the simulation of rows of the design that are alike but for their year.

    Raises
    ------
    ValueError: the replica cannot be, or the trace has fewer than two requests. KeyboardInterrupt: Ctrl-C was pressed.
    """
    with heard():
        return _simulated(problem, records, requests, seed, trace)


def _simulated(
    problem: Problem, records: list[ServiceRecord], requests: int, seed: int, trace: Trace | None
) -> SimulatedService:
    record = records[0]
    service = problem.inference[record.service]
    replicas = replicas_of(problem, record)
    rate = record.requests_per_s / record.replicas
    at_rate = rate * record.latency_factor  # a replica slower by f does at a rate what the model does at f times it
    if trace is None:
        found = simulate(
            replicas,
            at_rate,
            service.percentile,
            requests=requests,
            seed=seed,
            length_cv=service.length_cv,
            batch=record.batch,
        )
        arrivals = "Poisson" if not service.length_cv else f"Poisson, lengths of cv {service.length_cv:g}"
    else:
        found = _traced(replicas, at_rate, service.percentile, max(1, record.batch), requests, trace)
        arrivals = f"trace {trace.name}"
    if found is None:
        raise ValueError(f"the memory of {record.node} does not hold a request of {record.service}")
    trip, generates = record.rtt_ms, service.output_tokens > 0
    return SimulatedService(
        service=record.service,
        site=record.site,
        node=record.node,
        fabric=record.fabric,
        years=tuple(row.year for row in records),
        replicas=record.replicas,
        servers=found.servers,
        requests=found.requests,
        seed=seed,
        arrivals=arrivals,
        requests_per_s=rate,
        percentile=service.percentile,
        in_service=found.in_service,
        ttft_ms=_time(found.ttft_ms, record.ttft_factor, trip, record.ttft_ms, service.ttft_ms) if generates else None,
        tpot_ms=_time(found.tpot_ms, record.tpot_factor, 0.0, record.tpot_ms, service.tpot_ms) if generates else None,
        latency_ms=_time(found.latency_ms, record.latency_factor, trip, record.latency_ms, service.latency_ms),
    )


def _traced(
    replicas: Replicas, rate: float, percentile: float, batch: int, requests: int, trace: Trace
) -> Simulated | None:
    servers = min(replicas.servers, MOST_SERVERS)
    task = replicas.task
    stream = traced_requests(
        trace.timestamps_s,
        trace.input_tokens,
        trace.output_tokens,
        task.input_tokens,
        task.output_tokens,
        rate * servers,
        max(requests, len(trace.timestamps_s)),
    )
    answers = answers_of(Replicas(**{**vars(replicas), "servers": servers}), stream)
    return None if answers is None else summary(answers, rate, percentile, servers, math.ceil(4.0 * batch * servers))


def _time(
    found: Estimate, factor: float, trip_ms: float, predicted: float | None, promise: float | None
) -> SimulatedTime:
    return SimulatedTime(
        simulated=found.value * factor + trip_ms,
        low=found.low * factor + trip_ms,
        high=found.high * factor + trip_ms,
        predicted=0.0 if predicted is None else predicted,
        promise=promise,
    )


def trace_of(name: str, rows: Iterable[tuple[float, float, float]]) -> Trace:
    """Return a trace from rows of (seconds, tokens in, tokens out)."""
    columns = np.asarray(list(rows), dtype=np.float64).reshape(-1, 3)
    return Trace(name, columns[:, 0], columns[:, 1], columns[:, 2])
