"""The answer of a report: what to buy, what it costs, and how well that is proven; or why there is none."""

from __future__ import annotations

from dcopt.design.records import Design, PoolRecord
from dcopt.report.blocks import Block, Figures, Items, Section, Text, XYChart, table
from dcopt.report.numbers import amount, count, number, percent, usd, years_text
from dcopt.report.promises import probabilities, sure_sentence

OBJECTIVES = {
    "tco": "total cost of ownership",
    "capex": "purchases",
    "energy": "energy",
    "carbon": "carbon",
}
MONEY_OBJECTIVES = ("tco", "capex")


def has_design(design: Design) -> bool:
    """Whether there is a design to report, as opposed to the word that there is none."""
    return design.status in ("optimal", "feasible")


def title_of(design: Design) -> str:
    """Return the title of the report."""
    return f"Data-centre design: {design.problem}"


def answer_section(design: Design) -> Section:
    """Return the answer: a paragraph, and the key figures where there is a design."""
    if not has_design(design):
        return Section("answer", "The answer", (Text(_no_design(design)),))
    blocks: tuple[Block, ...] = (
        Text(
            " ".join(
                (_purchase(design), _price(design), _proof(design), sure_sentence(design), _saving(design))
            ).strip()
        ),
        Figures(_figures(design)),
    )
    return Section("answer", "The answer", blocks)


def diagnosis_section(design: Design) -> Section | None:
    """Return why there is no design (or what the pre-check remarked), where anything is known."""
    if not design.diagnosis:
        return None
    title = "Remarks on the problem" if has_design(design) else "Why there is no design"
    return Section("diagnosis", title, (Items(design.diagnosis),))


def proof_section(design: Design) -> Section:
    """Return incumbent, bound and gap, and the size and times of the program."""
    rows: list[tuple[str, str, str]] = [("status", design.status, STATUS_WORDS[design.status])]
    unit = "USD" if design.objective in MONEY_OBJECTIVES else ""
    if design.objective_value is not None:
        what = f"{OBJECTIVES.get(design.objective, design.objective)} of this design (incumbent)"
        rows.append((what, _objective(design.objective_value, unit), ""))
    if design.objective_bound is not None:
        rows.append(("no design can be below (bound)", _objective(design.objective_bound, unit), ""))
    if design.objective_value is not None and design.objective_bound is not None:
        most = max(0.0, design.objective_value - design.objective_bound)
        rows.append(("gap", _objective(most, unit), "the most that a better design could save"))
    if design.gap is not None:
        rows.append(("gap, relative", percent(design.gap), f"asked for: {percent(design.gap_target)}"))
    if design.stopped_by:
        rows.append(("stopped by", design.stopped_by, ""))
    if design.solve_seconds:
        rows.append(("solve time", f"{number(design.solve_seconds)} s", ""))
    rows += [(f"time: {name}", f"{number(seconds)} s", "") for name, seconds in design.timings_s.items()]
    rows += [(f"size: {name}", number(size), "") for name, size in design.size.items()]
    proof = table("Proof", ("what", ">value", "remark"), rows)
    scope = "The proof holds for the candidates that dcopt considered and for its predictions of their speed."
    trace = _trace(design, unit)
    if not has_design(design):
        return Section("proof", "What the solver did", (*trace, proof))
    return Section("proof", "How good it is", (*trace, proof, Text(scope)))


def _trace(design: Design, unit: str) -> tuple[XYChart, ...]:
    """Return incumbent and bound over the time of the solve."""
    found = [(p.seconds, p.incumbent) for p in design.progress if p.incumbent is not None]
    proven = [(p.seconds, p.bound) for p in design.progress if p.bound is not None]
    series = tuple(
        (name, tuple((x, y) for x, y in points if y is not None))
        for name, points in (("best so far", found), ("bound", proven))
        if points
    )
    if not series:
        return ()
    what = OBJECTIVES.get(design.objective, design.objective)
    title = "How the proof grew: the best design so far, and the bound below which none can be"
    return (XYChart(title, "seconds", f"{what}{f' ({unit})' if unit else ''}", series, "step"),)


STATUS_WORDS = {
    "optimal": "proven to be within the gap that was asked for",
    "feasible": "keeps every promise, but the solver stopped before the gap was proven",
    "infeasible": "no design keeps every promise within the limits",
    "no_solution": "the solver stopped before it found a design; one may still exist",
}


def _objective(value: float, unit: str) -> str:
    return f"{unit} {amount(value)}" if unit else number(value, 6)


