"""The HiGHS session: verdicts, limits, Ctrl-C, progress, and answers that other versions of HiGHS got wrong."""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_programs import INF, Small, by_hand, knapsack, matrix_of

from dcopt.solve import session
from dcopt.solve.exact import exactly
from dcopt.solve.integers import polish
from dcopt.solve.matrix import Matrix
from dcopt.solve.session import Outcome, Progress, SolveOptions, SolverError, relative_gap, solve

EXACT = SolveOptions(gap=0.0, time_limit_s=60, threads=1)

LONG = knapsack(150, seed=2)
"""Takes minutes to prove, and has an incumbent at once."""

IMPOSSIBLE = Small([1, 1], [0, 0], [3, 3], [[1, 1]], [7], [INF], [True, True])


def test_optimal() -> None:
    outcome = solve(matrix_of(knapsack(20)), EXACT)
    assert outcome.verdict == "optimal"
    assert outcome.objective == pytest.approx(outcome.bound, abs=1e-6)
    assert outcome.gap == pytest.approx(0.0, abs=1e-9)
    rows = np.array(knapsack(20).rows) @ outcome.values
    assert (rows <= np.array(knapsack(20).row_upper) + 1e-6).all()


def test_a_limit_of_nodes_ends_a_search_as_its_time_would() -> None:
    """The root of what takes minutes: an incumbent and a bound that are those of every run, and no proof."""
    short = replace(EXACT, nodes=1)
    outcome, again = solve(matrix_of(LONG), short), solve(matrix_of(LONG), short)
    assert outcome.verdict == "time limit"
    assert outcome.nodes <= 1
    assert outcome.objective is not None
    assert outcome.bound is not None
    assert outcome.bound < outcome.objective
    assert (outcome.objective, outcome.bound) == (again.objective, again.bound)


def test_infeasible_is_asked_twice() -> None:
    log: list[str] = []
    outcome = solve(matrix_of(IMPOSSIBLE), EXACT, log=log.append)
    assert (outcome.verdict, outcome.values, outcome.objective, outcome.bound) == ("infeasible", None, None, None)
    assert "".join(log).count("Second opinion: solving without presolve") == 1


def test_second_opinion_overrules_a_false_infeasible(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lies(session._Run):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.lies = options.get("presolve") != "off"

        def outcome(self) -> Outcome:
            return Outcome("infeasible", None, None, None, None, 0, 0.5) if self.lies else super().outcome()

    monkeypatch.setattr(session, "_Run", Lies)
    outcome = solve(matrix_of(knapsack(10)), EXACT)
    assert outcome.verdict == "optimal"
    assert outcome.objective == pytest.approx(by_hand(knapsack(10)))
    assert outcome.seconds >= 0.5


def test_unbounded_is_an_error_and_not_infeasible() -> None:
    with pytest.raises(SolverError, match=r"Unbounded"):
        solve(matrix_of(Small([-1], [0], [INF], [], [], [], [False])), EXACT)


def test_time_limit_is_not_infeasibility() -> None:
    outcome = solve(matrix_of(LONG), replace(EXACT, time_limit_s=0.5))
    assert outcome.verdict == "time limit"
    if outcome.objective is not None:
        assert outcome.bound is not None
        assert outcome.bound < outcome.objective
        assert outcome.gap == relative_gap(outcome.objective, outcome.bound)


def test_time_limit_before_any_incumbent() -> None:
    outcome = solve(matrix_of(LONG), replace(EXACT, time_limit_s=1e-9))
    assert outcome.verdict == "time limit"
    assert (outcome.values, outcome.objective, outcome.gap) == (None, None, None)


def test_ctrl_c_keeps_the_incumbent() -> None:
    seen: list[Progress] = []

    def press(progress: Progress) -> None:
        seen.append(progress)
        if progress.incumbent is not None and not progress.stopping:
            raise KeyboardInterrupt

    outcome = solve(matrix_of(LONG), replace(EXACT, time_limit_s=600), on_progress=press)
    assert outcome.verdict == "interrupted"
    assert outcome.objective is not None
    assert outcome.objective <= next(p.incumbent for p in seen if p.incumbent is not None) + 1e-6
    assert outcome.values is not None
    assert float(np.array(LONG.cost) @ outcome.values) == pytest.approx(outcome.objective)


def test_a_solver_that_does_not_hear_ctrl_c_is_left_with_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session._Run, "_on_interrupt", lambda run, event: None)
    monkeypatch.setattr(session, "GRACE_S", 0.05)
    begun = threading.Event()

    def press(progress: Progress) -> None:
        if progress.incumbent is not None and not progress.stopping:
            begun.set()
            raise KeyboardInterrupt

    matrix = matrix_of(LONG)
    outcome = solve(matrix, replace(EXACT, time_limit_s=4), on_progress=press)
    assert begun.is_set()
    assert outcome.verdict == "interrupted"
    assert session.still_runs()
    assert outcome.values is not None
    assert outcome.objective == pytest.approx(float(np.array(LONG.cost) @ outcome.values))
    assert exactly(matrix, np.round(outcome.values)).holds
    assert outcome.bound is not None
    assert outcome.bound <= outcome.objective
    for thread in session._ABANDONED:
        thread.join()
    assert not session.still_runs()


