"""Storage: every item lies somewhere, in whole units that hold it and deliver what is read and written.

    Σ_o place[i,s,o,w] = copy[d,s,w] (datasets),  ≥ Σ_{c at s} y[j,c,t] (checkpoints)
    Σ_s copy[d,s,w] ≥ min_copies;   copy[d,s,w] ≥ Σ_{c at s} y[j,c,t] for the jobs that read d
    Σ raw_o·size_i·place ≤ raw_tb·units[s,k,w];   min_units·use[s,k,w] ≤ units[s,k,w] ≤ most·use,   use ≤ Σ place
    Σ_o flow[i,s,o,t] = Σ rate_c·y[j,c,t],   flow ≤ most·place;   Σ flow ≤ bandwidth·units[s,k,w]

w is the stay that holds period t: what is bought stands in all periods (one stay), what is rented at a cloud site is
rented anew in each, so that a job that runs once pays for its storage once.
Bandwidth and IOPS are sized for all jobs of a site at once. A dataset has one codec at all its sites; packing and
unpacking are paid by the core-hour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dcopt.candidates.records import DataItem, Period, StorageOption, TrainingCandidate
from dcopt.design.records import StorageRecord
from dcopt.formulation.program import Program, all_years, linear, total, whole
from dcopt.formulation.training import chosen
from dcopt.performance.packing import packing_core_hours
from dcopt.problem.tables.catalog_rows import Storage as StorageUnit

ALL_YEARS = -1
"""The stay of what is bought once."""


def stays(program: Program, site: str) -> list[tuple[int, tuple[int, ...]]]:
    """Return (stay, years) of a site: each period where storage is rented, one for all years elsewhere."""
    if program.problem.sites[site].kind == "cloud":
        return [(period.index, period.years) for period in program.candidates.periods]
    return [(ALL_YEARS, tuple(all_years(program)))]


def stay_of(program: Program, site: str, period: int) -> int:
    """Return the stay of ``site`` that holds a period."""
    return period if program.problem.sites[site].kind == "cloud" else ALL_YEARS


@dataclass(frozen=True)
class Stream:
    """What one job moves to or from one item at one site."""

    item: DataItem
    site: str
    job: str
    writes: bool


def declare(program: Program) -> None:
    """Declare placements, units and flows, and buy or rent the units."""
    for (item_key, site), options in program.candidates.storage_options.items():
        for stay, _ in stays(program, site):
            for option in options:
                program.var("place", (item_key, site, option.key, stay), ub=1, binary=True)
    for dataset in program.problem.datasets.values():
        for site in program.problem.sites:
            if _item_sites(program, dataset.name, site):
                for stay, _ in stays(program, site):
                    program.var("copy", (dataset.name, site, stay), ub=1, binary=True)
        codecs = program.candidates.codecs[f"datasets/{dataset.name}"]
        for codec in codecs:
            program.var("codec", (dataset.name, codec.name), ub=1, binary=True)
    for site, unit, price in _units(program):
        most = _most_units(program, site, unit)
        for stay, years in stays(program, site):
            units = program.var("units", (site, unit.name, stay), ub=most, integer=True)
            program.var("use", (site, unit.name, stay), ub=1, binary=True)
            if price is None:
                _rent(program, site, unit, units, stay, years)
            else:
                _buy(program, site, unit, price, units)
    _declare_packing(program)


def _units(program: Program) -> list[tuple[str, StorageUnit, float | None]]:
    """Return (site, unit, price) of every unit on which something may lie."""
    found: dict[tuple[str, str], tuple[str, StorageUnit, float | None]] = {}
    for (_, site), options in program.candidates.storage_options.items():
        for option in options:
            found.setdefault((site, option.storage.name), (site, option.storage, option.price_usd))
    return list(found.values())


def _item_sites(program: Program, dataset: str, site: str) -> list[DataItem]:
    return [
        item
        for item in program.candidates.items
        if item.owner == f"datasets/{dataset}" and (item.key, site) in program.candidates.storage_options
    ]


def _rent(program: Program, site: str, unit: StorageUnit, units: Any, stay: int, years: tuple[int, ...]) -> None:
    monthly = (unit.rent_usd_per_tb_month or 0.0) * unit.raw_tb
    program.pay(site, "rent", 12 * units, monthly, years)
    program.rented.setdefault((site, "storage", unit.name), {})[stay] = units


def _buy(program: Program, site: str, unit: StorageUnit, price: float, units: Any) -> None:
    program.buy(site, "storage", "storage", unit.name, units, price, unit.lifetime_years)
    program.pay(site, "maintenance", units, price * unit.maintenance_pct_per_year / 100)
    program.constant_load(site, units, unit.max_kw, unit.rack_units, unit.name)


def _declare_packing(program: Program) -> None:
    """Pay the CPU that packs and unpacks each dataset, at the first site that may hold it."""
    for dataset in program.problem.datasets.values():
        sites = [site for site in program.problem.sites if _item_sites(program, dataset.name, site)]
        if not sites:
            continue
        for codec in program.candidates.codecs[f"datasets/{dataset.name}"]:
            for year in range(1, program.finance.horizon_years + 1):
                hours = packing_core_hours(program.problem, dataset, codec, year)
                if hours > 0:
                    choice = program.model.codec[dataset.name, codec.name]
                    rate = program.problem.settings.cpu_usd_per_core_hour
                    program.pay(sites[0], "processing", hours * choice, rate, (year,))


def _streams(program: Program) -> list[tuple[Stream, dict[int, list[tuple[TrainingCandidate, Any]]]]]:
    """Return every stream with the choices that drive it, by period index."""
    found: dict[Stream, dict[int, list[tuple[TrainingCandidate, Any]]]] = {}
    for period in program.candidates.periods:
        for candidate, variable in chosen(program, period):
            for item in program.candidates.items:
                if (item.key, candidate.pool.site) not in program.candidates.storage_options:
                    continue
                writes = item.owner == f"training/{candidate.job}"
                reads = item.owner == f"datasets/{program.problem.training[candidate.job].dataset}"
                if writes or reads:
                    stream = Stream(item, candidate.pool.site, candidate.job, writes)
                    found.setdefault(stream, {}).setdefault(period.index, []).append((candidate, variable))
    return list(found.items())


def rate_gb_per_s(stream: Stream, candidate: TrainingCandidate) -> float:
    """Return what a candidate moves on a stream, before codec and protection."""
    return candidate.checkpoint_gb_per_s if stream.writes else candidate.ingest_gb_per_s * stream.item.share


def _most_units(program: Program, site: str, unit: StorageUnit) -> int:
    """Return the units that hold and move everything that may lie at a site, on this unit alone."""
    raw, read, written, kiops = 0.0, 0.0, 0.0, 0.0
    for (item_key, at), options in program.candidates.storage_options.items():
        mine = [option for option in options if option.storage.name == unit.name]
        if at != site or not mine:
            continue
        item = program.candidates.item_of[item_key]
        raw += item.size_tb * max(option.raw_tb_per_tb for option in mine)
        for of_job in program.candidates.training.values():
            rates = [c for c in of_job if c.pool.site == site]
            if item.part == "checkpoint":
                own = [c.checkpoint_gb_per_s for c in rates if item.owner == f"training/{c.job}"]
                written += max(own, default=0.0) * max(option.protection.written_per_stored for option in mine)
            else:
                read += max((c.ingest_gb_per_s for c in rates), default=0.0)
                kiops += max((c.read_kiops for c in rates), default=0.0)
    needs = [raw / unit.raw_tb, float(unit.min_units), float(program.least_offered(site, "storage", unit.name))]
    if unit.read_gb_per_s:
        needs.append(read / unit.read_gb_per_s)
    if unit.write_gb_per_s:
        needs.append(written / unit.write_gb_per_s)
    if unit.read_kiops:
        needs.append(kiops / unit.read_kiops)
    return max(math.ceil(need - 1e-9) for need in needs)


def link(program: Program) -> None:
    """Place every item, size the units, and carry every stream."""
    _placements(program)
    _copies(program)
    loads = _flows(program)
    _sizes(program, loads)


def _placements(program: Program) -> None:
    model = program.model
    for (item_key, site), options in program.candidates.storage_options.items():
        item = program.candidates.item_of[item_key]
        for stay, _ in stays(program, site):
            key = (item_key, site, stay)
            placed = total(model.place[item_key, site, option.key, stay] for option in options)
            if item.part == "checkpoint":
                here = program.var("checkpoint_at", (item.name, site, stay), ub=1, binary=True)
                program.require("placed", key, placed == here)
                continue
            program.require("placed", key, placed == model.copy[item.name, site, stay])
            for codec in program.candidates.codecs[item.owner]:
                with_it = [option for option in options if option.codec.name == codec.name]
                same = total(model.place[item_key, site, option.key, stay] for option in with_it)
                program.require("one_codec", (*key, codec.name), same <= model.codec[item.name, codec.name])


def _copies(program: Program) -> None:
    model = program.model
    for dataset in program.problem.datasets.values():
        sites = [site for site in program.problem.sites if _item_sites(program, dataset.name, site)]
        codecs = program.candidates.codecs[f"datasets/{dataset.name}"]
        program.require("some_codec", dataset.name, total(model.codec[dataset.name, c.name] for c in codecs) == 1)
        for period in program.candidates.periods:
            copies = [model.copy[dataset.name, site, stay_of(program, site, period.index)] for site in sites]
            program.require(
                "copies",
                (dataset.name, period.index),
                total(copies) >= dataset.min_copies,
                row=f"datasets.csv: {dataset.name} min_copies",
                sentence=f"dataset {dataset.name} has {dataset.min_copies} copies at different sites",
            )
    for period in program.candidates.periods:
        at: dict[tuple[str, str], list[Any]] = {}
        for candidate, variable in chosen(program, period):
            at.setdefault((candidate.job, candidate.pool.site), []).append(variable)
        for (job, site), variables in at.items():
            here = linear([1.0] * len(variables), variables)
            _data_at(program, period, job, site, here)


def _data_at(program: Program, period: Period, job: str, site: str, here: Any) -> None:
    """A job's checkpoints, and its dataset, lie where it runs."""
    model = program.model
    key = (job, site, period.index)
    stay = stay_of(program, site, period.index)
    kept = model.component("checkpoint_at")
    has_room = bool(program.candidates.storage_options.get((f"{job}:checkpoint", site)))
    program.require(
        "checkpoints_there",
        key,
        here <= kept[job, site, stay] if has_room and kept is not None else here <= 0,
        row=f"training.csv: {job} sites",
        sentence=f"the checkpoints of {job} lie where it runs",
    )
    dataset = program.problem.training[job].dataset
    if dataset is not None:
        copy = model.component("copy")
        allowed = copy is not None and (dataset, site, stay) in copy
        program.require(
            "data_there",
            key,
            here <= copy[dataset, site, stay] if allowed else here <= 0,
            row=f"training.csv: {job} dataset",
            sentence=f"a copy of {dataset} lies where {job} runs",
        )


