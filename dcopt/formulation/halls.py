"""Halls: a site that has them is housed in whole ones, in place of a building that costs by the kW.

Σ_h kw_h·halls[s,h] ≥ IT peak,   Σ_h positions_h·halls[s,h] ≥ racks,   Σ_h halls ≥ active[s]
"""

from __future__ import annotations

from dcopt.design.records import HallRecord
from dcopt.economics.ledger import CapitalLine
from dcopt.formulation.expressions import total, whole
from dcopt.formulation.program import Program, all_years
from dcopt.problem.lead import can_stand_from


def declare(program: Program) -> None:
    """Halls depend on racks and load; everything is declared in `link`."""


def link(program: Program) -> None:
    """Build the halls of every site that has a choice of them."""
    for site, totals in program.totals.items():
        rows = program.problem.halls_at(site)
        if not rows:
            continue
        years = program.problem.years
        rows = [hall for hall in rows if can_stand_from(program.problem, site, "halls", hall.name, years)]
        built = [(row, program.var("halls", (site, row.name), ub=row.max_units, integer=True)) for row in rows]
        for row, halls in built:
            program.ledger.buy(
                CapitalLine(site, "building", "halls", row.name, halls, row.price_usd, row.lifetime_years)
            )
        where = f"halls.csv: halls at {site}"
        program.require(
            "hall_kw",
            site,
            totals.it_peak_kw <= total(row.kw * halls for row, halls in built),
            row=f"{where} kw",
            sentence=f"the halls at {site} house its IT load",
        )
        program.require(
            "hall_positions",
            site,
            total(program.balances[site].rack_positions) <= total(row.positions * halls for row, halls in built),
            row=f"{where} positions",
            sentence=f"the halls at {site} have positions for its racks",
        )
        program.require("some_hall", site, total(halls for _, halls in built) >= program.model.active_site[site])


def extract(program: Program) -> list[HallRecord]:
    """Return the halls that are built."""
    built = program.model.component("halls")
    return [
        HallRecord(site=site, name=name, year=year, units=whole(halls))
        for (site, name), halls in (built.items() if built is not None else ())
        if whole(halls)
        for year in all_years(program)
    ]
