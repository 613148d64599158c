"""The exact search for a calendar gives up after a bounded amount of work or time, says so, and hears Ctrl-C."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from dcopt.solve import calendar
from dcopt.solve.calendar import Effort, Job, Packing, conflict_of, pack
from dcopt.solve.interrupt import deferred


def _never_together(runs: int) -> list[Job]:
    """Return three jobs that do not fit beside each other; with 14 runs of the last all take longer than a year."""
    lengths = {"a": (9.3, 14), "b": (10.7, 13), "c": (8.1, runs)}
    return [Job(name, (("nodes", 6.0),), days, count, 0.0, 365.0) for name, (days, count) in lengths.items()]


def test_a_search_among_many_runs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = 0
    real = calendar._earliest

    def counted(placed: list[Any], *args: Any) -> float | None:
        nonlocal looked_at
        looked_at += (len(placed) + 1) ** 2
        return real(placed, *args)

    monkeypatch.setattr(calendar, "_earliest", counted)
    monkeypatch.setattr(calendar, "SEARCH_LIMIT", 400_000)
    packing = pack(_never_together(14), {"nodes": 10.0})
    assert packing.starts is None
    assert not packing.proven
    assert looked_at <= 2 * 400_000


def test_what_fits_is_found_among_as_many_runs() -> None:
    assert pack(_never_together(11), {"nodes": 10.0}).starts is not None


def _jobs(*of: tuple[float, float, float, float]) -> list[Job]:
    return [Job(f"j{n}", (("nodes", need),), days, 1, start, end) for n, (need, days, start, end) in enumerate(of)]


ROOM = {"nodes": 10.0}
HIDDEN = _jobs((5, 5, 2, 15), (3, 5, 0, 15), (7, 7, 2, 13), (7, 3, 0, 14), (4, 4, 1, 17))
"""They have a calendar that no list schedule finds."""
IMPOSSIBLE = _jobs((6, 4, 2, 13), (3, 7, 0, 14), (6, 5, 0, 14), (6, 6, 0, 17), (5, 3, 3, 17))
"""They have none, which takes a search to prove."""


def spent() -> list[Effort]:
    """Return efforts of which nothing is left: no work, and no time."""
    return [Effort(work=0), Effort(ends=0.0)]


def test_without_effort_only_few_orders_are_tried() -> None:
    assert pack(HIDDEN, ROOM, exact=False) == Packing(None, proven=False)
    for effort in spent():
        assert pack(HIDDEN, ROOM, effort=effort) == Packing(None, proven=False)
        assert pack(IMPOSSIBLE, ROOM, effort=effort) == Packing(None, proven=False)


def test_what_is_cut_short_is_not_taken_for_the_answer_later() -> None:
    for effort in [*spent(), Effort(work=20)]:
        assert pack(HIDDEN, ROOM, effort=effort).starts is None
        assert pack(IMPOSSIBLE, ROOM, effort=effort) == Packing(None, proven=False)
    for enough in (None, Effort()):
        assert pack(HIDDEN, ROOM, effort=enough).starts is not None
        assert pack(IMPOSSIBLE, ROOM, effort=enough) == Packing(None, proven=True)


def test_searches_share_one_effort() -> None:
    """Each takes of what is left; the sum is bounded, however many searches there are."""
    effort = Effort(work=100_000)
    for runs in range(14, 24):
        assert not pack(_never_together(runs), {"nodes": 10.0}, effort=effort).proven
    assert -2_000 < effort.work <= 0


def test_more_effort_never_loses_a_calendar() -> None:
    found = [pack(HIDDEN, ROOM, effort=Effort(work=4**power)).starts is not None for power in range(12)]
    assert found == sorted(found)
    assert found[-1]


def test_a_conflict_is_proven_only_while_effort_is_left() -> None:
    assert conflict_of(IMPOSSIBLE, ROOM).proven
    for effort in spent():
        conflict = conflict_of(IMPOSSIBLE, ROOM, effort=effort)
        assert not conflict.proven
        assert conflict == conflict_of(IMPOSSIBLE, ROOM, exact=False)


def test_ctrl_c_is_heard_while_it_searches(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """It comes while it is deferred, as in a solve, after a few runs were placed; the search ends at the next one."""
    placed = 0
    real = calendar._earliest

    def press(*args: Any) -> float | None:
        nonlocal placed
        placed += 1
        if placed == 50 + before:
            signal.raise_signal(signal.SIGINT)
        return real(*args)

    jobs = _never_together(14)
    before = 10**9
    monkeypatch.setattr(calendar, "_earliest", press)
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, ignored))
    pack(jobs, {"nodes": 10.5}, exact=False)
    before, placed = placed, 0
    with deferred(), pytest.raises(KeyboardInterrupt):
        pack(jobs, {"nodes": 10.5})
    assert placed == before + 50