def _flows(program: Program) -> dict[tuple[str, str, int, str], list[tuple[float, Any]]]:
    """Declare the flows and return what they put on each (site, unit, period, resource)."""
    model = program.model
    loads: dict[tuple[str, str, int, str], list[tuple[float, Any]]] = {}
    for stream, by_period in _streams(program):
        options = program.candidates.storage_options[stream.item.key, stream.site]
        for period, choices in by_period.items():
            rates = [rate_gb_per_s(stream, candidate) for candidate, _ in choices]
            most = max(rates)
            if most <= 0:
                continue
            key = (stream.item.key, stream.site, stream.job, period)
            flows = [program.var("flow", (*key, option.key), ub=most) for option in options]
            driven = linear(rates, [variable for _, variable in choices])
            program.require("moved", key, linear([1.0] * len(flows), flows) == driven)
            stay = stay_of(program, stream.site, period)
            for option, flow in zip(options, flows, strict=True):
                placed = model.place[stream.item.key, stream.site, option.key, stay]
                program.require("moved_there", (*key, option.key), flow <= most * placed)
                for resource, factor in _weights(stream, option, choices[0][0]):
                    at = (stream.site, option.storage.name, period, resource)
                    loads.setdefault(at, []).append((factor, flow))
    return loads


def _weights(stream: Stream, option: StorageOption, candidate: TrainingCandidate) -> list[tuple[str, float]]:
    """Return what one GB/s of a stream takes of the unit's bandwidth and IOPS."""
    ratio = option.codec.ratio(stream.item.compressibility)
    if stream.writes:
        return [("write", option.protection.written_per_stored / ratio)]
    per_gb = candidate.read_kiops / candidate.ingest_gb_per_s if candidate.ingest_gb_per_s else 0.0
    return [("read", 1 / ratio), ("kiops", per_gb)]


