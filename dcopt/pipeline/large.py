"""Solve a large program: a good design first, then bounds and better designs by turns.

1. `first_design` finds a design. Its cost V limits all that is still of interest.
2. Left out is what no design of at most V can hold (`dearer_than`). The coarse program, one pool for all fabrics of a
   node (`coarse`), costs no more than any design; its linear relaxation within V confines the IT power of each site
   (`ranges`) and leaves out sites that nothing within V uses; with its strategic integers whole it bounds the cost of
   every design.
3. Where what is left is no longer large, its whole program is solved from the best design on, to proof. Else the
   program of the pools that the best design and the relaxation use looks for a better design, and the cheaper V makes
   the next round of 2 and 3 tighter.

Nothing that could be better than V is lost: a relaxation keeps every design, and V is the cost of one. What is proven
comes from relaxations of the whole alone, never from a restricted program.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import hardest_of, on_pools, with_ways
from dcopt.candidates.priced import dearer_than
from dcopt.candidates.records import Candidates
from dcopt.design.records import ProgressPoint, Status
from dcopt.formulation.build import build
from dcopt.formulation.expressions import number, total, whole
from dcopt.formulation.program import Program
from dcopt.formulation.stages import PURCHASES, STRATEGIC, name_of
from dcopt.pipeline.first_design import first_design
from dcopt.pipeline.ranges import MARGIN, StoppedError, it_ranges, narrower
from dcopt.pipeline.solving import Known, Listener, Solved, solve_program
from dcopt.pipeline.trace import thinned
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_integers, within_cost
from dcopt.solve.interrupt import heard
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.session import Outcome, Progress, SolveOptions, SolverError, relative_gap, solve

LARGE = 6000
"""Ways to run workloads, over all years, from which a program is large."""
LINEAR: frozenset[str] = frozenset()
"""What stays whole in a linear relaxation."""
ROUNDS = (((LINEAR, STRATEGIC), 0.3, 0.3), ((LINEAR, STRATEGIC), 0.7, 1.0))
"""Rounds of bounding and improving: the integers that stay whole in each relaxation, one after another, and the share
of the time that is left which bounding may take, and then improving."""
FIRST = 0.75
"""Share of the time that a first design may take; on all but the largest it takes far less."""
NOTICEABLE = 0.05
"""Share of a pool that a relaxation opens which makes it one where a good design may lie."""
WIDE = 60_000
"""Such ways from which the relaxation that bounds the cost is of one year."""
SLACK = 1e-9
"""Relative room above the cost of the first design, so that rounding does not exclude the design itself."""


def solve_any(
    problem: Problem,
    candidates: Candidates,
    options: SolveOptions,
    listener: Listener,
    *,
    only_pair: bool = False,
    cutoffs: Callable[[Program], None] = no_constraints,
) -> Solved:
    """Solve the program of ``problem`` as `dcopt.pipeline.solving.solve_program` does; a large one in several steps.

    Where constraints of the user's own are added the steps are left out: what they ask of a smaller program is not
    known.
    """
    if not is_large(candidates) or cutoffs is not no_constraints:
        return solve_program(problem, candidates, options, listener, only_pair=only_pair, cutoffs=cutoffs)
    return _Large(problem, candidates, options, listener, only_pair=only_pair).solved()


def is_large(candidates: Candidates) -> bool:
    """Whether the program of these candidates is worth several steps."""
    return not candidates.epochs and _ways(candidates) >= LARGE


def _ways(candidates: Candidates) -> int:
    """Return the number of ways to run workloads, over all years."""
    ways = 0
    for period in candidates.periods:
        ways += sum(len(candidates.training[job]) for job in period.jobs)
        ways += sum(max(1, len(c.bands)) for service, _, _ in period.loads for c in candidates.serving[service])
    return ways


@dataclass(frozen=True)
class _Left:
    """What is left of the candidates, what is known of the cost of every design, and where good ones lie."""

    candidates: Candidates
    bound: float | None = None
    kinds: frozenset[tuple[str, str]] = frozenset()
    """(site, node) of the coarse pools that a solution of the relaxation opens."""


class _Large:
    """One large program, within its time."""

    def __init__(
        self, problem: Problem, candidates: Candidates, options: SolveOptions, listener: Listener, *, only_pair: bool
    ) -> None:
        self.problem, self.candidates, self.options, self.listener = problem, candidates, options, listener
        self.only_pair = only_pair
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
        solved = self._solved()
        if solved.design is None:
            return solved
        ended = ProgressPoint(seconds=self.spent(), incumbent=_value(solved), bound=solved.bound)
        timings = solved.timings_s | {"highs": self.spent()}
        update = {"progress": thinned([*self.trace, ended]), "timings_s": timings}
        return replace(solved, design=solved.design.model_copy(update=update), timings_s=timings)

    def _solved(self) -> Solved:
        self.listener.phase("a first design: the hardest year, on the pools that its relaxation uses")
        best: Solved | None = None
        try:
            best = self.first()
            if best is None or best.design is None:
                return self._whole(self.candidates, Known(None, None, self.spent()))
            left = _Left(self.candidates)
            for relaxations, bounding, improving in ROUNDS:
                self._report(best, left.bound)
                self.listener.phase("what a better design cannot be")
                left = self.bounded(left, best, relaxations, bounding)
                known = Known(best, left.bound, self.spent())
                if not is_large(left.candidates):
                    self._report(best, left.bound)
                    self.listener.phase("all that is left, from the best design on")
                    return better_of(best, self._whole(left.candidates, known), self.options.gap)
                best = with_bound(best, left.bound, self.options.gap)
                if best.status == "optimal":
                    break
                self.listener.phase("a better design, on the pools where one may lie")
                better = self.improved(best, left, improving)
                best = better_of(best, better, self.options.gap)
                if best.stopped_by == "interrupted":
                    break
            return best
        except StoppedError:
            if best is not None and best.design is not None:
                return stopped(best, self.spent())
            raise KeyboardInterrupt from None

    def _until(self, ends: float) -> SolveOptions:
        return replace(self.limited(1.0), time_limit_s=max(0.01, ends - self.spent()))

    def first(self) -> Solved | None:
        """Return a first design, or None where the steps to it fail."""
        try:
            return first_design(
                self.problem, self.candidates, self.limited(FIRST), self.listener, only_pair=self.only_pair
            )
        except SolverError as error:
            self.listener.log(f"\ndcopt: no first design: {error}\n")
            return None

    def _whole(self, candidates: Candidates, known: Known) -> Solved:
        return solve_program(
            self.problem,
            candidates,
            self.options,
            replace(self.listener, progress=self._heard),
            only_pair=self.only_pair,
            known=known,
        )

    def improved(self, best: Solved, left: _Left, share: float) -> Solved:
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
            replace(self.limited(share), time_limit_s=self.spent() + self.limited(share).time_limit_s),
            replace(self.listener, progress=self._heard),
            only_pair=self.only_pair,
            known=Known(best, left.bound, self.spent(), whole=False),
        )
        return with_bound(solved, left.bound, self.options.gap)

    def _heard(self, progress: Progress) -> None:
        """Tell the listener where the search stands, and keep it where that has changed."""
        now = replace(progress, seconds=self.spent())
        self.listener.progress(now)
        point = ProgressPoint(seconds=now.seconds, incumbent=now.incumbent, bound=now.bound)
        last = self.trace[-1] if self.trace else None
        if last is None or (last.incumbent, last.bound) != (point.incumbent, point.bound):
            self.trace.append(point)

    def _report(self, best: Solved, bound: float | None) -> None:
        value = _value(best)
        self._heard(Progress(self.spent(), value, bound, relative_gap(value, bound), 0))
        self.listener.log(f"\ndcopt: a design costs {value:.10g}, none costs less than {bound}\n")

    def bounded(self, before: _Left, best: Solved, relaxations: tuple[frozenset[str], ...], share: float) -> _Left:
        """Return what no design as cheap as ``best`` can do without, and a bound on the cost of all.

        Every relaxation holds the best design itself. What would exclude that is not believed, nor anything after it.
        """
        limit = _value(best) * (1 + SLACK)
        ends = self.spent() + share * (self.options.time_limit_s - self.spent())
        left = dearer_than(self.problem, before.candidates, limit)
        if not holds_ways(left, best):
            return self._doubted(before)
        bound = before.bound
        kinds = before.kinds
        for names in relaxations:
            year = hardest_of(left)
            one = coarse(self.problem, left, left.periods if _ways(left) < WIDE else (replace(year, index=0),))
            peak = year.index if len(one.periods) > 1 else 0
            with heard():
                program = build(self.problem, one, only_pair=self.only_pair)
                matrix = compile_model(program.model)
            decides = _decides(names, peak)
            if bound is not None and ends <= self.spent():
                break  # a linear relaxation is solved in any case: without it nothing is proven
            self.listener.log(f"\ndcopt: a relaxation of {matrix.lp.num_col_} columns\n")
            outcome = solve(
                within_cost(with_integers(matrix, decides), limit),
                self._until(ends if bound is not None else self.options.time_limit_s),
                log=self.listener.log,
                method="choose" if names else "ipm",
            )
            if outcome.verdict == "interrupted":
                raise StoppedError
            if outcome.verdict == "infeasible":
                return self._doubted(before)
            if outcome.bound is not None:
                bound = max(bound or outcome.bound, outcome.bound)
            if outcome.values is not None:
                kinds |= _opened(program, matrix, outcome)
            if not names:
                allowed = 0.3 * (ends - self.spent())
                if allowed > 0:
                    solving = replace(self.limited(1.0), time_limit_s=allowed)
                    ranges = it_ranges(program, matrix, limit, decides, solving, self.listener.log)
                    if not holds_power(ranges, best):
                        return self._doubted(before)
                    left = _within(self.problem, left, ranges)
        return _Left(left, bound, kinds)

    def _doubted(self, before: _Left) -> _Left:
        self.listener.log("\ndcopt: a relaxation excludes a design that is known; it is not believed\n")
        return before


def holds_ways(left: Candidates, best: Solved) -> bool:
    """Whether every way to run a workload that a solution chooses is among the candidates that are left."""
    kept = {id(way) for ways in (*left.training.values(), *left.serving.values()) for way in ways}
    chosen = best.program.model.component("train")
    jobs = best.program.candidates.training
    return all(
        id(jobs[key[0]][key[1]]) in kept
        for key, variable in (chosen.items() if chosen is not None else ())
        if variable.value is not None and variable.value > 0.5
    )


def holds_power(ranges: dict[str, tuple[float, float] | None], best: Solved) -> bool:
    """Whether the IT power of every site that a solution uses is within its range."""
    program = best.program
    for site, found in ranges.items():
        if site not in program.totals or not whole(program.model.active_site[site]):
            continue
        drawn = number(total(program.balances[site].it_peak_kw))
        if found is None or not found[0] * (1 - MARGIN) <= drawn <= found[1] * (1 + MARGIN):
            return False
    return True


def _opened(program: Program, matrix: Matrix, outcome: Outcome) -> frozenset[tuple[str, str]]:
    """Return (site, node) of the pools that a solution opens by a noticeable part."""
    opened = [
        program.candidates.pools[variable.index()]
        for variable, value in zip(matrix.columns, outcome.values, strict=True)
        if name_of(variable) == "open" and value > NOTICEABLE
    ]
    return frozenset((pool.site, pool.node.name) for pool in opened)


def _decides(names: frozenset[str], peak: int) -> Callable[[Any], bool]:
    """Return which variables stay whole: those of ``names``, of the years only the hardest (period ``peak``)."""

    def stays(variable: Any) -> bool:
        name = name_of(variable)
        if name in PURCHASES:
            return name in names
        return name in names and bool(variable.index()[-1] == peak)

    return stays


def _within(problem: Problem, candidates: Candidates, ranges: dict[str, tuple[float, float] | None]) -> Candidates:
    """Return the candidates at sites that may be used, with the ranges of their IT power."""
    keys = {key for key, pool in candidates.pools.items() if ranges.get(pool.site, (0.0, 0.0)) is not None}
    ways = on_pools(candidates.training, candidates.serving, keys)
    return replace(with_ways(problem, candidates, *ways), it_kw=narrower(candidates.it_kw, ranges))


def with_bound(solved: Solved, bound: float | None, gap: float) -> Solved:
    """Return a solved program as it is after ``bound`` was proven of every design of the whole."""
    if solved.design is None:
        return replace(solved, bound=bound)
    value = _value(solved)
    proven = None if bound is None else min(bound, value)
    reached = relative_gap(value, proven)
    status: Status = "optimal" if reached is not None and reached <= gap else "feasible"
    ended = "" if status == "optimal" else solved.stopped_by or "time limit"
    update = {"objective_bound": proven, "gap": reached, "gap_target": gap, "status": status, "stopped_by": ended}
    design = solved.design.model_copy(update=update)
    return replace(solved, design=design, status=status, bound=proven, stopped_by=ended)


def better_of(first: Solved, last: Solved, gap: float) -> Solved:
    """Return ``last``, or the first design with what ``last`` proved where that found nothing better."""
    if last.design is not None and _value(last) <= _value(first):
        return last
    kept = with_bound(replace(first, stopped_by=last.stopped_by), last.bound, gap)
    assert kept.design is not None
    kept.design = kept.design.model_copy(update={"size": last.size})
    return replace(kept, size=last.size, nodes=last.nodes)


def _value(solved: Solved) -> float:
    assert solved.design is not None
    return solved.design.objective_value or 0.0


def stopped(best: Solved, seconds: float) -> Solved:
    """Return the best design as the answer of a search that was interrupted, with what was proven of it."""
    assert best.design is not None
    design = best.design.model_copy(update={"status": "feasible", "stopped_by": "interrupted"})
    timings = best.timings_s | {"highs": seconds}
    return replace(best, design=design, status="feasible", stopped_by="interrupted", timings_s=timings)
