"""Ways out of a collision: the least changes of the planner's rows that make a design, each proven by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dcopt.pipeline.conflict import Collision, Oracle, OutOfTimeError, collision_of
from dcopt.pipeline.promises import CAPS, CHOICES, OFFERED, SITES, Promise, caps_of, changed, offers_of, promises_of
from dcopt.problem.problem import Problem

RATIO = 1.01
"""A least change is found to within this ratio, then rounded to three digits and tried."""
ROUNDING = 1.01
"""What rounding to three digits may add to a number."""
SAFE = 1e-7
"""Relative room above a least limit, which a solution may exceed by the solver's tolerance."""
NO_LIMIT = 1000
"""Times a limit that stand for none, where its cell would be blank."""
DOUBLINGS = 20
ENOUGH = 2
"""Values that were neither proven to make a design nor to make none, after which no nearer ones are tried."""
SHOWN = 5
"""Names of a list that are shown."""
GRID = ("power_limit_kw", "power_kw")
"""Columns that limit a site's grid power, which nodes at a power cap draw less of."""
LIMITED = ("settings", "sites")
"""Tables of budgets and of the limits of sites."""
LONGEST_CHAIN = 6
"""Promises that are changed together at most."""
PREFERRED = ("sites", "settings", "offers", "datasets", "training", "inference")
"""By table: what is loosened first where several do."""


@dataclass(frozen=True)
class WayOut:
    """Changes that together make a design, each the least that does with the others as they are.

    ``least`` is False where time ran out before the least were found: the changes do, smaller ones may. Then
    ``no_less`` is a value of the last promise that is too little for sure, where one is known.
    """

    changes: tuple[tuple[Promise, object], ...]
    least: bool = True
    no_less: float | None = None

    def __str__(self) -> str:
        text = " and ".join(f"{promise.row} {words(promise, value)}" for promise, value in self.changes)
        if self.least:
            return text
        proven = "" if self.no_less is None else f"; {_down(self.no_less):,.12g} is too little"
        return f"{text} (a smaller change may do: the time was used up{proven})"


def _down(value: float) -> float:
    """Return a positive number with three digits, rounded down."""
    unit = 10.0 ** (math.floor(math.log10(value)) - 2) if value > 0 else 1.0
    return float(f"{math.floor(value / unit) * unit:.12g}")


def words(promise: Promise, value: object) -> str:
    """Return a change in words: 'from 30 to 41', or 'lifted' where the promise has no such number."""
    if promise.column == CAPS:
        return "from no to yes, so that nodes may run at the caps of power_caps.csv"
    if promise.column in CHOICES:
        assert isinstance(value, tuple)
        more = [str(name) for name in value if name not in promise.value]
        names = ", ".join(more[:SHOWN]) + (f" and {len(more) - SHOWN} more" if len(more) > SHOWN else "")
        return f"with {names} offered too" if promise.column == OFFERED else f"with {names} allowed too"
    if value is None:
        return f"{promise.value:,.12g} lifted"
    assert isinstance(value, int | float)
    return f"from {promise.value:,g} to {value:,.12g}"


def ways_out_of(problem: Problem, collision: Collision, oracle: Oracle) -> tuple[tuple[WayOut, ...], bool]:
    """Return ways out of a collision, and whether all were tried: single changes, else chains of them; more offers."""
    found: list[WayOut] = []
    try:
        alone, all_asked = alone_of(problem, collision, oracle)
        found.extend(least_of(problem, (promise,), oracle) for promise in alone)
        if not all_asked:
            return tuple(found), False
        if not found:
            found.extend(_chains(problem, collision, oracle))
    except OutOfTimeError:
        return tuple(found), False
    more, all_tried = _of_more_offered(problem, collision, oracle, some=bool(found))
    return (*found, *more), all_tried


