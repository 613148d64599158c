"""Whether a program has a design, without looking for a good one.

Part by part where it falls apart: first its linear relaxation, as what that excludes no design can have; then whole
numbers, with limits that give way (`dcopt.solve.elastic`). What is found is held against the program as it is, with its
integers rounded, and against the calendar. Where that does not end in an answer the program is solved for its cost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dcopt.candidates.coarse import coarse
from dcopt.candidates.lesser import hardest_of, kinds_of, of_kinds, on_pools, with_ways
from dcopt.candidates.records import Candidates
from dcopt.formulation.extract import fewest, load_values
from dcopt.formulation.program import Program
from dcopt.pipeline.calendar import calendar_of
from dcopt.pipeline.first_design import first_design
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.pipeline.stated import Stated, state
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve import session
from dcopt.solve.elastic import Elastic, elastic, relaxed_bound
from dcopt.solve.integers import polish
from dcopt.solve.interrupt import heard
from dcopt.solve.matrix import Matrix
from dcopt.solve.parts import Part, parts_of
from dcopt.solve.session import Outcome, Progress, SolveOptions, SolverError

GIVE_WAY = (
    "power_limit",
    "positions",
    "capex_limit",
    "carbon_limit",
    "water_limit",
    "offer_most",
    "vendor_share",
    "embodied_limit",
    "hall_kw",
    "hall_positions",
)
"""Constraints on quantities that more can be had of, so that without them any way to run the work is a design."""
FINE = 1e-9
"""Share of a limit by which a solution may exceed it and still be held against the program as it is."""
PROOF = 1e-6
"""Relative room above what a design can cost at most, from which a bound proves that there is none."""
SMALL = 12_000
"""Columns up to which the linear relaxation is solved by itself first."""
STEPS_FROM = 1500
"""Ways to run workloads, over all years, from which smaller programs are asked first."""


@dataclass(frozen=True)
class Decision:
    """Whether there is a design (None: not decided); ``part`` is one of several parts that has none by itself."""

    possible: bool | None
    part: Part | None = None


@dataclass(frozen=True)
class Divided(Stated):
    """A program with its matrix, and the parts that the matrix falls apart into."""

    parts: list[Part]


@dataclass(frozen=True)
class _Points:
    """Whether a program has a solution (None: not decided), one of them, or a part that has none by itself."""

    possible: bool | None
    values: Any = None
    part: Part | None = None


def decide(
    problem: Problem,
    candidates: Candidates,
    options: SolveOptions,
    log: Callable[[str], None] = lambda text: None,
    user_constraints: Callable[[Program], None] = no_constraints,
) -> Decision:
    """Return whether the program of ``problem`` has a design, as far as the time limit allows.

    Raises
    ------
    SolverError: HiGHS failed.
    """
    ends = time.monotonic() + options.time_limit_s

    def left(share: float = 1.0) -> SolveOptions:
        return replace(options, time_limit_s=max(0.01, share * (ends - time.monotonic())))

    if user_constraints is no_constraints and is_worth_steps(candidates):
        decision = _by_steps(problem, candidates, left, log)
        if decision.possible is not None:
            return decision
    stated = divided(problem, candidates, user_constraints)
    points = _points(stated, left(), log)
    if points.possible is False:
        return Decision(False, points.part)
    if points.possible and _is_a_design(stated, points.values, log):
        return Decision(True)
    solved = solve_program(problem, candidates, replace(left(), gap=1.0), Listener(log), cutoffs=user_constraints)
    if solved.design is not None:
        return Decision(True)
    if solved.stopped_by == "interrupted":
        raise KeyboardInterrupt
    return Decision(False if solved.status == "infeasible" else None)


def is_worth_steps(candidates: Candidates) -> bool:
    """Whether a coarse program of one year is much smaller than the whole."""
    ways = sum(map(len, (*candidates.training.values(), *candidates.serving.values())))
    return not candidates.epochs and len(candidates.periods) > 1 and ways * len(candidates.periods) >= STEPS_FROM


def _by_steps(
    problem: Problem,
    candidates: Candidates,
    left: Callable[[float], SolveOptions],
    log: Callable[[str], None],
) -> Decision:
    """Decide on smaller programs, where they do: one that has a solution for every design, and one of few pools.

    What is bought once serves every year, so a design is also one of the hardest year alone, with coarse pools.
    """
    stated = divided(problem, hardest(problem, candidates))
    for part in {part.same: part for part in stated.parts}.values():
        if _is_excluded(stated, part.matrix, left(0.3)):
            return Decision(False, part if len(stated.parts) > 1 else None)
    try:
        found = first_design(problem, candidates, left(0.5), Listener(log))
    except StoppedError:
        raise KeyboardInterrupt from None
    except SolverError:
        found = None
    if found is not None:
        return Decision(True)
    points = _points(stated, left(0.5), log)
    if points.possible is False:
        return Decision(False, points.part)
    if points.values is None:
        return Decision(None)
    lesser = divided(problem, around(problem, candidates, stated, points.values))
    points = _points(lesser, left(0.5), log)
    if points.possible and _is_a_design(lesser, points.values, log):
        return Decision(True)
    return Decision(None)


def _is_excluded(stated: Stated, matrix: Matrix, options: SolveOptions) -> bool:
    """Whether not even fractions of everything keep all limits of a part, where that is small enough to ask."""
    if matrix.lp.num_col_ > SMALL:
        return False
    given = elastic(matrix, rows_of(stated.program, matrix, lambda name: name in GIVE_WAY))
    bound = relaxed_bound(given.matrix, options.time_limit_s)
    return bound is not None and bound > _too_much(given)


def _too_much(given: Elastic) -> float:
    return given.most + PROOF * max(1.0, given.most)


def hardest(problem: Problem, candidates: Candidates) -> Candidates:
    """Return the coarse candidates of the hardest year."""
    return coarse(problem, candidates, (replace(hardest_of(candidates), index=0),))


def around(problem: Problem, candidates: Candidates, stated: Stated, values: Any) -> Candidates:
    """Return the candidates on nodes at the sites where a solution of the coarse program has them."""
    keys = of_kinds(candidates, kinds_of(stated.opened(values, 0.5).values()))
    return with_ways(problem, candidates, *on_pools(candidates.training, candidates.serving, keys))


def divided(
    problem: Problem, candidates: Candidates, user_constraints: Callable[[Program], None] = no_constraints
) -> Divided:
    """Return the program of ``problem`` on ``candidates`` with its matrix and the parts into which it falls."""
    stated = state(problem, candidates, besides=user_constraints)
    with heard():
        return Divided(stated.program, stated.matrix, parts_of(stated.matrix))


def _points(stated: Divided, options: SolveOptions, log: Callable[[str], None]) -> _Points:
    """Return whether a program has a solution, part by part; equal parts are asked once."""
    ends = time.monotonic() + options.time_limit_s
    answers: dict[bytes, Any] = {}
    undecided = False
    for part in {part.same: part for part in stated.parts}.values():
        limited = replace(options, time_limit_s=max(0.01, ends - time.monotonic()))
        found = _point_of(stated, part.matrix, limited, log)
        if found is False:
            return _Points(False, part=part if len(stated.parts) > 1 else None)
        undecided = undecided or found is None
        answers[part.same] = found
    if undecided:
        return _Points(None)
    values = np.zeros(stated.matrix.lp.num_col_)
    for part in stated.parts:
        values[part.columns] = answers[part.same]
    return _Points(True, values)


def unless_interrupted(outcome: Outcome, *, meant: bool = False) -> Outcome:
    """Return an outcome; one that Ctrl-C ended, and not what was ``meant`` to end it, raises KeyboardInterrupt."""
    if outcome.verdict == "interrupted" and not meant:
        raise KeyboardInterrupt
    return outcome


def _point_of(stated: Stated, matrix: Matrix, options: SolveOptions, log: Callable[[str], None]) -> Any:
    """Return a solution of a part, False where there is none, None where that was not decided.

    That there is none is proven by the linear relaxation, or found once with and once without presolve.
    """
    ends = time.monotonic() + options.time_limit_s
    if _is_excluded(stated, matrix, options):
        return False
    given = elastic(matrix, rows_of(stated.program, matrix, lambda name: name in GIVE_WAY))
    found: Any = None
    for presolve in ("choose", "off"):
        limited = replace(options, gap=1e-7, time_limit_s=max(0.01, ends - time.monotonic()))
        found = _looked_for(matrix, given, limited, presolve, log)
        if found is not False:
            break
    return found


def _looked_for(
    matrix: Matrix, given: Elastic, options: SolveOptions, presolve: str, log: Callable[[str], None]
) -> Any:
    place, too_much = given.columns, _too_much(given)
    enough = _Enough(lambda values: bool((values[place] <= FINE).all()), too_much)
    outcome = session.solve(given.matrix, options, log=log, presolve=presolve, enough=enough)
    unless_interrupted(outcome, meant=enough.said)
    if outcome.verdict == "infeasible":
        return False
    if outcome.values is not None and (outcome.values[place] <= FINE).all():
        return outcome.values[: matrix.lp.num_col_]
    return False if outcome.bound is not None and outcome.bound > too_much else None


class _Enough:
    """Ends a solve at a solution that will do, or at a bound that no such solution has."""

    def __init__(self, will_do: Callable[[Any], bool], too_much: float) -> None:
        self.will_do, self.too_much, self.said = will_do, too_much, False

    def __call__(self, progress: Progress, values: Any) -> bool:
        found = values is not None and self.will_do(values)
        self.said = self.said or found or (progress.bound is not None and progress.bound > self.too_much)
        return self.said


def rows_of(program: Program, matrix: Matrix, chosen: Callable[[str], bool], row: str = "") -> list[int]:
    """Return the rows of a matrix that are limits of the planner (of ``row`` alone, if given), body ≤ limit."""
    found = []
    for place, entry in enumerate(matrix.rows):
        constraint, side = entry
        name = constraint.parent_component().local_name.removeprefix("keep_")
        group = program.groups.get(constraint.name)
        if side == 1 and chosen(name) and group is not None and row in ("", group.row):
            found.append(place)
    return found


def _is_a_design(stated: Stated, values: Any, log: Callable[[str], None]) -> bool:
    """Whether a solution holds with its integers rounded, and a calendar keeps its jobs."""
    columns = stated.matrix.columns
    try:
        values, _ = polish(stated.matrix, fewest(stated.program, columns, values), math.inf, log=log)
    except SolverError:
        return False
    load_values(columns, values)
    return not any(calendar_of(part).conflicts for part in stated.program.parts)
