"""The content of a robust study's report: one purchase for many futures, beside the nominal one."""

from __future__ import annotations

from dataclasses import dataclass

from dcopt.report.blocks import Block, Figures, Report, Section, Text, XYChart, table
from dcopt.report.numbers import amount, number, percent

CURVES = "Share of the futures whose promises are kept at no more than this cost"


@dataclass(frozen=True)
class PartRow:
    """Units that the robust and the nominal purchase buy of a row of a table at a site."""

    site: str
    table: str
    row: str
    robust: float
    nominal: float


@dataclass(frozen=True)
class Judged:
    """How a purchase fares in scenarios that it is held fixed in.

    Attributes
    ----------
    scenarios: how many there are.
    costs: TCO of those in which they are kept, ascending, USD.
    mean_usd, worst_usd, cvar_usd: of those costs (CVaR is the mean of the dearest 5 %); None where there is none.
    common_mean_usd: mean over the scenarios in which every purchase that was judged with it keeps the promises.
    """

    name: str
    scenarios: int
    costs: tuple[float, ...]
    mean_usd: float | None
    worst_usd: float | None
    cvar_usd: float | None
    common_mean_usd: float | None

    @property
    def kept(self) -> int:
        """In how many scenarios every promise is kept."""
        return len(self.costs)


@dataclass(frozen=True)
class Later:
    """What of the robust purchase's futures is decided later: the years of the dates, and the undiscounted purchases
    beyond the first, least, mean and most over the scenarios in which the promises are kept, USD."""

    years: tuple[int, ...]
    least_usd: float
    mean_usd: float
    most_usd: float


@dataclass(frozen=True)
class RobustContent:
    """Everything that a robust study has to show; ``fares`` are by what it was held fixed in.

    ``later`` is None where everything is bought at once.
    """

    problem: str
    goal: str
    scenarios: int
    status: str
    objective_usd: float
    bound_usd: float | None
    given_up: tuple[str, ...]
    parts: tuple[PartRow, ...]
    fares: tuple[tuple[str, tuple[Judged, ...]], ...]
    later: Later | None = None


def build_robust_report(content: RobustContent) -> Report:
    """Return the report of a robust study."""
    sections = (_answer(content), _parts(content), *(_fares(title, rows) for title, rows in content.fares))
    return Report(f"One purchase for many futures of {content.problem}", content.status, sections)


def _answer(content: RobustContent) -> Section:
    pairs = [
        ("It costs", f"USD {amount(content.objective_usd)}"),
        ("Scenarios", f"{content.scenarios:,}"),
    ]
    if content.bound_usd is not None:
        gap = 1.0 - content.bound_usd / content.objective_usd if content.objective_usd else 0.0
        pairs += [("No purchase costs less", f"USD {amount(content.bound_usd)}"), ("Gap", percent(max(0.0, gap)))]
    blocks: list[Block] = [Text(f"Asked for: {content.goal}."), Figures(tuple(pairs))]
    if content.given_up:
        blocks.append(Text(f"Promises need not be kept in {', '.join(content.given_up)}."))
    return Section("answer", "What was found", tuple(blocks))


def _parts(content: RobustContent) -> Section:
    rows = [
        [one.site, one.table, one.row, number(one.robust), number(one.nominal), _signed(one.robust - one.nominal)]
        for one in content.parts
    ]
    headers = ["Site", "Table", "Row", ">Robust", ">Nominal", ">More"]
    words = "Nominal is the cheapest design of the problem as it stands. "
    if content.later is None:
        words += (
            "What is bought is the same in every scenario and all of it is paid; how it is run follows each scenario."
        )
        return Section("parts", "What is bought", (table("Units", headers, rows), Text(words)))
    words += (
        "These are the purchases of year 1, the same in every scenario. What is bought, kept, sold or moved at a later "
        "date, what is rented, how all of it is run, and what follows the capital spent are decided in each scenario, "
        "as if it were known from the second date on."
    )
    return Section("parts", "What is bought first", (table("Units", headers, rows), Text(words), _later(content.later)))


def _later(later: Later) -> Text:
    years = " ".join(str(year) for year in later.years)
    if later.most_usd == 0.0:
        return Text(f"At the later dates (year {years}) no scenario buys anything.")
    return Text(
        f"At the later dates (year {years}) the scenarios buy for USD {amount(later.least_usd)} to "
        f"{amount(later.most_usd)}, USD {amount(later.mean_usd)} on average (undiscounted, replacements included)."
    )


def _signed(value: float) -> str:
    if abs(value) < 5e-4:
        return ""
    return f"{'+' if value > 0 else '-'}{number(abs(value))}"


def _fares(title: str, rows: tuple[Judged, ...]) -> Section:
    cells = [
        [
            row.name,
            f"{len(row.costs)} of {row.scenarios}",
            amount(row.mean_usd),
            amount(row.cvar_usd),
            amount(row.worst_usd),
            amount(row.common_mean_usd),
        ]
        for row in rows
    ]
    headers = [
        "Bought",
        ">Promises kept",
        ">Mean TCO, USD",
        ">CVaR 95 %, USD",
        ">Worst TCO, USD",
        ">Mean where all keep",
    ]
    words = (
        "Mean, CVaR (the mean of the dearest 5 %) and worst are of the futures in which the purchase keeps the "
        "promises, so a purchase that breaks them where they are dear looks cheap; the last column compares like "
        "with like."
    )
    blocks: list[Block] = [table("Held as bought", headers, cells), Text(words)]
    curves = tuple(
        (row.name, tuple((cost, (index + 1) / row.scenarios) for index, cost in enumerate(sorted(row.costs))))
        for row in rows
        if len(row.costs) > 1
    )
    if curves:
        blocks.insert(0, XYChart(CURVES, "TCO, USD", "share", curves, "step"))
    return Section(f"fares-{title.replace(' ', '-')}", f"Held fixed in {title}", tuple(blocks))
