"""What a design does over the years: what is bought when, how long it stays, the money of each year, rules of thumb."""

from __future__ import annotations

from dcopt.design.records import Asset, Design, Foresight
from dcopt.report.blocks import Block, Section, StackedChart, Text, table
from dcopt.report.numbers import amount, count, number, percent, price, usd


def years_section(design: Design) -> Section | None:
    """Return what is bought at each purchase date and what stands in every year; None where all is bought once."""
    if len(design.purchase_years) == 1 or not design.assets:
        return None
    known = () if design.foresight is None else (Text(_not_knowing(design.foresight)),)
    blocks: tuple[Block, ...] = (*known, _steps(design), _standing(design), *_chart(design), _all_assets(design))
    return Section("years", "What is bought when", blocks)


def _not_knowing(foresight: Foresight) -> str:
    return (
        f"Each purchase is decided knowing {count(foresight.years, 'year')} ahead. The best design found with the "
        f"whole horizon in view costs {usd(foresight.perfect_tco_usd)}: not knowing costs {usd(foresight.price_usd)} "
        f"({percent(foresight.price_usd / foresight.perfect_tco_usd)})."
    )


def _steps(design: Design) -> Block:
    """Return a row for each purchase date: what comes, what goes at its start, and what the purchases cost."""
    rows = []
    for year in design.purchase_years:
        come = [a for a in design.assets if a.bought_year == year and a.table == "nodes"]
        gone = [a for a in design.assets if a.gone_year == year - 1 and a.table == "nodes"]
        spent = sum(line.total_usd for line in design.bom_lines if line.year == year)
        other = spent - sum(line.total_usd for line in design.bom_lines if line.year == year and line.table == "nodes")
        sold = sum(a.resale_usd for a in design.assets if a.gone_year == year - 1)
        if come or gone or spent or _moved_words(design, year):
            words = (
                _words(come) or "nothing",
                "; ".join(filter(None, (_gone_words(gone), _moved_words(design, year)))),
            )
            rows.append((str(year), *words, amount(spent), amount(other), amount(sold)))
    head = (
        "year",
        "nodes bought",
        "nodes gone before or moved",
        ">purchases (USD)",
        ">of it not nodes",
        ">resale before (USD)",
    )
    return table("What is bought and what goes at the start of each year", head, rows)


def _words(assets: list[Asset]) -> str:
    units: dict[str, float] = {}
    for asset in assets:
        units[asset.name] = units.get(asset.name, 0.0) + asset.units
    return ", ".join(f"{number(n, 4)} {name}" for name, n in units.items())


def _moved_words(design: Design, year: int) -> str:
    """Return which nodes go to which site at the start of a year."""
    found: dict[tuple[str, str, str], float] = {}
    for one in design.assets:
        for move in one.moves:
            if one.table == "nodes" and move.year == year:
                key = (one.name, one.site_in(year - 1), move.site)
                found[key] = found.get(key, 0.0) + one.units
    return ", ".join(f"{number(n, 4)} {name} from {a} to {b}" for (name, a, b), n in found.items())


def _gone_words(assets: list[Asset]) -> str:
    parts = []
    for one in assets:
        fate = "sold" if one.resale_usd > 0 else "retired"
        since = "there before" if one.bought_year == 0 else f"of year {one.bought_year}"
        parts.append(f"{number(one.units, 4)} {one.name} {since} {fate}")
    return ", ".join(parts)


def _standing(design: Design) -> Block:
    """Return how many nodes of each kind stand and are used in every year."""
    years = range(1, design.horizon_years + 1)
    kinds = dict.fromkeys((a.site_in(year), a.name) for a in design.assets if a.table == "nodes" for year in years)
    rows = []
    for site, name in kinds:
        cells = []
        for year in years:
            there = sum(
                a.units
                for a in design.assets
                if (a.site_in(year), a.table, a.name) == (site, "nodes", name)
                and max(1, a.bought_year) <= year <= a.gone_year
            )
            used = sum(
                p.nodes for p in design.pools if (p.site, p.bought_as, p.year, p.rented) == (site, name, year, False)
            )
            cells.append(f"{number(there, 4)}" if used == there else f"{number(there, 4)} ({used})")
        rows.append((site, name, *cells))
    head = ("site", "node", *(f">{year}" for year in years))
    return table("Nodes that stand in each year (in brackets: those in use, where some are switched off)", head, rows)


def _chart(design: Design) -> tuple[Block, ...]:
    years = range(1, design.horizon_years + 1)
    kinds = dict.fromkeys(a.name for a in design.assets if a.table == "nodes")
    series = tuple(
        (
            name,
            tuple(
                sum(
                    a.units
                    for a in design.assets
                    if (a.table, a.name) == ("nodes", name) and max(1, a.bought_year) <= year <= a.gone_year
                )
                for year in years
            ),
        )
        for name in kinds
    )
    labels = tuple(str(year) for year in years)
    return (StackedChart("Nodes that stand in each year", "nodes", "year", labels, series),) if series else ()


