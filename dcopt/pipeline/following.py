"""A design that follows a solution of the coarse program of all years.

The coarse program (candidates/coarse.py) has no fabrics and few ways to run a job. Where the numbers of nodes are given
it is solved in seconds, while the program itself, which lies a percent above it, takes a minute. Of the ways to run
the workloads those are kept that the coarse solution uses: as many nodes of the same type, replicas of the same layout,
on any fabric. Their program is solved in seconds; what comes out is a design, and nothing is proven.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import with_ways
from dcopt.candidates.records import Candidates, Pool, ServingCandidate
from dcopt.formulation.stages import name_of
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.pipeline.stated import Stated, state
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions, solve

GAP = 2e-3
"""Relative gap to which both programs are solved."""
FOR_COARSE = 0.6
"""Share of the time that the coarse program may take."""


def following(
    problem: Problem, candidates: Candidates, options: SolveOptions, listener: Listener, *, only_pair: bool
) -> Solved | None:
    """Return a design on ``candidates`` that does as their coarse program does; None where the steps lead to none.

    ``options`` say how long it may take in all.

    Raises
    ------
    StoppedError: Ctrl-C was pressed. SolverError: HiGHS failed.
    """
    every = state(problem, coarse(problem, candidates, candidates.periods), only_pair=only_pair)
    limited = replace(options, gap=GAP, start=None, time_limit_s=FOR_COARSE * options.time_limit_s)
    outcome = solve(every.matrix, limited, log=listener.log, second_opinion=False)
    if outcome.verdict == "interrupted":
        raise StoppedError
    if outcome.values is None:
        return None
    left = replace(limited, time_limit_s=max(0.01, options.time_limit_s - outcome.seconds))
    solved = solve_program(
        problem, as_in(problem, candidates, every, outcome.values), left, listener, only_pair=only_pair
    )
    if solved.stopped_by == "interrupted":
        raise StoppedError
    return solved if solved.design is not None else None


def as_in(problem: Problem, candidates: Candidates, every: Stated, values: Any) -> Candidates:
    """Return the candidates that run workloads as the ``values`` of a coarse program's columns do."""
    small = every.program.candidates
    sizes: dict[str, set[tuple[str, str, int]]] = {}
    layouts: dict[str, set[tuple[object, ...]]] = {}
    for variable, value in zip(every.matrix.columns, values, strict=True):
        name = name_of(variable)
        if name == "train" and value > 0.5:
            job, number, _ = variable.index()
            way = small.training[job][number]
            sizes.setdefault(job, set()).add((*_kind(way.pool), way.nodes))
        elif name == "replicas" and value > 0.5:
            service, number, _ = variable.index()
            layouts.setdefault(service, set()).add(_layout(small.serving[service][number]))
    training = {
        job: tuple(way for way in ways if (*_kind(way.pool), way.nodes) in sizes.get(job, ()))
        for job, ways in candidates.training.items()
    }
    serving = {
        service: tuple(way for way in ways if _layout(way) in layouts.get(service, ()))
        for service, ways in candidates.serving.items()
    }
    return with_ways(problem, candidates, training, serving)


def _kind(pool: Pool) -> tuple[str, str]:
    return pool.site, pool.node.name


def _layout(way: ServingCandidate) -> tuple[object, ...]:
    return (*_kind(way.pool), way.accelerators, way.layout, way.compression, way.software, way.speculation)
