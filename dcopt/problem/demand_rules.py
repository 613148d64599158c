"""What rows say together about demand: each row of demand.csv is about something, in columns that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dcopt.problem.draft import Draft
from dcopt.problem.findings import Finding, nearest

COLUMNS_OF = {
    "inference": ("peak_requests_per_s", "mean_requests_per_s"),
    "datasets": ("size_tb",),
    "training": ("tokens", "runs_per_year"),
}
"""The columns of demand.csv that speak of a row of each table."""
WORDS = {"inference": "a service", "datasets": "a dataset", "training": "a job"}


def _names(draft: Draft) -> Iterator[Finding]:
    """The name is that of a service, a dataset or a job, and no column speaks of something else."""
    if not draft.is_sound(*COLUMNS_OF):
        return
    jobs = draft.typed("training")
    for row, demand in draft.valid("demand"):
        tables = [table for table in COLUMNS_OF if demand.name in draft.tables[table]]
        if not tables:
            known = [name for table in COLUMNS_OF for name in draft.tables[table]]
            message = f"there is no service, dataset or job '{demand.name}': correct the name, or leave the row out"
            yield row.finding("name", message, nearest=nearest(demand.name, known))
            continue
        for table, columns in COLUMNS_OF.items():
            for column in columns:
                if getattr(demand, column) is not None and table not in tables:
                    message = f"'{demand.name}' is {WORDS[tables[0]]}, which has none: leave it blank"
                    yield row.finding(column, message)
        job = jobs.get(demand.name)
        if job is not None and demand.tokens is not None and job.tokens is None:
            yield row.finding("tokens", f"the job '{job.name}' gives samples: let them grow, or give it tokens")


RULES: tuple[Callable[[Draft], Iterator[Finding]], ...] = (_names,)
"""The rules, in the order in which they are applied."""
