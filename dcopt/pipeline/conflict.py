"""Which promises collide: an irreducible set of the planner's rows, and the least changes that make a design.

The deletion filter (Chinneck and Dravnieks, 1991) on rows: lift a promise; if there is still no design it is not needed
for the collision and stays lifted. Rows that belong together are tried together first. What is left is irreducible:
without any one of its promises, and all that were lifted, there is a design.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from dcopt.candidates.generate import generate
from dcopt.candidates.memory import Memory
from dcopt.formulation.program import Program
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.promises import CHOICES, OFFERED, Promise, changed, offers_of, promises_of
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions

RATIO = 1.01
"""A least change is found to within this ratio, then rounded to three digits and tried."""
DOUBLINGS = 20
SHOWN = 5
"""Names of a list that are shown."""
LONGEST_CHAIN = 6
"""Promises that are changed together at most."""
PREFERRED = ("sites", "settings", "offers", "datasets", "training", "inference")
"""By table: what is loosened first where several do."""


class OutOfTimeError(Exception):
    """The time for the explanation is used up."""


@dataclass
class Oracle:
    """Says whether a problem has a design, within a time for all questions together.

    Raises `OutOfTimeError` once the time is used up; an answer of None means that one question took too long.
    """

    seconds: float
    each_s: float = 20.0
    user_constraints: Callable[[Program], None] = no_constraints
    on_question: Callable[[str], None] = lambda text: None
    log: Callable[[str], None] = lambda text: None
    questions: int = 0
    memory: Memory = field(default_factory=Memory)
    start: float = field(default_factory=time.monotonic)

    def left_s(self) -> float:
        """Return the seconds that are left; raises `OutOfTimeError` where none are."""
        left = self.seconds - (time.monotonic() - self.start)
        if left <= 0:
            raise OutOfTimeError
        return left

    def has_design(self, problem: Problem, why: str) -> bool | None:
        """Return whether ``problem`` has a design; ``why`` says what is asked, for the reader who waits."""
        left = self.left_s()
        self.questions += 1
        self.on_question(why)
        candidates = generate(problem, only_needed=self.user_constraints is no_constraints, memory=self.memory)
        if precheck(problem, candidates):
            return False
        options = SolveOptions(gap=1.0, time_limit_s=min(self.each_s, left))
        solved = solve_program(problem, candidates, options, Listener(self.log), cutoffs=self.user_constraints)
        if solved.design is not None:
            return True
        return False if solved.status == "infeasible" else None


@dataclass(frozen=True)
class Collision:
    """Promises that cannot all be kept. ``irreducible`` is False where time ran out before all were tried.

    ``hopeless`` holds the obstacles that stand even with everything lifted; then no promise is to blame.
    """

    promises: tuple[Promise, ...]
    irreducible: bool = True
    hopeless: tuple[str, ...] = ()


@dataclass(frozen=True)
class WayOut:
    """Changes that together make a design, each the least that does with the others as they are.

    ``least`` is False where time ran out before the least were found: the changes do, smaller ones may.
    """

    changes: tuple[tuple[Promise, object], ...]
    least: bool = True

    def __str__(self) -> str:
        text = " and ".join(f"{promise.row} {words(promise, value)}" for promise, value in self.changes)
        return text if self.least else f"{text} (or less: the time was used up)"


def words(promise: Promise, value: object) -> str:
    """Return a change in words: 'from 30 to 41', or 'lifted' where the promise has no such number."""
    if promise.column == "sites":
        return f"with other sites than {' '.join(promise.value)} allowed"
    if promise.column in CHOICES:
        assert isinstance(value, tuple)
        more = [str(name) for name in value if name not in promise.value]
        names = ", ".join(more[:SHOWN]) + (f" and {len(more) - SHOWN} more" if len(more) > SHOWN else "")
        return f"with {names} offered too" if promise.column == OFFERED else f"with {names} allowed too"
    if value is None:
        return f"{promise.value:,.12g} lifted"
    assert isinstance(value, int | float)
    return f"from {promise.value:,g} to {value:,.12g}"


def collision_of(problem: Problem, oracle: Oracle) -> Collision:
    """Return promises of an infeasible ``problem`` that collide."""
    promises = promises_of(problem)
    lifted: dict[Promise, object] = {promise: promise.lifted for promise in promises}
    free = changed(problem, lifted)
    if oracle.has_design(free, "with every promise lifted") is False:
        obstacles = precheck(free, generate(free))
        return Collision((), hopeless=tuple(map(str, obstacles)) or ("no design exists whatever is promised",))
    groups: dict[tuple[str, str], list[Promise]] = {}
    for promise in promises:
        groups.setdefault(promise.group, []).append(promise)
    deletion = _Deletion(problem, oracle, promises, list(promises))
    try:
        deletion.drop(list(groups.values()), final=False)
        deletion.drop([[promise] for promise in promises], final=True)
    except OutOfTimeError:
        deletion.irreducible = False
    return Collision(tuple(deletion.kept), deletion.irreducible)


@dataclass
class _Deletion:
    """The deletion filter: what can be lifted without making a design possible is lifted for good."""

    problem: Problem
    oracle: Oracle
    promises: tuple[Promise, ...]
    kept: list[Promise]
    irreducible: bool = True

    def drop(self, blocks: list[list[Promise]], *, final: bool) -> None:
        """Lift every block that can be, in order; several are tried at once and split where that is too much.

        As lifting more never takes a design away, what is kept in the end is the same as if each were tried alone.
        """
        trial = [promise for promise in self.kept if not any(promise in block for block in blocks)]
        if len(trial) == len(self.kept):
            return
        answer = self._has_design(trial, blocks) if trial else True  # with everything lifted there is one
        if answer is False:
            self.kept = trial
        elif len(blocks) > 1:
            middle = len(blocks) // 2
            self.drop(blocks[:middle], final=final)
            self.drop(blocks[middle:], final=final)
        elif final and answer is None:
            self.irreducible = False

    def _has_design(self, trial: list[Promise], blocks: list[list[Promise]]) -> bool | None:
        first = blocks[0][0]
        name = first.row if len(blocks[0]) == 1 else f"the promises of {first.key or 'the settings'}"
        name += f" and {len(blocks) - 1} others" if len(blocks) > 1 else ""
        gone = {promise: promise.lifted for promise in self.promises if promise not in trial}
        return self.oracle.has_design(changed(self.problem, gone), f"without {name}")


def ways_out_of(problem: Problem, collision: Collision, oracle: Oracle) -> tuple[tuple[WayOut, ...], bool]:
    """Return ways out of a collision, and whether all were tried: single changes, else chains of them; more offers."""
    found: list[WayOut] = []
    try:
        for promise in collision.promises:
            if oracle.has_design(changed(problem, {promise: promise.lifted}), f"{promise.row} lifted"):
                found.append(_least(problem, (promise,), oracle))
        if not found:
            found.extend(_chains(problem, collision, oracle))
        offers = offers_of(problem)
        for offer in offers:
            if oracle.has_design(changed(problem, {offer: offer.lifted}), f"with more of {offer.key} offered"):
                found.append(_least(problem, (offer,), oracle))
        if not found and offers:
            found += _with_all_offered(problem, offers, oracle)
    except OutOfTimeError:
        return tuple(found), False
    return tuple(found), True


def _with_all_offered(problem: Problem, offers: tuple[Promise, ...], oracle: Oracle) -> list[WayOut]:
    """Return ways out that need several tables opened, or one promise loosened besides."""
    opened = changed(problem, {offer: offer.lifted for offer in offers})
    if oracle.has_design(opened, "with everything in the catalogue offered"):
        return [_least(problem, offers, oracle)]
    return [
        _least(problem, (*offers, promise), oracle)
        for promise in collision_of(opened, oracle).promises
        if oracle.has_design(changed(opened, {promise: promise.lifted}), f"{promise.row} lifted as well")
    ]


def _chains(problem: Problem, collision: Collision, oracle: Oracle) -> Iterator[WayOut]:
    """Yield ways out of several promises each, none twice."""
    tried: set[frozenset[Promise]] = set()
    for promise in collision.promises:
        chain = _chain(problem, promise, oracle)
        if chain and frozenset(chain) not in tried:
            tried.add(frozenset(chain))
            yield _least(problem, chain, oracle)


def _chain(problem: Problem, first: Promise, oracle: Oracle) -> tuple[Promise, ...]:
    """Return promises, ``first`` among them, without which there is a design; empty where too many are needed.

    Each further one is of the collision that is left without those before it: limits before promises before demand.
    """
    chain = [first]
    while True:
        rest = changed(problem, {promise: promise.lifted for promise in chain})
        if oracle.has_design(rest, " and ".join(f"{promise.row}" for promise in chain) + " lifted"):
            return tuple(chain)
        left = collision_of(rest, oracle)
        if not left.promises or len(chain) == LONGEST_CHAIN:
            return ()
        chain.append(min(left.promises, key=lambda promise: PREFERRED.index(promise.table)))


def _least(problem: Problem, promises: Sequence[Promise], oracle: Oracle) -> WayOut:
    """Return the least changes of promises that make a design when lifted together, one after the other."""
    values: dict[Promise, object] = {promise: promise.lifted for promise in promises}
    in_time = True
    for promise in promises:
        others = {p: value for p, value in values.items() if p is not promise}
        values[promise], finished = least_change(changed(problem, others), promise, oracle)
        in_time = in_time and finished
    needed = {promise: value for promise, value in values.items() if value != promise.value}
    return WayOut(tuple(needed.items()), in_time)


def least_change(problem: Problem, promise: Promise, oracle: Oracle) -> tuple[object, bool]:
    """Return the value nearest to the promise's at which there is a design, and whether there was time to find it.

    To about 1 %, and proven by a design at that value. ``promise.lifted`` must make a design; it is the answer where no
    number does, or where time runs out before a nearer one is found.
    """
    if promise.others:
        return _fewest_more(problem, promise, oracle)
    if promise.rises is None:
        return promise.lifted, True
    best: object = promise.lifted
    try:
        works, fails = _bracket(problem, promise, oracle)
        if works is None:
            return promise.lifted, True
        while not _close(promise, works, fails):
            best, middle = works, _middle(promise, works, fails)
            if oracle.has_design(changed(problem, {promise: middle}), f"{promise.row} {middle:g}"):
                works = middle
            else:
                fails = middle
        best, rounded = works, _rounded(promise, works)
        if rounded in (works, fails):
            return works, True
        fits = oracle.has_design(changed(problem, {promise: rounded}), f"{promise.row} {rounded:g}")
    except OutOfTimeError:
        return best, False
    return (rounded if fits else works), True


def _fewest_more(problem: Problem, promise: Promise, oracle: Oracle) -> tuple[object, bool]:
    """Return the choice with one more that makes a design, where a single one does; else with as many as needed."""
    try:
        for value in promise.others:
            if oracle.has_design(changed(problem, {promise: value}), f"{promise.row} with {value[-1]}"):
                return value, True
        needed = list(promise.lifted)
        for name in [name for name in promise.lifted if name not in promise.value]:
            fewer = tuple(kept for kept in needed if kept != name)
            if oracle.has_design(changed(problem, {promise: fewer}), f"{promise.row} without {name}"):
                needed = list(fewer)
    except OutOfTimeError:
        return promise.lifted, False
    return tuple(needed), True


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
    return math.sqrt(works * fails) if works > 0 and fails > 0 else 0.5 * (works + fails)


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
    if not ways:
        lines.append("no change of a few of them was found that makes a design")
    if not all_tried:
        lines.append("the time was used up before every way out was tried: give more with --time-limit")
    return tuple(lines)


def _shown(promise: Promise) -> str:
    return " ".join(promise.value) if isinstance(promise.value, tuple) else f"{promise.value:,.12g}"
