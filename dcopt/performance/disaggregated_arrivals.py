"""Groups of prefill and decode workers under open arrivals: percentiles at a Poisson rate, and the largest rate.

Prompts queue for all prefill workers together (M/D/c: Erlang's C with Kimura's factor ½ for constant service); nothing
stalls decoding. With b requests on a decode worker, of which an arrival finds b − 1,

    λ(b) = workers·(b − 1)/(outputs·step(b))            Little's law, each decode worker with its share of the arrivals

Both λ and the times grow with b, so every promise is a limit on b.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dcopt.performance.cluster import Cluster
from dcopt.performance.decoder import prediction_of
from dcopt.performance.decoder_build import engine
from dcopt.performance.decoder_disaggregated import saturated_rate, transfer_s
from dcopt.performance.decoder_engine import Engine
from dcopt.performance.queueing import SATURATED_SHARE, erlang_c, largest_within, poisson_quantile
from dcopt.performance.serving_records import Disaggregated, Promise, ServingPrediction, ServingTask, statistic_of
from dcopt.performance.variants import Variant
from dcopt.problem.tables.catalog_rows import Software


@dataclass(frozen=True)
class _Group:
    """A group: how it is split, one worker of each side, the seconds to move a prompt's cache, the cache's room."""

    layout: Disaggregated
    reader: Engine
    writer: Engine
    moved_s: float
    capacity: float

    def rate(self, batch: float) -> float:
        """Requests/s of the group at which an arrival finds ``batch`` − 1 others on its decode worker."""
        return self.layout.decode_workers * (batch - 1.0) / (self.writer.outputs * self.writer.step(batch))

    def wait(self, requests_per_s: float, percentile: float) -> float:
        """Quantile of the wait for a prefill worker, s; infinite where they are overloaded."""
        workers, service = self.layout.prefill_workers, self.reader.prefill_service
        load = requests_per_s * service
        if load >= workers:
            return math.inf
        waiting, missed = erlang_c(workers, load), 1.0 - percentile / 100.0
        return math.log(waiting / missed) * service / (2.0 * (workers - load)) if waiting > missed else 0.0

    def crowd(self, batch: float, percentile: float) -> float:
        """Quantile of the requests on a decode worker that an arrival joins, itself included."""
        dispersion = self.writer.step(batch) / self.writer.step(1.0)
        return 1.0 + poisson_quantile(batch - 1.0, percentile, dispersion)

    def times(self, requests_per_s: float, crowd: float, percentile: float) -> tuple[float, float, float]:
        """Quantiles of TTFT, TPOT and latency in seconds, from `rate` and `crowd`."""
        tpot = self.writer.step(crowd)
        reader = self.reader
        alone = reader.overhead_s + reader.front_s + reader.prefill
        ttft = alone + self.wait(requests_per_s, percentile) + self.moved_s + tpot
        return ttft, tpot, ttft + max(0, self.writer.outputs - 1) * tpot

    @property
    def saturated(self) -> float:
        """Requests/s that neither side carries more of."""
        return saturated_rate(self.layout, self.reader, self.writer, self.capacity)


def _group(
    task: ServingTask, cluster: Cluster, layout: Disaggregated, variant: Variant, software: Software
) -> _Group | None:
    reader = engine(task, cluster, layout.prefill, variant, software)
    writer = engine(task, cluster, layout.decode, variant, software)
    capacity = writer.largest_batch(software.memory_fraction)
    if capacity < 1.0 or reader.largest_batch(software.memory_fraction) < 1.0:
        return None
    return _Group(layout, reader, writer, transfer_s(task, cluster, layout, variant), capacity)


def at_rate(
    task: ServingTask,
    cluster: Cluster,
    layout: Disaggregated,
    variant: Variant,
    software: Software,
    requests_per_s: float,
    percentile: float,
) -> ServingPrediction | None:
    """Return the percentiles of one group at a Poisson arrival rate; None where it cannot carry it."""
    made = _group(task, cluster, layout, variant, software)
    if made is None or requests_per_s >= made.saturated:
        return None
    batch = largest_within(lambda value: made.rate(value) - requests_per_s, 1.0, made.capacity)
    crowd = 0.0 if batch is None else made.crowd(batch, percentile)
    if batch is None or crowd > made.capacity * 1.0001:
        return None
    times = made.times(made.rate(batch), crowd, percentile)
    if not math.isfinite(times[0]):
        return None
    used = requests_per_s / made.saturated
    statistic = statistic_of(percentile)
    point = prediction_of(task, layout.decode, made.writer, software, batch, times, statistic, requests_per_s, used)
    decoding = {name: value for name, value in point.breakdown.items() if name.startswith("decode_")}
    overhead, reading = (made.reader.overhead_s + made.reader.front_s) * 1e3, made.reader.prefill * 1e3
    first = {
        "first_overhead": overhead,
        "first_admission": 0.0,
        "first_prompt": reading,
        "kv_transfer": made.moved_s * 1e3,
        "first_wait": (times[0] - times[1] - made.moved_s) * 1e3 - overhead - reading,
    }
    return replace(
        point,
        tokens_per_s_per_accelerator=requests_per_s * task.output_tokens / layout.accelerators,
        memory_gb=max(point.memory_gb, made.reader.memory(1.0)),
        breakdown={**decoding, **first},
    )


def largest_rate(
    task: ServingTask,
    cluster: Cluster,
    layout: Disaggregated,
    variant: Variant,
    software: Software,
    percentile: float,
    promise: Promise,
) -> float | None:
    """Return the largest Poisson rate (requests/s) of one group that keeps ``promise``; None where none does."""
    made = _group(task, cluster, layout, variant, software)
    if made is None:
        return None
    limit = SATURATED_SHARE * made.saturated
    scale = made.capacity / limit

    def excess(batch: float) -> float:
        crowd, rate = made.crowd(batch, percentile), made.rate(batch)
        ttft, tpot, latency = made.times(rate, crowd, percentile)
        late = promise.excess_ms(ttft * 1e3, tpot * 1e3, latency * 1e3)
        return max(crowd - made.capacity, (rate - limit) * scale, late)

    batch = largest_within(excess, 1.0, made.capacity)
    return None if batch is None or batch <= 1.0 else made.rate(batch)
