"""Why the design is as it is: rivals of every choice, the price of every promise, the next different design."""

from __future__ import annotations

from dcopt.design.explanation import Change, Explanation, Extra, PromisePrice, Trade
from dcopt.design.records import Design
from dcopt.design.words import runs_in_words
from dcopt.report.blocks import Block, Items, Section, Text, table
from dcopt.report.numbers import amount, number, usd

TINY = 1e-6
"""Share of the objective (and at least half a unit) up to which a difference counts as nothing: answers are solved to
about that gap."""
SHOWN_OPEN = 8


def why_section(design: Design, explanation: Explanation | None) -> Section | None:
    """Return what 'dcopt explain' found about the design; None where it was not asked, or about another design."""
    if explanation is None or explanation.value != design.objective_value:
        return None
    blocks = (*_rivals(design, explanation), *_next(explanation), *_prices(explanation), *_proof(explanation))
    return Section("why", "Why this design", blocks)


def _rivals(design: Design, explanation: Explanation) -> tuple[Block, ...]:
    tiny = _tiny(explanation)
    rows: list[tuple[str, ...]] = []
    for workload in dict.fromkeys(rival.workload for rival in explanation.rivals):
        rows.append((workload, "as designed", "; ".join(runs_in_words(design, workload)), "", ""))
        for rival in explanation.rivals:
            if rival.workload == workload:
                words = "; ".join(rival.runs) or rival.extra.reason or "no such design keeps every promise"
                rows.append(("", rival.what, words, _added(rival.extra, tiny), _traded(rival.trade)))
    blocks: list[Block] = []
    if rows:
        headers = ("workload", "", "how it runs", f">adds ({explanation.unit})", "in the whole design")
        blocks.append(table("The best other ways to run each workload", headers, rows))
    unable = [(u.workload, u.node, u.site, u.reason) for u in explanation.unable]
    if unable:
        columns = ("workload", "node", "at", "why it cannot run there")
        blocks.append(table("Nodes that cannot keep the promises at any price", columns, unable, is_detail=True))
    return tuple(blocks)


def _next(explanation: Explanation) -> tuple[Block, ...]:
    found = explanation.next_design
    if found is None:
        return ()
    if found.extra.status == "impossible":
        return (Text("No design does without any of the node types, fabrics, cooling units and sites of this one."),)
    if found.extra.status == "undecided":
        return (Text("The next best design of other parts was not found in the time."),)
    parts = f"without {_named(found.without)}" + (f", with {_named(found.with_)}" if found.with_ else "")
    added, traded = _added(found.extra, _tiny(explanation)), _traded(found.trade)
    end = f": {traded}." if traded else "."
    return (Text(f"The next best design of other parts ({parts}) adds {explanation.unit} {added}{end}"),)


def _named(parts: tuple[str, ...]) -> str:
    return ", ".join(part.replace(":", " ") for part in parts)


def _prices(explanation: Explanation) -> tuple[Block, ...]:
    tiny = _tiny(explanation)
    rows, free = [], []
    for price in explanation.prices:
        if _is_free(price, tiny):
            free.append(price.row)
        elif not _says_nothing(price, tiny):
            saved = _step(price.lifted, tiny, saves=True)
            doubled = price.lifted is not None and price.lifted.to != "without it"
            without = f"{saved[1]} (at {saved[0]})" if doubled else saved[1]
            steps = (*_step(price.tighter, tiny), *_step(price.looser, tiny, saves=True))
            rows.append((price.row, price.value, price.used, *steps, without))
    blocks: list[Block] = []
    if rows:
        headers = ("promise", ">now", ">used", ">tighter", ">costs", ">looser", ">saves", ">saves without it")
        blocks.append(table(f"What each promise costs ({explanation.unit})", headers, rows))
    if free:
        text = "These cost nothing: a step tighter adds nothing, and without them nothing is saved"
        blocks.append(Text(f"{text}: {'; '.join(free)}."))
    return tuple(blocks)


def _changes(price: PromisePrice) -> list[Change]:
    return [change for change in (price.tighter, price.looser, price.lifted) if change is not None]


