"""The content of a study's report: what its scenarios say together, as the same plain blocks as a design's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import pstdev

from dcopt.report.blocks import (
    Bar,
    BarChart,
    Block,
    Figures,
    HeatMap,
    Items,
    Range,
    RangeChart,
    Report,
    Section,
    Text,
    XYChart,
    table,
)
from dcopt.report.numbers import amount, number, percent

MOST_LISTED = 60
"""Scenarios of a grid or a list up to which the terminal shows each."""
TOLD_BY_NAME = {"grid": (), "tornado": ("cell", "end", "value"), "screen": ("trajectory", "step", "moved_by")}
"""Inputs that the names of a kind's scenarios say as well."""
NAMED_BY_INPUTS = ("grid", "breakeven")
"""Kinds whose inputs say all that the names of their scenarios say."""
KINDS = {
    "grid": "Sensitivity",
    "scenarios": "Scenarios",
    "tornado": "Tornado",
    "sample": "Uncertainty",
    "screen": "Screening",
    "pareto": "Front",
    "breakeven": "Break-even",
    "alternatives": "Alternatives",
    "regret": "Regret",
}
"""What a study of a kind is called."""
MOST_MAPPED = 40
"""Values of an input up to which a switching map shows each."""
QUANTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True)
class ScenarioRow:
    """A scenario: what was varied, how it ended (``reason`` where it did not), its cost and the name of its choice."""

    name: str
    inputs: Mapping[str, float | str]
    status: str
    tco_usd: float | None = None
    it_kw: float | None = None
    carbon_t_per_year: float | None = None
    choice: str = ""
    reason: str = ""


@dataclass(frozen=True)
class TornadoRow:
    """The effect of one input. None where there is no design at that end.

    Attributes
    ----------
    low_usd, high_usd: TCO at the input's low and high value.
    swing_usd: from the least to the largest TCO of both and the base.
    low_changes, high_changes: whether another design is best there (what it buys or runs differs from the base).
    """

    cell: str
    low_value: float
    high_value: float
    low_usd: float | None
    high_usd: float | None
    swing_usd: float
    low_changes: bool
    high_changes: bool

    @property
    def breaks(self) -> bool:
        """Whether there is no design at one of the ends."""
        return self.low_usd is None or self.high_usd is None


@dataclass(frozen=True)
class EffectRow:
    """An input of a screening: mu* and sigma (USD), steps tried, steps that change the design, steps without one."""

    cell: str
    mu_star_usd: float | None
    sigma_usd: float | None
    steps: int
    changes: int
    broken: int


@dataclass(frozen=True)
class FrontRow:
    """A point of a front: TCO and the other objective, and the name of what is chosen."""

    tco_usd: float
    other: float
    choice: str


@dataclass(frozen=True)
class RegretRow:
    """A purchase held fixed: in how many scenarios it is best and keeps the promises; its cost above the best."""

    name: str
    bought: str
    best_in: int
    kept: int
    scenarios: int
    mean_usd: float | None
    p95_usd: float | None
    worst_usd: float | None
    mean_tco_usd: float | None = None


@dataclass(frozen=True)
class BreakEven:
    """Where a decision flips: below ``value`` the one, above it the other (``value`` ± half of ``width``).

    ``value`` is None where the decision is the same at both ends. ``below`` and ``above`` say in words what is decided
    there, or that there is no design. ``other`` is a flip on the other side of what stands in the cell, further off.
    """

    cell: str
    operator: str
    aspect: str
    value: float | None
    width: float
    below: str
    above: str
    solves: int
    other: float | None = None


@dataclass(frozen=True)
class StudyContent:
    """Everything that a study has to show; what is empty is left out.

    ``choices`` are the names (A, B, …) of what is chosen, with (words, share of all scenarios). ``other`` is the second
    objective of a front with its unit. ``base_usd`` is the TCO that a tornado is centred on.
    """

    kind: str
    problem: str
    scenarios: tuple[ScenarioRow, ...]
    choices: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    tornado: tuple[TornadoRow, ...] = ()
    base_usd: float | None = None
    effects: tuple[EffectRow, ...] = ()
    front: tuple[FrontRow, ...] = ()
    other: tuple[str, str] = ("", "")
    regret: tuple[RegretRow, ...] = ()
    flip: BreakEven | None = None
    stands: float | None = None


def build_study_report(content: StudyContent) -> Report:
    """Return the report of a study; its status is 'feasible' where scenarios are unanswered, else 'optimal'."""
    open_ = [row for row in content.scenarios if row.status in ("failed", "no_solution")]
    sections = (
        _flip(content.flip, content.stands),
        _answer(content, len(open_)),
        _tornado(content),
        _screening(content),
        _front(content),
        _distribution(content),
        _switching(content),
        _regret(content),
        _scenarios(content),
        _unanswered(open_),
    )
    title = f"{KINDS.get(content.kind, content.kind.capitalize())} of {content.problem}"
    return Report(title, "feasible" if open_ else "optimal", tuple(one for one in sections if one is not None))


