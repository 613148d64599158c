"""A good design of a large program, quickly: from the hardest year, a few sizes, and the pools that a relaxation uses.

1. Where all that is asked for may run at one site, the sites alone are looked at first (one_site.py), the cheapest by
   its relaxation before the others, and all sites together last; the other way round where several sites at once are
   clearly cheaper.
2. The program of one year that asks for all that any year asks for, with few sizes of each job: its linear relaxation
   says which pools are worth having.
3. On these pools a solution of that year whose plant may be cut into parts (formulation/stages.py), the best that is
   found at the root of a search. Of many integers a design site by site (one_year.py).
4. With the nodes held that it buys and the ways in which it runs the workloads, every year is solved as it is, and its
   calendar kept.
5. Where there is time 3. and 4. again: with the strategic integers whole alone, or some sites at a time.

Each step is a restriction of the problem, so what comes out is a design of it; nothing is proven here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import hardest_year, kinds_of, of_kinds, on_pools, smallest_sizes, with_ways
from dcopt.candidates.records import Candidates, Pool, ServingCandidate, TrainingCandidate
from dcopt.formulation.program import Program
from dcopt.formulation.stages import EQUIPMENT, HELD, STORED, STRATEGIC, WORKLOADS, stays
from dcopt.pipeline.one_site import at_each_site
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
"""Share of a pool that a linear relaxation opens, or of a way that it chooses, which counts as use."""
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
ROOTS = (WORKLOADS, STRATEGIC)
"""What is whole in the searches whose roots are looked at, one after another."""
SEVERAL = 0.02
"""Share of its cost by which the relaxation of a site is dearer than that of several where these come first."""
ROUND = 0.3
"""Share of the time for a first design which a round of deciding some sites anew may take."""


Kind = tuple[str, str]
"""(site, node)."""


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
        nodes: int | None = None,
    ) -> Outcome:
        """Solve a program with the integers of ``whole`` only (None: all of them), within ``most_s`` at the most.

        ``nodes``: how many nodes of its search are looked at (None: as many as the time allows).
        """
        relaxed = matrix if whole is None else with_integers(matrix, stays(whole))
        method = linear_method(matrix) if whole == frozenset() else "choose"
        limited = self.limited(share, gap)
        options = replace(limited, time_limit_s=min(limited.time_limit_s, most_s), start=start, nodes=nodes)
        outcome = solve(relaxed, options, fixed=fixed, method=method, log=self.listener.log)
        if outcome.verdict == "interrupted":
            raise StoppedError
        return outcome

    def places(self) -> Iterator[tuple[Candidates, Collection[Kind]]]:
        """Yield the candidates among which to look for a design, with the kinds of nodes worth having there.

        Those of sites that may carry everything alone come in the order of their relaxations, all sites last; but first
        where the relaxation of what the sites use is clearly cheaper with all of them together.
        """
        alone = []
        for here in at_each_site(self.problem, self.candidates).values():
            found = self._kinds(here)
            if found is not None:
                alone.append((*found, here))
        alone.sort(key=lambda one: one[0])
        if alone:
            keys = of_kinds(self.candidates, frozenset(kind for _, kinds, _ in alone for kind in kinds))
            ways = on_pools(self.candidates.training, self.candidates.serving, keys)
            together = self._kinds(with_ways(self.problem, self.candidates, *ways))
            if together is not None and together[0] < (1 - SEVERAL) * alone[0][0]:
                yield self.candidates, together[1]
        for _, kinds, here in alone:
            yield here, kinds
        found = self._kinds(self.candidates)
        if found is not None:
            yield self.candidates, found[1]

    def _kinds(self, candidates: Candidates) -> tuple[float, frozenset[Kind]] | None:
        """Return what the coarse relaxation of the hardest year costs and the kinds of nodes that it uses."""
        found = self._used(coarse(self.problem, candidates, (hardest_year(candidates),)))
        return None if found is None else (found[0], kinds_of(found[1].values()))

    def pools_worth_having(self, candidates: Candidates, kinds: Collection[Kind]) -> tuple[Candidates, set[str]] | None:
        """Return the candidates of the hardest year at few sizes, and the pools that their relaxation uses.

        Of the kinds of nodes only these are looked at.
        """
        ways, replicas = on_pools(smallest_sizes(candidates), candidates.serving, of_kinds(candidates, kinds))
        small = with_ways(self.problem, candidates, ways, replicas, (hardest_year(candidates),))
        found = self._used(small)
        return None if found is None else (small, set(found[1]))

    def _used(self, candidates: Candidates) -> tuple[float, dict[str, Pool]] | None:
        """Return the cost of the linear relaxation and the pools that it uses; None where it is not solved."""
        stated = self.stated(candidates)
        outcome = self.minimized(stated.matrix, 0.5, frozenset())
        if outcome.values is None or outcome.objective is None:
            return None
        return outcome.objective, stated.opened(outcome.values, USED)

    def lesser(self, small: Candidates, pools: set[str]) -> Candidates:
        """Return the candidates on some pools."""
        return with_ways(self.problem, small, *on_pools(small.training, small.serving, pools))

    def at_the_root(self, stated: Stated, whole: frozenset[str]) -> Found | None:
        """Return what the root of a search for the hardest year finds; only the integers of ``whole`` are so."""
        outcome = self.minimized(stated.matrix, 0.6, whole, gap=1e-2, nodes=1)
        if outcome.values is None or outcome.objective is None:
            return None
        return _found(stated, outcome.values, outcome.objective)

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

    def as_in(self, year: Program, found: Found, names: frozenset[str] = EQUIPMENT, nodes: int | None = None) -> Solved:
        """Return the design of all years in which jobs run as in one year, services where they do, on what it buys.

        ``year``: the program of that year. ``names``: what is held of its purchases. ``nodes``: how many nodes of its
        search are looked at (None: as many as it takes).
        """
        small = year.candidates
        training: dict[str, tuple[TrainingCandidate, ...]] = {}
        serving: dict[str, tuple[ServingCandidate, ...]] = {}
        for job, index in _used(year, found, "train"):
            if not any(way.years for way in small.training[job]):
                training[job] = (*training.get(job, ()), small.training[job][index])
        for service, index in _used(year, found, "replicas"):
            serving[service] = (*serving.get(service, ()), small.serving[service][index])
        ways = self._as_large(small, small.training | training, small.serving | serving)
        held = holding(found.declared(names), names)

        def hold(program: Program) -> None:
            held(program)
            make_room(program, list(found.rooms))

        limited = self.limited(0.5, FINE_GAP)
        options = replace(limited, time_limit_s=max(ENOUGH_S, limited.time_limit_s), nodes=nodes)
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


def _used(year: Program, found: Found, name: str) -> list[tuple[str, int]]:
    """Return (workload, number of its way) of what a solution uses of the variables under a name, each once."""
    component: Any = year.model.component(name)
    used = [
        (workload, way)
        for (workload, way, _), variable in (component.items() if component is not None else ())
        if found.values.get(variable.name, 0.0) > USED
    ]
    return list(dict.fromkeys(used))


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
    for here, kinds in search.places():
        found = _at(search, here, kinds, told)
        if found is not None or not search.has_time():
            return found
    return None


def as_in_relaxed(
    problem: Problem,
    candidates: Candidates,
    options: SolveOptions,
    listener: Listener,
    relaxed: Stated,
    values: Any,
    *,
    only_pair: bool = False,
) -> Solved:
    """Return the design with the nodes, fabrics and ways of a relaxation whose strategic integers are whole.

    ``values`` are those of the columns of ``relaxed``, a program of some of the ``candidates``.

    Raises
    ------
    StoppedError: Ctrl-C was pressed. SolverError: HiGHS failed.
    """
    search = _Search(problem, candidates, options, listener, only_pair=only_pair)
    solved = search.as_in(relaxed.program, _found(relaxed, values, 0.0), HELD, nodes=1)
    if solved.stopped_by == "interrupted":
        raise StoppedError
    return solved


def _found(stated: Stated, values: Any, cost: float) -> Found:
    """Return the values of a program's columns as a solution, by the names of the integer variables."""
    columns = zip(stated.matrix.columns, values, strict=True)
    return Found({variable.name: float(value) for variable, value in columns if not variable.is_continuous()}, cost)


