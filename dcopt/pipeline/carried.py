"""The integers of one program's solution as the start of another with other candidates of the same problem."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from dcopt.candidates.records import Candidates
from dcopt.formulation.program import Program
from dcopt.formulation.stages import SUMS, WORKLOADS, name_of

_OF_JOBS = frozenset({"train"})
_OF_SERVICES = frozenset({"replicas", "banded", "band"})
"""Variables whose key begins with a workload and the place of a candidate among its candidates."""
_ABSENT = (WORKLOADS | {"bought"}) - SUMS
"""What is 0 where it is not there."""


def carried_over(solved: Program, program: Program) -> dict[str, float]:
    """Return values for the integers of ``program``, by the names of its variables.

    A variable that stands for the same thing in both takes the value of ``solved``; ways to run a workload are the same
    where the candidate is. A way, pool or purchase that ``solved`` does not have is 0; sums over pools and whatever
    else it does not have are left to the solver.
    """
    values = {
        (name_of(variable), variable.index()): round(variable.value)
        for variable in solved.model.component_data_objects(pyo.Var)
        if variable.value is not None and not variable.is_continuous()
    }
    places = _places(solved.candidates)
    start: dict[str, float] = {}
    for variable in program.model.component_data_objects(pyo.Var):
        if variable.is_continuous():
            continue
        name, key = name_of(variable), variable.index()
        if name in _OF_JOBS | _OF_SERVICES:
            of_workload = program.candidates.training if name in _OF_JOBS else program.candidates.serving
            place = places.get(id(of_workload[key[0]][key[1]]))
            key = (key[0], place, *key[2:])
        value = values.get((name, key), 0 if name in _ABSENT else None)
        if value is not None and name not in SUMS:
            start[variable.name] = float(value)
    return start


def _places(candidates: Candidates) -> dict[int, Any]:
    """Return the place of each candidate among those of its workload, by the identity of the candidate."""
    ways = (*candidates.training.values(), *candidates.serving.values())
    return {id(candidate): place for of_workload in ways for place, candidate in enumerate(of_workload)}
