"""A program that is stated once and asked several things: its Pyomo model with its matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dcopt.candidates.records import Candidates, Pool
from dcopt.formulation.build import build
from dcopt.formulation.program import Program
from dcopt.formulation.stages import name_of
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.interrupt import heard
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.summed import Groups


@dataclass(frozen=True)
class Stated:
    """A program with its matrix."""

    program: Program
    matrix: Matrix
    of_sites: Groups | None = field(default=None, kw_only=True)
    """The columns of which those of the matrix are the sums over all sites (one_place.py); None where they are not."""

    def values(self, values: Any, names: frozenset[str]) -> dict[str, int]:
        """Return the integers, of the columns' ``values``, that were declared under ``names``."""
        return {
            variable.name: round(value)
            for variable, value in zip(self.matrix.columns, values, strict=True)
            if name_of(variable) in names and not variable.is_continuous()
        }

    def fixed(self, values: dict[str, int]) -> dict[int, float]:
        """Return the columns that ``values`` name, for `dcopt.solve.session.solve`."""
        return {
            place: float(values[variable.name])
            for place, variable in enumerate(self.matrix.columns)
            if variable.name in values
        }

    def node_columns(self) -> dict[tuple[str, str], list[int]]:
        """Return the places of the columns that count the nodes of each (site, node); ``*`` is all sites."""
        found: dict[tuple[str, str], list[int]] = {}
        for place, variable in enumerate(self.matrix.columns):
            if name_of(variable) in ("bought", "reused"):
                pool = self.program.candidates.pools[variable.index()]
                site = pool.site if self.of_sites is None else "*"
                found.setdefault((site, pool.node.name), []).append(place)
        return found

    def opened(self, values: Any, more_than: float) -> dict[str, Pool]:
        """Return the pools that a solution opens by more than a share, by key."""
        return {
            str(variable.index()): self.program.candidates.pools[variable.index()]
            for variable, value in zip(self.matrix.columns, values, strict=True)
            if name_of(variable) == "open" and value > more_than
        }


def state(
    problem: Problem,
    candidates: Candidates,
    *,
    only_pair: bool = False,
    besides: Callable[[Program], None] = no_constraints,
) -> Stated:
    """Return the program of ``problem`` on ``candidates``; ``besides`` may add to it before it is compiled."""
    with heard():
        program = build(problem, candidates, only_pair=only_pair)
        besides(program)
        return Stated(program, compile_model(program.model))
