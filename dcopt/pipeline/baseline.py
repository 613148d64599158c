"""The baseline: the same program with one node and one fabric everywhere, and what the design saves against it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dcopt.candidates.records import Candidates
from dcopt.design.records import Baseline, Design
from dcopt.pipeline.large import solve_any
from dcopt.pipeline.solving import Listener, Solved
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions, SolverError
from dcopt.solve.side_by_side import Begun, lanes_of

if TYPE_CHECKING:
    from dcopt.pipeline.run import RunOptions

Answered = tuple[Baseline | None, str]
"""The baseline, or None and why there is none."""
INTERRUPTED = "it was interrupted"


@dataclass
class BaselineOf:
    """The baseline of one solved problem: solved when it is asked for, or begun before, beside other work."""

    problem: Problem
    candidates: Candidates
    solving: SolveOptions
    options: RunOptions
    solved: Solved
    listener: Listener
    begun: Begun[Answered] | None = field(default=None, init=False)
    skipped: bool = field(default=False, init=False)

    def of(self, problem: Problem, candidates: Candidates, solved: Solved) -> BaselineOf:
        """Return the baseline of another problem and its design; this one where they are the same."""
        if solved is self.solved:
            return self
        return replace(self, problem=problem, candidates=candidates, solved=solved)

    def begin(self) -> None:
        """Begin to solve it beside what comes, where it is to be solved and more than one thread may be used."""
        if self._told() is None and lanes_of(self.solving) > 1:
            self.begun = Begun(self._solved)

    def stop(self) -> None:
        """Stop what was begun: it may be begun anew."""
        if self.begun is not None:
            self.begun.give_up()
            self.begun = None

    def skip(self) -> None:
        """Stop what was begun for good: Ctrl-C was pressed."""
        self.stop()
        self.skipped = True

    def result(self) -> Answered:
        """Return the baseline, or None and why there is none."""
        told = self._told()
        if told is not None:
            return told
        if self.skipped:
            return None, INTERRUPTED
        self.listener.phase("baseline: one node and one fabric everywhere (Ctrl-C skips it)")
        try:
            return self._solved() if self.begun is None else self.begun.result()
        except KeyboardInterrupt:
            return None, INTERRUPTED

    def _told(self) -> Answered | None:
        """Return what is known without solving anything."""
        design, solved = self.solved.design, self.solved
        if not self.options.baseline:
            return None, "not asked for"
        if self.problem.settings.objective != "tco":
            return None, "the baseline is priced only where the objective is the TCO"
        if solved.stopped_by == "interrupted":
            return None, "the solve was interrupted"
        if design is None:
            return None, "there is no design to hold against it"
        pairs = {(pool.node, pool.fabric) for pool in design.pools}
        if len(pairs) == 1 and solved.bound is not None:
            return _itself(design, *pairs.pop(), solved.bound), ""
        return None

    def _solved(self) -> Answered:
        """Solve the same program with one (node, fabric) pair everywhere, in half the time."""
        assert self.solved.design is not None
        self.listener.log("\ndcopt: baseline, one node and one fabric everywhere\n")
        half = SolveOptions(self.solving.gap, self.solving.time_limit_s / 2, self.solving.threads, self.solving.seed)
        log = Listener(self.listener.log)
        try:
            alone = solve_any(
                self.problem, self.candidates, half, log, only_pair=True, cutoffs=self.options.user_constraints
            )
        except SolverError as error:
            return None, f"the solver failed: {error}"
        if alone.design is None and alone.stopped_by == "interrupted":
            return None, INTERRUPTED
        if alone.design is None or alone.bound is None or not alone.design.pools:
            reasons = {
                "infeasible": "no design has the same node and fabric everywhere",
                "no_solution": "none was found within half the time limit",
            }
            return None, reasons.get(alone.status, "it needs no nodes")
        tco, mine = alone.design.tco_usd or 0.0, self.solved.design.tco_usd or 0.0
        pool = alone.design.pools[0]
        return (
            Baseline(
                node=pool.node,
                fabric=pool.fabric,
                tco_usd=tco,
                objective_bound=alone.bound,
                gap=alone.design.gap or 0.0,
                saving_usd=tco - mine,
                saving_proven_usd=alone.bound - mine,
            ),
            "",
        )


def _itself(design: Design, node: str, fabric: str, bound: float) -> Baseline:
    """A design of one pair is its own baseline, and a bound on all designs is one on those of one pair."""
    tco = design.tco_usd or 0.0
    return Baseline(
        node=node,
        fabric=fabric,
        tco_usd=tco,
        objective_bound=bound,
        gap=design.gap or 0.0,
        saving_usd=0.0,
        saving_proven_usd=bound - tco,
    )
