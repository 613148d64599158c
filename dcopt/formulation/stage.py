"""A stage of the plant: one kind of unit, chosen from what is offered, in whole units with the wanted redundancy.

    Σ_u flow[u] = load,   least·choice[u] ≤ flow[u] ≤ most·choice[u]
    Σ_u choice[u] ≤ 1,   Σ_u choice[u] ≥ each thing that needs it
    fewest·choice[u] ≤ units[u] ≤ most units·choice[u],   fewest: those that carry the least load (a little: 1 under N,
                                                          2 under N+1 and 2N, 4 under 4N/3)
    N:    kw·units[u] ≥ sized[u]                     (sized: the flow, or a rating that exceeds it)
    N+1:  kw·(units[u] − blocks[u]) ≥ sized[u],   units[u] ≤ (max_parallel + 1)·blocks[u]
    2N:   units[u] = 2·half[u],   kw·half[u] ≥ sized[u]
    4N/3: ¾·kw·units[u] ≥ sized[u]
    loss[u] ≥ fixed_l·kw·units[u] + slope_l·flow[u]   for each line l of the part's losses

Losses of units that share a load are those of one times their number, so a loss curve that bends upwards is linear in
units and flow: under 2N each side runs at half load, with the losses of half load. The averages of each period flow
through the same choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyomo.environ as pyo

from dcopt.formulation.expressions import number, total, upper_bound, whole
from dcopt.formulation.program import Program
from dcopt.infrastructure.power import CARRYING_SHARE, LossLine, loss_lines, units_needed, usable_kw
from dcopt.problem.tables.catalog_rows import CoolingUnit, PowerPart


@dataclass(frozen=True)
class Demand:
    """What a stage must carry: at peak, on average by period index, and what its units are sized for (None: the peak).

    ``most_kw`` is a bound that the peak keeps for other reasons (the grid limit of the site); ``least_kw`` one that it
    keeps wherever there is a load at all.
    """

    peak_kw: Any
    average_kw: dict[int, Any]
    sized_kw: Any = None
    most_kw: float = float("inf")
    least_kw: float = 0.0


@dataclass(frozen=True)
class Branch:
    """The flow through one kind of unit and what it loses: at peak, and on average by period index, kW."""

    unit: PowerPart | CoolingUnit
    peak_kw: Any
    average_kw: dict[int, Any]
    loss_kw: Any = 0.0
    average_loss_kw: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sizing:
    """How units are counted: with which redundancy, bought under which table of the bill of materials."""

    category: str
    redundancy: str
    ups_minutes: float = 0.0

    def usable_kw(self, unit: PowerPart | CoolingUnit) -> float:
        """Return what one unit may carry, kW."""
        return usable_kw(unit, self.ups_minutes) if isinstance(unit, PowerPart) else unit.kw


def stage(
    program: Program,
    site: str,
    name: str,
    options: tuple[tuple[Any, float], ...],
    demand: Demand,
    sizing: Sizing,
    needed_by: list[Any],
) -> list[Branch]:
    """Declare a stage named ``name`` at ``site`` that carries a demand and buy its units; return its branches.

    ``needed_by`` are binaries none of which can be 1 without a unit of this stage: a strong link for the relaxation,
    where a small load would else pay for a small part of a unit.
    """
    most = min(upper_bound(demand.peak_kw), demand.most_kw)
    most_sized = 0.0 if demand.sized_kw is None else upper_bound(demand.sized_kw)
    most_on_average = {t: min(upper_bound(average), most) for t, average in demand.average_kw.items()}
    branches, choices, sized = [], [], []
    for unit, price in options:
        key = (site, name, unit.name)
        choice = program.var("choice", key, ub=1, binary=True)
        choices.append(choice)
        flow = program.var("through", key, ub=most)
        program.require("through_chosen", key, flow <= most * choice)
        if demand.least_kw > 0:
            program.require("through_at_least", key, flow >= demand.least_kw * choice)
        averages = {}
        for period, bound in most_on_average.items():
            mean = program.var("through_on_average", (*key, period), ub=bound)
            program.require("average_chosen", (*key, period), mean <= bound * choice)
            averages[period] = mean
        sized.append(flow)
        if demand.sized_kw is not None:
            sized[-1] = program.var("sized_for", key, ub=most_sized)
            program.require("sized_chosen", key, sized[-1] <= most_sized * choice)
        units = size_units(program, site, name, unit, price, sized[-1], choice, sizing, demand.least_kw)
        branches.append(_with_losses(program, key, Branch(unit, flow, averages), units, most))
    program.require("one_choice", (site, name), total(choices) <= 1)
    for index, need in enumerate(needed_by):
        program.require("some_choice", (site, name, index), total(choices) >= need)
    _carried(program, site, name, demand, branches, sized, sizing.category)
    return branches


def _carried(
    program: Program, site: str, name: str, demand: Demand, branches: list[Branch], sized: list[Any], category: str
) -> None:
    row, sentence = f"{category}.csv: {name}", f"{name} units at {site} carry the load"
    program.require(
        "carried", (site, name), total(b.peak_kw for b in branches) == demand.peak_kw, row=row, sentence=sentence
    )
    if demand.sized_kw is not None:
        program.require("sized", (site, name), total(sized) == demand.sized_kw, row=row, sentence=sentence)
    for period, average in demand.average_kw.items():
        through = total(b.average_kw[period] for b in branches)
        program.require("carried_on_average", (site, name, period), through == average)
    program.follow(
        [(b.peak_kw, b.average_kw, program.model.choice[site, name, b.unit.name]) for b in branches],
        demand.peak_kw,
        demand.average_kw,
    )


def _with_losses(program: Program, key: tuple[str, str, str], branch: Branch, units: Any, most_kw: float) -> Branch:
    """Return the branch with what its units lose (nothing but for parts of the power chain)."""
    if not isinstance(branch.unit, PowerPart):
        return branch
    lines = loss_lines(branch.unit)
    peak = _loss(program, "loss", key, branch.unit, lines, units, branch.peak_kw, most_kw)
    means = {
        t: _loss(program, "loss_on_average", (*key, t), branch.unit, lines, units, flow, most_kw)
        for t, flow in branch.average_kw.items()
    }
    return Branch(branch.unit, branch.peak_kw, branch.average_kw, peak, means)


def _loss(
    program: Program,
    name: str,
    key: tuple[Any, ...],
    part: PowerPart,
    lines: tuple[LossLine, ...],
    units: Any,
    flow_kw: Any,
    most_kw: float,
) -> Any:
    """Return the loss of ``units`` that share a flow: an expression where it is one line, else a variable above all."""
    exact = [line.fixed * part.kw * units + line.slope * flow_kw for line in lines]
    if len(exact) == 1:
        return exact[0]
    most = max(line.fixed * part.kw * units.ub + line.slope * most_kw for line in lines)
    loss = program.var(name, key, ub=most)
    for index, line in enumerate(exact):
        program.require(f"{name}_line", (*key, index), loss >= line)
    program.envelopes.append((loss, exact))
    return loss


def size_units(
    program: Program,
    site: str,
    name: str,
    unit: Any,
    price_usd: float,
    load_kw: Any,
    used: Any,
    sizing: Sizing,
    least_kw: float = 0.0,
) -> Any:
    """Declare the whole units of one kind that carry ``load_kw`` with the redundancy, buy them, and return them.

    Where they are used at all they carry at least ``least_kw``.
    """
    redundancy, kw = sizing.redundancy, sizing.usable_kw(unit)
    key = (site, name, unit.name)
    category = sizing.category
    least = program.least_offered(site, category, unit.name)
    most_kw = upper_bound(load_kw)
    needed = units_needed(most_kw, kw, redundancy, unit.max_parallel)
    limit = max(needed, least + least % 2) if most_kw > 0 else 0
    units = program.var("plant_units", key, ub=limit, integer=True)
    fewest = units_needed(max(least_kw, 1e-9), kw, redundancy, unit.max_parallel)
    program.require("fewest_units", key, units >= fewest * used)
    program.require("no_idle_units", key, units <= limit * used)
    if redundancy == "2N":
        half = program.var("plant_half", key, ub=limit // 2, integer=True)
        program.require("two_sides", key, units == 2 * half)
        program.require("plant_carries", key, kw * half >= load_kw)
    elif redundancy == "4N/3":
        program.require("plant_carries", key, CARRYING_SHARE * kw * units >= load_kw)
    elif redundancy == "N+1":
        program.require("plant_carries", key, kw * (units - _blocks(program, key, unit, units, used)) >= load_kw)
    else:
        program.require("plant_carries", key, kw * units >= load_kw)
    program.buy(site, category, category, unit.name, units, price_usd, unit.lifetime_years)
    return units


def _blocks(program: Program, key: tuple[str, str, str], unit: Any, units: Any, used: Any) -> Any:
    """Return the parallel blocks of units under N+1, each of which has one unit to spare."""
    if unit.max_parallel is None or units.ub <= unit.max_parallel + 1:
        return used
    whole_block = unit.max_parallel + 1
    blocks = program.var("plant_blocks", key, ub=-(-int(units.ub) // whole_block), integer=True)
    program.require("units_in_blocks", key, units <= whole_block * blocks)
    program.require("some_block", key, blocks >= used)
    return blocks


@dataclass(frozen=True)
class ChosenUnits:
    """The units of a stage in a solved program: the row, how many, and what they carry and were sized for, kW."""

    name: str
    units: int
    kw: float
    sized_kw: float


def chosen_units(program: Program, site: str, name: str) -> list[ChosenUnits]:
    """Return the units that a solved program chose for a stage."""
    through = program.model.component("through")
    sized = program.model.component("sized_for")
    found = []
    for key, flow in through.items() if through is not None else ():
        units = whole(program.model.plant_units[key]) if key[:2] == (site, name) else 0
        if units:
            kw = number(flow)
            rating = number(sized[key]) if sized is not None and key in sized else kw
            if program.is_epoch and not kw and not rating:
                continue  # they stand from before and are switched off
            found.append(ChosenUnits(key[2], units, kw, rating))
    return found


def settle_losses(program: Program) -> None:
    """Give the losses of a solved program their exact values, and the flows that follow from them.

    Where a loss costs nothing (an objective that does not count it) the solver may leave it above its curve. Losses,
    flows and the heat that the losses are depend on each other; each round brings them nearer to their fixed point.
    """
    for _ in range(100):
        moved = 0.0
        for loss, lines in program.envelopes:
            value = max(float(pyo.value(line)) for line in lines)
            moved = max(moved, abs(value - loss.value))
            loss.set_value(value, skip_validation=True)
        for least, lines in program.floors:
            value = min(float(pyo.value(line)) for line in lines)
            moved = max(moved, abs(value - least.value))
            least.set_value(value, skip_validation=True)
        for branches, peak, averages in program.followers:
            flows = {None: peak} | averages
            for variable_of, average_of, choice in branches:
                on = whole(choice)
                for period, flow in flows.items():
                    variable = variable_of if period is None else average_of[period]
                    value = on * float(pyo.value(flow))
                    moved = max(moved, abs(value - variable.value))
                    variable.set_value(value, skip_validation=True)
        if moved < 1e-12:
            return
