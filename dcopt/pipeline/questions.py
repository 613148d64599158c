"""Questions about a solved problem: what would the best design cost if this or that were otherwise?

Every answer is a solve of its own with incumbent and bound, so that a difference is an interval where a gap is left:
with the best objective of the problem as it stands in [b, v] and that with a change in [b', v'], the change adds
something in [b' − v, v' − b]. A tighter promise never makes the best design better, a looser one never worse.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from dcopt.candidates.admitted import Admits, everything
from dcopt.candidates.generate import generate
from dcopt.candidates.memory import Memory
from dcopt.candidates.records import Candidates
from dcopt.design.explanation import Extra
from dcopt.design.records import Design
from dcopt.formulation.program import Program
from dcopt.pipeline.large import solve_any
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.solving import Listener
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.interrupt import heard
from dcopt.solve.session import SolveOptions, SolverError

QUESTION_GAP = 1e-6
"""Relative gap of each answer: prices are differences, so their proof must be finer than that of a design."""
LEAST_S = 0.05

Direction = Literal["tighter", "looser"]


class NoTimeError(Exception):
    """The time for all questions is used up, or Ctrl-C was pressed."""


@dataclass(frozen=True)
class Answered:
    """The best objective with a change: ``bound`` ≤ best ≤ ``value``; no design where ``value`` is None."""

    value: float | None
    bound: float | None
    design: Design | None
    program: Program | None
    candidates: Candidates
    impossible: bool = False
    reason: str = ""


@dataclass
class Questions:
    """Asks questions about ``problem`` within ``seconds`` for all of them, ``each_s`` for one.

    Attributes
    ----------
    best, bound: the interval of the best objective of the problem as it stands; set by whoever asks first.
    on_question: told what is asked, for the reader who waits.
    """

    problem: Problem
    seconds: float
    each_s: float
    options: SolveOptions = field(default_factory=SolveOptions)
    user_constraints: Callable[[Program], None] = no_constraints
    on_question: Callable[[str], None] = lambda text: None
    log: Callable[[str], None] = lambda text: None
    memory: Memory = field(default_factory=Memory)
    best: float = 0.0
    bound: float | None = None
    interrupted: bool = False
    overhead_s: float = 0.0
    """Seconds that the last question took besides the solver's, which the next one needs too."""
    start: float = field(default_factory=time.monotonic)

    def left_s(self) -> float:
        """Return the seconds that are left for all questions."""
        return self.seconds - (time.monotonic() - self.start)

    def ask(
        self,
        why: str,
        problem: Problem | None = None,
        *,
        admits: Admits = everything,
        cutoffs: Callable[[Program], None] = no_constraints,
    ) -> Answered:
        """Return the best objective of ``problem`` (default: as it stands) within what is admitted.

        Raises
        ------
        NoTimeError: no time is left, or Ctrl-C was pressed.
        """
        if self.left_s() <= self.overhead_s or self.interrupted:
            raise NoTimeError
        self.on_question(why)
        try:
            with heard():
                pass
            return self._answer(self.problem if problem is None else problem, admits, cutoffs)
        except KeyboardInterrupt:
            self.interrupted = True
            raise NoTimeError from None

    def _answer(self, asked: Problem, admits: Admits, cutoffs: Callable[[Program], None]) -> Answered:
        start, until = time.monotonic(), min(self.each_s, self.left_s())
        with heard():
            candidates = self.candidates_of(asked, admits)
        obstacles = precheck(asked, candidates)
        if obstacles:
            return Answered(None, None, None, None, candidates, impossible=True, reason=str(obstacles[0]))
        began = time.monotonic()
        limit = max(LEAST_S, until - (began - start) - self.overhead_s)
        options = replace(self.options, gap=min(self.options.gap, QUESTION_GAP), time_limit_s=limit)
        constrain = _both(self.user_constraints, cutoffs)
        try:
            solved = solve_any(asked, candidates, options, Listener(self.log), cutoffs=constrain)
            self.overhead_s = max(0.0, time.monotonic() - began - solved.timings_s.get("highs", 0.0))
        except SolverError as error:
            return Answered(None, None, None, None, candidates, reason=f"the solver failed: {error}")
        self.interrupted = solved.stopped_by == "interrupted"
        if solved.design is None:
            impossible = solved.status == "infeasible"
            return Answered(None, solved.bound, None, None, candidates, impossible=impossible)
        return Answered(solved.design.objective_value, solved.bound, solved.design, solved.program, candidates)

    def candidates_of(self, asked: Problem, admits: Admits = everything) -> Candidates:
        """Return the candidates of a question."""
        free = self.user_constraints is no_constraints
        return generate(asked, only_needed=free, memory=self.memory, admits=admits)

    def extra(self, answer: Answered, direction: Direction) -> Extra:
        """Return what a change adds to the best objective, by its answer."""
        if answer.impossible:
            return Extra(status="impossible", reason=answer.reason)
        least = None if answer.bound is None else answer.bound - self.best
        most = None if answer.value is None or self.bound is None else answer.value - self.bound
        found = None if answer.value is None else answer.value - self.best
        if direction == "tighter":
            least, most, found = (None if x is None else max(0.0, x) for x in (least or 0.0, most, found))
        else:  # the best design as it stands is still one
            least = None if least is None else min(0.0, least)
            most, found = 0.0 if most is None else min(0.0, most), 0.0 if found is None else min(0.0, found)
        status: Literal["priced", "undecided"] = "undecided" if answer.value is None else "priced"
        return Extra(status=status, found=found, least=least, most=most, reason=answer.reason)

    def kept(self) -> Extra:
        """Return what a tighter promise adds that the best design known keeps as it is."""
        most = None if self.bound is None else self.best - self.bound
        return Extra(status="priced", found=0.0, least=0.0, most=most)

    def nothing(self) -> Extra:
        """Return what a promise adds that is looser than one without which nothing is saved."""
        return Extra(status="priced", found=0.0, least=0.0, most=0.0)


def _both(first: Callable[[Program], None], second: Callable[[Program], None]) -> Callable[[Program], None]:
    """Return both constraints; what is none stays recognizable, as large programs without any are solved in steps."""
    if first is no_constraints:
        return second
    if second is no_constraints:
        return first

    def constrain(program: Program) -> None:
        first(program)
        second(program)

    return constrain
