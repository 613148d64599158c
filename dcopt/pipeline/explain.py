"""What the pre-check finds in a problem, and what each workload could run on, before any solve."""

from __future__ import annotations

from dcopt.candidates.generate import generate
from dcopt.candidates.records import Candidates, Verdict
from dcopt.pipeline.precheck import precheck, remarks
from dcopt.problem.problem import Problem

SHOWN = 6


def explain_problem(problem: Problem) -> tuple[bool, str]:
    """Return (whether the pre-check leaves a design possible, the explanation)."""
    candidates = generate(problem)
    obstacles = precheck(problem, candidates)
    lines = [f"{problem.name}: " + ("the pre-check finds no obstacle" if not obstacles else "no design exists")]
    lines += [f"  - {obstacle}" for obstacle in obstacles]
    lines += [f"  note: {remark}" for remark in remarks(problem, candidates)]
    for workload in (*candidates.training, *candidates.serving):
        lines += ["", *_workload(candidates, workload)]
    return not obstacles, "\n".join(lines)


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
