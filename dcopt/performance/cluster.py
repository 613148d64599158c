"""The hardware that a prediction sees: chips, nodes of them, and what connects chips and nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from dcopt.problem.fabric_ports import full_rate_nodes, leaf_ratio, node_gbps
from dcopt.problem.tables.catalog_rows import Accelerator, Fabric, Node, Switch
from dcopt.problem.tables.power_rows import FULL_SPEED, Speeds, speeds_of

PCIE_GB_PER_S = 20.0
"""Reach of chips of one node without a scale-up link: PCIe 4.0 x16 carries 32 GB/s, about 20 are reached through the
host (assumption)."""
DEFAULT_LATENCY_US = 5.0

CPU_SHARE = 0.275
"""Share of an accelerator's efficiency in matrix products that CPUs reach: two Xeon 8480+ answer 1,376 BERT-99
samples/s (data/published/mlperf_bert_offline_public.csv), 0.165 of their int8 peak, where accelerators reach 0.60."""


@dataclass(frozen=True)
class Cluster:
    """Nodes of one kind on one network.

    Attributes
    ----------
    scaleup_gb_per_s: bandwidth of a chip to its neighbours in the scale-up domain, GB/s, one direction.
    scaleup_domain: chips that reach each other at that bandwidth.
    network_gb_per_s: bandwidth of a node to the network, GB/s, one direction, after efficiency; 0 where nodes are not
        connected.
    latency_us: latency of a message between nodes.
    oversubscription: what work that stretches over more than ``full_rate_chips`` neighbouring chips shares the uplinks
        of its leaves by: its bandwidth is network_gb_per_s ÷ oversubscription.
    speeds: what a power cap leaves of the speed of each phase of work; a phase as a whole is slower by that.
    """

    accelerator: Accelerator
    accelerators_per_node: int
    scaleup_gb_per_s: float
    scaleup_domain: int
    network_gb_per_s: float
    latency_us: float = DEFAULT_LATENCY_US
    oversubscription: float = 1.0
    full_rate_chips: float = math.inf
    speeds: Speeds = FULL_SPEED

    @cached_property
    def network_gb_per_s_per_accelerator(self) -> float:
        """Share of one chip in its node's network bandwidth, GB/s."""
        return self.network_gb_per_s / self.accelerators_per_node

    @cached_property
    def node(self) -> Cluster:
        """One of its nodes, connected to none: what work within a node sees of it."""
        bandwidth, domain = self.scaleup_gb_per_s, self.scaleup_domain
        return Cluster(self.accelerator, self.accelerators_per_node, bandwidth, domain, 0.0, speeds=self.speeds)

    @property
    def connected(self) -> bool:
        """Whether work may span nodes: a network, or a scale-up domain that is larger than a node."""
        return self.network_gb_per_s > 0 or self.scaleup_domain > self.accelerators_per_node

    @property
    def bytes_per_s(self) -> float:
        """Memory bandwidth of a chip, bytes/s."""
        return self.accelerator.memory_gb_per_s * 1e9

    @property
    def products_share(self) -> float:
        """Factor on the efficiency of matrix products: 1 for accelerators, less for CPUs."""
        return CPU_SHARE if self.accelerator.kind == "cpu" else 1.0

    def peak_flops(self, precision: str) -> float | None:
        """Return the dense peak of a chip in FLOP/s, or None where it lacks the precision."""
        peak = self.accelerator.peak_tflops(precision)
        return None if peak is None else peak * 1e12

    def between(self, chips: int) -> float:
        """Return bytes/s, one direction, that each chip of a group of ``chips`` neighbours has to the others."""
        if chips <= self.scaleup_domain:
            return self.scaleup_gb_per_s * 1e9
        shared = 1.0 if chips <= self.full_rate_chips else self.oversubscription
        return self.network_gb_per_s_per_accelerator * 1e9 / shared


def _scale_up(accelerator: Accelerator, per_node: int) -> tuple[float, int]:
    """Return (GB/s, chips) of the scale-up link; a node whose chips it does not join falls back to PCIe."""
    bandwidth = accelerator.scaleup_gb_per_s
    if bandwidth is not None and accelerator.scaleup_domain >= per_node:
        return bandwidth, accelerator.scaleup_domain
    if per_node == 1:
        return bandwidth or PCIE_GB_PER_S, 1
    return min(bandwidth or PCIE_GB_PER_S, PCIE_GB_PER_S), per_node


def cluster_of(node: Node, accelerator: Accelerator, fabric: Fabric | None, switch: Switch | None) -> Cluster:
    """Return the cluster that nodes of one kind on one fabric make.

    Parameters
    ----------
    fabric: None or the fabric named `none` leave nodes unconnected; `builtin` has its own rate for each node.
    switch: the fabric's switch; a link runs at the slower of its port and the node's.

    Raises
    ------
    ValueError: a fabric with a switch, and no ``switch``.
    """
    bandwidth, domain = _scale_up(accelerator, node.accelerators)
    if fabric is None or fabric.name == "none":
        return Cluster(accelerator, node.accelerators, bandwidth, domain, 0.0, speeds=speeds_of(node))
    if fabric.switch is not None and switch is None:
        raise ValueError(f"fabric '{fabric.name}' has a switch: its row is needed")
    return Cluster(
        accelerator,
        node.accelerators,
        bandwidth,
        domain,
        node_gbps(node, fabric, switch) / 8.0 * fabric.efficiency_pct / 100.0,
        fabric.latency_us,
        leaf_ratio(fabric, switch),
        full_rate_nodes(node, fabric, switch) * node.accelerators,
        speeds_of(node),
    )


def cluster_from_numbers(
    accelerator: Accelerator,
    accelerators_per_node: int = 8,
    internode_gbps_per_node: float = 0.0,
    *,
    efficiency_pct: float = 85.0,
    latency_us: float = DEFAULT_LATENCY_US,
) -> Cluster:
    """Return a cluster from a chip and a line rate for each node (Gbit/s), in place of a node and a fabric."""
    bandwidth, domain = _scale_up(accelerator, accelerators_per_node)
    network = internode_gbps_per_node / 8.0 * efficiency_pct / 100.0
    return Cluster(accelerator, accelerators_per_node, bandwidth, domain, network, latency_us)
