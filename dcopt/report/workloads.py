"""How each workload runs and how near its promise it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcopt.design.records import Design, ServiceRecord, TrainingRecord
from dcopt.report.blocks import Block, Bullet, BulletChart, Section, Text, table
from dcopt.report.numbers import named_years, number, percent

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem
    from dcopt.problem.tables.problem_rows import Service, TrainingJob


def training_section(design: Design, problem: Problem | None) -> Section:
    """Return how the jobs run, and their days against their deadlines."""
    if not design.training:
        return Section("training", "Training", (Text("This design trains nothing."),))
    jobs: dict[str, TrainingJob] = {} if problem is None else dict(problem.training)
    how = named_years(design.training, lambda job: _how_job_runs(job, jobs))
    near = named_years(design.training, _job_promise)
    steps = named_years(design.training, _job_step)
    job = ("job", "years")
    blocks: tuple[Block, ...] = (
        BulletChart("Days of a run against its deadline", _job_bullets(design), "deadline"),
        table(
            "How each job runs",
            (*job, "model", "site", "nodes", "layout", "precision", "software"),
            how,
        ),
        table(
            "How near each job is to its promise",
            (
                "job",
                "years",
                ">days a run",
                ">deadline",
                ">used",
                ">runs a year",
                ">MFU",
                ">TFLOP/s a chip",
                ">goodput",
                ">stops a day",
                ">production ÷ bench",
            ),
            near,
        ),
        table(
            "A step and what it needs",
            (
                "job",
                "years",
                ">step (s)",
                "of which (s)",
                ">memory (GB)",
                ">checkpoint (GB)",
                ">every (s)",
                ">reads GB/s",
            ),
            steps,
        ),
    )
    return Section("training", "Training", blocks)


def _how_job_runs(job: TrainingRecord, jobs: dict[str, TrainingJob]) -> tuple[str, ...]:
    network = "" if job.fabric == "none" else f" on {job.fabric}"
    return (
        job.job,
        jobs[job.job].model if job.job in jobs else "",
        job.site,
        f"{job.nodes:,} × {job.node}{network} ({job.accelerators:,} chips)",
        _layout(job),
        job.precision,
        job.software,
    )


def _layout(job: TrainingRecord) -> str:
    parts = [("tensor", job.tensor), ("pipeline", job.pipeline), ("data", job.data), ("expert", job.expert)]
    parts += [("context", job.context), ("virtual stages", job.virtual_stages)]
    text = ", ".join(f"{name} {size}" for name, size in parts if size > 1) or "one chip"
    text += f", micro-batch {job.micro_batch}"
    if job.recompute != "none":
        text += f", recompute {job.recompute}"
    return text if job.sharding == "none" else f"{text}, shard {job.sharding}"


def _job_promise(job: TrainingRecord) -> tuple[str, ...]:
    return (
        job.job,
        number(job.days, 4),
        number(job.deadline_days, 4),
        percent(job.days / job.deadline_days),
        number(job.runs_per_year),
        percent(job.mfu),
        number(job.tflops_per_accelerator),
        percent(job.goodput),
        number(job.interruptions_per_day),
        number(job.production_factor),
    )


def _job_step(job: TrainingRecord) -> tuple[str, ...]:
    return (
        job.job,
        number(job.step_s),
        _breakdown(job.breakdown_s),
        number(job.memory_gb),
        number(job.checkpoint_gb),
        number(job.checkpoint_interval_s),
        number(job.ingest_gb_per_s),
    )


def _breakdown(parts: dict[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in parts.items() if value)


def _job_bullets(design: Design) -> tuple[Bullet, ...]:
    worst: dict[str, TrainingRecord] = {}
    for job in design.training:
        if job.job not in worst or job.days / job.deadline_days > worst[job.job].days / worst[job.job].deadline_days:
            worst[job.job] = job
    return tuple(Bullet(name, job.days, job.deadline_days, "days") for name, job in worst.items())


def services_section(design: Design, problem: Problem | None) -> Section:
    """Return how the services run, and their times, load and quality against the promises."""
    if not design.inference:
        return Section("services", "Services", (Text("This design serves nothing."),))
    services: dict[str, Service] = {} if problem is None else dict(problem.inference)
    how = named_years(design.inference, lambda part: _how_service_runs(part, services))
    near = named_years(design.inference, lambda part: _service_promise(part, services))
    times = named_years(design.inference, _service_time)
    note = "Times are those of the promised percentile at peak load; TTFT and latency include the round trip."
    if problem is None:
        note += " The problem's tables are not at hand, so the promises themselves are not shown."
    part = ("service", "years")
    blocks: tuple[Block, ...] = (
        BulletChart("Times of each service against its promises", _service_bullets(design, services), "promise"),
        BulletChart("Peak load of each service against what its replicas carry", _load_bullets(design), "capacity"),
        table(
            "How each service runs",
            (
                *part,
                "model",
                "site",
                "replicas",
                "node",
                "precision",
                "variant",
                ">KV bits",
                "software",
                "decoding",
                ">batch",
            ),
            how,
        ),
        table(
            "How near each service is to its promise (actual / promise)",
            (*part, ">percentile", ">TTFT (ms)", ">TPOT (ms)", ">latency (ms)", ">quality loss (%)"),
            near,
        ),
        table(
            "Load of each service",
            (
                "service",
                "years",
                "site",
                ">peak requests/s",
                ">capacity",
                ">utilization",
                ">round trip (ms)",
                "time (ms)",
            ),
            times,
        ),
        Text(note),
    )
    return Section("services", "Services", blocks)


def _how_service_runs(part: ServiceRecord, services: dict[str, Service]) -> tuple[str, ...]:
    split = _split(part)
    chips = f"{part.accelerators_per_replica} chip" + ("s" if part.accelerators_per_replica > 1 else "")
    network = "" if part.fabric == "none" else f" on {part.fabric}"
    return (
        part.service,
        services[part.service].model if part.service in services else "",
        part.site,
        f"{part.replicas:,} × {chips}" + (f" ({split})" if split else ""),
        f"{part.node}{network}",
        part.precision,
        part.compression,
        "" if part.kv_bits is None else number(part.kv_bits),
        part.software,
        _decoding(part),
        number(part.batch),
    )


def _split(part: ServiceRecord) -> str:
    layout = (
        ("tensor", part.tensor),
        ("pipeline", part.pipeline),
        ("expert", part.expert),
        ("attention-data", part.attention_data),
    )
    worker = ", ".join(f"{name} {size}" for name, size in layout if size > 1)
    if part.mode == "aggregated":
        return worker
    readers = (("tensor", part.prefill_tensor), ("attention-data", part.prefill_attention_data))
    reader = ", ".join(f"{name} {size}" for name, size in readers if size > 1)
    return (
        f"{part.prefill_workers} prefill{f' of {reader}' if reader else ''}"
        f" + {part.decode_workers} decode{f' of {worker}' if worker else ''}"
    )


def _decoding(part: ServiceRecord) -> str:
    """Return what shortens the work on tokens: drafts, and a prefix cache."""
    parts = [] if part.speculation == "none" else [part.speculation]
    if part.prefix_cached_pct:
        parts.append(f"{number(part.prefix_cached_pct)} % of input cached")
    return ", ".join(parts)


def _against(value: float | None, promise: float | None) -> str:
    if value is None:
        return ""
    return number(value, 4) if promise is None else f"{number(value, 4)} / {number(promise, 4)}"


def _service_promise(part: ServiceRecord, services: dict[str, Service]) -> tuple[str, ...]:
    asked = services.get(part.service)
    return (
        part.service,
        f"p{number(part.percentile, 4)}",
        _against(part.ttft_ms, None if asked is None else asked.ttft_ms),
        _against(part.tpot_ms, None if asked is None else asked.tpot_ms),
        _against(part.latency_ms, None if asked is None else asked.latency_ms),
        _against(part.quality_loss_pct, None if asked is None else asked.max_quality_loss_pct),
    )


def _service_time(part: ServiceRecord) -> tuple[str, ...]:
    return (
        part.service,
        part.site,
        number(part.requests_per_s, 4),
        number(part.capacity_requests_per_s, 4),
        percent(part.utilization),
        number(part.rtt_ms),
        _breakdown(part.breakdown_ms),
    )


def _service_bullets(design: Design, services: dict[str, Service]) -> tuple[Bullet, ...]:
    worst: dict[tuple[str, str], Bullet] = {}
    for part in design.inference:
        asked = services.get(part.service)
        if asked is None:
            continue
        figures = (
            ("TTFT", part.ttft_ms, asked.ttft_ms),
            ("TPOT", part.tpot_ms, asked.tpot_ms),
            ("latency", part.latency_ms, asked.latency_ms),
        )
        for name, value, promise in figures:
            key = (part.service, name)
            if value is None or promise is None or (key in worst and worst[key].value >= value):
                continue
            worst[key] = Bullet(f"{part.service}: {name}", value, promise, "ms")
    return tuple(worst.values())


def _load_bullets(design: Design) -> tuple[Bullet, ...]:
    """Return peak load against capacity of each service at each place, in the year of the highest use."""
    worst: dict[tuple[str, str, str], Bullet] = {}
    for part in design.inference:
        if part.capacity_requests_per_s <= 0:
            continue
        key = (part.service, part.site, part.node)
        bullet = Bullet(
            f"{part.service} on {part.node}", part.requests_per_s, part.capacity_requests_per_s, "requests/s"
        )
        if key not in worst or worst[key].value / worst[key].limit < bullet.value / bullet.limit:
            worst[key] = bullet
    return tuple(worst.values())