def _flip(found: BreakEven | None, stands: float | None) -> Section | None:
    if found is None:
        return None
    change = f"{found.cell} {found.operator}"
    pairs = [("Cell", change.removesuffix(" =")), ("Decision", found.aspect)]
    if found.value is None:
        pairs += [("Flips at", "no value: it is the same at both ends"), ("Best there", found.below)]
    else:
        pairs.append(("Flips at", f"{found.value:,.6g} (± {found.width / 2:,.2g})"))
        if stands is not None:
            there = {"*=": stands * found.value, "+=": stands + found.value}.get(found.operator)
            pairs += [] if there is None else [("Which is", f"{there:,.6g}")]
            pairs.append(("As it stands", f"{stands:,.6g}"))
        pairs += [("Best below", found.below), ("Best above", found.above)]
        pairs += [] if found.other is None else [("Flips on the other side at", f"{found.other:,.6g}")]
    pairs.append(("Proven optima", f"{found.solves:,}"))
    return Section("flip", "Where the decision flips", (Figures(tuple(pairs)),))


def _costs(content: StudyContent) -> list[float]:
    return sorted(row.tco_usd for row in content.scenarios if row.tco_usd is not None)


def _answer(content: StudyContent, unanswered: int) -> Section:
    costs = _costs(content)
    without = sum(row.status == "infeasible" for row in content.scenarios)
    pairs = [("Scenarios", f"{len(content.scenarios):,}"), ("With a design", f"{len(costs):,}")]
    if without:
        pairs.append(("Without a design", f"{without:,}"))
    if unanswered:
        pairs.append(("Not answered", f"{unanswered:,}"))
    if costs:
        pairs += [("Least TCO", f"USD {amount(costs[0])}"), ("Largest TCO", f"USD {amount(costs[-1])}")]
    return Section("answer", "What was found", (Figures(tuple(pairs)),))


def _tornado(content: StudyContent) -> Section | None:
    if not content.tornado or content.base_usd is None:
        return None
    base = content.base_usd
    ranges = tuple(
        Range(
            row.cell,
            base if row.low_usd is None else row.low_usd,
            base if row.high_usd is None else row.high_usd,
            f"{number(row.low_value)}: {_end(row.low_usd, row.low_changes)}",
            f"{number(row.high_value)}: {_end(row.high_usd, row.high_changes)}",
        )
        for row in content.tornado
    )
    rows = [
        [
            row.cell,
            number(row.low_value),
            number(row.high_value),
            _end(row.low_usd, row.low_changes),
            _end(row.high_usd, row.high_changes),
            amount(row.swing_usd),
        ]
        for row in content.tornado
    ]
    headers = ["Input", ">Low", ">High", ">TCO at low, USD", ">TCO at high, USD", ">Swing, USD"]
    blocks: list[Block] = [
        RangeChart("TCO at the low and the high value of each input", "USD", base, ranges),
        table("Inputs by their effect on TCO", headers, rows),
    ]
    if any(row.low_changes or row.high_changes for row in content.tornado):
        blocks.append(Text("* another design is best there."))
    return Section("tornado", "One input at a time", tuple(blocks))


def _end(cost: float | None, changes: bool) -> str:
    return "no design" if cost is None else amount(cost) + ("*" if changes else "")


def _screening(content: StudyContent) -> Section | None:
    if not content.effects:
        return None
    bars = tuple(
        Bar(row.cell, row.mu_star_usd, amount(row.mu_star_usd), "mu*, USD")
        for row in content.effects
        if row.mu_star_usd is not None
    )
    rows = [
        [
            row.cell,
            amount(row.mu_star_usd),
            amount(row.sigma_usd),
            f"{row.changes} of {row.steps}",
            f"{row.broken or ''}",
        ]
        for row in content.effects
    ]
    headers = ["Input", ">mu*, USD", ">Sigma, USD", ">Design changes", ">No design"]
    words = "mu* is the mean change of TCO over the input's whole range, sigma how much that depends on other inputs."
    return Section(
        "screening",
        "Which inputs matter",
        (BarChart("Mean change of TCO over an input's range", bars), table("Inputs", headers, rows), Text(words)),
    )


def _front(content: StudyContent) -> Section | None:
    if not content.front:
        return None
    name, unit = content.other
    points = tuple((row.other, row.tco_usd) for row in sorted(content.front, key=lambda row: row.other))
    rows = []
    last: FrontRow | None = None
    for row in content.front:
        price = ""
        if last is not None and last.other > row.other:
            price = number((row.tco_usd - last.tco_usd) / (last.other - row.other))
        rows.append([amount(row.tco_usd), number(row.other, 6), price, row.choice])
        last = row
    headers = [">TCO, USD", f">{name}, {unit}", f">USD for one {unit} less", "Chosen"]
    chart = XYChart(f"TCO against {name}", f"{name}, {unit}", "TCO, USD", (("designs", points),), "dot")
    return Section("front", f"TCO against {name}", (chart, table("Designs that no other beats in both", headers, rows)))