def ways_of_some(
    problem: Problem, collision: Collision, promises: Sequence[Promise], oracle: Oracle
) -> tuple[tuple[WayOut, ...], bool]:
    """Return ways out of an infeasible ``problem`` by one of some promises each, or by more offers; whether all tried.

    What a limit must be at least is asked at once, in an equal share of the time for each: that it helps at all need
    not be known before.
    """
    found: list[WayOut] = []
    all_tried = True
    for place, promise in enumerate(promises):
        mine = oracle
        try:
            if place < len(promises) - 1:
                mine = oracle.with_less(1.0 / (len(promises) - place))
            direct = _least_as_a_limit(problem, promise, mine)
            if direct is not None:
                found.append(WayOut(((promise, direct.value),), direct.in_time, direct.no_less))
            elif mine.has_design_without(problem, (promise,), f"of the whole with {promise.row} lifted"):
                found.append(least_of(problem, (promise,), mine))
        except OutOfTimeError:
            all_tried = False
    more, also_tried = _of_more_offered(problem, collision, oracle, some=bool(found))
    return (*found, *more), all_tried and also_tried


def _of_more_offered(
    problem: Problem, collision: Collision, oracle: Oracle, *, some: bool
) -> tuple[list[WayOut], bool]:
    """Return ways out by power caps or more offers, and whether all were tried; several offers where ``some`` are not
    known otherwise."""
    found: list[WayOut] = []
    try:
        offers = offers_of(problem)
        for caps in caps_of(problem) if any(promise.column in GRID for promise in collision.promises) else ():
            if oracle.has_design_without(problem, (caps,), "with nodes at power caps"):
                found.append(least_of(problem, (caps,), oracle))
        for offer in offers:
            if not oracle.has_time_for(len(offer.lifted) / len(offer.value)):
                raise OutOfTimeError
            if oracle.has_design_without(problem, (offer,), f"with more of {offer.key} offered"):
                found.append(least_of(problem, (offer,), oracle))
        if not found and not some and offers:
            found += _with_all_offered(problem, offers, oracle)
    except OutOfTimeError:
        return found, False
    return found, True


def alone_of(problem: Problem, collision: Collision, oracle: Oracle) -> tuple[list[Promise], bool]:
    """Return the promises without which alone there is a design, those that are quickly loosened first; whether all.

    All are asked about before any is loosened by the least that does: that a promise is a way out is worth more than
    by how much it must give way.
    """
    alone = []
    for promise in quickest_first(collision.promises):
        try:
            if oracle.has_design_without(problem, (promise,), f"{promise.row} lifted"):
                alone.append(promise)
        except OutOfTimeError:
            return alone, False
    return alone, True


def quickest_first(promises: Iterable[Promise]) -> list[Promise]:
    """Return promises in the order in which they are loosened: limits first, then what is a number."""
    return sorted(promises, key=lambda promise: (promise.rises is None, promise.table not in LIMITED))


def ways_by_limits(problem: Problem, oracle: Oracle) -> tuple[WayOut, ...]:
    """Return the ways out by one budget or one limit of a site alone, as far as there is time: each is one solve."""
    found: list[WayOut] = []
    try:
        for promise in sorted(promises_of(problem), key=lambda promise: promise.table != "settings"):
            least = _least_as_a_limit(problem, promise, oracle) if promise.table in LIMITED else None
            if least is not None:
                found.append(WayOut(((promise, least.value),), least.in_time, least.no_less))
    except OutOfTimeError:
        pass
    return tuple(found)


def _with_all_offered(problem: Problem, offers: tuple[Promise, ...], oracle: Oracle) -> list[WayOut]:
    """Return ways out that need several tables opened, or one promise loosened besides."""
    opened = changed(problem, {offer: offer.lifted for offer in offers})
    if oracle.has_design(opened, "with everything in the catalogue offered"):
        return [least_of(problem, offers, oracle)]
    return [
        least_of(problem, (*offers, promise), oracle)
        for promise in collision_of(opened, oracle).promises
        if oracle.has_design_without(opened, (promise,), f"{promise.row} lifted as well")
    ]


def _chains(problem: Problem, collision: Collision, oracle: Oracle) -> Iterator[WayOut]:
    """Yield ways out of several promises each, none twice."""
    tried: set[frozenset[Promise]] = set()
    for promise in collision.promises:
        chain = _chain(problem, promise, oracle)
        if chain and frozenset(chain) not in tried:
            tried.add(frozenset(chain))
            yield least_of(problem, chain, oracle)


