"""Which promises collide: an irreducible set of the planner's rows.

The deletion filter (Chinneck and Dravnieks, 1991) on rows: lift a promise; if there is still no design it is not needed
for the collision and stays lifted. Rows that belong together are tried together first, those of places where nothing
may run before all others. What is left is irreducible: without any one of its promises, and all that were lifted,
there is a design.

A promise without which, all else kept, there is a design is in every collision, and often these are all of one. Where
the promises that may matter are few each is asked about alone: the ways out need these answers too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from dcopt.candidates.generate import generate
from dcopt.candidates.memory import Memory
from dcopt.candidates.records import Candidates
from dcopt.formulation.program import Program
from dcopt.pipeline.feasible import Decision, decide
from dcopt.pipeline.least_limit import LeastLimit, least_limit_of
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.promises import SITES, Promise, changed, promises_of, value_of
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions

FEW = 16
"""Promises up to which each is lifted alone before any are lifted together."""
REMEMBERED = 4
"""Problems whose answers with promises lifted are kept."""
SOME_SITES = 4
"""Sites more that are allowed before all of them are."""
SHARE = 0.25
"""Share of the time that is left, which one question takes at most."""
BESIDES = 4.0
"""Times what its candidates take that a question takes at the least: programs are stated of them."""
FOR_LEAST = 0.6
"""The same for a least limit, which answers by itself what else several questions would."""


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
    generated: tuple[Problem, Candidates] | None = None
    generating_s: list[float] = field(default_factory=list)
    """Seconds that the candidates of each problem took."""
    decided: tuple[Problem, Decision] | None = None
    """The last problem asked, with its answer."""
    lifts: list[tuple[Problem, dict[frozenset[Promise], bool | None]]] = field(default_factory=list)
    """The last problems asked with promises lifted: whether each such set makes a design, None: not decided."""

    def with_less(self, share: float) -> Oracle:
        """Return the oracle with a ``share`` of the time that is left; what it finds out the other knows too."""
        return replace(self, seconds=self.seconds - (1.0 - share) * self.left_s())

    def left_s(self) -> float:
        """Return the seconds that are left; raises `OutOfTimeError` where none are."""
        left = self.seconds - (time.monotonic() - self.start)
        if left <= 0:
            raise OutOfTimeError
        return left

    def has_design(self, problem: Problem, why: str) -> bool | None:
        """Return whether ``problem`` has a design; ``why`` says what is asked, for the reader who waits."""
        return self.decide(problem, why).possible

    def has_design_without(self, problem: Problem, promises: Iterable[Promise], why: str) -> bool | None:
        """Return whether ``problem`` has a design with ``promises`` lifted.

        Lifting more never takes a design away: what was answered of fewer, or of more, is not asked again.
        """
        lifted, answers = frozenset(promises), self._answers_of(problem)
        known = self.known_without(problem, lifted)
        if known is not None:
            return known
        if lifted not in answers:
            answers[lifted] = self._has_design_at_some_sites(problem, lifted, why) or self.has_design(
                changed(problem, {promise: promise.lifted for promise in lifted}), why
            )
        return answers[lifted]

    def known_without(self, problem: Problem, promises: Iterable[Promise]) -> bool | None:
        """Return what the answers so far say of ``promises`` lifted, without asking (None: nothing)."""
        lifted, answers = frozenset(promises), self._answers_of(problem)
        if any(possible and lifted >= fewer for fewer, possible in answers.items()):
            return True
        if any(possible is False and lifted <= more for more, possible in answers.items()):
            return False
        return None

    def has_time_for(self, times: float) -> bool:
        """Whether there is time for a question about so many times as many candidates as any before."""
        return times * BESIDES * max(self.generating_s, default=0.0) < self.left_s()

    def _has_design_at_some_sites(self, problem: Problem, lifted: frozenset[Promise], why: str) -> bool:
        """Return whether there is a design with few more sites, where many would be allowed for some workload.

        That is a far smaller question.
        """
        many = {p for p in lifted if p.column == SITES and p.table != "datasets"}
        fewer = {p: p.lifted[: len(p.value) + SOME_SITES] if p in many else p.lifted for p in lifted}
        if all(fewer[promise] == promise.lifted for promise in lifted):
            return False
        return self.has_design(changed(problem, fewer), f"{why} (at some sites)") is True

    def _answers_of(self, problem: Problem) -> dict[frozenset[Promise], bool | None]:
        for known, answers in self.lifts:
            if known is problem:
                return answers
        self.lifts.append((problem, {}))
        del self.lifts[:-REMEMBERED]
        return self.lifts[-1][1]

    def decide(self, problem: Problem, why: str) -> Decision:
        """Return whether ``problem`` has a design, and a part of it that has none where it falls apart."""
        if self.decided is not None and self.decided[0] is problem:
            return self.decided[1]
        candidates = self._candidates(problem, why)
        if precheck(problem, candidates):
            decision = Decision(False)
        else:
            decision = decide(problem, candidates, self._options(), self.log, self.user_constraints)
        self.decided = (problem, decision)
        return decision

    def least_limit(self, problem: Problem, promise: Promise) -> LeastLimit | None:
        """Return the least value from the promise's up to that in ``problem`` with which there is a solution.

        None where it is no number that quantities stay within.
        """
        limit = value_of(problem, promise)
        candidates = self._candidates(problem, f"{promise.row} as low as can be")
        if precheck(problem, candidates):
            return LeastLimit(None, limit, excluded=True)
        low, limited = float(promise.value), self._options(FOR_LEAST)
        return least_limit_of(problem, candidates, promise.row, limit, low, limited, self.log, self.user_constraints)

    def _candidates(self, problem: Problem, why: str) -> Candidates:
        self.left_s()
        self.questions += 1
        self.on_question(why)
        return self.candidates_of(problem)

    def candidates_of(self, problem: Problem) -> Candidates:
        """Return the candidates of ``problem``; those of the last problem asked are kept."""
        if self.generated is None or self.generated[0] is not problem:
            free = self.user_constraints is no_constraints
            began = time.monotonic()
            self.generated = (problem, generate(problem, only_needed=free, memory=self.memory))
            self.generating_s.append(time.monotonic() - began)
        return self.generated[1]

    def _options(self, share: float = SHARE) -> SolveOptions:
        return SolveOptions(time_limit_s=min(self.each_s, share * self.left_s()))


@dataclass(frozen=True)
class Collision:
    """Promises that cannot all be kept. ``irreducible`` is False where time ran out before all were tried.

    ``hopeless`` holds the obstacles that stand even with everything lifted; then no promise is to blame.
    """

    promises: tuple[Promise, ...]
    irreducible: bool = True
    hopeless: tuple[str, ...] = ()


def collision_of(problem: Problem, oracle: Oracle) -> Collision:
    """Return promises of an infeasible ``problem`` that collide."""
    promises = promises_of(problem)
    deletion = _Deletion(problem, oracle, promises, list(promises))
    try:
        deletion.drop(_by_row([promise for promise in promises if not _is_near(problem, promise)]), final=False)
        deletion.drop_all_but_needed()
        deletion.drop(_by_row(promises), final=False)
        deletion.drop([[promise] for promise in promises], final=True)
    except OutOfTimeError:
        if not deletion.has_some:
            raise
        deletion.irreducible = False
    if not deletion.has_some:  # nothing that was lifted made a design: perhaps nothing does
        free = changed(problem, {promise: promise.lifted for promise in promises})
        if oracle.has_design(free, "with every promise lifted") is False:
            obstacles = precheck(free, oracle.candidates_of(free))
            return Collision((), hopeless=tuple(map(str, obstacles)) or ("no design exists whatever is promised",))
    return Collision(tuple(deletion.kept), deletion.irreducible)


def _by_row(promises: Iterable[Promise]) -> list[list[Promise]]:
    """Return promises by the rows that they belong to."""
    groups: dict[tuple[str, str], list[Promise]] = {}
    for promise in promises:
        groups.setdefault(promise.group, []).append(promise)
    return list(groups.values())


def _is_near(problem: Problem, promise: Promise) -> bool:
    """Whether a promise probably matters: one of a workload, of a site where one may run, or of all sites."""
    if promise.table == "datasets":
        return False
    site = _site_of(problem, promise)
    allowed = [job.sites for job in problem.training.values()] + [one.sites for one in problem.inference.values()]
    return site is None or any(not sites or site in sites for sites in allowed)


def _site_of(problem: Problem, promise: Promise) -> str | None:
    """Return the one site that a promise is about, if it is about one."""
    if promise.table == "sites":
        return promise.key
    row = problem.tables[promise.table].get(promise.key) if promise.table in ("limits", "offers") else None
    return getattr(row, "site", None)


@dataclass
class _Deletion:
    """The deletion filter: what can be lifted without making a design possible is lifted for good."""

    problem: Problem
    oracle: Oracle
    promises: tuple[Promise, ...]
    kept: list[Promise]
    irreducible: bool = True
    has_some: bool = False
    """Whether a design was found with some promises lifted."""

    def drop(self, blocks: list[list[Promise]], *, final: bool) -> None:
        """Lift every block that can be, in order; several are tried at once and split where that is too much.

        As lifting more never takes a design away, what is kept in the end is the same as if each were tried alone.
        """
        trial = [promise for promise in self.kept if not any(promise in block for block in blocks)]
        if len(trial) == len(self.kept):
            return
        answer = self._has_design(trial, blocks) if trial else True  # with everything lifted there should be one
        self.has_some = self.has_some or (bool(trial) and answer is True)
        if answer is False:
            self.kept = trial
        elif len(blocks) > 1:
            middle = len(blocks) // 2
            self.drop(blocks[:middle], final=final)
            self.drop(blocks[middle:], final=final)
        elif final and answer is None:
            self.irreducible = False

    def drop_all_but_needed(self) -> None:
        """Lift all but those without which alone there is a design, where that leaves none and they are few."""
        if len(self.kept) > FEW:
            return
        alone = {p: self.oracle.has_design_without(self.problem, (p,), f"{p.row} lifted") for p in self.kept}
        self.has_some = self.has_some or any(alone.values())
        if any(alone.values()):
            self.drop([[promise for promise, possible in alone.items() if not possible]], final=False)

    def _has_design(self, trial: list[Promise], blocks: list[list[Promise]]) -> bool | None:
        first = blocks[0][0]
        name = first.row if len(blocks[0]) == 1 else f"the promises of {first.key or 'the settings'}"
        name += f" and {len(blocks) - 1} others" if len(blocks) > 1 else ""
        gone = [promise for promise in self.promises if promise not in trial]
        return self.oracle.has_design_without(self.problem, gone, f"without {name}")
