"""What data must lie somewhere, and the ways in which it can."""

from __future__ import annotations

from dcopt.candidates.dominance import undominated
from dcopt.candidates.records import DataItem, StorageOption
from dcopt.infrastructure.storage import peak_stored_tb, protection_problem, raw_tb
from dcopt.performance.goodput import checkpoint_gb
from dcopt.performance.packing import NO_CODEC, packing_core_hours
from dcopt.performance.workloads import CHECKPOINTS_KEPT, run_of
from dcopt.problem.offered import offered, price_of
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Codec, Protection
from dcopt.problem.tables.catalog_rows import Storage as StorageUnit
from dcopt.problem.tables.problem_rows import Dataset, TrainingJob


def items_of(problem: Problem) -> tuple[DataItem, ...]:
    """Return the parts of every dataset and the checkpoints of every job."""
    horizon = problem.settings.horizon_years
    items = []
    for dataset in problem.datasets.values():
        size = peak_stored_tb(dataset.size_tb, dataset.growth_pct_per_year, dataset.retention_years, horizon)
        hot = dataset.hot_pct / 100
        for part, share in (("hot", hot), ("cold", 1 - hot)):
            if share > 0:
                items.append(DataItem(dataset.name, part, size * share, share, dataset.compressibility))
    for job in problem.training.values():
        run = run_of(job, problem)
        size = CHECKPOINTS_KEPT * checkpoint_gb(run.task.model, job.optimizer, job.method) / 1000
        items.append(DataItem(job.name, "checkpoint", size, 1.0, "none"))
    return tuple(items)


def codecs_for(problem: Problem, dataset: Dataset) -> tuple[Codec, ...]:
    """Return the codecs worth choosing from: no other one packs as tightly for less CPU in every year."""
    years = range(1, problem.settings.horizon_years + 1)
    kind = dataset.compressibility

    def merits(codec: Codec) -> tuple[float, ...]:
        return (-codec.ratio(kind), *(packing_core_hours(problem, dataset, codec, year) for year in years))

    in_order = sorted(problem.codecs.values(), key=lambda codec: (merits(codec), codec.name))
    return tuple(undominated(in_order, merits)) or (NO_CODEC,)


def checkpoint_codec(problem: Problem) -> Codec:
    """Return the codec of checkpoints: none, as floating-point states hardly pack."""
    return problem.codecs.get("none", NO_CODEC)


def options_for(problem: Problem, item: DataItem, site: str, codecs: tuple[Codec, ...]) -> tuple[StorageOption, ...]:
    """Return the ways to store ``item`` at ``site``; hot parts and checkpoints only on flash."""
    rented = problem.sites[site].kind == "cloud"
    options = []
    for offer in offered(problem, "storage", site).values():
        unit: StorageUnit = offer.row
        if item.part != "cold" and not unit.is_flash:
            continue
        for protection in _protections(problem, unit, rented=rented):
            for codec in codecs:
                options.append(
                    StorageOption(
                        storage=unit,
                        price_usd=None if rented else price_of(offer),
                        protection=protection,
                        codec=codec,
                        raw_tb_per_tb=raw_tb(1.0, protection, codec.ratio(item.compressibility)),
                    )
                )
    return tuple(options)


def _protections(problem: Problem, unit: StorageUnit, *, rented: bool) -> list[Protection]:
    """Return the protections of a unit that none beats in raw capacity and bytes written."""
    allowed = [
        row
        for row in problem.protection.values()
        if protection_problem(unit, row, rented=rented) is None
        and (rented or row.parity >= problem.settings.survive_failures)
    ]
    allowed.sort(key=lambda row: (row.raw_per_usable, row.written_per_stored, -row.parity, row.name))
    return undominated(allowed, lambda row: (row.raw_per_usable, row.written_per_stored))


def may_lie_at(problem: Problem, item: DataItem, site: str) -> bool:
    """Whether an item's own row allows it at ``site``."""
    owner: Dataset | TrainingJob = (
        problem.training[item.name] if item.part == "checkpoint" else problem.datasets[item.name]
    )
    return not owner.sites or site in owner.sites
