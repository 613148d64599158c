"""Communication of a training step: seconds of collectives between groups of chips, as functions of arrays."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dcopt.performance.cluster import PCIE_GB_PER_S

Floats = NDArray[np.float64]
Values = NDArray[np.float64] | NDArray[np.signedinteger[Any]]

SCALEUP_SHARE = 0.767
"""Share of the scale-up bandwidth that all-reduces reach: 230 of 300 GB/s in an A100 node (fitted on its rows)."""
ALPHA_S = 40e-6
"""Start of a tensor-parallel all-reduce (36 µs measured for two A100 of a DGX node, 29 to 39 µs for four and eight)."""


class Links(Protocol):
    """What connects chips and nodes (see `Cluster`); numbers of the network may be arrays, one for each layout."""

    @property
    def scaleup_gb_per_s(self) -> float:
        """GB/s of a chip, one direction, within its scale-up domain."""
        ...

    @property
    def scaleup_domain(self) -> int:
        """Chips that the scale-up network connects."""
        ...

    @property
    def accelerators_per_node(self) -> int:
        """Chips of a node."""
        ...

    @property
    def network_gb_per_s_per_accelerator(self) -> float | Floats:
        """GB/s of a chip, one direction, across nodes."""
        ...

    @property
    def latency_us(self) -> float | Floats:
        """Latency of a message between nodes, microseconds."""
        ...

    @property
    def oversubscription(self) -> float | Floats:
        """Bandwidth to the nodes ÷ bandwidth to the spines."""
        ...

    @property
    def full_rate_chips(self) -> float | Floats:
        """Chips that the leaves connect without the spines, at full rate."""
        ...


def _inside(links: Links, extent: Values) -> NDArray[np.bool_]:
    return np.asarray(extent <= links.scaleup_domain)


def group_bytes_per_s(links: Links, extent: Values, ranks_inside: Values | float = 1.0) -> Floats:
    """Return bytes/s a rank, one direction, in a group that stretches over ``extent`` neighbouring chips.

    Across nodes the ``ranks_inside`` ranks of the group in one node share their links: a hierarchical ring crosses each
    node once, so the group sees the bandwidth of all of them. Groups that stretch further than the leaves' uplinks
    carry at full rate have the share of an oversubscribed fabric.
    """
    scale_up = SCALEUP_SHARE * links.scaleup_gb_per_s * 1e9
    shared = np.where(np.asarray(extent <= links.full_rate_chips), 1.0, links.oversubscription)
    network = np.minimum(links.network_gb_per_s_per_accelerator * 1e9 * ranks_inside / shared, scale_up)
    return np.where(_inside(links, extent), scale_up, np.maximum(network, 1.0))


def all_reduce_s(links: Links, size_bytes: Values, ranks: Values, extent: Values, inside: Values | float) -> Floats:
    """Return seconds of a ring all-reduce of ``size_bytes`` over ``ranks`` ranks (0 for one rank)."""
    bandwidth = group_bytes_per_s(links, extent, inside)
    latency = np.where(_inside(links, extent), ALPHA_S, ALPHA_S + 2.0 * links.latency_us * 1e-6)
    time = latency + 2.0 * (ranks - 1) / ranks * size_bytes / bandwidth
    return np.where(ranks > 1, time, 0.0)


def served_s(links: Links, size_bytes: Values, ranks: Values, extent: Values, inside: Values | float) -> Floats:
    """Return seconds of summing ``size_bytes`` by parameter servers, one shard on each node's host, and reading back.

    The ranks of a node reduce among themselves first; each node then sends every other its shard of the sum and gets
    back the new weights (Li et al., OSDI 2014), through its own ports and through each chip's link to the host.
    """
    within = np.minimum(ranks, inside)
    local = all_reduce_s(links, size_bytes, within, np.minimum(extent, links.accelerators_per_node), within)
    nodes = np.maximum(1.0, ranks / within)
    sent = 2.0 * (nodes - 1) / nodes * size_bytes / group_bytes_per_s(links, extent, inside)
    host = 2.0 * size_bytes / (PCIE_GB_PER_S * 1e9 * within)
    return np.where(ranks > 1, local + np.maximum(np.where(nodes > 1, sent, 0.0), host) + ALPHA_S, 0.0)


def all_to_all_s(links: Links, size_bytes: Values, ranks: Values, extent: Values) -> Floats:
    """Return seconds of an all-to-all in which each rank holds ``size_bytes`` (0 for one rank)."""
    bandwidth = group_bytes_per_s(links, extent)
    return np.where(ranks > 1, ALPHA_S + (ranks - 1) / ranks * size_bytes / bandwidth, 0.0)


def point_to_point_s(links: Links, size_bytes: Values, extent: Values) -> Floats:
    """Return seconds of handing ``size_bytes`` to the next pipeline stage."""
    return 20e-6 + size_bytes / group_bytes_per_s(links, extent)
