"""What a replica can carry at the most, whatever is promised: cheap bounds to choose by before anything is rated."""

from __future__ import annotations

from dcopt.performance import decoder, decoder_disaggregated, encoder
from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder_build import engine
from dcopt.performance.serving_records import ReplicaLayout, ServingTask
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software


def most_carried(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software
) -> float:
    """Return the saturated rate of a replica, requests/s; 0 where the memory does not hold the model.

    Raises `ValueError` where the chip lacks the arithmetic.
    """
    if not task.generates:
        point = encoder.saturated(task, cluster, layout, variant, software)
        return 0.0 if point is None else point.requests_per_s
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    return decoder.saturated_rate(made, capacity) if capacity >= 1.0 else 0.0


def worker_rates(
    task: ServingTask, cluster: Cluster, layout: ReplicaLayout, variant: Variant, software: Software
) -> tuple[float, float]:
    """Return the saturated rates of one prefill and of one decode worker, requests/s; 0 where the model does not fit.

    A group carries the smaller of the sums of its two sides. Raises `ValueError` where the chip lacks the arithmetic.
    """
    made = engine(task, cluster, layout, variant, software)
    capacity = made.largest_batch(software.memory_fraction)
    if capacity < 1.0:
        return 0.0, 0.0
    decode = capacity / (made.outputs * made.step(capacity))
    return decoder_disaggregated.PREFILL_SHARE / made.prefill_service, decode
