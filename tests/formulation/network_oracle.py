"""Switches and cables by counting port by port and rack by rack: arithmetic of its own, for small leaf-spines."""

from __future__ import annotations

import math
from collections import Counter


def leaf_spine(ports: int, switch_ports: int) -> tuple[int, int, int]:
    """Return (leaves, spines, trunk links) that connect ``ports`` at full rate in one or two tiers: by trial.

    Leaves are filled one after another; spines are added until every leaf has as many links to each of them as its
    uplinks allow and all links have a port.
    """
    if ports <= switch_ports:
        return 1, 0, 0
    down = up = switch_ports // 2
    leaves = 0
    while leaves * down < ports:
        leaves += 1
    spines = next(n for n in range(1, up + 1) if up % n == 0 and leaves * (up // n) <= switch_ports)
    return leaves, spines, leaves * up


def reach_of_nodes(nodes: int, leaf_nodes: int, fill: int, racks_per_row: int, *, several: bool) -> Counter[str]:
    """Return the nodes whose cable stays in the row of their leaf, and those whose cable crosses the hall.

    A row holds the leaf's rack and ``racks_per_row − 1`` racks of nodes, which a leaf's nodes fill one by one. Of
    several leaves the nodes fill the near places of all before any goes to the hall.
    """
    in_row = (racks_per_row - 1) * fill
    leaves = math.ceil(nodes / leaf_nodes) if several else 1
    room = [min(in_row, leaf_nodes if several else nodes) for _ in range(leaves)]
    found: Counter[str] = Counter()
    for _ in range(nodes):
        place = next((k for k, left in enumerate(room) if left), None)
        if place is None:
            found["hall"] += 1
        else:
            room[place] -= 1
            found["row"] += 1
    return found
