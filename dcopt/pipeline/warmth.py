"""What the solve of a neighbour leaves for the next: predictions, and the integers of its solution."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyomo.environ as pyo

from dcopt.candidates.memory import Memory
from dcopt.formulation.program import Program
from dcopt.solve.neighbours import Neighbours


@dataclass
class Warmth:
    """Carried from one solve to the next in one process.

    ``memory`` changes no answer. With ``starts`` a solve also starts from the last one's solution, so that of several
    designs within the gap another may be found than by a fresh solve, and ``neighbours`` may prove it without a search.
    """

    memory: Memory = field(default_factory=Memory)
    starts: bool = False
    incumbent: dict[str, float] = field(default_factory=dict)
    neighbours: Neighbours = field(default_factory=Neighbours)

    def start_of(self) -> dict[str, float] | None:
        """Return the values to start from, or None."""
        return self.incumbent if self.starts and self.incumbent else None

    def known(self) -> Neighbours | None:
        """Return the solves before this one, or None where none is to be used."""
        return self.neighbours if self.starts else None

    def take_up(self, program: Program) -> None:
        """Keep the integers of a program whose variables hold a solution."""
        if self.starts:
            self.incumbent = {
                variable.name: round(variable.value)
                for variable in program.model.component_data_objects(pyo.Var)
                if variable.value is not None and not variable.is_continuous()
            }
