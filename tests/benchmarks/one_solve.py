"""One way to solve one problem, in a process of its own: times, sizes, gaps over time and peak memory as one JSON line.

    python tests/benchmarks/one_solve.py PROBLEM WAY TIME_LIMIT_S THREADS GAP

WAY is ``dcopt`` (the program as `dcopt solve` solves it, calendars included), ``naive`` (the naive program of
`naive.py` in plain HiGHS) or ``scip`` (dcopt's program, through its exported MPS file, in SCIP). The last two solve the
program before any set of jobs is cut off that no calendar keeps.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent)]

import highspy  # noqa: E402
from naive import naive  # noqa: E402

from dcopt.candidates.generate import generate  # noqa: E402
from dcopt.candidates.records import Candidates  # noqa: E402
from dcopt.formulation.build import build  # noqa: E402
from dcopt.pipeline.export_program import write_matrix  # noqa: E402
from dcopt.pipeline.large import solve_any  # noqa: E402
from dcopt.pipeline.solving import Listener  # noqa: E402
from dcopt.problem.load import load  # noqa: E402
from dcopt.problem.problem import Problem  # noqa: E402
from dcopt.solve import session  # noqa: E402
from dcopt.solve.matrix import Matrix, compile_model  # noqa: E402
from dcopt.solve.session import Progress, SolveOptions, relative_gap  # noqa: E402

WAYS = ("dcopt", "naive", "scip")
MOST_POINTS = 400
"""Points of a trace that are kept, the last ones."""
GAPS = (1e-2, 1e-3, 1e-4)
Point = tuple[float, float, float | None, float | None, int]
"""(seconds and CPU seconds since the solver began, incumbent, bound, nodes)."""


@dataclass
class Trace:
    """Where a solve stood, by the clock from its own beginning."""

    start: float = field(default_factory=time.monotonic)
    cpu_start: float = field(default_factory=time.process_time)
    points: list[Point] = field(default_factory=list)

    def take(self, incumbent: float | None, bound: float | None, nodes: int, *, anyway: bool = False) -> None:
        """Note a point, unless it says what the last one said."""
        if anyway or not self.points or self.points[-1][2:4] != (incumbent, bound):
            seconds, cpu_s = time.monotonic() - self.start, time.process_time() - self.cpu_start
            self.points.append((seconds, cpu_s, incumbent, bound, nodes))

    def take_progress(self, progress: Progress) -> None:
        """Note what HiGHS reports."""
        self.take(progress.incumbent, progress.bound, progress.nodes)


@dataclass(frozen=True)
class Ended:
    """How a solve ended: its trace, from when the solver began, and the size of what it solved."""

    verdict: str
    trace: Trace
    nodes: int
    size: dict[str, int]
    build_s: float
    cuts: int = 0
    laps: dict[str, float] = field(default_factory=dict)


def measured(path: Path, way: str, options: SolveOptions) -> dict[str, Any]:
    """Solve the problem at ``path`` and return the record."""
    begun, used = time.monotonic(), time.process_time()
    problem = load(path)
    loaded = time.monotonic()
    candidates = generate(problem)
    generated, used_by_candidates = time.monotonic(), time.process_time()
    ended = {"dcopt": by_dcopt, "naive": by_naive, "scip": by_scip}[way](problem, candidates, options)
    finished, used_by_all = time.monotonic(), time.process_time()
    points = ended.trace.points
    last: Point = points[-1] if points else (0.0, 0.0, None, None, 0)
    at_root = [point for point in points if point[4] <= 1 and point[3] is not None]
    return {
        "load_s": round(loaded - begun, 3),
        "candidates_s": round(generated - loaded, 3),
        "build_s": round(ended.build_s, 3),
        "solver_s": round(last[0], 3),
        "solver_cpu_s": round(last[1], 3),
        "total_s": round(finished - begun, 3),
        "candidates_cpu_s": round(used_by_candidates - used, 2),
        "total_cpu_s": round(used_by_all - used, 2),
        "laps_s": {name: round(seconds, 3) for name, seconds in ended.laps.items()},
        **ended.size,
        "calendar_cuts": ended.cuts,
        "verdict": ended.verdict,
        "incumbent": last[2],
        "bound": last[3],
        "gap": relative_gap(last[2], last[3]),
        "root_bound": at_root[-1][3] if at_root else None,
        "first_incumbent_s": next((round(point[0], 3) for point in points if point[2] is not None), None),
        **{f"to_{gap:g}_s": time_to(points, gap, 0) for gap in GAPS},
        **{f"to_{gap:g}_cpu_s": time_to(points, gap, 1) for gap in GAPS},
        "nodes": ended.nodes,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "points": [(round(seconds, 2), round(cpu_s, 2), *rest) for seconds, cpu_s, *rest in points][-MOST_POINTS:],
    }


def time_to(points: Iterable[Point], gap: float, clock: int) -> float | None:
    """Return the seconds (clock 0) or CPU seconds (1) after which the gap was no larger than ``gap`` (None: never)."""
    for point in points:
        left = relative_gap(*point[2:4])
        if left is not None and left <= gap * (1 + 1e-6):
            return round(point[clock], 3)
    return None


def by_dcopt(problem: Problem, candidates: Candidates, options: SolveOptions) -> Ended:
    """Solve as `dcopt solve` does; all that it does once there are candidates counts as solving, building too."""
    trace = Trace()
    listener = Listener(progress=trace.take_progress)
    solved = solve_any(problem, candidates, options, listener)
    objective = None if solved.design is None else solved.design.objective_value
    trace.take(objective, solved.bound, solved.nodes, anyway=True)
    build_s = solved.timings_s.get("build", 0.0)
    names = {"columns": "variables", "rows": "constraints", "integers": "integers"}
    size = {name: solved.size.get(key, 0) for name, key in names.items()}
    size["binaries"] = binaries_of(compile_model(solved.program.model))
    cuts, laps = solved.size.get("calendar_cuts", 0), dict(solved.timings_s)
    return Ended(solved.stopped_by or solved.status, trace, solved.nodes, size, build_s, cuts, laps)


def by_naive(problem: Problem, candidates: Candidates, options: SolveOptions) -> Ended:
    """Solve the naive program in plain HiGHS."""
    return _stated(lambda: compile_model(naive(problem, candidates).model), lambda matrix: _highs(matrix, options))


def by_scip(problem: Problem, candidates: Candidates, options: SolveOptions) -> Ended:
    """Solve dcopt's program in SCIP."""
    return _stated(lambda: compile_model(build(problem, candidates).model), lambda matrix: _scip(matrix, options))


