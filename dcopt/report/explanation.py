"""What ``dcopt explain RUN`` prints: how each workload spends its time, what binds, and why nothing else was chosen."""

from __future__ import annotations

from collections.abc import Mapping

from dcopt.design.explanation import Explanation
from dcopt.design.records import Design, ServiceRecord, TrainingRecord
from dcopt.design.words import runs_in_words
from dcopt.report.blocks import Items, Section, Text
from dcopt.report.money import binding_section, rejected_section
from dcopt.report.numbers import number, percent, usd
from dcopt.report.terminal import render_sections
from dcopt.report.why import why_section

SHOWN_SHARE = 0.005
"""Parts of a time below this share are left out."""


def explain_design(design: Design, explanation: Explanation | None = None, width: int = 100) -> str:
    """Return why a design is as it is, as text of at most ``width`` columns.

    Without an ``explanation`` the candidates that lost are named, but not what they would have cost.
    """
    sections = [_workloads(design), binding_section(design), why_section(design, explanation)]
    if explanation is None:
        sections.append(rejected_section(design))
    sections.append(_baseline(design))
    title = f"{design.problem}: {design.status}, TCO {usd(design.tco_usd or 0.0)}"
    return render_sections(title, [section for section in sections if section is not None], width)


def _workloads(design: Design) -> Section:
    lines = [_job(design, job) for job in {record.job: record for record in design.training}.values()]
    lines += [_service(design, name) for name in dict.fromkeys(record.service for record in design.inference)]
    return Section("workloads", "How each workload runs and where its time goes", (Items(tuple(lines)),))


def _job(design: Design, job: TrainingRecord) -> str:
    slower = ""
    if job.production_factor != 1:
        slower = f"In production a step takes {number(job.production_factor)} times as long as on the bench, and "
    return (
        f"{job.job}: {'; '.join(runs_in_words(design, job.job))}. A step of {number(job.step_s)} s is "
        f"{_shares(job.breakdown_s)}. {slower}{percent(job.goodput)} of the time makes progress (failures and "
        "checkpoints take the rest)"
    )


def _service(design: Design, name: str) -> str:
    records = [record for record in design.inference if record.service == name]
    parts = [record for record in records if record.year == records[0].year]
    times = "; ".join(f"{_times(part)}, {percent(part.utilization)} of what it can carry within them" for part in parts)
    return f"{name}: {'; '.join(runs_in_words(design, name))}. At the peak load {times}"


def _times(part: ServiceRecord) -> str:
    given = (
        ("to the first token", part.ttft_ms),
        ("for each further token", part.tpot_ms),
        ("for a whole request", part.latency_ms),
    )
    return f"p{part.percentile:g} " + ", ".join(f"{number(ms)} ms {words}" for words, ms in given if ms is not None)


def _shares(parts: Mapping[str, float]) -> str:
    """Return the shares of a time, largest first."""
    whole = sum(parts.values()) or 1.0
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    return ", ".join(f"{_named(name)} {percent(s / whole, 2)}" for name, s in ordered if s > SHOWN_SHARE * whole)


def _named(part: str) -> str:
    kind, separator, _ = part.partition("_comm")
    return f"{kind}-parallel communication" if separator else part.replace("_", " ")


def _baseline(design: Design) -> Section | None:
    base = design.baseline
    if base is None:
        return None
    pair = base.node if base.fabric == "none" else f"{base.node} on {base.fabric}"
    if {(pool.node, pool.fabric) for pool in design.pools} == {(base.node, base.fabric)}:
        text = f"This design has one kind of node everywhere ({pair}) as it is."
    else:
        text = (
            f"One kind of node and fabric everywhere ({pair}) would cost {usd(base.tco_usd)}, {usd(base.saving_usd)} "
            f"more, of which {usd(max(0.0, base.saving_proven_usd))} is proven."
        )
    return Section("baseline", "Against one node and one fabric everywhere", (Text(text),))
