"""A study in the terminal: the scenarios, the tornado, the distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dcopt.cli.study_options import millions
from dcopt.cli.text_table import text_table

if TYPE_CHECKING:
    from dcopt.study.breakeven import BreakEven
    from dcopt.study.pareto import Point
    from dcopt.study.records import Outcome
    from dcopt.study.regret import Regret

SHOWN_DESIGNS = 10
BAR_WIDTH = 24


def study_text(kind: str, outcomes: Sequence[Outcome]) -> str:
    """Return what a study of ``kind`` (grid, scenarios, tornado, sample) found, as text."""
    if kind == "tornado":
        return _tornado(outcomes)
    if kind == "sample":
        return _distribution(outcomes)
    if kind == "screen":
        return _screening(outcomes)
    return f"{_table(outcomes)}\n\n{_switches(outcomes)}"


def _table(outcomes: Sequence[Outcome]) -> str:
    from dcopt.study.report import letters_of

    letters = letters_of(outcomes)
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.inputs))
    plain = len(names) == 0
    header = [*(["scenario"] if plain else names), "status", "TCO USD", "IT kW", "t CO2/year", "design"]
    rows = [
        [
            *([outcome.scenario] if plain else [_cell(outcome.inputs.get(name, "")) for name in names]),
            outcome.status,
            millions(outcome.figures.get("tco_usd")),
            millions(outcome.figures.get("it_kw")),
            millions(outcome.figures.get("carbon_t_per_year")),
            letters.get(outcome.choice, "") if outcome.solved else "",
        ]
        for outcome in outcomes
    ]
    return text_table(header, rows)


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.6g}"


def _switches(outcomes: Sequence[Outcome]) -> str:
    from dcopt.study.report import letters_of

    letters = letters_of(outcomes)
    solved = [outcome for outcome in outcomes if outcome.solved]
    if not solved:
        return "No scenario has a design."
    lines = ["What is chosen (nodes; fabrics; sites):"]
    for choice, letter in list(letters.items())[:SHOWN_DESIGNS]:
        share = sum(outcome.choice == choice for outcome in solved) / len(outcomes)
        lines.append(f"  {letter}  in {share:.0%} of the scenarios: {choice}")
    without = len(outcomes) - len(solved)
    if without:
        lines.append(f"  no design in {without} of {len(outcomes)}")
    return "\n".join(lines)


def _tornado(outcomes: Sequence[Outcome]) -> str:
    from dcopt.study.tornado import tornado_bars

    try:
        bars = tornado_bars(outcomes)
    except ValueError as error:
        return str(error)
    widest = max((bar.swing_usd for bar in bars), default=0.0) or 1.0
    rows = [
        [
            bar.cell,
            _cell(bar.low_value),
            _cell(bar.high_value),
            _end(bar.low_usd, bar.low_changes),
            _end(bar.high_usd, bar.high_changes),
            millions(bar.swing_usd),
            "#" * max(1, round(BAR_WIDTH * bar.swing_usd / widest)),
        ]
        for bar in bars
    ]
    header = ["input", "low", "high", "TCO at low", "TCO at high", "swing USD", "effect"]
    return f"{text_table(header, rows)}\n\n* another design is best there"


def _end(cost: float | None, changes: bool) -> str:
    if cost is None:
        return "no design"
    return millions(cost) + ("*" if changes else "")


def _distribution(outcomes: Sequence[Outcome]) -> str:
    import numpy as np

    costs = [outcome.figures["tco_usd"] for outcome in outcomes if outcome.solved]
    if not costs:
        return "No sample has a design."
    shares = (5, 25, 50, 75, 95)
    quantiles = np.percentile(costs, shares)
    rows = [["mean", millions(float(np.mean(costs)))], ["std", millions(float(np.std(costs)))]]
    rows += [[f"p{share}", millions(float(value))] for share, value in zip(shares, quantiles, strict=True)]
    without = len(outcomes) - len(costs)
    note = f"\n{without} of {len(outcomes)} samples have no design or failed" if without else ""
    return f"{text_table(['TCO', 'USD'], rows)}{note}\n\n{_switches(outcomes)}"


def _screening(outcomes: Sequence[Outcome]) -> str:
    from dcopt.study.screening import effects

    found = effects(outcomes)
    widest = max((effect.mu_star_usd or 0.0 for effect in found), default=0.0) or 1.0
    rows = [
        [
            effect.cell,
            millions(effect.mu_star_usd),
            millions(effect.sigma_usd),
            f"{effect.changes} of {effect.steps}",
            str(effect.broken) if effect.broken else "",
            "#" * round(BAR_WIDTH * (effect.mu_star_usd or 0.0) / widest),
        ]
        for effect in found
    ]
    header = ["input", "mu* USD", "sigma USD", "design changes", "no design", "effect"]
    words = "mu*: mean change of TCO over the input's whole range; sigma: how much that depends on the other inputs"
    return f"{text_table(header, rows)}\n\n{words}"


def regret_text(found: Sequence[Regret]) -> str:
    """Return how the most frequent purchases fare in all scenarios."""
    from dcopt.study.report import nodes_of

    rows = [
        [
            one.purchase.name,
            str(one.purchase.count),
            f"{one.kept} of {one.scenarios}",
            millions(one.mean_usd),
            millions(one.p95_usd),
            millions(one.worst_usd),
            millions(one.mean_tco_usd),
        ]
        for one in found
    ]
    header = ["bought", "best in", "promises kept", "mean regret USD", "p95 USD", "worst USD", "mean TCO USD"]
    lines = [
        "Regret: what the purchases that are best most often cost above the best design of each scenario.",
        text_table(header, rows),
        "Cost and regret are of the scenarios in which the promises are kept; in the others they are broken.",
        *(f"  {one.purchase.name}  {nodes_of(one.purchase)}" for one in found),
    ]
    return "\n".join(lines)


def break_even_text(found: BreakEven) -> str:
    """Return where a decision flips, in words."""
    if found.value is None:
        return f"{found.cell}: what is decided ({found.aspect}) is the same at both ends: {found.below}"
    return (
        f"{found.cell} {found.operator} {found.value:,.6g} (± {found.width / 2:,.2g}) changes the {found.aspect}\n"
        f"  below: {found.below}\n  above: {found.above}\n  {found.solves} proven optima"
    )


def pareto_text(other: str, unit: str, points: Sequence[Point]) -> str:
    """Return a front as a table, with what one unit less of the other objective costs from point to point."""
    from dcopt.study.report import letters_of

    letters = letters_of([point.outcome for point in points])
    rows = []
    last = None
    for point in points:
        price = ""
        if last is not None and last.other > point.other:
            price = f"{(point.tco_usd - last.tco_usd) / (last.other - point.other):,.4g}"
        letter = letters[point.outcome.choice]
        rows.append([millions(point.tco_usd), f"{point.other:,.6g}", price, point.outcome.design, letter])
        last = point
    header = ["TCO USD", f"{other} {unit}", f"USD per {unit} less", "design", "chosen"]
    return f"{text_table(header, rows)}\n\n{_switches([point.outcome for point in points])}"
