"""Solve a large program: a good design first, then what no better design can be, then the rest by branch and bound.

1. `first_design` finds a design; its cost V is a limit on all that is still of interest.
2. Ways that alone cost more than V are left out, and the IT power of each site is confined to what a relaxation of the
   hardest year allows within V (`ranges`); a site that none allows is left out.
3. The relaxation of one year with its strategic integers whole bounds the cost of every design.
4. The program of what is left is solved from the first design on.

Nothing that could be better than V is lost: a relaxation keeps every design, and V is the cost of one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import on_pools, with_ways
from dcopt.candidates.records import Candidates, Period
from dcopt.design.records import Status
from dcopt.economics.finance import Finance
from dcopt.formulation.build import build
from dcopt.formulation.program import Program
from dcopt.formulation.stages import PURCHASES, STRATEGIC, name_of
from dcopt.pipeline.first_design import first_design
from dcopt.pipeline.ranges import StoppedError, it_ranges, narrower
from dcopt.pipeline.solving import Known, Listener, Solved, solve_program
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_integers, within_cost
from dcopt.solve.interrupt import heard
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import Progress, SolveOptions, relative_gap, solve

LARGE = 6000
"""Ways to run workloads, over all years, from which a program is large."""
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
    if not is_large(candidates) or cutoffs is not no_constraints or options.start:
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


@dataclass
class _Bounded:
    """What is left of the candidates, and what is known of the cost of every design."""

    candidates: Candidates
    bound: float | None = None


class _Large:
    """One large program, within its time."""

    def __init__(
        self, problem: Problem, candidates: Candidates, options: SolveOptions, listener: Listener, *, only_pair: bool
    ) -> None:
        self.problem, self.candidates, self.options, self.listener = problem, candidates, options, listener
        self.only_pair = only_pair
        self.began = time.monotonic()

    def spent(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self.began

    def limited(self, share: float, gap: float = 1e-3) -> SolveOptions:
        """Return options for a step that may take ``share`` of the time that is left."""
        left = max(0.01, self.options.time_limit_s - self.spent())
        return replace(self.options, time_limit_s=share * left, gap=gap, start=None)

    def solved(self) -> Solved:
        """Return the best that the steps lead to."""
        self.listener.phase("a first design: the hardest year, on the pools that its relaxation uses")
        first: Solved | None = None
        try:
            first = first_design(
                self.problem, self.candidates, self.limited(0.45), self.listener, only_pair=self.only_pair
            )
            if first is None or first.design is None:
                return self._whole(self.candidates, None)
            value = first.design.objective_value or 0.0
            self._report(value, None)
            self.listener.phase("what a better design cannot be")
            left = self.bounded(value * (1 + SLACK) if value > 0 else value)
            self._report(value, left.bound)
            self.listener.phase("the whole program, from the first design on")
            return better_of(
                first, self._whole(left.candidates, Known(first, left.bound, self.spent())), self.options.gap
            )
        except StoppedError:
            if first is not None and first.design is not None:
                return stopped(first, self.spent())
            raise KeyboardInterrupt from None

    def _whole(self, candidates: Candidates, known: Known | None) -> Solved:
        return solve_program(
            self.problem,
            candidates,
            replace(self.limited(1.0), gap=self.options.gap),
            self.listener,
            only_pair=self.only_pair,
            known=known,
        )

    def _report(self, value: float, bound: float | None) -> None:
        self.listener.progress(Progress(self.spent(), value, bound, relative_gap(value, bound), 0))
        self.listener.log(f"\ndcopt: a design costs {value:.10g}, none costs less than {bound}\n")

    def bounded(self, limit: float) -> _Bounded:
        """Return what no better design can do without, and a bound on the cost of all."""
        left = affordable(self.problem, self.candidates, limit)
        bound: float | None = None
        for whole in (frozenset[str](), STRATEGIC):
            year = hardest_of(left)
            one = coarse(self.problem, left, left.periods if _ways(left) < WIDE else (replace(year, index=0),))
            peak = year.index if len(one.periods) > 1 else 0
            with heard():
                program = build(self.problem, one, only_pair=self.only_pair)
                matrix = compile_model(program.model)
            decides = _decides(whole, peak)
            relaxed = within_cost(with_integers(matrix, decides), limit)
            self.listener.log(f"\ndcopt: a relaxation of {matrix.lp.num_col_} columns\n")
            solving = self.limited(0.4 if whole else 0.2)
            outcome = solve(relaxed, solving, log=self.listener.log, method="choose" if whole else "ipm")
            if outcome.verdict == "interrupted":
                raise StoppedError
            if outcome.bound is not None:
                bound = max(bound or outcome.bound, outcome.bound)
            if outcome.verdict == "infeasible":
                return _Bounded(left, limit)
            if whole:
                break
            ranges = it_ranges(program, matrix, limit, decides, self.limited(0.2), self.listener.log)
            left = _within(self.problem, left, ranges)
        return _Bounded(left, bound)


def _decides(names: frozenset[str], peak: int) -> Callable[[Any], bool]:
    """Return which variables stay whole: those of ``names``, of the years only the hardest (period ``peak``)."""

    def stays(variable: Any) -> bool:
        name = name_of(variable)
        if name in PURCHASES:
            return name in names
        return name in names and bool(variable.index()[-1] == peak)

    return stays


def affordable(problem: Problem, candidates: Candidates, limit_usd: float) -> Candidates:
    """Return the candidates without sizes whose nodes alone cost more than ``limit_usd``, and with smaller pools."""
    if problem.settings.objective != "tco":
        return candidates
    finance = Finance.of(problem.settings)

    def most_nodes(key: str) -> float:
        pool = candidates.pools[key]
        price = (pool.node.price_usd or 0.0) if pool.price_usd is None else pool.price_usd
        each = price * finance.capital_factor(pool.node.lifetime_years)
        if pool.rented or each <= 0:
            return pool.max_nodes
        return min(pool.max_nodes, pool.existing_nodes + limit_usd / each)

    training = {
        job: tuple(c for c in of_job if c.nodes <= most_nodes(c.pool.key))
        for job, of_job in candidates.training.items()
    }
    pools = {key: replace(pool, max_nodes=int(most_nodes(key))) for key, pool in candidates.pools.items()}
    return with_ways(problem, replace(candidates, pools=pools), training, candidates.serving)


def hardest_of(candidates: Candidates) -> Period:
    """Return the period that asks for most: of its services' loads, each relative to the largest of all years."""
    peaks: dict[str, float] = {}
    for period in candidates.periods:
        for service, peak, _ in period.loads:
            peaks[service] = max(peak, peaks.get(service, 0.0))

    def asks(period: Period) -> float:
        return len(period.jobs) + sum(peak / peaks[service] for service, peak, _ in period.loads if peaks[service])

    return max(candidates.periods, key=asks)


