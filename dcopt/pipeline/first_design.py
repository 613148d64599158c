"""A good design of a large program, quickly: from the hardest year, a few sizes, and the pools that a relaxation uses.

1. The program of one year that asks for all that any year asks for, with few sizes of each job: its linear relaxation
   says which pools are worth having.
2. On these pools a design of that year. Of few integers: with the strategic ones whole (formulation/stages.py), which
   workloads run where; then the plant. Of many: site by site (one_year.py).
3. With what is bought held, every year is solved as it is, and its calendar kept. Of many integers the jobs run as they
   do in that year, for which a calendar is known.
4. Of many, where there is time: the design of the hardest year is made better some sites at a time, and 3. again.

Each step is a restriction of the problem, so what comes out is a design of it; nothing is proven here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import hardest_year, kinds_of, of_kinds, on_pools, smallest_sizes, with_ways
from dcopt.candidates.records import Candidates, Pool, ServingCandidate, TrainingCandidate
from dcopt.formulation.program import Program
from dcopt.formulation.stages import EQUIPMENT, HELD, STORED, WORKLOADS, stays
from dcopt.pipeline.one_year import WORTH, Found, OneYear
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.room import make_room
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
MANY_INTEGERS = 1000
"""Integers of a year's program from which it is solved site by site, its jobs before its services."""
FINE_GAP, ROUGH_GAP = 2e-3, 3e-2
"""Relative gap of the last step, and that of many: a calendar may ask for another round."""
GAP = 3e-3
"""Relative gap to which the steps before the last are solved."""
ENOUGH_S = 5.0
"""Seconds that all years as in a known one may take at the least: nearly everything in it is decided."""
ROUND = 0.3
"""Share of the time for a first design which a round of deciding some sites anew may take."""


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

    def has_time(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.ends

    def stated(self, candidates: Candidates) -> Stated:
        return state(self.problem, candidates, only_pair=self.only_pair)

    def minimized(
        self,
        matrix: Matrix,
        share: float,
        whole: frozenset[str] | None = None,
        fixed: dict[int, float] | None = None,
        gap: float = GAP,
        start: dict[str, float] | None = None,
        most_s: float = math.inf,
    ) -> Outcome:
        """Solve a program with the integers of ``whole`` only (None: all of them), within ``most_s`` at the most."""
        relaxed = matrix if whole is None else with_integers(matrix, stays(whole))
        method = linear_method(matrix) if whole == frozenset() else "choose"
        limited = self.limited(share, gap)
        options = replace(limited, time_limit_s=min(limited.time_limit_s, most_s), start=start)
        outcome = solve(relaxed, options, fixed=fixed, method=method, log=self.listener.log)
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

    def lesser(self, small: Candidates, pools: set[str]) -> Candidates:
        """Return the candidates on some pools."""
        return with_ways(self.problem, small, *on_pools(small.training, small.serving, pools))

    def one_year(self, stated: Stated) -> dict[str, int] | None:
        """Return what is bought in a good design of the hardest year."""
        placed = self.minimized(stated.matrix, 0.6, WORKLOADS, gap=1e-2)
        if placed.values is None:
            return None
        held = stated.fixed(stated.values(placed.values, WORKLOADS))
        best = self.minimized(stated.matrix, 0.2, fixed=held, gap=1e-3)
        if best.values is None:
            best = self.minimized(stated.matrix, 0.5)
        return None if best.values is None else stated.values(best.values, HELD)

    def every_year(self, lesser: Candidates, bought: dict[str, int]) -> Solved:
        """Return the design of all years in which just that is bought."""
        keys = {key for key in lesser.pools if bought.get(f"open[{key}]")}
        ways = self._as_large(lesser, *on_pools(lesser.training, lesser.serving, keys))
        many = sum(len(of_job) for of_job in ways.training.values()) * len(ways.periods) > MANY_INTEGERS
        options = self.limited(0.9, ROUGH_GAP if many else FINE_GAP)
        listener = Listener(self.listener.log)
        return solve_program(self.problem, ways, options, listener, only_pair=self.only_pair, cutoffs=holding(bought))

    def as_in(self, year: OneYear, found: Found, names: frozenset[str] = EQUIPMENT) -> Solved:
        """Return the design of all years in which jobs run as in one year, services where they do, on what it buys.

        ``names``: what is held of its purchases.
        """
        small = year.program.candidates
        chosen = [variable.index() for variable in year.chosen(found, "train")]
        replicas = [variable.index() for variable in year.chosen(found, "replicas")]
        training = {
            job: (small.training[job][index],)
            for job, index, _ in chosen
            if not any(way.years for way in small.training[job])
        }
        serving: dict[str, tuple[ServingCandidate, ...]] = {}
        for service, index, _ in replicas:
            serving[service] = (*serving.get(service, ()), small.serving[service][index])
        ways = self._as_large(small, small.training | training, small.serving | serving)
        held = holding(found.declared(names), names)

        def hold(program: Program) -> None:
            held(program)
            make_room(program, list(found.rooms))

        limited = self.limited(0.5, FINE_GAP)
        options = replace(limited, time_limit_s=max(ENOUGH_S, limited.time_limit_s))
        listener = Listener(self.listener.log)
        return solve_program(self.problem, ways, options, listener, only_pair=self.only_pair, cutoffs=hold)

    def _as_large(
        self,
        candidates: Candidates,
        training: dict[str, tuple[TrainingCandidate, ...]],
        serving: dict[str, tuple[ServingCandidate, ...]],
    ) -> Candidates:
        """Return candidates of all years with these ways, on pools as large as before: what is bought fits."""
        lesser = with_ways(self.problem, candidates, training, serving)
        pools = {key: candidates.pools[key] for key in lesser.pools}
        facilities = {key: candidates.facilities[key] for key in lesser.pools}
        return replace(lesser, pools=pools, facilities=facilities, periods=self.candidates.periods, it_kw={})


def holding(bought: dict[str, int], names: frozenset[str] = HELD) -> Callable[[Program], None]:
    """Return what fixes the variables under ``names`` of a program; what is not named in ``bought`` is not bought."""

    def hold(program: Program) -> None:
        for name in names:
            component: Any = program.model.component(name)
            for variable in component.values() if component is not None else ():
                value = min(bought.get(variable.name, 0), variable.ub)
                variable.setlb(value)
                variable.setub(value)

    return hold


def first_design(
    problem: Problem,
    candidates: Candidates,
    options: SolveOptions,
    listener: Listener,
    *,
    only_pair: bool = False,
    told: Callable[[Solved], None] | None = None,
) -> Solved | None:
    """Return a design of ``problem`` that is good but not proven, or None where the steps lead to none.

    ``options`` say how long it may take in all. ``told`` hears of every design as it is found, each cheaper than those
    before; where nobody does the first one is returned at once.

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
    lesser = search.lesser(small, pools)
    stated = search.stated(lesser)
    if stated.matrix.integer_columns >= MANY_INTEGERS:
        return _site_by_site(search, stated, told)
    bought = search.one_year(stated)
    return None if bought is None else _told(search.every_year(lesser, bought), told)


def _site_by_site(search: _Search, stated: Stated, told: Callable[[Solved], None] | None) -> Solved | None:
    """Return a design of many integers, and then what it becomes some sites at a time."""
    year = OneYear(stated, search.minimized, search.listener.log)
    found = year.first()
    if found is None:
        return None
    best = (
        _told(search.as_in(year, found), told)
        or _told(search.as_in(year, found, STORED), told)
        or _told(search.as_in(year, found, HELD), told)
        or _told(search.every_year(year.program.candidates, found.declared(HELD)), told)
    )
    while told is not None and search.has_time():
        better = year.better(found, ROUND * search.options.time_limit_s)
        if better.cost >= found.cost * (1 - WORTH):
            break
        found = better
        again = search.as_in(year, found)
        if again.status == "infeasible":
            again = search.as_in(year, found, STORED)
        if again.design is not None and (best is None or value_of(again) < value_of(best)):
            best = _told(again, told)
    return best


def _told(solved: Solved, told: Callable[[Solved], None] | None) -> Solved | None:
    """Return a design after ``told`` has heard of it; None where there is none."""
    if solved.stopped_by == "interrupted":
        raise StoppedError
    if solved.design is None:
        return None
    if told is not None:
        told(solved)
    return solved


def value_of(solved: Solved) -> float:
    """Return the cost of a solved program's design."""
    assert solved.design is not None
    return solved.design.objective_value or 0.0
