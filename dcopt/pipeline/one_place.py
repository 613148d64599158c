"""All sites as one place: a relaxation of a program in which columns that differ in their site alone are one.

Where work may go to several sites that cost nearly the same, a program has as many copies of everything as there are
sites, a relaxation spreads the work over them so that nothing is worth branching on, and it makes no difference which
copy is branched on. As one place (solve/summed.py) the program is as large as that of one site:

    one active site        that site's program, at the best prices and with the limits of any of them
    m active sites         m choices of each stage of the plant, m of each rack, at least as much of everything

What it loses is what prices and limits of the sites differ by, and that m sites split what they share as they like.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dcopt.candidates.records import Candidates
from dcopt.formulation.stages import name_of
from dcopt.pipeline.stated import Stated
from dcopt.problem.problem import Problem
from dcopt.solve.derived import with_bounds
from dcopt.solve.matrix import Matrix
from dcopt.solve.summed import Groups, numbered, summed

OF_JOBS = frozenset({"train"})
"""Variables whose key begins with a job and the number of one of its candidates."""
OF_SERVICES = frozenset(
    {
        "replicas",
        "carried_load",
        "band",
        "banded",
        "then",
        "awake",
        "awake_band",
        "awake_banded",
        "spread",
        "dealt",
        "nodes_each",
        "lost",
    }
)
"""Those whose key begins with a service and the number of one of its candidates."""


@dataclass(frozen=True)
class Sites:
    """Designs that have at least and at most so many of some sites; ``as_one``: bounded with these as one place."""

    names: tuple[str, ...]
    least: int
    most: int
    as_one: bool = True


def owned_sites(problem: Problem, candidates: Candidates) -> tuple[str, ...]:
    """Return the sites of a program, if there are several and all are places to build at: no cloud, no colocation."""
    sites = tuple(dict.fromkeys(pool.site for pool in candidates.pools.values()))
    owned = all(problem.sites[name].kind == "owned" for name in problem.sites)
    rented = any(pool.rented for pool in candidates.pools.values())
    return sites if len(sites) > 1 and owned and not rented else ()


def as_one_place(stated: Stated, sites: Sites) -> Stated:
    """Return the program in which columns that differ in their site alone are one, with so many active sites."""
    matrix = stated.matrix
    places = _Places(stated.program.candidates, sites)
    groups = _groups_of_columns(matrix, places)
    small = summed(matrix, groups, _groups_of_rows(matrix, places))
    active = [place for place, variable in enumerate(small.columns) if name_of(variable) == "active_site"]
    bounds = {place: (float(sites.least), float(sites.most)) for place in active[:1]} if len(active) == 1 else {}
    return replace(stated, matrix=with_bounds(small, bounds), of_sites=Groups(matrix.columns, groups))


def _groups_of_columns(matrix: Matrix, places: _Places) -> Any:
    """Return the number of the group of each column, for `dcopt.solve.summed.summed`."""

    def key(variable: Any) -> Hashable:
        name, index = name_of(variable), variable.index()
        return name, places.of_candidate(name, index) or places.neutral(index)

    return numbered([key(variable) for variable in matrix.columns])


class _Places:
    """What indexes of columns and rows are without their sites."""

    def __init__(self, candidates: Candidates, sites: Sites) -> None:
        self.words = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sites.names))
        self.of = {
            (table, workload, number): (table, self.neutral(way.pool.key), count)
            for table, ways in (("training", candidates.training), ("inference", candidates.serving))
            for workload, of_workload in ways.items()
            for number, (way, count) in enumerate(_counted(of_workload))
        }

    def of_candidate(self, name: str, index: Any) -> Hashable | None:
        """Return the index of a variable of a candidate, by which of its pool's candidates it is; None for others."""
        table = "training" if name in OF_JOBS else "inference" if name in OF_SERVICES else None
        return None if table is None else (index[0], self.of[table, index[0], index[1]], *index[2:])

    def neutral(self, index: Any) -> Any:
        """Return an index in which no site is named."""
        if isinstance(index, tuple):
            return tuple(self.neutral(part) for part in index)
        return self.words.sub("*", index) if isinstance(index, str) else index


def _counted(ways: Any) -> list[tuple[Any, int]]:
    """Return each way with how many come before it on the same pool."""
    seen: dict[str, int] = {}
    found = []
    for way in ways:
        count = seen.get(way.pool.key, 0)
        seen[way.pool.key] = count + 1
        found.append((way, count))
    return found


def _groups_of_rows(matrix: Matrix, places: _Places) -> Any:
    """Return the number of the group of each row: of one constraint, at one place or of one place's candidate."""
    starts, columns = np.asarray(matrix.lp.a_matrix_.start_), np.asarray(matrix.lp.a_matrix_.index_)

    def key(number: int) -> Hashable:
        constraint, side = matrix.rows[number]
        index = constraint.index()
        if isinstance(index, tuple) and len(index) > 1 and isinstance(index[1], int):
            for place in columns[starts[number] : starts[number + 1]]:
                variable = matrix.columns[place]
                if name_of(variable) in OF_SERVICES and variable.index()[:2] == index[:2]:
                    index = (index[0], places.of["inference", index[0], index[1]], *index[2:])
                    break
        return constraint.parent_component().local_name, side, places.neutral(index)

    return numbered([key(number) for number in range(len(matrix.rows))])