def test_gap_stops_early() -> None:
    outcome = solve(matrix_of(knapsack(80)), replace(EXACT, gap=0.05))
    assert outcome.verdict == "optimal"
    assert outcome.gap is not None
    assert 0 < outcome.gap <= 0.05
    assert relative_gap(outcome.objective, outcome.bound) == outcome.gap


def test_progress_is_monotone() -> None:
    outcome = solve(matrix_of(knapsack(40)), EXACT)
    assert len(outcome.trace) > 2
    incumbents = [p.incumbent for p in outcome.trace if p.incumbent is not None]
    bounds = [p.bound for p in outcome.trace if p.bound is not None]
    assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(incumbents))
    assert all(later >= earlier - 1e-6 for earlier, later in itertools.pairwise(bounds))
    assert all(p.bound <= p.incumbent + 1e-6 for p in outcome.trace if None not in (p.bound, p.incumbent))  # type: ignore[operator]
    seconds = [p.seconds for p in outcome.trace]
    assert seconds == sorted(seconds)
    nodes = [p.nodes for p in outcome.trace]
    assert nodes == sorted(nodes)


def test_unknown_option_or_value_is_an_error() -> None:
    run = session._Run(matrix_of(IMPOSSIBLE), EXACT, lambda text: None, lambda progress: None, {})
    with pytest.raises(SolverError, match="no_such_option"):
        run._set("no_such_option", 1)
    with pytest.raises(SolverError, match="presolve"):
        run._set("presolve", "perhaps")
    with pytest.raises(SolverError, match="mip_rel_gap"):
        solve(matrix_of(IMPOSSIBLE), replace(EXACT, gap=-1.0))
    with pytest.raises(SolverError, match="random_seed"):
        solve(matrix_of(IMPOSSIBLE), replace(EXACT, seed=-1))


def test_refused_program_is_an_error() -> None:
    with pytest.raises(SolverError, match="refused the program"):
        solve(matrix_of(Small([1], [0], [1], [[1e300 * 1e300]], [0], [1], [False])), EXACT)


def test_failure_inside_highs_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: str) -> None:
        raise OSError("disk full")

    with pytest.raises((SolverError, OSError), match="disk full"):
        solve(matrix_of(knapsack(10)), EXACT, log=fail)


def test_fixed_columns() -> None:
    free = Small([1, 2], [0, 0], [5, 5], [[1, 1]], [3], [INF], [True, True])
    assert solve(matrix_of(free), EXACT).objective == 3
    fixed = solve(matrix_of(free), EXACT, fixed={0: 1.0})
    assert fixed.objective == 5
    assert list(fixed.values) == [1, 2]


def test_offset_counts_in_objective_and_bound() -> None:
    outcome = solve(matrix_of(Small([1], [2], [5], [], [], [], [True], offset=100.0)), EXACT)
    assert (outcome.objective, outcome.bound) == (102, 102)


def test_linear_program_is_its_own_bound() -> None:
    outcome = solve(matrix_of(Small([1, 1], [0, 0], [9, 9], [[2, 1]], [4], [INF], [False, False])), EXACT)
    assert (outcome.verdict, outcome.objective, outcome.bound, outcome.gap, outcome.nodes) == ("optimal", 2, 2, 0, 0)


@pytest.mark.parametrize(
    ("objective", "bound", "gap"),
    [(100.0, 99.0, 0.01), (-100.0, -101.0, 0.01), (5.0, 5.0, 0.0), (0.0, 0.0, 0.0), (0.0, -1.0, math.inf)],
)
def test_relative_gap(objective: float, bound: float, gap: float) -> None:
    assert relative_gap(objective, bound) == gap


def test_relative_gap_needs_both() -> None:
    assert relative_gap(None, 1.0) is None
    assert relative_gap(1.0, None) is None


