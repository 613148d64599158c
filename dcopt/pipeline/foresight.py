"""Deciding without knowing: purchases date by date, each with a view of a few years only, the past frozen as stock.

At each purchase date the problem that ends with the years in view is solved, everything bought before held as it was
bought (what is gone is gone, what stands may stay or go). At the end of the view equipment is worth its book value, so
that nothing is put off only because the view ends. The date whose view reaches the horizon decides the rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dcopt.candidates.generate import generate
from dcopt.design.records import Asset, Design, Foresight
from dcopt.formulation import colocation, commitments, moves
from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program
from dcopt.formulation.stocks import CONTINUOUS
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.epochs import epochs_of
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions, relative_gap

if TYPE_CHECKING:
    from dcopt.pipeline.run import RunOptions

Key = tuple[str, str, str, int]
"""(site, table, row, year in which it was bought; 0: it existed)."""


def seen_to(problem: Problem, last_year: int) -> Problem:
    """Return the problem that ends with ``last_year``, at whose end equipment is worth its book value."""
    horizon = problem.settings.horizon_years
    if last_year >= horizon:
        return replace(problem, is_staged=True)
    tables = dict(problem.tables)
    for table in ("training", "inference"):
        rows = {**problem.tables[table]}
        kept = {name: row for name, row in rows.items() if row.begins <= last_year}  # type: ignore[attr-defined]
        tables[table] = kept
    dates = " ".join(str(date) for date in problem.settings.purchase_dates if date <= last_year)
    settings = problem.settings.model_copy(
        update={"horizon_years": last_year, "purchase_years": tuple(dates.split()), "residual_pct": 100.0}
    )
    return replace(problem, settings=settings, tables=tables, is_staged=True)


def hold(program: Program, date: int, bought: tuple[Asset, ...], viewed_to: int) -> None:
    """Hold everything that was bought before ``date``, and what went before it, as they were.

    ``viewed_to`` is the last year that was in view when it was decided: what stood to there had not gone.
    """
    moves.hold(program, date, bought)
    for stock in program.stocks:
        mine = [a for a in bought if (a.site, a.table, a.name) == (stock.site, stock.table, stock.row)]
        for first in sorted({0 if one.existing else one.first_year for one, _ in stock.columns}):
            if first >= date:
                continue
            columns = [(o, u) for o, u in stock.columns if (0 if o.existing else o.first_year) == first]
            of_date = [a for a in mine if a.bought_year == first]
            gone = [a for a in of_date if a.gone_year < date and a.gone_year != viewed_to]
            for one, units in columns:
                if one.last_year < date and one.last_year != viewed_to:
                    count = sum(a.units for a in gone if (a.gone_year, a.kept) == (one.last_year, one.kept))
                    units.fix(count)
            free = total(u for o, u in columns if not (o.last_year < date and o.last_year != viewed_to))
            count = sum(a.units for a in of_date) - sum(a.units for a in gone)
            key = (stock.site, stock.table, stock.row, first)
            slack = 1e-6 * max(1.0, count) if stock.table in CONTINUOUS else 0.0
            if isinstance(free, int | float):
                continue
            if first:
                program.require("held", key, free >= count - slack)
            program.require("no_more_held", key, free <= count + slack if first else free >= 0)


def rolling(
    problem: Problem, years: int, solving: SolveOptions, options: RunOptions, perfect: Solved, listener: Listener
) -> Solved:
    """Return the design whose purchases are decided knowing ``years`` years ahead, with its price of not knowing.

    Its bound is that of ``perfect``: no design is cheaper. Where some view has no design the answer has none either.
    """
    bought: tuple[Asset, ...] = ()
    viewed_to = 0
    last: Solved | None = None
    for epoch in epochs_of(problem):
        end = max(epoch.last_year, epoch.first_year + years - 1)
        seen = seen_to(problem, end)
        listener.phase(f"year {epoch.first_year}: deciding with a view to year {seen.settings.horizon_years}")
        candidates = generate(seen)
        limited = replace(solving, time_limit_s=solving.time_limit_s / len(epochs_of(problem)))

        def cutoffs(
            program: Program,
            date: int = epoch.first_year,
            held: tuple[Asset, ...] = bought,
            to: int = viewed_to,
            before: Design | None = None if last is None else last.design,
        ) -> None:
            options.user_constraints(program)
            hold(program, date, held, to)
            if before is not None:
                commitments.held_before(program, date, before.commitments)
                colocation.held_before(program, date, before.colocation, to)

        last = solve_program(seen, candidates, limited, Listener(listener.log), all_stays=True, cutoffs=cutoffs)
        if last.design is None or last.stopped_by == "interrupted":
            return last
        bought, viewed_to = last.design.assets, seen.settings.horizon_years
        if viewed_to >= problem.settings.horizon_years:
            break
    assert last is not None
    assert last.design is not None
    tco = last.design.tco_usd or 0.0
    bound = None if perfect.bound is None else min(perfect.bound, tco)
    perfect_usd = tco if perfect.design is None else perfect.design.tco_usd or tco
    gap = relative_gap(tco, bound)
    within = gap is not None and gap <= solving.gap * (1 + 1e-6) + 1e-9
    last.design = last.design.model_copy(
        update={
            "foresight": Foresight(years=years, perfect_tco_usd=perfect_usd, price_usd=tco - perfect_usd),
            "objective_bound": bound,
            "gap": gap,
            "status": "optimal" if within else "feasible",
            "gap_target": solving.gap,
        }
    )
    last.status = last.design.status
    last.bound = bound
    return last
