"""Solve, simulate what was chosen, correct the rates that the simulation does not keep, and solve again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dcopt.candidates.records import Candidates, ServingCandidate
from dcopt.design.records import Design, ServiceRecord
from dcopt.design.simulation import SimulatedService
from dcopt.performance.compatibility import cluster_for, engine_for
from dcopt.performance.serving import Disaggregated, ReplicaLayout
from dcopt.performance.simulation import Replicas, simulate
from dcopt.performance.workloads import promise_of, replica_name, servers_of, serving_task_of
from dcopt.pipeline.simulate import replicas_of, simulate_design, simulate_record
from dcopt.pipeline.solving import Solved
from dcopt.problem.corrections import RATE, Correction
from dcopt.problem.problem import Problem
from dcopt.solve.interrupt import heard

ROUNDS = 10
"""Times that a problem is solved again at most; what is missed then is reported."""
RIVAL = 0.02
"""Share of its requests per chip by which a candidate may be behind one that was corrected, to be simulated too."""
HALVINGS = 6
LONGER = 3
"""A miss counts where a run of so many times the requests with another seed shows it too."""


@dataclass(frozen=True)
class Checked:
    """A solved problem with the corrections that the simulation of its services asked for, and that simulation."""

    problem: Problem
    candidates: Candidates
    solved: Solved
    simulated: tuple[SimulatedService, ...] = ()


def correct(checked: Checked, again: Callable[[Problem], Checked], *, requests: int, seed: int) -> Checked:
    """Return the problem solved until the simulation keeps the promises.

    Every round simulates all services of the design, so that no rate of the design that is returned was left unchecked
    (unless the rounds or the time ran out: then the simulation says what is missed). A candidate that misses is
    corrected together with its near rivals, lest the next round takes the most flattered of those.

    Parameters
    ----------
    checked: what was solved. again: solves a problem with corrections. requests, seed: of each simulation.

    Raises
    ------
    KeyboardInterrupt: Ctrl-C was pressed.
    """
    for _ in range(ROUNDS):
        design = checked.solved.design
        if design is None:
            return checked
        found = simulate_design(checked.problem, design, requests=requests, seed=seed)
        checked = replace(checked, simulated=found)
        corrections = tuple(
            correction
            for part in found
            if not part.kept
            for correction in _corrections(
                checked.problem, checked.candidates, _record_of(design, part), requests, seed
            )
        )
        if not corrections:
            return checked
        problem = checked.problem
        following = again(replace(problem, corrections=(*problem.corrections, *corrections)))
        if following.solved.design is None and following.solved.status != "infeasible":
            return checked
        checked = following
    design = checked.solved.design
    if design is None:
        return checked
    return replace(checked, simulated=simulate_design(checked.problem, design, requests=requests, seed=seed))


def _record_of(design: Design, part: SimulatedService) -> ServiceRecord:
    """Return the row of the design that was simulated."""
    return next(
        record
        for record in design.inference
        if (record.service, record.site, record.node, record.fabric, record.year, record.replicas)
        == (part.service, part.site, part.node, part.fabric, part.years[0], part.replicas)
        and record.requests_per_s / record.replicas == part.requests_per_s
    )


def _corrections(
    problem: Problem, candidates: Candidates, record: ServiceRecord, requests: int, seed: int
) -> list[Correction]:
    """Return the corrections of a row that misses a promise, and of its rivals on the same kind of node."""
    sure = simulate_record(problem, [record], requests=LONGER * requests, seed=seed + 1)
    if sure.kept:
        return []
    service = problem.inference[record.service]
    mine = replicas_of(problem, record)
    predicted = record.capacity_requests_per_s / record.replicas
    rate = record.requests_per_s / record.replicas
    factors = (record.ttft_factor, record.tpot_factor, record.latency_factor)
    found = [_corrected(problem, record, mine, factors, predicted, rate, requests, seed)]
    for rival in candidates.serving[record.service]:
        near = rival.requests_per_s / rival.accelerators >= (1 - RIVAL) * predicted / record.accelerators_per_replica
        if rival.pool.node.name != record.node or not near or rival.rtt_ms != record.rtt_ms:
            continue
        if isinstance(rival.layout, Disaggregated) or rival.expected.measured_by:
            continue
        replicas = _replicas(problem, rival, rival.layout, record.requests_per_s)
        if (replicas.task, replicas.layout, replicas.variant, replicas.software) == (
            mine.task,
            mine.layout,
            mine.variant,
            mine.software,
        ):
            continue
        rate = rival.rate_of(servers_of(service, rival.most_replicas(record.requests_per_s)))
        expected = rival.expected
        factors = (expected.ttft.factor, expected.tpot.factor, expected.latency.factor)
        found.append(_corrected(problem, record, replicas, factors, rate, rate, requests, seed))
    return [correction for correction in found if correction is not None]


def _replicas(problem: Problem, rival: ServingCandidate, layout: ReplicaLayout, load: float) -> Replicas:
    service = problem.inference[rival.service]
    return Replicas(
        task=serving_task_of(service, problem, rival.speculation),
        cluster=cluster_for(problem, rival.pool.node.name, rival.pool.fabric.name),
        layout=layout,
        variant=rival.variant,
        software=engine_for(problem.software[rival.software], service),
        servers=servers_of(service, rival.most_replicas(load)),
    )


def _corrected(
    problem: Problem,
    record: ServiceRecord,
    replicas: Replicas,
    factors: tuple[float, float, float],
    predicted: float,
    rate: float,
    requests: int,
    seed: int,
) -> Correction | None:
    """Return the largest share of ``rate`` at which the simulated percentiles keep the promises; None: all of it.

    ``factors`` are those of TTFT, TPOT and latency that measurements and the asked confidence put on the times.

    A replica that misses them at any rate is corrected to 0, and is no candidate any more.
    """
    service, trip = problem.inference[record.service], record.rtt_ms
    promise, pace = promise_of(service, trip), factors[2]

    def keeps(share: float) -> bool:
        with heard():
            found = simulate(
                replicas,
                rate * share * pace,
                service.percentile,
                requests=requests,
                seed=seed + 1,
                length_cv=service.length_cv,
                batch=record.batch,
            )
        if found is None:
            return False
        times = (found.ttft_ms.value, found.tpot_ms.value, found.latency_ms.value)
        return promise.kept_by(*(time * factor for time, factor in zip(times, factors, strict=True)))

    if keeps(1.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if keeps(middle) else (low, middle)
    where = (replicas.task, replicas.cluster, replicas.layout, replicas.variant, replicas.software)
    return Correction(
        table=RATE[0],
        name=replica_name(service, record.node, record.fabric, where, trip),
        column=RATE[1],
        predicted=predicted,
        corrected=low * rate,
        reason=f"simulated with {replicas.servers} behind one balancer: beyond this rate a promise is missed",
    )