WRONG_IN_1_14 = {
    # ERGO-Code/HiGHS issues; HiGHS 1.14.0 answered 15, 29, 200.01, 10000 and 76, all of them "Optimal"
    "3043": (Small([2, 3], [0, 0], [10, 10], [[1, 1]], [4.5], [INF], [False, True]), 9.0),
    "2957": (Small([1, 2], [0, 8], [20, 20], [[1, 1]], [20.1], [INF], [True, False]), 28.2),
    "3073": (
        Small(
            [100, 0.01, 0],
            [0, -INF, 0],
            [INF, INF, INF],
            [[1, 0, 1], [0, -1, 1], [0, -1, -1], [0, 0, 1], [0, 0, -1]],
            [3, -INF, -INF, -INF, -INF],
            [3, 0, 0, 3, -0.45],
            [False, False, True],
        ),
        0.03,
    ),
    "3094": (
        Small(
            [0, 0, 10, 8, 0, 0],
            [0] * 6,
            [1000, 1000, 1000, 1000, 1, 1],
            [
                [1, 0, 0, 0, -1000, 0],
                [0, 1, 0, 0, 0, -1000],
                [1, 0, 1, 0, 0, 0],
                [0, 1, 0, 1, 0, 0],
                [0, 0, 0, 0, 1, 1],
            ],
            [-INF, -INF, 1000, 1000, -INF],
            [0, 0, 1000, 1000, 1],
            [False] * 4 + [True] * 2,
        ),
        8000.0,
    ),
    "3002": (
        Small(
            [1, 4, 9],
            [0, -1, 0],
            [4, 1, INF],
            [[1, 1, 0], [1, 0, 1], [0, -1, 1]],
            [-INF, 10, 7.5],
            [5, INF, 7.5],
            [False, False, True],
        ),
        64.0,
    ),
}


@pytest.mark.parametrize("issue", WRONG_IN_1_14)
def test_programs_that_highs_1_14_got_wrong(issue: str) -> None:
    small, optimum = WRONG_IN_1_14[issue]
    outcome = solve(matrix_of(small), EXACT)
    assert outcome.verdict == "optimal"
    assert outcome.objective == pytest.approx(optimum, abs=1e-9)


def test_big_m_leak_is_refused() -> None:
    # x <= 1e9 y, x + z >= 500, cost 1e6 y + x + 3000 z: HiGHS may answer 500.5 with y = 5e-7; the optimum is 1,000,500
    leak = Small(
        [1e6, 1, 3000],
        [0, 0, 0],
        [1, 1e9, 1000],
        [[-1e9, 1, 0], [0, 1, 1]],
        [-INF, 500],
        [0, INF],
        [True, False, False],
    )
    outcome = solve(matrix_of(leak), EXACT)
    assert outcome.objective is not None
    if outcome.objective > 1e6 - 1:
        assert outcome.objective == pytest.approx(1_000_500)
        return
    with pytest.raises(SolverError, match=r"rounding the integers raises the objective from 500\.5"):
        polish(matrix_of(leak), outcome.values, outcome.objective)


def test_tight_bound_instead_of_big_m_does_not_leak() -> None:
    tight = Small(
        [1e6, 1, 3000], [0, 0, 0], [1, 500, 500], [[-500, 1, 0], [0, 1, 1]], [-INF, 500], [0, INF], [True, False, False]
    )
    outcome = solve(matrix_of(tight), EXACT)
    _, objective = polish(matrix_of(tight), outcome.values, outcome.objective or 0.0)
    assert objective == pytest.approx(1_000_500)


NUMBERS = st.integers(-4, 4)


@st.composite
def small_integer_programs(draw: st.DrawFn) -> Small:
    columns = draw(st.integers(1, 4))
    count = draw(st.integers(0, 4))
    lower = [float(draw(st.integers(-2, 1))) for _ in range(columns)]
    rows = [[float(draw(NUMBERS)) for _ in range(columns)] for _ in range(count)]
    row_lower = [draw(st.sampled_from([-INF, -3.0, 0.0, 1.0, 2.0])) for _ in range(count)]
    return Small(
        cost=[float(draw(NUMBERS)) for _ in range(columns)],
        lower=lower,
        upper=[low + draw(st.integers(0, 3)) for low in lower],
        rows=rows,
        row_lower=row_lower,
        row_upper=[max(low, draw(st.sampled_from([INF, 0.0, 2.0, 5.0]))) for low in row_lower],
        integer=[True] * columns,
        offset=float(draw(NUMBERS)),
    )


@settings(max_examples=300, deadline=None)
@given(small_integer_programs())
def test_random_programs_equal_brute_force(small: Small) -> None:
    matrix = matrix_of(small)
    outcome = solve(matrix, EXACT)
    optimum = by_hand(small)
    if optimum is None:
        assert outcome.verdict == "infeasible"
        return
    assert outcome.verdict == "optimal"
    values, objective = polish(matrix, outcome.values, outcome.objective or 0.0)
    assert objective == pytest.approx(optimum, abs=1e-6)
    assert outcome.bound == pytest.approx(optimum, abs=1e-5)
    assert all(float(v).is_integer() for v in values)


def test_a_program_that_highs_calls_optimal_at_166_pct_of_its_least_cost() -> None:
    """A study of promises kept in most scenarios, with coefficients down to 9e-7 beside ones of 15,000."""
    reader = highspy.Highs()
    reader.setOptionValue("log_to_console", False)
    reader.readModel(str(Path(__file__).with_name("false_optimum.mps.gz")))
    lp = reader.getLp()
    outcome = solve(Matrix(lp, [], [], lp.offset_), SolveOptions(gap=1e-6, time_limit_s=60, threads=1))
    assert outcome.verdict == "optimal"
    assert outcome.objective == pytest.approx(69_191.98, abs=0.01)
