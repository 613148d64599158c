"""Recheck a design from the inputs alone: every promise, every capacity, every dollar.

Nothing here imports the candidates, the formulation or the solver. A design without equipment (infeasible, none found)
states no numbers and passes.
"""

from __future__ import annotations

from pathlib import Path

from dcopt.design.files import read_design
from dcopt.design.records import Design
from dcopt.problem.load import load
from dcopt.problem.problem import Problem
from dcopt.verify import facility, money, pools, serving, storage, training
from dcopt.verify.checker import Checker, Mismatch


def verify(problem: Problem, design: Design) -> tuple[int, tuple[Mismatch, ...]]:
    """Return (comparisons made, mismatches found) of ``design`` against ``problem``."""
    checker = Checker()
    if design.status in ("infeasible", "no_solution"):
        return checker.checks, ()
    checker.same("problem", design.problem, problem.name)
    checker.same("horizon_years", design.horizon_years, problem.settings.horizon_years)
    try:
        training.check(problem, design, checker)
        serving.check(problem, design, checker)
        pools.check(problem, design, checker)
        storage.check(problem, design, checker)
        balances = facility.check(problem, design, checker)
        money.check(problem, design, balances, checker)
    except KeyError as error:
        checker.holds("design", False, f"a row named {error}", "the tables have none")
    return checker.checks, tuple(checker.mismatches)


def verify_folder(run: Path) -> tuple[int, tuple[Mismatch, ...]]:
    """Verify a RUN folder from its ``inputs/`` and ``design.json`` alone; see `verify`.

    Raises
    ------
    DesignFileError, InputError: the folder's design or inputs cannot be read.
    """
    return verify(load(run / "inputs"), read_design(run))