def _chain(problem: Problem, first: Promise, oracle: Oracle) -> tuple[Promise, ...]:
    """Return promises, ``first`` among them, without which there is a design; empty where too many are needed.

    Each further one is of the collision that is left without those before it: limits before promises before demand.
    """
    chain = [first]
    while True:
        if oracle.has_design_without(problem, chain, " and ".join(f"{promise.row}" for promise in chain) + " lifted"):
            return tuple(chain)
        left = collision_of(changed(problem, {promise: promise.lifted for promise in chain}), oracle)
        if not left.promises or len(chain) == LONGEST_CHAIN:
            return ()
        chain.append(min(left.promises, key=lambda promise: PREFERRED.index(promise.table)))


def least_of(problem: Problem, promises: Sequence[Promise], oracle: Oracle) -> WayOut:
    """Return the least changes of promises that make a design when lifted together, one after the other."""
    values: dict[Promise, object] = {promise: promise.lifted for promise in promises}
    found = Least(None)
    in_time = True
    for promise in promises:
        others = {p: value for p, value in values.items() if p is not promise}
        found = least_change(changed(problem, others), promise, oracle)
        values[promise] = found.value
        in_time = in_time and found.in_time
    needed = {promise: value for promise, value in values.items() if value != promise.value}
    return WayOut(tuple(needed.items()), in_time, found.no_less)


@dataclass(frozen=True)
class Least:
    """A changed value that makes a design, whether it is the least that does, and what is too little if it is not."""

    value: object
    in_time: bool = True
    no_less: float | None = None


def least_change(problem: Problem, promise: Promise, oracle: Oracle) -> Least:
    """Return the value nearest to the promise's at which there is a design, as near as there was time to find.

    To about 1 %, and proven by a design at that value. ``promise.lifted`` must make a design; it is the answer where no
    number does, or where time runs out before a nearer one is found.
    """
    if promise.column == SITES:
        return _fewest_sites(problem, promise, oracle)
    if promise.others:
        return _fewest_more(problem, promise, oracle)
    if promise.rises is None:
        return Least(promise.lifted)
    best: object = promise.lifted
    try:
        direct = _least_as_a_limit(problem, promise, oracle)
        if direct is not None:
            return direct
        works, fails = _bracket(problem, promise, oracle)
        if works is None:
            return Least(promise.lifted)
        undecided = 0
        while not _close(promise, works, fails):
            best, middle = works, _middle(promise, works, fails)
            possible = oracle.has_design(changed(problem, {promise: middle}), f"{promise.row} {middle:g}")
            undecided += possible is None
            if undecided == ENOUGH:
                return Least(best, in_time=False)
            if possible:
                works = middle
            else:
                fails = middle
        best, rounded = works, _rounded(promise, works)
        if rounded in (works, fails):
            return Least(works)
        fits = oracle.has_design(changed(problem, {promise: rounded}), f"{promise.row} {rounded:g}")
    except OutOfTimeError:
        return Least(best, in_time=False)
    return Least(rounded if fits else works)


def _least_as_a_limit(problem: Problem, promise: Promise, oracle: Oracle) -> Least | None:
    """Return the least change of a limit found by minimizing it; None where that finds none that makes a design."""
    if not promise.rises:
        return None
    wide = most_of(promise)
    found = oracle.least_limit(changed(problem, {promise: wide}), promise)
    if found is None or found.found is None:
        return None
    if promise.whole:
        tries = [float(math.ceil(found.found - 1e-6))]
    else:
        tries = [_rounded(promise, found.found * (1 + SAFE)), found.found * RATIO]
    for value in dict.fromkeys(min(value, wide) for value in tries):
        near = value <= found.bound + 1 if promise.whole else value <= found.bound * RATIO * ROUNDING
        is_design = found.is_design or oracle.has_design(changed(problem, {promise: value}), f"{promise.row} {value:g}")
        if is_design:
            return Least(value, near, None if near else found.bound)
    return None


def most_of(promise: Promise) -> float:
    """Return the value of a limit that stands for none."""
    if promise.lifted is not None:
        return float(promise.lifted)
    return float(promise.value or 1) * NO_LIMIT


