"""How a design runs a workload, in words."""

from __future__ import annotations

from collections.abc import Iterable

from dcopt.design.records import Design, ServiceRecord, TrainingRecord


def runs_in_words(design: Design, workload: str) -> tuple[str, ...]:
    """Return how ``design`` runs a job or service: a phrase for each part of it, the same in several years once.

    A phrase that is not of all years names its own; of replicas that differ in their number alone it names each.
    """
    phrases: dict[str, list[int]] = {}
    counts: dict[str, dict[int, list[int]]] = {}
    for job in design.training:
        if job.job == workload:
            phrases.setdefault(_job(job), []).append(job.year)
    for service in design.inference:
        if service.service == workload:
            phrases.setdefault(_replicas(service), []).append(service.year)
            counts.setdefault(_replicas(service), {}).setdefault(service.replicas, []).append(service.year)
    every = {year for years in phrases.values() for year in years}
    return tuple(
        _counted(phrase, counts[phrase], every) if phrase in counts else f"{phrase}{_of(years, every)}"
        for phrase, years in phrases.items()
    )


def _counted(phrase: str, counts: dict[int, list[int]], every: set[int]) -> str:
    """Return how many replicas there are: one number, or each with its years."""
    if len(counts) == 1:
        ((count, years),) = counts.items()
        return f"{count} {phrase if count > 1 else phrase.replace('replicas', 'replica', 1)}{_of(years, every)}"
    *most, last = (f"{count} ({years_in_words(years)})" for count, years in counts.items())
    return f"{', '.join(most)} and {last} {phrase}"


def _of(years: list[int], every: set[int]) -> str:
    return "" if set(years) == every else f" ({years_in_words(years)})"


def years_in_words(years: Iterable[int]) -> str:
    """Return years in words: runs of years that follow each other as one."""
    spans: list[list[int]] = []
    for year in sorted(set(years)):
        if spans and year == spans[-1][1] + 1:
            spans[-1][1] = year
        else:
            spans.append([year, year])
    texts = [f"{first} to {last}" if last > first else str(first) for first, last in spans]
    return f"year {texts[0]}" if len(spans) == 1 and spans[0][0] == spans[0][1] else f"years {' and '.join(texts)}"


def _job(record: TrainingRecord) -> str:
    nodes = "1 node" if record.nodes == 1 else f"{record.nodes} nodes"
    on = "" if record.fabric == "none" or record.nodes == 1 else f" on {record.fabric}"
    return (
        f"{nodes} of {record.node}{on} at {record.site} in {record.precision} with {record.software}, "
        f"{record.days:.3g} of {record.deadline_days:g} days"
    )


def _replicas(record: ServiceRecord) -> str:
    """Return what replicas are, without their number."""
    each = record.accelerators_per_replica
    return (
        f"replicas of {each} chip{'' if each == 1 else 's'} on {record.node} at {record.site} as "
        f"{record.compression} with {record.software}"
    )
