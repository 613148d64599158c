"""Serving: replicas of every service carry its peak load in every period.

    load[i,c,t] ≤ Σ_b rate_cb·r[i,c,b,t],    Σ_c load[i,c,t] = peak[i,t]
    Σ_b r[i,c,b,t] = replicas[i,c,t],    lo_b·w[i,c,b,t] ≤ r[i,c,b,t] ≤ hi_b·w[i,c,b,t],    Σ_b w[i,c,b,t] ≤ open[p]
    Σ_{i, c in p} accelerators_c·replicas[i,c,t] ≤ accelerators_p·hosts[p,t],    hosts[p,t] ≤ work[p]
    replicas[i,c,t] ≤ ⌈peak/rate_c⌉·open[p]

A balancer shares the arrivals of all replicas of a service at a site that are alike: the more they are, the more each
carries, in bands b of their number. Without pooling there is one band, and no w.

Replica sizes are powers of two that divide a node, or whole nodes, so whole nodes pack them without loss.
A service whose availability asks for more spares than the settings raises the target of the pools that it uses, all the
more the more of them it uses: together they keep it.
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.candidates.records import Band, Period, Pool, ServingCandidate
from dcopt.design.records import ServiceRecord
from dcopt.formulation import commitments, night
from dcopt.formulation.compute import spare_variables, spares_together
from dcopt.formulation.expressions import linear, number, total, whole
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Slice
from dcopt.infrastructure.spares import joint_targets
from dcopt.performance.compatibility import cluster_for, engine_for
from dcopt.performance.replica_layouts import layout_columns
from dcopt.performance.serving_expected import at_expected, promised_rate
from dcopt.performance.workloads import promise_of, replica_name, servers_of, serving_task_of
from dcopt.problem.corrections import rate_factor
from dcopt.problem.day import mean_share, shares_of

_IDLE = 1e-9
"""Share of a service's peak that counts as no load."""


def rated_replicas(program: Program, service: str, index: int, period: Period) -> list[tuple[float, Any]]:
    """Return (requests/s of each, variable of the replicas) of a candidate: one for each of its bands."""
    model, key = program.model, (service, index, period.index)
    candidate = program.candidates.serving[service][index]
    bands = bands_in(candidate, period.peak_of(service) or 0.0)
    if len(bands) == 1:
        return [(bands[0].requests_per_s, model.replicas[key])]
    return [(band.requests_per_s, model.banded[*key, place]) for place, band in enumerate(bands)]


def bands_in(candidate: ServingCandidate, peak: float) -> list[Band]:
    """Return the bands of replicas that may be wanted where ``peak`` requests/s are to be carried.

    Beyond the number that carries all of it more replicas are of no use. One band where each has its own arrivals.
    """
    most = candidate.most_replicas(peak)
    if not candidate.bands:
        return [Band(1, most, candidate.requests_per_s)]
    return [
        Band(band.low, most if band is candidate.bands[-1] else min(band.high, most), band.requests_per_s)
        for band in candidate.bands
        if band.low <= most
    ]


def declare(program: Program) -> None:
    """Declare replicas, their loads and the nodes that host them, with rent, licences and power."""
    most: dict[tuple[str, int], int] = {}
    for period in program.candidates.periods:
        for service, peak, _ in period.loads:
            for index, candidate in enumerate(program.candidates.serving[service]):
                key = (service, index, period.index)
                bands = bands_in(candidate, peak)
                replicas = max(band.high for band in bands)
                program.var("replicas", key, ub=replicas, integer=True)
                if len(bands) > 1:
                    for place, band in enumerate(bands):
                        program.var("banded", (*key, place), ub=band.high, integer=True)
                        program.var("band", (*key, place), ub=1, binary=True)
                program.var("carried_load", key, ub=peak)
                where = (candidate.pool.key, period.index)
                most[where] = most.get(where, 0) + candidate.most_hosts(replicas)
                _running(program, period, candidate, key)
    for (pool_key, period_index), nodes in most.items():
        pool = program.candidates.pools[pool_key]
        held = program.var("hosts", (pool_key, period_index), ub=min(nodes, pool.max_nodes), integer=True)
        _hosting(program, pool, program.candidates.periods[period_index], held)


def _running(program: Program, period: Period, candidate: ServingCandidate, key: tuple[str, int, int]) -> None:
    pool = candidate.pool
    replicas, load = program.model.replicas[key], program.model.carried_load[key]
    program.pay(pool.site, "licences", replicas, candidate.licence_usd_per_year, period.years)
    resting = night.slices_at_night(program, period)
    for piece in program.slices_of(period):
        then, mean = load, mean_of_peak(program, candidate.service, piece)
        share = night.share_of(program, candidate.service, piece)
        if piece in resting and share < 1:
            bands = bands_in(candidate, share * (period.peak_of(candidate.service) or 0.0))
            then, mean = night.declare_load(program, candidate, key, piece, bands)
        if not pool.rented:
            program.draw(pool, piece, candidate.kw_per_request * mean * then)


