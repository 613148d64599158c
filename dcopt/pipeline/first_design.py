"""A good design of a large program, quickly: from the hardest year, a few sizes, and the pools that a relaxation uses.

1. The program of one year that asks for all that any year asks for, with few sizes of each job: its linear relaxation
   says which pools are worth having.
2. On these pools, with the strategic integers whole (formulation/stages.py), which workloads run where; then the plant.
3. With what is bought held, every year is solved as it is, and its calendar kept.

Each step is a restriction of the problem, so what comes out is a design of it; nothing is proven here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import hardest_year, kinds_of, of_kinds, on_pools, smallest_sizes, with_ways
from dcopt.candidates.records import Candidates, Pool
from dcopt.formulation.program import Program
from dcopt.formulation.stages import HELD, WORKLOADS, stays
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.pipeline.stated import Stated, state
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_integers
from dcopt.solve.matrix import Matrix
from dcopt.solve.session import Outcome, SolveOptions, solve

USED = 1e-6
"""Share of a pool that a linear relaxation opens which counts as use."""
MANY_COLUMNS = 15_000
"""Columns from which a linear program is solved faster by interior points than by simplex."""
MANY_INTEGERS = 2000
"""Integers of a year's program from which its jobs are placed before its services."""
JOBS_FIRST = frozenset({"train", "open", "kind_open", "active_site"})
FINE_GAP, ROUGH_GAP = 2e-3, 3e-2
"""Relative gap of the last step, and that of many: a calendar may ask for another round."""
GAP = 3e-3
"""Relative gap to which the steps before the last are solved."""


def linear_method(matrix: Matrix) -> str:
    """Return how a linear program of this size is solved, for `dcopt.solve.session.solve`."""
    return "ipm" if matrix.lp.num_col_ >= MANY_COLUMNS else "choose"


