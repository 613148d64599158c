"""Ctrl-C in the search of a large problem, wherever it is heard: the design that is known is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from small import Small, job, owned_site, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.pipeline import bounding, large, large_search
from dcopt.pipeline.solving import Listener
from dcopt.solve.session import SolveOptions

GROWING = {"growth_pct_per_year": 40, "peak_requests_per_s": 900, "mean_requests_per_s": 300}


def of_one_group() -> Small:
    return owned_site([job()], [service(**GROWING)]).set(horizon_years=3)


def of_two_groups() -> Small:
    """Return a problem of two sites that share nothing."""
    jobs = [job(sites="oslo"), job("elsewhere", sites="rome")]
    services = [service(sites="oslo", **GROWING), service("far", sites="rome", **GROWING)]
    return two_sites(jobs, services).set(horizon_years=3)


def pressed(*arguments: Any, **named: Any) -> None:
    raise KeyboardInterrupt


def pressed_after(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``work``, and Ctrl-C once a first design was told of."""

    def done(*arguments: Any, told: Callable[[Any], None] | None = None, **named: Any) -> Any:
        found = work(*arguments, told=told, **named)
        if told is not None:
            raise KeyboardInterrupt
        return found

    return done


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("small", [of_one_group(), of_two_groups()], ids=["one group", "two groups"])
@pytest.mark.parametrize("where", ["a relaxation is stated", "the first design is made better"])
def test_the_design_is_kept(where: str, small: Small, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = small.load()
    candidates = generate(problem)
    monkeypatch.setattr(large, "LARGE", 0)
    if where == "a relaxation is stated":
        monkeypatch.setattr(bounding, "state", pressed)
    else:
        monkeypatch.setattr(large_search, "first_design", pressed_after(large_search.first_design))
    options = SolveOptions(gap=0.0, time_limit_s=60, threads=threads)
    if where != "a relaxation is stated" and len(problem.sites) == 2 and threads == 1:
        with pytest.raises(KeyboardInterrupt):  # the second group has no design yet
            large.solve_any(problem, candidates, options, Listener())
        return
    solved = large.solve_any(problem, candidates, options, Listener())
    assert solved.design is not None
    assert solved.stopped_by == "interrupted"
    assert {row.job for row in solved.design.training} == set(problem.training)
