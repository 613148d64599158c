"""Solve a large program: a good design first, then bounds and better designs by turns.

1. `first_design` finds a design. Its cost V limits all that is still of interest.
2. Relaxations bound the cost of every design and leave out what none of at most V can hold (`bounding`).
3. Their solutions say how many nodes to buy (`of_numbers`) and on which pools a better design may lie (`improved`); a
   cheaper V makes what is bounded next tighter. Where what is left is no longer large, or the numbers of nodes are all
   but decided, its whole program is solved from the best design on, to proof.

Nothing that could be better than V is lost: a relaxation keeps every design, and V is the cost of one. What is proven
comes from relaxations of the whole alone, never from a restricted program.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from dcopt.candidates.lesser import on_pools, ways_of, with_ways
from dcopt.candidates.priced import with_numbers
from dcopt.candidates.records import Candidates
from dcopt.design.records import ProgressPoint, Status
from dcopt.formulation.stages import LINEAR
from dcopt.pipeline.bounding import SLACK
from dcopt.pipeline.by_numbers import Numbers
from dcopt.pipeline.by_sites import BySites
from dcopt.pipeline.first_design import as_in_relaxed, first_design, value_of
from dcopt.pipeline.following import following
from dcopt.pipeline.known_design import holds_power, numbers_of
from dcopt.pipeline.left import Left
from dcopt.pipeline.ranges import StoppedError, it_ranges, narrower
from dcopt.pipeline.solving import Known, Listener, Solved, size_of, solve_program
from dcopt.pipeline.stated import state
from dcopt.pipeline.trace import thinned
from dcopt.problem.problem import Problem
from dcopt.solve.session import Progress, SolveOptions, SolverError, relative_gap

FOR_BOUNDS = 0.85
"""Share of the time that is left which a round of bounding may take."""
HUGE = 100_000
"""Ways to run workloads from which a program is not built whole: that alone would take gigabytes and minutes."""
FOR_NUMBERS = 0.3
"""Share of the time that is left which a design with given numbers of nodes may take."""
FOR_RANGES = 0.2
"""Share of the time that is left which the ranges of IT power of the program itself may take, before it is solved."""
FIRST = 0.6
"""Share of the time that a first design, and what it becomes some sites at a time, may take; on all but the largest it
takes far less."""


class LargeSearch:
    """The search for the best design of one large program, within its time."""

    def __init__(
        self,
        problem: Problem,
        candidates: Candidates,
        options: SolveOptions,
        listener: Listener,
        *,
        only_pair: bool,
        is_large: Callable[[Candidates], bool],
        lanes: int = 1,
    ) -> None:
        self.problem, self.candidates, self.options, self.listener = problem, candidates, options, listener
        self.only_pair, self.is_large = only_pair, is_large
        self.best: Solved | None = None
        self.tried: list[Numbers] = []
        self.followed: object = None
        """The solution of a relaxation that a design followed last."""
        solving = replace(options, start=None)
        self.bounding = BySites(problem, solving, listener.log, only_pair=only_pair, lanes=lanes)
        self.began = time.monotonic()
        self.trace: list[ProgressPoint] = []

    def spent(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self.began

    def limited(self, share: float, gap: float = 1e-3) -> SolveOptions:
        """Return options for a step that may take ``share`` of the time that is left."""
        left = max(0.01, self.options.time_limit_s - self.spent())
        return replace(self.options, time_limit_s=share * left, gap=gap, start=None)

    def solved(self) -> Solved:
        """Return the best that the steps lead to, with how they got there."""
        try:
            self.begin()
        except (StoppedError, KeyboardInterrupt):
            if self.best is None:
                raise KeyboardInterrupt from None
            return searched(stopped(self.best, self.spent()), self.trace, self.spent())
        return self.finished()

    def begin(self) -> None:
        """Look for a first design.

        Raises
        ------
        StoppedError: Ctrl-C was pressed.
        """
        self.listener.phase("a first design: the hardest year, on the pools that its relaxation uses")
        try:
            found = first_design(
                self.problem,
                self.candidates,
                self.limited(FIRST),
                self.listener,
                only_pair=self.only_pair,
                told=self._told,
            )
        except SolverError as error:
            self.listener.log(f"\ndcopt: no first design: {error}\n")
            return
        if found is not None and found.design is not None:
            self.best = found

    def finished(self) -> Solved:
        """Return the best that is found until the time is up."""
        solved = self._finished()
        return solved if solved.design is None else searched(solved, self.trace, self.spent())

    def _finished(self) -> Solved:
        if self.best is None:
            return self._without_a_design()
        bound: float | None = None
        gap = self.options.gap
        self.best = with_bound(self.best, None, gap)
        try:
            while self.bounding.has_more and self.best.status != "optimal" and self.spent() < self.options.time_limit_s:
                self._report(self.best, bound)
                self.listener.phase("what a better design cannot be")
                found = self.bounded(Left(self.candidates))
                if not found:
                    break
                for left in found:
                    bound = left.bound
                    if self._is_last(left):
                        return self.best
            if self.best.status != "optimal":
                self.listener.phase("a better design, on the pools where one may lie")
                left = self.bounding.least_known(Left(self.candidates), self.best)
                self.best = better_of(self.best, self.improved(self.best, left), gap)
            return self.best
        except (StoppedError, KeyboardInterrupt):  # the latter while a program was stated
            return stopped(self.best, self.spent())

    def _is_last(self, left: Left) -> bool:
        """Take up what was learnt of some designs, look for a better one among them, and return whether that is all."""
        assert self.best is not None
        gap = self.options.gap
        self.best = with_bound(self.best, left.bound, gap)
        self._report(self.best, left.bound)
        if self.best.status == "optimal":
            return True
        if left.is_nothing:
            return False
        if not left.is_to_be_refined and (left.is_settled or not self.is_large(left.candidates)):
            if left.is_whole:
                self.listener.phase("all that is left, from the best design on")
                candidates = self._in_range(left.candidates)
                known = Known(self.best, left.bound, self.spent())
                self.best = better_of(self.best, self._whole(candidates, known), gap)
                return True
            self._decide(left)
        self.best = better_of(
            self.best, self.of_numbers(left) if left.solution is None else self.of_solution(left), gap
        )
        return self.best.stopped_by == "interrupted"

    def _without_a_design(self) -> Solved:
        """Return what the program as a whole leads to; of a huge one, whether there can be a design at all."""
        if ways_of(self.candidates) < HUGE:
            return self._whole(self.candidates, Known(None, None, self.spent()))
        self.listener.phase("no first design: whether there can be one")
        try:
            stated, outcome = self.bounding.of_any(self.candidates)
        except StoppedError:
            raise KeyboardInterrupt from None
        none = outcome.verdict == "infeasible"
        return Solved(
            None,
            stated.program,
            "infeasible" if none else "no_solution",
            outcome.bound,
            "infeasible" if none else "time limit",
            size_of(stated.matrix, 0, 1, 0),
            {"highs": self.spent()},
            0,
        )

    def bounded(self, before: Left) -> list[Left]:
        """Return what one more relaxation teaches about designs that are better than the best."""
        assert self.best is not None
        ends = time.monotonic() + FOR_BOUNDS * max(0.0, self.options.time_limit_s - self.spent())
        return self.bounding.further(before, self.best, value_of(self.best), ends)

    def _decide(self, left: Left) -> None:
        """Solve the program of one kind of designs, where all of them are in what is left."""
        assert self.best is not None
        if left.site is None:
            return
        self.listener.phase(f"all that is left at {left.site}")
        candidates = self._in_range(left.candidates)
        solved = self._whole(candidates, Known(None, left.bound, self.spent(), whole=False))
        none = solved.status == "infeasible"
        self.bounding.decided(left.site, value_of(self.best) if none else solved.bound)
        if solved.design is not None:
            self.best = better_of(self.best, with_bound(solved, left.bound, self.options.gap), self.options.gap)

    def _whole(self, candidates: Candidates, known: Known) -> Solved:
        return solve_program(
            self.problem,
            candidates,
            self.options,
            replace(self.listener, progress=self._heard),
            only_pair=self.only_pair,
            known=known,
        )

    def _in_range(self, candidates: Candidates) -> Candidates:
        """Return the candidates of sites that draw no less and no more than a better design does."""
        assert self.best is not None
        stated = state(self.problem, candidates, only_pair=self.only_pair)
        options = self.limited(FOR_RANGES)
        limit = value_of(self.best) * (1 + SLACK)
        found = it_ranges(stated.program, stated.matrix, limit, LINEAR, options, self.listener.log)
        if not holds_power(found, self.best, is_exact=True):
            return candidates
        return replace(candidates, it_kw=narrower(candidates.it_kw, found))

    def of_numbers(self, left: Left) -> Solved:
        """Return a design with the numbers of nodes that promise most; the best one where that is none, or known.

        Raises
        ------
        StoppedError: Ctrl-C was pressed.
        """
        assert self.best is not None
        if left.numbers is None or left.numbers in self.tried or _are_of(left.numbers, self.best):
            return self.best
        self.tried.append(left.numbers)
        self.listener.phase("a better design, of the numbers of nodes that promise most")
        numbers = {kind: (nodes, nodes) for kind, nodes in left.numbers.items()}
        lesser = with_numbers(self.problem, left.candidates, numbers)
        options = self.limited(FOR_NUMBERS)
        solved = following(self.problem, lesser, options, Listener(self.listener.log), only_pair=self.only_pair)
        if solved is None or solved.design is None:
            return self.best
        return with_bound(solved, left.bound, self.options.gap)

    def of_solution(self, left: Left) -> Solved:
        """Return the design that buys the nodes and fabrics of a relaxation; the best one where that is none.

        Raises
        ------
        StoppedError: Ctrl-C was pressed.
        """
        assert self.best is not None
        if left.solution is None or left.solution is self.followed:
            return self.best
        self.followed = left.solution
        self.listener.phase("a better design, with the nodes and fabrics of the relaxation")
        options = self.limited(FOR_NUMBERS)
        listener = Listener(self.listener.log)
        solved = as_in_relaxed(
            self.problem, left.candidates, options, listener, *left.solution, only_pair=self.only_pair
        )
        if solved.design is None:
            return self.best
        return with_bound(solved, left.bound, self.options.gap)

    def improved(self, best: Solved, left: Left) -> Solved:
        """Return what the program of the pools that the best design and the relaxation use leads to."""
        pools = left.candidates.pools
        used = {key for key in best.program.candidates.pools if key in pools}
        used |= {
            key
            for key, pool in pools.items()
            if pool.fabric.switch is None and (pool.site, pool.node.name) in left.kinds
        }
        ways = on_pools(left.candidates.training, left.candidates.serving, used)
        lesser = with_ways(self.problem, left.candidates, *ways)
        solved = solve_program(
            self.problem,
            lesser,
            replace(self.limited(1.0), time_limit_s=self.spent() + self.limited(1.0).time_limit_s),
            replace(self.listener, progress=self._heard),
            only_pair=self.only_pair,
            known=Known(best, left.bound, self.spent(), whole=False),
        )
        return with_bound(solved, left.bound, self.options.gap)

    def _told(self, found: Solved) -> None:
        """Keep a design that was found on the way to a first one."""
        self.best = found
        self._report(found, None)

    def _heard(self, progress: Progress) -> None:
        """Tell the listener where the search stands, and keep it."""
        now = replace(progress, seconds=self.spent())
        self.listener.progress(now)
        self.trace.append(ProgressPoint(seconds=now.seconds, incumbent=now.incumbent, bound=now.bound))

    def _report(self, best: Solved, bound: float | None) -> None:
        value = value_of(best)
        self._heard(Progress(self.spent(), value, bound, relative_gap(value, bound), 0))
        self.listener.log(f"\ndcopt: a design costs {value:.10g}, none costs less than {bound}\n")


def with_bound(solved: Solved, bound: float | None, gap: float) -> Solved:
    """Return a solved program as it is after ``bound`` was proven of every design of the whole."""
    if solved.design is None:
        return replace(solved, bound=bound)
    value = value_of(solved)
    proven = None if bound is None else min(bound, value)
    reached = relative_gap(value, proven)
    status: Status = "optimal" if reached is not None and reached <= gap else "feasible"
    ended = "" if status == "optimal" else solved.stopped_by or "time limit"
    update = {"objective_bound": proven, "gap": reached, "gap_target": gap, "status": status, "stopped_by": ended}
    design = solved.design.model_copy(update=update)
    return replace(solved, design=design, status=status, bound=proven, stopped_by=ended)


def better_of(first: Solved, last: Solved, gap: float) -> Solved:
    """Return ``last``, or the first design with what ``last`` proved where that found nothing better."""
    if last.design is not None and value_of(last) <= value_of(first):
        return last
    kept = with_bound(replace(first, stopped_by=last.stopped_by), last.bound, gap)
    assert kept.design is not None
    kept.design = kept.design.model_copy(update={"size": last.size})
    return replace(kept, size=last.size, nodes=last.nodes)


def _are_of(numbers: Numbers, best: Solved) -> bool:
    """Whether a design has just these numbers of nodes by site; kinds of which there are none do not count."""
    there = {kind: nodes for kind, nodes in numbers_of(best).items() if nodes and kind[0] != "*"}
    return there == {kind: nodes for kind, nodes in numbers.items() if nodes}


def searched(solved: Solved, trace: list[ProgressPoint], seconds: float) -> Solved:
    """Return a design with how a search of several steps led to it, and the time that took."""
    assert solved.design is not None
    ended = ProgressPoint(seconds=seconds, incumbent=value_of(solved), bound=solved.bound)
    timings = solved.timings_s | {"highs": seconds}
    update = {"progress": thinned([*trace, ended]), "timings_s": timings}
    return replace(solved, design=solved.design.model_copy(update=update), timings_s=timings)


def stopped(best: Solved, seconds: float) -> Solved:
    """Return the best design as the answer of a search that was interrupted, with what was proven of it."""
    assert best.design is not None
    design = best.design.model_copy(update={"status": "feasible", "stopped_by": "interrupted"})
    timings = best.timings_s | {"highs": seconds}
    return replace(best, design=design, status="feasible", stopped_by="interrupted", timings_s=timings)
