"""What the jobs of a site read and write while they run, and the storage units that carry it.

    Σ_o flow[i,s,j,t,o] = Σ_{c at s} rate_c·y[j,c,t],          flow ≤ most·place           GB/s of one run
    Σ_i Σ_o weight_o·flow ≤ limit_k·units[s,k,w] − rebuild_k·use[s,k,w]                     each job alone
    Σ_o volume[i,s,j,t,o] = Σ_{c at s} runs·days_c·rate_c·y,   volume ≤ most·place         GB/s × days of a year
    Σ_{jobs with window in [a,b]} Σ_i Σ_o weight_o·volume ≤ (b − a)·(limit_k·units − …)   each interval of windows

rebuild_k is what the rebuild of one drive takes, with the widest protection that may lie on the units. What services
read again of their weights at any time is taken off in the same way, for those that lie there.
Jobs share the GB/s and the IOPS of a system as they share nodes: what runs at once is decided by the calendar, which
the pipeline packs with both (formulation.md, point 9). Rows that hold for every choice are left out: where the units
of a system at their least carry all that may come, and where all runs fit one after another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dcopt.candidates.pruning import always_in_turn
from dcopt.candidates.records import DataItem, Period, StorageOption, TrainingCandidate
from dcopt.formulation import precedence
from dcopt.formulation.expressions import linear, total, whole
from dcopt.formulation.program import Program
from dcopt.formulation.stays import stay_of
from dcopt.formulation.training import chosen

LIMITS = {"read": "read_gb_per_s", "write": "write_gb_per_s", "kiops": "read_kiops"}
"""The column that limits each resource of a unit."""

WORDS = {"read": "read", "write": "write", "kiops": "read at random"}

Choices = list[tuple[TrainingCandidate, Any]]


@dataclass(frozen=True)
class Stream:
    """What one job moves to or from one item at one site."""

    item: DataItem
    site: str
    job: str
    writes: bool


@dataclass(frozen=True)
class Resource:
    """What the units of one kind at a site deliver together: read or write GB/s, or thousand reads a second."""

    site: str
    name: str
    kind: str
    limit: float
    """What one unit delivers."""
    min_units: int
    rebuild: float
    """What the rebuild of one drive takes of all units together."""

    @property
    def key(self) -> str:
        """Its name in the calendar."""
        return f"{self.kind} of {self.site}/{self.name}"


@dataclass(frozen=True)
class Share:
    """What a run takes of a resource through one item: ``units`` units of it carry that."""

    resource: Resource
    stream: Stream
    weight: float
    units: float


@dataclass(frozen=True)
class Load:
    """A variable of what a stream moves, with what one GB/s of it takes of each resource."""

    stream: Stream
    moved: Any
    weights: dict[Resource, float]


def streams_of(program: Program, job: str, site: str) -> list[Stream]:
    """Return what a job moves when it runs at ``site``."""
    dataset = program.problem.training[job].dataset
    owners = {f"training/{job}": True, f"datasets/{dataset}": False}
    return [
        Stream(item, site, job, owners[item.owner])
        for item in program.candidates.items
        if item.owner in owners and (item.key, site) in program.candidates.storage_options
    ]


def rate_of(stream: Stream, candidate: TrainingCandidate) -> float:
    """Return the GB/s that a run moves on a stream, before codec and protection."""
    return candidate.checkpoint_gb_per_s if stream.writes else candidate.ingest_gb_per_s * stream.item.share


def weights_of(
    program: Program, stream: Stream, option: StorageOption, candidate: TrainingCandidate
) -> dict[Resource, float]:
    """Return what one GB/s of a stream takes of the limited resources of the unit on which its item lies.

    Every candidate of a job reads as many samples for each GB, so any of them may be given.
    """
    ratio = option.codec.ratio(stream.item.compressibility)
    rebuilds = program.candidates.rebuilds[stream.site, option.storage.name]
    rebuilt = {"read": rebuilds[0], "write": rebuilds[1], "kiops": 0.0}
    if stream.writes:
        kinds = {"write": option.protection.written_per_stored / ratio}
    else:
        per_gb = candidate.read_kiops / candidate.ingest_gb_per_s if candidate.ingest_gb_per_s else 0.0
        kinds = {"read": 1 / ratio, "kiops": per_gb}
    unit, found = option.storage, {}
    for kind, weight in kinds.items():
        limit: float | None = getattr(unit, LIMITS[kind])
        if weight and limit is not None:
            resource = Resource(stream.site, unit.name, kind, limit, unit.min_units, rebuilt[kind])
            found[resource] = weight * option.slowdown
    return found


def heaviest(program: Program, stream: Stream, candidate: TrainingCandidate) -> dict[Resource, float]:
    """Return the largest weight of a stream on each resource, over all ways to store its item."""
    found: dict[Resource, float] = {}
    for option in program.candidates.storage_options[stream.item.key, stream.site]:
        for resource, weight in weights_of(program, stream, option, candidate).items():
            found[resource] = max(weight, found.get(resource, 0.0))
    return found


def in_turn(program: Program) -> bool:
    """Whether all runs of all jobs fit one after another, whatever is chosen: then none need share GB/s."""
    return always_in_turn(program.problem, program.candidates.training)


def most_taken(program: Program) -> dict[tuple[str, str], float]:
    """Return, by (site, unit), the units that carry all that may come to them, whatever is chosen.

    Where all runs fit one after another the largest job counts, else all runs of all jobs at once.
    """
    alone: dict[tuple[Resource, str], float] = {}
    for job, candidates in program.candidates.training.items():
        by_site: dict[str, list[TrainingCandidate]] = {}
        for candidate in candidates:
            by_site.setdefault(candidate.pool.site, []).append(candidate)
        for site, here in by_site.items():
            for stream in streams_of(program, job, site):
                most = max(rate_of(stream, candidate) for candidate in here)
                for resource, weight in heaviest(program, stream, here[0]).items():
                    alone[resource, job] = alone.get((resource, job), 0.0) + weight * most
    one_by_one = in_turn(program)
    needs: dict[Resource, float] = {}
    for (resource, job), amount in alone.items():
        before = needs.get(resource, 0.0)
        needs[resource] = (
            max(before, amount)
            if one_by_one
            else before + amount * max(c.runs for c in program.candidates.training[job])
        )
    found: dict[tuple[str, str], float] = {}
    for resource, amount in needs.items():
        if resource.limit:
            at = (resource.site, resource.name)
            beside = _most_reloaded(program, *at) if resource.kind == "read" else 0.0
            found[at] = max(found.get(at, 0.0), (amount + resource.rebuild + beside) / resource.limit)
    for at, (read, _) in program.candidates.rebuilds.items():
        limit = program.problem.storage[at[1]].read_gb_per_s
        if limit and (beside := _most_reloaded(program, *at)):
            found[at] = max(found.get(at, 0.0), (read + beside) / limit)
    return found


def link(program: Program) -> None:
    """Give every job the GB/s and IOPS that it takes, and every interval of windows what the jobs within it take."""
    one_by_one = in_turn(program)
    _reloaded(program)
    for period in program.candidates.periods:
        by_stream = _by_stream(program, period)
        _each_alone(program, period.index, by_stream)
        if not one_by_one:
            _together(program, period.index, by_stream)


def _by_stream(program: Program, period: Period) -> dict[Stream, Choices]:
    at: dict[tuple[str, str], Choices] = {}
    for candidate, variable in chosen(program, period):
        at.setdefault((candidate.job, candidate.pool.site), []).append((candidate, variable))
    return {stream: choices for key, choices in at.items() for stream in streams_of(program, *key)}


def _each_alone(program: Program, period: int, by_stream: dict[Stream, Choices]) -> None:
    most: dict[tuple[Resource, str], float] = {}
    rates = {stream: [rate_of(stream, candidate) for candidate, _ in choices] for stream, choices in by_stream.items()}
    for stream, choices in by_stream.items():
        for resource, weight in heaviest(program, stream, choices[0][0]).items():
            most[resource, stream.job] = most.get((resource, stream.job), 0.0) + max(rates[stream]) * weight
    scarce = {at: amount for at, amount in most.items() if not _always_carried(program, at[0], amount)}
    loads = _loads(program, "flow", period, by_stream, rates, set(scarce))
    for resource, job in scarce:
        _carry(program, "bandwidth", period, resource, {job}, loads, 1.0)


def _together(program: Program, period: int, by_stream: dict[Stream, Choices]) -> None:
    """Keep the jobs whose window lies within an interval of days within what the units move in that interval."""
    jobs = {stream.job for stream in by_stream}
    spans = precedence.windows(program, program.candidates.periods[period])
    windows = {name: span for name, span in spans.items() if name in jobs}
    in_a_year = {
        stream: [c.runs * c.days * rate_of(stream, c) for c, _ in choices] for stream, choices in by_stream.items()
    }
    scarce: dict[tuple[Resource, float, float], set[str]] = {}
    for start in sorted({first for first, _ in windows.values()}):
        for end in sorted({last for _, last in windows.values()}):
            inside = {name for name, (first, last) in windows.items() if start <= first and last <= end}
            if _one_after_another(program, by_stream, inside) <= end - start:
                continue
            most: dict[Resource, float] = {}
            for stream, choices in by_stream.items():
                for resource, weight in heaviest(program, stream, choices[0][0]).items():
                    if stream.job in inside:
                        most[resource] = most.get(resource, 0.0) + weight * max(in_a_year[stream])
            for resource, amount in most.items():
                if not _always_carried(program, resource, amount / (end - start)):
                    scarce[resource, start, end] = inside
    taken = {(resource, job) for (resource, _, _), jobs in scarce.items() for job in jobs}
    loads = _loads(program, "volume", period, by_stream, in_a_year, taken)
    for (resource, start, end), jobs in scarce.items():
        _carry(program, "bandwidth_days", period, resource, jobs, loads, end - start, (start, end))


def _one_after_another(program: Program, by_stream: dict[Stream, Choices], jobs: set[str]) -> float:
    """Return the days that all runs of some jobs take in turn, at their slowest."""
    longest: dict[str, float] = {}
    for stream, choices in by_stream.items():
        if stream.job in jobs:
            days = max(c.runs * c.days for c, _ in choices)
            longest[stream.job] = max(days, longest.get(stream.job, 0.0))
    return sum(longest.values())


def _always_carried(program: Program, resource: Resource, most: float) -> bool:
    beside = _most_reloaded(program, resource.site, resource.name) if resource.kind == "read" else 0.0
    return most + beside <= resource.limit * resource.min_units - resource.rebuild


def _loads(
    program: Program,
    name: str,
    period: int,
    by_stream: dict[Stream, Choices],
    amounts: dict[Stream, list[float]],
    taken: set[tuple[Resource, str]],
) -> list[Load]:
    """Declare what every stream that may take a scarce resource moves, by the way in which its item is stored."""
    loads = []
    for stream, choices in by_stream.items():
        if not any((resource, stream.job) in taken for resource in heaviest(program, stream, choices[0][0])):
            continue
        most = max(amounts[stream])
        key = (stream.item.key, stream.site, stream.job, period)
        stay = stay_of(program, stream.site, period)
        parts = []
        for option in program.candidates.storage_options[stream.item.key, stream.site]:
            part = program.var(name, (*key, option.key), ub=most)
            placed = program.model.place[stream.item.key, stream.site, option.key, stay]
            program.require(f"{name}_there", (*key, option.key), part <= most * placed)
            parts.append(part)
            loads.append(Load(stream, part, weights_of(program, stream, option, choices[0][0])))
        driven = linear(amounts[stream], [variable for _, variable in choices])
        program.require(f"{name}_moved", key, total(parts) == driven)
    return loads


def _carry(
    program: Program,
    name: str,
    period: int,
    resource: Resource,
    jobs: set[str],
    loads: list[Load],
    days: float,
    span: tuple[float, ...] = (),
) -> None:
    """Keep what some jobs move within what the units deliver in ``days`` days (1 for rates)."""
    mine = [load for load in loads if load.stream.job in jobs and resource in load.weights]
    there = free_of(program, resource, period)
    names = " and ".join(sorted(jobs))
    when = f" between day {span[0]:g} and day {span[1]:g}" if span else ""
    program.require(
        name,
        (resource.key, period, names, *span),
        linear([load.weights[resource] for load in mine], [load.moved for load in mine])
        <= resource.limit * days * there,
        row=f"storage.csv: {resource.name} {LIMITS[resource.kind]}",
        sentence=f"the {resource.name} units at {resource.site} carry what {names} {WORDS[resource.kind]}{when}",
    )


def free_of(program: Program, resource: Resource, period: int) -> Any:
    """Return the units of a resource that are left to jobs, beside the rebuild of a drive and what services read."""
    stay = stay_of(program, resource.site, period)
    key = (resource.site, resource.name, stay)
    left = program.model.units[key]
    if not resource.limit:
        return -total(place for place in _read_there(program, resource, stay))
    left -= resource.rebuild / resource.limit * program.model.use[key]
    for item_key, option, rate in reloads(program, resource.site, resource.name) if resource.kind == "read" else ():
        left -= rate / resource.limit * program.model.place[item_key, resource.site, option.key, stay]
    return left


def _read_there(program: Program, resource: Resource, stay: int) -> list[Any]:
    """Return the choices that put something that is read at any time on units which deliver nothing."""
    return [
        program.model.place[item_key, resource.site, option.key, stay]
        for item_key, option, _ in reloads(program, resource.site, resource.name)
        if resource.kind == "read"
    ]


def reloads(program: Program, site: str, unit: str) -> list[tuple[str, StorageOption, float]]:
    """Return (item, way to store it, GB/s of the units) of everything that is read at any time."""
    items = program.candidates.item_of
    return [
        (item_key, option, items[item_key].read_gb_per_s * option.slowdown)
        for (item_key, at), options in program.candidates.storage_options.items()
        for option in options
        if items[item_key].read_gb_per_s and (at, option.storage.name) == (site, unit)
    ]


def _most_reloaded(program: Program, site: str, unit: str) -> float:
    """Return the GB/s that all that is read at any time takes of a unit, if all of it lies there."""
    most = {item_key: rate for item_key, _, rate in reloads(program, site, unit)}
    return sum(most.values())


def _reloaded(program: Program) -> None:
    """Let every system carry what services read again, whether jobs read there or not."""
    for site, name in program.candidates.rebuilds:
        ways = reloads(program, site, name)
        if not ways:
            continue  # what no services read again needs no row of its own
        unit = ways[0][1].storage
        read = program.candidates.rebuilds[site, name][0]
        resource = Resource(site, name, "read", unit.read_gb_per_s, unit.min_units, read)
        for period in program.candidates.periods:
            program.require(
                "reloaded",
                (site, name, period.index),
                free_of(program, resource, period.index) >= 0,
                row=f"storage.csv: {name} read_gb_per_s",
                sentence=f"the {name} units at {site} carry what services read again of their weights",
            )


def shares_of(program: Program, candidate: TrainingCandidate, period: int) -> list[Share]:
    """Return what a run of a chosen candidate of a solved program takes of the units on which its data lies."""
    found = []
    site = candidate.pool.site
    stay = stay_of(program, site, period)
    for stream in streams_of(program, candidate.job, site):
        for option in program.candidates.storage_options[stream.item.key, site]:
            if whole(program.model.place[stream.item.key, site, option.key, stay]):
                for resource, weight in weights_of(program, stream, option, candidate).items():
                    units = weight * rate_of(stream, candidate) / resource.limit if resource.limit else 0.0
                    found.append(Share(resource, stream, weight, units))
    return found


def heavier_ways(program: Program, share: Share, candidate: TrainingCandidate, period: int) -> list[Any]:
    """Return the choices that store the item of a share on the same units and take no less of them."""
    stream, resource = share.stream, share.resource
    stay = stay_of(program, stream.site, period)
    return [
        program.model.place[stream.item.key, stream.site, option.key, stay]
        for option in program.candidates.storage_options[stream.item.key, stream.site]
        if weights_of(program, stream, option, candidate).get(resource, 0.0) >= share.weight
    ]
