"""Start days for the jobs of a site, exactly: a cumulative schedule of several resources within each job's window.

The yearly sums of the program admit choices that no calendar keeps (three jobs that each need 60 % of a pool for five
months, or two that each need most of what a storage system reads). Every choice is therefore packed here before it is
reported. For any number of resources, latest ends and precedences there is always a feasible schedule, if any, among
those in which runs are placed one after another at their earliest possible day in some order (Kolisch 1996, serial
schedule generation), so the search goes over orders. Proof: take a feasible schedule and place its runs in the order
of its starts (what precedes a run starts before it, so its predecessors are placed when its turn comes). By induction
no run starts later than in that schedule: those placed before started no later than it, so moving them to the left
leaves everything from its old start on no fuller than before, and its predecessors end no later. Runs that may begin
only at a part of the day (``at``) round every earliest day up to it; the argument is the same.

Runs of one job are alike, so they are placed in the order of their numbers. Where run n of a job follows run n of
another that loses nothing: sorting the runs of both jobs by their starts keeps every pair in order.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from dcopt.solve.interrupt import heard

TOLERANCE_DAYS = 1e-9
TOLERANCE = 1e-7
"""Share of a capacity by which what is held may exceed it: sums of rates are not exact."""
HOURS_PER_DAY = 24
FEW_RUNS = 8
"""Runs up to which every order is tried to let what has priority end sooner."""
SEARCH_LIMIT = 4_000_000
"""Work that one exact search may do before it gives up: placing a run beside n others counts (n + 1)², as it looks at
pairs of them. With ten runs placed that is 33,000 runs."""
TOGETHER = 2 * SEARCH_LIMIT
"""Work that all searches for the calendar of one solution may do together."""

Held = tuple[float, ...]
"""What is held of each resource, in the order of the capacities."""
Placed = tuple[float, float, Held]
"""Start day, end day and what is held between them."""


@dataclass(frozen=True)
class Job:
    """``runs`` runs of ``days`` days within [start_day, end_day]; each holds so much of the named resources.

    ``after`` names jobs that come before it: where both have the same runs each run follows that of the same number,
    else every run follows all of the other's. Names that are not among the jobs that are packed do not count.
    ``at``: the part of the day at which a run may start (None: any time).
    """

    name: str
    needs: tuple[tuple[str, float], ...]
    days: float
    runs: int
    start_day: float
    end_day: float
    after: tuple[str, ...] = ()
    at: float | None = None

    def need_of(self, resource: str) -> float:
        """Return what a run holds of a resource (0: nothing)."""
        return dict(self.needs).get(resource, 0.0)

    def from_day(self, day: float) -> float:
        """Return the first day not before ``day`` on which a run may start."""
        if self.at is None:
            return day
        return math.ceil(day - self.at - TOLERANCE_DAYS) + self.at


@dataclass(eq=False)
class Effort:
    """What exact searches may take together: ``work`` as `SEARCH_LIMIT` counts it, until `time.monotonic` is ``ends``.

    No two are equal, so that what one search was cut short for is not taken for the answer of another.
    """

    work: int = TOGETHER
    ends: float = math.inf

    @property
    def is_left(self) -> bool:
        """Whether there is some left."""
        return self.work > 0 and time.monotonic() < self.ends

    def take(self, work: int) -> bool:
        """Take some work; whether there was some left."""
        self.work -= work
        return self.is_left


@dataclass(frozen=True)
class Packing:
    """Start days by (job, run), or None; ``proven`` says whether None is a proof."""

    starts: dict[tuple[str, int], float] | None
    proven: bool = True


@dataclass(frozen=True)
class Conflict:
    """A minimal set of jobs that no calendar keeps unless one of ``least`` is reached.

    ``least`` holds, by resource, the capacity below which nothing helps as long as the others stay below theirs; with
    a single resource it is what the jobs need of it.
    """

    jobs: tuple[Job, ...]
    least: dict[str, float]
    proven: bool


def pack(
    jobs: Iterable[Job], capacity: Mapping[str, float], *, exact: bool = True, effort: Effort | None = None
) -> Packing:
    """Return a calendar for ``jobs`` within ``capacity``, or the word that there is none.

    Resources that ``capacity`` does not name are not limited. Unless ``exact``, and once ``effort`` is spent, only few
    orders are tried.

    Raises
    ------
    KeyboardInterrupt: Ctrl-C was pressed, where it is deferred too.
    """
    names = tuple(sorted(capacity))
    limits = tuple(float(capacity[name]) for name in names)
    return _pack(_in_windows(tuple(sorted(jobs, key=lambda job: job.name))), names, limits, exact, effort)


def _in_windows(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """Return the jobs with only the precedences among them, and windows cut to what these leave."""
    names = {job.name for job in jobs}
    known = {job.name: replace(job, after=tuple(sorted(set(job.after) & names))) for job in jobs}
    if not any(job.after for job in known.values()):
        return tuple(replace(job, start_day=job.from_day(job.start_day)) for job in known.values())
    order = _in_order(known)
    for name in order:
        job = known[name]
        start = max([job.start_day, *(known[before].start_day + known[before].days for before in job.after)])
        known[name] = replace(job, start_day=job.from_day(start))
    for name in reversed(order):
        for before in known[name].after:
            latest = known[name].end_day - known[name].days
            known[before] = replace(known[before], end_day=min(known[before].end_day, latest))
    return tuple(known[job.name] for job in jobs)


def _in_order(jobs: Mapping[str, Job]) -> list[str]:
    """Return the names such that each comes after those before it; raises ValueError for a circle."""
    order: list[str] = []
    while len(order) < len(jobs):
        ready = [name for name, job in jobs.items() if name not in order and set(job.after) <= set(order)]
        if not ready:
            raise ValueError("jobs come after each other in a circle")
        order += ready
    return order


@dataclass(frozen=True)
class _Room:
    """The capacities, and what a job holds of each."""

    limits: Held
    held: dict[str, Held]
    runs: dict[str, int]

    def release(self, job: Job, run: int, ends: Mapping[tuple[str, int], float]) -> float | None:
        """Return the day from which a run may start, or None where something before it is not placed yet."""
        release = job.start_day
        for before in job.after:
            count = self.runs[before]
            for needed in [run] if count == job.runs else range(count):
                if (before, needed) not in ends:
                    return None
                release = max(release, ends[before, needed])
        return release

    def fits(self, held: Held) -> bool:
        return all(h <= limit * (1 + TOLERANCE) + 1e-12 for h, limit in zip(held, self.limits, strict=True))

    def size(self, job: Job) -> float:
        """Return the share of the resource of which a run takes the largest."""
        return max(
            (h / c if c else math.inf if h else 0.0 for h, c in zip(self.held[job.name], self.limits, strict=True)),
            default=0.0,
        )


@lru_cache(maxsize=4096)
def _pack(jobs: tuple[Job, ...], names: tuple[str, ...], limits: Held, exact: bool, effort: Effort | None) -> Packing:
    held = {job.name: tuple(job.need_of(name) for name in names) for job in jobs}
    room = _Room(limits, held, {job.name: job.runs for job in jobs})
    if any(
        job.days > job.end_day - job.start_day + TOLERANCE_DAYS or not room.fits(room.held[job.name]) for job in jobs
    ):
        return Packing(None)
    if not _enough_in_all(jobs, room):
        return Packing(None)
    evenly = _place_all(_by_release(jobs, room), room, spread=True)
    if evenly is not None:
        return Packing(evenly)
    for order in _promising_orders(jobs, room):
        starts = _place_all(order, room)
        if starts is not None:
            return Packing(starts)
    effort = Effort() if effort is None else effort
    return _Search(jobs, room, effort).packing() if exact and effort.is_left else Packing(None, proven=False)


def _enough_in_all(jobs: tuple[Job, ...], room: _Room) -> bool:
    """Whether every interval of windows has the resource-days that the jobs within it take."""
    for start in {job.start_day for job in jobs}:
        for end in {job.end_day for job in jobs}:
            inside = [job for job in jobs if job.start_day >= start and job.end_day <= end]
            for index, limit in enumerate(room.limits):
                used = sum(room.held[job.name][index] * job.days * job.runs for job in inside)
                if inside and used > limit * (end - start) * (1 + TOLERANCE) + 1e-6:
                    return False
    return True


def _promising_orders(jobs: tuple[Job, ...], room: _Room) -> Iterator[list[tuple[Job, int]]]:
    runs = [(job, run) for job in jobs for run in range(job.runs)]
    size = {job.name: room.size(job) for job in jobs}
    yield sorted(runs, key=lambda r: (r[0].end_day, -size[r[0].name], -r[0].days, r[0].name, r[1]))
    yield sorted(runs, key=lambda r: (-size[r[0].name], r[0].end_day, -r[0].days, r[0].name, r[1]))
    yield sorted(runs, key=lambda r: (-r[0].days, r[0].end_day, -size[r[0].name], r[0].name, r[1]))
    yield sorted(runs, key=lambda r: (-size[r[0].name] * r[0].days, r[0].end_day, r[0].name, r[1]))
    yield sorted(runs, key=lambda r: (r[0].start_day, r[0].end_day, -size[r[0].name], r[0].name, r[1]))


def _release(job: Job, run: int) -> float:
    """Return the day from which a run may start when the runs of a job are spread evenly over its window."""
    return job.start_day + run * (job.end_day - job.start_day) / job.runs


def _by_release(jobs: tuple[Job, ...], room: _Room) -> list[tuple[Job, int]]:
    runs = [(job, run) for job in jobs for run in range(job.runs)]
    return sorted(runs, key=lambda r: (_release(*r), r[0].end_day, -room.size(r[0]), r[0].name))


def _place_all(
    order: list[tuple[Job, int]], room: _Room, *, spread: bool = False
) -> dict[tuple[str, int], float] | None:
    """Place runs in order, each at its earliest day; ``spread``: not before its even share of the window.

    A run whose turn comes before that of its predecessors waits for them.
    """
    placed: list[Placed] = []
    starts: dict[tuple[str, int], float] = {}
    ends: dict[tuple[str, int], float] = {}
    waiting = list(order)
    while waiting:
        place, release = next(
            (place, day)
            for place, (job, run) in enumerate(waiting)
            if (day := room.release(job, run, ends)) is not None
        )
        job, run = waiting.pop(place)
        start = _earliest(placed, job, room, max(release, _release(job, run)) if spread else release)
        if start is None:
            return None
        placed.append((start, start + job.days, room.held[job.name]))
        starts[job.name, run], ends[job.name, run] = start, start + job.days
    return starts


def _earliest(placed: list[Placed], job: Job, room: _Room, release: float) -> float | None:
    """Return the earliest day from ``release`` on at which a run of ``job`` fits beside what is placed, or None."""
    for start in sorted({job.from_day(day) for day in (release, *(end for _, end, _ in placed if end > release))}):
        end = start + job.days
        if end > job.end_day + TOLERANCE_DAYS:
            return None
        if all(room.fits(held) for held in _beside(placed, start, end, room.held[job.name])):
            return start
    return None


def _beside(placed: list[Placed], start: float, end: float, mine: Held) -> Iterator[Held]:
    """Yield what is held at every moment within (start, end) at which something starts, ``mine`` included."""
    overlapping = [p for p in placed if p[0] < end - TOLERANCE_DAYS and p[1] > start + TOLERANCE_DAYS]
    for moment in {start, *(p[0] for p in overlapping if p[0] > start)}:
        there = [p[2] for p in overlapping if p[0] <= moment + TOLERANCE_DAYS and p[1] > moment + TOLERANCE_DAYS]
        yield tuple(map(sum, zip(mine, *there, strict=True)))


class _Search:
    """Depth-first search over orders; runs of one job are interchangeable, so their order is fixed."""

    def __init__(self, jobs: tuple[Job, ...], room: _Room, effort: Effort) -> None:
        self.jobs = jobs
        self.room = room
        self.effort = effort
        self.gave_up = False
        self.left = [job.runs for job in jobs]
        self.placed: list[Placed] = []
        self.starts: dict[tuple[str, int], float] = {}
        self.ends: dict[tuple[str, int], float] = {}
        linked = {name for job in jobs if job.after for name in (job.name, *job.after)}
        self.kind = {job.name: job.name if job.name in linked else "" for job in jobs}
        """Whose placement it is matters only where others wait for it."""
        self.held_by: list[str] = []
        self.seen: set[tuple[object, ...]] = set()
        self.steps = 0

    def packing(self) -> Packing:
        found = self._extend()
        return Packing(dict(self.starts) if found else None, proven=not self.gave_up)

    def _may_go_on(self) -> bool:
        """Take the work of placing one more run; whether there was some left."""
        if not self.gave_up:
            with heard():
                work = (len(self.placed) + 1) ** 2
                self.steps += work
                self.gave_up = not self.effort.take(work) or self.steps > SEARCH_LIMIT
        return not self.gave_up

    def _extend(self) -> bool:
        if not any(self.left):
            return True
        state = (tuple(self.left), tuple(sorted(zip(self.placed, self.held_by, strict=True))))
        if state in self.seen:
            return False
        self.seen.add(state)
        for index, job in enumerate(self.jobs):
            if not self.left[index]:
                continue
            run = job.runs - self.left[index]
            release = self.room.release(job, run, self.ends)
            if release is None:
                continue
            if not self._may_go_on():
                return False
            start = _earliest(self.placed, job, self.room, release)
            if start is None:
                return False  # what is placed only grows, so this run never fits on this branch
            self.left[index] -= 1
            self.placed.append((start, start + job.days, self.room.held[job.name]))
            self.held_by.append(self.kind[job.name])
            self.starts[job.name, run], self.ends[job.name, run] = start, start + job.days
            if self._extend():
                return True
            self.placed.pop()
            self.held_by.pop()
            del self.starts[job.name, run], self.ends[job.name, run]
            self.left[index] += 1
        return False


def conflict_of(
    jobs: Iterable[Job], capacity: Mapping[str, float], *, exact: bool = True, effort: Effort | None = None
) -> Conflict:
    """Return a minimal subset of ``jobs`` that cannot be packed, and how much more of which resource might help.

    A subset keeps the precedences among its own jobs only, which is less than all ask for: what cannot be packed so
    cannot be packed at all. Where no resource helps ``least`` is empty. Unless ``exact`` what `pack` does not manage in
    a few orders counts as impossible, and so it does once ``effort`` is spent; then nothing is proven.

    Call it only for jobs that `pack` could not pack. Capacities are searched in whole steps above the given ones.
    """
    conflicting = sorted(jobs, key=lambda job: (sum(need for _, need in job.needs) * job.days * job.runs, job.name))
    effort = Effort() if effort is None else effort
    proven = pack(conflicting, capacity, exact=exact, effort=effort).proven
    for job in list(conflicting):
        rest = [other for other in conflicting if other is not job]
        without = pack(rest, capacity, exact=exact, effort=effort)
        if rest and without.starts is None:
            conflicting, proven = rest, without.proven
    levels = {name: level for name, level in capacity.items() if any(job.need_of(name) for job in conflicting)}
    for name in sorted(levels):
        without_it = {other: level for other, level in levels.items() if other != name}
        if _impossible(conflicting, without_it, exact, effort):
            levels = without_it
    for name in sorted(levels):
        levels[name] = _largest_impossible(conflicting, levels, name, exact, effort)
    return Conflict(
        tuple(conflicting), {name: level + 1 for name, level in levels.items()}, proven and exact and effort.is_left
    )


def _impossible(jobs: list[Job], capacity: Mapping[str, float], exact: bool, effort: Effort) -> bool:
    packing = pack(jobs, capacity, exact=exact, effort=effort)
    return packing.starts is None and (packing.proven or not exact or not effort.is_left)


def _largest_impossible(jobs: list[Job], levels: dict[str, float], name: str, exact: bool, effort: Effort) -> float:
    """Return the largest whole step above a level that is still impossible (what fits grows with the level)."""
    low, high = 0, math.ceil(max(0.0, sum(job.need_of(name) * job.runs for job in jobs) - levels[name])) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if _impossible(jobs, {**levels, name: levels[name] + middle}, exact, effort):
            low = middle
        else:
            high = middle
    return levels[name] + low


def sooner(
    jobs: Iterable[Job],
    capacity: Mapping[str, float],
    starts: dict[tuple[str, int], float],
    order: Iterable[str],
    effort: Effort | None = None,
) -> dict[tuple[str, int], float]:
    """Return a calendar in which the jobs named in ``order`` end, one after another, as early as any allows.

    Each keeps the end that it got when the next is moved. Ends are found to within an hour, by halving. With more than
    `FEW_RUNS` runs, or once ``effort`` is spent, the search is not exhaustive: then an even earlier end may exist.

    Parameters
    ----------
    starts: a calendar of ``jobs`` within ``capacity``.
    """
    known = {job.name: job for job in jobs}
    exact = sum(job.runs for job in known.values()) <= FEW_RUNS
    for name in order:
        job = known[name]
        tight = next(each for each in _in_windows(tuple(known.values())) if each.name == name)
        low = tight.start_day + job.days
        high = max(starts[name, run] for run in range(job.runs)) + job.days
        trial = low
        while True:
            packed = pack(
                {**known, name: replace(job, end_day=trial)}.values(), capacity, exact=exact, effort=effort
            ).starts
            if packed is None:
                low = trial
            else:
                starts, high = packed, max(packed[name, run] for run in range(job.runs)) + job.days
            if high - low <= 1 / HOURS_PER_DAY:
                break
            trial = (low + high) / 2
        known[name] = replace(job, end_day=high)
    return starts
