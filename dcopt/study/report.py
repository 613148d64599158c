"""A study's folder as a report: what `dcopt.report` shows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dcopt.report.blocks import Report
from dcopt.report.numbers import percent
from dcopt.report.purchase_content import Judged, Later, PartRow, RobustContent, build_robust_report
from dcopt.report.study_content import (
    BreakEven,
    EffectRow,
    FrontRow,
    RegretRow,
    ScenarioRow,
    StudyContent,
    build_study_report,
)
from dcopt.study.pareto import FIGURE
from dcopt.study.records import Outcome, Scenario
from dcopt.study.regret import Purchase, Regret, frequent_purchases, regrets
from dcopt.study.screening import effects
from dcopt.study.store import (
    FLIP_FILE,
    ROBUST_FILE,
    StudyFolderError,
    in_plan_order,
    is_study,
    read_found,
    read_outcomes,
    read_plan,
)
from dcopt.study.tornado import tornado_bars

UNITS = {"capex": "USD", "energy": "MWh", "carbon": "t"}
SUFFIX_UNITS = {"days": "days", "ms": "ms", "pct": "%"}


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
    if (folder / ROBUST_FILE).is_file():
        try:
            return robust_report(read_found(folder, ROBUST_FILE))
        except (KeyError, TypeError, ValueError) as error:
            raise StudyFolderError(f"{folder / ROBUST_FILE} is not what 'dcopt robust' writes: {error!r}") from None
    plan, outcomes = read_study(folder)
    regret: tuple[RegretRow, ...] = ()
    if is_study(folder / "regret"):
        fixed_plan, fixed = read_study(folder / "regret")
        asked = {entry["inputs"]["purchase"] for entry in fixed_plan["scenarios"]}
        regret = regret_rows(outcomes, fixed, len(asked))
    flip = read_found(folder, FLIP_FILE) if (folder / FLIP_FILE).is_file() else None
    return report_on(plan, outcomes, regret, flip)


def report_on(
    plan: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    regret: tuple[RegretRow, ...] = (),
    flip: Mapping[str, Any] | None = None,
) -> Report:
    """Return the report of a study with this plan (its kind, problem and details) and these outcomes.

    ``flip`` holds the fields of a `BreakEven`.
    """
    return build_study_report(content_of(plan, outcomes, regret, None if flip is None else BreakEven(**flip)))


def robust_report(found: Mapping[str, Any]) -> Report:
    """Return the report of what `dcopt robust` wrote down."""
    mine, nominal = found["parts"], found["nominal_parts"]
    names = sorted({*mine, *nominal}, key=lambda name: (name.split("/")[1] != "nodes", name))
    parts = tuple(
        PartRow(site, table, row, mine.get(name, 0.0), nominal.get(name, 0.0))
        for name, (site, table, row) in ((name, name.split("/")) for name in names)
    )
    fares = {
        title: tuple(Judged(**{**one, "costs": tuple(one["costs"])}) for one in rows)
        for title, rows in found["judged"].items()
    }
    later = found.get("later")
    content = RobustContent(
        problem=Path(str(found["problem"])).name,
        goal=goal_words(found["goal"]["kind"], float(found["goal"]["level"])),
        scenarios=int(found["scenarios"]),
        status=str(found["status"]),
        objective_usd=float(found["objective_usd"]),
        bound_usd=found["bound_usd"],
        given_up=tuple(found["given_up"]),
        parts=parts,
        fares=tuple(fares.items()),
        later=None if later is None else Later(**{**later, "years": tuple(later["years"])}),
    )
    return build_robust_report(content)


def goal_words(kind: str, level: float) -> str:
    """Return what a purchase was asked to do best."""
    return {
        "expected": "least expected TCO",
        "worst": "least worst TCO",
        "cvar": f"least mean TCO of the dearest {percent(1 - level)} of the scenarios",
        "chance": f"least expected TCO with the promises kept in at least {percent(level)} of the scenarios",
    }[kind]


def content_of(
    plan: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    regret: tuple[RegretRow, ...] = (),
    flip: BreakEven | None = None,
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
        tornado=tornado_bars(outcomes) if kind == "tornado" and base is not None else (),
        base_usd=None if base is None else base.figures["tco_usd"],
        effects=effect_rows(outcomes) if kind == "screen" else (),
        front=front_rows(other, outcomes, letters) if kind == "pareto" else (),
        other=(other, UNITS.get(other) or SUFFIX_UNITS.get(other.rpartition("_")[2], "")),
        regret=regret,
        flip=flip,
        stands=None if flip is None else _stands(outcomes),
    )


def _stands(outcomes: Sequence[Outcome]) -> float | None:
    """Return the number that the one cell which the scenarios change has as the problem stands."""
    cells = {(change.table, change.key, change.column): change.old for o in outcomes for change in o.changes}
    try:
        (old,) = cells.values()
        return float(old)
    except ValueError:  # several cells, none, or no number
        return None


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
    return tuple(rows_of(regrets(frequent_purchases(best, most), best, fixed)))


def rows_of(found: Sequence[Regret]) -> Iterator[RegretRow]:
    """Yield regrets as rows of a report."""
    yield from (
        RegretRow(
            name=one.purchase.name,
            bought=nodes_of(one.purchase),
            best_in=one.purchase.count,
            kept=one.kept,
            scenarios=one.scenarios,
            mean_usd=one.mean_usd,
            p95_usd=one.p95_usd,
            worst_usd=one.worst_usd,
            mean_tco_usd=one.mean_tco_usd,
        )
        for one in found
    )


def nodes_of(purchase: Purchase) -> str:
    """Return the nodes of a purchase in words."""
    nodes = [(part.split("/"), units) for part, units in purchase.parts.items() if part.split("/")[1] == "nodes"]
    return ", ".join(f"{units:g} {row} at {site}" for (site, _, row), units in nodes) or "no nodes"