class _Search:
    """The steps, each within its share of the time."""

    def __init__(
        self, problem: Problem, candidates: Candidates, options: SolveOptions, listener: Listener, *, only_pair: bool
    ) -> None:
        self.problem, self.candidates, self.options, self.only_pair = problem, candidates, options, only_pair
        self.listener = listener
        self.ends = time.monotonic() + options.time_limit_s

    def limited(self, share: float, gap: float = GAP) -> SolveOptions:
        """Return the options of a step that may take ``share`` of the time that is left."""
        left = max(0.01, share * (self.ends - time.monotonic()))
        return replace(self.options, gap=gap, time_limit_s=left, start=None)

    def stated(self, candidates: Candidates) -> Stated:
        return state(self.problem, candidates, only_pair=self.only_pair)

    def minimized(
        self,
        matrix: Matrix,
        share: float,
        whole: frozenset[str] | None = None,
        fixed: dict[int, float] | None = None,
        gap: float = GAP,
    ) -> Outcome:
        """Solve a program with the integers of ``whole`` only (None: all of them)."""
        relaxed = with_integers(matrix, stays(whole))
        method = linear_method(matrix) if whole == frozenset() else "choose"
        outcome = solve(relaxed, self.limited(share, gap), fixed=fixed, method=method, log=self.listener.log)
        if outcome.verdict == "interrupted":
            raise StoppedError
        return outcome

    def pools_worth_having(self) -> tuple[Candidates, set[str]] | None:
        """Return the candidates of the hardest year at few sizes, and the pools that their relaxation uses.

        Of the kinds of nodes only those are looked at that the coarse relaxation uses.
        """
        year = (hardest_year(self.candidates),)
        rough = self._used(coarse(self.problem, self.candidates, year))
        if rough is None:
            return None
        keys = of_kinds(self.candidates, kinds_of(rough.values()))
        ways, replicas = on_pools(smallest_sizes(self.candidates), self.candidates.serving, keys)
        small = with_ways(self.problem, self.candidates, ways, replicas, year)
        used = self._used(small)
        return None if used is None else (small, set(used))

    def _used(self, candidates: Candidates) -> dict[str, Pool] | None:
        """Return the pools that the linear relaxation uses; None where it is not solved."""
        stated = self.stated(candidates)
        outcome = self.minimized(stated.matrix, 0.5, frozenset())
        return None if outcome.values is None else stated.opened(outcome.values, USED)

    def one_year(self, small: Candidates, pools: set[str]) -> tuple[dict[str, int], set[str]] | None:
        """Return what is bought in a good design of the hardest year, and on which pools its workloads run."""
        ways = on_pools(small.training, small.serving, pools)
        lesser = with_ways(self.problem, small, *ways)
        stated = self.stated(lesser)
        placed = self.placed(stated)
        if placed.values is None:
            return None
        held = stated.fixed(stated.values(placed.values, WORKLOADS))
        best = self.minimized(stated.matrix, 0.2, fixed=held, gap=1e-3)
        if best.objective is None or best.values is None:
            best = self.minimized(stated.matrix, 0.5)
            if best.objective is None or best.values is None:
                return None
        bought = stated.values(best.values, HELD)
        opened = {key for key in lesser.pools if bought.get(stated.program.model.open[key].name)}
        return bought, opened

    def placed(self, stated: Stated) -> Outcome:
        """Return which workloads run where, with the plant relaxed; of many, first the jobs and then the rest."""
        matrix = stated.matrix
        if matrix.integer_columns < MANY_INTEGERS:
            return self.minimized(matrix, 0.6, WORKLOADS, gap=1e-2)
        jobs = self.minimized(matrix, 0.4, JOBS_FIRST, gap=2e-2)
        if jobs.values is None:
            return jobs
        held = stated.fixed(stated.values(jobs.values, frozenset({"train"})))
        return self.minimized(matrix, 0.4, WORKLOADS, fixed=held, gap=5e-2)

    def every_year(self, small: Candidates, bought: dict[str, int], pools: set[str]) -> Solved:
        """Return the design of all years in which just that is bought."""
        ways = on_pools(small.training, small.serving, pools)
        as_large = with_ways(self.problem, small, *ways)  # as the one year needs: what is bought fits
        lesser = replace(as_large, periods=self.candidates.periods, it_kw={})
        many = sum(len(of_job) for of_job in lesser.training.values()) * len(lesser.periods) > MANY_INTEGERS
        options = self.limited(0.9, ROUGH_GAP if many else FINE_GAP)
        return with_purchases(self.problem, lesser, bought, options, self.listener, only_pair=self.only_pair)


def with_purchases(
    problem: Problem,
    candidates: Candidates,
    bought: dict[str, int],
    options: SolveOptions,
    listener: Listener,
    *,
    only_pair: bool,
) -> Solved:
    """Return the best design in which the variables of purchases have these values, by name; what is not there is 0."""
    return solve_program(
        problem, candidates, options, Listener(listener.log), only_pair=only_pair, cutoffs=holding(bought)
    )


def holding(bought: dict[str, int]) -> Callable[[Program], None]:
    """Return what fixes the purchases of a program; what is not named is not bought."""

    def hold(program: Program) -> None:
        for name in HELD:
            component: Any = program.model.component(name)
            for variable in component.values() if component is not None else ():
                value = min(bought.get(variable.name, 0), variable.ub)
                variable.setlb(value)
                variable.setub(value)

    return hold


def first_design(
    problem: Problem, candidates: Candidates, options: SolveOptions, listener: Listener, *, only_pair: bool = False
) -> Solved | None:
    """Return a design of ``problem`` that is good but not proven, or None where the steps lead to none.

    ``options`` say how long it may take in all.

    Raises
    ------
    StoppedError: Ctrl-C was pressed. SolverError: HiGHS failed.
    """
    search = _Search(problem, candidates, options, listener, only_pair=only_pair)
    found = search.pools_worth_having()
    if found is None:
        return None
    small, pools = found
    listener.log(f"\ndcopt: the relaxation of the hardest year uses {len(pools)} of {len(small.pools)} pools\n")
    year = search.one_year(small, pools)
    if year is None:
        return None
    solved = search.every_year(small, *year)
    if solved.stopped_by == "interrupted":
        raise StoppedError
    return solved if solved.design is not None else None
