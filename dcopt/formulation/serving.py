"""Serving: replicas of every service carry its peak load in every period.

    load[i,c,t] ≤ rate_c·replicas[i,c,t],    Σ_c load[i,c,t] = peak[i,t]
    Σ_{i, c in p} accelerators_c·replicas[i,c,t] ≤ accelerators_p·hosts[p,t],    hosts[p,t] ≤ work[p]
    replicas[i,c,t] ≤ ⌈peak/rate_c⌉·open[p]

Replica sizes are powers of two that divide a node, or whole nodes, so whole nodes pack them without loss.
A service whose availability asks for more spares than the settings raises the target of the pools that it uses.
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.candidates.records import Period, Pool, ServingCandidate
from dcopt.design.records import ServiceRecord
from dcopt.formulation.compute import spare_variables, spares_together
from dcopt.formulation.program import Program, linear, number, total, whole
from dcopt.performance.compatibility import cluster_for
from dcopt.performance.replica_layouts import layout_columns
from dcopt.performance.serving import at_rate
from dcopt.performance.workloads import HOURS_PER_YEAR, serving_task_of

_ROUNDING = 1e-9
_IDLE = 1e-9
"""Share of a service's peak that counts as no load."""


def most_replicas(candidate: ServingCandidate, peak: float) -> int:
    """Return the replicas that carry all of ``peak`` requests/s."""
    return max(1, math.ceil(peak / candidate.requests_per_s - _ROUNDING))


def declare(program: Program) -> None:
    """Declare replicas, their loads and the nodes that host them, with rent, licences and power."""
    most: dict[tuple[str, int], int] = {}
    for period in program.candidates.periods:
        for service, peak, mean in period.loads:
            for index, candidate in enumerate(program.candidates.serving[service]):
                key = (service, index, period.index)
                replicas = most_replicas(candidate, peak)
                program.var("replicas", key, ub=replicas, integer=True)
                program.var("carried_load", key, ub=peak)
                where = (candidate.pool.key, period.index)
                needed = math.ceil(replicas * candidate.accelerators / candidate.pool.node.accelerators)
                most[where] = most.get(where, 0) + needed
                _running(program, period, candidate, key, mean / peak)
    for (pool_key, period_index), nodes in most.items():
        pool = program.candidates.pools[pool_key]
        held = program.var("hosts", (pool_key, period_index), ub=min(nodes, pool.max_nodes), integer=True)
        _hosting(program, pool, program.candidates.periods[period_index], held)


def _running(
    program: Program, period: Period, candidate: ServingCandidate, key: tuple[str, int, int], mean_share: float
) -> None:
    pool = candidate.pool
    replicas, load = program.model.replicas[key], program.model.carried_load[key]
    program.pay(pool.site, "licences", replicas, candidate.licence_usd_per_year, period.years)
    if not pool.rented:
        balance = program.balances[pool.site]
        extra_kw = candidate.kw_per_request * mean_share * load
        balance.add_average(balance.it_average_kw, period.index, extra_kw)
        program.add_activity(pool, period.index, extra_kw)


def _hosting(program: Program, pool: Pool, period: Period, held: Any) -> None:
    if pool.rented:
        program.pay(pool.site, "rent", HOURS_PER_YEAR * held, pool.rent_usd_per_hour, period.years)
        return
    idle_kw = next(
        c.idle_kw for of_service in program.candidates.serving.values() for c in of_service if c.pool.key == pool.key
    )
    balance = program.balances[pool.site]
    balance.add_average(balance.it_average_kw, period.index, idle_kw * held)
    program.add_activity(pool, period.index, idle_kw * held)


def link(program: Program) -> None:
    """Carry every load, host every replica on whole nodes, and raise the spares where availability asks for it."""
    model = program.model
    held: dict[tuple[str, int], list[tuple[float, Any]]] = {}
    for period in program.candidates.periods:
        for service, peak, _ in period.loads:
            candidates = program.candidates.serving[service]
            keys = [(service, index, period.index) for index in range(len(candidates))]
            program.require(
                "served",
                (service, period.index),
                linear([1.0] * len(keys), [model.carried_load[key] for key in keys]) == peak,
                row=f"inference.csv: {service} peak_requests_per_s",
                sentence=f"service {service} is served at its peak within its promises",
            )
            for key, candidate in zip(keys, candidates, strict=True):
                replicas = model.replicas[key]
                program.require("rate", key, model.carried_load[key] <= candidate.requests_per_s * replicas)
                program.require("replica_opens", key, replicas <= replicas.ub * model.open[candidate.pool.key])
                where = (candidate.pool.key, period.index)
                held.setdefault(where, []).append((float(candidate.accelerators), replicas))
    for (pool_key, period_index), replicas_on in held.items():
        pool = program.candidates.pools[pool_key]
        nodes = model.hosts[pool_key, period_index]
        used = linear([a for a, _ in replicas_on], [v for _, v in replicas_on])
        program.require("hosting", (pool_key, period_index), used <= pool.node.accelerators * nodes)
        program.require("hosts_fit", (pool_key, period_index), nodes <= model.work[pool_key])
    _availability(program)


