"""A stage of the plant: one kind of unit, chosen from what is offered, in whole units with the site's redundancy.

    Σ_u flow[u] = load,   flow[u] ≤ most·choice[u],   Σ_u choice[u] ≤ 1,   Σ_u choice[u] ≥ each thing that needs it
    fewest·choice[u] ≤ units[u] ≤ most units·choice[u],   fewest = 1 (N) or 2 (N+1, 2N)
    N:    kw·units[u] ≥ flow[u]
    N+1:  kw·(units[u] − choice[u]) ≥ flow[u]
    2N:   units[u] = 2·half[u],   kw·half[u] ≥ flow[u]

The averages of each period flow through the same choice, so that the losses of the chosen unit apply to both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dcopt.formulation.program import Program, number, total, upper_bound, whole
from dcopt.infrastructure.power import units_needed
from dcopt.problem.tables.catalog_rows import CoolingUnit, PowerPart


@dataclass(frozen=True)
class Branch:
    """The flow through one kind of unit: at peak, and on average by period index, kW."""

    unit: PowerPart | CoolingUnit
    peak_kw: Any
    average_kw: dict[int, Any]


def stage(
    program: Program,
    site: str,
    name: str,
    options: tuple[tuple[Any, float], ...],
    load_kw: Any,
    average_kw: dict[int, Any],
    *,
    category: str,
    needed_by: list[Any],
) -> list[Branch]:
    """Declare a stage named ``name`` at ``site`` that carries ``load_kw`` and buy its units; return its branches.

    ``needed_by`` are binaries none of which can be 1 without a unit of this stage: a strong link for the relaxation,
    where a small load would else pay for a small part of a unit.
    """
    most = upper_bound(load_kw)
    branches = []
    choices = []
    for unit, price in options:
        key = (site, name, unit.name)
        choice = program.var("choice", key, ub=1, binary=True)
        choices.append(choice)
        flow = program.var("through", key, ub=most)
        program.require("through_chosen", key, flow <= most * choice)
        averages = {}
        for period, average in average_kw.items():
            bound = upper_bound(average)
            mean = program.var("through_on_average", (*key, period), ub=bound)
            program.require("average_chosen", (*key, period), mean <= bound * choice)
            averages[period] = mean
        size_units(program, site, name, unit, price, flow, choice, most, category=category)
        branches.append(Branch(unit, flow, averages))
    row = f"{category}.csv: {name}"
    sentence = f"{name} units at {site} carry the load"
    program.require("one_choice", (site, name), total(choices) <= 1)
    for index, need in enumerate(needed_by):
        program.require("some_choice", (site, name, index), total(choices) >= need)
    program.require("carried", (site, name), total(b.peak_kw for b in branches) == load_kw, row=row, sentence=sentence)
    for period, average in average_kw.items():
        program.require(
            "carried_on_average", (site, name, period), total(b.average_kw[period] for b in branches) == average
        )
    return branches


def size_units(
    program: Program,
    site: str,
    name: str,
    unit: Any,
    price_usd: float,
    load_kw: Any,
    used: Any,
    most_kw: float,
    *,
    category: str,
) -> None:
    """Declare the whole units of one kind that carry ``load_kw`` with the site's redundancy, and buy them."""
    redundancy = program.problem.sites[site].redundancy
    key = (site, name, unit.name)
    least = program.least_offered(site, category, unit.name)
    limit = max(units_needed(most_kw, unit.kw, redundancy), least + least % 2) if most_kw > 0 else 0
    units = program.var("plant_units", key, ub=limit, integer=True)
    program.require("fewest_units", key, units >= units_needed(1e-9, unit.kw, redundancy) * used)
    program.require("no_idle_units", key, units <= limit * used)
    if redundancy == "2N":
        half = program.var("plant_half", key, ub=limit // 2, integer=True)
        program.require("two_sides", key, units == 2 * half)
        program.require("plant_carries", key, unit.kw * half >= load_kw)
    else:
        spare = used if redundancy == "N+1" else 0
        program.require("plant_carries", key, unit.kw * (units - spare) >= load_kw)
    program.buy(site, category, category, unit.name, units, price_usd, unit.lifetime_years)


def chosen_units(program: Program, site: str, name: str) -> list[tuple[str, int, float]]:
    """Return (row, units, peak kW) of the units that a solved program chose for a stage."""
    through = program.model.component("through")
    if through is None:
        return []
    return [
        (key[2], whole(program.model.plant_units[key]), number(flow))
        for key, flow in through.items()
        if key[:2] == (site, name) and whole(program.model.plant_units[key])
    ]
