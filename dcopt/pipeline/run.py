"""The main job: a problem becomes a proven design with its baseline and its explanation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from dcopt.candidates.generate import generate
from dcopt.candidates.priced import Kind, with_just
from dcopt.candidates.records import Candidates
from dcopt.design.records import Design
from dcopt.design.simulation import SimulatedService
from dcopt.economics.yearly import financing_cases, yearly
from dcopt.formulation.program import Program
from dcopt.pipeline.baseline import BaselineOf
from dcopt.pipeline.confidence import confidence_case, with_promises
from dcopt.pipeline.correcting import Checked, correct
from dcopt.pipeline.findings import binding_of, rejected_of, ways_out
from dcopt.pipeline.foresight import rolling
from dcopt.pipeline.large import solve_any
from dcopt.pipeline.night import night_case
from dcopt.pipeline.precheck import precheck, remarks
from dcopt.pipeline.residual import residual_cases
from dcopt.pipeline.rules import rules_of_thumb
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.pipeline.warmth import Warmth
from dcopt.pipeline.wider import more_that_helps
from dcopt.problem.problem import Problem
from dcopt.solve.interrupt import heard
from dcopt.solve.session import SolveOptions, relative_gap


@dataclass(frozen=True)
class RunOptions:
    """What a user may ask of a solve; None takes the problem's own setting."""

    time_limit_s: float | None = None
    gap: float | None = None
    threads: int = 0
    seed: int = 0
    baseline: bool = True
    """Also solve the baseline, and the same problem at other residual values."""
    foresight_years: int | None = None
    """Decide each purchase knowing so many years ahead (None: the whole horizon)."""
    simulate: bool = False
    """Also simulate the services, correct rates that the simulation does not keep, and solve again."""
    simulated_requests: int = 20_000
    nodes: Mapping[Kind, int] | None = None
    """Nodes of each (site, node type) that stand, and no others (None: as many as are worth it)."""
    user_constraints: Callable[[Program], None] = no_constraints
    of_any_program: bool = False
    """Whether these constraints can be stated of programs that hold less than the whole, as those of a study can."""
    warmth: Warmth = field(default_factory=Warmth)
    """What solves before this one left, and this one leaves."""

    def solve_options(self, problem: Problem) -> SolveOptions:
        """Return what the solver is told."""
        settings = problem.settings
        return SolveOptions(
            gap=settings.mip_gap if self.gap is None else self.gap,
            time_limit_s=settings.time_limit_s if self.time_limit_s is None else self.time_limit_s,
            threads=self.threads,
            seed=self.seed,
            start=self.warmth.start_of(),
            neighbours=self.warmth.known(),
        )


@dataclass(frozen=True)
class Answer:
    """A design, the problem that it solves (with the rates that a simulation corrected), and that simulation."""

    design: Design
    problem: Problem
    simulated: tuple[SimulatedService, ...] = ()


def design_for(problem: Problem, options: RunOptions | None = None, listener: Listener | None = None) -> Design:
    """Return the design of `answer_for`."""
    return answer_for(problem, options, listener).design


def answer_for(problem: Problem, options: RunOptions | None = None, listener: Listener | None = None) -> Answer:
    """Return the cheapest design of ``problem``, or a design record that says why there is none.

    Raises
    ------
    SolverError: HiGHS failed.
    KeyboardInterrupt: Ctrl-C was pressed before HiGHS began, or twice. Within `dcopt.solve.interrupt.deferred`, one
        that comes later never loses the design.
    """
    options, listener = options or RunOptions(), listener or Listener()
    start = time.monotonic()
    listener.phase("candidates: every way in which each workload could run")
    with heard():
        only_needed = options.user_constraints is no_constraints and options.nodes is None
        candidates = generate(problem, only_needed=only_needed, memory=options.warmth.memory)
        if options.nodes is not None:
            candidates = with_just(problem, candidates, options.nodes)
        generated = time.monotonic() - start
        obstacles = (*_useless(candidates, options.nodes or {}), *map(str, precheck(problem, candidates)))
    if obstacles:
        return Answer(_none(problem, "infeasible", obstacles, generated), problem)
    solving = options.solve_options(problem)
    listener.phase("program: stating it for the solver")
    solved = _main_solve(problem, candidates, solving, listener, options)
    if options.foresight_years is not None and solved.design is not None and solved.stopped_by != "interrupted":
        solved = rolling(problem, options.foresight_years, solving, options, solved, listener)
    simulated: tuple[SimulatedService, ...] = ()
    baseline = BaselineOf(problem, candidates, solving, options, solved, listener)
    if options.simulate and problem.inference and solved.design is not None and solved.stopped_by != "interrupted":
        checked = _checked(Checked(problem, candidates, solved), solving, listener, options, baseline)
        problem, candidates, solved, simulated = checked.problem, checked.candidates, checked.solved, checked.simulated
        baseline = baseline.of(problem, candidates, solved)
    if solved.design is None:
        return Answer(_without_design(problem, solved, solving, listener, generated, options), problem)
    design = solved.design
    options.warmth.take_up(solved.program)
    simple, reason = baseline.result()
    rules = rules_of_thumb(problem, candidates, solving, options, solved, listener)
    residual = residual_cases(problem, candidates, solving, options, solved, listener)
    confidence = confidence_case(problem, solving, options, solved, listener)
    night = night_case(problem, solving, options, solved, listener)
    full = with_promises(problem, design).model_copy(
        update={
            "solve_seconds": solved.timings_s.get("highs", 0.0),
            "timings_s": {"candidates": generated, **solved.timings_s},
            "binding": binding_of(solved.program, design),
            "rejected": rejected_of(candidates, design),
            "baseline": simple,
            "baseline_reason": reason,
            "rules": rules,
            "residual": residual,
            "confidence": confidence,
            "night": night,
            "notes": remarks(problem, candidates),
        }
    )
    return Answer(
        full.model_copy(update={"finance": yearly(problem, full), "financing": financing_cases(problem, full)}),
        problem,
        simulated,
    )


