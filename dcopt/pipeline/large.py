"""Solve a program, however large: a small one as it is, a large one in steps, one that falls apart group by group."""

from __future__ import annotations

from collections.abc import Callable

from dcopt.candidates.lesser import ways_of
from dcopt.candidates.records import Candidates
from dcopt.formulation.program import Program
from dcopt.pipeline.apart import groups_of, solve_apart
from dcopt.pipeline.large_search import LargeSearch
from dcopt.pipeline.large_within import solve_within
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions
from dcopt.solve.side_by_side import lanes_of

LARGE = 1500
"""Ways to run workloads, over all years, from which a program is large."""

MANY_GROUPS = 8
"""Groups that fall apart beyond which all are solved as one program: its parts are, and equal ones once."""


def solve_any(
    problem: Problem,
    candidates: Candidates,
    options: SolveOptions,
    listener: Listener,
    *,
    only_pair: bool = False,
    cutoffs: Callable[[Program], None] = no_constraints,
    of_any: bool = False,
) -> Solved:
    """Solve the program of ``problem`` as `dcopt.pipeline.solving.solve_program` does; a large one in several steps.

    Where constraints of the user's own are added the steps are left out: what they ask of a smaller program is not
    known. ``of_any``: the ``cutoffs`` can be stated of any program, as those of a study can.
    """
    if is_large(candidates) and of_any:
        return solve_within(problem, candidates, options, listener, only_pair=only_pair, cutoffs=cutoffs)
    if not is_large(candidates) or cutoffs is not no_constraints:
        return solve_program(problem, candidates, options, listener, only_pair=only_pair, cutoffs=cutoffs)
    groups = groups_of(problem, candidates, only_pair=only_pair)
    if groups is not None and len(groups.workloads) > MANY_GROUPS:
        return solve_program(problem, candidates, options, listener, only_pair=only_pair)
    if groups is not None:
        return solve_apart(problem, candidates, groups, options, listener, only_pair=only_pair, is_large=is_large)
    lanes = lanes_of(options)
    search = LargeSearch(problem, candidates, options, listener, only_pair=only_pair, is_large=is_large, lanes=lanes)
    return search.solved()


def is_large(candidates: Candidates) -> bool:
    """Whether the program of these candidates is worth several steps."""
    return not candidates.epochs and ways_of(candidates) >= LARGE
