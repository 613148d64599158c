"""What is left of a fabric when one part of it fails: a leaf, a spine, a core, or the optic of one link.

Shares of the bandwidth at the worst place. Traffic is spread evenly over all spines, as the wiring is, and over the
ports that are left; a fabric with more uplinks than its nodes can fill loses nothing until that margin is used up.
"""

from __future__ import annotations

from dcopt.infrastructure.topology import FabricStep, Shape


def left_pct(shape: Shape, step: FabricStep, nodes: int) -> dict[str, float]:
    """Return the percentage that is left when one part fails, by part; parts that the fabric lacks are left out.

    ``leaf`` and ``access_optic``: of the bandwidth of a node below it (the ports of other leaves and planes stay).
    ``spine``, ``core`` and ``trunk_optic``: of the bandwidth between a leaf that is full (or holds all its share of
    ``nodes``) and the rest of the fabric, in its network; other networks keep theirs, and count with their share.
    """
    layout, ports = step.layout, shape.ports_per_node
    found = {
        "leaf": 1.0 - _ports_on_a_leaf(shape, step) / ports,
        "access_optic": 1.0 - 1.0 / ports,
    }
    if step.tiers > 1:
        groups = layout.leaf // shape.group
        below = min(layout.down, -(-nodes * shape.network_ports // (groups * shape.group)))
        wanted = min(below, layout.up)
        pair = layout.leaf_spine_pair
        found["spine"] = _left(wanted, layout.up - pair, step.networks)
        found["trunk_optic"] = _left(wanted, layout.up - 1, step.networks)
    if step.tiers > 2:
        # a plane carries pair/up of each leaf; its spines reach the cores that are left
        upward = layout.cores_per_plane * layout.spine_core_pair
        leaves = -(-layout.leaf // layout.pods)
        demand = wanted / layout.up * leaves * layout.leaf_spine_pair
        plane = min(1.0, (upward - layout.spine_core_pair) / demand)
        share = 1.0 / layout.spines_per_pod
        found["core"] = 1.0 - share * (1.0 - plane) / step.networks
    return {part: 100.0 * share for part, share in found.items()}


def _ports_on_a_leaf(shape: Shape, step: FabricStep) -> int:
    """Return the ports of one node that end at one leaf, at most."""
    if step.tiers == 1:
        return shape.network_ports
    return min(shape.network_ports // shape.group, step.layout.down)


def _left(wanted: int, uplinks: int, networks: int) -> float:
    """Return the share of ``wanted`` links that ``uplinks`` carry, where only one of ``networks`` is hurt."""
    return 1.0 - (1.0 - min(1.0, uplinks / wanted)) / networks