def _distribution(content: StudyContent) -> Section | None:
    costs = _costs(content)
    if content.kind != "sample" or len(costs) < 2:
        return None
    share = tuple((cost, (index + 1) / len(costs)) for index, cost in enumerate(costs))
    mean = sum(costs) / len(costs)
    rows = [["mean", amount(mean)], ["standard deviation", amount(pstdev(costs, mean))]]
    rows += [[f"p{pct}", amount(quantile(costs, pct / 100))] for pct in QUANTILES]
    chart = XYChart("Share of the samples that cost no more", "TCO, USD", "share", (("samples", share),), "step")
    return Section("distribution", "How the TCO is distributed", (chart, table("TCO", ["", ">USD"], rows)))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile of ascending values, between neighbours in proportion (Hyndman and Fan 1996, type 7)."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def _switching(content: StudyContent) -> Section | None:
    if not content.choices:
        return None
    rows = [[name, percent(share), words] for name, (words, share) in content.choices.items()]
    blocks: list[Block] = [table("What is best (nodes; fabrics; sites)", ["", ">Scenarios", "Chosen"], rows)]
    names = list(dict.fromkeys(name for row in content.scenarios for name in row.inputs))
    if content.kind == "grid" and 1 <= len(names) <= 2:
        blocks.insert(0, _map(content, names[-1], names[0] if len(names) == 2 else ""))
    return Section("switching", "What the decision depends on", tuple(blocks))


def _map(content: StudyContent, across: str, down: str) -> Block:
    columns = list(dict.fromkeys(_word(row.inputs[across]) for row in content.scenarios))[:MOST_MAPPED]
    lines = list(dict.fromkeys(_word(row.inputs.get(down, "")) for row in content.scenarios))[:MOST_MAPPED]
    found = {
        (_word(row.inputs.get(down, "")), _word(row.inputs[across])): row.choice or row.status.replace("_", " ")
        for row in content.scenarios
    }
    cells = tuple(tuple(found.get((line, column), "") for column in columns) for line in lines)
    meanings = tuple((letter, words) for letter, (words, _) in content.choices.items())
    return HeatMap("What is best where", across, down, tuple(columns), tuple(lines), cells, meanings)


def _word(value: float | str, digits: int = 4) -> str:
    return value if isinstance(value, str) else number(value, digits)


def _regret(content: StudyContent) -> Section | None:
    if not content.regret:
        return None
    rows = [
        [
            row.name,
            row.bought,
            str(row.best_in),
            f"{row.kept} of {row.scenarios}",
            amount(row.mean_usd),
            amount(row.p95_usd),
            amount(row.worst_usd),
            amount(row.mean_tco_usd),
        ]
        for row in content.regret
    ]
    headers = [
        "",
        "Bought",
        ">Best in",
        ">Promises kept",
        ">Mean regret, USD",
        ">p95, USD",
        ">Worst, USD",
        ">Mean TCO, USD",
    ]
    words = "Regret is the TCO above that of the best design of the scenario, where the promises are kept."
    return Section("regret", "Buying one design for all", (table("Designs held as bought", headers, rows), Text(words)))


def _scenarios(content: StudyContent) -> Section:
    hidden = TOLD_BY_NAME.get(content.kind, ())
    names = list(dict.fromkeys(name for row in content.scenarios for name in row.inputs if name not in hidden))
    named = content.kind not in NAMED_BY_INPUTS or not names
    digits = 7 if content.kind == "breakeven" else 4  # bisection ends in values that are nearly the same
    rows = [
        [
            *([row.name] if named else []),
            *(_word(row.inputs.get(name, ""), digits) for name in names),
            row.status.replace("_", " "),
            amount(row.tco_usd),
            number(row.it_kw),
            number(row.carbon_t_per_year),
            row.choice,
        ]
        for row in _in_order(content, names)
    ]
    first = ["Scenario"] if named else []
    headers = [*first, *(f">{name}" for name in names), "Status", ">TCO, USD", ">IT kW", ">t CO2/year", "Chosen"]
    long = content.kind not in ("grid", "scenarios") or len(rows) > MOST_LISTED
    return Section("scenarios", "Every scenario", (table("Scenarios", headers, rows, is_detail=long),))


def _in_order(content: StudyContent, names: Sequence[str]) -> list[ScenarioRow]:
    """Return the scenarios in the order in which they were asked, of a break-even by the value of its cell."""
    rows = list(content.scenarios)
    if content.kind == "breakeven" and len(names) == 1:
        rows.sort(key=lambda row: float(row.inputs.get(names[0], 0.0)))
    return rows


def _unanswered(rows: Sequence[ScenarioRow]) -> Section | None:
    if not rows:
        return None
    words = tuple(f"{row.name}: {row.status.replace('_', ' ')}: {row.reason}" for row in rows)
    return Section("unanswered", "Scenarios without an answer", (Items(words),))
