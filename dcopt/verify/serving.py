"""Every service: its rate, its times at the load that it carries, its quality, and its replicas on whole nodes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from dcopt.design.records import Design, ServiceRecord, pool_key
from dcopt.performance.compatibility import (
    applies,
    cluster_for,
    engine_for,
    runs_on,
    secures,
    serves,
    speculates,
    stack_together,
    stacked_loss_pct,
)
from dcopt.performance.expected import Expectations, ServingExpectation, expectations_of
from dcopt.performance.replica_layouts import AGGREGATED, LayoutColumns, layout_from
from dcopt.performance.serving import Disaggregated, Layout, ServingPrediction, variant_of
from dcopt.performance.serving_expected import at_expected, promised_rate
from dcopt.performance.workloads import (
    NO_SPECULATION,
    Where,
    promise_of,
    replica_name,
    rtt_ms,
    servers_of,
    serving_task_of,
)
from dcopt.problem.corrections import rate_factor
from dcopt.problem.demand import is_alive, load_in
from dcopt.problem.lead import start_day
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Compression, Software
from dcopt.problem.tables.problem_rows import Service
from dcopt.verify import night
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that every service is served at its peak in every one of its years, within its promises."""
    horizon = problem.settings.horizon_years
    carried: dict[tuple[str, int], float] = defaultdict(float)
    for record in design.inference:
        carried[record.service, record.year] += record.requests_per_s
    due = {
        (service.name, year): load_in(problem, service, year)[0]
        for year in problem.years
        for service in problem.inference.values()
        if is_alive(service, year, horizon)
    }
    checker.same("inference: services and years", sorted(carried), sorted(due))
    for key, peak in due.items():
        checker.equal(f"inference {key[0]} year {key[1]} requests_per_s", carried.get(key, 0.0), peak)
    known: dict[str, ServingPrediction | None] = {}
    expectations = expectations_of(problem)
    for record in design.inference:
        if record.service in problem.inference:
            _record(problem, record, checker, known, expectations)
    night.check_hours(problem, design, checker)
    _hosting(problem, design, checker)


@dataclass(frozen=True)
class _Way:
    """The replica that a record says runs its service, and what is expected of it."""

    service: Service
    where: Where
    stack: list[Compression]
    trip_ms: float
    expected: ServingExpectation
    name: str
    """Of the replica, for corrections and what is known of it."""


def _record(
    problem: Problem,
    record: ServiceRecord,
    checker: Checker,
    known: dict[str, ServingPrediction | None],
    expectations: Expectations,
) -> None:
    place = f"inference {record.service} on {record.site}/{record.node} year {record.year}"
    late = start_day(problem, record.site, record.node, record.fabric, record.year)
    checker.at_most(f"{place} first day", late, 0.0, "the start of the year (leads.csv)")
    way = _way_of(problem, record, checker, expectations, place)
    if way is None:
        return
    point = _carried(problem, record, way, known, checker, place)
    if point is None:
        return
    _figures(record, way, point, checker, place)
    task, _, layout, _, engine = way.where
    _makes_sense(record, task.model, layout, engine, problem, checker, place)
    _may_run(problem, record, task.model, way.stack, checker, place)


def _way_of(
    problem: Problem, record: ServiceRecord, checker: Checker, expectations: Expectations, place: str
) -> _Way | None:
    """Return the replica that the record states, or None where it states none that exists."""
    service = problem.inference[record.service]
    model = problem.models[service.model]
    known_draft = record.speculation == NO_SPECULATION or record.speculation in problem.speculation
    layout = layout_of(record, model)
    checker.holds(f"{place} speculation", known_draft, record.speculation, "no row of speculation.csv")
    checker.holds(f"{place} mode", layout is not None, record.mode, "no layout that exists")
    if layout is None or not known_draft:
        return None
    task = serving_task_of(service, problem, record.speculation)
    accelerator = problem.accelerators[problem.nodes[record.node].accelerator]
    engine = engine_for(problem.software[record.software], service)
    stack = [problem.compression[name] for name in record.compression.split("+") if name in problem.compression]
    names = [row.name for row in stack]
    variant = variant_of(stack, accelerator, engine)
    checker.same(f"{place} compression", "+".join(names), record.compression)
    if variant is None or record.replicas < 1:
        checker.holds(place, False, "a variant and replicas that run there", "none")
        return None
    trip = rtt_ms(service, record.site, problem)
    expected = expectations.serving(service, task, record.node, names, record.software, layout, variant)
    where = (task, cluster_for(problem, record.node, record.fabric), layout, variant, engine)
    name = replica_name(service, record.node, record.fabric, where, trip)
    return _Way(service, where, stack, trip, expected, name)


