"""Which ways to run a workload a question admits: the best of them are chosen among these alone."""

from __future__ import annotations

from collections.abc import Callable

from dcopt.candidates.records import Pool

Admits = Callable[[str, Pool, str], bool]
"""Whether a workload (its name) may run on a pool in a precision (a job) or as a compression (a service)."""


def everything(workload: str, pool: Pool, variant: str) -> bool:
    """Admit every way to run a workload."""
    return True
