"""Parts that tell designs apart: nodes, fabrics, sites and cooling units, and the cuts that ask for other ones.

part[a] ≥ open[p] for every pool p of a node, a fabric or at a site;   part[a] ≥ units ÷ most units for cooling
Σ_{a in A} part[a] ≤ |A| − 1        not all of the parts A: the next design does without at least one of them

Over several epochs a part is used where any of them uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program
from dcopt.formulation.training import chosen


def not_all(program: Program, parts: Iterable[str], key: str) -> None:
    """Exclude designs that use all of ``parts``; the cut is named ``key``."""
    names = tuple(parts)
    program.require("not_all_parts", key, total(_used(program, part) for part in names) <= len(names) - 1)


def forbid(program: Program, parts: Iterable[str]) -> None:
    """Exclude designs that use any of ``parts``."""
    for part in parts:
        for index, (variable, _) in enumerate(_users(program, part)):
            program.require("without_part", (part, index), variable <= 0)


def off_nodes(program: Program, workload: str, nodes: Iterable[str]) -> None:
    """Exclude designs that run a job or service of a program on some kinds of nodes, at whatever power cap."""
    avoided = set(nodes)
    for period in program.candidates.periods:
        for candidate, variable in chosen(program, period):
            if candidate.job == workload and candidate.pool.node.uncapped.name in avoided:
                program.require("off_nodes", variable.name, variable <= 0)
        for index, replica in enumerate(program.candidates.serving.get(workload, ())):
            key = (workload, index, period.index)
            if replica.pool.node.uncapped.name in avoided and key in (program.model.component("replicas") or {}):
                program.require("off_nodes", key, program.model.replicas[key] <= 0)


def _used(program: Program, part: str) -> Any:
    """Return a binary that is 1 where ``part`` is used."""
    component = program.model.component("part")
    if component is not None and part in component:
        return component[part]
    used = program.var("part", part, ub=1, binary=True)
    for index, (variable, most) in enumerate(_users(program, part)):
        program.require("part_used", (part, index), variable <= most * used)
    return used


def _users(program: Program, part: str) -> list[tuple[Any, float]]:
    """Return (variable, its largest value) of everything that is positive only where ``part`` is used."""
    aspect, _, name = part.partition(":")
    if aspect == "cooling":
        return _cooling(program, name)
    return [
        (part_of.model.open[key], 1.0)
        for part_of in program.parts
        for key, pool in part_of.candidates.pools.items()
        if {"node": pool.node.uncapped.name, "fabric": pool.fabric.listed.name, "site": pool.site}[aspect] == name
    ]


def _cooling(program: Program, name: str) -> list[tuple[Any, float]]:
    return [
        (variable, variable.ub)
        for part in program.parts
        for (_, stage, unit), variable in (part.model.component("plant_units") or {}).items()
        if unit == name and variable.ub and (stage == "collector" or stage.endswith("heat-rejection"))
    ]
