"""A design of one year, with start days for its jobs: site after site, then made better a few sites at a time.

1. The jobs are placed first, with nodes that need not be whole. For those of each pool start days are looked for at
   once, and the nodes that these take are asked for (pipeline/room.py).
2. Relax and fix: site after site, those with little work first, all that is whole at the site is decided while the
   sites that come after it may be cut into parts; they take up what does not fit. Then everything but how the workloads
   run is decided once more, at all sites. Of each search only the root is looked at: what is found later is found
   sooner by 4.
3. Where a list schedule finds no start days all the same, more is asked for while just these jobs run there: nodes, or
   storage that carries more of them at once. What is missing is bought at the sites at which it happens; where that
   cannot be, these sites are decided anew, with all their jobs free.
4. Fix and optimize: some sites are decided anew, everything elsewhere held, as long as that finds something better.

Nothing is proven here: not that a calendar is impossible, nor how good a design is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from dcopt.formulation.expressions import number
from dcopt.formulation.extract import load_values
from dcopt.formulation.program import Program
from dcopt.formulation.stages import SUMS, name_of
from dcopt.pipeline.calendar import Clash, calendar_of
from dcopt.pipeline.room import left_free, make_room, rooms
from dcopt.pipeline.stated import Stated
from dcopt.solve.derived import with_integers
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.session import Outcome

JOBS_FIRST = frozenset({"train", "open", "kind_open", "active_site"})
"""What is whole while jobs are placed."""
OF_JOBS = frozenset({"train"})
FOLLOWS = SUMS | {"uses", "spare_step"}
"""What is not held of a site that is decided: it depends on what the sites after it do."""
RUNS = frozenset({"train", "replicas", "banded", "band"})
"""What says how the workloads run: held where only what they run on is too little."""
JOBS_GAP, SITE_GAP, BETTER_GAP = 2e-2, 5e-3, 2e-3
"""Relative gaps at which the steps end; those of a part are of the cost of the whole."""
FOR_SITES = 0.3
"""Share of the time that is left which deciding all sites in turn may take."""
REPAIRS = 4
"""Times that what has no room is decided anew before the search gives up."""
REPAIR_S = 15.0
"""Seconds that a repair of the first design may take."""
WORTH = 5e-4
"""Relative decrease of the cost from which another round over the sites is tried."""

Minimize = Callable[..., Outcome]
"""``minimize(matrix, share, fixed=…, start=…, gap=…, most_s=…)`` within a share of the time that is left."""


@dataclass(frozen=True)
class Found:
    """A solution: values of the integers by the names of their variables, what it costs, the nodes left to jobs."""

    values: dict[str, float]
    cost: float
    rooms: tuple[Clash, ...] = ()

    def declared(self, names: frozenset[str]) -> dict[str, int]:
        """Return the values of the variables declared under ``names``."""
        return {name: round(value) for name, value in self.values.items() if name.partition("[")[0] in names}


class OneYear:
    """The search for a design of a program of one period."""

    def __init__(self, stated: Stated, minimize: Minimize, log: Callable[[str], None]) -> None:
        self.program, self.matrix, self.minimize, self.log = stated.program, stated.matrix, minimize, log
        self.asked = 0
        self.tried: dict[frozenset[str], float] = {}
        """What the best solution cost after these sites were last decided anew."""
        self.site_of: dict[str, str | None] = {}
        """By the name of a variable: the site at which it decides something, None where that is not one site."""
        self._noted()

    def first(self) -> Found | None:
        """Return a design, or None where the steps lead to none."""
        jobs = self._at_the_root(self._with(lambda variable: name_of(variable) in JOBS_FIRST), 0.4, {}, JOBS_GAP)
        if jobs.values is None:
            return None
        load_values(self.matrix.columns, jobs.values)
        held = self._values(jobs.values, lambda variable: name_of(variable) in OF_JOBS)
        order = sorted(self._sites(), key=self._work_at)
        self._make_room(rooms(self.program))
        values = self._site_by_site(order, held)
        if values is None:
            self.log("\ndcopt: site by site there is no design; all sites at once\n")
            whole = self.minimize(self.matrix, 0.5, fixed=self._fixed(held), gap=SITE_GAP)
            if whole.values is None:
                whole = self.minimize(self.matrix, 0.5, gap=SITE_GAP)
            values = whole.values
        if values is None:
            return None
        rough = Found(self._values(values, lambda variable: True), 0.0)
        polished = self._anew(rough, order, REPAIR_S, but=RUNS, nodes=1)
        return self._kept(values if polished is None else polished)

    def better(self, best: Found, seconds: float) -> Found:
        """Return ``best``, or what one round over the sites makes of it within about so many seconds.

        Sites that were decided anew since anything else changed are left out. Where there is one site, all of which is
        free, the root of the search comes first, and the whole search only where that finds nothing better.
        """
        parts = self._parts()
        seconds /= len(parts)
        for free in parts:
            if self.tried.get(free) == best.cost:
                continue
            found = self._from_root(best, free, seconds) if len(parts) == 1 else None
            if found is None or found.cost >= best.cost * (1 - WORTH):
                values = self._anew(best, free, seconds)
                found = None if values is None else self._kept(values, seconds=seconds)
                self.tried[free] = min(best.cost, math.inf if found is None else found.cost)
            if found is not None and found.cost < best.cost:
                self.log(f"\ndcopt: {' and '.join(sorted(free))} decided anew: {found.cost:.10g}\n")
                best = found
        return best

    def _from_root(self, best: Found, free: Collection[str], seconds: float) -> Found | None:
        """Return what the root of a search for some sites finds, with their plant and nodes decided once more."""
        values = self._anew(best, free, seconds, nodes=1)
        if values is None:
            return None
        rough = Found(self._values(values, lambda variable: True), 0.0)
        polished = self._anew(rough, free, seconds, but=RUNS, nodes=1)
        return self._kept(values if polished is None else polished, seconds=seconds)

    def _parts(self) -> list[frozenset[str]]:
        """Return the sets of sites that are decided anew: each pair of them; of two sites each."""
        sites = self._sites()
        together = 2 if len(sites) > 2 else 1
        return [frozenset(pair) for pair in combinations(sites, together)]

    def _at_the_root(self, matrix: Matrix, share: float, held: dict[str, float], gap: float) -> Outcome:
        """Return what the root of a search finds; where that is nothing, what the whole search does."""
        fixed = self._fixed(held)
        outcome = self.minimize(matrix, share, fixed=fixed, gap=gap, nodes=1)
        if outcome.values is None and outcome.verdict != "infeasible":
            outcome = self.minimize(matrix, share, fixed=fixed, gap=gap)
        return outcome

    def _anew(
        self,
        best: Found,
        free: Collection[str],
        seconds: float,
        but: Collection[str] = (),
        nodes: int | None = None,
    ) -> Any:
        """Return the columns of a solution in which only what is at some sites differs from ``best``.

        ``but``: names under which variables were declared that stay as they are there too. ``nodes``: how many nodes of
        its search are looked at (None: as many as the time allows).
        """
        held = {
            name: value
            for name, value in best.values.items()
            if self.site_of[name] not in free or name.partition("[")[0] in but
        }
        fixed = self._fixed(held)
        options = {"start": best.values, "gap": BETTER_GAP, "most_s": seconds, "nodes": nodes}
        return self.minimize(self.matrix, 1.0, fixed=fixed, **options).values

    def _site_by_site(self, order: list[str], held: dict[str, float]) -> Any:
        """Return the columns of a solution in which each site was decided in turn, or None."""
        done: set[str] = set()
        values: Any = None
        for place, site in enumerate(order):
            done.add(site)
            is_last = place == len(order) - 1  # then everything is whole
            relaxed = self.matrix if is_last else self._with(lambda variable: self.site_of[variable.name] in done)
            values = self._at_the_root(relaxed, FOR_SITES / len(order), held, SITE_GAP).values
            if values is None:
                return None
            decided = self._values(values, lambda variable: name_of(variable) not in FOLLOWS)
            held |= {name: value for name, value in decided.items() if self.site_of[name] == site}
        return values

    def _kept(self, values: Any, repairs: int = REPAIRS, seconds: float = REPAIR_S) -> Found | None:
        """Return a solution with room for its jobs, this one or what it becomes where it has none; None if none comes.

        What a list schedule does not keep, in nodes or bandwidth, is cut off, and what is missing is bought.
        """
        for _ in range(repairs):
            load_values(self.matrix.columns, np.where(self._integer(), np.round(values), values))
            whole = self._values(values, lambda variable: True)
            without = calendar_of(self.program, exact=False).conflicts
            if not without:
                cost = number(self.program.objectives[self.program.problem.settings.objective])
                return Found(whole, cost, tuple(left_free(self.program)))
            self._make_room(without)
            free = {one.candidate.pool.site for clash in without for one in clash.running}
            for clash in without:
                asked = " or ".join(f"{least:g} of {name}" for name, least in clash.conflict.least.items())
                self.log(f"\ndcopt: no calendar for {len(clash.running)} jobs, which ask for {asked}\n")
            values = self._anew(Found(whole, 0.0), free, seconds, but=RUNS, nodes=1)
            if values is None:
                values = self._anew(Found(whole, 0.0), free, seconds)
            if values is None:
                return None
        return None

    def _make_room(self, clashes: list[Clash]) -> None:
        """Ask for the room of these jobs from now on."""
        make_room(self.program, clashes, self.asked)
        self.asked += len(clashes)
        self.matrix = compile_model(self.program.model)
        self._noted()

    def _noted(self) -> None:
        """Note the sites of variables that are new."""
        for variable in self.matrix.columns:
            if variable.name not in self.site_of:
                self.site_of[variable.name] = site_of(self.program, variable)

    def _sites(self) -> list[str]:
        return list(dict.fromkeys(pool.site for pool in self.program.candidates.pools.values()))

    def _work_at(self, site: str) -> float:
        """Return the working nodes at a site in the solution that the program holds."""
        pools = self.program.candidates.pools
        return sum(number(self.program.model.work[key]) for key, pool in pools.items() if pool.site == site)

    def _with(self, stays: Callable[[Any], bool]) -> Matrix:
        return with_integers(self.matrix, stays)

    def _integer(self) -> Any:
        return np.array([not variable.is_continuous() for variable in self.matrix.columns], dtype=bool)

    def _values(self, values: Any, wanted: Callable[[Any], bool]) -> dict[str, float]:
        """Return the integers of a solution that are wanted, by the names of their variables."""
        return {
            variable.name: float(round(value))
            for variable, value in zip(self.matrix.columns, values, strict=True)
            if not variable.is_continuous() and wanted(variable)
        }

    def _fixed(self, held: dict[str, float]) -> dict[int, float]:
        places = self.matrix.integers_by_name()
        return {places[name]: value for name, value in held.items() if name in places}


def site_of(program: Program, variable: Any) -> str | None:
    """Return the site at which a variable decides something; None where that is not one site."""
    name, key = name_of(variable), variable.index()
    if name in SUMS:
        return None
    if name == "train":
        return str(program.candidates.training[key[0]][key[1]].pool.site)
    if name in ("replicas", "banded", "band"):
        return str(program.candidates.serving[key[0]][key[1]].pool.site)
    parts = [part for part in (key if isinstance(key, tuple) else (key,)) if isinstance(part, str)]
    pools = program.candidates.pools
    sites = [pools[part].site for part in parts if part in pools]
    sites += [part for part in parts if part in program.problem.sites]
    return next(iter(sites), None)
