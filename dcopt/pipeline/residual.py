"""What the answer owes to the assumed residual value: the TCO at 0 and 100 %, and whether another design would win."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dcopt.candidates.records import Candidates
from dcopt.design.records import ResidualCase
from dcopt.economics.finance import Finance
from dcopt.economics.ledger import cost_of, tco_usd
from dcopt.formulation.expressions import number
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions

if TYPE_CHECKING:
    from dcopt.pipeline.run import RunOptions

EXTREMES_PCT = (0.0, 100.0)


def residual_cases(
    problem: Problem,
    candidates: Candidates,
    solving: SolveOptions,
    options: RunOptions,
    solved: Solved,
    listener: Listener,
) -> tuple[ResidualCase, ...]:
    """Return the design's TCO at the extreme residual values, and what the best design there is.

    The problem is solved again at a value that its settings do not have, in a quarter of the time limit, if the main
    solve ended within it and the objective is the TCO.
    """
    if solved.design is None:
        return ()
    ledger = solved.program.ledger.evaluated(number)
    finance = Finance.of(problem.settings)
    cases = []
    for pct in EXTREMES_PCT:
        mine = tco_usd(cost_of(ledger, replace(finance, residual=pct / 100)))
        best, changes = mine, False
        if pct != problem.settings.residual_pct:
            other = _other(problem, candidates, solving, options, solved, listener, pct)
            if other is None or other.design is None or other.status != "optimal":
                cases.append(ResidualCase(residual_pct=pct, tco_usd=mine, best_tco_usd=None, design_changes=None))
                continue
            best = min(mine, other.design.tco_usd or mine)
            changes = mine - best > solving.gap * mine and other.design.choices() != solved.design.choices()
        cases.append(ResidualCase(residual_pct=pct, tco_usd=mine, best_tco_usd=best, design_changes=changes))
    return tuple(cases)


def _other(
    problem: Problem,
    candidates: Candidates,
    solving: SolveOptions,
    options: RunOptions,
    solved: Solved,
    listener: Listener,
    pct: float,
) -> Solved | None:
    in_time = solved.timings_s.get("highs", 0.0) < solving.time_limit_s / 4
    if not options.baseline or solved.stopped_by or problem.settings.objective != "tco" or not in_time:
        return None
    listener.log(f"\ndcopt: the same problem at a residual value of {pct:g} %\n")
    settings = problem.settings.model_copy(update={"residual_pct": pct})
    quarter = replace(solving, time_limit_s=solving.time_limit_s / 4)
    listener.phase(f"residual value {pct:g} %: would another design be better? (Ctrl-C skips it)")
    try:
        return solve_program(
            replace(problem, settings=settings),
            candidates,
            quarter,
            Listener(listener.log),
            cutoffs=options.user_constraints,
        )
    except KeyboardInterrupt:
        return None