def _stated(state: Callable[[], Matrix], run: Callable[[Matrix], tuple[str, Trace, int]]) -> Ended:
    begun = time.monotonic()
    matrix = state()
    build_s = time.monotonic() - begun
    verdict, trace, nodes = run(matrix)
    lp = matrix.lp
    size = {"columns": int(lp.num_col_), "rows": int(lp.num_row_), "integers": matrix.integer_columns}
    return Ended(verdict, trace, nodes, {**size, "binaries": binaries_of(matrix)}, build_s)


def binaries_of(matrix: Matrix) -> int:
    """Return how many integer columns lie within [0, 1]."""
    lp = matrix.lp
    whole = highspy.HighsVarType.kInteger
    bounds = zip(lp.integrality_, lp.col_lower_, lp.col_upper_, strict=True)
    return sum(1 for kind, low, high in bounds if kind == whole and low >= 0 and high <= 1)


def _highs(matrix: Matrix, options: SolveOptions) -> tuple[str, Trace, int]:
    trace = Trace()
    outcome = session.solve(matrix, options, on_progress=trace.take_progress)
    trace.take(outcome.objective, outcome.bound, outcome.nodes, anyway=True)
    return outcome.verdict, trace, outcome.nodes


def _scip(matrix: Matrix, options: SolveOptions) -> tuple[str, Trace, int]:
    import pyscipopt

    model = pyscipopt.Model()
    model.hideOutput()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.mps"
        write_matrix(matrix, path)
        model.readProblem(str(path))
    for name, value in (("limits/gap", options.gap), ("limits/time", options.time_limit_s)):
        model.setParam(name, value)
    trace = Trace()

    class Listening(pyscipopt.Eventhdlr):  # type: ignore[misc]
        def eventinit(self) -> None:
            for kind in (pyscipopt.SCIP_EVENTTYPE.BESTSOLFOUND, pyscipopt.SCIP_EVENTTYPE.NODESOLVED):
                self.model.catchEvent(kind, self)

        def eventexec(self, event: Any) -> None:
            _take(trace, self.model)

    model.includeEventhdlr(Listening(), "gaps", "notes incumbent and bound")
    model.optimize()
    _take(trace, model, anyway=True)
    verdicts = {"optimal": "optimal", "gaplimit": "optimal", "timelimit": "time limit", "infeasible": "infeasible"}
    return verdicts.get(model.getStatus(), model.getStatus()), trace, int(model.getNTotalNodes())


def _take(trace: Trace, model: Any, *, anyway: bool = False) -> None:
    most = model.infinity()
    values = (float(model.getPrimalbound()), float(model.getDualbound()))
    incumbent, bound = (value if abs(value) < most else None for value in values)
    trace.take(incumbent, bound, int(model.getNTotalNodes()), anyway=anyway)


def main() -> None:
    """Measure what the arguments name."""
    path, way, limit, threads, gap = Path(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:6])
    options = SolveOptions(gap=gap, time_limit_s=limit, threads=int(threads))
    print(json.dumps(measured(path, way, options)))


if __name__ == "__main__":
    main()
