"""Cost: every block's ledger lines become the objective and the budgets.

TCO = Σ capital lines · factor(lifetime) + Σ running lines · Σ_years price level ÷ (1+r)^y
Σ purchases ≤ capex_limit_usd;   Σ_s carbon[s,t] ≤ carbon_limit_t_per_year;   water[s,t] ≤ water_limit
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from dcopt.candidates.records import Period
from dcopt.economics.ledger import capex_terms, tco_terms
from dcopt.formulation import adders, colocation, commitments, volume
from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program
from dcopt.formulation.purchases import commit, settle


def declare(program: Program) -> None:
    """Costs are what the other blocks add to the ledgers; everything is derived in `link`."""


def link(program: Program) -> None:
    """Pay water and what follows the purchases, keep the budgets, and state the objectives."""
    settle(program)
    commit(program)
    if not program.is_epoch:
        volume.link(program)
        commitments.link(program)
        colocation.link(program)
    adders.follow_capital(program)
    carbon: dict[int, list[Any]] = {period.index: [] for period in program.candidates.periods}
    for site, period in program.carbon_t:
        carbon[period].append(program.carbon_t[site, period])
    for site in program.totals:
        _water(program, site)
    settings = program.problem.settings
    if settings.carbon_limit_t_per_year is not None:
        for period, tonnes in carbon.items():
            program.require(
                "carbon_limit",
                period,
                total(tonnes) <= settings.carbon_limit_t_per_year,
                row="settings.csv: carbon_limit_t_per_year",
                sentence=f"operation emits no more than {settings.carbon_limit_t_per_year:g} t a year",
            )
    _objectives(program, limited_capex(program), carbon)


def limited_capex(program: Program) -> Any:
    """Return the undiscounted purchases of the ledger, and keep them within their limit."""
    limit = program.problem.settings.capex_limit_usd
    capex = total(capex_terms(program.ledger, program.finance))
    if limit is not None:
        program.require(
            "capex_limit",
            "all",
            capex <= limit,
            row="settings.csv: capex_limit_usd",
            sentence=f"purchases stay within {limit:,.0f} USD",
        )
    return capex


def _objectives(program: Program, capex: Any, carbon: dict[int, list[Any]]) -> None:
    """State what may be minimized; where purchases are staged block `stocks` does so for all epochs together."""
    settings = program.problem.settings
    program.objectives = {
        "tco": total(tco_terms(program.ledger, program.finance)),
        "capex": capex,
        "carbon": _over_years(program, carbon),
        "energy": _over_years(
            program,
            {
                period.index: [kwh for (_, t), kwh in program.grid_kwh.items() if t == period.index]
                for period in program.candidates.periods
            },
        ),
    }
    if program.is_epoch:
        return
    program.model.objective = pyo.Objective(expr=program.objectives[settings.objective], sense=pyo.minimize)


def _over_years(program: Program, by_period: dict[int, list[Any]]) -> Any:
    years = {period.index: len(period.years) for period in program.candidates.periods}
    return total(years[period] * term for period, terms in by_period.items() for term in terms)


def water_m3(program: Program, site: str, period: Period) -> Any:
    """Return the water that a site uses in each year of a period, m³."""
    used = program.balances[site].water_m3_per_year
    return program.mean_over(period, {piece: total(terms) for piece, terms in used.items()})


def _water(program: Program, site: str) -> None:
    row = program.problem.sites[site]
    for period in program.candidates.periods:
        used = water_m3(program, site, period)
        program.pay(site, "water", used, row.water_usd_per_m3, period.years)
        if row.water_limit_m3_per_year is not None:
            program.require(
                "water_limit",
                (site, period.index),
                used <= row.water_limit_m3_per_year,
                row=f"sites.csv: {site} water_limit_m3_per_year",
                sentence=f"{site} uses no more than {row.water_limit_m3_per_year:g} m³ of water a year",
            )