def _availability(program: Program) -> None:
    """Σ of the spare steps at a target at least as high ≥ uses[i,p];   replicas ≤ ⌈peak/rate⌉·uses[i,p]."""
    general = program.problem.settings.spare_target_pct
    model = program.model
    for service, candidates in program.candidates.serving.items():
        target = program.problem.inference[service].availability_pct or general
        if target <= general:
            continue
        for key in sorted({c.pool.key for c in candidates if not c.pool.rented}):
            uses = program.var("uses", (service, key), ub=1, binary=True)
            high = total(v for t, _, _, v in spare_variables(program, key) if t >= target)
            together = spares_together(program, key)
            if together:
                program.require(
                    "availability_together", (service, key), total(v for t, v in together if t >= target) >= uses
                )
            program.require(
                "availability",
                (service, key),
                high >= uses,
                row=f"inference.csv: {service} availability_pct",
                sentence=f"the spares of {key} keep {service} available {target:g} % of the time",
            )
            for period in program.candidates.periods:
                for index, candidate in enumerate(candidates):
                    if candidate.pool.key == key and period.peak_of(service) is not None:
                        replicas = model.replicas[service, index, period.index]
                        program.require("available", (service, index, period.index), replicas <= replicas.ub * uses)


def extract(program: Program) -> list[ServiceRecord]:
    """Return how every part of every service runs, with its times at the peak load that it carries."""
    records = []
    for period in program.candidates.periods:
        for service, peak, _ in period.loads:
            for index, candidate in enumerate(program.candidates.serving[service]):
                replicas = whole(program.model.replicas[service, index, period.index])
                if replicas:
                    load = number(program.model.carried_load[service, index, period.index])
                    if load <= _IDLE * peak and not candidate.licence_usd_per_year:
                        continue  # free chips of a node that hosts anyway: a replica there carries and costs nothing
                    record = _record(program, candidate, replicas, load)
                    records += [record.model_copy(update={"year": year}) for year in period.years]
    return records


def _record(program: Program, candidate: ServingCandidate, replicas: int, load: float) -> ServiceRecord:
    problem = program.problem
    service = problem.inference[candidate.service]
    rate = min(load / replicas, candidate.requests_per_s)
    point = at_rate(
        serving_task_of(service, problem, candidate.speculation),
        cluster_for(problem, candidate.pool.node.name, candidate.pool.fabric.name),
        candidate.layout,
        candidate.variant,
        problem.software[candidate.software],
        rate,
        service.percentile,
    )
    assert point is not None  # a rate within the largest one can be carried
    generates = service.output_tokens > 0
    return ServiceRecord(
        service=candidate.service,
        site=candidate.pool.site,
        node=candidate.pool.node.name,
        fabric=candidate.pool.fabric.name,
        year=1,
        replicas=replicas,
        accelerators_per_replica=candidate.accelerators,
        precision=candidate.variant.precision,
        compression="+".join(candidate.compression),
        software=candidate.software,
        batch=max(1, math.ceil(point.batch)),
        ttft_ms=point.ttft_ms + candidate.rtt_ms if generates else None,
        tpot_ms=point.tpot_ms if generates else None,
        latency_ms=point.latency_ms + candidate.rtt_ms,
        rtt_ms=candidate.rtt_ms,
        percentile=service.percentile,
        requests_per_s=load,
        capacity_requests_per_s=replicas * candidate.requests_per_s,
        saturated_requests_per_s=replicas * candidate.saturated_requests_per_s,
        utilization=load / (replicas * candidate.requests_per_s),
        quality_loss_pct=candidate.quality_loss_pct,
        memory_gb=point.memory_gb,
        breakdown_ms=dict(point.breakdown),
        kv_bits=candidate.variant.kv_bits if generates else None,
        speculation=candidate.speculation,
        prefix_cached_pct=service.prefix_cached_pct,
        **layout_columns(candidate.layout),
    )
