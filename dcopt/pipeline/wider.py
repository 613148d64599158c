"""Limits that shape the candidates: a site's power and a node's units bound every pool before the program is stated.

Leaving out their constraint does not lift them, so the whole problem is asked again with more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from dcopt.candidates.generate import generate
from dcopt.formulation.build import build
from dcopt.formulation.program import Program
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.columns import Row
from dcopt.problem.problem import Problem
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions
from dcopt.solve.together import solve

FACTORS = (2.0, 8.0)
"""How many times a site's power is tried."""


def more_that_helps(
    problem: Problem,
    options: SolveOptions,
    log: Callable[[str], None],
    user_constraints: Callable[[Program], None],
) -> tuple[str, ...]:
    """Return which more power or nodes would make a design possible, one at a time, in sentences.

    Raises
    ------
    SolverError: HiGHS failed.
    """
    found: dict[str, str] = {}
    for row, words, wider in _wider(problem):
        if row not in found and _has_design(wider, options, log, user_constraints):
            found[row] = f"{row}: {words} there is a design"
    return tuple(found.values())


def _wider(problem: Problem) -> Iterator[tuple[str, str, Problem]]:
    for name, site in problem.sites.items():
        for factor in FACTORS if site.power_limit_kw is not None else ():
            limit = (site.power_limit_kw or 0.0) * factor
            words = f"with {limit:g} kW in place of {site.power_limit_kw:g}"
            changed = {**problem.sites, name: site.model_copy(update={"power_limit_kw": limit})}
            yield f"sites.csv: {name} power_limit_kw", words, _with(problem, "sites", changed)
    for key, offer in problem.offers.items():
        if offer.table == "nodes" and offer.max_units is not None:
            changed_offers = {**problem.offers, key: offer.model_copy(update={"max_units": None})}
            row = f"offers.csv: nodes/{offer.name}/{offer.site or '*'} max_units"
            yield row, f"with more than {offer.max_units}", _with(problem, "offers", changed_offers)


def _with(problem: Problem, table: str, rows: Mapping[str, Row]) -> Problem:
    return replace(problem, tables={**problem.tables, table: rows})


def _has_design(
    problem: Problem,
    options: SolveOptions,
    log: Callable[[str], None],
    user_constraints: Callable[[Program], None],
) -> bool:
    candidates = generate(problem, only_needed=user_constraints is no_constraints)
    if precheck(problem, candidates):
        return False
    program = build(problem, candidates)
    user_constraints(program)
    return solve(compile_model(program.model), options, log=log).values is not None
