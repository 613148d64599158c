"""The exact search for a calendar gives up after a bounded amount of work, and says so."""

from __future__ import annotations

from typing import Any

import pytest

from dcopt.solve import calendar
from dcopt.solve.calendar import Job, pack


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
