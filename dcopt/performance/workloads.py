"""From the rows that a planner wrote to what the models of this room are asked: one reading for all who ask."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dcopt.performance.cluster import Cluster
from dcopt.performance.serving import ReplicaLayout, ServingPrediction, ServingTask, Variant, largest_rate
from dcopt.performance.training import TrainingTask
from dcopt.performance.training_records import run_tokens, sequence_length_of
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Software
from dcopt.problem.tables.problem_rows import Service, TrainingJob

SECONDS_PER_DAY = 86_400.0
DAYS_PER_YEAR = 365.0
HOURS_PER_YEAR = 8_760.0

TRAINING_LOSS_PCT = {"fp8": 0.25}
"""Loss of training in that precision against 16 bit, % (DeepSeek-V3, arXiv 2412.19437, section 3.3: relative error of
the training loss below 0.25 %). Precisions that are not listed are the 16-bit reference or wider."""

CHECKPOINT_WRITE_SECONDS = (30.0, 120.0, 600.0)
"""Levels of checkpoint bandwidth that a training candidate may assume: the time that one checkpoint takes to write."""

CHECKPOINTS_KEPT = 2
"""Checkpoints of each running job that are kept (design.md, section 4)."""


@dataclass(frozen=True)
class Run:
    """One run of a training job: its task, its tokens and its optimizer steps."""

    task: TrainingTask
    tokens: float
    steps: int
    samples: float
    """Sequences read in one run."""
    read_tb: float
    """Bytes of its dataset read in one run, before the codec, TB (0 without a dataset)."""


def run_of(job: TrainingJob, problem: Problem) -> Run:
    """Return what one run of ``job`` computes and reads."""
    model = problem.models[job.model]
    length = sequence_length_of(job, model)
    task = TrainingTask(
        model=model,
        sequence_length=length,
        global_batch=job.global_batch,
        optimizer=job.optimizer,
        method=job.method,
    )
    tokens = run_tokens(job, model)
    return Run(
        task=task,
        tokens=tokens,
        steps=math.ceil(tokens / (job.global_batch * length) - 1e-9),
        samples=tokens / length,
        read_tb=_read_tb(job, problem, tokens),
    )


def _read_tb(job: TrainingJob, problem: Problem, tokens: float) -> float:
    if job.dataset is None:
        return 0.0
    dataset = problem.datasets[job.dataset]
    epochs = job.epochs if dataset.dataset_tokens is None else tokens / dataset.dataset_tokens
    return dataset.size_tb * epochs


def run_days(steps: int, step_s: float, goodput: float) -> float:
    """Return the elapsed days of a run, failures and checkpoints included."""
    return steps * step_s / goodput / SECONDS_PER_DAY


def ingest_gb_per_s(run: Run, days: float) -> float:
    """Return the read rate of a run's dataset as it is before the codec, GB/s."""
    return run.read_tb * 1000 / (days * SECONDS_PER_DAY)


def read_kiops(run: Run, days: float) -> float:
    """Return the samples that a run reads each second of its dataset, in thousands (0 without a dataset)."""
    return run.samples / (days * SECONDS_PER_DAY) / 1000 if run.read_tb else 0.0


def serving_task_of(service: Service, problem: Problem) -> ServingTask:
    """Return what one request of ``service`` computes."""
    model = problem.models[service.model]
    return ServingTask(
        model=model,
        input_tokens=service.input_tokens or model.default_tokens,
        output_tokens=service.output_tokens,
    )


def rtt_ms(service: Service, site: str, problem: Problem) -> float:
    """Return the round trip from the service's users to ``site``, ms (0 without a region)."""
    if service.region is None:
        return 0.0
    return next(
        (row.rtt_ms for row in problem.regions.values() if (row.region, row.site) == (service.region, site)), 0.0
    )


def stacked_loss_pct(losses: list[float]) -> float:
    """Return the loss of stacked variants, 1 − Π(1 − lossᵢ), negatives counted as 0, % (design.md, section 4)."""
    kept = 1.0
    for loss in losses:
        kept *= 1 - max(loss, 0.0) / 100
    return (1 - kept) * 100


Where = tuple[ServingTask, Cluster, ReplicaLayout, Variant, Software]
"""A replica: what it is asked, on which chips, split how, as which variant, under which engine."""


def servers_of(service: Service, replicas: int) -> int:
    """Return the replicas that share one stream of arrivals, of ``replicas`` that are alike at one site."""
    return replicas if service.balancer == "pooled" else 1


def replica_name(service: Service, node: str, fabric: str, where: Where, trip_ms: float) -> str:
    """Return a name of what a replica of ``service`` runs on ``node``, in all that decides its rate."""
    _, cluster, layout, variant, software = where
    spans = layout.accelerators > cluster.accelerators_per_node
    parts = (service.name, node, fabric if spans else "-", repr(layout), repr(variant), software.name, f"{trip_ms:g}")
    return " ".join(parts)


def promised_rate(
    service: Service, where: Where, trip_ms: float, servers: int = 1, factor: float = 1.0
) -> ServingPrediction | None:
    """Return the largest operating point of each of ``servers`` replicas that keeps the promises of ``service``.

    Its rate is ``factor`` times the predicted one, where a simulation corrected it (`dcopt.problem.corrections`).
    None where a simulation found that no rate keeps them, or where the round trip of ``trip_ms`` or a request alone
    already misses one.
    """
    if factor <= 0.0:
        return None
    ttft, latency = (None if limit is None else limit - trip_ms for limit in (service.ttft_ms, service.latency_ms))
    if any(budget is not None and budget <= 0 for budget in (ttft, latency)):
        return None
    point = largest_rate(
        *where,
        percentile=service.percentile,
        ttft_ms=ttft,
        tpot_ms=service.tpot_ms,
        latency_ms=latency,
        servers=servers,
    )
    if point is None or factor == 1.0:
        return point
    return replace(point, requests_per_s=point.requests_per_s * factor, utilization=point.utilization * factor)