def _at(
    search: _Search, candidates: Candidates, kinds: Collection[Kind], told: Callable[[Solved], None] | None
) -> Solved | None:
    """Return a design among some candidates, on nodes of these kinds."""
    found = search.pools_worth_having(candidates, kinds)
    if found is None:
        return None
    small, pools = found
    where = " and ".join(sorted({pool.site for pool in small.pools.values()}))
    search.listener.log(f"\ndcopt: the relaxation of the hardest year at {where} uses {len(pools)} pools\n")
    lesser = search.lesser(small, pools)
    stated = search.stated(lesser)
    if stated.matrix.integer_columns >= MANY_INTEGERS:
        return _site_by_site(search, stated, told)
    best = _of_roots(search, stated, told)
    if best is not None:
        return best
    bought = search.one_year(stated)
    return None if bought is None else _told(search.every_year(lesser, bought), told)


def _of_roots(search: _Search, stated: Stated, told: Callable[[Solved], None] | None) -> Solved | None:
    """Return the best design that comes of roots of searches for the hardest year; the first where nobody is told."""
    best: Solved | None = None
    least = math.inf
    for whole in ROOTS:
        found = search.at_the_root(stated, whole)
        if found is not None and (best is None or found.cost < least):  # with less of it whole it should cost less
            least = found.cost
            solved = search.as_in(stated.program, found, HELD, nodes=1)
            if best is None or solved.design is None or value_of(solved) < value_of(best):
                best = _told(solved, told) or best
        if best is not None and (told is None or not search.has_time()):
            break
    return best


def _site_by_site(search: _Search, stated: Stated, told: Callable[[Solved], None] | None) -> Solved | None:
    """Return a design of many integers, and then what it becomes some sites at a time."""
    year = OneYear(stated, search.minimized, search.listener.log)
    found = year.first()
    if found is None:
        return None
    best = (
        _told(search.as_in(year.program, found), told)
        or _told(search.as_in(year.program, found, STORED), told)
        or _told(search.as_in(year.program, found, HELD), told)
        or _told(search.every_year(year.program.candidates, found.declared(HELD)), told)
    )
    while told is not None and search.has_time():
        better = year.better(found, ROUND * search.options.time_limit_s)
        if better.cost >= found.cost * (1 - WORTH):
            break
        found = better
        again = search.as_in(year.program, found)
        if again.status == "infeasible":
            again = search.as_in(year.program, found, STORED)
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
