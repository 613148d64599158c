"""Serving: what one replica of a model does, whatever its kind.

Decoders and encoder-decoders that generate are predicted by `dcopt.performance.decoder`, everything that answers in one
pass by `dcopt.performance.encoder`; open arrivals by the files of these names with ``_arrivals``, pools of prefill and
decode workers by `dcopt.performance.decoder_disaggregated`. Under Poisson
arrivals each replica has its own independent stream. All functions are pure: the same inputs give the same numbers to
the last bit, and a looser promise never gives a smaller rate.
"""

from __future__ import annotations

from dcopt.performance import (
    decoder,
    decoder_arrivals,
    decoder_disaggregated,
    disaggregated_arrivals,
    encoder,
    encoder_arrivals,
)
from dcopt.performance.cluster import Cluster
from dcopt.performance.serving_records import (
    Disaggregated,
    Layout,
    Promise,
    ReplicaLayout,
    ServingPrediction,
    ServingTask,
    Speculation,
)
from dcopt.performance.variants import Variant, variant_of
from dcopt.problem.tables.catalog_rows import Software

__all__ = [
    "Disaggregated",
    "Layout",
    "Promise",
    "ReplicaLayout",
    "ServingPrediction",
    "ServingTask",
    "Speculation",
    "Variant",
    "at_rate",
    "largest_rate",
    "largest_requests_per_s",
    "layouts_of",
    "predict_closed",
    "saturated",
    "variant_of",
]

MARGIN = 1e-9
"""A largest rate is reported this share below the limit, so that recomputing its times keeps the promise exactly."""


def predict_closed(
    task: ServingTask,
    cluster: Cluster,
    layout: Layout,
    variant: Variant,
    software: Software,
    *,
    batch: float | None = None,
    concurrency: float | None = None,
) -> ServingPrediction:
    """Return mean times with a fixed number of requests in the system (a closed loop).

    Give ``concurrency``, or ``batch`` (the same for a replica that holds them all).

    Raises
    ------
    ValueError: neither or a non-positive number is given, the chip lacks the arithmetic, or a model that does not
        generate is to be served disaggregated.
    """
    load = concurrency if concurrency is not None else batch
    if load is None or load <= 0:
        raise ValueError("a positive batch or concurrency is needed")
    if isinstance(layout, Disaggregated):
        _needs_tokens(task)
        return decoder_disaggregated.closed(task, cluster, layout, variant, software, float(load))
    room = encoder.closed if not task.generates else decoder.closed
    return room(task, cluster, layout, variant, software, float(load))


def _needs_tokens(task: ServingTask) -> None:
    if not task.generates:
        raise ValueError("only models that generate tokens can be served disaggregated")


def at_rate(
    task: ServingTask,
    cluster: Cluster,
    layout: Layout,
    variant: Variant,
    software: Software,
    requests_per_s: float,
    percentile: float,
    servers: int = 1,
) -> ServingPrediction | None:
    """Return the ``percentile`` of the times of one of ``servers`` replicas behind one balancer.

    Poisson arrivals at ``requests_per_s`` for each replica. None where it cannot carry them.

    Raises `ValueError` for a negative rate, no server, or where the chip lacks the arithmetic.
    """
    if requests_per_s < 0:
        raise ValueError(f"requests_per_s must not be negative, not {requests_per_s}")
    if servers < 1:
        raise ValueError(f"servers must be at least 1, not {servers}")
    if isinstance(layout, Disaggregated):
        _needs_tokens(task)
        return disaggregated_arrivals.at_rate(task, cluster, layout, variant, software, requests_per_s, percentile)
    room = encoder_arrivals.at_rate if not task.generates else decoder_arrivals.at_rate
    return room(task, cluster, layout, variant, software, requests_per_s, percentile, servers)


def largest_rate(
    task: ServingTask,
    cluster: Cluster,
    layout: Layout,
    variant: Variant,
    software: Software,
    *,
    percentile: float,
    ttft_ms: float | None = None,
    tpot_ms: float | None = None,
    latency_ms: float | None = None,
    servers: int = 1,
) -> ServingPrediction | None:
    """Return the operating point of one replica at the largest Poisson rate that keeps the promises.

    Parameters
    ----------
    percentile: percent of requests that keep each promise.
    ttft_ms, tpot_ms, latency_ms: budgets net of the network round trip; None: not promised. Without any, and at most,
        90 % of the saturated rate.
    servers: replicas behind one balancer that sends each request to the one that holds the fewest; more of them never
        lower the rate of each.

    Returns
    -------
    The point, or None where a single request already misses a promise or the memory does not hold it.

    Raises
    ------
    ValueError: the chip lacks the arithmetic, or the replica spans unconnected nodes.
    """
    promise = Promise(ttft_ms, tpot_ms, latency_ms)
    rate = largest_requests_per_s(task, cluster, layout, variant, software, percentile, promise, servers)
    if rate is None:
        return None
    return at_rate(task, cluster, layout, variant, software, rate, percentile, servers)


def largest_requests_per_s(
    task: ServingTask,
    cluster: Cluster,
    layout: Layout,
    variant: Variant,
    software: Software,
    percentile: float,
    promise: Promise,
    servers: int = 1,
) -> float | None:
    """Return the rate of `largest_rate` alone, requests/s, without the times at it; None and errors as there."""
    if isinstance(layout, Disaggregated):  # groups are not pooled with each other: each has a queue of its own
        _needs_tokens(task)
        rate = disaggregated_arrivals.largest_rate(task, cluster, layout, variant, software, percentile, promise)
    else:
        room = encoder_arrivals.largest_rate if not task.generates else decoder_arrivals.largest_rate
        rate = room(task, cluster, layout, variant, software, percentile, promise, servers)
    return None if rate is None else rate * (1.0 - MARGIN)


def saturated(
    task: ServingTask, cluster: Cluster, layout: Layout, variant: Variant, software: Software
) -> ServingPrediction | None:
    """Return the point of largest throughput of one replica; None where the memory does not hold the model.

    Raises `ValueError` where the chip lacks the arithmetic, or a model that does not generate is to be disaggregated.
    """
    if isinstance(layout, Disaggregated):
        _needs_tokens(task)
        return decoder_disaggregated.saturated(task, cluster, layout, variant, software)
    room = encoder.saturated if not task.generates else decoder.saturated
    return room(task, cluster, layout, variant, software)


def layouts_of(task: ServingTask, cluster: Cluster, accelerators: int) -> tuple[ReplicaLayout, ...]:
    """Return the layouts of a replica of ``accelerators`` chips that are worth comparing, in a fixed order.

    Within a scale-up domain: tensor parallel, and for mixtures of experts also attention-data parallel with experts
    spread out. Larger replicas put pipeline stages on the domains. Empty where the heads cannot be split so.
    """
    model = task.model
    domain = cluster.scaleup_domain
    stage = min(accelerators, domain)
    while accelerators % stage:
        stage -= 1
    pipeline = accelerators // stage
    if (pipeline > 1 and not cluster.connected) or pipeline > max(1, model.decoder_layers or model.layers):
        return ()
    found: list[ReplicaLayout] = []
    tensor = stage
    if model.heads % tensor == 0 and tensor & (tensor - 1) == 0:
        found.append(ReplicaLayout(tensor, pipeline, stage if model.experts else 1, 1))
    if model.experts and task.generates:
        for groups in (2**k for k in range(1, 11)):
            if stage % groups == 0 and model.heads % (stage // groups) == 0:
                found.append(ReplicaLayout(stage // groups, pipeline, stage, groups))
    return tuple(found)