def _sizes(program: Program, loads: dict[tuple[str, str, int, str], list[tuple[float, Any]]]) -> None:
    model = program.model
    stored: dict[tuple[str, str, int], list[tuple[float, Any]]] = {}
    for (item_key, site), options in program.candidates.storage_options.items():
        item = program.candidates.item_of[item_key]
        for stay, _ in stays(program, site):
            for option in options:
                place = model.place[item_key, site, option.key, stay]
                key = (site, option.storage.name, stay)
                stored.setdefault(key, []).append((item.size_tb * option.raw_tb_per_tb, place))
    for site, unit, stay in [(s, u, w) for s, u, _ in _units(program) for w, _ in stays(program, s)]:
        key = (site, unit.name, stay)
        units, use = model.units[key], model.use[key]
        program.require("storage_least", key, units >= unit.min_units * use)
        program.require("storage_use", key, units <= units.ub * use)
        if program.problem.sites[site].kind != "cloud":
            program.require("storage_is_active", key, use <= model.active_site[site])
        raw = linear([size for size, _ in stored[key]], [place for _, place in stored[key]])
        program.require(
            "capacity",
            key,
            raw <= unit.raw_tb * units,
            row=f"storage.csv: {unit.name} raw_tb",
            sentence=f"the {unit.name} units at {site} hold what lies on them",
        )
        program.require("used_by_some", key, use <= total(place for _, place in stored[key]))
        for _, place in stored[key]:
            program.require("placed_on_used", (key, place.name), place <= use)
    limits = {"read": "read_gb_per_s", "write": "write_gb_per_s", "kiops": "read_kiops"}
    by_name = {(site, unit.name): unit for site, unit, _ in _units(program)}
    for (site, name, period, resource), flows in loads.items():
        limit = getattr(by_name[site, name], limits[resource])
        if limit is None:
            continue
        program.require(
            "bandwidth",
            (site, name, period, resource),
            linear([factor for factor, _ in flows], [flow for _, flow in flows])
            <= limit * model.units[site, name, stay_of(program, site, period)],
            row=f"storage.csv: {name} {limits[resource]}",
            sentence=f"the {name} units at {site} move what the jobs of the site {resource} at once",
        )


