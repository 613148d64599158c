"""Storage: every dataset and checkpoint lies where it must, protected, within capacity, bandwidth and IOPS."""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import DATA_PARTS, Design, StorageRecord, TrainingRecord
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
from dcopt.performance.packing import NO_CODEC
from dcopt.performance.workloads import CHECKPOINTS_KEPT, read_kiops, run_of, weights_gb
from dcopt.problem.demand import job_in
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Codec
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check what lies where, year by year, and the units that hold it."""
    for year in problem.years:
        records = [record for record in design.storage if record.year == year]
        for record in records:
            _record(problem, record, checker)
        _copies(problem, design, records, year, checker)
        _units(problem, design, records, year, checker)
    for dataset in problem.datasets.values():
        codecs = {r.codec for r in design.storage if r.part in DATA_PARTS and r.dataset == dataset.name}
        checker.holds(f"storage {dataset.name} codec", len(codecs) <= 1, f"{sorted(codecs)}", "one codec a dataset")


def codec_of(problem: Problem, name: str) -> Codec:
    """Return the codec row of that name; ``none`` exists without a row."""
    return problem.codecs.get(name, NO_CODEC)


def ratio_of(problem: Problem, record: StorageRecord) -> float:
    """Return original ÷ compressed size of what a record stores."""
    kind = problem.datasets[record.dataset].compressibility if record.part in DATA_PARTS else "none"
    return codec_of(problem, record.codec).ratio(kind)


def requires_of(problem: Problem, record: StorageRecord) -> set[str]:
    """Return the features that storage must offer to hold what a record stores."""
    name: str | None = record.dataset if record.part in DATA_PARTS else None
    own: tuple[str, ...] = ()
    if record.part == "checkpoint":
        job = problem.training[record.dataset]
        name, own = job.dataset, job.requires
    return {*problem.sites[record.site].requires, *own, *(problem.datasets[name].requires if name else ())}


def _record(problem: Problem, record: StorageRecord, checker: Checker) -> None:
    place = f"storage {record.dataset} {record.part} at {record.site} year {record.year}"
    unit = problem.storage[record.name]
    protection = problem.protection[record.protection]
    rented = problem.sites[record.site].kind == "cloud"
    checker.same(f"{place} rented", record.rented, rented)
    checker.holds(f"{place} name", record.name in offered(problem, "storage", record.site), record.name, "not offered")
    wrong = protection_problem(unit, protection, rented=rented)
    if wrong is None and not rented and protection.parity < problem.settings.survive_failures:
        wrong = f"it survives {protection.parity} failures, {problem.settings.survive_failures} are asked for"
    checker.holds(f"{place} protection", wrong is None, record.protection, wrong or "")
    known_codec = record.codec == NO_CODEC.name or record.codec in problem.codecs
    checker.holds(f"{place} codec", known_codec, record.codec, "no such codec")
    if record.part not in DATA_PARTS:
        checker.same(f"{place} codec", record.codec, NO_CODEC.name)
    if record.part == "weights":
        service = problem.inference[record.dataset]
        checker.holds(place, service.reload_s is not None, "weights", "they lie on the nodes' own drives")
        size, allowed = weights_gb(service, problem) / 1000, service.sites
    elif record.part == "checkpoint":
        job = problem.training[record.dataset]
        run = run_of(job, problem)
        size = CHECKPOINTS_KEPT * checkpoint_gb(run.task.model, job.optimizer, job.method) / 1000
        allowed = job.sites
    else:
        dataset = problem.datasets[record.dataset]
        share = dataset.hot_pct / 100 if record.part == "hot" else 1 - dataset.hot_pct / 100
        size = share * most_stored_tb(problem, dataset)
        allowed = dataset.sites
    checker.equal(f"{place} stored_tb", record.stored_tb, size)
    checker.equal(f"{place} usable_tb", record.usable_tb, size / ratio_of(problem, record))
    raw = raw_tb(size, protection, ratio_of(problem, record))
    checker.same(f"{place} survives_failures", record.survives_failures, protection.parity)
    loss = loss_probability(unit, protection, raw)
    checker.equal(f"{place} annual_loss_probability", record.annual_loss_probability, loss, near_zero=0.0)
    missing = sorted(requires_of(problem, record) - set(unit.features))
    checker.holds(f"{place} features", not missing, record.name, f"it lacks {' '.join(missing)}")
    checker.at_most(f"{place} units", least_units(unit, protection), record.site_units, "parts on different units")
    checker.holds(f"{place} medium", record.part == "cold" or unit.is_flash, unit.medium, "it must lie on flash")
    checker.holds(f"{place} site", not allowed or record.site in allowed, record.site, "it may not lie there")


def _parts(problem: Problem, dataset: str) -> set[str]:
    hot = problem.datasets[dataset].hot_pct
    return ({"hot"} if hot > 0 else set()) | ({"cold"} if hot < 100 else set())


def _copies(problem: Problem, design: Design, records: list[StorageRecord], year: int, checker: Checker) -> None:
    parts: dict[tuple[str, str], list[str]] = defaultdict(list)
    kept: set[tuple[str, str]] = set()
    weights = {(record.dataset, record.site) for record in records if record.part == "weights"}
    for record in records:
        if record.part == "checkpoint":
            kept.add((record.dataset, record.site))
        elif record.part in DATA_PARTS:
            parts[record.dataset, record.site].append(record.part)
    for dataset in problem.datasets.values():
        whole = {site for (name, site), of in parts.items() if name == dataset.name}
        for site in whole:
            checker.same(
                f"storage {dataset.name} at {site} year {year} parts",
                sorted(parts[dataset.name, site]),
                sorted(_parts(problem, dataset.name)),
            )
        checker.at_most(f"storage {dataset.name} year {year} copies", dataset.min_copies, len(whole), "min_copies")
        for part in _parts(problem, dataset.name):
            copies = [r.annual_loss_probability for r in records if (r.dataset, r.part) == (dataset.name, part)]
            share = dataset.hot_pct / 100 if part == "hot" else 1 - dataset.hot_pct / 100
            needed = nines(dataset.max_annual_loss_probability * share)
            place = f"storage {dataset.name} {part} year {year} nines of all copies"
            checker.at_most(place, needed, sum(map(nines, copies)), "what they keep; max_annual_loss_probability")
    for served in design.inference:
        if served.year == year and problem.inference[served.service].reload_s is not None:
            there = (served.service, served.site) in weights
            checker.holds(
                f"storage at {served.site} year {year}", there, "no weights", f"those of {served.service} lie there"
            )
    for job in design.training:
        if job.year != year:
            continue
        place = f"storage at {job.site} year {year}"
        checker.holds(place, (job.job, job.site) in kept, "no room", f"the checkpoints of {job.job} lie there")
        dataset_name = problem.training[job.job].dataset
        if dataset_name is not None:
            there = (dataset_name, job.site) in parts
            checker.holds(place, there, "no copy", f"{job.job} reads {dataset_name} there")


def _units(problem: Problem, design: Design, records: list[StorageRecord], year: int, checker: Checker) -> None:
    groups: dict[tuple[str, str], list[StorageRecord]] = defaultdict(list)
    for record in records:
        groups[record.site, record.name].append(record)
    for (site, name), group in groups.items():
        place = f"storage {name} at {site} year {year}"
        unit = problem.storage[name]
        units = group[0].site_units
        checker.same(f"{place} site_units", {record.site_units for record in group}, {units})
        checker.at_most(f"{place} site_units", unit.min_units, units, "min_units")
        checker.equal(f"{place} units", sum(record.units for record in group), float(units))
        raw = [raw_tb(r.stored_tb, problem.protection[r.protection], ratio_of(problem, r)) for r in group]
        checker.at_most(f"{place} raw TB", sum(raw), unit.raw_tb * units, "raw capacity")
        for record, size in zip(group, raw, strict=True):
            checker.equal(f"{place} units of {record.dataset} {record.part}", record.units, units * size / sum(raw))
        _moments(problem, design, group, year, checker)


def _moments(problem: Problem, design: Design, group: list[StorageRecord], year: int, checker: Checker) -> None:
    """Replay the calendar: whenever a run starts, the units carry what all runs of that moment move."""
    site, unit, units = group[0].site, problem.storage[group[0].name], group[0].site_units
    jobs = {record.job: record for record in design.training if (record.year, record.site) == (year, site)}
    taken = {name: _taken(problem, record, group) for name, record in jobs.items()}
    runs = [entry for entry in design.calendar if entry.year == year and entry.job in jobs]
    limits = {"read": unit.read_gb_per_s, "write": unit.write_gb_per_s, "random read": unit.read_kiops}
    rebuilds = [rebuild_load(unit, problem.protection[record.protection]) for record in group]
    rebuilt = {"read": max(r for r, _ in rebuilds), "write": max(w for _, w in rebuilds), "random read": 0.0}
    services = [problem.inference[record.dataset] for record in group if record.part == "weights"]
    slow = slowdown_of(unit, problem.sites[site].requires)
    rebuilt["read"] += sum(weights_gb(s, problem) / s.reload_s * slow for s in services if s.reload_s)
    place = f"storage {unit.name} at {site} year {year} reload_s"
    checker.at_most(place, rebuilt["read"] if services else 0.0, unit.read_gb_per_s * units, "what its units read")
    for moment in sorted({run.start_day for run in runs}):
        going = [run for run in runs if run.start_day <= moment + 1e-9 and run.end_day > moment + 1e-9]
        for what, limit in limits.items():
            if limit is not None:
                place = f"storage {unit.name} at {site} year {year} day {moment:g} {what}"
                at_once = sum(taken[run.job][what] for run in going)
                left = limit * units - rebuilt[what]
                checker.at_most(place, at_once, left, "what its units carry beside the rebuild of a drive")


def _taken(problem: Problem, job: TrainingRecord, group: list[StorageRecord]) -> dict[str, float]:
    """Return what one run of a job reads (GB/s), writes (GB/s) and reads at random (thousand a second)."""
    taken = dict.fromkeys(("read", "write", "random read"), 0.0)
    row = problem.training[job.job]
    for record in group:
        slow = slowdown_of(problem.storage[record.name], requires_of(problem, record))
        ratio = ratio_of(problem, record)
        if record.part == "checkpoint" and record.dataset == job.job:
            penalty = problem.protection[record.protection].written_per_stored
            taken["write"] += job.checkpoint_gb_per_s * penalty * slow / ratio
        elif record.part in DATA_PARTS and record.dataset == row.dataset:
            hot = problem.datasets[record.dataset].hot_pct / 100
            share = hot if record.part == "hot" else 1 - hot
            taken["read"] += job.ingest_gb_per_s * share * slow / ratio
            taken["random read"] += (
                read_kiops(run_of(job_in(problem, row, job.year), problem), job.alone_days) * share * slow
            )
    return taken