def mean_of_peak(program: Program, service: str, piece: Slice) -> float:
    """Return the mean load of a service in the hours of a slice as a share of the peak that must be carried."""
    period, row = piece.period, program.problem.inference[service]
    shares = shares_of(program.problem, row)
    if shares is None or piece.share == 1:
        return period.mean_of(service) / (period.peak_of(service) or math.inf)
    return mean_share(shares, piece.hours) / (1 + row.headroom_pct / 100)


def _hosting(program: Program, pool: Pool, period: Period, held: Any) -> None:
    if pool.rented:
        commitments.hold(program, pool, period, night.held_by_day(program, pool.key, period, held))
        return
    idle_kw = next(
        c.idle_kw for of_service in program.candidates.serving.values() for c in of_service if c.pool.key == pool.key
    )
    for piece in program.slices_of(period):
        program.draw(pool, piece, idle_kw * night.declare_hosts(program, pool.key, piece, held))


def link(program: Program) -> None:
    """Carry every load, host every replica on whole nodes, and raise the spares where availability asks for it."""
    model = program.model
    held: dict[tuple[str, int], list[tuple[ServingCandidate, tuple[str, int, int]]]] = {}
    for period in program.candidates.periods:
        for service, peak, _ in period.loads:
            candidates = program.candidates.serving[service]
            keys = [(service, index, period.index) for index in range(len(candidates))]
            program.require(
                "served",
                (service, period.index),
                total(model.carried_load[key] for key in keys) == peak,
                row=f"inference.csv: {service} peak_requests_per_s",
                sentence=f"service {service} is served at its peak within its promises",
            )
            rooms: list[Any] = []
            for key, candidate in zip(keys, candidates, strict=True):
                replicas = model.replicas[key]
                rated = rated_replicas(program, service, key[1], period)
                room = linear([rate for rate, _ in rated], [variable for _, variable in rated])
                rooms.append(room)
                program.require("rate", key, model.carried_load[key] <= room)
                if len(rated) > 1:
                    _in_one_band(program, key, bands_in(candidate, peak), model.open[candidate.pool.key])
                program.require("replica_opens", key, replicas <= replicas.ub * model.open[candidate.pool.key])
                where = (candidate.pool.key, period.index)
                held.setdefault(where, []).append((candidate, key))
            for piece in night.slices_at_night(program, period):
                share = night.share_of(program, service, piece)
                if share < 1:
                    bands = [bands_in(candidate, share * peak) for candidate in candidates]
                    night.link_service(program, piece, service, rooms, bands)
    for (pool_key, period_index), replicas_on in held.items():
        pool = program.candidates.pools[pool_key]
        nodes = model.hosts[pool_key, period_index]
        chips = [float(candidate.accelerators) for candidate, _ in replicas_on]
        used = linear(chips, [model.replicas[key] for _, key in replicas_on])
        program.require("hosting", (pool_key, period_index), used <= pool.node.accelerators * nodes)
        program.require("hosts_fit", (pool_key, period_index), nodes <= model.work[pool_key])
        for piece in night.slices_at_night(program, program.candidates.periods[period_index]):
            awake = night.declared_hosts(program, pool_key, piece)
            if awake is not None:
                used = linear(chips, [night.standing(program, key, piece) for _, key in replicas_on])
                program.require("hosting_then", (pool_key, piece.index), used <= pool.node.accelerators * awake)
                program.require("hosts_rest", (pool_key, piece.index), awake <= nodes)
    _availability(program)


def _in_one_band(program: Program, key: tuple[str, int, int], bands: list[Band], is_open: Any) -> None:
    """Put all replicas behind a balancer into one band: Σ r_b = replicas, lo·w_b ≤ r_b ≤ hi·w_b, Σ w_b ≤ open."""
    model = program.model
    count = range(len(bands))
    program.require("banded", key, total(model.banded[*key, place] for place in count) == model.replicas[key])
    program.require("one_band", key, total(model.band[*key, place] for place in count) <= is_open)
    for place, band in enumerate(bands):
        replicas, chosen = model.banded[*key, place], model.band[*key, place]
        program.require("band_least", (*key, place), band.low * chosen <= replicas)
        program.require("band_most", (*key, place), replicas <= band.high * chosen)


