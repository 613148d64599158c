"""Bounds by the program itself, fabrics and all years included, on what its coarse program has left of the candidates.

Where a hundred nodes are bought a node counts for little: whole numbers raise the bound of the coarse program by less
than its switches, cables and plant would cost. What is left of the candidates is few enough by then for relaxations of
the program itself:

    linear, and by it ranges of IT power and the most nodes of each kind (ranges.py), which make its links tighter
    the strategic integers whole, then everything that is bought (formulation/stages.py, DESIGN)

A solution of the last differs from a design in the ways in which workloads run alone.
"""

from __future__ import annotations

import time
from dataclasses import replace

from dcopt.candidates.lesser import ways_of
from dcopt.formulation.stages import stays
from dcopt.pipeline.bounding import WHOLE, Bounding, Relaxation
from dcopt.pipeline.left import Left
from dcopt.pipeline.solving import Solved
from dcopt.pipeline.stated import Stated

MOST_WAYS = 30_000
"""Ways to run workloads over all years beyond which stating the program takes a large part of a minute."""
ROUNDS = 2
"""Times that ranges are looked for, each within what the tighter links of those before leave."""
WORTH_IT = 5
"""Times that a linear relaxation takes to be stated and solved, in which integers may raise its bound."""
FOR_STRATEGIC = 0.5
"""Share of the time that is left which the strategic integers may take; what comes after them takes longer."""


class WithFabrics(Bounding):
    """The relaxations of the program itself; each is solved once."""

    program: Stated
    is_solved = False
    """Whether all relaxations were solved in their time."""

    def further(self, before: Left, best: Solved, value: float, ends: float, most: int | None = None) -> Left:
        """Return what is left and known, as `Bounding.further` does, and whether more such relaxations are to come.

        Where all of them were solved what is left is worth solving as it is: but whole ways of workloads are missing.
        """
        left = super().further(before, best, value, ends, most)
        return replace(left, is_to_be_refined=self.has_more, is_settled=left.is_settled or self.is_solved)

    def _begun(self, left: Left, best: Solved, limit: float, ends: float) -> Left:
        self.is_begun, self.to_come = True, []
        if ways_of(left.candidates) > MOST_WAYS:
            return left
        self.it_kw = dict(left.candidates.it_kw)
        left, seconds = self._linear_of(left, limit)
        for _ in range(ROUNDS):
            if time.monotonic() + 4 * seconds >= ends:
                break
            left = self._narrowed(left, self.program, best, limit, ends)
            left, seconds = self._linear_of(left, limit)
        if time.monotonic() + WORTH_IT * seconds < ends:
            self.to_come = [Relaxation.STRATEGIC, Relaxation.DESIGN]
        return left

    def _linear_of(self, left: Left, limit: float) -> tuple[Left, float]:
        """Return what the linear relaxation leaves, and how long it took to state and to solve it."""
        began = time.monotonic()
        self.program = self._stated(left.candidates)
        left = self._noted(left, self.program, self._linear(self.program.matrix, limit))
        return left, time.monotonic() - began

    def _bounded(self, left: Left, relaxation: Relaxation, best: Solved, limit: float, ends: float) -> Left:
        now = time.monotonic()
        until = now + (FOR_STRATEGIC if self.to_come else 1.0) * (ends - now)
        outcome = self._solved(self.program.matrix, limit, stays(WHOLE[relaxation]), until)
        if outcome.verdict != "optimal":
            self.to_come = []
        elif not self.to_come and not self.as_one:
            self.is_solved = True
        left = self._noted(left, self.program, outcome)
        if outcome.values is None or self.as_one:
            return left
        return replace(left, solution=(self.program, outcome.values))
