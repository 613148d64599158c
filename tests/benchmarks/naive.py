"""The naive program: the same integer solutions as a planner would state them in an afternoon, without any strength.

It is made of the program of `dcopt.formulation` by taking away what only strengthens:

- no rows of the blocks `strength` and `ladders`;
- no plant links (a thing that stands needs at least one unit of each stage): units follow from kW, kg and rack units;
- one link a pool with a single bound (Σ of all that runs there ≤ M·open) in place of one link for each workload, one
  link a site for all its pools, one link a storage system for all that lies on it.

Candidates, steps of spares and switches, node-days of the year and all promises stay, so its optimum is the same
(tests/formulation/test_naive_program.py); its relaxation is not.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pyomo.environ as pyo
from pyomo.repn.standard_repn import generate_standard_repn

from dcopt.candidates.records import Candidates
from dcopt.formulation import build as build_module
from dcopt.formulation import ladders, strength
from dcopt.formulation.expressions import total, upper_bound
from dcopt.formulation.program import Program
from dcopt.problem.problem import Problem

STRENGTH = (strength, ladders)
PLANT_LINKS = (
    "some_choice",
    "fewest_units",
    "rack_stands",
    "pool_in_racks",
    "item_in_racks",
    "collector_needed",
    "open_has_nodes",
)
"""Rows of the blocks of the plant that every integer solution keeps anyway."""
WORKLOAD_LINKS = ("job_opens", "replica_opens", "open_is_active", "placed_on_used")
"""Rows `what ≤ bound · binary`, one for each; here one for each binary."""


def without(*blocks: ModuleType) -> AbstractContextManager[Any]:
    """Leave blocks out of every program that is built within."""
    kept = tuple(block for block in build_module.BLOCKS if block not in blocks)
    return patch.object(build_module, "BLOCKS", kept)


def naive(problem: Problem, candidates: Candidates) -> Program:
    """Return the naive program of ``problem``."""
    with without(*STRENGTH):
        program = build_module.build(problem, candidates)
    for part in program.parts:
        switch_off(part, PLANT_LINKS)
        for name in WORKLOAD_LINKS:
            _one_for_all(part, name)
    return program


def switch_off(part: Program, names: Iterable[str]) -> int:
    """Deactivate the rows of these names, and return how many there were."""
    rows = [component for name in names if (component := part.model.component(f"keep_{name}")) is not None]
    for component in rows:
        component.deactivate()
    return sum(len(component) for component in rows)


def _one_for_all(part: Program, name: str) -> None:
    """Replace all rows `expression ≤ bound · binary` of a name by their sum for each binary, with a single bound."""
    component = part.model.component(f"keep_{name}")
    by_binary: dict[Hashable, tuple[Any, list[Any]]] = {}
    for row in () if component is None else component.values():
        binary, rest = _split(row)
        by_binary.setdefault(id(binary), (binary, []))[1].append(rest)
    if component is not None:
        component.deactivate()
    for index, (binary, parts) in enumerate(by_binary.values()):
        everything = total(parts)
        part.require(f"naive_{name}", index, everything <= upper_bound(everything) * binary)


def _split(row: Any) -> tuple[Any, Any]:
    """Return (binary, what it switches on) of a row `Σ a·x − bound·binary ≤ 0`."""
    form = generate_standard_repn(row.body, quadratic=False)
    terms = list(zip(form.linear_coefs, form.linear_vars, strict=True))
    switches = [variable for coefficient, variable in terms if coefficient < 0]
    if len(switches) != 1 or form.constant or row.upper is None or pyo.value(row.upper) != 0:
        raise ValueError(f"{row.name} is no link")
    return switches[0], total(coefficient * variable for coefficient, variable in terms if coefficient > 0)
