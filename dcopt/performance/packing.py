"""What the jobs read of a dataset, and the CPU time of its codec."""

from __future__ import annotations

from dcopt.performance.workloads import run_of
from dcopt.problem.demand import is_alive, job_in, new_tb
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Codec
from dcopt.problem.tables.problem_rows import Dataset

NO_CODEC = Codec(name="none", source="the data as it is", as_of="")


def yearly_read_tb(problem: Problem, dataset: str, year: int) -> float:
    """Return the TB (before the codec) that all jobs read of ``dataset`` in ``year``."""
    horizon = problem.settings.horizon_years
    return sum(
        run_of(asked, problem).read_tb * asked.runs_per_year
        for job in problem.training.values()
        if job.dataset == dataset and is_alive(job, year, horizon)
        for asked in [job_in(problem, job, year)]
    )


def packing_core_hours(problem: Problem, dataset: Dataset, codec: Codec, year: int) -> float:
    """Return the CPU core-hours that a codec takes in ``year``: packing what is new, unpacking what jobs read.

    A blank speed means that the codec takes no CPU.
    """
    written_gb = new_tb(problem, dataset, year) * 1000
    read_gb = yearly_read_tb(problem, dataset.name, year) * 1000
    seconds = 0.0
    if codec.compress_gb_per_s_core:
        seconds += written_gb / codec.compress_gb_per_s_core
    if codec.decompress_gb_per_s_core:
        seconds += read_gb / codec.decompress_gb_per_s_core
    return seconds / 3600
