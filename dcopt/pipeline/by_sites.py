"""Bound a large program by how many sites its designs have.

    designs at one site        of each site by itself: a program of that site's size
    designs at two or more     their program has a row that says so; what a second site costs at the least then counts

Where the sites are nearly alike both are first bounded with all sites as one place (one_place.py), a program of one
site's size, and only if that leaves designs at one site each site by itself.

Every design is one of these, so the least of their bounds holds for all of them. They are bounded by turns, always
those of which least is known.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dcopt.candidates.lesser import hardest_of, on_pools, with_ways
from dcopt.candidates.records import Candidates
from dcopt.formulation.stages import LINEAR
from dcopt.pipeline.bounding import Bounding, Left, sites_of
from dcopt.pipeline.first_design import linear_method
from dcopt.pipeline.one_place import Sites, as_one_place, owned_sites
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.solving import Solved
from dcopt.pipeline.stated import Stated
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_integers
from dcopt.solve.session import Outcome, SolveOptions, solve

LOST = 0.003
"""Share of the bound of the linear relaxation that may be lost where all sites are one place."""
LOST_BY_SEVERAL = 0.05
"""That of designs of several sites: with the sites apart their relaxations with integers are far harder."""
A_TURN = 0.6
"""Share of the time that is left which one turn may take where several kinds of designs are left."""


@dataclass
class Kind:
    """Designs of so many sites, or of one; what is left of them and known of their cost."""

    bounding: Bounding
    left: Left
    site: str | None = None

    @property
    def has_more(self) -> bool:
        """Whether more can be learnt of them."""
        return self.bounding.has_more and not self.left.is_nothing and not self.left.is_settled

    @property
    def is_any_one(self) -> bool:
        """Whether they are the designs of any one site, bounded with all sites as one place."""
        sites = self.bounding.sites
        return sites is not None and sites.as_one and sites.most == 1


class BySites:
    """What is known of designs by the number of their sites; of all together where the sites differ."""

    def __init__(
        self, problem: Problem, options: SolveOptions, log: Callable[[str], None], *, only_pair: bool, lanes: int = 1
    ) -> None:
        self.problem, self.options, self.log, self.only_pair, self.lanes = problem, options, log, only_pair, lanes
        self.kinds: list[Kind] = []
        self.whole: Left | None = None
        self.in_turn: Kind | None = None
        """Designs of a site that are all in what was last returned, where there are others besides."""

    @property
    def has_more(self) -> bool:
        """Whether more can be learnt."""
        return not self.kinds or any(kind.has_more for kind in self.kinds)

    def further(self, before: Left, best: Solved, value: float, ends: float) -> Left:
        """Return what is known of all designs after one more relaxation, and what is left of those that it is of.

        ``before``: what is left of the whole, when nothing is known yet. Raises what `Bounding.further` raises.
        """
        if not self.kinds:
            self.whole, self.kinds = before, self._divided(before)
        limit = value * (1 - self.options.gap)
        open_kinds = [kind for kind in self.kinds if kind.has_more and (kind.left.bound or 0.0) < limit]
        if not open_kinds or time.monotonic() >= ends:
            return self.least_known(best)
        kind = min(open_kinds, key=lambda kind: kind.left.bound or 0.0)
        now = time.monotonic()
        until = ends if len(open_kinds) == 1 else now + A_TURN * (ends - now)
        kind.left = kind.bounding.further(kind.left, best, value, until, 1)
        left = self._told(kind, best)
        if kind.is_any_one and not kind.has_more and not kind.left.is_nothing and (kind.left.bound or 0.0) < limit:
            assert kind.bounding.sites is not None
            self.kinds.remove(kind)
            self.kinds += self._at_each(kind.left, kind.bounding.sites.names)
        return left

    def of_any(self, candidates: Candidates) -> tuple[Stated, Outcome]:
        """Return what `Bounding.of_any` does."""
        return self._bounding().of_any(candidates)

    def _bounding(self, sites: Sites | None = None) -> Bounding:
        return Bounding(self.problem, self.options, self.log, only_pair=self.only_pair, lanes=self.lanes, sites=sites)

    def _divided(self, before: Left) -> list[Kind]:
        """Return the designs of one site and those of more; all designs where none has one site."""
        names = owned_sites(self.problem, before.candidates)
        if not names:
            return [Kind(self._bounding(), before)]
        lost = self._lost(before.candidates, names)
        self.log(f"\ndcopt: with all sites as one place {lost:.2%} of the linear bound is lost\n")
        several = Kind(self._bounding(Sites(names, 2, len(names), as_one=lost <= LOST_BY_SEVERAL)), before)
        if lost <= LOST:
            return [Kind(self._bounding(Sites(names, 0, 1)), before), several]
        alone = self._at_each(before, names)
        return [*alone, several] if alone else [Kind(self._bounding(), before)]

    def _at_each(self, left: Left, names: Sequence[str]) -> list[Kind]:
        """Return the designs of each site that can do all the work."""
        found = []
        for site in names:
            here = at_site(self.problem, left.candidates, site)
            if all((*here.training.values(), *here.serving.values())):
                of_site = replace(left, candidates=here, numbers=None, kinds=kinds_at(left, site))
                found.append(Kind(self._bounding(Sites((site,), 0, 1, as_one=False)), of_site, site))
        return found

    def _lost(self, candidates: Candidates, names: tuple[str, ...]) -> float:
        """Return the share of the linear relaxation of the hardest year that is lost with all sites as one place."""
        one = self._bounding().year_alone(candidates, hardest_of(candidates))
        together = self._relaxed(as_one_place(one, Sites(names, 0, len(names))))
        apart = self._relaxed(one)
        return math.inf if together is None or not apart else 1 - together / apart

    def _relaxed(self, stated: Stated) -> float | None:
        options = replace(self.options, start=None)
        outcome = solve(
            with_integers(stated.matrix, LINEAR), options, log=self.log, method=linear_method(stated.matrix)
        )
        if outcome.verdict == "interrupted":
            raise StoppedError
        return outcome.bound

    def least_known(self, best: Solved) -> Left:
        """Return what is left of the designs of which least is known, with the bound of all."""
        return self._told(min(self.kinds, key=lambda kind: (kind.left.is_nothing, kind.left.bound or 0.0)), best)

    def _told(self, kind: Kind, best: Solved) -> Left:
        """Return what is left of some designs with the bound of all."""
        self.in_turn = None
        if len(self.kinds) == 1 and not kind.bounding.as_one:
            return kind.left
        bound = min(kind.left.bound or 0.0 for kind in self.kinds)
        left = replace(kind.left, bound=bound, is_whole=False)
        if kind.left.is_nothing:
            assert self.whole is not None
            return replace(self.whole, bound=bound, is_whole=False)
        if not kind.is_any_one:
            self.in_turn = None if kind.bounding.as_one else kind
            return left
        site = self._cheapest(kind.left, best)
        numbers = None if left.numbers is None else {(site, node): nodes for (_, node), nodes in left.numbers.items()}
        here = at_site(self.problem, left.candidates, site)
        return replace(left, candidates=here, kinds=kinds_at(left, site), numbers=numbers)

    def decided(self, bound: float | None) -> None:
        """Note that the designs of ``in_turn`` are solved, of which none costs less than ``bound``."""
        assert self.in_turn is not None
        left = self.in_turn.left
        self.in_turn.left = replace(left, bound=max(left.bound or 0.0, bound or 0.0), is_nothing=True)

    def _cheapest(self, left: Left, best: Solved) -> str:
        """Return the site of the best design, or the one at which the relaxation of the hardest year costs least."""
        if len(sites_of(best)) == 1:
            return min(sites_of(best))
        costs: dict[str, float] = {}
        for site in dict.fromkeys(pool.site for pool in left.candidates.pools.values()):
            here = at_site(self.problem, left.candidates, site)
            if all((*here.training.values(), *here.serving.values())):
                cost = self._relaxed(self._bounding().year_alone(here, hardest_of(here)))
                costs[site] = math.inf if cost is None else cost
        return min(costs, key=lambda site: (costs[site], site))


def at_site(problem: Problem, candidates: Candidates, site: str) -> Candidates:
    """Return the candidates of designs of one site."""
    keys = {key for key, pool in candidates.pools.items() if pool.site == site}
    return with_ways(problem, candidates, *on_pools(candidates.training, candidates.serving, keys))


def kinds_at(left: Left, site: str) -> frozenset[tuple[str, str]]:
    """Return the kinds of nodes at one site where good designs may lie."""
    return frozenset(kind for kind in left.kinds if kind[0] == site)