def _availability(program: Program) -> None:
    """Keep a service available on all owned pools that it uses together.

    replicas ≤ ⌈peak/rate⌉·uses[p],   Σ_p uses[p] ≤ 1 + pair + (pools − 1)·many,   pair + many ≤ 1
    Σ of the spare steps of p at the target for one, two, all pools ≥ uses[p] (+ pair − 1, + many − 1)
    """
    for service, candidates in program.candidates.serving.items():
        asked = program.problem.inference[service].availability_pct
        keys = sorted({c.pool.key for c in candidates if not c.pool.rented})
        if asked is None or not keys:
            continue
        targets = joint_targets(asked, len(keys))
        if max(targets.values()) <= program.problem.settings.spare_target_pct:
            continue
        uses = {key: program.var("uses", (service, key), ub=1, binary=True) for key in keys}
        spread = {count: program.var("over_pools", (service, count), ub=1, binary=True) for count in list(targets)[1:]}
        if spread:
            program.require("over_pools", service, total(spread.values()) <= 1)
            most = 1 + total((count - 1) * chosen for count, chosen in spread.items())
            program.require("pools_used", service, total(uses.values()) <= most)
        for key, used in uses.items():
            for count, target in targets.items():
                least = used if count == 1 else used + total(v for c, v in spread.items() if c >= count) - 1
                _kept_available(program, service, key, count, (asked, target), least)
            for period in program.candidates.periods:
                for index, candidate in enumerate(candidates):
                    if candidate.pool.key == key and period.peak_of(service) is not None:
                        replicas = program.model.replicas[service, index, period.index]
                        program.require("available", (service, index, period.index), replicas <= replicas.ub * used)


def _kept_available(
    program: Program, service: str, key: str, count: int, asked_target: tuple[float, float], least: Any
) -> None:
    """Let the spares of a pool, and those that it shares with pools of its node, reach a target if ``least`` is 1."""
    asked, target = asked_target
    if target <= program.problem.settings.spare_target_pct:
        return
    together = spares_together(program, key)
    if together:
        program.require(
            "availability_together", (service, key, count), total(v for t, v in together if t >= target) >= least
        )
    among = "" if count == 1 else f" among {count} pools"
    program.require(
        "availability",
        (service, key, count),
        total(v for t, _, _, v in spare_variables(program, key) if t >= target) >= least,
        row=f"inference.csv: {service} availability_pct",
        sentence=f"the spares of {key} keep {service} available {asked:g} % of the time{among}",
    )


def dealt(program: Program, key: tuple[str, int, int]) -> dict[str, int]:
    """Return the failure domains of a candidate in a solution, its own nodes in them, and what one of them holds."""
    spread = program.model.component("spread")
    domains = sum(k[3] * whole(v) for k, v in spread.items() if k[:3] == key) if spread is not None else 0
    if not domains:
        return {}
    own = domains * whole(program.model.nodes_each[(*key, domains)])
    lost = -(-whole(program.model.replicas[key]) // domains)
    return {"own_nodes": own, "domains": domains, "lost_replicas": lost}


def extract(program: Program) -> list[ServiceRecord]:
    """Return how every part of every service runs, with its times at the peak load that it carries."""
    records = []
    for period in program.candidates.periods:
        for service, peak, _ in period.loads:
            for index, candidate in enumerate(program.candidates.serving[service]):
                replicas = whole(program.model.replicas[service, index, period.index])
                if replicas:
                    load = number(program.model.carried_load[service, index, period.index])
                    by_hour = night.by_hour(program, (service, index, period.index), load)
                    if max([load, *by_hour[1]]) <= _IDLE * peak and not candidate.licence_usd_per_year:
                        continue  # free chips of a node that hosts anyway: a replica there carries and costs nothing
                    record = _record(program, candidate, replicas, load)
                    awake = {"awake": by_hour[0], "hourly_requests_per_s": by_hour[1]}
                    record = record.model_copy(update=dealt(program, (service, index, period.index)) | awake)
                    records += [record.model_copy(update={"year": year}) for year in period.years]
    return records


def _record(program: Program, candidate: ServingCandidate, replicas: int, load: float) -> ServiceRecord:
    problem = program.problem
    service = problem.inference[candidate.service]
    servers, expected = servers_of(service, replicas), candidate.expected
    where = (
        serving_task_of(service, problem, candidate.speculation),
        cluster_for(problem, candidate.pool.node.name, candidate.pool.fabric.name),
        candidate.layout,
        candidate.variant,
        engine_for(problem.software[candidate.software], service),
    )
    name = replica_name(service, candidate.pool.node.name, candidate.pool.fabric.name, where, candidate.rtt_ms)
    factor = rate_factor(problem.corrections, name)
    most = promised_rate(service, expected, where, candidate.rtt_ms, servers, factor)
    assert most is not None  # the candidate exists because it keeps its promises
    rate = min(load / replicas, most.requests_per_s)
    promise = promise_of(service, candidate.rtt_ms)
    point = at_expected(expected, where, rate, service.percentile, promise, servers)
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
        capacity_requests_per_s=replicas * most.requests_per_s,
        saturated_requests_per_s=replicas * candidate.saturated_requests_per_s,
        utilization=load / (replicas * most.requests_per_s),
        quality_loss_pct=candidate.quality_loss_pct,
        memory_gb=point.memory_gb,
        breakdown_ms=dict(point.breakdown),
        kv_bits=candidate.variant.kv_bits if generates else None,
        speculation=candidate.speculation,
        prefix_cached_pct=service.prefix_cached_pct,
        **layout_columns(candidate.layout),
        ttft_factor=expected.ttft.factor,
        tpot_factor=expected.tpot.factor,
        latency_factor=expected.latency.factor,
        measured_by=expected.measured_by,
    )
