"""Run a problem on equipment that is bought already: no more may be needed than that, and all of it is paid.

What is bought may be more than a problem needs. The rest stands switched off: its price is paid, but it draws no power,
takes no support and no maintenance. What is rented follows the need. Where equipment may be bought at several dates it
is the first purchase that is given; what is bought later follows the need, and what is not needed goes at a later date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dcopt.candidates.generate import generate
from dcopt.candidates.memory import Memory
from dcopt.design.records import AdderRecord, ConfidenceCase, Design, ResidualCase
from dcopt.economics.ledger import CapitalLine, bill_of_materials, cost_of, tco_usd
from dcopt.economics.orders import with_orders
from dcopt.economics.prices import Part
from dcopt.economics.volume import at_volume_prices
from dcopt.economics.yearly import financing_cases, yearly
from dcopt.formulation.expressions import number
from dcopt.formulation.program import Program
from dcopt.formulation.shared import Inventory
from dcopt.infrastructure.adders import quantity_needed
from dcopt.pipeline.confidence import with_promises
from dcopt.pipeline.findings import binding_of
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.residual import EXTREMES_PCT
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions
from dcopt.verify.verify import verify

TOLERANCE = 1e-7
"""Relative room above what is bought: of kW that follow from two solves of the same program."""


@dataclass(frozen=True)
class Stocked:
    """How a problem runs on given equipment.

    Attributes
    ----------
    status: optimal, feasible, infeasible or no_solution.
    design: what of the equipment is used and how, priced as if only that had been bought; None without a solution.
    tco_usd: cost of all the equipment and of running it, discounted USD.
    bound_usd: what no way of running it can fall below.
    reason: why there is no design.
    """

    status: str
    design: Design | None
    tco_usd: float | None
    bound_usd: float | None
    reason: str = ""


def parts_bought(problem: Problem, design: Design) -> dict[Part, float]:
    """Return the units of every row that a design buys at first; what follows from the capital spent is left out."""
    follows = {name for name, adder in problem.adders.items() if adder.driver == "capital"}
    found: dict[Part, float] = {}
    for line in design.bom_lines:
        if line.year == 1 and not (line.table == "adders" and line.item in follows):
            part = (line.site, line.table, line.item)
            found[part] = found.get(part, 0.0) + line.quantity
    return found


def run_on(
    problem: Problem, bought: Mapping[Part, float], options: SolveOptions, memory: Memory | None = None
) -> Stocked:
    """Return the cheapest way to keep every promise of ``problem`` with what is bought, verified.

    Raises
    ------
    RuntimeError: the verifier found a number that the inputs do not give.
    """
    problem = replace(problem, settings=problem.settings.model_copy(update={"objective": "tco"}))
    candidates = generate(problem, any_price=True, memory=memory)
    obstacles = precheck(problem, candidates)
    if obstacles:
        return Stocked("infeasible", None, None, None, "; ".join(str(obstacle) for obstacle in obstacles))
    solved = solve_program(problem, candidates, options, Listener(), inventory=Inventory(bought, TOLERANCE))
    if solved.design is None:
        reason = "what is bought does not suffice" if solved.status == "infeasible" else f"stopped: {solved.stopped_by}"
        return Stocked(solved.status, None, None, None, reason)
    design = as_needed(solved.program, solved.design)
    check(problem, design)
    return Stocked(solved.status, design, solved.design.tco_usd, solved.bound)


def as_needed(program: Program, design: Design) -> Design:
    """Return the design of a solved program with an inventory as one that buys only what it needs.

    Where equipment is bought at several dates it is the design as it stands: what is not needed leaves it at a later
    date. It states no bound: it is not meant to be the cheapest of its problem.
    """
    drivers: dict[tuple[str, str], tuple[float, float]] = {}
    if not program.epochs:
        plain = [replace(line, quantity=number(line.quantity)) for line in program.needed.values()]
        needed = at_volume_prices(program.problem, plain)
        drivers = _settle_adders(program, needed)
    ledger = program.ledger.evaluated(number)
    if not program.epochs:
        adders = program.problem.adders
        follows = [line for line in ledger.capital if line.table == "adders" and adders[line.row].driver == "capital"]
        ledger.capital = [*needed, *follows]
    cost = cost_of(ledger, program.finance)
    tco = tco_usd(cost)
    asked = program.problem.settings.confidence_pct
    needed_only = with_promises(program.problem, design).model_copy(
        update={
            "adders": tuple(_followed(record, drivers) for record in design.adders),
            "binding": binding_of(program, design),
            "cost": cost,
            "tco_usd": tco,
            "bom_lines": with_orders(program.problem, bill_of_materials(ledger, program.finance)),
            "objective_value": tco,
            "objective_bound": None,
            "gap": None,
            "baseline_reason": "not asked for",
            "residual": tuple(
                ResidualCase(
                    residual_pct=pct,
                    tco_usd=tco_usd(cost_of(ledger, replace(program.finance, residual=pct / 100))),
                    best_tco_usd=None,
                    design_changes=None,
                )
                for pct in EXTREMES_PCT
            ),
            "confidence": None
            if asked is None
            else ConfidenceCase(confidence_pct=asked, without_tco_usd=None, without_kept_pct=None, design_changes=None),
            "status": "feasible",
        }
    )
    cases = financing_cases(program.problem, needed_only)
    return needed_only.model_copy(update={"finance": yearly(program.problem, needed_only), "financing": cases})


def _followed(record: AdderRecord, drivers: Mapping[tuple[str, str], tuple[float, float]]) -> AdderRecord:
    """Return the record of an adder with the (quantity, driver) that it has now, where it is among ``drivers``."""
    if (record.site, record.name) not in drivers:
        return record
    quantity, driver = drivers[record.site, record.name]
    return record.model_copy(update={"quantity": quantity, "driver": driver})


def _settle_adders(program: Program, needed: Iterable[CapitalLine]) -> dict[tuple[str, str], tuple[float, float]]:
    """Give what follows the capital the quantity that follows ``needed``; return (quantity, driver) by site and row."""
    capital: dict[str, float] = {}
    for line in needed:
        capital[line.site] = capital.get(line.site, 0.0) + line.quantity * line.unit_price_usd
    found = {}
    for (site, name), (quantity, _) in program.adders.items():
        adder = program.problem.adders[name]
        if adder.driver == "capital" and number(quantity):
            driver = capital.get(site, 0.0)
            least = quantity_needed(adder, driver)
            steps = adder.step or 1.0
            variable = getattr(program.model, "adder_steps" if adder.step else "adder")[site, name]
            variable.set_value(least / steps, skip_validation=True)
            found[site, name] = (least, driver)
    return found


def check(problem: Problem, design: Design) -> None:
    """Verify a design of `as_needed`; what may be spent was kept, or not, by whoever bought.

    Raises
    ------
    RuntimeError: the verifier found a number that the inputs do not give.
    """
    unlimited = replace(problem, settings=problem.settings.model_copy(update={"capex_limit_usd": None}))
    binding = tuple(limit for limit in design.binding if limit.row != "settings.csv: capex_limit_usd")
    _, mismatches = verify(unlimited, design.model_copy(update={"binding": binding}))
    if mismatches:
        raise RuntimeError(f"verification failed: {mismatches[0]}")
