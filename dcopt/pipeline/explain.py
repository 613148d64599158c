"""Whether a problem has a design, what keeps it from one, and what each workload could run on."""

from __future__ import annotations

from collections.abc import Callable

from dcopt.candidates.records import Candidates, Verdict
from dcopt.pipeline.conflict import Oracle, OutOfTimeError, collision_of
from dcopt.pipeline.fewer import by_parts
from dcopt.pipeline.precheck import precheck, remarks
from dcopt.pipeline.ways_out import sentences, ways_by_limits, ways_out_of
from dcopt.problem.problem import Problem

SHOWN = 6
FOR_LIMITS = 0.4
"""Share of the time that is kept for the ways out by limits alone, where what collides is not found in the rest."""
NOT_FOUND = "which promises collide was not found in the time: give more with --time-limit"


def explain_problem(
    problem: Problem, seconds: float = 120.0, on_question: Callable[[str], None] = lambda text: None
) -> tuple[bool | None, str]:
    """Return (whether there is a design, None where that was not decided in ``seconds``; the explanation).

    Without a design it names the promises that collide and the least changes that make one, each proven by a solve.

    Raises
    ------
    SolverError: HiGHS failed.
    """
    oracle = Oracle(seconds, each_s=seconds / 4, on_question=on_question)
    candidates = oracle.candidates_of(problem)
    obstacles = precheck(problem, candidates)
    possible = False if obstacles else oracle.has_design(problem, "as it stands")
    heads = {True: "a design exists", False: "no design exists", None: f"not decided in {seconds / 4:g} s"}
    lines = [f"{problem.name}: {heads[possible]}"]
    lines += [f"  - {obstacle}" for obstacle in obstacles]
    if possible is False:
        lines += [f"  - {sentence}" for sentence in _collision(problem, oracle)]
    lines += [f"  note: {remark}" for remark in remarks(problem, candidates)]
    for workload in (*candidates.training, *candidates.serving):
        lines += ["", *_workload(candidates, workload)]
    return possible, "\n".join(lines)


def _collision(problem: Problem, oracle: Oracle) -> tuple[str, ...]:
    searching = oracle.with_less(1.0 - FOR_LIMITS)
    try:
        found = by_parts(problem, oracle, searching)
        if found is not None:
            return found
        collision = collision_of(problem, searching)
    except OutOfTimeError:
        ways = ways_by_limits(problem, oracle)
        return (NOT_FOUND, *(f"a design exists with {way}" for way in ways))
    ways, all_tried = ways_out_of(problem, collision, oracle)
    return sentences(collision, ways, all_tried=all_tried)


def _workload(candidates: Candidates, workload: str) -> list[str]:
    """Return the best of each node for a workload, nearest first."""
    best: dict[str, Verdict] = {}
    for verdict in candidates.verdicts:
        if verdict.workload == workload:
            known = best.get(verdict.node)
            if known is None or (verdict.shortfall, -verdict.candidates) < (known.shortfall, -known.candidates):
                best[verdict.node] = verdict
    able = [v for v in best.values() if v.candidates]
    unable = sorted((v for v in best.values() if not v.candidates), key=lambda v: v.shortfall)
    lines = [f"{workload}: {len(able)} of {len(best)} nodes can keep its promises"]
    lines += [
        f"  {v.node} on {v.fabric} at {v.site}: {v.best}" for v in sorted(able, key=lambda v: v.shortfall)[:SHOWN]
    ]
    lines += [f"  not {v.node} on {v.fabric} at {v.site}: {v.reason}" for v in unable[:SHOWN]]
    return lines
