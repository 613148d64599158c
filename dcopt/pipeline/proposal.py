"""Judge a given purchase, such as a vendor's proposal: what it would cost, keep and lack, beside the optimum.

The nodes are taken exactly as proposed, and dcopt runs the workloads on them and completes everything around them at
the least cost. What the proposal holds beyond that is paid for though nothing needs it; what it holds less is missing.
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
from dcopt.economics.ledger import CapitalLine
from dcopt.formulation.program import Program, total
from dcopt.pipeline.conflict import Oracle, OutOfTimeError, collision_of, sentences
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.pipeline.user_constraints import no_constraints
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.verify.verify import verify

Part = tuple[str, str, str]
"""(site, table, row)."""


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
    if path.is_dir():
        path = path / "design.json"
    try:
        lines = _design_lines(path) if path.suffix == ".json" else _csv_lines(path)
    except (OSError, ValueError, KeyError) as error:
        raise ProposalError(f"{path} cannot be read as a bill of materials: {error}") from None
    units: dict[Part, float] = defaultdict(float)
    for site, table, item, quantity in lines:
        if site not in problem.sites:
            raise ProposalError(f"{path}: there is no site '{site}' in the problem")
        if table in problem.tables and item not in problem.tables[table]:
            raise ProposalError(f"{path}: there is no '{item}' in {table}.csv: add the row, or correct the name")
        units[site, table, item] += quantity
    if not any(table == "nodes" for _, table, _ in units):
        raise ProposalError(f"{path} proposes no nodes: nothing could run")
    return dict(units)


def _design_lines(path: Path) -> list[tuple[str, str, str, float]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    lines = [BomLine.model_validate(line) for line in document["bom"]]
    return [(line.site, line.table, line.item, line.quantity) for line in lines if line.year == 1]


def _csv_lines(path: Path) -> list[tuple[str, str, str, float]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    missing = {"site", "table", "item", "quantity"} - set(rows[0] if rows else ())
    if missing:
        raise ValueError(f"it lacks the column {', '.join(sorted(missing))}" if rows else "it has no rows")
    first = [row for row in rows if (row.get("year") or "1") == "1" and (row["item"] or "").strip()]
    return [(row["site"], row["table"], row["item"], float(row["quantity"])) for row in first]


def evaluate_proposal(
    problem: Problem,
    proposed: Mapping[Part, float],
    options: RunOptions,
    *,
    seconds_to_explain: float = 60.0,
    on_phase: Callable[[str], None] = lambda text: None,
) -> Evaluation:
    """Return what ``proposed`` (units by site, table and row) would cost and keep, beside the cheapest design.

    Raises
    ------
    RuntimeError: the verifier found a number that the inputs do not give.
    """
    fix = nodes_fixed(proposed)
    on_phase("the cheapest design without the proposal")
    optimum = _solved(problem, options, no_constraints)
    on_phase("the proposal, completed at the least cost")
    completed = _solved(problem, options, fix)
    if completed.tco_usd is None:
        on_phase("why the proposal does not suffice")
        return Evaluation(None, None, 0.0, (), optimum, _reasons(problem, fix, seconds_to_explain))
    parts = _compared(problem, proposed, completed)
    surplus = _surplus_usd(problem, parts)
    return Evaluation(completed, completed.tco_usd + surplus, surplus, parts, optimum, ())


def nodes_fixed(proposed: Mapping[Part, float]) -> Callable[[Program], None]:
    """Return the constraints that buy the proposed nodes and no others."""

    def fix(program: Program) -> None:
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


def _solved(problem: Problem, options: RunOptions, fix: Callable[[Program], None]) -> Design:
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


def _compared(problem: Problem, proposed: Mapping[Part, float], design: Design) -> tuple[Compared, ...]:
    needed: dict[Part, float] = defaultdict(float)
    prices: dict[Part, float] = {}
    for line in design.bom_lines:
        if line.year == 1:
            needed[line.site, line.table, line.item] += line.quantity
            prices[line.site, line.table, line.item] = line.unit_price_usd
    found = []
    for part in sorted({*needed, *proposed}):
        site, table, item = part
        more = proposed.get(part, 0.0) - needed.get(part, 0.0)
        price = prices.get(part, _price(problem, part))
        usd = 0.0 if abs(more) < 1e-9 else None if price is None else more * price
        found.append(Compared(site, table, item, proposed.get(part, 0.0), needed.get(part, 0.0), usd))
    return tuple(found)


def _price(problem: Problem, part: Part) -> float | None:
    site, table, item = part
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
            line = CapitalLine(part.site, "nodes", part.table, part.item, 1.0, part.difference_usd, lifetime)
            cost += line.unit_price_usd * finance.capital_factor(line.lifetime_years)
    return cost