def _useless(candidates: Candidates, nodes: Mapping[Kind, int]) -> tuple[str, ...]:
    """Return which of the nodes that are to stand no workload can run on."""
    usable = {(pool.site, pool.node.name) for pool in candidates.pools.values()}
    unusable = [(kind, units) for kind, units in sorted(nodes.items()) if units and kind not in usable]
    return tuple(
        f"{site}: nothing can run on the {units} {node} that are to stand there" for (site, node), units in unusable
    )


def _checked(
    first: Checked, solving: SolveOptions, listener: Listener, options: RunOptions, baseline: BaselineOf
) -> Checked:
    """Simulate the services, correct the rates that the simulation does not keep, and solve again until it does.

    The ``baseline`` is solved meanwhile, as HiGHS leaves Python's lock to the simulation; with rates that are corrected
    it is another one.
    """
    baseline.begin()
    listener.phase("simulation: every service at its peak load (Ctrl-C skips it)")
    spent = [first.solved.timings_s.get("highs", 0.0)]

    def again(problem: Problem) -> Checked:
        baseline.stop()
        listener.log(f"\ndcopt: the simulation corrected {len(problem.corrections)} rates; solving again\n")
        candidates = generate(problem, only_needed=options.user_constraints is no_constraints)
        left = replace(solving, time_limit_s=max(1.0, solving.time_limit_s - sum(spent)))
        solved = _main_solve(problem, candidates, left, listener, options)
        spent.append(solved.timings_s.get("highs", 0.0))
        return Checked(problem, candidates, solved)

    try:
        return correct(first, again, requests=options.simulated_requests, seed=options.seed)
    except KeyboardInterrupt:
        baseline.skip()
        return first
    except BaseException:
        baseline.stop()
        raise


def _main_solve(
    problem: Problem, candidates: Candidates, solving: SolveOptions, listener: Listener, options: RunOptions
) -> Solved:
    solved = solve_any(
        problem, candidates, solving, listener, cutoffs=options.user_constraints, of_any=options.of_any_program
    )
    if problem.settings.objective == "tco" or solved.design is None or solved.stopped_by:
        return solved
    return _tie_break(problem, candidates, solving, listener, options, solved)


def _tie_break(
    problem: Problem,
    candidates: Candidates,
    solving: SolveOptions,
    listener: Listener,
    options: RunOptions,
    first: Solved,
) -> Solved:
    """Among the designs that are as good as the first, within its gap, return the cheapest by TCO."""
    objective = problem.settings.objective
    assert first.design is not None
    value = first.design.objective_value or 0.0
    limit = value + abs(value) * 1e-9

    def as_good(program: Program) -> None:
        options.user_constraints(program)
        program.require("as_good", objective, program.objectives[objective] <= limit)
        program.model.objective.set_value(program.objectives["tco"])

    left = max(1.0, solving.time_limit_s - first.timings_s.get("highs", 0.0))
    least = SolveOptions(solving.gap, left, solving.threads, solving.seed)
    try:
        second = solve_program(problem, candidates, least, listener, cutoffs=as_good)
    except KeyboardInterrupt:
        return first
    if second.design is None:
        return first
    final = min(second.design.objective_value or 0.0, value)
    bound = None if first.bound is None else min(first.bound, final)
    second.design = second.design.model_copy(
        update={
            "objective_value": final,
            "objective_bound": bound,
            "gap": relative_gap(final, bound),
            "status": first.design.status,
            "stopped_by": "",
        }
    )
    second.status = first.status
    for phase, seconds in first.timings_s.items():
        second.timings_s[phase] = second.timings_s.get(phase, 0.0) + seconds
    return second


def _without_design(
    problem: Problem,
    solved: Solved,
    solving: SolveOptions,
    listener: Listener,
    generated: float,
    options: RunOptions,
) -> Design:
    if solved.status == "infeasible":
        short = SolveOptions(gap=1.0, time_limit_s=min(10.0, solving.time_limit_s), threads=solving.threads)
        diagnosis = ways_out(
            solved.program,
            short,
            listener.log,
            more=lambda: more_that_helps(problem, short, listener.log, options.user_constraints),
        )
        if problem.path.exists():
            diagnosis = (*diagnosis, f"the least changes that make a design: dcopt explain {problem.path}")
    else:
        diagnosis = (
            f"stopped ({solved.stopped_by}) before any design was found; this is no proof that there is none. "
            "Give more time (--time-limit) or a wider gap (--gap)",
        )
    return _none(problem, solved.status, diagnosis, generated).model_copy(
        update={
            "objective_bound": solved.bound,
            "stopped_by": solved.stopped_by if solved.status == "no_solution" else "",
            "size": solved.size,
            "solve_seconds": solved.timings_s.get("highs", 0.0),
            "timings_s": {"candidates": generated, **solved.timings_s},
        }
    )


def _none(problem: Problem, status: str, diagnosis: tuple[str, ...], generated: float) -> Design:
    return Design(
        problem=problem.name,
        status=status,  # type: ignore[arg-type]
        objective=problem.settings.objective,
        horizon_years=problem.settings.horizon_years,
        diagnosis=diagnosis,
        timings_s={"candidates": generated},
    )
