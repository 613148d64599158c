"""Evaluations of training layouts a second, on one core: ``python tests/benchmarks/training_search.py``.

The target is 10,000 a second; a scalar model of the kind of Calculon manages about 75.
"""

from __future__ import annotations

import time

from dcopt.performance.cluster import cluster_from_numbers
from dcopt.performance.layouts import enumerate_layouts
from dcopt.performance.model_names import find_by_name
from dcopt.performance.training import TrainingTask, best_steps
from dcopt.problem.load import load_catalog
from dcopt.problem.locate import models_dir
from dcopt.problem.tables.catalog_rows import Accelerator, Software

CASES = (
    ("gpt-3-175b", 2048, 1536, "h100-sxm", 512),
    ("llama-3.1-405b", 8192, 2048, "gb200", 1024),
    ("deepseek-v3", 4096, 15360, "h100-sxm", 256),
)


def main() -> None:
    """Search each case twice and print the rate of the second, with the layouts already enumerated."""
    catalog, software = load_catalog(), Software(name="reference", role="training")
    for name, length, batch, chip, nodes in CASES:
        accelerator = catalog["accelerators"][chip]
        assert isinstance(accelerator, Accelerator)
        task = TrainingTask(find_by_name(name, [models_dir()]), length, batch)
        cluster = cluster_from_numbers(accelerator, 8, 3200.0)
        counts = [nodes // 4, nodes // 2, nodes]
        count = len(enumerate_layouts(task, cluster, [8 * n for n in counts]))
        start = time.perf_counter()
        best_steps(task, cluster, counts, "bf16", software)
        seconds = time.perf_counter() - start
        print(f"{name:16s} {chip:10s} {count:8,d} layouts  {count / seconds:12,.0f} evaluations/s")


if __name__ == "__main__":
    main()
