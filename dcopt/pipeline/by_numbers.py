"""Bound a large program by the numbers of nodes: branch on how many of each kind there are, let HiGHS decide the rest.

What is left of a relaxation's gap is plant, spares and whole nodes of services, and once it is known how many nodes of
each kind (site, node) there are all of that is decided in seconds, or excluded in tenths of one. HiGHS branches on
anything; so the numbers are branched on here:

    a box: low ≤ nodes[s,k] ≤ high for each kind, sums of kinds ≥ 1
    its bound: the program of the hardest year, with what the others cost (other_years.py), all integers whole
    n: the numbers of its solution; the point n itself is bounded by the coarse program of all years, and the rest of
       the box falls apart into boxes that differ from n in the first, the second, … of its kinds, or in one it has not

At several sites the first boxes are which of them have nodes at all. A box that holds no design of at most V is empty.
What is left in the end is a few points, to which the program itself is then narrowed (`Candidates.numbers`).
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, combinations

import numpy as np

from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.stated import Stated
from dcopt.solve.derived import Row, with_rows, within_cost
from dcopt.solve.session import Outcome, SolveOptions, solve
from dcopt.solve.side_by_side import side_by_side

Kind = tuple[str, str]
"""A site and a node type."""
Numbers = dict[Kind, int]
MOST_SITES = 3
"""Sites up to which every set of them is a box of its own."""
FINE_GAP = 1e-5
"""Relative gap to which a box or a point is solved."""
ROUGH_GAP = 1e-3
BOX_SHARE = 0.5
"""Share of the time that is left which one box may take; what is then not decided is split."""


@dataclass(frozen=True)
class Box:
    """Designs whose numbers of nodes are within ranges, and in which each of some sets of kinds has one node at least.

    ``numbers`` are those of the best solution of its relaxation; None where it has not been solved, or none was found.
    """

    ranges: dict[Kind, tuple[int, int]]
    some: tuple[frozenset[Kind], ...]
    bound: float
    numbers: Numbers | None = None
    is_point: bool = False


@dataclass
class ByNumbers:
    """The boxes that are left, each a part of all designs that cost no more than a known one."""

    one: Stated
    """The coarse program of the hardest year, with what the others cost."""
    every: Stated
    """That of all years."""
    options: SolveOptions
    log: Callable[[str], None]
    lanes: int
    """Boxes that are solved at once; what is found does not depend on it."""
    points: list[Box] = field(default_factory=list)
    """Those whose numbers are decided, bounded by the program of all years."""
    boxes: list[tuple[float, int, Box]] = field(default_factory=list)
    """Those that are still to be split, the one of the least bound first."""
    made: int = 0
    known: Numbers = field(default_factory=dict)
    """The numbers of nodes of a known design, and its integers."""
    start: dict[str, float] | None = None

    def begin(self, bound: float, limit: float, ends: float, known: Mapping[Kind, int]) -> None:
        """Solve the first boxes, from a design with ``known`` numbers of nodes on. Raises what `further` does."""
        of_kind = self.one.node_columns()
        if known:
            self.known = {kind: known.get(kind, 0) for kind in of_kind}
            found = self._outcome(Box({kind: (n, n) for kind, n in self.known.items()}, (), bound), limit, ends)
            if found.verdict == "interrupted":
                raise StoppedError
            if found.values is not None:
                places = self.one.matrix.integers_by_name()
                self.start = {name: round(found.values[place]) for name, place in places.items()}
        whole = {kind: (0, self._most(places)) for kind, places in of_kind.items()}
        sites = list(dict.fromkeys(site for site, _ in whole))
        if not 1 < len(sites) <= MOST_SITES:
            self._solved([Box(whole, (), bound)], limit, ends)
            return
        first = []
        for used in chain.from_iterable(combinations(sites, count) for count in range(len(sites) + 1)):
            ranges = {kind: most if kind[0] in used else (0, 0) for kind, most in whole.items()}
            some = tuple(frozenset(kind for kind in whole if kind[0] == site) for site in used)
            first.append(Box(ranges, some, bound))
        self._solved(first, limit, ends)

    def further(self, limit: float, ends: float) -> None:
        """Split boxes until none is left, or the time is up.

        Raises
        ------
        StoppedError: Ctrl-C was pressed. SolverError: HiGHS failed.
        """
        self.points = [point for point in self.points if point.bound <= limit]
        self.boxes = [entry for entry in self.boxes if entry[0] <= limit]
        heapq.heapify(self.boxes)
        while self.boxes and time.monotonic() < ends:
            _, _, box = heapq.heappop(self.boxes)
            self._solved(_split(box), limit, ends)

    def bound(self) -> float | None:
        """Return what no design of those that are left costs less than; None where none is left."""
        return min((box.bound for box in self.left()), default=None)

    def left(self) -> list[Box]:
        """Return all boxes and points that are left."""
        return [*self.points, *(box for _, _, box in self.boxes)]

    def best(self) -> Numbers | None:
        """Return the numbers that promise most."""
        known = [box for box in self.left() if box.numbers is not None]
        return min(known, key=lambda box: (not box.is_point, box.bound)).numbers if known else None

    def holds(self, numbers: Numbers) -> bool:
        """Whether numbers of nodes are within what is left; kinds that are not there are not counted."""
        return any(
            all(low <= numbers.get(kind, 0) <= high for kind, (low, high) in box.ranges.items())
            and all(any(numbers.get(kind, 0) for kind in kinds) for kinds in box.some)
            for box in self.left()
        )

    def hull(self) -> dict[Kind, tuple[int, int]]:
        """Return (least, most) nodes of each kind over all that is left."""
        left = self.left()
        return {
            kind: (min(box.ranges[kind][0] for box in left), max(box.ranges[kind][1] for box in left))
            for kind in (left[0].ranges if left else ())
        }

    def _solved(self, boxes: Sequence[Box], limit: float, ends: float) -> None:
        """Solve boxes side by side and keep those that may hold a design."""
        work = [partial(self._outcome, box, limit, ends) for box in boxes]
        for box, outcome in zip(boxes, side_by_side(work, self.lanes), strict=True):
            if outcome.verdict == "interrupted":
                raise StoppedError
            if outcome.verdict == "infeasible" or (outcome.bound is not None and outcome.bound > limit):
                continue
            bound = box.bound if outcome.bound is None else max(box.bound, outcome.bound)
            stated = self.every if box.is_point else self.one
            numbers = box.numbers if outcome.values is None or box.is_point else numbers_in(stated, outcome.values)
            kept = replace(box, bound=bound, numbers=numbers)
            if box.is_point:
                self.points.append(kept)
            else:
                self.made += 1
                heapq.heappush(self.boxes, (bound, self.made, kept))
        self.log(
            f"\ndcopt: {len(boxes)} boxes of numbers of nodes solved, {len(self.boxes)} and {len(self.points)} points"
            f" left: at least {self.bound()}\n"
        )

    def _outcome(self, box: Box, limit: float, ends: float) -> Outcome:
        stated = self.every if box.is_point else self.one
        of_kind = stated.node_columns()
        rows = [Row(of_kind[kind], *ends_of) for kind, ends_of in box.ranges.items() if kind in of_kind]
        for kinds in box.some:
            places = [place for kind in sorted(kinds) for place in of_kind.get(kind, ())]
            rows.append(Row(places, 1.0, np.inf))
        seconds = max(0.01, (1.0 if box.is_point else BOX_SHARE) * (ends - time.monotonic()))
        gap = FINE_GAP if box.is_point else ROUGH_GAP
        holds = not box.is_point and all(
            low <= self.known.get(kind, 0) <= high for kind, (low, high) in box.ranges.items()
        )
        options = replace(self.options, time_limit_s=seconds, gap=gap, start=self.start if holds else None)
        matrix = with_rows(within_cost(stated.matrix, limit), rows)
        return solve(matrix, options, log=self.log, second_opinion=False)

    def _most(self, places: Iterable[int]) -> int:
        upper = np.asarray(self.one.matrix.lp.col_upper_)
        return int(sum(upper[place] for place in places))


def numbers_in(stated: Stated, values: Sequence[float]) -> Numbers:
    """Return how many nodes of each kind the values of a program's columns say."""
    return {kind: round(sum(values[place] for place in places)) for kind, places in stated.node_columns().items()}