def _within(problem: Problem, candidates: Candidates, ranges: dict[str, tuple[float, float] | None]) -> Candidates:
    """Return the candidates at sites that may be used, with the ranges of their IT power."""
    keys = {key for key, pool in candidates.pools.items() if ranges.get(pool.site, (0.0, 0.0)) is not None}
    ways = on_pools(candidates.training, candidates.serving, keys)
    return replace(with_ways(problem, candidates, *ways), it_kw=narrower(candidates.it_kw, ranges))


def better_of(first: Solved, last: Solved, gap: float) -> Solved:
    """Return ``last``, or the first design with what ``last`` proved where that found nothing better."""
    assert first.design is not None
    value = first.design.objective_value or 0.0
    if last.design is not None and (last.design.objective_value or 0.0) <= value:
        return last
    bound = None if last.bound is None else min(last.bound, value)
    reached = relative_gap(value, bound)
    status: Status = "optimal" if reached is not None and reached <= gap else "feasible"
    ended = "" if status == "optimal" else last.stopped_by
    update: dict[str, object] = {
        "status": status,
        "objective_bound": bound,
        "gap": reached,
        "gap_target": gap,
        "stopped_by": ended,
        "size": last.size,
        "timings_s": last.timings_s,
    }
    first.design = first.design.model_copy(update=update)
    return replace(
        first,
        status=status,
        bound=bound,
        stopped_by=ended,
        size=last.size,
        timings_s=last.timings_s,
        nodes=last.nodes,
    )


def stopped(first: Solved, seconds: float) -> Solved:
    """Return the first design as the answer of a search that was interrupted: nothing is proven of it."""
    assert first.design is not None
    update = {"status": "feasible", "objective_bound": None, "gap": None, "stopped_by": "interrupted"}
    first.design = first.design.model_copy(update=update)
    return replace(
        first, status="feasible", bound=None, stopped_by="interrupted", timings_s=first.timings_s | {"highs": seconds}
    )