def _carried(
    problem: Problem,
    record: ServiceRecord,
    way: _Way,
    known: dict[str, ServingPrediction | None],
    checker: Checker,
    place: str,
) -> ServingPrediction | None:
    """Check that the replicas carry the load at each hour; return a replica's point at its rate, None without one."""
    service, trip = way.service, way.trip_ms

    def rated(count: int) -> ServingPrediction | None:
        key = repr((way.name, way.expected, count))
        if key not in known:
            factor = rate_factor(problem.corrections, way.name)
            known[key] = promised_rate(service, way.expected, way.where, trip, count, factor)
        return known[key]

    servers = servers_of(service, record.replicas)
    most = rated(servers)
    rate, promise = record.requests_per_s / record.replicas, promise_of(service, trip)
    point = at_expected(way.expected, way.where, rate, service.percentile, promise, servers)
    if most is None or point is None:
        checker.holds(f"{place} requests_per_s", False, f"{record.requests_per_s!r}", "a replica cannot carry it")
        return None
    capacity = record.replicas * most.requests_per_s
    checker.at_most(f"{place} requests_per_s", record.requests_per_s, capacity, "capacity of the replicas")
    for awake, load in sorted(set(zip(record.awake, record.hourly_requests_per_s, strict=True))):
        fewer = rated(max(servers_of(service, awake), 1))
        room = 0.0 if fewer is None else awake * fewer.requests_per_s
        checker.at_most(f"{place} hourly_requests_per_s", load, room, f"capacity of {awake} replicas")
    saturated = capacity / most.utilization
    checker.equal(f"{place} capacity_requests_per_s", record.capacity_requests_per_s, capacity)
    checker.equal(f"{place} saturated_requests_per_s", record.saturated_requests_per_s, saturated)
    checker.equal(f"{place} utilization", record.utilization, record.requests_per_s / capacity)
    return point


def _figures(record: ServiceRecord, way: _Way, point: ServingPrediction, checker: Checker, place: str) -> None:
    """Check the record's times, memory and quality against those of a replica, and against the promises."""
    service, trip, stack, expected = way.service, way.trip_ms, way.stack, way.expected
    _, _, layout, variant, _ = way.where
    generates = service.output_tokens > 0
    loss = stacked_loss_pct(stack) if all(row.published_loss_pct is not None for row in stack) else None
    for name, stated, found in (
        ("ttft_ms", record.ttft_ms, point.ttft_ms + trip if generates else None),
        ("tpot_ms", record.tpot_ms, point.tpot_ms if generates else None),
        ("latency_ms", record.latency_ms, point.latency_ms + trip),
        ("rtt_ms", record.rtt_ms, trip),
        ("percentile", record.percentile, service.percentile),
        ("memory_gb", record.memory_gb, point.memory_gb),
        ("quality_loss_pct", record.quality_loss_pct, loss),
        ("ttft_factor", record.ttft_factor, expected.ttft.factor),
        ("tpot_factor", record.tpot_factor, expected.tpot.factor),
        ("latency_factor", record.latency_factor, expected.latency.factor),
        ("accelerators_per_replica", float(record.accelerators_per_replica), float(layout.accelerators)),
        ("kv_bits", record.kv_bits, variant.kv_bits if generates else None),
        ("prefix_cached_pct", record.prefix_cached_pct, service.prefix_cached_pct),
    ):
        checker.equal(f"{place} {name}", stated, found)
    for name in ("ttft_ms", "tpot_ms", "latency_ms"):
        limit, value = getattr(service, name), getattr(record, name)
        if limit is not None and value is not None:
            checker.at_most(f"{place} {name}", value, limit, f"the promise {name}")
    checker.at_most(f"{place} quality_loss_pct", record.quality_loss_pct, service.max_quality_loss_pct, "quality")
    checker.same(f"{place} measured_by", record.measured_by, expected.measured_by)
    checker.same(f"{place} precision", record.precision, variant.precision)
    whole = max(1.0, point.batch)
    checker.holds(f"{place} batch", -1e-6 < record.batch - whole < 1 + 1e-6, f"{record.batch}", f"{point.batch!r}")
    for part in sorted(set(point.breakdown) | set(record.breakdown_ms)):
        checker.equal(f"{place} breakdown_ms {part}", record.breakdown_ms.get(part), point.breakdown.get(part))


