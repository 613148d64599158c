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

FEW, MANY = 150, 1500
"""Layouts left from which on it pays to sharpen their bounds, and to time the most hopeful of each size first."""
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
    factors = [np.where(every.alone, way.alone, way.together) for way in ways]
    best: dict[int, Floats] = {}
    result: list[list[dict[int, Found]]] = [[{} for _ in ways] for _ in clusters]
    for index in sorted(range(len(ways)), key=lambda i: (ways[i].rank, float(bounds[i].min(initial=np.inf)))):
        limits = np.min([np.full(len(every.chips), np.inf), *best.values()], axis=0) / factors[index]
        found = every.fastest(ways[index], bounds[index], limits)
        best[index] = np.full(len(every.chips), np.inf)
        for size, one in found.items():
            best[index][size] = one.step_s * factors[index][size]
            result[every.network[size]][index][int(every.chips[size])] = one
    return result


class _Layouts:
    """All layouts of a task on nodes of one kind, by number of chips, and what the ways to compute share of them.

    What is asked of each network are its *sizes*: chips, and from where to where the layouts of so many lie. ``places``
    are the rows of all sizes, one after the other, and ``sizes`` says whose each is.
    """

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
        layouts = enumerate_layouts(task, self.cluster, sorted(set().union(*legal)), fixed)
        self.layouts = layouts.take(np.argsort(layouts.accelerators, kind="stable"))
        chips, starts, counts = np.unique(self.layouts.accelerators, return_index=True, return_counts=True)
        asked = [
            (network, *size)
            for network, of_one in enumerate(legal)
            for size in zip(chips, starts, counts, strict=True)
            if int(size[0]) in of_one
        ]
        table = np.array(asked, dtype=np.int64).reshape(-1, 4)
        self.network, self.chips, self.start, self.count = (table[:, column] for column in range(4))
        self.alone = self.chips <= self.cluster.accelerators_per_node
        self.sizes = np.repeat(np.arange(len(table)), self.count)
        first = np.cumsum(self.count) - self.count
        self.places = np.arange(len(self.sizes)) + np.repeat(self.start - first, self.count)
        self.memory: dict[object, Floats] = {}
        self.numerators: dict[object, Numerators] = {}

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

    def fastest(self, way: Way, bounds: Floats, limits: Floats) -> dict[int, Found]:
        """Return the fastest layouts of a way, by size, whose step does not exceed the limit of their size."""
        rows, sizes, least, most = self.places, self.sizes, bounds[self.places], limits * (1.0 + ROUNDING)
        unlimited = np.isinf(most)[sizes] & np.isfinite(least)
        if unlimited.any():
            most = self._tightened(way, most, least[unlimited], rows[unlimited], sizes[unlimited])
        hopeful = (least <= most[sizes]) & np.isfinite(least)
        rows, sizes, least = rows[hopeful], sizes[hopeful], least[hopeful]
        if len(rows) > FEW:
            least = least + self._floor_s(way, rows, sizes)
            if len(rows) > MANY:
                most = self._tightened(way, most, least, rows, sizes)
            hopeful = least <= most[sizes]
            rows, sizes = rows[hopeful], sizes[hopeful]
        if not len(rows):
            return {}
        times = self._time(way, rows, sizes)
        step, needed = times.step, self.needed_gb(way)
        return {
            int(sizes[at]): Found(
                self.layouts.at(int(rows[at])), times, int(at), float(needed[rows[at]]), float(step[at])
            )
            for at in _least_of(step, sizes)
            if step[at] <= limits[sizes[at]] * (1.0 + ROUNDING)
        }

    def _tightened(self, way: Way, most: Floats, bounds: Floats, rows: Ints, sizes: Ints) -> Floats:
        """Return ``most`` lowered to the step of the row with the least bound of each size."""
        at = _least_of(bounds, sizes)
        lowered = most.copy()
        steps = self._time(way, rows[at], sizes[at]).step
        lowered[sizes[at]] = np.minimum(most[sizes[at]], steps * (1.0 + ROUNDING))
        return lowered

    def _time(self, way: Way, rows: Ints, sizes: Ints) -> Times:
        """Return the times of rows on the networks of their sizes."""
        links = _links(self.clusters, self.network[sizes])
        return evaluate(self.task, self.cluster, self.layouts.take(rows), way.precision, way.software, links=links)

    def _floor_s(self, way: Way, rows: Ints, sizes: Ints) -> Floats:
        """Return seconds that data-parallel communication adds to the bounds of rows at least."""
        numerators = self.numerators[kernels_of(way.precision, way.software)]
        links = _links(self.clusters, self.network[sizes])
        layouts = self.layouts.take(rows)
        return numerators.data_floor_s(self.task, self.cluster, links, layouts, way.precision, way.software, rows)


def _least_of(values: Floats, groups: Ints) -> Ints:
    """Return the place of the first least value of each of ascending groups."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    lengths = np.diff(starts, append=len(values))
    at = np.flatnonzero(values == np.repeat(np.minimum.reduceat(values, starts), lengths))
    return at[np.unique(groups[at], return_index=True)[1]]


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