def _split(box: Box) -> list[Box]:
    """Return the point of a box's solution and the boxes of all that differs from it; without one, two halves."""
    if box.numbers is None:
        return _halves(box)
    ranges = dict(box.ranges)
    point = {kind: (nodes, nodes) for kind, nodes in box.numbers.items()}
    found = [Box(point, box.some, box.bound, box.numbers, is_point=True)]
    for kind, nodes in sorted(box.numbers.items(), key=lambda item: (-item[1], item[0])):
        if nodes == 0:
            continue
        low, high = ranges[kind]
        for part in ((low, nodes - 1), (nodes + 1, high)):
            if part[0] <= part[1]:
                found.append(Box({**ranges, kind: part}, box.some, box.bound))
        ranges[kind] = (nodes, nodes)
    others = frozenset(kind for kind, nodes in box.numbers.items() if nodes == 0 and ranges[kind][1] > 0)
    if others:
        found.append(Box(ranges, (*box.some, others), box.bound))
    return found


def _halves(box: Box) -> list[Box]:
    """Return a box in two, by the kind of which there may be most; a point becomes one."""
    kind = max(box.ranges, key=lambda kind: (box.ranges[kind][1] - box.ranges[kind][0], kind))
    low, high = box.ranges[kind]
    if low == high:
        return [replace(box, numbers={kind: least for kind, (least, _) in box.ranges.items()}, is_point=True)]
    middle = (low + high) // 2
    return [replace(box, ranges={**box.ranges, kind: part}) for part in ((low, middle), (middle + 1, high))]