def _all_assets(design: Design) -> Block:
    rows = [
        (
            a.site,
            a.table,
            a.name,
            "there before" if a.bought_year == 0 else str(a.bought_year),
            str(a.gone_year) + (" (kept past its life)" if a.kept else ""),
            number(a.units, 6),
            price(a.unit_price_usd),
            amount(a.resale_usd) if a.resale_usd else "",
            ", ".join(f"to {move.site} in year {move.year}" for move in a.moves),
        )
        for a in design.assets
    ]
    head = ("site", "table", "row", "bought in year", "stands to year", ">units", ">unit price (USD)")
    whole = table("Everything that stands, from when to when", (*head, ">resale (USD)", "moved"), rows)
    return type(whole)(whole.caption, whole.headers, whole.aligns, whole.rows, is_detail=True)


def finance_section(design: Design) -> Section | None:
    """Return the money of every year: charges, unit costs, present value, and the after-tax view if it is asked for."""
    if not design.finance:
        return None
    rows = [
        (
            str(row.year),
            amount(row.cash_usd),
            amount(row.charge_usd),
            amount(row.running_usd),
            _unit(row.usd_per_accelerator_hour),
            _unit(row.usd_per_million_tokens),
            "" if row.usd_per_training_run is None else amount(row.usd_per_training_run),
            amount(row.npv_usd),
        )
        for row in design.finance
    ]
    head = (
        "year",
        ">cash (USD)",
        ">capital charge",
        ">running",
        ">USD an accelerator-hour",
        ">USD a million tokens",
        ">USD a training run",
        ">present value so far",
    )
    blocks: list[Block] = [table("The money of each year", head, rows)]
    blocks.append(
        Text(
            "The capital charge is the annuity, over its own life, of everything bought and not past its life. Unit "
            "costs are charge and running cost shared by accelerator-hours, idle and spare ones included. The present "
            "value is of all cash; nothing is worth anything after the last year."
        )
    )
    if design.finance[0].after_tax_cash_usd is not None:
        taxed = (
            "year",
            ">cash as financed (USD)",
            ">depreciation",
            ">cash after tax",
            ">present value so far",
        )
        blocks.append(
            table(
                "After tax",
                taxed,
                [
                    (
                        str(row.year),
                        amount(row.financed_cash_usd),
                        amount(row.depreciation_usd),
                        amount(row.after_tax_cash_usd),
                        amount(row.after_tax_npv_usd),
                    )
                    for row in design.finance
                ],
            )
        )
        blocks += _financing(design)
        note = "Cost lowers the tax of the year in which it may be deducted; this view has no effect on the design."
        blocks.append(Text(note))
    return Section("finance", "The money of each year", tuple(blocks))


def _financing(design: Design) -> list[Block]:
    """Return what buying, leasing and a loan cost after tax, beside each other."""
    if not design.financing:
        return []
    rows = [(case.financing, amount(case.after_tax_npv_usd), amount(case.most_cash_usd)) for case in design.financing]
    head = ("purchases are paid by", ">present value after tax (USD)", ">most cash of a year, before tax")
    terms = "Lease and loan are on the terms of the settings; what is owed when the horizon ends is paid then."
    return [table("Buy, lease or loan", head, rows), Text(terms)]


def _unit(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}"


def rules_section(design: Design) -> Section | None:
    """Return what common rules of buying cost beside this design; None where they were not asked."""
    if not design.rules:
        return None
    rows = []
    for rule in design.rules:
        if rule.tco_usd is None or rule.extra_usd is None or rule.extra_proven_usd is None:
            rows.append((rule.sentence, "", "", "", rule.reason))
            continue
        share = f"{amount(rule.extra_usd)} ({percent(rule.extra_usd / rule.tco_usd)})"
        proven = amount(max(0.0, rule.extra_proven_usd))
        rows.append((rule.sentence, amount(rule.tco_usd), share, proven, f"gap {percent(rule.gap or 0.0)}"))
    head = ("rule", ">its TCO (USD)", ">more than this design", ">of it proven", "remark")
    note = (
        f"This design costs {usd(design.tco_usd or 0.0)} over {count(design.horizon_years, 'year')}. Each rule is "
        "solved as the same program with only the purchases that it allows; what is proven is what no design that "
        "keeps it saves."
    )
    return Section("rules", "Rules of thumb beside the optimum", (table("Rules", head, rows), Text(note)))
