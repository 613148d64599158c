"""Which promises collide: an irreducible set of the planner's rows.

The deletion filter (Chinneck and Dravnieks, 1991) on rows: lift a promise; if there is still no design it is not needed
for the collision and stays lifted. Rows that belong together are tried together first. What is left is irreducible:
without any one of its promises, and all that were lifted, there is a design.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dcopt.candidates.generate import generate
from dcopt.candidates.memory import Memory
from dcopt.candidates.records import Candidates
from dcopt.formulation.program import Program
from dcopt.pipeline.feasible import Decision, decide
from dcopt.pipeline.least_limit import LeastLimit, least_limit_of
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.promises import Promise, changed, promises_of, value_of
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions


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
    decided: tuple[Problem, Decision] | None = None
    """The last problem asked, with its answer."""

    def left_s(self) -> float:
        """Return the seconds that are left; raises `OutOfTimeError` where none are."""
        left = self.seconds - (time.monotonic() - self.start)
        if left <= 0:
            raise OutOfTimeError
        return left

    def has_design(self, problem: Problem, why: str) -> bool | None:
        """Return whether ``problem`` has a design; ``why`` says what is asked, for the reader who waits."""
        return self.decide(problem, why).possible

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
        low = float(promise.value)
        constraints = self.user_constraints
        return least_limit_of(problem, candidates, promise.row, limit, low, self._options(), self.log, constraints)

    def _candidates(self, problem: Problem, why: str) -> Candidates:
        self.left_s()
        self.questions += 1
        self.on_question(why)
        return self.candidates_of(problem)

    def candidates_of(self, problem: Problem) -> Candidates:
        """Return the candidates of ``problem``; those of the last problem asked are kept."""
        if self.generated is None or self.generated[0] is not problem:
            free = self.user_constraints is no_constraints
            self.generated = (problem, generate(problem, only_needed=free, memory=self.memory))
        return self.generated[1]

    def _options(self) -> SolveOptions:
        return SolveOptions(time_limit_s=min(self.each_s, self.left_s()))


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
    groups: dict[tuple[str, str], list[Promise]] = {}
    for promise in promises:
        groups.setdefault(promise.group, []).append(promise)
    deletion = _Deletion(problem, oracle, promises, list(promises))
    try:
        deletion.drop(list(groups.values()), final=False)
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

    def _has_design(self, trial: list[Promise], blocks: list[list[Promise]]) -> bool | None:
        first = blocks[0][0]
        name = first.row if len(blocks[0]) == 1 else f"the promises of {first.key or 'the settings'}"
        name += f" and {len(blocks) - 1} others" if len(blocks) > 1 else ""
        gone = {promise: promise.lifted for promise in self.promises if promise not in trial}
        return self.oracle.has_design(changed(self.problem, gone), f"without {name}")
