"""The least value of a limit with which a program has a design: found by minimizing the limit, not by halves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyomo.environ import Constraint, value

from dcopt.candidates.records import Candidates
from dcopt.formulation.expressions import number
from dcopt.formulation.program import Program
from dcopt.pipeline.feasible import (
    FINE,
    SMALL,
    Divided,
    around,
    divided,
    hardest,
    is_worth_steps,
    rows_of,
    unless_interrupted,
)
from dcopt.pipeline.first_design import first_design
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.solving import Listener
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.problem import Problem
from dcopt.solve import session
from dcopt.solve.elastic import least_limit, relaxed_bound
from dcopt.solve.parts import Part
from dcopt.solve.session import SolveOptions, SolverError

BUDGET = "settings.csv: capex_limit_usd"
POWER = "sites.csv: {} power_limit_kw"
DEAR_KW_USD_PER_MONTH = 10_000.0
"""Charge for a site's peak that outweighs all other costs of a kW: a node costs some 300 to 600 USD a month and kW."""
FOR_A_DESIGN = 0.6
"""Share of the time for a least limit that a design may take which shows one that does."""
NEAR = 0.01
"""Relative distance of a limit that does from one below which none does that counts as the least."""
WITHIN = 0.005
"""Relative gap of a least limit."""


@dataclass(frozen=True)
class LeastLimit:
    """The least limit that allows a design: none is proven below ``bound``, one was found at ``found``.

    ``found`` is None where none was found: there is none up to the highest limit asked where ``excluded``.
    """

    found: float | None
    bound: float
    excluded: bool = False
    values: Any = None
    """Columns of the program that found it."""
    is_design: bool = False
    """Whether what was found is a whole design, its calendar included."""

    @property
    def is_near(self) -> bool:
        """Whether no value that does is less by much than the one that was found."""
        return self.found is not None and self.found <= self.bound * (1 + NEAR)


def least_limit_of(
    problem: Problem,
    candidates: Candidates,
    row: str,
    limit: float,
    low: float,
    options: SolveOptions,
    log: Callable[[str], None] = lambda text: None,
    user_constraints: Callable[[Program], None] = no_constraints,
) -> LeastLimit | None:
    """Return the least value within [``low``, ``limit``] of a limit, of ``row``, with which there is a solution.

    ``problem`` has the limit ``limit``. None where the row does not state it as a number that quantities stay within.
    No calendar is asked, and nothing of parts of the program that the limit does not bind: both is the caller's.

    Raises
    ------
    SolverError: HiGHS failed.
    """
    ends = time.monotonic() + options.time_limit_s

    def asked(stated: Divided, share: float, low: float, high: float) -> LeastLimit | None:
        limited = replace(options, gap=WITHIN, time_limit_s=max(0.01, share * (ends - time.monotonic())))
        return _least(stated, row, limit, (low, high), limited, log)

    if user_constraints is no_constraints and is_worth_steps(candidates):
        stated = divided(problem, hardest(problem, candidates))
        relaxed = _relaxed_limit(stated, row, limit, low, options.time_limit_s)
        if relaxed is None or relaxed.excluded:
            return relaxed
        limited = replace(options, time_limit_s=FOR_A_DESIGN * (ends - time.monotonic()))
        known = of_a_design(problem, candidates, row, limit, limited, log)
        high = limit if known is None else known * (1 + FINE)
        best = LeastLimit(known, relaxed.bound, is_design=known is not None)
        coarser = asked(stated, 0.4, best.bound, high)
        best = _better(best, coarser, found_too=False)
        if not best.is_near and known is None and coarser is not None and coarser.values is not None:
            lesser = divided(problem, around(problem, candidates, stated, coarser.values))
            best = replace(best, found=_found(asked(lesser, 0.5, best.bound, high)))
        if not best.is_near:
            best = _better(best, asked(divided(problem, candidates), 1.0, best.bound, best.found or high))
        return best
    return asked(divided(problem, candidates, user_constraints), 1.0, low, limit)


def _found(least: LeastLimit | None) -> float | None:
    return None if least is None else least.found


