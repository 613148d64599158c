"""The fastest legal layouts of a training step: for many numbers of chips, networks and ways to compute at once.

A cheap bound decides which layouts are timed. The arithmetic of a layout and its traffic through memory are numerators
over the rates of a chip, the same for every precision and framework whose kernels are of one kind, and what
communication, launches and the optimizer add is never negative. So four products and their sum bound every step from
below, and only layouts whose bound lies below the best step found so far are timed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dcopt.performance.cluster import Cluster
from dcopt.performance.layouts import Ints, enumerate_layouts
from dcopt.performance.memory import memory_gb, memory_kind
from dcopt.performance.training_bound import Numerators, kernels_of, numerators_of
from dcopt.performance.training_records import Layout, TrainingTask
from dcopt.performance.training_step import Floats, Times, evaluate
from dcopt.problem.tables.catalog_rows import Software

FIRST = 4
"""Layouts of each size, those with the least bounds, that are timed before any is left out."""
ROUNDING = 1e-9
"""Share by which a bound may exceed a step and still be taken as no larger."""


@dataclass(frozen=True)
class Way:
    """A precision and a framework.

    alone, together: by what their steps are multiplied before they are compared, on one node and on several. rank:
    what is wanted of a framework besides speed, smaller is better: a faster way of a larger rank replaces none.
    """

    precision: str
    software: Software
    alone: float = 1.0
    together: float = 1.0
    rank: float = 0.0


@dataclass(frozen=True)
class Found:
    """The fastest layout of some chips on one network: row ``index`` of ``times``, and the GB that it needs."""

    layout: Layout
    times: Times
    index: int
    memory_gb: float
    step_s: float


@dataclass(frozen=True)
class ManyLinks:
    """What connects the nodes of each of many layouts, which may be on different networks (arrays of one length)."""

    scaleup_gb_per_s: float
    scaleup_domain: int
    accelerators_per_node: int
    network_gb_per_s_per_accelerator: Floats
    latency_us: Floats
    oversubscription: Floats
    full_rate_chips: Floats


def fastest_layouts(
    task: TrainingTask,
    clusters: Sequence[Cluster],
    accelerators: Sequence[Sequence[int]],
    ways: Sequence[Way],
    fixed: Mapping[str, int | str] | None = None,
) -> list[list[dict[int, Found]]]:
    """Return by cluster and way the fastest legal layout of each number of chips that fits the memory.

    What another way of no larger rank does faster, each multiplied by its factor, is left out. Ties of one way go to
    the layout that is enumerated first.

    Parameters
    ----------
    clusters: the same nodes on several networks. accelerators: numbers of chips, for each of them. fixed: degrees by
        the names of `Layout` that are given.

    Raises
    ------
    ValueError: the chip lacks a precision.
    """
    every = _Layouts(task, clusters, accelerators, fixed)
    bounds = [every.bounds(way) for way in ways]
    found: dict[int, dict[_Size, Found]] = {}
    for index in sorted(range(len(ways)), key=lambda i: (ways[i].rank, float(bounds[i].min(initial=np.inf)))):
        limits = {
            size: min(
                (
                    one[size].step_s * every.ratio(ways[other], ways[index], size)
                    for other, one in found.items()
                    if size in one
                ),
                default=np.inf,
            )
            for size in every.sizes
        }
        found[index] = every.fastest(ways[index], bounds[index], limits)
    return [
        [
            {size.chips: one for size, one in found[index].items() if size.network == network}
            for index in range(len(ways))
        ]
        for network in range(len(clusters))
    ]


@dataclass(frozen=True)
class _Size:
    """Chips on a network, and from where to where the layouts of so many lie."""

    network: int
    chips: int
    start: int
    end: int


class _Layouts:
    """All layouts of a task on nodes of one kind, by number of chips, and what the ways to compute share of them."""

    def __init__(
        self,
        task: TrainingTask,
        clusters: Sequence[Cluster],
        accelerators: Sequence[Sequence[int]],
        fixed: Mapping[str, int | str] | None,
    ) -> None:
        self.task, self.clusters = task, clusters
        self.cluster = max(clusters, key=lambda cluster: cluster.connected)
        legal = [
            {chips for chips in of_one if chips <= cluster.accelerators_per_node or cluster.connected}
            for cluster, of_one in zip(clusters, accelerators, strict=True)
        ]
        counts = sorted(set().union(*legal))
        self.layouts = enumerate_layouts(task, self.cluster, counts, fixed)
        self.layouts = self.layouts.take(np.argsort(self.layouts.accelerators, kind="stable"))
        chips = self.layouts.accelerators
        places = np.searchsorted(chips, counts), np.searchsorted(chips, counts, side="right")
        self.sizes = [
            _Size(network, count, int(start), int(end))
            for network, of_one in enumerate(legal)
            for count, start, end in zip(counts, *places, strict=True)
            if count in of_one and start < end
        ]
        self.memory: dict[object, Floats] = {}
        self.numerators: dict[object, Numerators] = {}

    def ratio(self, other: Way, way: Way, size: _Size) -> float:
        """Return the factor of another way over that of ``way``."""
        alone = size.chips <= self.cluster.accelerators_per_node
        return other.alone / way.alone if alone else other.together / way.together

    def needed_gb(self, way: Way) -> Floats:
        """Return the memory that each layout needs."""
        kind = memory_kind(way.precision)
        if kind not in self.memory:
            self.memory[kind] = memory_gb(self.task, way.precision, self.layouts)
        return self.memory[kind]

    def bounds(self, way: Way) -> Floats:
        """Return seconds that no layout's step falls below, infinite where its memory does not fit."""
        kind = kernels_of(way.precision, way.software)
        if kind not in self.numerators:
            self.numerators[kind] = numerators_of(self.task, self.cluster, self.layouts, way.precision, way.software)
        seconds = self.numerators[kind].bound_s(self.cluster, way.precision, way.software)
        room = self.cluster.accelerator.memory_gb * way.software.memory_fraction
        return np.where(self.needed_gb(way) <= room, seconds, np.inf)

    def fastest(self, way: Way, bounds: Floats, limits: Mapping[_Size, float]) -> dict[_Size, Found]:
        """Return the fastest layouts of a way whose step does not exceed the limit of their size."""
        first = {size: _least(bounds, size, limits[size]) for size in self.sizes}
        found = self._time(way, first)
        rest = {}
        for size, one in found.items():
            limit = min(one.step_s, limits[size]) * (1.0 + ROUNDING)
            rows = size.start + np.flatnonzero(bounds[size.start : size.end] <= limit)
            if len(rows) > len(first[size]):
                rest[size] = rows
        found |= self._time(way, rest)
        return {size: one for size, one in found.items() if one.step_s <= limits[size] * (1.0 + ROUNDING)}

    def _time(self, way: Way, of_sizes: Mapping[_Size, Ints]) -> dict[_Size, Found]:
        """Return the fastest of some rows of each size, on its network."""
        asked = [(size, rows) for size, rows in of_sizes.items() if len(rows)]
        if not asked:
            return {}
        rows = np.concatenate([of_one for _, of_one in asked])
        networks = np.repeat([size.network for size, _ in asked], [len(of_one) for _, of_one in asked])
        layouts, links = self.layouts.take(rows), _links(self.clusters, networks)
        times = evaluate(self.task, self.cluster, layouts, way.precision, way.software, links=links)
        step, start, found = times.step, 0, {}
        for size, of_one in asked:
            index = start + int(step[start : start + len(of_one)].argmin())
            memory = float(self.needed_gb(way)[rows[index]])
            found[size] = Found(layouts.at(index), times, index, memory, float(step[index]))
            start += len(of_one)
        return found


def _least(bounds: Floats, size: _Size, limit: float) -> Ints:
    """Return in ascending order the rows of a size with the least bounds, none of them above ``limit``."""
    part = bounds[size.start : size.end]
    rows = np.argpartition(part, FIRST)[:FIRST] if len(part) > FIRST else np.arange(len(part))
    rows = rows[np.isfinite(part[rows]) & (part[rows] <= limit * (1.0 + ROUNDING))]
    return size.start + np.sort(rows)


def _links(clusters: Sequence[Cluster], networks: Ints) -> ManyLinks:
    """Return what connects the nodes of layouts on several networks."""
    one = clusters[0]
    return ManyLinks(
        one.scaleup_gb_per_s,
        one.scaleup_domain,
        one.accelerators_per_node,
        np.array([cluster.network_gb_per_s_per_accelerator for cluster in clusters])[networks],
        np.array([cluster.latency_us for cluster in clusters])[networks],
        np.array([cluster.oversubscription for cluster in clusters])[networks],
        np.array([cluster.full_rate_chips for cluster in clusters])[networks],
    )
