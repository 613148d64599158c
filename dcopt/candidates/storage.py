"""What data must lie somewhere, and the ways in which it can."""

from __future__ import annotations

from typing import Any

from dcopt.candidates.dominance import undominated
from dcopt.candidates.records import TABLE_OF_PART, DataItem, StorageOption
from dcopt.infrastructure.staging import can_come
from dcopt.infrastructure.storage import (
    least_units,
    loss_probability,
    nines,
    protection_problem,
    raw_tb,
    rebuild_load,
    slowdown_of,
)
from dcopt.infrastructure.stored import most_stored_tb
from dcopt.performance.goodput import checkpoint_gb
from dcopt.performance.packing import NO_CODEC, packing_core_hours
from dcopt.performance.workloads import CHECKPOINTS_KEPT, run_of, weights_gb
from dcopt.problem.offered import offered, price_of
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Codec, Protection
from dcopt.problem.tables.catalog_rows import Storage as StorageUnit
from dcopt.problem.tables.problem_rows import Dataset


def items_of(problem: Problem) -> tuple[DataItem, ...]:
    """Return the parts of every dataset, the checkpoints of every job and the weights that services read again."""
    items = []
    for dataset in problem.datasets.values():
        size = most_stored_tb(problem, dataset)
        hot = dataset.hot_pct / 100
        for part, share in (("hot", hot), ("cold", 1 - hot)):
            if share > 0:
                needed = nines(dataset.max_annual_loss_probability * share)
                kind = dataset.compressibility
                items.append(DataItem(dataset.name, part, size * share, share, kind, dataset.requires, needed))
    for job in problem.training.values():
        run = run_of(job, problem)
        size = CHECKPOINTS_KEPT * checkpoint_gb(run.task.model, job.optimizer, job.method) / 1000
        of_data = problem.datasets[job.dataset].requires if job.dataset else ()
        requires = tuple(dict.fromkeys((*of_data, *job.requires)))
        items.append(DataItem(job.name, "checkpoint", size, 1.0, "none", requires))
    for service in problem.inference.values():
        if service.reload_s is not None:
            size_gb = weights_gb(service, problem)
            read = size_gb / service.reload_s
            items.append(DataItem(service.name, "weights", size_gb / 1000, 1.0, "none", read_gb_per_s=read))
    return tuple(items)


def codecs_for(problem: Problem, dataset: Dataset) -> tuple[Codec, ...]:
    """Return the codecs worth choosing from: no other one packs as tightly for less CPU in every year."""
    years = problem.years
    kind = dataset.compressibility

    def merits(codec: Codec) -> tuple[float, ...]:
        return (-codec.ratio(kind), *(packing_core_hours(problem, dataset, codec, year) for year in years))

    in_order = sorted(problem.codecs.values(), key=lambda codec: (merits(codec), codec.name))
    return tuple(undominated(in_order, merits)) or (NO_CODEC,)


def checkpoint_codec(problem: Problem) -> Codec:
    """Return the codec of checkpoints and weights: none, as floating-point numbers hardly pack."""
    return problem.codecs.get("none", NO_CODEC)


def options_for(problem: Problem, item: DataItem, site: str, codecs: tuple[Codec, ...]) -> tuple[StorageOption, ...]:
    """Return the ways to store ``item`` at ``site``: with the features required; all but cold parts only on flash."""
    rented = problem.sites[site].kind == "cloud"
    requires = {*item.requires, *problem.sites[site].requires}
    options: list[StorageOption] = []
    for offer in offered(problem, "storage", site).values():
        unit: StorageUnit = offer.row
        if (item.part != "cold" and not unit.is_flash) or not requires <= set(unit.features):
            continue
        price = None if rented else price_of(offer)
        for codec in codecs:
            ways = [
                _way(item, unit, price, protection, codec, requires)
                for protection in _protections(problem, unit, rented=rented)
            ]
            ways.sort(key=lambda way: (*_merits(way), -way.protection.parity, way.protection.name))
            options += undominated(ways, _merits)
    return tuple(options)


def _way(
    item: DataItem, unit: StorageUnit, price: float | None, protection: Protection, codec: Codec, requires: set[str]
) -> StorageOption:
    raw = raw_tb(1.0, protection, codec.ratio(item.compressibility))
    return StorageOption(
        storage=unit,
        price_usd=price,
        protection=protection,
        codec=codec,
        raw_tb_per_tb=raw,
        nines=min(item.nines, nines(loss_probability(unit, protection, raw * item.size_tb))),
        least_units=least_units(unit, protection),
        rebuild=rebuild_load(unit, protection),
        slowdown=slowdown_of(unit, requires),
    )


def may_lie_at(problem: Problem, item: DataItem, site: str) -> bool:
    """Whether an item's own row allows it at ``site``, and it can come there."""
    owner: Any = problem.tables[TABLE_OF_PART[item.part]][item.name]
    if isinstance(owner, Dataset) and not can_come(problem, owner, site):
        return False
    return not owner.sites or site in owner.sites


def _merits(way: StorageOption) -> tuple[float, ...]:
    """Return what tells the protections of one unit and codec apart; small is good."""
    return (way.raw_tb_per_tb, way.protection.written_per_stored, way.least_units, -way.nines)


def _protections(problem: Problem, unit: StorageUnit, *, rented: bool) -> list[Protection]:
    """Return the protections that a unit can have and that survive what is asked."""
    return [
        row
        for row in problem.protection.values()
        if protection_problem(unit, row, rented=rented) is None
        and (rented or row.parity >= problem.settings.survive_failures)
    ]
