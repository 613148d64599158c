"""A large program within constraints of a study, such as a limit on what it costs or parts that it must do without.

1. The program of the hardest year with few sizes, linear, with these constraints: which pools are worth having.
2. The program of all years on these pools, with all integers: a design, unless it is infeasible.
3. The whole program from that design on, where it is not so large that nothing would come of it.

What 2. proves is of its pools alone, so only 3. proves anything. The constraints must be stated of whatever a program
holds: 1. and 2. hold less than the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from dcopt.candidates.lesser import hardest_year, on_pools, smallest_sizes, ways_of, with_ways
from dcopt.candidates.records import Candidates
from dcopt.formulation.program import Program
from dcopt.formulation.stages import LINEAR
from dcopt.pipeline.first_design import USED, linear_method
from dcopt.pipeline.large_search import better_of, with_bound
from dcopt.pipeline.solving import Known, Listener, Solved, solve_program
from dcopt.pipeline.stated import Stated, state
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_integers
from dcopt.solve.session import SolveOptions, solve

FOR_SOME_POOLS = 0.7
"""Share of the time which the program of some pools may take."""
ROUGH_GAP = 5e-3
"""Relative gap to which that program is solved at the finest: it proves nothing of the whole."""
WHOLE_TO = 10_000
"""Ways to run workloads, over all years, up to which the whole program is solved after one of some pools."""


def solve_within(
    problem: Problem,
    candidates: Candidates,
    options: SolveOptions,
    listener: Listener,
    *,
    only_pair: bool,
    cutoffs: Callable[[Program], None],
) -> Solved:
    """Solve the program of ``problem`` within ``cutoffs`` as `dcopt.pipeline.solving.solve_program` does.

    Raises
    ------
    KeyboardInterrupt: Ctrl-C was pressed before a design was found. SolverError: HiGHS failed.
    """
    began = time.monotonic()

    def spent() -> float:
        return time.monotonic() - began

    def whole(known: Known) -> Solved:
        return solve_program(problem, candidates, options, listener, only_pair=only_pair, cutoffs=cutoffs, known=known)

    few = smallest_sizes(candidates)
    small = with_ways(problem, candidates, few, candidates.serving, (hardest_year(candidates),))
    used = _used(state(problem, small, only_pair=only_pair, besides=cutoffs), options, listener)
    if used is None:
        return whole(Known(None, None, spent()))
    lesser = with_ways(problem, candidates, *on_pools(few, candidates.serving, used))
    first = solve_program(
        problem,
        lesser,
        replace(
            options, gap=max(options.gap, ROUGH_GAP), time_limit_s=FOR_SOME_POOLS * options.time_limit_s, start=None
        ),
        listener,
        only_pair=only_pair,
        cutoffs=cutoffs,
        known=Known(None, None, spent(), whole=False),
    )
    if first.stopped_by == "interrupted" and first.design is None:
        raise KeyboardInterrupt
    if first.design is None:
        return whole(Known(None, None, spent()))
    first = with_bound(first, None, options.gap)
    if first.stopped_by == "interrupted" or ways_of(candidates) > WHOLE_TO:
        return first
    return better_of(first, whole(Known(first, None, spent())), options.gap)


def _used(stated: Stated, options: SolveOptions, listener: Listener) -> set[str] | None:
    """Return the pools that the linear relaxation of a program uses; None where it is not solved."""
    relaxed = with_integers(stated.matrix, LINEAR)
    limited = replace(options, time_limit_s=0.5 * options.time_limit_s, start=None)
    outcome = solve(relaxed, limited, method=linear_method(stated.matrix), log=listener.log)
    if outcome.verdict == "interrupted":
        raise KeyboardInterrupt
    return None if outcome.values is None else set(stated.opened(outcome.values, USED))
