"""Solve a program part by part, where it falls apart, and put the answers together.

The objective is the sum of the parts' objectives and the bound the sum of their bounds, so each part is solved to the
gap that is asked of the whole. What the equal parts of many equal sites cost is found once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dcopt.solve import session
from dcopt.solve.matrix import Matrix
from dcopt.solve.parts import Part, parts_of
from dcopt.solve.session import Outcome, Progress, SolveOptions, Verdict, relative_gap

FIRST_SOLUTION = 1e9
"""Relative gap at which the first incumbent is enough."""


def solve(
    matrix: Matrix,
    options: SolveOptions,
    *,
    log: Callable[[str], None] = lambda text: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Minimize the program as `dcopt.solve.session.solve` does, and raise what it raises.

    Each different part may take an equal share of the time that is left, the largest what the others leave over.
    After a Ctrl-C the parts that are left stop at their first incumbent, so that the whole has one.
    """
    parts = parts_of(matrix)
    if len(parts) == 1:
        return session.solve(matrix, options, log=log, on_progress=on_progress)
    outcome = _Parts(matrix, parts, options, log, on_progress).outcome()
    if outcome.verdict == "optimal" and (outcome.gap or 0.0) > options.gap * (1 + 1e-6):  # costs of both signs
        left = replace(options, time_limit_s=max(0.01, options.time_limit_s - outcome.seconds))
        return session.solve(matrix, left, log=log, on_progress=on_progress)
    return outcome


class _Parts:
    """One pass over the parts."""

    def __init__(
        self,
        matrix: Matrix,
        parts: list[Part],
        options: SolveOptions,
        log: Callable[[str], None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.matrix, self.parts, self.options, self.log, self.on_progress = matrix, parts, options, log, on_progress
        self.start = time.monotonic()
        self.answers: dict[bytes, Outcome] = {}
        self.trace: list[Progress] = []

    def outcome(self) -> Outcome:
        different = {part.same: part for part in self.parts}
        self.log(f"\ndcopt: {len(self.parts)} parts share no constraint, {len(different)} of them are different\n")
        verdict: Verdict = "optimal"
        for number, (same, part) in enumerate(different.items()):
            options = self._options(len(different) - number, stopping=verdict == "interrupted")
            self.log(f"\ndcopt: part {number + 1} of {len(different)}\n")
            answer = session.solve(part.matrix, options, log=self.log, on_progress=self._listen(part))
            self.answers[same] = answer
            if answer.verdict == "infeasible":
                return self._ended("infeasible")
            if answer.verdict != "optimal" and verdict != "interrupted":
                verdict = answer.verdict
        return self._ended(verdict)

    def _options(self, parts_left: int, *, stopping: bool) -> SolveOptions:
        left = max(0.01, self.options.time_limit_s - (time.monotonic() - self.start))
        gap = FIRST_SOLUTION if stopping else self.options.gap
        return replace(self.options, gap=gap, time_limit_s=left / parts_left)

    def _listen(self, part: Part) -> Callable[[Progress], None]:
        """Report where the whole stands, as soon as every other part has an answer."""

        def heard(progress: Progress) -> None:
            others = [self.answers.get(other.same) for other in self.parts if other.same != part.same]
            copies = len(self.parts) - len(others)
            known = [other for other in others if other is not None]
            complete = len(known) == len(others)
            incumbent = (
                sum_if_all([*(o.objective for o in known), *([progress.incumbent] * copies)]) if complete else None
            )
            bound = sum_if_all([*(o.bound for o in known), *([progress.bound] * copies)]) if complete else None
            nodes = sum(answer.nodes for answer in self.answers.values()) + progress.nodes
            seconds = time.monotonic() - self.start
            offset = self.matrix.offset
            incumbent = None if incumbent is None else incumbent + offset
            bound = None if bound is None else bound + offset
            whole = Progress(seconds, incumbent, bound, relative_gap(incumbent, bound), nodes, progress.stopping)
            self.trace.append(whole)
            self.on_progress(whole)

        return heard

    def _ended(self, verdict: Verdict) -> Outcome:
        seconds = time.monotonic() - self.start
        nodes = sum(answer.nodes for answer in self.answers.values())
        if verdict == "infeasible":
            return Outcome("infeasible", None, None, None, None, nodes, seconds, self.trace)
        answers = [self.answers[part.same] for part in self.parts]
        bound = sum_if_all([answer.bound for answer in answers])
        bound = None if bound is None else bound + self.matrix.offset
        objective = sum_if_all([answer.objective for answer in answers])
        if objective is None:
            return Outcome(verdict, None, None, bound, None, nodes, seconds, self.trace)
        values = np.zeros(self.matrix.lp.num_col_)
        for part, answer in zip(self.parts, answers, strict=True):
            values[part.columns] = answer.values
        objective += self.matrix.offset
        gap = relative_gap(objective, bound)
        return Outcome(verdict, values, objective, bound, gap, nodes, seconds, self.trace)


def sum_if_all(numbers: list[float | None]) -> float | None:
    """Return the sum, or None where a number is missing."""
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
