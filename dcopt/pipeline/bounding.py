"""What a better design cannot be: bounds on the cost of every design, and what none that is cheaper can hold.

Let V be the cost of a known design. The relaxations, each a bound on the cost of every design, in the order in which
they cost time:

1. The coarse program (candidates/coarse.py) of one year, the hardest, linear; rows say what the other years cost
   by themselves (other_years.py). Within V it confines the IT power of each site (ranges.py).
2. At several sites, the same with whole numbers of nodes of each type over all sites together.
3. The same with the strategic integers whole (formulation/stages.py).
4. The program of one year with all integers, by the numbers of nodes of each kind, and that of all years where those
   are decided (by_numbers.py). In the end the program is narrowed to the numbers that are left.
5. At one site, between the first box of 4. and the others, the coarse program of all years with all integers: some
   groups are proven by it in seconds, of others it says less than 3. in any time. Where something earns money it is the
   only one that is a bound.

Where 3. is solved and has raised the bound by far less than is left there is no 4. and 5.: of a hundred nodes each
counts little, and the fabric more. The relaxations of the program itself come then (with_fabrics.py).

Each goes on from what is left by those before, and its solution shows where better designs may lie.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Any

import numpy as np

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import hardest_of, kinds_of, on_pools, with_ways
from dcopt.candidates.priced import dearer_than, with_numbers
from dcopt.candidates.records import Candidates, Period
from dcopt.formulation import anywhere
from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program
from dcopt.formulation.stages import ANYWHERE, DESIGN, LINEAR, STRATEGIC, name_of, stays
from dcopt.pipeline.by_numbers import ByNumbers, numbers_in
from dcopt.pipeline.first_design import linear_method
from dcopt.pipeline.known_design import holds_nodes, holds_power, holds_ways, numbers_of, sites_of
from dcopt.pipeline.left import DoubtedError, Left, NothingLeftError
from dcopt.pipeline.one_place import Sites, as_one_place
from dcopt.pipeline.other_years import (
    MOST_ROUNDS,
    WORTH,
    OtherYears,
    Year,
    cost_of,
    declare,
    of_purchases,
    purchases_of,
    within_least,
    year_of,
)
from dcopt.pipeline.ranges import MARGIN, StoppedError, it_range, it_ranges, most_nodes, narrower
from dcopt.pipeline.solving import Solved
from dcopt.pipeline.stated import Stated, state
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_integers, within_cost
from dcopt.solve.matrix import Matrix
from dcopt.solve.priced_out import Least
from dcopt.solve.session import Outcome, SolveOptions, solve


class Relaxation(Enum):
    """Relaxations with integers, in the order in which they are solved."""

    ANYWHERE = auto()
    STRATEGIC = auto()
    DESIGN = auto()
    FIRST_NUMBERS = auto()
    ALL_YEARS = auto()
    BY_NUMBERS = auto()


WHOLE = {Relaxation.ANYWHERE: ANYWHERE, Relaxation.STRATEGIC: STRATEGIC, Relaxation.DESIGN: DESIGN}
"""What is whole in relaxations that leave the rest linear."""
FOR_ALL_YEARS = 0.6
"""Share of the time that is left which the program of all years may take where more comes after it."""
FOR_RANGES = 0.15
"""Share of the time that is left which the ranges of IT power may take."""
FOR_NODES = 0.1
"""Share of the time that is left which the largest numbers of nodes may take."""
LITTLE = 0.6
"""Share of what is left that whole numbers must add for their branches to be the next: of M 4 (two sites) they add 0.9
of it, and its own program says less than they do; of M 10.2 0.35."""
NOTICEABLE = 0.05
"""Share of a pool that a relaxation opens which makes it one where a good design may lie."""
SLACK = 1e-9
"""Relative room above the cost of the known design, so that rounding does not exclude the design itself."""


class Bounding:
    """The relaxations of a program, within the cost of a known design; each is solved once.

    With ``sites`` they are those of designs that have so many of them, the sites apart or as one place (one_place.py).
    """

    def __init__(
        self,
        problem: Problem,
        options: SolveOptions,
        log: Callable[[str], None],
        *,
        only_pair: bool,
        lanes: int = 1,
        sites: Sites | None = None,
        known: OtherYears | None = None,
    ) -> None:
        self.problem, self.options, self.log, self.only_pair = problem, options, log, only_pair
        self.lanes, self.sites = lanes, sites
        self.as_one = sites is not None and sites.as_one
        self.linear_bound = 0.0
        self.hardest: Stated | None = None
        """The coarse program of the hardest year, with what the others cost."""
        self.to_come: list[Relaxation] = []
        self.known = OtherYears() if known is None else known
        self.it_kw: dict[str, tuple[float, float]] = {}
        """Ranges of IT power in coarse programs. They have no switches and move least data: a design may draw more."""
        self.by_numbers: ByNumbers | None = None
        self.is_begun = self.is_doubted = False
        self.solved = 0
        """How many relaxations with integers have been solved."""
        self.holds_best = True
        """Whether the known design is one of those that are bounded."""

    @property
    def has_more(self) -> bool:
        """Whether there are relaxations that have not been solved, and what was solved is believed."""
        return not self.is_doubted and (not self.is_begun or bool(self.to_come))

    def further(self, before: Left, best: Solved, value: float, ends: float, most: int | None = None) -> Left:
        """Return what is left and known when ``ends`` (of the monotonic clock) has come, or ``most`` more are solved.

        ``most`` None: all. Every relaxation holds the best design itself, if it is one of those that are looked at.
        What would exclude that is not believed, nor anything after it.

        Raises
        ------
        StoppedError: Ctrl-C was pressed. SolverError: HiGHS failed.
        """
        limit = value * (1 + SLACK)
        self.holds_best = self._holds(best)
        try:
            left = replace(before, candidates=dearer_than(self.problem, before.candidates, limit))
            if self.holds_best and not holds_ways(left.candidates, best):
                raise DoubtedError
            if not self.is_begun:
                left = self._begun(left, best, limit, ends)
            until = 0 if most is None else max(0, len(self.to_come) - most)
            while len(self.to_come) > until:
                is_proven = left.bound is not None and left.bound >= limit * (1 - self.options.gap)
                if is_proven or time.monotonic() >= ends:
                    break
                self.solved += 1
                left = self._bounded(left, self.to_come.pop(0), best, limit, ends)
        except NothingLeftError:
            if not self.holds_best:
                return replace(before, bound=limit, is_nothing=True)
            self._doubted()
            return before
        except DoubtedError:
            self._doubted()
            return before
        return left

    def _holds(self, best: Solved) -> bool:
        if self.sites is None:
            return True
        used = sites_of(best)
        return used <= set(self.sites.names) and self.sites.least <= len(used) <= self.sites.most

    def _doubted(self) -> None:
        self.log("\ndcopt: a relaxation excludes a design that is known; it is not believed\n")
        self.is_doubted, self.hardest, self.to_come, self.it_kw = True, None, [], {}
        self.known.priced.clear()

    def of_any(self, candidates: Candidates) -> tuple[Stated, Outcome]:
        """Return the coarse program of the hardest year and its linear relaxation, where no design is known.

        Where that has no solution there is no design. Raises what `further` raises.
        """
        one = self._stated(self._year(candidates, hardest_of(candidates)))
        options = replace(self.options, start=None)
        outcome = solve(with_integers(one.matrix, LINEAR), options, log=self.log)
        if outcome.verdict == "interrupted":
            raise StoppedError
        if (np.asarray(one.matrix.lp.col_cost_) < 0).any():
            outcome.bound = None  # other years may earn money
        return one, outcome

    def _begun(self, left: Left, best: Solved, limit: float, ends: float) -> Left:
        """Return what the linear relaxation leaves, and note which relaxations are worth solving after it."""
        self.is_begun, self.to_come = True, [Relaxation.ALL_YEARS]
        found = self._hardest_year(left, best, limit, ends)
        if found is None:
            return left
        left, self.hardest = found
        several_sites = any(name_of(variable) in ANYWHERE for variable in self.hardest.matrix.columns)
        self.linear_bound = left.bound or 0.0
        self.to_come = [
            *([Relaxation.ANYWHERE] if several_sites else []),
            Relaxation.STRATEGIC,
            Relaxation.FIRST_NUMBERS,
            *([] if several_sites or self.as_one else [Relaxation.ALL_YEARS]),
            Relaxation.BY_NUMBERS,
        ]
        return left

    def _bounded(self, left: Left, relaxation: Relaxation, best: Solved, limit: float, ends: float) -> Left:
        if relaxation == Relaxation.ALL_YEARS:
            stated = self._stated(coarse(self.problem, left.candidates, left.candidates.periods))
            now = time.monotonic()
            until = now + (FOR_ALL_YEARS if self.to_come else 1.0) * (ends - now)
            return self._noted(left, stated, self._solved(stated.matrix, limit, stays(None), until))
        assert self.hardest is not None
        if relaxation in WHOLE:
            outcome = self._solved(self.hardest.matrix, limit, stays(WHOLE[relaxation]), ends)
            left = self._noted(left, self.hardest, outcome)
            is_solution = relaxation == Relaxation.STRATEGIC and outcome.values is not None
            return self._of_year(left, outcome, limit) if is_solution else left
        if relaxation == Relaxation.FIRST_NUMBERS:
            every = self._stated(coarse(self.problem, left.candidates, left.candidates.periods))
            self.by_numbers = ByNumbers(self.hardest, every, self.options, self.log, self.lanes)
            self.by_numbers.begin(left.bound or 0.0, limit, ends, numbers_of(best) if self.holds_best else {})
        assert self.by_numbers is not None
        if relaxation == Relaxation.BY_NUMBERS:
            self.by_numbers.further(limit, ends)
        if self.holds_best and not self.by_numbers.holds(numbers_of(best)):
            raise DoubtedError
        if not self.by_numbers.left():
            raise NothingLeftError
        bound = max(self.by_numbers.bound() or 0.0, left.bound or 0.0)
        numbers = self.by_numbers.best()
        kinds = frozenset(kind for kind, nodes in (numbers or {}).items() if nodes)
        left = replace(left, bound=bound, numbers=numbers, kinds=self._places(kinds) or left.kinds)
        return left if self.by_numbers.boxes or self.as_one else self._settled(left, limit, ends)

    def _of_year(self, left: Left, outcome: Outcome, limit: float) -> Left:
        """Return what strategic integers of the hardest year say, and whether the next relaxations are with fabrics.

        They are where whole numbers have raised the bound by far less than is left: of many nodes each counts little.
        """
        assert self.hardest is not None
        left = replace(left, numbers=numbers_in(self.hardest, outcome.values))
        bound = outcome.bound or 0.0
        if outcome.verdict != "optimal" or bound - self.linear_bound >= LITTLE * (limit - bound):
            return left
        self.to_come = []
        return replace(left, is_to_be_refined=True)

    def _settled(self, left: Left, limit: float, ends: float) -> Left:
        """Return what is left where the numbers of nodes are all but decided, with the IT power that goes with them."""
        assert self.by_numbers is not None
        narrow = with_numbers(self.problem, left.candidates, self.by_numbers.hull())
        left = replace(left, candidates=narrow, is_settled=True)
        year = hardest_of(narrow)
        one, _ = self._with_others(self.year_alone(narrow, year), list(self.known.years.values()), limit)
        solving = replace(self.options, time_limit_s=max(0.01, FOR_RANGES * (ends - time.monotonic())), start=None)
        ranges = it_ranges(one.program, one.matrix, limit, LINEAR, solving, self.log)
        return replace(left, candidates=self._within(narrow, ranges))

    def _hardest_year(self, left: Left, best: Solved, limit: float, ends: float) -> tuple[Left, Stated] | None:
        """Return what the linear relaxation of the hardest year leaves, and its program with the other years' cost.

        None where something earns money: then one year alone may cost more than all.
        """
        year = hardest_of(left.candidates)
        began = time.monotonic()
        one = self.year_alone(left.candidates, year)
        if (np.asarray(one.matrix.lp.col_cost_) < 0).any():
            return None
        known = None if self.known.priced else self._linear(one.matrix, limit)
        if known is not None:
            left = self._noted(left, one, known)
        years = self.known.years
        for period in left.candidates.periods:
            if time.monotonic() + (time.monotonic() - began) / (1 + len(years)) >= ends:
                self.log(f"\ndcopt: time for what {len(years)} other years cost\n")
                break
            if period.index != year.index and period.index not in years:
                stated = self._stated(self._year(left.candidates, period), of_any_kind=True)
                years[period.index] = year_of(period.index, stated)
        others = list(years.values())
        one, linear = self._with_others(one, others, limit, ends, known)
        left = self._noted(left, one, linear)
        if time.monotonic() + linear.seconds < ends:
            left = self._narrowed(left, one, best, limit, ends)
            if time.monotonic() + linear.seconds >= ends:
                return left, one
            one, linear = self._with_others(self.year_alone(left.candidates, year), others, limit, ends)
            left = self._noted(left, one, linear)
        return left, one

    def _narrowed(self, left: Left, one: Stated, best: Solved, limit: float, ends: float) -> Left:
        """Return what is left within the ranges of IT power and of nodes of each kind that a relaxation allows."""
        left = self._ranged(left, one, best, limit, FOR_RANGES * (ends - time.monotonic()))
        most = most_nodes(one, limit, max(0.0, FOR_NODES * (ends - time.monotonic())))
        if self.holds_best and not holds_nodes(most, best):
            raise DoubtedError
        numbers = {kind: (0, nodes) for kind, nodes in most.items()}
        return replace(left, candidates=with_numbers(self.problem, left.candidates, numbers))

    def _ranged(self, left: Left, one: Stated, best: Solved, limit: float, seconds: float) -> Left:
        """Return what is left at sites that draw at least what they must; of several sites as one that is unknown."""
        solving = replace(self.options, time_limit_s=seconds, start=None)
        if not self.as_one:
            ranges = it_ranges(one.program, one.matrix, limit, LINEAR, solving, self.log)
        elif self.sites is not None and self.sites.most == 1:
            ranges = dict.fromkeys(self.sites.names, it_range(one, limit, solving, self.log))
        else:
            return left
        if self.holds_best and not holds_power(ranges, best):
            raise DoubtedError
        return replace(left, candidates=self._within(left.candidates, ranges))

    def _with_others(
        self, one: Stated, others: list[Year], limit: float, ends: float = math.inf, known: Outcome | None = None
    ) -> tuple[Stated, Outcome]:
        """Return the program of one year with what the others cost, and the linear relaxation of that.

        ``known``: the relaxation without them. A round that would take longer than is left is not begun.
        """
        alone, one = one, replace(one, matrix=within_least(one.matrix, self.known.priced))
        linear = self._linear(one.matrix, limit) if known is None else known
        for _ in range(MOST_ROUNDS if others else 0):
            if time.monotonic() + (1 + len(others)) * linear.seconds / 2 >= ends:
                break
            before = linear.bound or 0.0
            bought = purchases_of(one.matrix, linear.values)
            found = [(year.index, cost_of(year, bought, self.options, self.log)) for year in others]
            one, linear = self._priced(alone, [(index, least) for index, least in found if least is not None], limit)
            if (linear.bound or 0.0) <= before * (1 + WORTH):
                break
        return one, linear

    def _priced(self, alone: Stated, found: list[tuple[int, Least]], limit: float) -> tuple[Stated, Outcome]:
        """Return the program of one year with what is known and found of the others, and its linear relaxation."""
        for index, least in found:
            here = of_purchases(alone.matrix, least)
            if here is not None:
                self.known.priced.append((index, here))
        one = replace(alone, matrix=within_least(alone.matrix, self.known.priced))
        return one, self._linear(one.matrix, limit)

    def _linear(self, matrix: Matrix, limit: float) -> Outcome:
        """Return the solution of the linear relaxation; whatever the time, as without it nothing is proven."""
        outcome = linear_outcome(matrix, self.options, self.log)
        if outcome.verdict == "infeasible" or (outcome.bound is not None and outcome.bound > limit * (1 + MARGIN)):
            raise NothingLeftError
        if outcome.values is None:
            raise DoubtedError
        self.log(f"\ndcopt: {matrix.lp.num_col_} columns relaxed: at least {outcome.bound}, {outcome.verdict}\n")
        return outcome

    def _year(self, candidates: Candidates, year: Period) -> Candidates:
        """Return the candidates of a year by itself."""
        return coarse(self.problem, candidates, (replace(year, index=0),))

    def year_alone(self, candidates: Candidates, year: Period) -> Stated:
        """Return the coarse program of one year, to which what the others cost may be added."""
        others = [period.index for period in candidates.periods if period.index != year.index]
        return self._stated(self._year(candidates, year), others)

    def _stated(self, candidates: Candidates, others: Sequence[int] = (), *, of_any_kind: bool = False) -> Stated:
        """Return a program of the designs that are looked at, or of any: with all numbers of sites, drawing anything.

        Other years are of any: within a range of power that is theirs alone they seldom run with what one year buys.
        """
        ranged = replace(candidates, it_kw={} if of_any_kind else self.it_kw)

        def besides(program: Program) -> None:
            if others:
                declare(program, others)
            if not self.as_one:
                anywhere.link(program)
            if self.sites is not None and not self.as_one and not of_any_kind:
                program.require("some_sites", "*", total(program.model.active_site.values()) >= self.sites.least)

        stated = state(self.problem, ranged, only_pair=self.only_pair, besides=besides)
        if self.sites is None or not self.as_one:
            return stated
        sites = replace(self.sites, least=0, most=len(self.sites.names)) if of_any_kind else self.sites
        return as_one_place(stated, sites)

    def _within(self, candidates: Candidates, ranges: Mapping[str, tuple[float, float] | None]) -> Candidates:
        """Return the candidates at sites that may be used, which draw at least what their coarse programs do."""
        self.it_kw = narrower(self.it_kw, ranges)
        keys = {key for key, pool in candidates.pools.items() if ranges.get(pool.site, (0.0, 0.0)) is not None}
        ways = on_pools(candidates.training, candidates.serving, keys)
        least = {site: (least, math.inf) for site, (least, _) in self.it_kw.items()}
        return replace(with_ways(self.problem, candidates, *ways), it_kw=least)

    def _solved(
        self, matrix: Matrix, limit: float, keeps: Callable[[Any], bool], ends: float, method: str = "choose"
    ) -> Outcome:
        seconds = min(self.options.time_limit_s, max(0.01, ends - time.monotonic()))
        options = replace(self.options, time_limit_s=seconds, start=None)
        relaxed = within_cost(with_integers(matrix, keeps), limit)
        outcome = solve(relaxed, options, log=self.log, method=method)
        if outcome.verdict == "interrupted":
            raise StoppedError
        if outcome.verdict == "infeasible":
            raise NothingLeftError
        self.log(f"\ndcopt: {matrix.lp.num_col_} columns relaxed: at least {outcome.bound}, {outcome.verdict}\n")
        return outcome

    def _noted(self, left: Left, stated: Stated, outcome: Outcome) -> Left:
        """Return what is known after a relaxation was solved, or its time was up."""
        bound = max((value for value in (left.bound, outcome.bound) if value is not None), default=None)
        if outcome.values is None:
            return replace(left, bound=bound)
        kinds = kinds_of(stated.opened(outcome.values, NOTICEABLE).values())
        return replace(left, bound=bound, kinds=self._places(kinds))

    def _places(self, kinds: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return kinds of nodes at all sites that they stand for."""
        if self.sites is None or not self.as_one:
            return kinds
        return frozenset((site, node) for _, node in kinds for site in self.sites.names)


def linear_outcome(matrix: Matrix, options: SolveOptions, log: Callable[[str], None]) -> Outcome:
    """Return how the linear relaxation of a program ends.

    Raises
    ------
    StoppedError: Ctrl-C was pressed. SolverError: HiGHS failed.
    """
    linear = with_integers(matrix, LINEAR)
    outcome = solve(linear, replace(options, start=None), log=log, method=linear_method(matrix))
    if outcome.verdict == "interrupted":
        raise StoppedError
    return outcome
