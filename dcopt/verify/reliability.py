"""How likely a design keeps its promises: from its records and the inputs, and checked against what it says."""

from __future__ import annotations

import math
from typing import Literal

from dcopt.design.records import Design, PromiseRecord, ServiceRecord, TrainingRecord
from dcopt.performance.compatibility import cluster_for, engine_for
from dcopt.performance.expected import Expectation, Expectations, expectations_of, kinds_of
from dcopt.performance.night import most_work_days
from dcopt.performance.reliability import Stake, first_slack, kept, pace_slack
from dcopt.performance.serving import variant_of
from dcopt.performance.workloads import promise_of, rtt_ms, serving_task_of
from dcopt.problem.demand import days_allowed
from dcopt.problem.problem import Problem
from dcopt.verify import serving, training
from dcopt.verify.checker import Checker


def promises(problem: Problem, design: Design) -> tuple[tuple[PromiseRecord, ...], float, float]:
    """Return every promise that stands on a prediction, and the probability, %, that all of them are kept.

    First that of a choice that flatters like the best of `SELECTED_FROM`, then that of one that does not at all.
    """
    expectations = expectations_of(problem)
    found: list[tuple[PromiseRecord, Stake]] = []
    for job in design.training:
        found.append(_of_job(problem, job, expectations))
    for service in design.inference:
        found += _of_service(problem, service, expectations)
    together, each = kept([stake for _, stake in found])
    records = tuple(
        record.model_copy(update={"kept_pct": 100 * share}) for (record, _), share in zip(found, each, strict=True)
    )
    return records, 100 * together, 100 * kept([stake for _, stake in found], selected_from=1)[0]


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check the stated probabilities against those that the records and the inputs give."""
    records, together, at_most = promises(problem, design)
    checker.same("promises", len(design.promises), len(records))
    checker.equal("kept_pct", design.kept_pct, together)
    checker.equal("kept_at_most_pct", design.kept_at_most_pct, at_most)
    for stated, found in zip(design.promises, records, strict=False):
        place = f"promises {found.workload} {found.what} year {found.year}"
        for name in ("workload", "site", "node", "year", "what", "group", "measured_by", "outside"):
            checker.same(f"{place} {name}", getattr(stated, name), getattr(found, name))
        for name in ("slack", "bias", "group_sigma", "candidate_sigma", "kept_pct"):
            checker.equal(f"{place} {name}", getattr(stated, name), getattr(found, name))
    asked = problem.settings.confidence_pct
    if design.confidence is not None:
        checker.equal("confidence confidence_pct", design.confidence.confidence_pct, asked)


def _of_job(problem: Problem, record: TrainingRecord, expectations: Expectations) -> tuple[PromiseRecord, Stake]:
    job = problem.training[record.job]
    layout = training.layout_of(record)
    expected = expectations.training(
        job, record.node, record.fabric, record.precision, record.software, record.nodes, layout
    )
    allowed = days_allowed(problem, job)
    if record.hours:
        allowed = most_work_days(allowed, len(record.hours), record.lost_s)
    slack = math.log(allowed / record.alone_days * record.time_factor)
    return _promise(record.job, record, "days", slack, expected, job.model, record.software)


def _of_service(
    problem: Problem, record: ServiceRecord, expectations: Expectations
) -> list[tuple[PromiseRecord, Stake]]:
    if record.measured_by:
        return []
    service = problem.inference[record.service]
    task = serving_task_of(service, problem, record.speculation)
    engine = engine_for(problem.software[record.software], service)
    rows = [problem.compression[name] for name in record.compression.split("+")]
    variant = variant_of(rows, problem.accelerators[problem.nodes[record.node].accelerator], engine)
    layout = serving.layout_of(record, task.model)
    if variant is None or layout is None or record.replicas < 1:
        raise ValueError(f"{record.service} has no variant, layout and replica that run on {record.node}")
    names = [row.name for row in rows]
    expected = expectations.serving(service, task, record.node, names, record.software, layout, variant)
    promise = promise_of(service, rtt_ms(service, record.site, problem))
    args = (task, cluster_for(problem, record.node, record.fabric), layout, variant, engine)
    rate = record.requests_per_s / record.replicas
    found = []
    for kind in kinds_of(service):
        if kind == "first":
            assert promise.ttft_ms is not None
            slack = first_slack(*args, rate, service.percentile, promise.ttft_ms)
            found.append(
                _promise(record.service, record, "first", slack, expected.ttft, service.model, record.software)
            )
        else:
            slack = pace_slack(*args, rate, service.percentile, promise)
            found.append(
                _promise(record.service, record, "pace", slack, expected.latency, service.model, record.software)
            )
    return found


def _promise(
    workload: str,
    record: TrainingRecord | ServiceRecord,
    what: Literal["days", "first", "pace"],
    slack: float,
    expected: Expectation,
    model: str,
    software: str,
) -> tuple[PromiseRecord, Stake]:
    """Return the record of a promise, and its stake: years share all of their errors, sites those of the group."""
    group = f"{what} {model} {record.node} {software} {record.precision}"
    band = expected.band
    made = PromiseRecord(
        workload=workload,
        site=record.site,
        node=record.node,
        year=record.year,
        what=what,
        slack=slack,
        bias=band.bias,
        group_sigma=band.group_sigma,
        candidate_sigma=band.candidate_sigma,
        kept_pct=0.0,
        group=band.group,
        measured_by=(*expected.exact, *expected.near),
        outside=band.outside,
    )
    return made, Stake(slack, band, group, f"{group} {workload} {record.site}")
