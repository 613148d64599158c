"""What to expect of a prediction: its error band, what the user measured, and the factor for the asked confidence.

    ln(real ÷ predicted time) ~ N(mean, group² + candidate²)

The band is that of the nearest group (`dcopt.performance.errors`). Measurements of the same configuration replace the
prediction; those of the same family, node and engine calibrate it: with n of them and their mean r, the normal
posterior of the group error is

    weight = group² / (group² + candidate²/n)
    mean' = mean + weight·(r − mean),   group'² = group²·(1 − weight)

so few rows leave the prediction as it is, many replace its bias, and the band narrows. Without `confidence_pct` the
factor is the calibration alone (mean 0 without measurements: predictions as they are); with it, every promise is kept
with a probability of 1 − (1 − confidence)/(promises · `SELECTED_FROM`), so that all of them together are kept with
``confidence_pct`` whatever their errors have to do with each other (Bonferroni), although the cheapest design picks
flattering errors (the optimizer's curse).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from dcopt.performance.errors import Band, Known, Subject, band_among, class_of, known_of, precision_of, quantity_of
from dcopt.performance.measured import Measured, measured_of
from dcopt.performance.serving_records import Disaggregated, ReplicaLayout, ServingTask
from dcopt.performance.training_records import Layout
from dcopt.performance.variants import Variant
from dcopt.problem.problem import Problem
from dcopt.problem.tables.power_rows import Speeds, speeds_of
from dcopt.problem.tables.problem_rows import Service, TrainingJob

MEASUREMENT_SIGMA = 0.02
"""Standard deviation of a measurement repeated at one point (in logarithms): repeated rows of serving_public.csv differ
by 0.9 % in TPOT and 4.4 % in TTFT at the median; 2 % is between them."""
SELECTED_FROM = 8
"""As how many equally good alternatives the choice of a design counts: the best of them is kept at the confidence if
each is (union bound). Fitted on synthetic truth, the three shipped examples with services, 200 draws each: true rates
as predicted, predictions off by group and candidate errors of the shipped bands, the cheapest of 150 to 900
alternatives bought in whole replicas. All promises were kept in 93, 95 and 95 % of the draws where 90 % were asked
(z = 2.7 for three services); with 1 in place of 8 in 52, 79 and 75 %. It does not depend on what is offered, so that
a wider offer never costs more."""
UNKNOWN = Band(0.0, 0.3, 0.3, 0, "", "the table prediction_errors has no row for it")
"""The band where the table says nothing at all (a user may have emptied it): wider than any shipped group of means."""


@dataclass(frozen=True)
class Expectation:
    """What to expect of one predicted figure.

    Attributes
    ----------
    factor: what its time is multiplied by before it is compared with a promise.
    band: the distribution of the real time ÷ the predicted one (its bias is the best estimate, used or not).
    exact, near: ids of the measurements that replace, or calibrate, the prediction.
    """

    factor: float
    band: Band
    exact: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServingExpectation:
    """What to expect of one replica: each time, its rate, and the rate that was measured within the promises."""

    ttft: Expectation
    tpot: Expectation
    latency: Expectation
    measured_rate: float | None = None
    measured_by: str = ""


@dataclass(frozen=True)
class Expectations:
    """The error table, the measurements and the confidence of one problem."""

    problem: Problem
    measured: tuple[Measured, ...]
    percent: float | None
    """Probability, %, with which each single promise is to be kept; None: predictions as they are."""
    known: dict[object, Expectation] = field(default_factory=dict, compare=False, repr=False)
    """Answers so far, by what was asked."""
    replicas: dict[Subject, ServingExpectation] = field(default_factory=dict, compare=False, repr=False)
    groups: dict[tuple[str, str], Known] = field(default_factory=dict, compare=False, repr=False)
    """What the table of errors holds, by task and quantity."""

    def training(
        self, job: TrainingJob, node: str, fabric: str, precision: str, software: str, nodes: int, layout: Layout
    ) -> Expectation:
        """Return what to expect of the step of ``job`` on ``nodes`` nodes."""
        model = self.problem.models[job.model]
        whole = self.problem.nodes[node].uncapped  # a measurement at full power calibrates what is slower by a cap
        chip = whole.accelerator
        extent = "multi-node" if nodes > 1 else "single-node"
        subject = Subject("training", extent, class_of(model), chip, software, precision, model.name)
        fabric = self.problem.fabrics[fabric].listed.name
        rows = [row for row in self.measured if row.quantity == "step_s" and row.on(whole.name, software)]
        exact = [row for row in rows if row.is_step_of(job, model, fabric, precision, layout)]
        return self._expect(subject, "step_s", exact, [row for row in rows if row.family == model.family])

    def serving(
        self,
        service: Service,
        task: ServingTask,
        node: str,
        compression: Sequence[str],
        software: str,
        layout: ReplicaLayout | Disaggregated,
        variant: Variant,
    ) -> ServingExpectation:
        """Return what to expect of a replica of ``service``."""
        whole = self.problem.nodes[node].uncapped
        model, chip = task.model, whole.accelerator
        mode = "disaggregated" if isinstance(layout, Disaggregated) else "aggregated"
        mode = mode if task.generates else "saturated"
        subject = Subject("inference", mode, class_of(model), chip, software, precision_of(variant), model.name)
        rows = [row for row in self.measured if row.task == "inference" and row.on(whole.name, software)]
        if not rows:
            return self._unmeasured(subject, generates=task.generates)
        exact = [row for row in rows if row.is_replica_of(task, compression, layout)]
        found = {}
        for quantity in ("ttft_ms", "tpot_ms", "latency_ms"):
            near = [row for row in rows if row.family == model.family and row.quantity == quantity]
            found[quantity] = self._expect(
                subject,
                quantity_of(quantity, generates=task.generates),
                [row for row in exact if row.quantity == quantity],
                near,
            )
        rates = [row for row in exact if row.quantity == "requests_per_s" and row.keeps(service)]
        best = max(rates, key=lambda row: row.value, default=None)
        return ServingExpectation(
            found["ttft_ms"],
            found["tpot_ms"],
            found["latency_ms"],
            best.value * _slowest(speeds_of(self.problem.nodes[node])) if best else None,
            best.id if best else "",
        )

    def _unmeasured(self, subject: Subject, *, generates: bool) -> ServingExpectation:
        """Return what to expect of replicas where nothing like them was measured."""
        if subject not in self.replicas:
            ttft, tpot, latency = (
                self._expect(subject, quantity_of(quantity, generates=generates), (), ())
                for quantity in ("ttft_ms", "tpot_ms", "latency_ms")
            )
            self.replicas[subject] = ServingExpectation(ttft, tpot, latency)
        return self.replicas[subject]

    def _groups(self, task: str, quantity: str) -> Known:
        if (task, quantity) not in self.groups:
            self.groups[task, quantity] = known_of(self.problem.prediction_errors.values(), task, quantity)
        return self.groups[task, quantity]

    def _expect(
        self, subject: Subject, quantity: str, exact: Sequence[Measured], near: Sequence[Measured]
    ) -> Expectation:
        ids = tuple(row.id for row in exact)
        near_ids = () if ids else tuple(row.id for row in near)
        key = (subject, quantity, ids, near_ids)
        if key not in self.known:
            band = band_among(self._groups(subject.task, quantity), subject) or UNKNOWN
            real = posterior(band, band.bias, exact, near)
            used = real if self.percent is not None else posterior(band, 0.0, exact, near)
            factor = used.factor(self.percent if self.percent is not None else 50.0)
            self.known[key] = Expectation(factor, real, ids, near_ids)
        return self.known[key]


def _slowest(speeds: Speeds) -> float:
    """Return what is left at least of a rate that was measured at full power."""
    return min(speeds.prefill, speeds.decode)


def posterior(band: Band, mean: float, exact: Sequence[Measured], near: Sequence[Measured]) -> Band:
    """Return the band of a prediction after measurements, from a prior of ``mean`` and the spreads of ``band``."""
    if exact:
        ratio = fmean(row.log_ratio for row in exact)
        return Band(ratio, 0.0, MEASUREMENT_SIGMA, len(exact), band.group, "")
    if not near:
        return Band(mean, band.group_sigma, band.candidate_sigma, band.rows, band.group, band.outside)
    noise = band.candidate_sigma**2 / len(near)
    prior = band.group_sigma**2
    weight = prior / (prior + noise) if prior + noise > 0 else 1.0
    ratio = fmean(row.log_ratio for row in near)
    group = math.sqrt(prior * (1.0 - weight))
    return Band(mean + weight * (ratio - mean), group, band.candidate_sigma, band.rows, band.group, "")


def expectations_of(problem: Problem) -> Expectations:
    """Return what to expect of the predictions of ``problem``.

    Raises
    ------
    InputError: a measurement cannot be compared with a prediction; it names the line.
    """
    return Expectations(problem, measured_of(problem), percent_each(problem))


def promises_of(problem: Problem) -> int:
    """Return the number of independent errors that could break a promise.

    One for each job (its step) and one or two for each service: the first token, and the pace that further tokens,
    whole requests and rates share.
    """
    return len(problem.training) + sum(len(kinds_of(service)) for service in problem.inference.values())


def kinds_of(service: Service) -> tuple[str, ...]:
    """Return which errors could break a promise of ``service``: 'first' and 'pace'."""
    paced = service.tpot_ms is not None or service.latency_ms is not None or service.ttft_ms is None
    return (*(("first",) if service.ttft_ms is not None else ()), *(("pace",) if paced else ()))


def percent_each(problem: Problem) -> float | None:
    """Return the probability, %, of each promise that keeps all of them with ``confidence_pct``; None without one."""
    confidence = problem.settings.confidence_pct
    if confidence is None:
        return None
    return 100.0 - (100.0 - confidence) / (max(1, promises_of(problem)) * SELECTED_FROM)