def extract(program: Program) -> list[StorageRecord]:
    """Return where every item lies; units are shared by the raw capacity that items take."""
    return [
        record
        for site in program.problem.sites
        for stay, years in stays(program, site)
        for record in _records(program, site, stay, years)
    ]


def _records(program: Program, site: str, stay: int, years: tuple[int, ...]) -> list[StorageRecord]:
    placed: dict[str, list[tuple[DataItem, StorageOption]]] = {}
    for (item_key, at), options in program.candidates.storage_options.items():
        for option in options if at == site else ():
            if whole(program.model.place[item_key, site, option.key, stay]):
                placed.setdefault(option.storage.name, []).append((program.candidates.item_of[item_key], option))
    records = []
    for name, contents in placed.items():
        units = whole(program.model.units[site, name, stay])
        raw = sum(item.size_tb * option.raw_tb_per_tb for item, option in contents)
        for item, option in contents:
            record = StorageRecord(
                site=site,
                name=name,
                dataset=item.name,
                part=item.part,  # type: ignore[arg-type]
                year=1,
                units=units * item.size_tb * option.raw_tb_per_tb / raw,
                site_units=units,
                protection=option.protection.name,
                codec=option.codec.name,
                stored_tb=item.size_tb,
                usable_tb=item.size_tb / option.codec.ratio(item.compressibility),
                rented=option.price_usd is None,
            )
            records += [record.model_copy(update={"year": year}) for year in years]
    return records