def _better(best: LeastLimit, other: LeastLimit | None, *, found_too: bool = True) -> LeastLimit:
    """Return what two answers say together; ``other`` is of the range that ``best`` leaves open."""
    if other is None:
        return best
    bound = max(best.bound, other.bound) if best.found is None else min(max(best.bound, other.bound), best.found)
    if other.found is None or not found_too or (best.found is not None and other.found >= best.found * (1 - FINE)):
        return replace(best, bound=bound, excluded=other.excluded and best.found is None)
    return replace(other, bound=bound)


def of_a_design(
    problem: Problem,
    candidates: Candidates,
    row: str,
    limit: float,
    options: SolveOptions,
    log: Callable[[str], None] = lambda text: None,
) -> float | None:
    """Return what a design that was looked for to that end takes of a limit; None where none was found."""
    try:
        found = first_design(with_little_of(problem, row), candidates, options, Listener(log))
    except StoppedError:
        raise KeyboardInterrupt from None
    except SolverError:
        return None
    if found is None or found.design is None:
        return None
    return found.design.objective_value if row == BUDGET else _taken(found.program, row, limit)


def with_little_of(problem: Problem, row: str) -> Problem:
    """Return the problem with prices at which the cheapest design takes little of a limit, where there are such.

    Whatever is paid, it has the same designs, except that no budget limits the least purchases.
    """
    settings = problem.settings
    if row == BUDGET:
        least = settings.model_copy(update={"objective": "capex", "capex_limit_usd": None})
        return replace(problem, settings=least)
    for name, site in problem.sites.items():
        if row == POWER.format(name):
            dear = site.model_copy(update={"demand_charge_usd_per_kw_month": DEAR_KW_USD_PER_MONTH})
            tables = {**problem.tables, "sites": {**problem.sites, name: dear}}
            return replace(problem, settings=settings.model_copy(update={"objective": "tco"}), tables=tables)
    return problem


def _taken(program: Program, row: str, limit: float) -> float | None:
    """Return what a solved program takes of a limit; None where no row states it as a number."""
    taken = []
    for constraint in program.model.component_data_objects(Constraint, active=True):
        group = program.groups.get(constraint.name)
        if group is not None and group.row == row:
            if not _is_stated((constraint, 1), limit):
                return None
            taken.append(number(constraint.body))
    return max(taken, default=None)


def _relaxed_limit(stated: Divided, row: str, limit: float, low: float, limit_s: float) -> LeastLimit | None:
    """Return what the linear relaxation proves of the least value of a limit; None where no row states it."""
    where = _where(stated, row, limit)
    if where is None:
        return None
    part, rows = where
    small = part.matrix.lp.num_col_ <= SMALL
    bound = relaxed_bound(least_limit(part.matrix, rows, limit, (low, limit)), limit_s) if small else None
    proven = low if bound is None else max(low, bound)
    return LeastLimit(None, proven, excluded=proven > limit)


def _least(
    stated: Divided,
    row: str,
    limit: float,
    between: tuple[float, float],
    options: SolveOptions,
    log: Callable[[str], None],
) -> LeastLimit | None:
    """Return the least value of a limit, within two, that the program allows; None where no row states it."""
    low, high = between
    where = _where(stated, row, limit)
    if where is None:
        return None
    part, rows = where
    asked = least_limit(part.matrix, rows, limit, (low, high))
    outcome = unless_interrupted(session.solve(asked, options, log=log))
    if outcome.verdict == "infeasible":
        return LeastLimit(None, high, excluded=True)
    bound = low if outcome.bound is None else max(low, outcome.bound)
    if outcome.values is None:
        return LeastLimit(None, bound)
    values = np.zeros(stated.matrix.lp.num_col_)
    values[part.columns] = outcome.values[:-1]
    return LeastLimit(float(outcome.values[-1]), bound, values=values)


def _where(stated: Divided, row: str, limit: float) -> tuple[Part, list[int]] | None:
    """Return the part that states a limit, and its rows there; None where none does, or not as the limit itself."""
    for part in stated.parts:
        rows = rows_of(stated.program, part.matrix, lambda name: True, row)
        if rows:
            return (part, rows) if all(_is_stated(part.matrix.rows[place], limit) for place in rows) else None
    return None


def _is_stated(entry: Sequence[Any], limit: float) -> bool:
    """Whether a row's right side is the limit itself, before constants of its left side are taken to it."""

    upper = value(entry[0].upper)
    return upper is not None and abs(upper - limit) <= 1e-9 * max(1.0, abs(limit))
