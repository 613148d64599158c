"""From the rows that a planner wrote to what the models of this room are asked: one reading for all who ask."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcopt.performance.arithmetic import parameters
from dcopt.performance.cluster import Cluster
from dcopt.performance.serving import Layout, Promise, ServingTask, Speculation, Variant
from dcopt.performance.training import TrainingTask
from dcopt.performance.training_records import run_tokens, sequence_length_of, task_of
from dcopt.problem.islands import listed_name
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


PRODUCTION_FACTOR = 1.15
"""Time of a step in production ÷ on the bench, for runs of several nodes. Llama 3.1 405B took 30.84 million GPU-hours
(its model card) where 3.8e25 FLOP at its bench rate of 400 TFLOP/s a chip (arXiv 2407.21783, table 4) and 93 % goodput
take 28.4: a factor of 1.09. Production runs on A100 were measured 23 to 27 % slower than bench runs of the same kind.
This lies between the two; `goodput` comes on top."""


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
    task = task_of(job, model, problem.models[job.teacher] if job.teacher else None)
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


def production_factor(job: TrainingJob, nodes: int) -> float:
    """Return by what a step of ``job`` on ``nodes`` nodes takes longer in production than on the bench."""
    if job.production_factor is not None:
        return job.production_factor
    return PRODUCTION_FACTOR if nodes > 1 else 1.0


def node_mtbf_hours(problem: Problem, node: str, fabric: str) -> float:
    """Return the mean hours between interruptions that one node of a job causes, its share of the network included.

    Of a fabric's parts, each node accounts for its own cables, as many to the spines as the oversubscription leaves,
    and its ports' share of the leaf and spine switches of a two-tier tree.
    """
    row, net = problem.nodes[node], problem.fabrics[fabric]
    per_year = HOURS_PER_YEAR / row.mtbf_hours
    if net.switch is not None:
        switch = problem.switches[net.switch]
        ports = row.nics if net.nics_per_node is None else min(net.nics_per_node, row.nics)
        alone = net.topology == "single-switch"
        trunks = 0.0 if alone else ports / net.oversubscription
        for link, count in ((net.access_link, ports), (net.trunk_link, trunks)):
            per_year += count * problem.links[link].failures_pct_per_year / 100.0 if link else 0.0
        per_year += (1.0 if alone else 3.0) * ports / switch.ports * switch.failures_pct_per_year / 100.0
    return HOURS_PER_YEAR / per_year


def run_days(steps: int, step_s: float, goodput: float, production: float) -> float:
    """Return the elapsed days of a run, failures, checkpoints and what production adds included."""
    return steps * step_s * production / goodput / SECONDS_PER_DAY


def ingest_gb_per_s(run: Run, days: float) -> float:
    """Return the read rate of a run's dataset as it is before the codec, GB/s."""
    return run.read_tb * 1000 / (days * SECONDS_PER_DAY)


def read_kiops(run: Run, days: float) -> float:
    """Return the samples that a run reads each second of its dataset, in thousands (0 without a dataset)."""
    return run.samples / (days * SECONDS_PER_DAY) / 1000 if run.read_tb else 0.0


NO_SPECULATION = "none"
"""What a design says where tokens are decoded one by one."""


def serving_task_of(service: Service, problem: Problem, speculation: str = NO_SPECULATION) -> ServingTask:
    """Return what one request of ``service`` computes, decoded with a row of speculation.csv (or one by one)."""
    model = problem.models[service.model]
    tokens = service.input_tokens or model.default_tokens
    return ServingTask(
        model=model,
        input_tokens=tokens,
        output_tokens=service.output_tokens,
        cached_prefix_tokens=tokens * service.prefix_cached_pct / 100,
        speculation=speculation_of(problem, speculation),
    )


def speculation_of(problem: Problem, name: str) -> Speculation | None:
    """Return the speculative decoding that a row of speculation.csv describes; None for ``none``.

    Raises `KeyError` for a name that the table does not have.
    """
    if name == NO_SPECULATION:
        return None
    row = problem.speculation[name]
    drafts = row.method == "draft"
    return Speculation(
        name=row.name,
        draft_tokens=row.draft_tokens,
        acceptance=row.acceptance,
        draft=problem.models[row.draft_model] if drafts and row.draft_model else None,
        mtp_layers=0 if drafts else row.mtp_layers,
    )


def weights_gb(service: Service, problem: Problem) -> float:
    """Return the size of a service's weights as they are stored, GB: 2 bytes a parameter, however they are served."""
    return 2.0 * parameters(problem.models[service.model]) / 1e9


def rtt_ms(service: Service, site: str, problem: Problem) -> float:
    """Return the round trip from the service's users to ``site`` and through its balancer, ms.

    The way is 0 without a region, and of several regions the longest.
    """
    trips = (problem.regions.get(f"{region}/{site}") for region in service.region)
    return max((row.rtt_ms for row in trips if row is not None), default=0.0) + service.balancer_ms


def promise_of(service: Service, rtt_ms: float) -> Promise:
    """Return the promises of a service net of the round trip to its users."""
    return Promise(
        ttft_ms=None if service.ttft_ms is None else service.ttft_ms - rtt_ms,
        tpot_ms=service.tpot_ms,
        latency_ms=None if service.latency_ms is None else service.latency_ms - rtt_ms,
    )


Where = tuple[ServingTask, Cluster, Layout, Variant, Software]
"""A replica: what it is asked, on which chips, split how, as which variant, under which engine."""


def servers_of(service: Service, replicas: int) -> int:
    """Return the replicas that share one stream of arrivals, of ``replicas`` that are alike at one site."""
    return replicas if service.balancer == "pooled" else 1


def replica_name(service: Service, node: str, fabric: str, where: Where, trip_ms: float) -> str:
    """Return a name of what a replica of ``service`` runs on ``node``, in all that decides its rate: not the island."""
    task, cluster, layout, variant, software = where
    spans = layout.accelerators > cluster.accelerators_per_node
    drafts = task.speculation.name if task.speculation else NO_SPECULATION
    made = (repr(layout), repr(variant), software.name, drafts)
    return " ".join((service.name, node, listed_name(fabric) if spans else "-", *made, f"{trip_ms:g}"))
