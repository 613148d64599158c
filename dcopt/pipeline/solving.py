"""Solve a program until its calendar holds, and turn the answer into a design with its proof."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dcopt.candidates.records import Candidates
from dcopt.design.records import Design, ProgressPoint, Status
from dcopt.formulation.build import build
from dcopt.formulation.expressions import number
from dcopt.formulation.extract import extract, fewest, load_values
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Inventory
from dcopt.pipeline.calendar import Calendar, calendar_of, cut_off, with_calendar
from dcopt.pipeline.carried import carried_over
from dcopt.pipeline.trace import points_of, thinned
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.calendar import Effort
from dcopt.solve.integers import polish
from dcopt.solve.interrupt import heard
from dcopt.solve.matrix import compile_model
from dcopt.solve.neighbours import solve
from dcopt.solve.session import Outcome, Progress, SolveOptions, relative_gap


@dataclass
class Solved:
    """A solved program. ``design`` is None where no incumbent was found; ``stopped_by`` says what ended the search."""

    design: Design | None
    program: Program
    status: Status
    bound: float | None
    stopped_by: str
    size: dict[str, int]
    timings_s: dict[str, float]
    nodes: int


@dataclass(frozen=True)
class Known:
    """What is known before a program is solved: a solution of it, a bound on every solution, and the time that took.

    The time counts as the solver's own. Where only a part of the program is to be solved (``whole`` is False) what the
    solver proves of it is no bound on every solution, and is not told.
    """

    solved: Solved | None
    bound: float | None
    seconds: float
    whole: bool = True

    def with_it(self, progress: Progress) -> Progress:
        """Return the progress of the solver together with what was known before."""
        design = None if self.solved is None else self.solved.design
        before = None if design is None else design.objective_value
        incumbent = min((v for v in (progress.incumbent, before) if v is not None), default=None)
        proven = progress.bound if self.whole else None
        bound = max((v for v in (proven, self.bound) if v is not None), default=None)
        return replace(progress, incumbent=incumbent, bound=bound, gap=relative_gap(incumbent, bound))


@dataclass
class Listener:
    """Who is told of the solver's log, of its progress and of what is being done."""

    log: Callable[[str], None] = lambda text: None
    progress: Callable[[Progress], None] = lambda progress: None
    phase: Callable[[str], None] = lambda text: None


def solve_program(
    problem: Problem,
    candidates: Candidates,
    options: SolveOptions,
    listener: Listener,
    *,
    only_pair: bool = False,
    all_stays: bool = False,
    cutoffs: Callable[[Program], None] = no_constraints,
    inventory: Inventory | None = None,
    known: Known | None = None,
) -> Solved:
    """State and solve the program of ``problem``, again and again until a calendar keeps its jobs.

    ``cutoffs`` may add constraints to the program before it is solved (the user's, or the tie-break's); ``inventory``
    decides what is bought. ``known`` is where to start from: its solution is one of this program.
    """
    known = Known(None, None, 0.0) if known is None else known
    clock = _Clock(options.time_limit_s)
    with heard():
        program = build(problem, candidates, only_pair=only_pair, all_stays=all_stays, inventory=inventory)
        cutoffs(program)
    if known.solved is not None:
        options = replace(options, start=carried_over(known.solved.program, program))
    clock.lap("build")
    clock.laps["highs"] = known.seconds
    bound = known.bound
    trusted = True
    rounds = cuts = nodes = 0
    trace: list[ProgressPoint] = []
    while True:
        with heard():
            matrix = compile_model(program.model)
        clock.lap("compile")
        outcome = solve(
            matrix,
            replace(options, time_limit_s=max(clock.left(), 0.01)),
            log=listener.log,
            on_progress=lambda progress: listener.progress(known.with_it(progress)),
        )
        trace += points_of([known.with_it(point) for point in outcome.trace], clock.laps["highs"])
        clock.lap("highs")
        rounds += 1
        nodes += outcome.nodes
        if trusted and outcome.bound is not None:
            bound = outcome.bound if bound is None else max(bound, outcome.bound)
        size = size_of(matrix, nodes, rounds, cuts)
        if outcome.values is None:
            status: Status = "infeasible" if outcome.verdict == "infeasible" and trusted else "no_solution"
            return Solved(None, program, status, bound, outcome.verdict, size, clock.laps, nodes)
        found = fewest(program, matrix.columns, outcome.values)
        values, objective = polish(matrix, found, outcome.objective or 0.0, log=listener.log)
        load_values(matrix.columns, values)
        effort = Effort(ends=time.monotonic() + clock.left())
        calendars = [(part, calendar_of(part, effort=effort)) for part in program.parts]
        clock.lap("calendar")
        conflicts = [(part, clash) for part, of_part in calendars for clash in of_part.conflicts]
        if not conflicts:
            entries = [entry for _, of_part in calendars for entry in of_part.entries]
            ended = ProgressPoint(seconds=clock.laps["highs"], incumbent=objective, bound=bound)
            design = with_calendar(extract(program), Calendar(entries))
            design = design.model_copy(update={"progress": thinned([*trace, ended])})
            clock.lap("extract")
            return _proven(design, program, options, outcome, objective, bound, size, clock.laps, nodes)
        for part, clash in conflicts:
            cut_off(part, clash, cuts)
            cuts += 1
            trusted = trusted and clash.conflict.proven
        listener.log(f"\ndcopt: no calendar keeps {len(conflicts)} sets of jobs; cut off, solving again\n")
        if outcome.verdict == "interrupted" or clock.left() <= 0:
            return Solved(None, program, "no_solution", bound, outcome.verdict, size, clock.laps, nodes)


def size_of(matrix: Any, nodes: int, rounds: int, cuts: int) -> dict[str, int]:
    """Return how large a program is, and how long it was searched."""
    return {
        "variables": int(matrix.lp.num_col_),
        "integers": matrix.integer_columns,
        "constraints": int(matrix.lp.num_row_),
        "branch_and_bound_nodes": nodes,
        "calendar_rounds": rounds,
        "calendar_cuts": cuts,
    }


def _proven(
    design: Design,
    program: Program,
    options: SolveOptions,
    outcome: Outcome,
    objective: float,
    bound: float | None,
    size: dict[str, int],
    timings: dict[str, float],
    nodes: int,
) -> Solved:
    value = number(program.objectives[program.problem.settings.objective])
    proven = None if bound is None else min(bound, value)
    gap = relative_gap(value, proven)
    within = gap is not None and gap <= options.gap * (1 + 1e-6) + 1e-9
    stopped_by = "" if outcome.verdict == "optimal" else outcome.verdict
    status: Status = "optimal" if within else "feasible"
    design = design.model_copy(
        update={
            "status": status,
            "objective_value": value,
            "objective_bound": proven,
            "gap": gap,
            "gap_target": options.gap,
            "stopped_by": stopped_by,
            "size": size,
            "timings_s": dict(timings),
        }
    )
    return Solved(design, program, status, proven, stopped_by, size, timings, nodes)


class _Clock:
    """Time spent by phase, and what is left of a limit on the time of the solver and of the search for a calendar."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.laps: dict[str, float] = {}
        self.last = time.monotonic()

    def lap(self, phase: str) -> None:
        now = time.monotonic()
        self.laps[phase] = self.laps.get(phase, 0.0) + now - self.last
        self.last = now

    def left(self) -> float:
        return self.limit_s - self.laps.get("highs", 0.0) - self.laps.get("calendar", 0.0)
