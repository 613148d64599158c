"""The ways each training job could run: every legal number of nodes, at the fastest legal layout of each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dcopt.candidates.admitted import Admits, everything
from dcopt.candidates.dominance import undominated
from dcopt.candidates.memory import Memory
from dcopt.candidates.records import Pool, TrainingCandidate, Verdict
from dcopt.economics.commitments import commitments_for
from dcopt.infrastructure.staging import earliest_start_day
from dcopt.performance.cluster import Cluster
from dcopt.performance.compatibility import cluster_for, computes_in, runs_on
from dcopt.performance.expected import Expectation, Expectations, expectations_of
from dcopt.performance.goodput import checkpoint_gb, goodput
from dcopt.performance.measured import LAYOUT_COLUMNS
from dcopt.performance.night import handover_s, lost_s, night_run
from dcopt.performance.power import training_node_kw
from dcopt.performance.training import (
    Layout,
    StepPrediction,
    TrainingTask,
    Way,
    best_step,
    best_steps_on,
    legal_node_counts,
)
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
from dcopt.problem.demand import asked_in, days_allowed, is_alive
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.building_rows import HOURS_PER_DAY
from dcopt.problem.tables.catalog_rows import Software
from dcopt.problem.tables.problem_rows import TrainingJob

Option = tuple[str, str]
"""A precision and a framework, by name."""


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
    largest: dict[str, dict[str, int]] = field(init=False)
    """Nodes of the largest pool, by node and fabric (all islands of one together)."""
    offers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    possible: dict[tuple[object, ...], list[TrainingCandidate]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what is to be expected of predictions; raises `InputError` for a measurement that cannot be used."""
        self.expectations = expectations_of(self.problem)
        self.windows = windows_of_day(self.problem)
        self.largest = {}
        for pool in self.pools:
            of_node = self.largest.setdefault(pool.node.name, {})
            fabric = pool.fabric.listed.name
            of_node[fabric] = max(pool.max_nodes, of_node.get(fabric, 0))

    def admissible(self, job: TrainingJob) -> dict[str, list[TrainingCandidate]]:
        """Return, by pool, the candidates of ``job`` that keep its promises; none if a year of it has none anywhere."""
        kept: dict[str, list[TrainingCandidate]] = {}
        hardest: dict[str, Verdict] = {}
        every_year = True
        ways = asked_in(self.problem, job, self.problem.years)
        for asked, years in ways:
            found = self._asked(asked, years if len(ways) > 1 else (), hardest)
            every_year = every_year and any(found.values())
            for key, of_pool in found.items():
                kept.setdefault(key, []).extend(of_pool)
        self.verdicts += hardest.values()
        return kept if every_year else {key: [] for key in kept}

    def _asked(
        self, job: TrainingJob, years: tuple[int, ...], hardest: dict[str, Verdict]
    ) -> dict[str, list[TrainingCandidate]]:
        """Return, by pool, the candidates of a job as it is asked in some years; keep the verdict that is worst."""
        run = run_of(job, self.problem)
        kept: dict[str, list[TrainingCandidate]] = {}
        for pool in self.pools:
            if job.sites and pool.site not in job.sites:
                continue
            possible = self._possible(job, run, pool)
            if years:
                possible = [replace(one, years=years) for one in possible]
            limit = days_allowed(self.problem, job, self._first_day(job, pool))
            there = fastest([candidate for candidate in possible if candidate.days <= limit])
            if job.preemptible and not pool.rented:
                there += self._at_night(job, pool, fastest(possible))
            if commitments_for(self.problem, pool.site, pool.node.name) and pool.rented:
                there += [replace(one, committed=True) for one in there]
            kept[pool.key] = [one if one.pool is pool else replace(one, pool=pool) for one in there]
            verdict = _verdict(job, pool, possible, kept[pool.key], limit)
            if pool.key not in hardest or verdict.shortfall > hardest[pool.key].shortfall:
                hardest[pool.key] = verdict
        return kept

    def _first_day(self, job: TrainingJob, pool: Pool) -> float:
        """Return the day from which a job may start on a pool in the year in which it may start first.

        In years in which the pool serves only later what ends too late is forbidden by the program.
        """
        names, horizon = (pool.site, pool.node.name, pool.fabric.name), self.problem.settings.horizon_years
        years = [year for year in self.problem.years if is_alive(job, year, horizon)]
        return min(earliest_start_day(self.problem, job, *names, (year,)) for year in years or self.problem.years)

    def _at_night(self, job: TrainingJob, pool: Pool, possible: list[TrainingCandidate]) -> list[TrainingCandidate]:
        """Return the ways that end in time in some hours of the day only; they start as those hours begin."""
        found = []
        earliest = self._first_day(job, pool)
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

    def _possible(self, job: TrainingJob, run: Run, pool: Pool) -> list[TrainingCandidate]:
        """Return the candidates on a pool, whatever is promised; on such nodes at other sites they are the same."""
        # all of the job: it may ask for something else every year
        key = (job, pool.node.name, pool.fabric.listed.name, *self._options(job, pool))
        if key not in self.possible:
            self.possible[key] = [
                candidate
                for (precision, software), steps in self._best_steps(job, run, pool).items()
                for nodes, step in steps.items()
                for candidate in self._with_checkpoints(job, run, pool, nodes, step, self.problem.software[software])
            ]
        return [candidate for candidate in self.possible[key] if candidate.nodes <= pool.max_nodes]

    def _options(self, job: TrainingJob, pool: Pool) -> tuple[Option, ...]:
        """Return the (precision, framework) that can run a job on the chips of a pool."""
        accelerator = self.problem.accelerators[pool.node.accelerator]
        if pool.site not in self.offers:
            self.offers[pool.site] = tuple(offered(self.problem, "software", pool.site))
        return tuple(
            (precision, name)
            for precision in job.precisions
            if self.admits(job.name, pool, precision)
            and (job.max_quality_loss_pct is None or TRAINING_LOSS_PCT.get(precision, 0.0) <= job.max_quality_loss_pct)
            and accelerator.peak_tflops(precision) is not None
            for name in self.offers[pool.site]
            if runs_on(self.problem.software[name], accelerator, "training")
            and computes_in(self.problem.software[name], precision)
        )

    def _best_steps(self, job: TrainingJob, run: Run, pool: Pool) -> dict[Option, dict[int, StepPrediction]]:
        """Return by option the fastest step of each number of nodes, predicted or measured, where it can count."""
        options = self._options(job, pool)
        cluster = cluster_for(self.problem, pool.node.name, pool.fabric.name, job.requires)
        ways = tuple(self._way(job, pool, *option) for option in options)
        predicted = dict(zip(options, self._predicted(job, run.task, pool, ways), strict=True))
        for option in options if self.expectations.measured else ():
            software = self.problem.software[option[1]]
            steps = predicted[option] = dict(predicted[option])
            measured = measured_steps(self.expectations, job, run, pool, cluster, option[0], software)
            for nodes, step in measured.items():
                if nodes not in steps or self._time(job, pool, step, option[1]) < self._time(
                    job, pool, steps[nodes], option[1]
                ):
                    steps[nodes] = step
        return predicted

    def _way(self, job: TrainingJob, pool: Pool, precision: str, name: str) -> Way:
        """Return an option as the search takes it."""
        software, names = self.problem.software[name], (pool.node.name, pool.fabric.name, precision, name)
        alone, together = (self.expectations.training(job, *names, nodes, Layout()).factor for nodes in (1, 2))
        return Way(precision, software, alone, together, software.licence_usd_per_accelerator_year)

    def _predicted(
        self, job: TrainingJob, task: TrainingTask, pool: Pool, ways: tuple[Way, ...]
    ) -> list[dict[int, StepPrediction]]:
        """Return the best steps of every way on a pool's nodes, by number of nodes.

        What another way does faster is left out, unless steps were measured: those may be of some layouts only.
        """
        if self.expectations.measured:
            return [self._searched(job, task, pool, (way,))[0] for way in ways]
        return self._searched(job, task, pool, ways) if ways else []

    def _searched(
        self, job: TrainingJob, task: TrainingTask, pool: Pool, ways: tuple[Way, ...]
    ) -> list[dict[int, StepPrediction]]:
        """Search a pool's nodes on all fabrics at once, as far as that is not in the memory."""
        node, steps = pool.node.name, self.memory.steps
        told = tuple((way.precision, way.software.name, way.alone, way.together, way.rank) for way in ways)
        largest, asked = self.largest[node], pool.fabric.listed.name
        keys = {fabric: (task, node, fabric, largest[fabric], told, job.requires) for fabric in largest}
        if keys[asked] not in steps:
            fabrics = [fabric for fabric, key in keys.items() if key not in steps]
            clusters = [cluster_for(self.problem, node, fabric, job.requires) for fabric in fabrics]
            sizes = [legal_node_counts(task, c, largest[f]) for c, f in zip(clusters, fabrics, strict=True)]
            for fabric, of_fabric in zip(fabrics, best_steps_on(task, clusters, sizes, ways), strict=True):
                steps[keys[fabric]] = of_fabric
        return steps[keys[asked]]

    def _expected(self, job: TrainingJob, pool: Pool, step: StepPrediction, software: str) -> Expectation:
        nodes = step.accelerators // pool.node.accelerators
        return self.expectations.training(
            job, pool.node.name, pool.fabric.name, step.precision, software, nodes, step.layout
        )

    def _time(self, job: TrainingJob, pool: Pool, step: StepPrediction, software: str) -> float:
        return step.step_s * self._expected(job, pool, step, software).factor

    def _with_checkpoints(
        self, job: TrainingJob, run: Run, pool: Pool, nodes: int, step: StepPrediction, software: Software
    ) -> Iterable[TrainingCandidate]:
        size_gb = checkpoint_gb(run.task.model, job.optimizer, job.method)
        mtbf_hours = node_mtbf_hours(self.problem, pool.node.name, pool.fabric.name)
        slower = production_factor(job, nodes)
        expected = self._expected(job, pool, step, software.name)
        for seconds in CHECKPOINT_WRITE_SECONDS:
            bandwidth = size_gb / seconds
            kept = goodput(nodes, mtbf_hours, size_gb, bandwidth)
            days = run_days(run.steps, step.step_s * expected.factor, kept.fraction, slower)
            fastest = days / max(1.0, expected.factor)
            yield TrainingCandidate(
                job=job.name,
                runs=job.runs_per_year,
                pool=pool,
                nodes=nodes,
                step=step,
                software=software.name,
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
        return Verdict(
            *names, 0, "no time", "what is bought stands there, or its data arrives, only after its due_day", 1e9
        )
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
