"""How sure a design is of its promises: the probability of each, what its predictions rest on, what a margin costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcopt.design.records import Design, PromiseRecord
from dcopt.report.blocks import Block, Section, Text, table
from dcopt.report.numbers import merged_years, named_years, number, together, usd

WHAT = {"days": "days of a run", "first": "first token", "pace": "pace and rate"}


def promises_section(design: Design) -> Section | None:
    """Return the probability of each promise, the error bands behind it, and the measurements that were used."""
    if not design.promises and not _measured(design):
        return None
    rows = together([(shown[0], shown[1], years, *shown[2:]) for years, shown in merged_years(design.promises, _row)])
    headers = (
        "workload",
        "promise",
        "years",
        "node",
        ">slack",
        ">error (typical)",
        ">kept",
        "measured group",
        "remark",
    )
    blocks: list[Block] = [Text(_explanation())]
    if rows:
        blocks.append(table("Promises and the errors of their predictions", headers, rows))
    case = design.confidence
    if case is not None and case.without_tco_usd is not None and design.tco_usd is not None:
        extra = design.tco_usd - case.without_tco_usd
        same = "the same purchase" if not case.design_changes else "another design"
        blocks.append(
            Text(
                f"Confidence of {number(case.confidence_pct)} % costs {usd(extra)}: without a margin {same} would cost "
                f"{usd(case.without_tco_usd)} and keep all promises with a probability of "
                f"{probability(case.without_kept_pct)}."
            )
        )
    elif case is not None:
        blocks.append(Text("What the confidence costs was not found out in its time."))
    used = _measured(design)
    if used:
        blocks.append(Text(f"Measurements that replace or correct predictions of this design: {', '.join(used)}."))
    factors = named_years(_factored(design), _factors)
    if factors:
        columns = ("workload", "years", "node", ">step or latency", ">first token", ">further tokens")
        blocks.append(table("Factors on predicted times (measurements and margin)", columns, factors))
    return Section("promises", "How sure the promises are", tuple(blocks))


def probability(percent: float | None) -> str:
    """Write a probability: never 0 or 100 % unless it is."""
    if percent is None:
        return ""
    if 0 <= percent < 0.1:
        return "below 0.1 %"
    return "above 99.9 %" if percent > 99.9 else f"{number(percent)} %"


def sure_sentence(design: Design) -> str:
    """Return the sentence of the answer on how likely all promises are kept."""
    if design.kept_pct is None or not design.promises:
        return ""
    text = (
        "Given how wrong such predictions tend to be, all promises are kept with a probability of "
        f"{probabilities(design.kept_pct, design.kept_at_most_pct)}"
    )
    if design.confidence is not None:
        return f"{text} ({number(design.confidence.confidence_pct)} % was asked)."
    return f"{text}: no margin is taken unless confidence_pct is set in settings.csv."


def probabilities(least: float | None, most: float | None) -> str:
    """Write the range of a probability: 'between 2 and 30 %', or one of them where they read alike."""
    low, high = probability(least), probability(most)
    if not high or low == high:
        return low
    if low.startswith("below"):
        return f"at most {high}"
    return f"{low.removesuffix(' %')} to {high}"


def _explanation() -> str:
    return (
        "Slack is how much slower than predicted a workload may be; the error is the typical one of predictions in "
        "the nearest group that was measured (bias, then one standard deviation). The probability that a promise is "
        "kept allows for the choice: the cheapest of many predictions flatters, as the best of eight would; the upper "
        "end of the range for all together assumes that it does not. Errors of one model on one node are in common, "
        "others are independent."
    )


def _row(promise: PromiseRecord) -> tuple[str, ...]:
    sigma = math.hypot(promise.group_sigma, promise.candidate_sigma)
    measured = f"measured: {', '.join(promise.measured_by)}" if promise.measured_by else ""
    return (
        promise.workload,
        WHAT[promise.what],
        f"{promise.node} at {promise.site}",
        f"{100 * math.expm1(promise.slack):+.0f} %",
        f"{100 * math.expm1(promise.bias):+.0f} ± {100 * math.expm1(sigma):.0f} %",
        probability(promise.kept_pct),
        promise.group,
        "; ".join(filter(None, (promise.outside, measured))),
    )


def _measured(design: Design) -> list[str]:
    names = [name for promise in design.promises for name in promise.measured_by]
    names += [service.measured_by for service in design.inference if service.measured_by]
    return sorted(set(names))


@dataclass(frozen=True)
class _Factored:
    """One workload's factors in a year, as cells."""

    year: int
    cells: tuple[str, ...]


def _factored(design: Design) -> list[_Factored]:
    found = []
    for job in design.training:
        if job.time_factor != 1.0:
            found.append(_Factored(job.year, (job.job, job.node, f"{job.time_factor:.3f}", "", "")))
    for part in design.inference:
        factors = (part.latency_factor, part.ttft_factor, part.tpot_factor)
        if factors != (1.0, 1.0, 1.0) and not part.measured_by:
            found.append(_Factored(part.year, (part.service, part.node, *(f"{factor:.3f}" for factor in factors))))
    return found


def _factors(factored: _Factored) -> tuple[str, ...]:
    return factored.cells
