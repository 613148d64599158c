"""Switches and links of a fabric, counted exactly from the radix of its switch.

The rules, for every topology and every generation of switches:

* Everything that fits in one switch hangs on one switch (one tier).
* A leaf gives ``up = ⌊ports ÷ (1 + oversubscription)⌋`` ports to the spines and ``⌊up · oversubscription⌋`` to nodes
  (3:1 of 64 ports: 48 down, 16 up), so that the ratio is never worse than asked.
* Leaves come in whole rail groups (one leaf for each rail of a node) where the topology is rail-optimized; else as
  many as the ports need, a node's ports filling one leaf after the other.
* A fabric may be several equal networks that nothing connects but the nodes: one for each plane, and in a rail-only
  fabric one for each rail (Wang et al., arXiv 2307.12169). Each is counted for itself.
* Every leaf has the same number of links to every spine above it, so the spines divide its uplinks; of those numbers
  the smallest that the spines' ports can take.
* Two tiers up to one leaf for each port of a spine, three tiers beyond. With three tiers leaves and spines form pods;
  spine i of every pod belongs to plane i, whose cores each have the same number of links to every spine of it. A
  spine has at least as many links up as down (only leaves are oversubscribed). Of all such pods the ones with the
  fewest switches are taken, then the fewest links, then the most spines for each leaf.

The structure is the folded Clos network of Al-Fares, Loukissas and Vahdat (SIGCOMM 2008); the published bills of
materials that it reproduces are those of NVIDIA's DGX SuperPOD reference architectures (H100, B200).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache


@dataclass(frozen=True)
class FabricLayout:
    """How the switches of one network are wired; all fields are counts.

    ``down`` and ``up`` are the ports that a leaf has for nodes and for spines. ``leaf_spine_pair`` links run between
    a leaf and each spine of its pod, ``spine_core_pair`` between a spine and each core of its plane. With two tiers
    there is one pod and no core; a single switch has neither spine nor core. The last pods may have one leaf less.
    """

    tiers: int
    leaf: int
    down: int
    up: int
    pods: int = 0
    spines_per_pod: int = 0
    leaf_spine_pair: int = 0
    cores_per_plane: int = 0
    spine_core_pair: int = 0

    @property
    def spine(self) -> int:
        """Spine switches."""
        return self.pods * self.spines_per_pod

    @property
    def core(self) -> int:
        """Core switches: one set for each plane, and a plane for each spine of a pod."""
        return self.spines_per_pod * self.cores_per_plane

    @property
    def leaf_spine_links(self) -> int:
        """Links between leaves and spines."""
        return self.leaf * self.spines_per_pod * self.leaf_spine_pair

    @property
    def spine_core_links(self) -> int:
        """Links between spines and cores."""
        return self.spine * self.cores_per_plane * self.spine_core_pair


def most_leaves(switch_ports: int, max_tiers: int = 3) -> int:
    """Leaves of the largest network of so many tiers.

    Two: one for each port of a spine. Three: a pod for each port of a core, half a spine's ports to a pod. One: none,
    everything hangs on the one switch.
    """
    return (0, switch_ports, switch_ports * (switch_ports // 2))[max_tiers - 1]


def wire(switch_ports: int, leaves: int, down: int, up: int) -> FabricLayout:
    """Wire ``leaves`` leaves; 0 stands for the single switch."""
    if leaves == 0:
        return FabricLayout(tiers=1, leaf=1, down=switch_ports, up=0)
    if leaves <= switch_ports:
        pair = max(k for k in _divisors(up) if leaves * k <= switch_ports)
        return FabricLayout(2, leaves, down, up, 1, up // pair, pair)
    pods, pair, cores, core_pair = _three_tiers(switch_ports, up, leaves)
    return FabricLayout(3, leaves, down, up, pods, up // pair, pair, cores, core_pair)


@cache
def _divisors(number: int) -> tuple[int, ...]:
    return tuple(k for k in range(1, number + 1) if number % k == 0)


@lru_cache(maxsize=65_536)
def _three_tiers(switch_ports: int, up: int, leaves: int) -> tuple[int, int, int, int]:
    """Return pods, links of a leaf-spine pair, cores of a plane and links of a spine-core pair, with fewest switches.

    All numbers of pods are tried, also more than the fewest: a wiring for more leaves then is always among those
    tried for fewer leaves, so more nodes never need fewer switches.
    """
    best: tuple[int, int, int, int] | None = None
    found = (0, 0, 0, 0)
    for pair in _divisors(up):
        spines = up // pair
        widest = switch_ports // 2 // pair
        if widest == 0:
            break
        for pods in range(-(-leaves // widest), switch_ports + 1):
            if best is not None and (pods + 1) * spines > best[0]:
                break
            cores, core_pair = _cores_of_plane(switch_ports, pods, -(-leaves // pods) * pair)
            rank = (pods * spines + spines * cores, pods * spines * cores * core_pair, pair, pods)
            if best is None or rank < best:
                best, found = rank, (pods, pair, cores, core_pair)
    return found


def _cores_of_plane(switch_ports: int, pods: int, down_links: int) -> tuple[int, int]:
    """Return the fewest cores of a plane, and links to each, for spines with ``down_links`` (≤ half of their ports)."""
    widest = switch_ports // pods
    for cores in range(-(-down_links // widest), down_links):
        pair = -(-down_links // cores)
        if cores * pair <= switch_ports - down_links:
            return cores, pair
    return down_links, 1
