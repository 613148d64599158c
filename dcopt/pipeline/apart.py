"""A large problem that falls apart: groups of workloads whose sites nothing binds together are problems of their own.

The program of all is then the sum of theirs. Each is far easier: ranges and bounds hold for it alone, and branching
does not have to combine what the others do. What the groups prove adds up.

A dataset at the sites of several groups may bind them together in two ways that cost next to nothing. It has one codec
everywhere: each group chooses its own, and pays for it, so that together they pay for one too many; the bound is
lowered by as much. And it has a number of copies: one at least where a job reads it, which every group sees to alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import pyomo.environ as pyo

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import hardest_year, on_pools, with_ways
from dcopt.candidates.records import TABLE_OF_PART, Candidates
from dcopt.design.records import ProgressPoint
from dcopt.formulation.build import build
from dcopt.formulation.program import Program
from dcopt.formulation.stages import WORKLOADS, name_of
from dcopt.pipeline.carried import carried_over
from dcopt.pipeline.fewer import Workload, only, workloads_in
from dcopt.pipeline.first_design import value_of
from dcopt.pipeline.large_search import LargeSearch, searched, stopped, with_bound
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.derived import without
from dcopt.solve.interrupt import heard
from dcopt.solve.matrix import compile_model
from dcopt.solve.parts import parts_of
from dcopt.solve.session import Progress, SolveOptions, relative_gap
from dcopt.solve.side_by_side import lanes_of, side_by_side
from dcopt.solve.together import sum_if_all

T = TypeVar("T")
FREE_DATA = frozenset({"codec", "place", "copy", "use", "units", "kept_at"})
"""What is decided anew where groups that share a dataset come together."""
SPARES = frozenset({"spare_step", "spare_together", "uses"})
"""What is decided anew always: how spares are counted follows from the nodes, in steps that differ where a pool may be
of another size; they are held with what is bought."""
ENOUGH_S = 10.0
"""Seconds that putting the designs of groups together may take at the least: everything in it is decided."""


@dataclass(frozen=True)
class Groups:
    """The workloads of each group, and what the groups together may pay too much, USD."""

    workloads: list[frozenset[Workload]]
    twice_usd: float


def groups_of(problem: Problem, candidates: Candidates, *, only_pair: bool) -> Groups | None:
    """Return the groups into which the program falls; None where it does not.

    What binds workloads together binds them in the coarse program of a year in which all of them run. Where something
    costs money whatever is chosen (what stands already), the costs of groups would not add up: one group.
    """
    if problem.settings.objective != "tco" or any(row.origin for row in problem.datasets.values()):
        return None
    if _connected(_sites_of(candidates)):
        return None
    with heard():
        one = build(problem, coarse(problem, candidates, (hardest_year(candidates),)), only_pair=only_pair)
        matrix = compile_model(one.model)
        cost = np.asarray(matrix.lp.col_cost_, dtype=float)
        if matrix.offset or (cost < 0).any():
            return None
        codecs = np.array([name_of(variable) == "codec" for variable in matrix.columns], dtype=bool)
        copies = [row.parent_component().local_name == "keep_copies" for row, _ in matrix.rows]
        parts = [workloads_in(part) for part in parts_of(without(matrix, codecs, copies))]
    found = [workloads for workloads in parts if workloads]
    used = _datasets_of(problem)
    several = [row for row in problem.datasets.values() if sum(bool(group & used[row.name]) for group in found) != 1]
    if not len(found) == len(parts) > 1 or any(row.min_copies > 1 or not used[row.name] for row in several):
        return None
    dearest: dict[str, float] = {}
    for place in np.flatnonzero(codecs):
        dataset = str(matrix.columns[place].index()[0])
        dearest[dataset] = max(dearest.get(dataset, 0.0), float(cost[place]))
    return Groups(found, (len(found) - 1) * sum(dearest.values()))


def _datasets_of(problem: Problem) -> dict[str, frozenset[Workload]]:
    """Return the jobs that read each dataset."""
    return {
        name: frozenset(("training", job.name) for job in problem.training.values() if job.dataset == name)
        for name in problem.datasets
    }


def _sites_of(candidates: Candidates) -> list[set[str]]:
    """Return the sites at which each workload may run."""
    jobs = [{way.pool.site for way in of_job} for of_job in candidates.training.values()]
    return jobs + [{way.pool.site for way in of_service} for of_service in candidates.serving.values()]


def _connected(sites: Iterable[set[str]]) -> bool:
    """Whether workloads that may share a site bind all sites together."""
    groups: list[set[str]] = []
    for of_workload in sites:
        joined = set(of_workload)
        apart = []
        for group in groups:
            if group & joined:
                joined |= group
            else:
                apart.append(group)
        groups = [*apart, joined]
    return len(groups) < 2


def part_of(problem: Problem, candidates: Candidates, workloads: frozenset[Workload]) -> tuple[Problem, Candidates]:
    """Return the problem of some workloads, and their candidates."""
    names = {name for _, name in workloads}
    periods = tuple(
        replace(
            period,
            jobs=tuple(job for job in period.jobs if job in names),
            loads=tuple(load for load in period.loads if load[0] in names),
        )
        for period in candidates.periods
    )
    training = {job: ways for job, ways in candidates.training.items() if job in names}
    serving = {service: ways for service, ways in candidates.serving.items() if service in names}
    read = _datasets_of(problem)
    asked = only(problem, workloads)
    datasets = {name: row for name, row in asked.datasets.items() if read[name] & workloads}
    here = set().union(*_sites_of(replace(candidates, training=training, serving=serving)))
    sites = {name: row for name, row in asked.sites.items() if name in here}
    asked = replace(asked, tables={**asked.tables, "datasets": datasets, "sites": sites})
    items = tuple(item for item in candidates.items if item.name in asked.tables[TABLE_OF_PART[item.part]])
    keys = {item.key for item in items}
    stored = replace(
        candidates,
        items=items,
        storage_options={
            key: options for key, options in candidates.storage_options.items() if key[0] in keys and key[1] in here
        },
        sites={name: facility for name, facility in candidates.sites.items() if name in here},
    )
    return asked, with_ways(asked, stored, training, serving, periods)


def solve_apart(
    problem: Problem,
    candidates: Candidates,
    groups: Groups,
    options: SolveOptions,
    listener: Listener,
    *,
    only_pair: bool,
    is_large: Callable[[Candidates], bool],
) -> Solved:
    """Solve the groups, as many at once as there are threads for, and put their designs together.

    Every group has a first design before any is made better, if it can be had.
    """
    apart = _Apart(problem, candidates, options, listener, only_pair=only_pair)
    apart.twice_usd = groups.twice_usd
    apart.lanes = min(lanes_of(options), len(groups.workloads))
    for workloads in groups.workloads:
        apart.search(*part_of(problem, candidates, workloads), is_large)
    apart.begin()
    return apart.finished()


class _Apart:
    """The searches of the groups, and what the whole makes of them."""

    def __init__(
        self, problem: Problem, candidates: Candidates, options: SolveOptions, listener: Listener, *, only_pair: bool
    ) -> None:
        self.problem, self.candidates, self.options, self.listener = problem, candidates, options, listener
        self.only_pair = only_pair
        self.began = time.monotonic()
        self.parts: list[LargeSearch] = []
        self.trace: list[ProgressPoint] = []
        self.twice_usd = 0.0
        self.lanes = 1
        self.interrupted = False

    @property
    def numbers(self) -> range:
        """The numbers of the groups."""
        return range(len(self.parts))

    def spent(self) -> float:
        """Return the seconds since the beginning."""
        return time.monotonic() - self.began

    def search(self, problem: Problem, candidates: Candidates, is_large: Callable[[Candidates], bool]) -> LargeSearch:
        """Return the search of the next group."""
        number = len(self.parts)
        listener = Listener(
            self.listener.log,
            lambda progress: self._heard(number, progress),
            lambda phase: self.listener.phase(f"group {number + 1}: {phase}"),
        )
        part = LargeSearch(
            problem,
            candidates,
            self.options,
            listener,
            only_pair=self.only_pair,
            is_large=is_large,
            lanes=max(1, lanes_of(self.options) // self.lanes),
        )
        self.parts.append(part)
        return part

    def begin(self) -> None:
        """Look for a first design of every group."""
        try:
            side_by_side([partial(self.allowed, number, LargeSearch.begin) for number in self.numbers], self.lanes)
        except (StoppedError, KeyboardInterrupt):
            if any(part.best is None for part in self.parts):
                raise KeyboardInterrupt from None
            self.interrupted = True

    def allowed(self, number: int, search: Callable[[LargeSearch], T]) -> T:
        """Search a group within its share of the time that is left.

        What is left is shared equally by it and the groups after it; with several lanes each of them has all of it.
        """
        part = self.parts[number]
        turns = math.ceil((len(self.parts) - number) / self.lanes)
        left = max(0.01, self.options.time_limit_s - self.spent()) / turns
        part.options, part.began = replace(self.options, time_limit_s=left), time.monotonic()
        return search(part)

    def _heard(self, number: int, progress: Progress) -> None:
        """Tell where the whole stands while a group is searched; until all have a design there is no incumbent."""
        others = [part.best for place, part in enumerate(self.parts) if place != number]
        values = [None if best is None else value_of(best) for best in others]
        bounds = [None if best is None else best.bound for best in others]
        incumbent, bound = (
            sum_if_all([*values, progress.incumbent]),
            sum_if_all([*bounds, progress.bound, -self.twice_usd]),
        )
        now = Progress(
            self.spent(), incumbent, bound, relative_gap(incumbent, bound), progress.nodes, progress.stopping
        )
        self.listener.progress(now)
        self.trace.append(ProgressPoint(seconds=now.seconds, incumbent=incumbent, bound=bound))

    def finished(self) -> Solved:
        """Return the best designs of all groups together, with what is proven of the whole."""
        solved = side_by_side([partial(self._finished, number) for number in self.numbers], self.lanes)
        for one in solved:
            if one.design is None:
                return self._without(one)
        return self._together(solved)

    def _finished(self, number: int) -> Solved:
        """Return the best design of a group; after a Ctrl-C the one that it has."""
        part = self.parts[number]
        if self.interrupted and part.best is not None:
            return stopped(part.best, part.spent())
        one = self.allowed(number, LargeSearch.finished)
        self.interrupted = self.interrupted or one.stopped_by == "interrupted"
        return one

    def _without(self, failed: Solved) -> Solved:
        """Return the answer where a group has no design: then the whole has none."""
        bound = sum_if_all([*(part.best.bound if part.best else None for part in self.parts), -self.twice_usd])
        return replace(failed, bound=None if failed.status == "infeasible" else bound)

    def _together(self, solved: list[Solved]) -> Solved:
        self.listener.phase("the designs of all groups together")
        whole = self._joined(solved, FREE_DATA)
        if whole.design is None:
            whole = self._joined(solved, None)
        bound = sum_if_all([*(one.bound for one in solved), -self.twice_usd])
        reasons = [one.stopped_by for one in solved if one.stopped_by]
        stopped_by = "interrupted" if "interrupted" in reasons else next(iter(reasons), "")
        if whole.design is None:
            return replace(whole, status="no_solution", bound=bound, stopped_by=stopped_by or "time limit")
        proven = with_bound(replace(whole, stopped_by=stopped_by), bound, self.options.gap)
        assert proven.design is not None
        size = {name: sum(one.size.get(name, 0) for one in solved) for name in whole.size}
        sized = replace(proven, design=proven.design.model_copy(update={"size": size}), size=size)
        ended = searched(sized, self.trace, self.spent())
        return replace(ended, nodes=sum(one.nodes for one in solved))

    def _joined(self, solved: list[Solved], free: frozenset[str] | None) -> Solved:
        """Return the whole with what the groups bought and run; ``free``: what else is decided anew (None: all)."""
        keys = {key for one in solved for key in one.program.candidates.pools}
        ways = on_pools(self.candidates.training, self.candidates.serving, keys)
        return solve_program(
            self.problem,
            with_ways(self.problem, self.candidates, *ways),
            replace(self.options, time_limit_s=max(ENOUGH_S, self.options.time_limit_s - self.spent())),
            Listener(self.listener.log),
            only_pair=self.only_pair,
            cutoffs=lambda program: _hold(program, [one.program for one in solved], free),
        )


def _hold(program: Program, parts: list[Program], free: frozenset[str] | None) -> None:
    """Fix the integers of the whole at what the programs of the parts have, but not those that are free."""
    held: dict[str, float] = {}
    for part in parts:
        for name, value in carried_over(part, program).items():
            held[name] = max(value, held.get(name, 0.0))
    for variable in program.model.component_data_objects(pyo.Var):
        name = name_of(variable)
        holds = name in WORKLOADS if free is None else name not in free
        if variable.name in held and holds and name not in SPARES:
            value = min(held[variable.name], variable.ub)
            variable.setlb(value)
            variable.setub(value)
