"""Recheck a design from the inputs alone: every promise, every capacity, every dollar.

Nothing here imports the candidates, the formulation or the solver. A record without a design (infeasible, none found)
must state no numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dcopt.design.explanation import Explanation, read_explanation, savings_usd
from dcopt.design.files import read_design
from dcopt.design.records import Design
from dcopt.problem.load import load
from dcopt.problem.problem import Problem
from dcopt.verify import (
    building,
    claims,
    domains,
    facility,
    lead,
    lock,
    money,
    network,
    pools,
    reliability,
    rents,
    serving,
    storage,
    survival,
    training,
    transfer,
)
from dcopt.verify.assets import slices
from dcopt.verify.checker import Checker, Mismatch

UNUSABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What recomputing raises where a design holds a name or number with which nothing can be computed."""


def verify(problem: Problem, design: Design, *, gap_target: float | None = None) -> tuple[int, tuple[Mismatch, ...]]:
    """Return (comparisons made, mismatches found) of ``design`` against ``problem``; a broken design raises nothing.

    Parameters
    ----------
    gap_target: relative gap that was asked for; None where it is not known.
    """
    checker = Checker()
    _recheck(problem, design, gap_target, checker)
    return checker.checks, tuple(checker.mismatches)


def _recheck(problem: Problem, design: Design, gap_target: float | None, checker: Checker) -> None:
    checker.same("problem", design.problem, problem.name)
    checker.same("objective", design.objective, problem.settings.objective)
    checker.same("horizon_years", design.horizon_years, problem.settings.horizon_years)
    if design.status in ("infeasible", "no_solution"):
        claims.check_absence(design, checker)
        return
    checker.same("purchase_years", design.purchase_years, problem.settings.purchase_dates)
    balances: dict[tuple[str, int], facility.SiteYear] = {}
    try:
        for seen, part in slices(problem, design):
            for room in (training, serving, survival, domains, pools, network, storage):
                _in_room(room, seen, part, checker)
        for room in (reliability, transfer, rents, lead):
            _in_room(room, problem, design, checker)
        for seen, part in slices(problem, design):
            of_years = facility.check(seen, part, checker)
            building.check(seen, part, of_years, checker)
            balances |= of_years
        money.check(problem, design, balances, checker)
        claims.check(problem, design, gap_target, checker)
    except UNUSABLE as error:
        _unusable("facility, money or claims", error, checker)


def _in_room(room: Any, problem: Problem, design: Design, checker: Checker) -> None:
    try:
        room.check(problem, design, checker)
    except UNUSABLE as error:
        _unusable(room.__name__, error, checker)


def _unusable(part: str, error: Exception, checker: Checker) -> None:
    """Note that a part could not be recomputed."""
    found = f"no row of that name: {error}" if isinstance(error, LookupError) else f"{type(error).__name__}: {error}"
    checker.holds(part.removeprefix("dcopt.verify."), False, "names and numbers that can be used", found)


def _without_savings(design: Design, explanation: Explanation | None, checker: Checker) -> Design:
    """Hold what one unit more of each promise saves against the explanation that found it, by solving; leave it out."""
    known = {} if explanation is None else savings_usd(explanation)
    for entry in design.binding:
        if entry.saving_usd is not None:
            checker.same(f"binding {entry.row} saving_usd", entry.saving_usd, known.get(entry.row))
    bare = tuple(entry.model_copy(update={"saving_usd": None}) for entry in design.binding)
    return design.model_copy(update={"binding": bare})


def verify_folder(run: Path) -> tuple[int, tuple[Mismatch, ...]]:
    """Verify a RUN folder from its ``inputs/`` and ``design.json`` alone, and the inputs against their lock.

    Raises
    ------
    DesignFileError, InputError: the folder's design or inputs cannot be read.
    """
    design = read_design(run)
    problem = load(run / "inputs")
    checker = Checker()
    gap_target = lock.check(run / "inputs", checker)
    design = _without_savings(design, read_explanation(run), checker)
    _recheck(problem, design, gap_target, checker)
    return checker.checks, tuple(checker.mismatches)
