"""Storage: every item lies somewhere, in whole units that hold it; what they move is block storage_flow's.

    Σ_o place[i,s,o,w] = copy[d,s,w] (datasets),  ≥ Σ_{c at s} y[j,c,t] (checkpoints)
    ub·Σ_o place[i,s,o,w] ≥ replicas[v,c,t] (weights of services that read them again from storage)
    Σ_s copy[d,s,w] ≥ min_copies;   copy[d,s,w] ≥ Σ_{c at s} y[j,c,t] for the jobs that read d
    Σ raw_o·size_i·place ≤ raw_tb·units[s,k,w];   min_units·use[s,k,w] ≤ units[s,k,w] ≤ most·use,   use ≤ Σ place
    Σ_o least_o·place[i,s,o,w] ≤ units[s,k,w]                       the parts of a group lie on different units
    Σ_s Σ_o nines_o·place[i,s,o,w] ≥ nines_i                        losses of copies at different sites multiply

w is the stay that holds period t: what is bought stands in all periods (one stay), what is rented at a cloud site is
rented anew in each, so that a job that runs once pays for its storage once. A dataset has one codec at all its sites;
packing and unpacking are paid by the core-hour.
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.candidates.records import DataItem, Period, StorageOption
from dcopt.design.records import StorageRecord
from dcopt.formulation import storage_flow
from dcopt.formulation.expressions import linear, total, whole
from dcopt.formulation.program import Program, all_years
from dcopt.formulation.stays import stay_of, stays
from dcopt.formulation.training import chosen
from dcopt.infrastructure.storage import loss_probability, tolerated_failures
from dcopt.performance.packing import packing_core_hours
from dcopt.problem.tables.catalog_rows import Storage as StorageUnit


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
    moved = storage_flow.most_taken(program)
    for site, unit, price in _units(program):
        most = _most_units(program, site, unit, moved.get((site, unit.name), 0.0))
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
    program.keep(site, units, price, 0.0, unit.maintenance_pct_per_year)
    program.constant_load(site, units, unit.max_kw, unit.rack_units, unit.name)


def _most_units(program: Program, site: str, unit: StorageUnit, moved: float) -> int:
    """Return the units that hold everything that may lie at a site, on this unit alone, and move what may be moved."""
    raw = 0.0
    for (item_key, at), options in program.candidates.storage_options.items():
        mine = [option.raw_tb_per_tb for option in options if option.storage.name == unit.name]
        if at == site and mine:
            raw += program.candidates.item_of[item_key].size_tb * max(mine)
    least = max(program.least_offered(site, "storage", unit.name), *_widths(program, site, unit))
    return max(math.ceil(need - 1e-9) for need in (raw / unit.raw_tb, moved, float(least)))


def _widths(program: Program, site: str, unit: StorageUnit) -> list[int]:
    """Return the units that each way to store something on a unit needs at the least."""
    return [
        option.least_units
        for (_, at), options in program.candidates.storage_options.items()
        for option in options
        if (at, option.storage.name) == (site, unit.name)
    ]


def _declare_packing(program: Program) -> None:
    """Pay the CPU that packs and unpacks each dataset, at the first site that may hold it."""
    for dataset in program.problem.datasets.values():
        sites = [site for site in program.problem.sites if _item_sites(program, dataset.name, site)]
        if not sites:
            continue
        for codec in program.candidates.codecs[f"datasets/{dataset.name}"]:
            for year in all_years(program):
                hours = packing_core_hours(program.problem, dataset, codec, year)
                if hours > 0:
                    choice = program.model.codec[dataset.name, codec.name]
                    rate = program.problem.settings.cpu_usd_per_core_hour
                    program.pay(sites[0], "processing", hours * choice, rate, (year,))


def link(program: Program) -> None:
    """Place every item, size the units, and carry every stream."""
    _placements(program)
    _copies(program)
    _durability(program)
    _sizes(program)
    _apart(program)
    storage_flow.link(program)


def _placements(program: Program) -> None:
    model = program.model
    for (item_key, site), options in program.candidates.storage_options.items():
        item = program.candidates.item_of[item_key]
        for stay, _ in stays(program, site):
            key = (item_key, site, stay)
            placed = total(model.place[item_key, site, option.key, stay] for option in options)
            if not item.is_data:
                here = program.var("kept_at", (item.key, site, stay), ub=1, binary=True)
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
    _weights(program)
    for period in program.candidates.periods:
        at: dict[tuple[str, str], list[Any]] = {}
        for candidate, variable in chosen(program, period):
            at.setdefault((candidate.job, candidate.pool.site), []).append(variable)
        for (job, site), variables in at.items():
            here = total(variables)
            _data_at(program, period, job, site, here)


def _weights(program: Program) -> None:
    """The weights of a service that reads them again lie wherever it runs."""
    for period in program.candidates.periods:
        for service, _, _ in period.loads:
            if program.problem.inference[service].reload_s is None:
                continue
            for index, candidate in enumerate(program.candidates.serving[service]):
                site = candidate.pool.site
                item = f"{service}:weights"
                replicas = program.model.replicas[service, index, period.index]
                has_room = bool(program.candidates.storage_options.get((item, site)))
                kept: Any = program.model.component("kept_at")
                here = kept[item, site, stay_of(program, site, period.index)] if has_room else 0.0
                program.require(
                    "weights_there",
                    (service, index, period.index),
                    replicas <= replicas.ub * here,
                    row=f"inference.csv: {service} reload_s",
                    sentence=f"the weights of {service} lie on flash storage where it runs",
                )


def _data_at(program: Program, period: Period, job: str, site: str, here: Any) -> None:
    """A job's checkpoints, and its dataset, lie where it runs."""
    model = program.model
    key = (job, site, period.index)
    stay = stay_of(program, site, period.index)
    kept = model.component("kept_at")
    checkpoints = f"{job}:checkpoint"
    has_room = bool(program.candidates.storage_options.get((checkpoints, site)))
    program.require(
        "checkpoints_there",
        key,
        here <= kept[checkpoints, site, stay] if has_room and kept is not None else here <= 0,
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


def _durability(program: Program) -> None:
    """Keep every item through a year with its nines: those of independent copies add up."""
    for item in program.candidates.items:
        at = [(site, options) for (key, site), options in program.candidates.storage_options.items() if key == item.key]
        if all(option.nines >= item.nines for _, options in at for option in options):
            continue
        for period in program.candidates.periods:
            copies = [
                (option.nines, program.model.place[item.key, site, option.key, stay_of(program, site, period.index)])
                for site, options in at
                for option in options
            ]
            program.require(
                "durability",
                (item.key, period.index),
                linear([nines for nines, _ in copies], [place for _, place in copies]) >= item.nines,
                row=f"datasets.csv: {item.name} max_annual_loss_probability",
                sentence=f"the copies of {item.name} together are as safe from drive failures as it asks",
            )


def _apart(program: Program) -> None:
    """Let the parts of every group lie on different units."""
    for (item_key, site), options in program.candidates.storage_options.items():
        for unit in {option.storage.name: option.storage for option in options}.values():
            wide = [o for o in options if o.storage.name == unit.name]
            if all(option.least_units <= unit.min_units for option in wide):
                continue
            for stay, _ in stays(program, site):
                places = [program.model.place[item_key, site, option.key, stay] for option in wide]
                program.require(
                    "apart",
                    (item_key, site, unit.name, stay),
                    linear([float(option.least_units) for option in wide], places)
                    <= program.model.units[site, unit.name, stay],
                    row=f"protection.csv: {' '.join(sorted({option.protection.name for option in wide}))}",
                    sentence=f"the parts of a group lie on different {unit.name} units at {site}",
                )


def _sizes(program: Program) -> None:
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
                survives_failures=tolerated_failures(option.protection),
                annual_loss_probability=loss_probability(
                    option.storage, option.protection, item.size_tb * option.raw_tb_per_tb
                ),
            )
            records += [record.model_copy(update={"year": year}) for year in years]
    return records