def _is_free(price: PromisePrice, tiny: float) -> bool:
    """Whether everything was asked, and neither a tighter nor a looser promise changes the cost."""
    is_asked = price.lifted is not None or price.looser is not None
    return is_asked and all(_is_nothing(change.extra, tiny) for change in _changes(price))


def _says_nothing(price: PromisePrice, tiny: float) -> bool:
    """Whether nothing was asked but that a tighter promise costs nothing."""
    is_asked = price.lifted is not None or price.looser is not None
    return not is_asked and all(_is_nothing(change.extra, tiny) for change in _changes(price))


def _is_nothing(extra: Extra, tiny: float) -> bool:
    if extra.status != "priced" or extra.least is None or extra.most is None:
        return False
    return max(abs(extra.least), abs(extra.most)) <= tiny


def _tiny(explanation: Explanation) -> float:
    return max(0.5, TINY * abs(explanation.best))


def _step(change: Change | None, tiny: float, *, saves: bool = False) -> tuple[str, str]:
    """Return (to what a promise is changed, what that costs or saves)."""
    if change is None:
        return "", ""
    extra = change.extra
    if saves:
        found, least, most = (None if x is None else -x for x in (extra.found, extra.most, extra.least))
        extra = Extra(status=extra.status, found=found, least=least, most=most, reason=extra.reason)
    return change.to, _added(extra, tiny)


def _added(extra: Extra, tiny: float) -> str:
    """Write what a change adds: one amount where it is known well enough, else from where to where."""
    if extra.status == "impossible":
        return "no design"
    low, high = extra.least, extra.most
    if extra.status == "undecided":
        return "not decided" if low is None or low <= tiny else f"{amount(low)} or more"
    if low is None or high is None:
        return f"about {amount(extra.found)}"
    if extra.is_exact or high - low <= 2 * tiny:
        return amount(0.0 if _is_nothing(extra, 2 * tiny) else extra.found)
    return f"{amount(low)} to {amount(high)}"


def _traded(trade: Trade | None) -> str:
    if trade is None:
        return ""
    parts = [
        f"capital {_signed(trade.capital_usd)}",
        f"running {_signed(trade.running_usd)} USD",
        f"{_signed(trade.facility_kw)} kW" if abs(trade.facility_kw) >= 0.05 else "",
        f"{trade.racks:+d} rack{'' if abs(trade.racks) == 1 else 's'}" if trade.racks else "",
        f"{_signed(trade.carbon_t_per_year)} t CO2/year" if abs(trade.carbon_t_per_year) >= 0.05 else "",
    ]
    return ", ".join(part for part in parts if part)


def _signed(value: float) -> str:
    text = amount(abs(value)) if abs(value) >= 1000 else number(abs(value))
    return "±0" if text == "0" else f"{'+' if value > 0 else '−'}{text}"


def _proof(explanation: Explanation) -> tuple[Block, ...]:
    """Return how exact the amounts are, and what is still open."""
    lines = [
        "Every amount is the difference between the best design with the change and the best one without it, each "
        "solved anew; a range is what the proofs leave open."
    ]
    if explanation.bound is not None and explanation.best - explanation.bound > 2 * _tiny(explanation):
        lines.append(
            f"The best design as it stands is proven only to lie between {_money(explanation, explanation.bound)} and "
            f"{_money(explanation, explanation.best)}, so no amount is known better than that."
        )
    if explanation.value - explanation.best > _tiny(explanation):
        lines.append(
            f"A design was found that is better by {_money(explanation, explanation.value - explanation.best)}, within "
            "the gap of this one: amounts are against it. 'dcopt solve --gap 1e-6' finds it."
        )
    if explanation.open_questions:
        shown = "; ".join(explanation.open_questions[:SHOWN_OPEN])
        more = len(explanation.open_questions) - SHOWN_OPEN
        rest = f" and {more} more" if more > 0 else ""
        lines.append(f"The time did not suffice for: {shown}{rest}. 'dcopt explain' again goes on from here.")
    return (Items(tuple(lines)),)


def _money(explanation: Explanation, value: float) -> str:
    return usd(value) if explanation.unit == "USD" else f"{amount(value)} {explanation.unit}"
