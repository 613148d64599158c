"""Judge a given purchase, such as a vendor's proposal: what it would cost, keep and lack, beside the optimum.

The nodes are taken exactly as proposed, and dcopt runs the workloads on them and completes everything around them at
the least cost. What the proposal holds beyond that is paid for though nothing needs it; what it holds less is missing.
Where equipment may be bought at several dates a proposal says what comes in which year, replacements included.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dcopt.design.records import BomLine, Design
from dcopt.economics.finance import Finance
from dcopt.formulation.expressions import total
from dcopt.formulation.program import Program
from dcopt.formulation.stocks import nodes_bought
from dcopt.pipeline.conflict import Oracle, OutOfTimeError, collision_of
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.pipeline.ways_out import sentences
from dcopt.problem.epochs import last_price
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.verify.verify import verify

Part = tuple[str, str, str]
"""(site, table, row)."""
Line = tuple[str, str, str, float]
"""(site, table, row, units)."""
Later = Mapping[int, Mapping[Part, float]]
"""Units of each part that are bought in the years after the first."""


class ProposalError(Exception):
    """The proposal cannot be read or names what the problem does not have; the text says the cure."""


@dataclass(frozen=True)
class Compared:
    """One kind of part: how many are proposed and how many the completed design needs.

    ``difference_usd`` is the purchase price of what is too much (positive) or missing (negative); None where the part
    is not for sale in the problem.
    """

    site: str
    table: str
    item: str
    proposed: float
    needed: float
    difference_usd: float | None
    year: int = 1


@dataclass(frozen=True)
class Evaluation:
    """What a proposal is worth.

    Attributes
    ----------
    design: the proposed nodes, completed and run at the least cost; None where they cannot keep the promises, and
        ``reasons`` says why.
    tco_usd: of the completed design and of what the proposal holds beyond it.
    surplus_usd: the part of it for what nothing needs.
    parts: proposed against needed, for every part of either.
    optimum: the cheapest design without the proposal.
    excess_usd, excess_proven_usd: how much dearer than the optimum, and than the bound on it.
    """

    design: Design | None
    tco_usd: float | None
    surplus_usd: float
    parts: tuple[Compared, ...]
    optimum: Design
    reasons: tuple[str, ...]

    @property
    def excess_usd(self) -> float | None:
        """How much dearer the proposal is than the optimum, discounted USD."""
        if self.tco_usd is None or self.optimum.tco_usd is None:
            return None
        return self.tco_usd - self.optimum.tco_usd


def read_proposal(path: Path, problem: Problem) -> dict[Part, float]:
    """Return the units of each part in a ``design.json`` (or RUN folder) or a CSV with the columns of ``bom.csv``.

    Of a CSV only site, table, item and quantity are read; further columns may stand there.

    Raises
    ------
    ProposalError: the file cannot be read, or names a site or part that the problem does not have.
    """
    return _units(path, problem, [line for year, line in _lines(path) if year == 1])


def read_later(path: Path, problem: Problem) -> dict[int, dict[Part, float]]:
    """Return the units of each part that a proposal buys after the first year, by year.

    {} where the problem buys everything at once: what comes later then replaces what has reached the end of its life.

    Raises
    ------
    ProposalError: as `read_proposal`; or something is bought in a year in which nothing may be.
    """
    if len(problem.settings.purchase_dates) == 1:
        return {}
    lines = [(year, line) for year, line in _lines(path) if year > 1]
    years = sorted({year for year, _ in lines})
    if years and years[-1] > problem.settings.horizon_years:
        raise ProposalError(f"{path} buys in year {years[-1]}, beyond the horizon")
    return {year: _units(path, problem, [line for at, line in lines if at == year], nodes=False) for year in years}


def _lines(path: Path) -> list[tuple[int, Line]]:
    if path.is_dir():
        path = path / "design.json"
    try:
        return _design_lines(path) if path.suffix == ".json" else _csv_lines(path)
    except (OSError, ValueError, KeyError) as error:
        raise ProposalError(f"{path} cannot be read as a bill of materials: {error}") from None


def _units(path: Path, problem: Problem, lines: list[Line], *, nodes: bool = True) -> dict[Part, float]:
    units: dict[Part, float] = defaultdict(float)
    for site, table, item, quantity in lines:
        if site not in problem.sites:
            raise ProposalError(f"{path}: there is no site '{site}' in the problem")
        if table in problem.tables and item not in problem.tables[table]:
            raise ProposalError(f"{path}: there is no '{item}' in {table}.csv: add the row, or correct the name")
        units[site, table, item] += quantity
    if nodes and not any(table == "nodes" for _, table, _ in units):
        raise ProposalError(f"{path} proposes no nodes: nothing could run")
    return dict(units)


def _design_lines(path: Path) -> list[tuple[int, Line]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    lines = [BomLine.model_validate(line) for line in document["bom"]]
    return [(line.year, (line.site, line.table, line.item, line.quantity)) for line in lines]


def _csv_lines(path: Path) -> list[tuple[int, Line]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = {"site", "table", "item", "quantity"} - set(rows[0] if rows else ())
    if missing:
        raise ValueError(f"it lacks the column {', '.join(sorted(missing))}" if rows else "it has no rows")
    named = [row for row in rows if (row["item"] or "").strip()]
    return [
        (int(row.get("year") or "1"), (row["site"], row["table"], row["item"], float(row["quantity"]))) for row in named
    ]


def evaluate_proposal(
    problem: Problem,
    proposed: Mapping[Part, float],
    options: RunOptions,
    *,
    later: Later | None = None,
    seconds_to_explain: float = 60.0,
    on_phase: Callable[[str], None] = lambda text: None,
) -> Evaluation:
    """Return what ``proposed`` (units by site, table and row) would cost and keep, beside the cheapest design.

    ``later`` is what is bought in later years, where equipment may be bought at several dates.

    Raises
    ------
    RuntimeError: the verifier found a number that the inputs do not give.
    """
    by_year = {1: proposed, **(later or {})}
    fix = nodes_fixed(proposed, later)
    on_phase("the cheapest design without the proposal")
    optimum = _solved(problem, options)
    on_phase("the proposal, completed at the least cost")
    nodes = just_nodes(problem, proposed, later)
    completed = _solved(problem, options, fix) if nodes is None else _solved(problem, replace(options, nodes=nodes))
    if completed.tco_usd is None:
        on_phase("why the proposal does not suffice")
        return Evaluation(None, None, 0.0, (), optimum, _reasons(problem, fix, seconds_to_explain))
    parts = _compared(problem, by_year, completed)
    surplus = _surplus_usd(problem, parts)
    return Evaluation(completed, completed.tco_usd + surplus, surplus, parts, optimum, ())


def nodes_fixed(proposed: Mapping[Part, float], later: Later | None = None) -> Callable[[Program], None]:
    """Return the constraints that buy the proposed nodes and no others, in the years in which they are proposed."""
    by_year = {1: proposed, **(later or {})}

    def fix(program: Program) -> None:
        if program.epochs:
            _fix_by_year(program, by_year)
            return
        bought: dict[tuple[str, str], list[object]] = defaultdict(list)
        for line in program.ledger.capital:
            if line.table == "nodes":
                bought[line.site, line.row].append(line.quantity)
        wanted = {(site, item): units for (site, table, item), units in proposed.items() if table == "nodes"}
        for site, item in sorted({*bought, *wanted}):
            units = wanted.get((site, item), 0.0)
            program.require(
                "proposed_nodes",
                (site, item),
                total(bought.get((site, item), [0.0])) == units,
                row=f"the proposal: {site} {item}",
                sentence=f"{units:g} {item} are bought at {site}, as proposed",
            )

    return fix


def _fix_by_year(program: Program, by_year: Later) -> None:
    bought: dict[tuple[str, str, int], list[object]] = defaultdict(list)
    for stock, year, units in nodes_bought(program):
        bought[stock.site, stock.row, year].append(units)
    wanted = {
        (site, item, year): units
        for year, of_year in by_year.items()
        for (site, table, item), units in of_year.items()
        if table == "nodes"
    }
    for site, item, year in sorted({*bought, *wanted}):
        units = wanted.get((site, item, year), 0.0)
        program.require(
            "proposed_nodes",
            (site, item, year),
            total(bought.get((site, item, year), [0.0])) == units,
            row=f"the proposal: {site} {item} in year {year}",
            sentence=f"{units:g} {item} are bought at {site} in year {year}, as proposed",
        )


def just_nodes(
    problem: Problem, proposed: Mapping[Part, float], later: Later | None
) -> dict[tuple[str, str], int] | None:
    """Return the proposed nodes of each (site, node) where they say by themselves what stands; None elsewhere.

    Then the proposal is a problem with fewer candidates, which large problems are solved for in steps.
    """
    wanted = {(site, item): units for (site, table, item), units in proposed.items() if table == "nodes"}
    reused = any(row.table == "nodes" for row in problem.existing.values())
    if later or len(problem.settings.purchase_dates) > 1 or reused or problem.settings.power_caps:
        return None
    if any(units != round(units) for units in wanted.values()):
        return None
    return {kind: round(units) for kind, units in wanted.items()}


def _solved(problem: Problem, options: RunOptions, fix: Callable[[Program], None] = no_constraints) -> Design:
    design = design_for(problem, replace(options, baseline=False, user_constraints=fix))
    _, mismatches = verify(problem, design)
    if mismatches:
        raise RuntimeError(f"verification failed: {mismatches[0]}")
    return design


def _reasons(problem: Problem, fix: Callable[[Program], None], seconds: float) -> tuple[str, ...]:
    oracle = Oracle(seconds, user_constraints=fix)
    try:
        if oracle.has_design(problem, "with the proposal") is None:
            return ("whether the proposal suffices was not decided in the time",)
        collision = collision_of(problem, oracle)
    except OutOfTimeError:
        return ("the proposed nodes cannot keep every promise; which ones was not found in the time",)
    if collision.hopeless:
        return ("the proposed nodes are too few for the workloads, or cannot run them, whatever is promised",)
    return ("the proposed nodes cannot keep every promise", *sentences(collision, (), all_tried=True)[:1])


def _compared(problem: Problem, by_year: Later, design: Design) -> tuple[Compared, ...]:
    needed: dict[tuple[int, Part], float] = defaultdict(float)
    prices: dict[tuple[int, Part], float] = {}
    staged = len(problem.settings.purchase_dates) > 1
    for line in design.bom_lines:
        if line.year == 1 or staged:
            needed[line.year, (line.site, line.table, line.item)] += line.quantity
            prices[line.year, (line.site, line.table, line.item)] = line.unit_price_usd
    proposed = {(year, part): units for year, of_year in by_year.items() for part, units in of_year.items()}
    found = []
    for year, part in sorted({*needed, *proposed}):
        there, least = proposed.get((year, part), 0.0), needed.get((year, part), 0.0)
        price = prices.get((year, part), _price(problem, part, year))
        usd = 0.0 if abs(there - least) < 1e-9 else None if price is None else (there - least) * price
        found.append(Compared(*part, there, least, usd, year))
    return tuple(found)


def _price(problem: Problem, part: Part, year: int) -> float | None:
    site, table, item = part
    if year > 1:
        return last_price(problem, table, item, site, year)
    if table in ("nodes", "fabrics", "storage", "racks", "power", "cooling", "software", "compression"):
        offer = offered(problem, table, site).get(item)
        return None if offer is None else offer.price_usd
    price: float | None = getattr(problem.tables.get(table, {}).get(item), "price_usd", None)
    return price


def _surplus_usd(problem: Problem, parts: tuple[Compared, ...]) -> float:
    """Discounted cost over the horizon of what is proposed beyond the need."""
    finance = Finance.of(problem.settings)
    cost = 0.0
    for part in parts:
        if part.difference_usd is not None and part.difference_usd > 0:
            row = problem.tables.get(part.table, {}).get(part.item)
            lifetime = float(getattr(row, "lifetime_years", None) or problem.settings.horizon_years)
            factor = finance.capital_factor(lifetime)
            if len(problem.settings.purchase_dates) > 1:  # then what replaces it is proposed in its own year
                factor = finance.purchase_factor(part.year - 1.0, lifetime)
            cost += part.difference_usd * factor
    return cost
