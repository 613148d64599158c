"""A study's folder as a report: what `dcopt.report` shows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dcopt.report.blocks import Report
from dcopt.report.study_content import (
    EffectRow,
    FrontRow,
    RegretRow,
    ScenarioRow,
    StudyContent,
    TornadoRow,
    build_study_report,
)
from dcopt.study.pareto import FIGURE
from dcopt.study.records import Outcome, Scenario
from dcopt.study.regret import Purchase, frequent_purchases, regrets
from dcopt.study.screening import effects
from dcopt.study.store import PLAN_FILE, in_plan_order, read_outcomes, read_plan
from dcopt.study.tornado import tornado_bars

UNITS = {"capex": "USD", "energy": "MWh", "carbon": "t"}
SUFFIX_UNITS = {"days": "days", "ms": "ms", "pct": "%"}


def is_study(folder: Path) -> bool:
    """Whether ``folder`` is one that a study wrote."""
    return (folder / PLAN_FILE).is_file()


def read_study(folder: Path) -> tuple[dict[str, Any], tuple[Outcome, ...]]:
    """Return the plan of a study and its outcomes, in the plan's order where the plan lists its scenarios.

    Raises
    ------
    StudyFolderError: the folder is not one that a study wrote.
    """
    plan = read_plan(folder)
    known = {outcome.key: outcome for outcome in read_outcomes(folder)}
    if "scenarios" not in plan:
        return plan, tuple(known.values())
    keys = [entry["key"] for entry in plan["scenarios"]]
    fields = Scenario.model_fields
    scenarios = [Scenario.model_validate({k: v for k, v in e.items() if k in fields}) for e in plan["scenarios"]]
    return plan, in_plan_order(known, keys, scenarios)


def study_report(folder: Path) -> Report:
    """Return the report of the study in ``folder``.

    Raises
    ------
    StudyFolderError: the folder is not one that a study wrote.
    """
    plan, outcomes = read_study(folder)
    regret: tuple[RegretRow, ...] = ()
    if is_study(folder / "regret"):
        fixed_plan, fixed = read_study(folder / "regret")
        asked = {entry["inputs"]["purchase"] for entry in fixed_plan["scenarios"]}
        regret = regret_rows(outcomes, fixed, len(asked))
    return build_study_report(content_of(plan, outcomes, regret))


def content_of(
    plan: Mapping[str, Any], outcomes: Sequence[Outcome], regret: tuple[RegretRow, ...] = ()
) -> StudyContent:
    """Return what a study with this plan and these outcomes has to show."""
    kind = str(plan["kind"])
    letters = letters_of(outcomes)
    solved = [outcome for outcome in outcomes if outcome.solved]
    counts = Counter(outcome.choice for outcome in solved)
    base = next((o for o in outcomes if o.inputs.get("end") == "base" and o.solved), None)
    other = str(plan.get("details", {}).get("other", ""))
    return StudyContent(
        kind=kind,
        problem=Path(str(plan["problem"])).name,
        scenarios=tuple(_row(outcome, letters) for outcome in outcomes),
        choices={letter: (choice, counts[choice] / len(outcomes)) for choice, letter in letters.items()},
        tornado=tornado_rows(outcomes) if kind == "tornado" and base is not None else (),
        base_usd=None if base is None else base.figures["tco_usd"],
        effects=effect_rows(outcomes) if kind == "screen" else (),
        front=front_rows(other, outcomes, letters) if kind == "pareto" else (),
        other=(other, UNITS.get(other) or SUFFIX_UNITS.get(other.rpartition("_")[2], "")),
        regret=regret,
    )


def letters_of(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return a short name for each choice of nodes, fabrics and sites: A for the most frequent."""
    counted = Counter(outcome.choice for outcome in outcomes if outcome.solved)
    return {choice: _letter(index) for index, (choice, _) in enumerate(counted.most_common())}


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"{_letter(index // 26 - 1)}{_letter(index % 26)}"


def _row(outcome: Outcome, letters: Mapping[str, str]) -> ScenarioRow:
    return ScenarioRow(
        name=outcome.scenario,
        inputs=outcome.inputs,
        status=outcome.status,
        tco_usd=outcome.figures.get("tco_usd") if outcome.solved else None,
        it_kw=outcome.figures.get("it_kw"),
        carbon_t_per_year=outcome.figures.get("carbon_t_per_year"),
        choice=letters.get(outcome.choice, "") if outcome.solved else "",
        reason=outcome.reason,
    )


def tornado_rows(outcomes: Sequence[Outcome]) -> tuple[TornadoRow, ...]:
    """Return the bars of a tornado."""
    return tuple(
        TornadoRow(b.cell, b.low_value, b.high_value, b.low_usd, b.high_usd, b.low_changes, b.high_changes)
        for b in tornado_bars(outcomes)
    )


def effect_rows(outcomes: Sequence[Outcome]) -> tuple[EffectRow, ...]:
    """Return the effects of a screening."""
    return tuple(EffectRow(e.cell, e.mu_star_usd, e.sigma_usd, e.steps, e.changes, e.broken) for e in effects(outcomes))


def front_rows(other: str, outcomes: Sequence[Outcome], letters: Mapping[str, str]) -> tuple[FrontRow, ...]:
    """Return the points that no other beats in both objectives, the cheapest first."""

    def value(outcome: Outcome) -> float:
        if other in FIGURE:
            return outcome.figures[FIGURE[other]]
        asked = float(outcome.inputs.get(other, 0.0) or 0.0)
        return asked if other.endswith("_ms") else min(asked, outcome.achieved.get(other, asked))

    points = sorted(
        ((o.figures["tco_usd"], value(o), letters[o.choice]) for o in outcomes if o.status == "optimal"),
        key=lambda point: point[:2],
    )
    found: list[FrontRow] = []
    for tco, amount, letter in points:
        while found and amount <= found[-1].other and tco <= found[-1].tco_usd * (1 + 1e-6):
            found.pop()
        if not found or amount < found[-1].other * (1 - 1e-9):
            found.append(FrontRow(tco, amount, letter))
    return tuple(found)


def regret_rows(best: Sequence[Outcome], fixed: Sequence[Outcome], most: int) -> tuple[RegretRow, ...]:
    """Return how the ``most`` most frequent purchases fare, from their outcomes when held fixed."""
    purchases = frequent_purchases(best, most)
    return tuple(
        RegretRow(
            name=one.purchase.name,
            bought=nodes_of(one.purchase),
            best_in=one.purchase.count,
            kept=one.kept,
            scenarios=one.scenarios,
            mean_usd=one.mean_usd,
            p95_usd=one.p95_usd,
            worst_usd=one.worst_usd,
        )
        for one in regrets(purchases, best, fixed)
    )


def nodes_of(purchase: Purchase) -> str:
    """Return the nodes of a purchase in words."""
    nodes = [(part.split("/"), units) for part, units in purchase.parts.items() if part.split("/")[1] == "nodes"]
    return ", ".join(f"{units:g} {row} at {site}" for (site, _, row), units in nodes) or "no nodes"
