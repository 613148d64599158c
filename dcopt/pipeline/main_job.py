"""The command ``solve``, without its terminal: read, solve, write the RUN folder, verify what was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from dcopt.design.records import Design
from dcopt.design.simulation import SimulatedService
from dcopt.pipeline.run import RunOptions, answer_for
from dcopt.pipeline.run_folder import RunFolder, check_target
from dcopt.pipeline.solving import Listener
from dcopt.pipeline.user_constraints import user_constraints
from dcopt.problem.problem import Problem
from dcopt.solve.interrupt import deferred
from dcopt.solve.session import Progress, SolverError
from dcopt.verify.checker import Mismatch
from dcopt.verify.verify import verify_folder

EXIT_OF_STATUS = {"optimal": 0, "infeasible": 1, "feasible": 3, "no_solution": 4}
VERIFICATION_FAILED = 5


@dataclass(frozen=True)
class Finished:
    """What became of a solve: the design, what verification and simulation found, and the exit code that says so."""

    design: Design
    checks: int
    mismatches: tuple[Mismatch, ...]
    simulated: tuple[SimulatedService, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 within the gap, 1 no design exists, 3 outside the gap, 4 none found, 5 verification failed."""
        return VERIFICATION_FAILED if self.mismatches else EXIT_OF_STATUS[self.design.status]


def solve_into(
    problem: Problem,
    target: Path,
    options: RunOptions,
    *,
    force: bool = False,
    with_function: str | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_phase: Callable[[str], None] = lambda text: None,
) -> Finished:
    """Solve ``problem`` and write its RUN folder; Ctrl-C never loses a design that was found.

    Parameters
    ----------
    with_function: ``file.py:function`` that adds constraints, ``function(model, problem)``.

    Raises
    ------
    RunFolderError: the target exists and is not to be replaced.
    UserConstraintsError: the function cannot be found, or failed.
    OSError: the folder cannot be written.
    """
    check_target(target, force=force)
    if with_function is not None:
        options = replace(options, user_constraints=user_constraints(with_function, problem))
    with deferred():
        return _solve_into(problem, RunFolder(target), options, with_function, on_progress, on_phase)


def _solve_into(
    problem: Problem,
    folder: RunFolder,
    options: RunOptions,
    with_function: str | None,
    on_progress: Callable[[Progress], None],
    on_phase: Callable[[str], None],
) -> Finished:
    simulated: tuple[SimulatedService, ...] = ()
    try:
        solving = options.solve_options(problem)
        folder.write_inputs(
            problem,
            {
                "gap": solving.gap,
                "time_limit_s": solving.time_limit_s,
                "threads": solving.threads,
                "seed": solving.seed,
                "baseline": options.baseline,
                "simulate": options.simulate,
                "foresight_years": options.foresight_years,
                "with": with_function,
            },
        )
        try:
            answer = answer_for(problem, options, Listener(folder.log, on_progress, on_phase))
            design, problem, simulated = answer.design, answer.problem, answer.simulated
            folder.write_corrections(problem)
        except KeyboardInterrupt:
            design = _nothing_found(problem, "interrupted", "interrupted before any design was found")
        except SolverError as error:
            folder.log(f"\ndcopt: the solver failed: {error}\n")
            cure = "try another --seed or --threads 1, and report it with this folder (solver.log, inputs/)"
            design = _nothing_found(problem, "a failure of the solver", f"the solver failed: {error}; {cure}")
        on_phase("writing and verifying")
        folder.write_results(design, problem, simulated)
        checks, mismatches = verify_folder(folder.path)
        folder.log(f"\ndcopt: verified {checks} numbers, {len(mismatches)} differences\n")
        for mismatch in mismatches:
            folder.log(f"dcopt: {mismatch}\n")
    except BaseException:
        folder.discard()
        raise
    folder.finish()
    return Finished(design, checks, mismatches, simulated)


def _nothing_found(problem: Problem, stopped_by: str, why: str) -> Design:
    return Design(
        problem=problem.name,
        status="no_solution",
        objective=problem.settings.objective,
        horizon_years=problem.settings.horizon_years,
        stopped_by=stopped_by,
        diagnosis=(why,),
    )
