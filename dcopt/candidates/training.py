"""The ways each training job could run: every legal number of nodes, at the fastest legal layout of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dcopt.candidates.admitted import Admits, everything
from dcopt.candidates.dominance import undominated
from dcopt.candidates.memory import Memory
from dcopt.candidates.records import Pool, TrainingCandidate, Verdict
from dcopt.infrastructure.staging import earliest_start_day
from dcopt.performance.cluster import Cluster
from dcopt.performance.compatibility import cluster_for, computes_in, runs_on
from dcopt.performance.expected import Expectation, Expectations, expectations_of
from dcopt.performance.goodput import checkpoint_gb, goodput
from dcopt.performance.measured import LAYOUT_COLUMNS
from dcopt.performance.night import handover_s, lost_s, night_run
from dcopt.performance.power import training_node_kw
from dcopt.performance.training import StepPrediction, best_step, best_steps, legal_node_counts
from dcopt.performance.workloads import (
    CHECKPOINT_WRITE_SECONDS,
    TRAINING_LOSS_PCT,
    Run,
    ingest_gb_per_s,
    node_mtbf_hours,
    production_factor,
    read_kiops,
    run_days,
    run_of,
)
from dcopt.problem.day import Hours, windows_of_day
from dcopt.problem.demand import days_allowed
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.building_rows import HOURS_PER_DAY
from dcopt.problem.tables.catalog_rows import Software
from dcopt.problem.tables.problem_rows import TrainingJob


@dataclass
class TrainingGenerator:
    """Generates candidates and keeps what sites share: a step time depends on node and fabric, not on the site."""

    problem: Problem
    pools: tuple[Pool, ...]
    memory: Memory = field(default_factory=Memory)
    """Of this problem; shared with the problems that predictions cannot tell from it."""
    admits: Admits = everything
    verdicts: list[Verdict] = field(default_factory=list)
    expectations: Expectations = field(init=False)
    windows: tuple[Hours, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Read what is to be expected of predictions; raises `InputError` for a measurement that cannot be used."""
        self.expectations = expectations_of(self.problem)
        self.windows = windows_of_day(self.problem)

    def admissible(self, job: TrainingJob) -> dict[str, list[TrainingCandidate]]:
        """Return, by pool, the candidates of ``job`` that keep its promises."""
        run = run_of(job, self.problem)
        kept: dict[str, list[TrainingCandidate]] = {}
        for pool in self.pools:
            if job.sites and pool.site not in job.sites:
                continue
            possible = list(self._possible(job, run, pool))
            limit = days_allowed(self.problem, job, earliest_start_day(self.problem, job, pool.site))
            kept[pool.key] = fastest([candidate for candidate in possible if candidate.days <= limit])
            if job.preemptible and not pool.rented:
                kept[pool.key] += self._at_night(job, pool, fastest(possible))
            self.verdicts.append(_verdict(job, pool, possible, kept[pool.key], limit))
        return kept

    def _at_night(self, job: TrainingJob, pool: Pool, possible: list[TrainingCandidate]) -> list[TrainingCandidate]:
        """Return the ways that end in time in some hours of the day only; they start as those hours begin."""
        found = []
        earliest = earliest_start_day(self.problem, job, pool.site)
        handover = handover_s(self.problem)
        for hours in self.windows:
            part = hours[0] / HOURS_PER_DAY
            limit = days_allowed(self.problem, job, math.ceil(earliest - part - 1e-9) + part)
            for one in possible:
                lost = lost_s(one.goodput.checkpoint_write_s, handover)
                run = night_run(one.days, len(hours), lost)
                if run is not None and run.days <= limit:
                    times = replace(one, days=run.days, nights=run.nights, lost_s=lost, alone_days=one.days)
                    found.append(replace(times, hours=hours))
        return found

    def _possible(self, job: TrainingJob, run: Run, pool: Pool) -> Iterable[TrainingCandidate]:
        for precision in job.precisions:
            if not self.admits(job.name, pool, precision):
                continue
            loss = TRAINING_LOSS_PCT.get(precision, 0.0)
            if job.max_quality_loss_pct is not None and loss > job.max_quality_loss_pct:
                continue
            for name, offer in offered(self.problem, "software", pool.site).items():
                for nodes, step in self._best_steps(job, run, pool, precision, offer.row).items():
                    yield from self._with_checkpoints(job, run, pool, nodes, step, name, offer.row)

    def _best_steps(
        self, job: TrainingJob, run: Run, pool: Pool, precision: str, software: Software
    ) -> Mapping[int, StepPrediction]:
        accelerator = self.problem.accelerators[pool.node.accelerator]
        if not runs_on(software, accelerator, "training") or accelerator.peak_tflops(precision) is None:
            return {}
        if not computes_in(software, precision):
            return {}
        largest, steps = self._largest_pool(pool), self.memory.steps
        key = (job.name, pool.node.name, pool.fabric.listed.name, precision, software.name, largest)
        if key not in steps:
            cluster = cluster_for(self.problem, pool.node.name, pool.fabric.name, job.requires)
            sizes = legal_node_counts(run.task, cluster, largest)
            best = best_steps(run.task, cluster, sizes, precision, software)
            measured = measured_steps(self.expectations, job, run, pool, cluster, precision, software)
            steps[key] = dict(best) | {
                nodes: step
                for nodes, step in measured.items()
                if nodes not in best
                or self._time(job, pool, step, software) < self._time(job, pool, best[nodes], software)
            }
        return {nodes: step for nodes, step in steps[key].items() if nodes <= pool.max_nodes}

    def _expected(self, job: TrainingJob, pool: Pool, step: StepPrediction, software: Software) -> Expectation:
        nodes = step.accelerators // pool.node.accelerators
        return self.expectations.training(
            job, pool.node.name, pool.fabric.name, step.precision, software.name, nodes, step.layout
        )

    def _time(self, job: TrainingJob, pool: Pool, step: StepPrediction, software: Software) -> float:
        return step.step_s * self._expected(job, pool, step, software).factor

    def _largest_pool(self, pool: Pool) -> int:
        names = (pool.node.name, pool.fabric.listed.name)
        return max(p.max_nodes for p in self.pools if (p.node.name, p.fabric.listed.name) == names)

    def _with_checkpoints(
        self,
        job: TrainingJob,
        run: Run,
        pool: Pool,
        nodes: int,
        step: StepPrediction,
        name: str,
        software: Software,
    ) -> Iterable[TrainingCandidate]:
        size_gb = checkpoint_gb(run.task.model, job.optimizer, job.method)
        mtbf_hours = node_mtbf_hours(self.problem, pool.node.name, pool.fabric.name)
        slower = production_factor(job, nodes)
        expected = self._expected(job, pool, step, software)
        for seconds in CHECKPOINT_WRITE_SECONDS:
            bandwidth = size_gb / seconds
            kept = goodput(nodes, mtbf_hours, size_gb, bandwidth)
            days = run_days(run.steps, step.step_s * expected.factor, kept.fraction, slower)
            fastest = days / max(1.0, expected.factor)
            yield TrainingCandidate(
                job=job.name,
                pool=pool,
                nodes=nodes,
                step=step,
                software=name,
                licence_usd_per_year=software.licence_usd_per_accelerator_year * step.accelerators,
                tokens=run.tokens,
                steps=run.steps,
                days=days,
                expected=expected,
                goodput=kept,
                production_factor=slower,
                checkpoint_gb=size_gb,
                checkpoint_gb_per_s=bandwidth,
                ingest_gb_per_s=ingest_gb_per_s(run, fastest),
                read_kiops=read_kiops(run, fastest),
                node_kw=training_node_kw(pool.node),
            )


