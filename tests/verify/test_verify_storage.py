"""Designs whose storage does not do what they say are found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from small import dataset, design_of, job, owned_site

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
