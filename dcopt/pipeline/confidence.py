"""How sure a design is of its promises, and what the asked confidence costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dcopt.candidates.generate import generate
from dcopt.design.records import ConfidenceCase, Design
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions
from dcopt.verify.reliability import promises

if TYPE_CHECKING:
    from dcopt.pipeline.run import RunOptions


def with_promises(problem: Problem, design: Design) -> Design:
    """Return the design with the probability of every promise, and of all together."""
    records, together, at_most = promises(problem, design)
    return design.model_copy(update={"promises": records, "kept_pct": together, "kept_at_most_pct": at_most})


def confidence_case(
    problem: Problem, solving: SolveOptions, options: RunOptions, solved: Solved, listener: Listener
) -> ConfidenceCase | None:
    """Return what the asked confidence costs: the problem is solved again without a margin; None where none is asked.

    In a quarter of the time limit, if the main solve ended within it and the objective is the TCO.
    """
    asked = problem.settings.confidence_pct
    if asked is None or solved.design is None:
        return None
    unknown = ConfidenceCase(confidence_pct=asked, without_tco_usd=None, without_kept_pct=None, design_changes=None)
    in_time = solved.timings_s.get("highs", 0.0) < solving.time_limit_s / 4
    if not options.baseline or solved.stopped_by or problem.settings.objective != "tco" or not in_time:
        return unknown
    listener.log("\ndcopt: the same problem without a margin for errors of prediction\n")
    listener.phase("without a margin: what does the confidence cost? (Ctrl-C skips it)")
    bare = replace(problem, settings=problem.settings.model_copy(update={"confidence_pct": None}))
    quarter = replace(solving, time_limit_s=solving.time_limit_s / 4)
    try:
        candidates = generate(bare, only_needed=options.user_constraints is no_constraints)
        other = solve_program(bare, candidates, quarter, Listener(listener.log), cutoffs=options.user_constraints)
    except KeyboardInterrupt:
        return unknown
    if other.design is None or other.status != "optimal":
        return unknown
    return ConfidenceCase(
        confidence_pct=asked,
        without_tco_usd=other.design.tco_usd,
        without_kept_pct=promises(problem, other.design)[1],
        design_changes=other.design.choices() != solved.design.choices(),
    )