def fastest(candidates: Iterable[TrainingCandidate]) -> list[TrainingCandidate]:
    """Return, for each number of nodes and checkpoint bandwidth of one pool, what no other does in fewer days.

    Unless that costs more licence. A slower precision or framework on the same nodes would only read its data more
    slowly; nobody plans that on purpose, and the faster run reads no more in all.
    """
    alike: dict[tuple[int, float], list[TrainingCandidate]] = {}
    for candidate in candidates:
        alike.setdefault((candidate.nodes, candidate.checkpoint_gb_per_s), []).append(candidate)
    return [
        candidate
        for of_size in alike.values()
        for candidate in undominated(
            sorted(of_size, key=lambda c: (c.days, c.licence_usd_per_year * c.days)),
            lambda c: (c.days, c.licence_usd_per_year * c.days),
        )
    ]


def measured_steps(
    expectations: Expectations,
    job: TrainingJob,
    run: Run,
    pool: Pool,
    cluster: Cluster,
    precision: str,
    software: Software,
) -> dict[int, StepPrediction]:
    """Return by number of nodes the layouts of ``job`` that were measured there and fit the memory."""
    found: dict[int, StepPrediction] = {}
    for row in expectations.measured:
        chips = row.row.accelerators or 0
        if (
            row.quantity != "step_s"
            or not row.on(pool.node.uncapped.name, software.name)
            or chips % pool.node.accelerators
        ):
            continue
        fixed: dict[str, int | str] = {
            name: value for name in LAYOUT_COLUMNS if (value := getattr(row.row, name)) is not None
        }
        step = best_step(run.task, cluster, chips, precision, software, fixed)
        if step is not None and row.is_step_of(job, run.task.model, pool.fabric.listed.name, precision, step.layout):
            found[chips // pool.node.accelerators] = step
    return found


def _verdict(
    job: TrainingJob,
    pool: Pool,
    possible: list[TrainingCandidate],
    admissible: list[TrainingCandidate],
    limit: float,
) -> Verdict:
    names = (job.name, pool.site, pool.node.name, pool.fabric.name)
    if not possible:
        return Verdict(*names, 0, "no legal layout", "no layout fits the memory, precisions and software there", 1e9)
    best = min(possible, key=lambda c: (c.days, c.nodes))
    if limit <= 0:
        return Verdict(*names, 0, "no time", "its data arrives there only after its due_day", 1e9)
    nodes = "1 node" if best.nodes == 1 else f"{best.nodes} nodes"
    words = f"{_days(best.days)} days on {nodes} ({best.step.precision}, {best.software})"
    needed = math.ceil(best.nodes * best.days / limit)
    reason = (
        ""
        if admissible
        else f"the fastest takes {_days(best.days)} days where {limit:g} are allowed; "
        f"about {needed:,} such nodes would be needed if more were no less efficient"
    )
    return Verdict(*names, len(admissible), words, reason, best.days / limit)


def _days(days: float) -> str:
    return f"{days:,.0f}" if days >= 1000 else f"{days:.3g}"
