"""Bound a large program by how many sites its designs have, where the sites are nearly alike.

    all designs                the sums over sites whole (formulation/anywhere.py), where the sites are few
    designs at one site        with all sites as one place (one_place.py), a program of one site's size; where that
                               leaves any, the designs of each site by itself, their program exact
    designs at two or more     with all sites as one place, of which two or more are active

Every design is of one of the last two kinds, so the least of their bounds holds for all, and that of all designs if it
is larger. Those of which least is known have their turn. Where sites differ, in what may run there or in what it costs,
a program of one place says too little: there all designs are bounded together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dcopt.candidates.lesser import hardest_of
from dcopt.candidates.records import Candidates
from dcopt.pipeline.bounding import Bounding, linear_outcome
from dcopt.pipeline.known_design import numbers_of, sites_of
from dcopt.pipeline.left import Left
from dcopt.pipeline.one_place import Sites, as_one_place, owned_sites
from dcopt.pipeline.one_site import at_site, does_all
from dcopt.pipeline.other_years import OtherYears
from dcopt.pipeline.solving import Solved
from dcopt.pipeline.stated import Stated
from dcopt.pipeline.with_fabrics import WithFabrics
from dcopt.problem.problem import Problem
from dcopt.solve.session import Outcome, SolveOptions
from dcopt.solve.side_by_side import side_by_side

LOST = 0.01
"""Share of the bound of the linear relaxation that may be lost where all sites are one place."""
FEW_SITES = 2
"""Sites up to which the sums over sites are solved in seconds."""
FEW_NODES = 40
"""Nodes of a design up to which whole numbers of them raise a bound by more than other steps do in the same time."""
A_TURN = 0.6
"""Share of the time that is left which one turn may take where several kinds of designs are left."""


@dataclass(eq=False)
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
    def is_under_way(self) -> bool:
        """Whether a relaxation with integers has been solved of them; those with fabrics come after one."""
        return self.bounding.solved > 0 or isinstance(self.bounding, WithFabrics)

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
        """Kinds of which every design is one."""
        self.all: Kind | None = None
        """All designs, where their sums over sites are bounded as well."""

    @property
    def has_more(self) -> bool:
        """Whether more can be learnt."""
        return not self.kinds or any(kind.has_more for kind in self.kinds)

    @property
    def bound(self) -> float | None:
        """What no design costs less than."""
        of_all = None if self.all is None else self.all.left.bound
        unknown = not self.kinds or any(kind.left.bound is None for kind in self.kinds)
        of_kinds = None if unknown else min(kind.left.bound or 0.0 for kind in self.kinds)
        return max((bound for bound in (of_all, of_kinds) if bound is not None), default=None)

    def further(self, before: Left, best: Solved, value: float, ends: float) -> list[Left]:
        """Return what is left of some designs after one more relaxation of each, with what is known of all.

        Those of which least is known have their turn, of as many kinds as there are lanes; none where nothing is left
        to be learnt, or no time. ``before``: what is left of the whole, when nothing is known yet. Raises what
        `Bounding.further` raises.
        """
        if time.monotonic() >= ends:
            return []
        if not self.kinds and self.all is None:
            turn = self._first_turn(before, best)
            if turn:
                return self._bounded(turn, best, value, ends, 1)
        if not self.kinds:
            self.kinds = self._divided(before)
        limit = value * (1 - self.options.gap)
        waiting = [kind for kind in self.kinds if kind.has_more and (kind.left.bound or 0.0) < limit]
        if not waiting:
            return []
        turn = self._in_turn(waiting)
        now = time.monotonic()
        until = now + A_TURN * (ends - now) if len(waiting) > len(turn) else ends
        most = 0 if self.all is None and len(self.kinds) > 1 and not turn[0].bounding.is_begun else 1
        told = self._bounded(turn, best, value, until, most)
        for kind in turn:
            if kind.left.is_to_be_refined and not isinstance(kind.bounding, WithFabrics):
                self.log("\ndcopt: far less is rounded than is left; from here on with fabrics\n")
                kind.bounding = self._bounding(kind.bounding.sites, of=WithFabrics)
            if kind.is_any_one and not kind.has_more and not kind.left.is_nothing and (kind.left.bound or 0.0) < limit:
                assert kind.bounding.sites is not None
                self.kinds.remove(kind)
                self.kinds += self._at_each(kind)
        return told

    def _first_turn(self, before: Left, best: Solved) -> list[Kind]:
        """Return all designs, if sites and nodes are few, and those of one site where there are lanes for both.

        Else none: each kind then has its turn.
        """
        nodes = sum(nodes for (site, _), nodes in numbers_of(best).items() if site == "*")
        if not 1 < len(owned_sites(self.problem, before.candidates)) <= FEW_SITES or nodes > FEW_NODES:
            self.kinds = self._divided(before)
            return []
        self.all = Kind(self._bounding(), before)
        if self.lanes == 1:
            return [self.all]
        self.kinds = self._divided(before)
        return self.kinds if self.all is None else [self.all, self.kinds[0]]

    def _bounded(self, turn: Sequence[Kind], best: Solved, value: float, ends: float, most: int) -> list[Left]:
        """Solve ``most`` more relaxations of each of some kinds, side by side."""
        for kind in turn:
            kind.bounding.lanes = max(1, self.lanes // len(turn))
        work = [partial(kind.bounding.further, kind.left, best, value, ends, most) for kind in turn]
        for kind, left in zip(turn, side_by_side(work, self.lanes), strict=True):
            kind.left = left
        return [self._told(kind, best) for kind in turn]

    def _in_turn(self, waiting: Sequence[Kind]) -> list[Kind]:
        """Return the designs to be bounded next: at first those of one site, then those of which least is known.

        Where nothing is known of all designs each kind is first bounded by its linear relaxation.
        """
        order = sorted(waiting, key=lambda kind: (not kind.is_any_one or kind.is_under_way, kind.left.bound or 0.0))
        if self.all is None:
            order = [kind for kind in order if kind.left.bound is None] or order
        return order[: self.lanes]

    def of_any(self, candidates: Candidates) -> tuple[Stated, Outcome]:
        """Return what `Bounding.of_any` does."""
        return self._bounding().of_any(candidates)

    def _bounding(
        self, sites: Sites | None = None, known: OtherYears | None = None, of: type[Bounding] = Bounding
    ) -> Bounding:
        return of(
            self.problem,
            self.options,
            self.log,
            only_pair=self.only_pair,
            lanes=self.lanes,
            sites=sites,
            known=known,
        )

    def _divided(self, before: Left) -> list[Kind]:
        """Return the designs of one site and those of more; all designs together where the sites differ."""
        together = [self.all or Kind(self._bounding(), before)]
        left = replace(together[0].left, bound=None, numbers=None)
        names = owned_sites(self.problem, left.candidates)
        if not any(does_all(left.candidates, site) for site in names):
            self.all = None
            return together
        lost = self._lost(left.candidates, names)
        self.log(f"\ndcopt: with all sites as one place {lost:.2%} of the linear bound is lost\n")
        if lost > LOST:
            self.all = None
            return together
        known = OtherYears() if self.lanes == 1 else None
        numbers = ((0, 1), (2, len(names)))
        return [Kind(self._bounding(Sites(names, least, most), known), left) for least, most in numbers]

    def _at_each(self, kind: Kind) -> list[Kind]:
        """Return the designs of each site that can do all the work, of a kind that has any one site."""
        assert kind.bounding.sites is not None
        found = []
        for site in kind.bounding.sites.names:
            if does_all(kind.left.candidates, site):
                here = at_site(self.problem, kind.left.candidates, site)
                of_site = replace(kind.left, candidates=here, numbers=None, kinds=kinds_at(kind.left, site))
                sites = Sites((site,), 0, 1, as_one=False)
                found.append(Kind(self._bounding(sites, of=type(kind.bounding)), of_site, site))
        return found

    def _lost(self, candidates: Candidates, names: tuple[str, ...]) -> float:
        """Return the share of the linear relaxation of the hardest year that is lost with all sites as one place."""
        one = self._bounding().year_alone(candidates, hardest_of(candidates))
        together = self._relaxed(as_one_place(one, Sites(names, 0, len(names))))
        apart = self._relaxed(one)
        return math.inf if together is None or not apart else max(0.0, 1 - together / apart)

    def _relaxed(self, stated: Stated) -> float | None:
        return linear_outcome(stated.matrix, self.options, self.log).bound

    def least_known(self, before: Left, best: Solved) -> Left:
        """Return what is left of the designs of which least is known, with the bound of all; ``before`` at first."""
        kinds = self.kinds or ([] if self.all is None else [self.all])
        if not kinds:
            return before
        return self._told(min(kinds, key=lambda kind: (kind.left.is_nothing, kind.left.bound or 0.0)), best)

    def _told(self, kind: Kind, best: Solved) -> Left:
        """Return what is left of some designs with the bound of all."""
        left = replace(kind.left, bound=self.bound)
        if kind.bounding.sites is None:
            return left
        left = replace(left, is_whole=False)
        if not kind.is_any_one:
            return left if kind.bounding.as_one else replace(left, site=kind.site)
        site = self._cheapest(kind.left, best)
        numbers = None if left.numbers is None else {(site, node): nodes for (_, node), nodes in left.numbers.items()}
        here = at_site(self.problem, left.candidates, site)
        return replace(left, candidates=here, kinds=kinds_at(left, site), numbers=numbers)

    def decided(self, site: str, bound: float | None) -> None:
        """Note that the designs at one site are solved, of which none costs less than ``bound``."""
        for kind in self.kinds:
            if kind.site == site:
                kind.left = replace(kind.left, bound=max(kind.left.bound or 0.0, bound or 0.0), is_nothing=True)

    def _cheapest(self, left: Left, best: Solved) -> str:
        """Return the site of the best design, or the one at which the relaxation of the hardest year costs least."""
        if len(sites_of(best)) == 1:
            return min(sites_of(best))
        costs: dict[str, float] = {}
        for site in dict.fromkeys(pool.site for pool in left.candidates.pools.values()):
            if does_all(left.candidates, site):
                here = at_site(self.problem, left.candidates, site)
                cost = self._relaxed(self._bounding().year_alone(here, hardest_of(here)))
                costs[site] = math.inf if cost is None else cost
        return min(costs, key=lambda site: (costs[site], site))


def kinds_at(left: Left, site: str) -> frozenset[tuple[str, str]]:
    """Return the kinds of nodes at one site where good designs may lie."""
    return frozenset(kind for kind in left.kinds if kind[0] == site)
