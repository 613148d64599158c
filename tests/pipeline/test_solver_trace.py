"""The recorded way of the solver: thinned where little changes, whole where much does."""

from __future__ import annotations

from dcopt.design.records import ProgressPoint
from dcopt.pipeline.trace import points_of, thinned
from dcopt.solve.session import Progress


def point(seconds: float, incumbent: float | None, bound: float | None) -> ProgressPoint:
    return ProgressPoint(seconds=seconds, incumbent=incumbent, bound=bound)


def test_points_that_repeat_are_left_out() -> None:
    points = [point(0, None, 1), point(1, None, 1), point(2, 9, 1), point(3, 9, 1), point(4, 9, 1)]
    assert [p.seconds for p in thinned(points)] == [0, 2, 4]
    assert thinned([]) == ()


def test_the_largest_steps_are_kept() -> None:
    points = [point(i, 1000 - i - 400 * (i >= 50), 1 + 0.001 * i) for i in range(100)]
    kept = [p.seconds for p in thinned(points, 10)]
    assert len(kept) == 10
    assert kept[0] == 0
    assert kept[-1] == 99
    assert 50 in kept
    assert kept == sorted(kept)


def test_a_first_incumbent_counts() -> None:
    points = [point(i, None if i < 70 else 5, 1 + 1e-3 * i) for i in range(100)]
    assert 70 in [p.seconds for p in thinned(points, 4)]


def test_later_runs_begin_when_the_former_ended() -> None:
    (made,) = points_of([Progress(2.0, 5.0, 4.0, 0.2, 7)], after_s=10.0)
    assert (made.seconds, made.incumbent, made.bound) == (12.0, 5.0, 4.0)
