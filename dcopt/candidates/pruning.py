"""Which training candidates the program need not see, and why nothing optimal is lost by leaving them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dcopt.candidates.dominance import undominated
from dcopt.candidates.records import StorageOption, TrainingCandidate
from dcopt.infrastructure.staging import earliest_start_day
from dcopt.problem.demand import due_day_of
from dcopt.problem.problem import Problem

ByPool = dict[str, list[TrainingCandidate]]


@dataclass(frozen=True)
class Binding:
    """Which rates could ever exceed what storage delivers; the others cost nothing and need no comparison."""

    ingest: bool
    checkpoints: bool


def prune(
    problem: Problem,
    admissible: dict[str, ByPool],
    options: dict[tuple[str, str], tuple[StorageOption, ...]],
    reloads: float = 0.0,
) -> dict[str, ByPool]:
    """Return the candidates of every job and pool that some optimal design may need.

    First as if storage never bound; if what is left cannot exceed what the least storage system delivers, that is so.
    Else bandwidths are compared as well, and as other candidates may then be longer, for all runs at once.
    """
    reduced = _reduce(problem, admissible, Binding(ingest=False, checkpoints=False))
    one_by_one = always_in_turn(problem, _by_job(reduced))
    binding = what_binds(problem, reduced, options, one_by_one=one_by_one, reloads=reloads)
    if not binding.ingest and not binding.checkpoints:
        return reduced
    return _reduce(problem, admissible, what_binds(problem, reduced, options, one_by_one=False, reloads=reloads))


def _reduce(problem: Problem, admissible: dict[str, ByPool], binding: Binding) -> dict[str, ByPool]:
    kept = {
        job: {pool: worth_choosing(of_pool, binding) for pool, of_pool in by_pool.items()}
        for job, by_pool in admissible.items()
    }
    without_detours = {
        job: {pool: worth_choosing(of_pool, binding, by_node_days=True) for pool, of_pool in by_pool.items()}
        for job, by_pool in kept.items()
    }
    return without_detours if always_in_turn(problem, _by_job(without_detours)) else kept


def _by_job(by_pool: dict[str, ByPool]) -> dict[str, list[TrainingCandidate]]:
    return {job: [c for of_pool in pools.values() for c in of_pool] for job, pools in by_pool.items()}


def what_binds(
    problem: Problem,
    candidates: dict[str, ByPool],
    options: dict[tuple[str, str], tuple[StorageOption, ...]],
    *,
    one_by_one: bool,
    reloads: float = 0.0,
) -> Binding:
    """Return which rates could exceed what the least storage system delivers: of all runs of all jobs at once.

    ``one_by_one``: of the largest job alone, as no calendar needs more where all runs fit one after another;
    ``reloads``: GB/s at which services read weights beside them.
    """
    read = written = kiops = 0.0
    for every in _by_job(candidates).values():
        most = (
            max((c.ingest_gb_per_s for c in every), default=0.0),
            max((c.checkpoint_gb_per_s for c in every), default=0.0),
            max((c.read_kiops for c in every), default=0.0),
        )
        if one_by_one:
            read, written, kiops = (max(pair) for pair in zip(most, (read, written, kiops), strict=True))
        else:
            runs = max((c.runs for c in every), default=0)
            read, written, kiops = (a * runs + b for a, b in zip(most, (read, written, kiops), strict=True))
    datasets = {problem.training[job].dataset for job in candidates}
    reads = [o for (item, _), of in options.items() if item.rpartition(":")[0] in datasets for o in of]
    writes = [o for (item, _), of in options.items() if item.endswith(":checkpoint") for o in of]
    rebuilt = [max((o.rebuild[k] for of in options.values() for o in of), default=0.0) for k in (0, 1)]
    rebuilt[0] += reloads
    return Binding(
        ingest=any(
            read * o.slowdown > o.storage.read_gb_per_s * o.storage.min_units - rebuilt[0]
            or (o.storage.read_kiops is not None and kiops * o.slowdown > o.storage.read_kiops * o.storage.min_units)
            for o in reads
        ),
        checkpoints=any(
            written * o.protection.written_per_stored * o.slowdown
            > o.storage.write_gb_per_s * o.storage.min_units - rebuilt[1]
            for o in writes
        ),
    )


def worth_choosing(
    candidates: Iterable[TrainingCandidate], binding: Binding, *, by_node_days: bool = False
) -> list[TrainingCandidate]:
    """Leave out candidates of one pool that another one of the same hours, rent and years beats or equals throughout.

    That is: no more nodes, no more days (so no more energy and node-days), no more licence, and no more checkpoint
    and ingest bandwidth where those could bind. With ``by_node_days`` a slower candidate may replace a faster one
    that takes more nodes and no fewer node-days: rent, energy and licences follow node-days, so only a calendar can
    need the faster one (see `always_in_turn`).
    """

    def merits(c: TrainingCandidate) -> tuple[float, ...]:
        node_days = c.nodes * c.held_days
        return (
            c.nodes,
            node_days if by_node_days else c.days,
            c.licence_usd_per_year * (node_days / c.nodes if by_node_days else 1.0),
            c.checkpoint_gb_per_s * binding.checkpoints,
            c.ingest_gb_per_s * binding.ingest,
            *((c.held_days * (c.nodes if by_node_days else 1), c.nodes * c.running_days) if c.hours else ()),
        )

    every = sorted(candidates, key=lambda c: (*merits(c), c.checkpoint_gb_per_s))
    alike = dict.fromkeys((c.hours, c.committed, c.years) for c in every)
    return [
        c for kind in alike for c in undominated((c for c in every if (c.hours, c.committed, c.years) == kind), merits)
    ]


def always_in_turn(problem: Problem, training: Mapping[str, Iterable[TrainingCandidate]]) -> bool:
    """Whether all runs of all jobs fit one after another into the days that every job allows, whatever is chosen.

    One after another they also keep what comes after what.
    Then a calendar exists for every choice that fits the nodes, so no choice is needed for its shortness alone.
    """
    jobs = [problem.training[name] for name in training]
    if not jobs:
        return True
    starts = {
        earliest_start_day(
            problem, problem.training[c.job], c.pool.site, c.pool.node.name, c.pool.fabric.name, problem.years
        )
        for c in {(c.job, c.pool.key): c for of_job in training.values() for c in of_job}.values()
    }
    common = min(due_day_of(problem, job) for job in jobs) - max(starts, default=0.0)
    longest = [  # what begins at an hour of the day waits for it less than a day
        max((c.runs * (c.days + bool(c.hours)) for c in candidates), default=0.0) for candidates in training.values()
    ]
    return sum(longest) <= common
