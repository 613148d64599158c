"""Requests a second that the simulation takes on one core: ``python tests/benchmarks/simulation_speed.py``."""

from __future__ import annotations

import time

from dcopt.performance.cluster import cluster_from_numbers
from dcopt.performance.model_names import find_by_name
from dcopt.performance.serving import ReplicaLayout, ServingTask, Variant, largest_rate
from dcopt.performance.simulation import Replicas, answers_of
from dcopt.performance.simulation_requests import poisson_requests
from dcopt.problem.load import load_catalog
from dcopt.problem.locate import models_dir
from dcopt.problem.tables.catalog_rows import Software

LEAST = 20_000
"""Requests a second that are asked for."""
COUNT = 60_000
CASES = {
    "chat": ("llama-3.1-70b", "h100-sxm", ReplicaLayout(4), Variant("fp8", 8, 8), 1000, 300),
    "long prompts": ("qwen3-32b", "a100-sxm-80", ReplicaLayout(2), Variant("bf16", 16, 16), 8000, 500),
    "encoder": ("bert-large", "t4", ReplicaLayout(1), Variant("int8", 8, 8), 384, 0),
}


def main() -> None:
    """Print the speed of every case behind one balancer of 1, 4 and 16 replicas."""
    accelerators = load_catalog()["accelerators"]
    engine = Software(name="reference", role="serving")
    for name, (model, chip, layout, variant, read, written) in CASES.items():
        task = ServingTask(find_by_name(model, [models_dir()]), read, written)
        cluster = cluster_from_numbers(accelerators[chip], 8, 3200.0)
        top = largest_rate(task, cluster, layout, variant, engine, percentile=95)
        assert top is not None, name
        for servers in (1, 4, 16):
            requests = poisson_requests(COUNT, 0.8 * top.requests_per_s * servers, 1)
            began = time.process_time()
            answers_of(Replicas(task, cluster, layout, variant, engine, servers), requests)
            speed = COUNT / (time.process_time() - began)
            print(f"{name:13} {servers:3} replicas {speed:9,.0f} requests/s{'' if speed >= LEAST else '  TOO SLOW'}")


if __name__ == "__main__":
    main()
