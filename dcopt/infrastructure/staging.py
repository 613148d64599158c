"""Moving copies of datasets between sites: how much, for how long, and from which day jobs can read them.

A copy at another site than the dataset's ``origin`` is moved there over the link of `wan.csv`, as it is before the
codec: all of it when the copy is made, then what comes in new. Jobs at that site start when everything that jobs may
read there has arrived, one dataset after another, in every year (the copy of a rented site may be made anew).
"""

from __future__ import annotations

from collections.abc import Iterable

from dcopt.infrastructure.stored import most_stored_tb, stored_in
from dcopt.problem.demand import new_tb
from dcopt.problem.lead import start_day
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Dataset, TrainingJob, WanLink

SECONDS_PER_DAY = 86_400.0


def is_moved(dataset: Dataset, site: str) -> bool:
    """Whether a copy at ``site`` has to be moved there."""
    return dataset.origin not in (None, site)


def link_to(problem: Problem, dataset: Dataset, site: str) -> WanLink | None:
    """Return the link over which copies of a dataset come to ``site`` (None: none is needed, or there is none)."""
    return problem.wan.get(f"{dataset.origin}/{site}") if is_moved(dataset, site) else None


def can_come(problem: Problem, dataset: Dataset, site: str) -> bool:
    """Whether a copy can be at ``site``: nothing has to be moved, or there is a link."""
    return not is_moved(dataset, site) or link_to(problem, dataset, site) is not None


def moved_tb(problem: Problem, dataset: Dataset, year: int, *, is_new: bool) -> float:
    """Return the TB that are moved to a copy in ``year``: all that is stored where the copy is new, else the growth."""
    if not is_new:
        return new_tb(problem, dataset, year)
    return stored_in(problem, dataset, year)


def usd_per_gb(problem: Problem, dataset: Dataset, site: str) -> float:
    """Return what moving a GB of a dataset to ``site`` costs: the egress of its origin and the link, USD."""
    link = link_to(problem, dataset, site)
    if link is None:
        return 0.0
    return problem.sites[link.from_site].egress_usd_per_gb + link.usd_per_gb


def days_of(tb: float, link: WanLink) -> float:
    """Return the days in which so many TB cross a link."""
    return tb * 8000 / link.gbps / SECONDS_PER_DAY


def earliest_start_day(
    problem: Problem, job: TrainingJob, site: str, node: str, fabric: str, years: Iterable[int]
) -> float:
    """Return the day from which a job may start on a pool in each of ``years``.

    Its own, that on which the pool serves (`dcopt.problem.lead`), or that of its data's arrival there.
    """
    ready = max((start_day(problem, site, node, fabric, year) for year in years), default=0.0)
    return max(job.earliest_start_day, ready + _data_days(problem, job, site))


def _data_days(problem: Problem, job: TrainingJob, site: str) -> float:
    """Return the days in which the data that jobs may read at ``site`` comes over the link that brings a job's."""
    if job.dataset is None:
        return 0.0
    mine = link_to(problem, problem.datasets[job.dataset], site)
    if mine is None:
        return 0.0
    names = {other.dataset for other in problem.training.values() if not other.sites or site in other.sites}
    rows = [problem.datasets[name] for name in names if name is not None]
    tb = sum(most_stored_tb(problem, row) for row in rows if link_to(problem, row, site) == mine)
    return days_of(tb, mine)