def _no_design(design: Design) -> str:
    if design.status == "infeasible":
        text = "There is no design: no purchase keeps every promise within the limits of this problem."
    else:
        stopped = f" ({design.stopped_by})" if design.stopped_by else ""
        text = (
            f"The solver stopped{stopped} before it found a design. That says nothing about whether one exists: "
            "give it more time or a wider gap."
        )
    return text + (" What stands in the way is said below." if design.diagnosis else "")


def _purchase(design: Design) -> str:
    """Return the sentence that names the nodes of each pool, in the year in which it is largest."""
    largest: dict[tuple[str, str, str], PoolRecord] = {}
    for pool in design.pools:
        key = (pool.site, pool.node, pool.fabric)
        if key not in largest or pool.nodes > largest[key].nodes:
            largest[key] = pool
    phrases: dict[str, list[str]] = {}
    for pool in largest.values():
        what = f"× {pool.node}{'' if pool.fabric == 'none' else f' on {pool.fabric}'} at {pool.site}"
        if pool.rented:
            phrases.setdefault("rent", []).append(f"{pool.nodes:,} {what}")
            continue
        kept = pool.nodes - pool.bought
        if pool.bought:
            phrases.setdefault("buy", []).append(f"{pool.bought:,} {what}")
        if kept > 0:
            phrases.setdefault("use what is there:", []).append(f"{kept:,} {what}")
    if not phrases:
        return "No nodes are needed."
    sentence = "; ".join(f"{verb} {', '.join(items)}" for verb, items in phrases.items())
    return f"{sentence[0].upper()}{sentence[1:]}."


def _price(design: Design) -> str:
    if design.tco_usd is None:
        return ""
    text = f"Over {count(design.horizon_years, 'year')} this costs {usd(design.tco_usd)} (discounted)"
    if design.cost is None:
        return f"{text}."
    capital, running = sum(design.cost.capital.values()), sum(design.cost.running.values())
    return f"{text}: {usd(capital)} of capital and {usd(running)} of running cost."


def _proof(design: Design) -> str:
    value, bound, gap = design.objective_value, design.objective_bound, design.gap
    if value is None or bound is None or gap is None:
        return ""
    unit = "USD" if design.objective in MONEY_OBJECTIVES else ""
    of = "" if design.objective == "tco" else f" of {OBJECTIVES.get(design.objective, design.objective)}"
    most = _objective(max(0.0, value - bound), unit)
    if design.status == "optimal":
        return f"It is proven that no design saves more than {most}{of} ({percent(gap)}) against this one."
    stopped = f" ({design.stopped_by})" if design.stopped_by else ""
    return (
        f"The solver stopped{stopped} before the proof was complete: "
        f"a better design could still save up to {most}{of} ({percent(gap)})."
    )


def _saving(design: Design) -> str:
    if design.baseline is None:
        return ""
    base = design.baseline
    with_fabric = "" if base.fabric == "none" else f" on {base.fabric}"
    if base.saving_usd == 0.0:
        return f"One kind of node everywhere ({base.node}{with_fabric}) is the best choice here."
    found = "" if base.gap <= design.gap_target * 1.01 else " found in its time"
    return (
        f"The best design{found} with one kind of node everywhere ({base.node}{with_fabric}) "
        f"costs {usd(base.tco_usd)}, {usd(base.saving_usd)} more."
    )


def _figures(design: Design) -> tuple[tuple[str, str], ...]:
    pairs = []
    if design.tco_usd is not None:
        pairs.append(("TCO", usd(design.tco_usd)))
    if design.gap is not None:
        pairs.append(("proven gap", percent(design.gap)))
    if design.kept_pct is not None and design.promises:
        pairs.append(("all promises kept", probabilities(design.kept_pct, design.kept_at_most_pct)))
    if design.bom_lines:
        pairs.append(("purchases", usd(sum(line.total_usd for line in design.bom_lines))))
    if design.baseline is not None:
        pairs.append(("saving against the baseline", usd(design.baseline.saving_usd)))
    accelerators: dict[int, int] = {}
    for pool in design.pools:
        accelerators[pool.year] = accelerators.get(pool.year, 0) + pool.accelerators
    if accelerators:
        most = max(accelerators.values())
        when = [year for year, units in accelerators.items() if units == most]
        label = "accelerators" if len(when) == len(accelerators) else f"accelerators (year {years_text(when)})"
        pairs.append((label, number(most)))
    grid: dict[int, float] = {}
    for site in design.sites:
        grid[site.year] = grid.get(site.year, 0.0) + site.facility_kw
    if grid:
        pairs.append(("peak grid draw", f"{number(max(grid.values()))} kW"))
    return tuple(pairs)
