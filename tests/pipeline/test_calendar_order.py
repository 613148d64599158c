"""Start days of jobs that come after each other, against exhaustive search."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

import pytest

from dcopt.solve.calendar import Job, conflict_of, pack, sooner

HORIZON = 9
NODES = "nodes"
Starts = Mapping[tuple[str, int], float]


def random_jobs(dice: random.Random) -> tuple[list[Job], int]:
    """Return jobs of whole days, some after others, with at most five runs, and a capacity."""
    jobs: list[Job] = []
    runs = 0
    while runs < 5 and len(jobs) < 4 and (len(jobs) < 2 or dice.random() < 0.8):
        count = min(dice.choice((1, 1, 2)), 5 - runs)
        start, end = dice.choice((0, 0, 2)), dice.randint(6, HORIZON)
        after = tuple(other.name for other in jobs if dice.random() < 0.5)
        days, nodes = float(dice.randint(1, 3)), dice.randint(1, 3)
        jobs.append(Job(f"j{len(jobs)}", ((NODES, nodes),), days, count, float(start), float(end), after))
        runs += count
    return jobs, dice.randint(2, 5)


def in_order(jobs: list[Job], starts: Starts) -> bool:
    """Whether every run starts after those that it follows."""
    known = {job.name: job for job in jobs}
    for each in jobs:
        for name in each.after:
            before = known.get(name)
            for run in range(each.runs) if before else ():
                assert before is not None
                numbers = [run] if before.runs == each.runs else range(before.runs)
                if any(starts[name, n] + before.days > starts[each.name, run] + 1e-9 for n in numbers):
                    return False
    return True


def holds(jobs: list[Job], capacity: float, starts: Starts) -> bool:
    """Whether starts keep windows, order and capacity."""
    placed = [(starts[job.name, run], job) for job in jobs for run in range(job.runs)]
    for start, job in placed:
        if not job.start_day - 1e-9 <= start <= job.end_day - job.days + 1e-9:
            return False
        at_once = [other for begin, other in placed if begin <= start + 1e-9 < begin + other.days - 1e-9]
        if sum(other.need_of(NODES) for other in at_once) > capacity:
            return False
    return in_order(jobs, starts)


def every_calendar(jobs: list[Job], capacity: int) -> list[dict[tuple[str, int], float]]:
    """Return all calendars of whole days, by trying every start of every run."""
    runs = [(job, run) for job in jobs for run in range(job.runs)]
    ranges = [range(int(job.start_day), int(job.end_day - job.days) + 1) for job, _ in runs]
    found = []
    for days in itertools.product(*ranges):
        starts = {(job.name, run): float(day) for (job, run), day in zip(runs, days, strict=True)}
        if holds(jobs, capacity, starts):
            found.append(starts)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_order_agrees_with_exhaustive_search(seed: int) -> None:
    dice = random.Random(seed)
    outcomes = []
    for _ in range(40):
        jobs, capacity = random_jobs(dice)
        packing = pack(jobs, {NODES: float(capacity)})
        possible = bool(every_calendar(jobs, capacity))
        outcomes.append(possible)
        assert (packing.starts is not None) == possible, (jobs, capacity)
        if packing.starts is not None:
            assert holds(jobs, capacity, packing.starts)
            continue
        conflict = conflict_of(jobs, {NODES: float(capacity)})
        members = list(conflict.jobs)
        assert conflict.proven
        assert not every_calendar(members, capacity)
        if conflict.least:
            assert not every_calendar(members, int(conflict.least[NODES]) - 1)
            assert every_calendar(members, int(conflict.least[NODES]))
        else:
            assert not every_calendar(members, 100)
    assert {True, False} <= set(outcomes)


@pytest.mark.parametrize("seed", range(4))
def test_what_has_priority_ends_as_early_as_any_calendar_allows(seed: int) -> None:
    dice = random.Random(50 + seed)
    done = 0
    while done < 12:
        jobs, capacity = random_jobs(dice)
        packing = pack(jobs, {NODES: float(capacity)})
        if packing.starts is None:
            continue
        done += 1
        names = [job.name for job in dice.sample(jobs, 2)]
        starts = sooner(jobs, {NODES: float(capacity)}, packing.starts, names)
        assert holds(jobs, capacity, starts)
        every = every_calendar(jobs, capacity)
        for name in names:
            ends = [max(one[key] for key in one if key[0] == name) for one in every]
            assert max(starts[key] for key in starts if key[0] == name) <= min(ends) + 1 / 24
            every = [one for one, end in zip(every, ends, strict=True) if end == min(ends)]


@pytest.mark.parametrize("part", [0.0, 0.25, 0.75])
def test_runs_that_begin_at_a_part_of_the_day(part: float) -> None:
    night = Job("night", ((NODES, 2),), 2.5, 2, 0.3, 12.0, at=part)
    day = Job("day", ((NODES, 1),), 1.3, 2, 0.0, 12.0)
    packing = pack([night, day], {NODES: 2.0})
    assert packing.starts is not None
    for run in range(2):
        assert (packing.starts["night", run] - part) % 1 == pytest.approx(0.0, abs=1e-9)
    assert holds([night, day], 2, packing.starts)
