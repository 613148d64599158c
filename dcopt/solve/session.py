"""A HiGHS session: options that are checked, live progress, a time limit, and a Ctrl-C that keeps the incumbent.

HiGHS runs in a thread of its own, so that the main thread can draw progress and catch signals
(`../shared/solver.md`: the doors of Pyomo lose the incumbent on Ctrl-C and ignore unknown options).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import highspy
import numpy as np

from dcopt.solve.interrupt import heard
from dcopt.solve.matrix import Matrix

if TYPE_CHECKING:
    from dcopt.solve.neighbours import Neighbours

Verdict = Literal["optimal", "infeasible", "time limit", "interrupted"]

TICK_S = 0.1
GRACE_S = 1.0
"""Seconds that HiGHS has to wind up after Ctrl-C: its presolve does not hear it, which may take long."""
WHOLE_TO = 1e-7
"""What HiGHS may leave of an integer. With its default of 1e-6 version 1.15.1 calls a program with coefficients below
that optimal at 166 % of its least cost (kept in tests/solve); at 1e-9 it is known to call feasible programs infeasible
(HiGHS #3258)."""


class SolverError(RuntimeError):
    """HiGHS refused an option, or ended in a way that is neither an answer nor a limit."""


@dataclass(frozen=True)
class SolveOptions:
    """What may stop a solve. ``gap`` is relative; ``threads`` 0 leaves the number to HiGHS.

    ``start`` holds values of integer columns by the names of their variables, such as those of a neighbour's solution:
    HiGHS completes and takes it as its first incumbent where it can, and else goes on without. ``neighbours`` are the
    solves of programs before this one, which may prove the answer (`dcopt.solve.neighbours`). ``nodes``: a search ends
    after so many of them as if its time were up, and never begins anew; that gives the same answer on every machine
    (1: the root and what is tried there).
    """

    gap: float = 1e-4
    time_limit_s: float = 300.0
    threads: int = 0
    seed: int = 0
    start: Mapping[str, float] | None = None
    neighbours: Neighbours | None = None
    nodes: int | None = None


@dataclass(frozen=True)
class Progress:
    """Where a solve stands: objective of the incumbent (None: none yet), proven bound, relative gap, nodes.

    ``stopping`` says that Ctrl-C was pressed and HiGHS is winding up.
    """

    seconds: float
    incumbent: float | None
    bound: float | None
    gap: float | None
    nodes: int
    stopping: bool = False


@dataclass
class Outcome:
    """How a solve ended. ``values`` are the columns of the incumbent as HiGHS gives them; None where there is none.

    ``prices`` are the duals of the rows, of a program without integers that was solved to optimality.
    """

    verdict: Verdict
    values: Any
    objective: float | None
    bound: float | None
    gap: float | None
    nodes: int
    seconds: float
    trace: list[Progress] = field(default_factory=list)
    prices: Any = None


_ABANDONED: list[threading.Thread] = []


def still_runs() -> bool:
    """Whether a solve that Ctrl-C ended is still running, as HiGHS did not hear it: the process should not wait."""
    return any(thread.is_alive() for thread in _ABANDONED)


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """Return |objective − bound| ÷ |objective| (0 for equal values, None where either is missing)."""
    if objective is None or bound is None:
        return None
    if objective == bound:
        return 0.0
    return abs(objective - bound) / abs(objective) if objective else math.inf


def solve(
    matrix: Matrix,
    options: SolveOptions,
    *,
    log: Callable[[str], None] = lambda text: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    fixed: dict[int, float] | None = None,
    presolve: str = "choose",
    method: str = "choose",
    enough: Callable[[Progress, Any], bool] | None = None,
    second_opinion: bool = True,
) -> Outcome:
    """Minimize the program; an infeasible one is solved once more without presolve before it is believed.

    Parameters
    ----------
    fixed: columns that are fixed at a value. presolve: HiGHS's option, ``choose``, ``on`` or ``off``. method: how a
    program without integers is solved, ``choose``, ``simplex`` or ``ipm``. enough: whether what is known suffices, so
    that the solve ends with the verdict 'interrupted'; asked with the columns of each new incumbent, and with None for
    them where the bound may have risen. second_opinion: False where 'infeasible' says no more than that a part of a
    search holds nothing, as HiGHS finds of its own parts.

    Raises
    ------
    SolverError: HiGHS refused an option or failed.
    KeyboardInterrupt: a second Ctrl-C, while the first was being obeyed.
    """
    outcome = _Run(matrix, options, log, on_progress, fixed or {}, presolve, method, enough).outcome()
    if outcome.verdict == "infeasible" and second_opinion:
        left = options.time_limit_s - outcome.seconds
        log("\nSecond opinion: solving without presolve\n")
        if left > 0:
            rest = replace(options, time_limit_s=left)
            second = _Run(matrix, rest, log, on_progress, fixed or {}, presolve="off", enough=enough).outcome()
            second.seconds += outcome.seconds
            return second
    return outcome


class _Run:
    """One run of HiGHS."""

    def __init__(
        self,
        matrix: Matrix,
        options: SolveOptions,
        log: Callable[[str], None],
        on_progress: Callable[[Progress], None],
        fixed: dict[int, float],
        presolve: str = "choose",
        method: str = "choose",
        enough: Callable[[Progress, Any], bool] | None = None,
    ) -> None:
        self.matrix = matrix
        self.enough = enough
        self.suffices = False
        self.incumbent: Any = None
        """Columns of the best solution so far."""
        self.log = log
        self.on_progress = on_progress
        self.cancelled = False
        self.done = threading.Event()  # not Thread.join: up to Python 3.12 a Ctrl-C in it calls a live thread dead
        self.latest: Progress | None = None
        self.trace: list[Progress] = []
        self.failure: BaseException | None = None
        self.highs = highspy.Highs()
        self._set("log_to_console", False)
        self._set("presolve", presolve)
        self._set("solver", method)
        self._set("mip_rel_gap", options.gap)
        self._set("mip_abs_gap", 1e-6)
        self._set("mip_feasibility_tolerance", WHOLE_TO)
        self._set("time_limit", options.time_limit_s)
        self._set("random_seed", options.seed)
        self._set("threads", options.threads)
        if options.nodes is not None:
            self._set("mip_max_nodes", options.nodes)
            self._set("mip_allow_restart", False)
        if self.highs.passModel(matrix.lp) == highspy.HighsStatus.kError:
            raise SolverError("HiGHS refused the program")
        for column, value in fixed.items():
            self.highs.changeColBounds(column, value, value)
        if options.start:
            self._start_from(options.start)
        self._subscribe()

    def _set(self, name: str, value: Any) -> None:
        if self.highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise SolverError(f"HiGHS does not take {name} = {value!r}")

    def _start_from(self, values: Mapping[str, float]) -> None:
        """Give HiGHS the integers of a solution; those of columns that are not there are left out."""
        integers = self.matrix.integers_by_name()
        known = [(column, values[name]) for name, column in integers.items() if name in values]
        if known:
            columns, numbers = zip(*known, strict=True)
            self.highs.setSolution(len(known), np.array(columns, dtype=np.int32), np.array(numbers, dtype=float))

    def _subscribe(self) -> None:
        self.highs.cbLogging.subscribe(lambda event: self.log(event.message))
        self.highs.cbMipLogging.subscribe(self._on_mip)
        self.highs.cbMipImprovingSolution.subscribe(self._on_incumbent)
        for callback in (self.highs.cbMipInterrupt, self.highs.cbSimplexInterrupt, self.highs.cbIpmInterrupt):
            callback.subscribe(self._on_interrupt)

    def _on_interrupt(self, event: Any) -> None:
        if self.cancelled or self.suffices:
            event.data_in.user_interrupt = True

    def _on_mip(self, event: Any) -> None:
        self.latest = _progress(event.data_out)
        self.trace.append(self.latest)
        self._ask_whether_enough(self.latest, None)

    def _on_incumbent(self, event: Any) -> None:
        self.latest = _progress(event.data_out)
        self.incumbent = np.array(event.data_out.mip_solution)
        self._ask_whether_enough(self.latest, self.incumbent)

    def _ask_whether_enough(self, progress: Progress, values: Any) -> None:
        if self.enough is not None and self.enough(progress, values):
            self.suffices = True

    def outcome(self) -> Outcome:
        start = time.monotonic()
        thread = threading.Thread(target=self._run, name="highs", daemon=True)
        thread.start()
        ends = math.inf
        while not self.done.is_set():
            if time.monotonic() > ends:
                return self._abandoned(thread, time.monotonic() - start)
            try:
                with heard():
                    self.done.wait(TICK_S)
                    if self.latest is not None:
                        seconds = time.monotonic() - start
                        self.on_progress(replace(self.latest, seconds=seconds, stopping=self.cancelled))
            except KeyboardInterrupt:
                if self.cancelled:
                    raise
                self.cancelled = True
                ends = time.monotonic() + GRACE_S
        thread.join()
        if self.failure is not None:
            raise SolverError(str(self.failure)) from self.failure
        return self._read(time.monotonic() - start)

    def _abandoned(self, thread: threading.Thread, seconds: float) -> Outcome:
        """Return what is known while HiGHS, which does not hear that it should stop, runs on by itself."""
        _ABANDONED.append(thread)
        self.log = lambda text: None
        known, trace = self.latest, list(self.trace)
        bound = None if known is None else known.bound
        if self.incumbent is None:
            return Outcome("interrupted", None, None, bound, None, 0, seconds, trace)
        values = self.incumbent
        objective = float(np.asarray(self.matrix.lp.col_cost_) @ values) + self.matrix.lp.offset_
        nodes = 0 if known is None else known.nodes
        return Outcome("interrupted", values, objective, bound, relative_gap(objective, bound), nodes, seconds, trace)

    def _run(self) -> None:
        try:
            self.highs.run()
        except BaseException as error:  # handed to the main thread, which raises it
            self.failure = error
        finally:
            self.done.set()

    def _read(self, seconds: float) -> Outcome:
        status = self.highs.getModelStatus()
        info = self.highs.getInfo()
        kinds = highspy.HighsModelStatus
        if status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
            return Outcome("infeasible", None, None, None, None, 0, seconds, self.trace)
        verdicts: dict[Any, Verdict] = {
            kinds.kOptimal: "optimal",
            kinds.kTimeLimit: "time limit",
            kinds.kSolutionLimit: "time limit",  # what HiGHS says of a limit of nodes
            kinds.kInterrupt: "interrupted",
        }
        if status not in verdicts:
            raise SolverError(f"HiGHS ended with '{self.highs.modelStatusToString(status)}'")
        is_mip = self.matrix.integer_columns > 0
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        objective = float(info.objective_function_value) if found else None
        optimal = status == kinds.kOptimal
        bound = _finite(info.mip_dual_bound) if is_mip else objective if optimal else None
        solution = self.highs.getSolution()
        values = np.array(solution.col_value) if found else None
        return Outcome(
            verdicts[status],
            values,
            objective,
            bound,
            relative_gap(objective, bound),
            int(info.mip_node_count) if is_mip else 0,
            seconds,
            self.trace,
            None if is_mip or not optimal else np.array(solution.row_dual),
        )


def _progress(out: Any) -> Progress:
    incumbent, bound = _finite(out.mip_primal_bound), _finite(out.mip_dual_bound)
    return Progress(out.running_time, incumbent, bound, relative_gap(incumbent, bound), int(out.mip_node_count))


def _finite(value: float) -> float | None:
    return float(value) if abs(value) < highspy.kHighsInf and not math.isnan(value) else None
