"""Which pools the candidates use, and how much of the time their nodes must be there."""

from __future__ import annotations

from dcopt.candidates.records import Pool, ServingCandidate, TrainingCandidate
from dcopt.infrastructure.spares import joint_targets
from dcopt.problem.problem import Problem


def used_pools(
    pools: dict[str, Pool],
    training: dict[str, tuple[TrainingCandidate, ...]],
    serving: dict[str, tuple[ServingCandidate, ...]],
) -> dict[str, Pool]:
    """Return the pools on which some candidate runs."""
    used = {c.pool.key for of_job in training.values() for c in of_job}
    used |= {c.pool.key for of_service in serving.values() for c in of_service}
    return {key: pool for key, pool in pools.items() if key in used}


def targets_of(problem: Problem, pool: Pool, serving: dict[str, tuple[ServingCandidate, ...]]) -> set[float]:
    """Return the spare targets that may apply to a pool: the general one, and those of services that may run there."""
    general = problem.settings.spare_target_pct
    wanted: set[float] = set()
    for name, of_service in serving.items():
        availability = problem.inference[name].availability_pct
        pools = {c.pool.key for c in of_service if not c.pool.rented}
        if availability is not None and pool.key in pools:
            wanted |= set(joint_targets(availability, len(pools)).values())
    return {general} | {target for target in wanted if target > general}
