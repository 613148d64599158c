"""What rows say together about the day and the calendar: profiles and means, and the order of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dcopt.problem.draft import Draft
from dcopt.problem.findings import Finding

MEAN_AGREES = 0.01
"""Relative difference up to which a given mean is that of the profile: profiles are written with three digits."""


def _means(draft: Draft) -> Iterator[Finding]:
    """The mean of a service is that of its profile."""
    profiles = draft.typed("profiles")
    for row, service in draft.valid("inference"):
        profile = profiles.get(service.profile)
        if profile is None or service.mean_requests_per_s is None:
            continue
        found = profile.mean_share * service.peak_requests_per_s
        if abs(found - service.mean_requests_per_s) > MEAN_AGREES * found:
            message = (
                f"the mean of the profile '{profile.name}' is {profile.mean_share:.4g} of the peak, {found:.4g} "
                "requests/s: leave the cell blank, write that, or add a profile of your own to profiles.csv"
            )
            yield row.finding("mean_requests_per_s", message)


def _hours(draft: Draft) -> Iterator[Finding]:
    """Columns about hours are used."""
    profiles = draft.typed("profiles")
    named = [profiles.get(service.profile) for _, service in draft.valid("inference")]
    shaped = any(profile is not None and min(profile.shares) < 1 for profile in named)
    for row, job in draft.valid("training"):
        if job.preemptible and not shaped and draft.is_sound("inference"):
            message = "no service has a profile, so no nodes are free at night: it runs all day, as other jobs do"
            yield row.finding("preemptible", message, severity="warning")


def _order(draft: Draft) -> Iterator[Finding]:
    """Jobs that come after each other end, and begin in years in which the others have run."""
    jobs = draft.typed("training")
    for row, job in draft.valid("training"):
        circle = _circle(jobs, job.name)
        if circle:
            yield row.finding("after", f"goes round in a circle ({' after '.join(circle)}): leave one of them out")
            continue
        yield from _years(row, job, jobs)
    for row, service in draft.valid("inference"):
        yield from _years(row, service, jobs)


def _years(row: Any, later: Any, jobs: Mapping[str, Any]) -> Iterator[Finding]:
    for name in later.after:
        earlier = jobs.get(name)
        if earlier is not None and earlier.begins > later.begins:
            message = (
                f"begins in year {later.begins} and '{name}' runs from year {earlier.begins} on: "
                "let it begin later, or the other earlier"
            )
            yield row.finding("after", message)


def _circle(jobs: Mapping[str, Any], name: str) -> list[str]:
    """Return the names of a circle of `after` through a job, from it to itself; [] where there is none."""
    stack = [(name, [name])]
    seen = set()
    while stack:
        at, path = stack.pop()
        for before in getattr(jobs.get(at), "after", ()):
            if before == name:
                return [*path, name]
            if before not in seen:
                seen.add(before)
                stack.append((before, [*path, before]))
    return []


RULES: tuple[Callable[[Draft], Iterator[Finding]], ...] = (_means, _hours, _order)
