"""What a design costs: by category, by year, against the baseline, and line by line."""

from __future__ import annotations

from dcopt.design.records import CAPITAL_CATEGORIES, Cost, Design
from dcopt.report.blocks import Bar, BarChart, Block, Section, SplitBar, StackedChart, Text, table
from dcopt.report.numbers import amount, count, number, percent, price, usd


def cost_section(design: Design) -> Section:
    """Return the discounted cost by category and the undiscounted cash by year."""
    if design.cost is None:
        return Section("cost", "Cost", (Text("No cost is known."),))
    cost = design.cost
    span = count(design.horizon_years, "year")
    by_category = f"Discounted cost by category over {span}"
    by_year = "Cash by year, undiscounted"
    blocks: tuple[Block, ...] = (
        _kinds(cost),
        BarChart(f"{by_category} (USD)", _bars(cost)),
        table(by_category, ("category", "kind", ">USD", ">share"), _rows(cost), has_total=True),
        _cash_chart(design, cost),
        table(by_year, ("year", ">purchases", ">running", ">total"), _cash_rows(cost), has_total=True),
        Text(
            "Discounted capital is what purchases cost less what they are still worth at the end of the horizon; "
            "cash is what is paid in each year, replacements included, without that worth."
        ),
        *_residual(design),
    )
    return Section("cost", "Cost", blocks)


def _residual(design: Design) -> tuple[Block, ...]:
    """Return what the answer owes to the assumed residual value."""
    if not design.residual:
        return ()
    words = {True: "yes", False: "no", None: "not solved"}
    rows = [
        (
            f"{case.residual_pct:g} %",
            amount(case.tco_usd),
            "" if case.best_tco_usd is None else amount(case.best_tco_usd),
            words[case.design_changes],
        )
        for case in design.residual
    ]
    head = ("residual value", ">TCO of this design", ">TCO of the best design", "another design is better")
    return (table("What equipment is worth at the end of the horizon (share of its book value)", head, rows),)


def _kinds(cost: Cost) -> SplitBar:
    """Return capital against running cost, discounted."""
    parts = (("capital", sum(cost.capital.values())), ("running", sum(cost.running.values())))
    shown = tuple((name, value, usd(value)) for name, value in parts)
    return SplitBar("Capital against running cost, discounted", shown)


def _parts(cost: Cost) -> list[tuple[str, str, float]]:
    parts = [(name, "capital", value) for name, value in cost.capital.items()]
    return parts + [(name, "running", value) for name, value in cost.running.items()]


def _rows(cost: Cost) -> list[tuple[str, ...]]:
    total = sum(value for _, _, value in _parts(cost))
    whole = total or 1.0
    rows: list[tuple[str, ...]] = [
        (name, kind, amount(value), percent(value / whole)) for name, kind, value in _parts(cost) if value
    ]
    for kind, part in (("capital", cost.capital), ("running", cost.running)):
        rows.append((f"all {kind}", "", amount(sum(part.values())), percent(sum(part.values()) / whole)))
    rows.append(("total (TCO)", "", amount(total), percent(1.0)))
    return rows


def _bars(cost: Cost) -> tuple[Bar, ...]:
    parts = sorted((part for part in _parts(cost) if part[2] > 0), key=lambda part: -part[2])
    return tuple(Bar(name, value, amount(value), kind) for name, kind, value in parts)


def _cash_rows(cost: Cost) -> list[tuple[str, ...]]:
    years = cost.cash_by_year
    rows: list[tuple[str, ...]] = [
        (str(y.year), amount(y.capital_usd), amount(y.running_usd), amount(y.total_usd)) for y in years
    ]
    sums = (sum(y.capital_usd for y in years), sum(y.running_usd for y in years), sum(y.total_usd for y in years))
    return [*rows, ("all", *(amount(value) for value in sums))]


def _cash_chart(design: Design, cost: Cost) -> StackedChart:
    """Return the cash of each year: purchases by category (from the bill of materials) and running cost."""
    years = [cash.year for cash in cost.cash_by_year]
    bought: dict[str, dict[int, float]] = {}
    for line in design.bom_lines:
        by_year = bought.setdefault(line.category, {})
        by_year[line.year] = by_year.get(line.year, 0.0) + line.total_usd
    order = [name for name in CAPITAL_CATEGORIES if name in bought]
    series = [(name, tuple(bought[name].get(year, 0.0) for year in years)) for name in order]
    series.append(("running", tuple(cash.running_usd for cash in cost.cash_by_year)))
    shown = tuple((name, values) for name, values in series if any(values))
    return StackedChart("Cash by year, undiscounted (USD)", "USD", "year", tuple(str(year) for year in years), shown)


def binding_section(design: Design) -> Section:
    """Return the promises and limits that are (nearly) used up."""
    if not design.binding:
        return Section("binding", "What binds", (Text("No promise or limit is nearly used up."),))
    rows = [
        (entry.row, entry.sentence, f"{number(entry.used_pct, 4)} %", amount(entry.saving_usd))
        for entry in sorted(design.binding, key=lambda entry: -entry.used_pct)
    ]
    headers = ("row", "what it says", ">used", ">one unit more saves (USD)")
    return Section("binding", "What binds", (table("Promises and limits that are nearly used up", headers, rows),))


def baseline_section(design: Design) -> Section:
    """Return what the same node and fabric everywhere would cost, or why that is not known."""
    title = "The baseline: one node and one fabric everywhere"
    base = design.baseline
    if base is None:
        reason = design.baseline_reason or "it was not computed"
        return Section("baseline", title, (Text(f"There is no baseline: {reason.rstrip('.')}."),))
    rows = [
        ("node", base.node),
        ("fabric", base.fabric),
        ("its TCO (USD)", amount(base.tco_usd)),
        ("no such design is below (USD)", amount(base.objective_bound)),
        ("its gap", percent(base.gap)),
        ("this design saves (USD)", amount(base.saving_usd)),
        ("of which proven (USD)", amount(base.saving_proven_usd)),
    ]
    return Section("baseline", title, (table("Baseline", ("what", ">value"), rows),))


def rejected_section(design: Design) -> Section | None:
    """Return candidates that lost and why, where they are known."""
    if not design.rejected:
        return None
    rows = [(r.workload, f"{r.node} on {r.fabric} at {r.site}", r.description, r.reason) for r in design.rejected]
    headers = ("workload", "where", "candidate", "why not")
    return Section("rejected", "What was rejected", (table("Candidates that lost", headers, rows),))


def bom_section(design: Design) -> Section:
    """Return the bill of materials, one row a line, with its total."""
    title = "Bill of materials"
    if not design.bom_lines:
        return Section("bom", title, (Text("Nothing is bought."),), is_appendix=True)
    rows = [
        (
            line.site,
            str(line.year),
            line.category,
            line.table,
            line.item,
            number(line.quantity, 6),
            price(line.unit_price_usd),
            amount(line.total_usd),
        )
        for line in design.bom_lines
    ]
    total = sum(line.total_usd for line in design.bom_lines)
    rows.append(("total", "", "", "", "", "", "", amount(total)))
    headers = ("site", "year", "category", "table", "item", ">quantity", ">unit price (USD)", ">total (USD)")
    note = f"Purchases at their full price, undiscounted, in the year of the purchase: {usd(total)}."
    bom = table("Bill of materials", headers, rows, has_total=True)
    return Section("bom", title, (bom, Text(note)), is_appendix=True)