def _fewest_more(problem: Problem, promise: Promise, oracle: Oracle) -> Least:
    """Return the choice with one more that makes a design, where a single one does; else with as many as needed."""
    try:
        for value in promise.others:
            if oracle.has_design(changed(problem, {promise: value}), f"{promise.row} with {value[-1]}"):
                return Least(value)
        needed = list(promise.lifted)
        for name in [name for name in promise.lifted if name not in promise.value]:
            fewer = tuple(kept for kept in needed if kept != name)
            if oracle.has_design(changed(problem, {promise: fewer}), f"{promise.row} without {name}"):
                needed = list(fewer)
    except OutOfTimeError:
        return Least(promise.lifted, in_time=False)
    return Least(tuple(needed))


def _fewest_sites(problem: Problem, promise: Promise, oracle: Oracle) -> Least:
    """Return the sites allowed now and those that must be too, none of which can be spared.

    Twice as many of them from try to try, in the order in which they promise most, then without each of them.
    """
    here, best = len(promise.value), promise.lifted

    def does(sites: tuple[str, ...]) -> bool:
        if sites == promise.lifted:
            return True
        names = ", ".join(sites[here:])
        return oracle.has_design(changed(problem, {promise: sites}), f"{promise.row} with {names}") is True

    try:
        more = 1
        while not does(promise.lifted[: here + more]):
            more *= 2
        best = promise.lifted[: here + more]
        for name in best[here:]:
            fewer = tuple(site for site in best if site != name)
            if len(fewer) > here and does(fewer):
                best = fewer
    except OutOfTimeError:
        return Least(best, in_time=False)
    return Least(best)


def _bracket(problem: Problem, promise: Promise, oracle: Oracle) -> tuple[float | None, float]:
    """Return (a value that makes a design or None, one that does not)."""
    fails = float(promise.value)
    if promise.lifted is not None:
        return float(promise.lifted), fails
    value = fails
    for _ in range(DOUBLINGS):
        value = (2 * value or 1.0) if promise.rises else value / 2
        value = math.ceil(value) if promise.whole and promise.rises else math.floor(value) if promise.whole else value
        if promise.whole and not promise.rises and value < 1:
            return None, fails
        if oracle.has_design(changed(problem, {promise: value}), f"{promise.row} {value:g}"):
            return value, fails
        fails = value
    return None, fails


def _close(promise: Promise, works: float, fails: float) -> bool:
    if promise.whole:
        return abs(works - fails) <= 1
    low, high = sorted((works, fails))
    return high <= low * RATIO if low > 0 else high - low <= 1e-3 * max(1.0, high)


def _middle(promise: Promise, works: float, fails: float) -> float:
    if promise.whole:
        return (works + fails) // 2
    middle = math.sqrt(works * fails) if works > 0 and fails > 0 else 0.5 * (works + fails)
    short = float(f"{middle:.4g}")  # it may be what is said to the planner
    return short if min(works, fails) < short < max(works, fails) else middle


def _rounded(promise: Promise, value: float) -> float:
    """Round to three digits on the loose side, but not beyond the lifted value."""
    if promise.whole or value == 0:
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    rounded = (math.ceil(value / unit - 1e-9) if promise.rises else math.floor(value / unit + 1e-9)) * unit
    rounded = float(f"{rounded:.12g}")
    if promise.lifted is not None and (rounded > promise.lifted) == promise.rises and rounded != promise.lifted:
        return value
    return rounded


def sentences(collision: Collision, ways: Sequence[WayOut], *, all_tried: bool) -> tuple[str, ...]:
    """Return collision and ways out in the planner's words."""
    if collision.hopeless:
        works = (f"a design exists with {way}" for way in ways)
        return ("even with every promise and limit lifted there is no design:", *collision.hopeless, *works)
    some = "these promises and limits collide" if len(collision.promises) > 1 else "this alone excludes every design"
    note = "" if collision.irreducible else " (perhaps fewer of them: not all could be tried in the time)"
    lines = [f"{some}{note}: " + "; ".join(f"{p.row} = {_shown(p)}" for p in collision.promises)]
    lines += [f"a design exists with {way}" for way in ways]
    if not ways and all_tried:
        lines.append("no change of a few of them was found that makes a design")
    if not all_tried:
        lines.append("the time was used up before every way out was tried: give more with --time-limit")
    return tuple(lines)


def _shown(promise: Promise) -> str:
    return " ".join(promise.value) if isinstance(promise.value, tuple) else f"{promise.value:,.12g}"
