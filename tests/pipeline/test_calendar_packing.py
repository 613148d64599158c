"""Start days against exhaustive search: `pack` finds a calendar exactly where one exists, and it works."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from dcopt.solve.calendar import Job, Packing, conflict_of, pack

HORIZON = 9
NODES = "nodes"


def random_jobs(dice: random.Random) -> tuple[list[Job], int]:
    """Return jobs with whole days (so whole start days suffice) and at most five runs, and a capacity."""
    jobs: list[Job] = []
    runs = 0
    while runs < 5 and len(jobs) < 4 and (not jobs or dice.random() < 0.8):
        count = min(dice.choice((1, 1, 1, 2, 3)), 5 - runs)
        start = dice.choice((0, 0, 2, 4))
        end = dice.randint(start + 1, HORIZON)
        days = dice.randint(1, max(1, min(6, end - start)))
        jobs.append(Job(f"j{len(jobs)}", ((NODES, dice.randint(1, 4)),), float(days), count, float(start), float(end)))
        runs += count
    return jobs, dice.randint(2, 6)


def exists(jobs: list[Job], capacity: int) -> bool:
    """Whether any whole start days work, by trying them all, day by day."""
    runs = [job for job in jobs for _ in range(job.runs)]
    ranges = [range(int(job.start_day), int(job.end_day - job.days) + 1) for job in runs]
    for starts in itertools.product(*ranges):
        busy = [0] * HORIZON
        for job, start in zip(runs, starts, strict=True):
            for day in range(start, start + int(job.days)):
                busy[day] += job.need_of(NODES)
        if max(busy) <= capacity:
            return True
    return False


def check(jobs: list[Job], capacity: int, packing: Packing) -> None:
    """Assert that every run lies in its window and that no more nodes are busy than there are, at any moment."""
    assert packing.starts is not None
    placed = [(packing.starts[job.name, run], job) for job in jobs for run in range(job.runs)]
    for start, job in placed:
        assert job.start_day - 1e-9 <= start <= job.end_day - job.days + 1e-9
        at_once = [other for begin, other in placed if begin <= start + 1e-9 and begin + other.days > start + 1e-9]
        assert sum(other.need_of(NODES) for other in at_once) <= capacity


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_exhaustive_search(seed: int) -> None:
    dice = random.Random(seed)
    outcomes = set()
    for _ in range(60):
        jobs, capacity = random_jobs(dice)
        packing = pack(jobs, {NODES: capacity})
        possible = exists(jobs, capacity)
        assert (packing.starts is not None) == possible, (jobs, capacity)
        assert possible or packing.proven
        outcomes.add(possible)
        if packing.starts is not None:
            check(jobs, capacity, packing)
    assert outcomes == {True, False}


@pytest.mark.parametrize("seed", range(4))
def test_a_conflict_is_minimal_and_its_least_nodes_are_exact(seed: int) -> None:
    dice = random.Random(100 + seed)
    found = 0
    while found < 12:
        jobs, capacity = random_jobs(dice)
        if exists(jobs, capacity):
            continue
        found += 1
        conflict = conflict_of(jobs, {NODES: capacity})
        members = list(conflict.jobs)
        assert conflict.proven
        assert not exists(members, capacity)
        for left_out in members if len(members) > 1 else ():
            assert exists([job for job in members if job is not left_out], capacity)
        if all(job.days <= job.end_day - job.start_day for job in members):
            assert not exists(members, conflict.least[NODES] - 1)
            assert exists(members, conflict.least[NODES])


def test_windows_that_do_not_meet_are_no_conflict() -> None:
    early = Job("early", ((NODES, 1),), 26.0, 3, 0.0, 90.0)
    late = Job("late", ((NODES, 1),), 2.0, 2, 200.0, 365.0)
    packing = pack([early, late], {NODES: 1})
    check([early, late], 1, packing)


def test_runs_of_a_year_spread_over_it() -> None:
    monthly = Job("monthly", ((NODES, 1),), 10.0, 12, 0.0, 365.0)
    packing = pack([monthly], {NODES: 1})
    check([monthly], 1, packing)
    assert packing.starts is not None
    days = sorted(packing.starts.values())
    assert max(b - a for a, b in itertools.pairwise(days)) < 40


def test_three_jobs_of_sixty_percent_for_five_months_need_two_pools() -> None:
    jobs = [Job(name, ((NODES, 6),), 150.0, 1, 0.0, 365.0) for name in ("a", "b", "c")]
    assert sum(job.need_of(NODES) * job.days for job in jobs) <= 10 * 365
    packing = pack(jobs, {NODES: 10})
    assert packing.starts is None
    assert packing.proven
    assert conflict_of(jobs, {NODES: 10}).least[NODES] == 12


BANDWIDTH = "read of hall/flash"


def fits_at_all(jobs: list[Job], capacity: dict[str, float]) -> bool:
    """Whether any whole start days keep every resource, by trying them all, day by day."""
    runs = [job for job in jobs for _ in range(job.runs)]
    ranges = [range(int(job.start_day), int(job.end_day - job.days) + 1) for job in runs]
    for starts in itertools.product(*ranges):
        moments = range(HORIZON)
        busy = [
            [job for start, job in zip(starts, runs, strict=True) if start <= day < start + job.days] for day in moments
        ]
        if all(sum(job.need_of(name) for job in of) <= level for of in busy for name, level in capacity.items()):
            return True
    return False


@pytest.mark.parametrize("seed", range(6))
def test_two_resources_agree_with_exhaustive_search(seed: int) -> None:
    dice = random.Random(200 + seed)
    outcomes = []
    for _ in range(40):
        jobs, capacity = random_jobs(dice)
        jobs = [replace(job, needs=(*job.needs, (BANDWIDTH, dice.choice((0.0, 0.5, 1.5, 2.0))))) for job in jobs]
        both = {NODES: float(capacity), BANDWIDTH: float(dice.randint(1, 4))}
        packing = pack(jobs, both)
        outcomes.append(fits_at_all(jobs, both))
        assert (packing.starts is not None) == outcomes[-1], (jobs, both)
        if packing.starts is not None:
            check(jobs, capacity, packing)
            continue
        conflict = conflict_of(jobs, both)
        members, least = list(conflict.jobs), conflict.least
        assert conflict.proven
        below = {name: level - 1 for name, level in least.items()}
        assert not fits_at_all(members, below)
        assert all(below[name] >= both[name] for name in below)
        if all(job.days <= job.end_day - job.start_day for job in members):
            assert all(fits_at_all(members, {**below, name: least[name]}) for name in least)
    assert True in outcomes
    assert False in outcomes
