"""Designs whose storage does not do what they say are found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from small import dataset, design_of, job, owned_site, two_sites

from dcopt.design.records import Design
from dcopt.problem.problem import Problem
from dcopt.verify.verify import verify


@cache
def readers() -> tuple[Problem, Design]:
    """Return two jobs that read so much that three storage units carry one of them, and the design that has three."""
    small = owned_site([job("first", dataset="books"), job("second", dataset="books")])
    small = small.drop("nodes", "quad").drop("storage", "disk")
    small = small.put("datasets", [dataset(size_tb=2, dataset_tokens=2e8, hot_pct=100)])
    problem = small.change("storage", "flash", read_gb_per_s=0.55).load()
    return problem, design_of(problem)


def found(problem: Problem, design: Design, word: str) -> bool:
    """Whether the verifier names something with that word."""
    return any(word in str(mismatch) for mismatch in verify(problem, design)[1])


def test_jobs_that_read_at_once_more_than_the_units_carry_are_found() -> None:
    problem, design = readers()
    assert {record.site_units for record in design.storage} == {3}
    assert not found(problem, design, "what its units carry")
    moved = tuple(
        entry.model_copy(update={"start_day": 0.5, "end_day": 0.5 + entry.end_day - entry.start_day})
        for entry in design.calendar
    )
    forged = design.model_copy(update={"calendar": moved})
    assert found(problem, forged, "day 0.5 read")


@pytest.mark.parametrize("resource", ["read", "write", "random read"])
def test_storage_that_became_slower_is_found(resource: str) -> None:
    problem, design = readers()
    column = {"read": "read_gb_per_s", "write": "write_gb_per_s", "random read": "read_kiops"}[resource]
    slow = problem.storage["flash"].model_copy(update={column: 1e-6})
    tables = {**problem.tables, "storage": {**problem.storage, "flash": slow}}
    assert found(replace(problem, tables=tables), design, f" {resource}: ")


def moved(**cells: object) -> tuple[Problem, Design]:
    """Return a job that reads data from another site, and its design."""
    small = two_sites([job(dataset="books", sites="oslo", due_day=40)]).drop("nodes", "quad").drop("fabrics", "flat")
    small = small.put("datasets", [dataset(size_tb=2, hot_pct=100, origin="rome", **cells)])
    problem = small.put("wan", [{"from_site": "rome", "to_site": "oslo", "gbps": 0.02, "usd_per_gb": 0.03}]).load()
    return problem, design_of(problem)


def test_a_start_before_the_data_is_there_is_found() -> None:
    problem, design = moved()
    arrival = 2 * 8000 / 0.02 / 86400
    starts = [entry.start_day for entry in design.calendar]
    assert starts == [pytest.approx(arrival)] * len(starts)
    early = tuple(e.model_copy(update={"start_day": 0.0, "end_day": e.end_day - e.start_day}) for e in design.calendar)
    training = tuple(record.model_copy(update={"start_day": 0.0}) for record in design.training)
    assert found(problem, design.model_copy(update={"calendar": early, "training": training}), "data there")


def test_a_copy_to_which_no_link_leads_is_found() -> None:
    problem, design = moved()
    cut = replace(problem, tables={**problem.tables, "wan": {}})
    assert found(cut, design, "no link of wan.csv leads there")


def test_what_is_moved_is_paid_once_and_then_what_comes_in_new() -> None:
    _, design = moved(growth_pct_per_year=50)
    assert [(r.year, r.tb) for r in design.transfers] == [(1, 2.0), (2, pytest.approx(1.0)), (3, pytest.approx(1.5))]
    assert design.cost is not None
    discounted = sum(r.usd / 1.08**r.year for r in design.transfers)
    assert design.cost.running["transfer"] == pytest.approx(discounted)
    assert design.transfers[0].usd == pytest.approx(2000 * 0.03)
