"""Start days for the jobs that share a pool, exactly: a cumulative schedule within each job's window.

The node-day capacity of the program admits choices that no calendar keeps (three jobs that each need 60 % of a pool
for five months). Every choice is therefore packed here before it is reported. For one resource and latest ends there
is always a feasible schedule, if any, among those in which runs are placed one after another at their earliest
possible day in some order (Kolisch 1996, serial schedule generation), so the search goes over orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

TOLERANCE_DAYS = 1e-9
SEARCH_LIMIT = 200_000
"""Runs that one exact search may place before it gives up."""


@dataclass(frozen=True)
class Job:
    """What a job takes of its pool: ``runs`` runs of ``days`` days on ``nodes`` nodes within [start_day, end_day]."""

    name: str
    nodes: int
    days: float
    runs: int
    start_day: float
    end_day: float


@dataclass(frozen=True)
class Packing:
    """Start days by (job, run), or None; ``proven`` says whether None is a proof."""

    starts: dict[tuple[str, int], float] | None
    proven: bool = True


@dataclass(frozen=True)
class Conflict:
    """A minimal set of jobs that no calendar keeps on ``capacity`` nodes; ``least_nodes`` is what they need."""

    jobs: tuple[Job, ...]
    least_nodes: int
    proven: bool


def pack(jobs: Iterable[Job], capacity: int) -> Packing:
    """Return a calendar for ``jobs`` on ``capacity`` nodes, or the word that there is none."""
    return _pack(tuple(sorted(jobs, key=lambda job: job.name)), capacity)


@lru_cache(maxsize=4096)
def _pack(jobs: tuple[Job, ...], capacity: int) -> Packing:
    if any(job.nodes > capacity or job.days > job.end_day - job.start_day + TOLERANCE_DAYS for job in jobs):
        return Packing(None)
    if not _enough_node_days(jobs, capacity):
        return Packing(None)
    evenly = _place_all(_by_release(jobs), capacity, spread=True)
    if evenly is not None:
        return Packing(evenly)
    for order in _promising_orders(jobs):
        starts = _place_all(order, capacity)
        if starts is not None:
            return Packing(starts)
    return _Search(jobs, capacity).packing()


def _enough_node_days(jobs: tuple[Job, ...], capacity: int) -> bool:
    for start in {job.start_day for job in jobs}:
        for end in {job.end_day for job in jobs}:
            inside = [job for job in jobs if job.start_day >= start and job.end_day <= end]
            used = sum(job.nodes * job.days * job.runs for job in inside)
            if inside and used > capacity * (end - start) * (1 + 1e-12) + 1e-6:
                return False
    return True


def _promising_orders(jobs: tuple[Job, ...]) -> Iterator[list[tuple[Job, int]]]:
    runs = [(job, run) for job in jobs for run in range(job.runs)]
    yield sorted(runs, key=lambda r: (r[0].end_day, -r[0].nodes, -r[0].days, r[0].name, r[1]))
    yield sorted(runs, key=lambda r: (-r[0].nodes, r[0].end_day, -r[0].days, r[0].name, r[1]))
    yield sorted(runs, key=lambda r: (-r[0].days, r[0].end_day, -r[0].nodes, r[0].name, r[1]))
    yield sorted(runs, key=lambda r: (-r[0].nodes * r[0].days, r[0].end_day, r[0].name, r[1]))
    yield sorted(runs, key=lambda r: (r[0].start_day, r[0].end_day, -r[0].nodes, r[0].name, r[1]))


def _release(job: Job, run: int) -> float:
    """Return the day from which a run may start when the runs of a job are spread evenly over its window."""
    return job.start_day + run * (job.end_day - job.start_day) / job.runs


def _by_release(jobs: tuple[Job, ...]) -> list[tuple[Job, int]]:
    runs = [(job, run) for job in jobs for run in range(job.runs)]
    return sorted(runs, key=lambda r: (_release(*r), r[0].end_day, -r[0].nodes, r[0].name))


def _place_all(
    order: list[tuple[Job, int]], capacity: int, *, spread: bool = False
) -> dict[tuple[str, int], float] | None:
    """Place runs in order, each at its earliest day; ``spread``: not before its even share of the window."""
    placed: list[tuple[float, float, int]] = []
    starts: dict[tuple[str, int], float] = {}
    for job, run in order:
        start = _earliest(placed, replace(job, start_day=_release(job, run)) if spread else job, capacity)
        if start is None:
            return None
        placed.append((start, start + job.days, job.nodes))
        starts[job.name, run] = start
    return starts


def _earliest(placed: list[tuple[float, float, int]], job: Job, capacity: int) -> float | None:
    """Return the earliest day at which a run of ``job`` fits beside what is placed, or None."""
    candidates = sorted({job.start_day, *(end for _, end, _ in placed if end > job.start_day)})
    for start in candidates:
        end = start + job.days
        if end > job.end_day + TOLERANCE_DAYS:
            return None
        if _peak(placed, start, end) + job.nodes <= capacity:
            return start
    return None


def _peak(placed: list[tuple[float, float, int]], start: float, end: float) -> int:
    """Return the most nodes in use at once within (start, end)."""
    overlapping = [p for p in placed if p[0] < end - TOLERANCE_DAYS and p[1] > start + TOLERANCE_DAYS]
    moments = {start, *(p[0] for p in overlapping if p[0] > start)}
    return max(
        sum(p[2] for p in overlapping if p[0] <= moment + TOLERANCE_DAYS and p[1] > moment + TOLERANCE_DAYS)
        for moment in moments
    )


class _Search:
    """Depth-first search over orders; runs of one job are interchangeable, so their order is fixed."""

    def __init__(self, jobs: tuple[Job, ...], capacity: int) -> None:
        self.jobs = jobs
        self.capacity = capacity
        self.left = [job.runs for job in jobs]
        self.placed: list[tuple[float, float, int]] = []
        self.starts: dict[tuple[str, int], float] = {}
        self.seen: set[tuple[object, ...]] = set()
        self.steps = 0

    def packing(self) -> Packing:
        found = self._extend()
        return Packing(dict(self.starts) if found else None, proven=self.steps <= SEARCH_LIMIT)

    def _extend(self) -> bool:
        if not any(self.left):
            return True
        state = (tuple(self.left), tuple(sorted(self.placed)))
        if state in self.seen:
            return False
        self.seen.add(state)
        for index, job in enumerate(self.jobs):
            if not self.left[index]:
                continue
            self.steps += 1
            if self.steps > SEARCH_LIMIT:
                return False
            start = _earliest(self.placed, job, self.capacity)
            if start is None:
                return False  # what is placed only grows, so this run never fits on this branch
            run = job.runs - self.left[index]
            self.left[index] -= 1
            self.placed.append((start, start + job.days, job.nodes))
            self.starts[job.name, run] = start
            if self._extend():
                return True
            self.placed.pop()
            del self.starts[job.name, run]
            self.left[index] += 1
        return False


def conflict_of(jobs: Iterable[Job], capacity: int) -> Conflict:
    """Return a minimal subset of ``jobs`` that cannot be packed on ``capacity`` nodes, and the nodes that it needs.

    Call it only for jobs that `pack` could not pack.
    """
    conflicting = sorted(jobs, key=lambda job: (job.nodes * job.days * job.runs, job.name))
    proven = pack(conflicting, capacity).proven
    for job in list(conflicting):
        rest = [other for other in conflicting if other is not job]
        without = pack(rest, capacity)
        if rest and without.starts is None:
            conflicting, proven = rest, without.proven
    return Conflict(tuple(conflicting), _least_nodes(conflicting, capacity), proven)


def _least_nodes(jobs: list[Job], failed: int) -> int:
    """Return the fewest nodes above ``failed`` on which no proof excludes a calendar (it grows with the nodes)."""
    low, high = failed, sum(job.nodes * job.runs for job in jobs)
    while high - low > 1:
        middle = (low + high) // 2
        packing = pack(jobs, middle)
        if packing.starts is None and packing.proven:
            low = middle
        else:
            high = middle
    return high
