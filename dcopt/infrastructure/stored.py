"""How much of a dataset is stored in a year: what `demand.csv` says, or what grows and is dropped."""

from __future__ import annotations

from dcopt.infrastructure.storage import stored_tb
from dcopt.problem.demand import given_tb
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Dataset


def stored_in(problem: Problem, dataset: Dataset, year: int) -> float:
    """Return the TB that a dataset holds in ``year``, before codec and protection."""
    given = given_tb(problem, dataset, year)
    if given is not None:
        return given
    return stored_tb(dataset.size_tb, dataset.growth_pct_per_year, dataset.retention_years, year)


def most_stored_tb(problem: Problem, dataset: Dataset) -> float:
    """Return the most TB that a dataset holds in any of the years that are looked at."""
    return max(stored_in(problem, dataset, year) for year in problem.years)
