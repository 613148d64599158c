"""Start days for jobs that share a pool, against every order of every run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcopt.solve.calendar import Job, Packing, conflict_of, pack

NODES = "nodes"


def _job(name: str, nodes: int, days: float, runs: int = 1, start: float = 0, end: float = 365) -> Job:
    return Job(name, ((NODES, nodes),), days, runs, start, end)


def check(jobs: list[Job], capacity: int, packing: Packing) -> None:
    """Assert that a calendar holds every run within its window, and never more nodes than there are."""
    assert packing.starts is not None
    placed = []
    for job in jobs:
        for run in range(job.runs):
            start = packing.starts[job.name, run]
            assert job.start_day - 1e-9 <= start
            assert start + job.days <= job.end_day + 1e-6
            placed.append((start, start + job.days, job.need_of(NODES)))
    assert len(placed) == len(packing.starts)
    for moment, _, _ in placed:
        assert sum(n for s, e, n in placed if s <= moment + 1e-9 and e > moment + 1e-6) <= capacity


def possible(jobs: list[Job], capacity: int) -> bool:
    """Return whether any calendar exists, by trying every whole start day (all data are whole numbers of days)."""
    runs = [job for job in jobs for _ in range(job.runs)]
    spans = [range(int(job.start_day), int(job.end_day - job.days) + 1) for job in runs]
    for starts in itertools.product(*spans):
        placed = list(zip(starts, runs, strict=True))
        if all(sum(j.need_of(NODES) for s, j in placed if s <= day < s + j.days) <= capacity for day, _ in placed):
            return True
    return False


def test_runs_that_fit_beside_each_other() -> None:
    jobs = [_job("a", 6, 100), _job("b", 4, 300)]
    check(jobs, 10, pack(jobs, {NODES: 10}))


def test_runs_of_a_job_are_spread_over_the_year() -> None:
    packing = pack([_job("a", 5, 7, runs=4)], {NODES: 5})
    assert packing.starts is not None
    assert sorted(packing.starts.values()) == pytest.approx([0, 91.25, 182.5, 273.75])


def test_three_jobs_of_sixty_percent_for_five_months_have_no_calendar() -> None:
    jobs = [_job(name, 6, 150) for name in "abc"]
    packing = pack(jobs, {NODES: 10})
    assert (packing.starts, packing.proven) == (None, True)
    conflict = conflict_of(jobs, {NODES: 10})
    assert len(conflict.jobs) == 3
    assert conflict.least[NODES] == 12
    assert conflict.proven
    check(jobs, 12, pack(jobs, {NODES: 12}))


def test_conflict_leaves_out_jobs_that_are_not_in_the_way() -> None:
    jobs = [_job("small", 1, 1), *(_job(name, 6, 150) for name in "abc"), _job("other", 2, 3)]
    conflict = conflict_of(jobs, {NODES: 10})
    assert {job.name for job in conflict.jobs} == {"a", "b", "c"}


def test_a_conflict_of_a_few_orders_is_no_proof_and_its_least_is_one_on_which_they_fit() -> None:
    jobs = [_job("small", 1, 1), *(_job(name, 6, 150) for name in "abc")]
    quick = conflict_of(jobs, {NODES: 10}, exact=False)
    assert {job.name for job in quick.jobs} == {"a", "b", "c"}
    assert not quick.proven
    assert quick.least[NODES] >= conflict_of(jobs, {NODES: 10}).least[NODES]
    check(list(quick.jobs), int(quick.least[NODES]), pack(quick.jobs, quick.least, exact=False))


def test_windows_are_kept() -> None:
    jobs = [_job("early", 4, 30, end=40), _job("late", 4, 30, start=30, end=60)]
    check(jobs, 4, pack(jobs, {NODES: 4}))
    assert pack([jobs[0], replace(jobs[1], end_day=59)], {NODES: 4}).starts is None


def test_job_larger_than_the_pool_or_longer_than_its_window() -> None:
    assert pack([_job("a", 5, 10)], {NODES: 4}).starts is None
    assert pack([_job("a", 4, 11, end=10)], {NODES: 4}).starts is None
    assert pack([_job("a", 4, 10, end=10)], {NODES: 4}).starts == {("a", 0): 0.0}
    assert pack([], {NODES: 0}).starts == {}


JOBS = st.lists(
    st.builds(
        lambda nodes, days, runs, start, slack: (nodes, days, runs, start, start + days + slack),
        st.integers(1, 4),
        st.integers(1, 4),
        st.integers(1, 2),
        st.integers(0, 3),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(JOBS, st.integers(1, 6))
def test_random_calendars_equal_brute_force(data: list[tuple[int, int, int, int, int]], capacity: int) -> None:
    jobs = [_job(f"job{i}", n, float(d), r, float(s), float(e)) for i, (n, d, r, s, e) in enumerate(data)]
    packing = pack(jobs, {NODES: capacity})
    assert packing.proven
    if packing.starts is not None:
        check(jobs, capacity, packing)
        return
    assert not possible(jobs, capacity)
    conflict = conflict_of(jobs, {NODES: capacity})
    members = list(conflict.jobs)
    assert not possible(members, capacity)
    for job in members:
        assert len(members) == 1 or possible([other for other in members if other is not job], capacity)
    assert not possible(members, conflict.least[NODES] - 1)
