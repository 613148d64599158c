"""What training on the nodes that services leave at night saves against keeping every job's nodes apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dcopt.candidates.generate import generate
from dcopt.design.records import NightCase
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.day import windows_of_day
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions

if TYPE_CHECKING:
    from dcopt.pipeline.run import RunOptions


def without_nights(problem: Problem) -> Problem:
    """Return the problem with every job running all day."""
    jobs = {name: job.model_copy(update={"preemptible": False}) for name, job in problem.training.items()}
    return replace(problem, tables={**problem.tables, "training": jobs})


def night_case(
    problem: Problem, solving: SolveOptions, options: RunOptions, solved: Solved, listener: Listener
) -> NightCase | None:
    """Return what the night saves: the problem is solved again without it; None where no job may run at night.

    In a quarter of the time limit, if the main solve ended within it and the objective is the TCO.
    """
    design = solved.design
    may = any(job.preemptible for job in problem.training.values()) and windows_of_day(problem)
    if not may or design is None or design.tco_usd is None:
        return None
    unknown = NightCase(without_status="not solved in its time")
    in_time = solved.timings_s.get("highs", 0.0) < solving.time_limit_s / 4
    if not options.baseline or solved.stopped_by or problem.settings.objective != "tco" or not in_time:
        return unknown
    listener.log("\ndcopt: the same problem with every job running all day\n")
    listener.phase("without training at night: what does it save? (Ctrl-C skips it)")
    apart = without_nights(problem)
    quarter = replace(solving, time_limit_s=solving.time_limit_s / 4)
    try:
        candidates = generate(apart, only_needed=options.user_constraints is no_constraints)
        other = solve_program(apart, candidates, quarter, Listener(listener.log), cutoffs=options.user_constraints)
    except KeyboardInterrupt:
        return unknown
    if other.status == "infeasible":
        return NightCase(without_status="no design exists")
    if other.design is None or other.design.tco_usd is None or other.bound is None:
        return unknown
    return NightCase(
        without_status=other.status,
        without_tco_usd=other.design.tco_usd,
        without_objective_bound=other.bound,
        without_nodes=sum(pool.nodes for pool in other.design.pools if pool.year == 1),
        saving_usd=other.design.tco_usd - design.tco_usd,
        saving_proven_usd=other.bound - design.tco_usd,
    )
