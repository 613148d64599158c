"""One input at a time, low and high: what moves the cost, and what moves the decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dcopt.problem.tables.study_rows import OPERATOR, UncertainCell
from dcopt.report.study_content import TornadoRow
from dcopt.study.distributions import extremes
from dcopt.study.grid import BASE, heading
from dcopt.study.records import Outcome, Scenario

LOW, HIGH = "low", "high"


def tornado_scenarios(cells: Iterable[UncertainCell]) -> tuple[Scenario, ...]:
    """Return the base and, for each uncertain cell, a scenario at its low and one at its high value."""
    found = [Scenario(name=BASE, inputs={"cell": "", "end": BASE})]
    for cell in cells:
        for end, value in zip((LOW, HIGH), extremes(cell), strict=True):
            text = cell.as_set(value)
            inputs: dict[str, float | str] = {
                "cell": heading(cell.path, OPERATOR[cell.operation]),
                "end": end,
                "value": value,
            }
            found.append(Scenario(name=text, sets=(text,), inputs=inputs))
    return tuple(found)


def tornado_bars(outcomes: Sequence[Outcome]) -> tuple[TornadoRow, ...]:
    """Return the bars, the largest swing first; an input that leaves no design at one end comes before all others.

    Raises
    ------
    ValueError: the base has no design, so there is nothing to compare with.
    """
    base = next((o for o in outcomes if o.inputs.get("end") == BASE), None)
    if base is None or not base.solved:
        raise ValueError("the problem as it stands has no design: 'dcopt explain' says why")
    middle = base.figures["tco_usd"]
    ends: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        if outcome.inputs.get("end") in (LOW, HIGH):
            ends.setdefault(str(outcome.inputs["cell"]), {})[str(outcome.inputs["end"])] = outcome
    bars = []
    for cell, pair in ends.items():
        if len(pair) < 2 or any(outcome.status in ("failed", "no_solution") for outcome in pair.values()):
            continue
        low, high = pair[LOW], pair[HIGH]
        costs = [o.figures.get("tco_usd") if o.solved else None for o in (low, high)]
        known = [middle, *(cost for cost in costs if cost is not None)]
        bars.append(
            TornadoRow(
                cell=cell,
                low_value=float(low.inputs["value"]),
                high_value=float(high.inputs["value"]),
                low_usd=costs[0],
                high_usd=costs[1],
                swing_usd=max(known) - min(known),
                low_changes=low.solved and low.design != base.design,
                high_changes=high.solved and high.design != base.design,
            )
        )
    return tuple(sorted(bars, key=lambda bar: (not bar.breaks, -bar.swing_usd, bar.cell)))
