"""From a problem to everything that its program selects from."""

from __future__ import annotations

from dcopt.candidates.admitted import Admits, everything
from dcopt.candidates.all_epochs import together
from dcopt.candidates.facility import facility_of
from dcopt.candidates.memory import Memory
from dcopt.candidates.need import as_large_as_needed
from dcopt.candidates.periods import periods_of
from dcopt.candidates.pools import pool_facility, pools_of
from dcopt.candidates.pruning import prune
from dcopt.candidates.records import Candidates, DataItem, Pool, ServingCandidate, StorageOption, TrainingCandidate
from dcopt.candidates.serving import ServingGenerator
from dcopt.candidates.storage import checkpoint_codec, codecs_for, items_of, may_lie_at, options_for
from dcopt.candidates.training import TrainingGenerator
from dcopt.infrastructure.spares import joint_targets
from dcopt.problem.day import releases_nodes
from dcopt.problem.epochs import views_of
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Codec


def generate(
    problem: Problem,
    *,
    only_needed: bool = True,
    any_price: bool = False,
    memory: Memory | None = None,
    admits: Admits = everything,
) -> Candidates:
    """Return the candidates of ``problem``, of every epoch and of all together where purchases are staged.

    With ``only_needed`` no pool is larger than all that may run on it at once; constraints of the user's own may ask
    for more. With ``any_price`` nothing is left out because of what it costs: what is bought may be decided elsewhere.
    ``memory`` holds predictions of problems before this one, and takes up those of this one. ``admits`` may leave out
    ways to run a workload before the best of them are chosen.
    """
    memory = Memory() if memory is None else memory
    views = views_of(problem)
    if not views:
        return _generate(problem, memory.of(problem), admits, only_needed=only_needed, any_price=any_price)
    seen = [_generate(view, memory.of(view), admits, only_needed=only_needed, any_price=any_price) for view in views]
    return together(tuple(seen))


def _generate(problem: Problem, memory: Memory, admits: Admits, *, only_needed: bool, any_price: bool) -> Candidates:
    """Return the candidates of ``problem``; a workload that nothing can run has none (the pre-check says why)."""
    pools = pools_of(problem)
    items = items_of(problem)
    codecs = {
        item.owner: (checkpoint_codec(problem),)
        if not item.is_data
        else codecs_for(problem, problem.datasets[item.name])
        for item in items
    }
    options = _storage_options(problem, items, codecs)
    trainer = TrainingGenerator(problem, tuple(pools.values()), memory, admits)
    admissible = {job.name: trainer.admissible(job) for job in problem.training.values()}
    slowest = max((option.slowdown for of_item in options.values() for option in of_item), default=1.0)
    reloads = sum(item.read_gb_per_s for item in items) * slowest
    server = ServingGenerator(problem, tuple(pools.values()), memory, admits)
    serving = {service.name: server.candidates(service) for service in problem.inference.values()}
    training = prune(problem, _where_nodes_are_left(problem, admissible, serving), options, reloads)
    chosen = {job: tuple(c for of_pool in by_pool.values() for c in of_pool) for job, by_pool in training.items()}
    used = _used_pools(pools, chosen, serving)
    periods = periods_of(problem)
    targets = {key: _targets(problem, pool, serving) for key, pool in used.items()}
    if only_needed:
        used = as_large_as_needed(problem, used, chosen, serving, periods, targets)
    return Candidates(
        periods=periods,
        pools=used,
        facilities={key: pool_facility(problem, pool, targets[key]) for key, pool in used.items()},
        training=chosen,
        serving=serving,
        items=items,
        storage_options=options,
        codecs=codecs,
        sites={
            site: facility_of(
                problem,
                site,
                {p.node.name: p.node for p in used.values() if p.site == site}.values(),
                any_price=any_price,
            )
            for site in problem.sites
        },
        verdicts=[*trainer.verdicts, *server.verdicts],
    )


def _where_nodes_are_left(
    problem: Problem,
    admissible: dict[str, dict[str, list[TrainingCandidate]]],
    serving: dict[str, tuple[ServingCandidate, ...]],
) -> dict[str, dict[str, list[TrainingCandidate]]]:
    """Leave out ways to run at night on pools where no service can leave nodes free."""
    left = {
        candidate.pool.key
        for name, of_service in serving.items()
        if releases_nodes(problem, problem.inference[name])
        for candidate in of_service
    }
    return {
        job: {key: [c for c in of_pool if not c.hours or key in left] for key, of_pool in by_pool.items()}
        for job, by_pool in admissible.items()
    }


def _storage_options(
    problem: Problem, items: tuple[DataItem, ...], codecs: dict[str, tuple[Codec, ...]]
) -> dict[tuple[str, str], tuple[StorageOption, ...]]:
    return {
        (item.key, site): options_for(problem, item, site, codecs[item.owner])
        for item in items
        for site in problem.sites
        if may_lie_at(problem, item, site)
    }


def _used_pools(
    pools: dict[str, Pool],
    training: dict[str, tuple[TrainingCandidate, ...]],
    serving: dict[str, tuple[ServingCandidate, ...]],
) -> dict[str, Pool]:
    used = {c.pool.key for of_job in training.values() for c in of_job}
    used |= {c.pool.key for of_service in serving.values() for c in of_service}
    return {key: pool for key, pool in pools.items() if key in used}


def _targets(problem: Problem, pool: Pool, serving: dict[str, tuple[ServingCandidate, ...]]) -> set[float]:
    """Return the spare targets that may apply to a pool: the general one, and those of services that may run there."""
    general = problem.settings.spare_target_pct
    wanted: set[float] = set()
    for name, of_service in serving.items():
        availability = problem.inference[name].availability_pct
        pools = {c.pool.key for c in of_service if not c.pool.rented}
        if availability is not None and pool.key in pools:
            wanted |= set(joint_targets(availability, len(pools)).values())
    return {general} | {target for target in wanted if target > general}