def _may_run(
    problem: Problem,
    record: ServiceRecord,
    model: ModelConfig,
    stack: list[Compression],
    checker: Checker,
    place: str,
) -> None:
    """Check that engine and variant are on offer for the model at the site, and the site allowed."""
    service, engine = problem.inference[record.service], problem.software[record.software]
    runs = (
        runs_on(engine, problem.accelerators[problem.nodes[record.node].accelerator], "serving")
        and serves(engine, model)
        and secures(engine, service)
        and record.software in offered(problem, "software", record.site)
    )
    checker.holds(f"{place} software", runs, record.software, "it does not run there")
    allowed = offered(problem, "compression", record.site)
    good = all(applies(row, model) and row.name in allowed for row in stack) and stack_together(stack)
    checker.holds(f"{place} compression", good, record.compression, "no published loss for this model or stack")
    checker.holds(f"{place} site", not service.sites or record.site in service.sites, record.site, "not allowed")


def layout_of(record: ServiceRecord, model: ModelConfig) -> Layout | None:
    """Return the layout that a record states, or None where it states none that exists."""
    columns = LayoutColumns(
        tensor=record.tensor,
        pipeline=record.pipeline,
        expert=record.expert,
        attention_data=record.attention_data,
        mode=record.mode,
        prefill_workers=record.prefill_workers,
        prefill_tensor=record.prefill_tensor,
        prefill_attention_data=record.prefill_attention_data,
        decode_workers=record.decode_workers,
    )
    try:
        return layout_from(columns, model)
    except ValueError:
        return None


def _makes_sense(
    record: ServiceRecord,
    model: ModelConfig,
    layout: Layout,
    engine: Software,
    problem: Problem,
    checker: Checker,
    place: str,
) -> None:
    """Check that the layout and the speculation are ones that the engine can do for the model."""
    workers = (layout.prefill, layout.decode) if isinstance(layout, Disaggregated) else (layout,)
    for worker in workers:
        stage = worker.stage
        spread = (1, stage) if model.experts else (1,)
        checker.holds(f"{place} expert", worker.expert in spread, f"{worker.expert}", f"one of {spread}")
        splits = model.heads % worker.tensor == 0 and (worker.attention_data == 1 or bool(model.experts))
        checker.holds(f"{place} attention_data", splits, f"{worker.attention_data}", "the model cannot be split so")
    able = record.mode == AGGREGATED or engine.disaggregation
    checker.holds(f"{place} mode", able, record.mode, f"{engine.name} cannot do it")
    if record.speculation != NO_SPECULATION:
        row = problem.speculation[record.speculation]
        drafts = speculates(row, model, engine) and row.name in offered(problem, "speculation", record.site)
        checker.holds(f"{place} speculation", drafts, record.speculation, "not for this model, engine or site")


def _hosting(problem: Problem, design: Design, checker: Checker) -> None:
    """Pack the replicas of every pool on its service nodes, largest first."""
    sizes: dict[tuple[str, str, str, int], list[int]] = defaultdict(list)
    records: dict[tuple[str, str, str, int], list[ServiceRecord]] = defaultdict(list)
    for record in design.inference:
        key = (record.site, record.node, record.fabric, record.year)
        sizes[key] += [record.accelerators_per_replica] * record.replicas
        records[key].append(record)
    for pool in design.pools:
        replicas = sizes.pop((pool.site, pool.node, pool.fabric, pool.year), [])
        place = f"pool {pool_key(pool)} year {pool.year} service_nodes"
        needed = nodes_for(replicas, problem.nodes[pool.node].accelerators)
        checker.at_most(place, needed, pool.service_nodes, "nodes that host services")
        for hour, nodes in enumerate(pool.service_nodes_by_hour):
            there = records[pool.site, pool.node, pool.fabric, pool.year]
            awake = [size for r in there for size in [r.accelerators_per_replica] * night.standing(r, hour)]
            needed = nodes_for(awake, problem.nodes[pool.node].accelerators)
            checker.at_most(f"{place} hour {hour}", needed, nodes, "nodes that host services then")
    checker.same("inference: replicas outside pools", sorted(sizes), [])


def nodes_for(replicas: list[int], per_node: int) -> int:
    """Return the whole nodes that replicas of these sizes take, packed first-fit with the largest first."""
    whole = sum(-(-size // per_node) for size in replicas if size >= per_node)
    free: list[int] = []
    for size in sorted((size for size in replicas if size < per_node), reverse=True):
        for index, room in enumerate(free):
            if room >= size:
                free[index] -= size
                break
        else:
            free.append(per_node - size)
    return whole + len(free)
