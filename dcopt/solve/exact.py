"""A solution held against its program in exact arithmetic: every row, every bound, every integer, the objective.

Binary fractions are rational numbers, so with `fractions` no sum is rounded: what remains is what the solver's own
tolerances left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import highspy

from dcopt.solve.matrix import Matrix

ABSOLUTE = 1e-6
RELATIVE = 1e-9
"""A row holds within `ABSOLUTE` (ten times HiGHS's own tolerance) and `RELATIVE` times its largest term."""


@dataclass(frozen=True)
class Exact:
    """What exact arithmetic finds: the objective, the worst violation ÷ its tolerance, and where it is.

    Up to a ``worst`` of 1 the solution holds.
    """

    objective: Fraction
    worst: float
    where: str

    @property
    def holds(self) -> bool:
        """Whether every row, bound and integer holds within the tolerance."""
        return self.worst <= 1.0


def exactly(matrix: Matrix, values: Any) -> Exact:
    """Hold ``values`` (one a column) against every row, bound and integer of a program.

    Raises ValueError where a value is not finite.
    """
    lp = matrix.lp
    if not all(map(math.isfinite, values)):
        raise ValueError("a value of the solution is not finite")
    x = {i: Fraction(float(value)) for i, value in enumerate(values) if value}
    worst, where = _columns(matrix, x)
    # attributes of highspy are copied at each access, so each is read once
    starts, columns, numbers = lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_
    lows, highs, costs = lp.row_lower_, lp.row_upper_, lp.col_cost_
    for row in range(lp.num_row_):
        terms = [
            Fraction(float(numbers[k])) * x[int(columns[k])]
            for k in range(starts[row], starts[row + 1])
            if int(columns[k]) in x
        ]
        largest = max((abs(float(term)) for term in terms), default=0.0)
        beyond = _beyond(sum(terms, Fraction(0)), lows[row], highs[row], largest)
        if beyond > worst:
            entry = matrix.rows[row]
            worst, where = beyond, f"row {getattr(entry[0] if isinstance(entry, tuple) else entry, 'name', row)}"
    objective = sum((Fraction(float(costs[i])) * value for i, value in x.items()), Fraction(float(lp.offset_)))
    return Exact(objective, worst, where)


def _columns(matrix: Matrix, x: dict[int, Fraction]) -> tuple[float, str]:
    """Return the worst violation of a bound, or of a whole number, ÷ its tolerance."""
    worst, where = 0.0, ""
    bounds = zip(matrix.lp.col_lower_, matrix.lp.col_upper_, matrix.lp.integrality_, strict=True)
    for column, (low, high, kind) in enumerate(bounds):
        value = x.get(column, Fraction(0))
        beyond = _beyond(value, low, high, abs(float(value)))
        if kind == highspy.HighsVarType.kInteger and value.denominator != 1:
            beyond = math.inf
        if beyond > worst:
            worst, where = beyond, f"column {getattr(matrix.columns[column], 'name', column)}"
    return worst, where


def _beyond(value: Fraction, low: float, high: float, largest: float) -> float:
    """Return by how much a value lies outside [low, high], ÷ what is tolerated there."""
    below = Fraction(low) - value if math.isfinite(low) else Fraction(0)
    above = value - Fraction(high) if math.isfinite(high) else Fraction(0)
    largest = max(largest, *(abs(end) for end in (low, high) if math.isfinite(end)), 0.0)
    return float(max(below, above, Fraction(0))) / (ABSOLUTE + RELATIVE * largest)
