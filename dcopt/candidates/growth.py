"""Fabrics that are laid out for what comes later: steps of more tiers, that an epoch would not need yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dcopt.candidates.records import Candidates, PoolFacility
from dcopt.infrastructure.topology import FabricStep


def with_room_to_grow(epochs: Sequence[Candidates]) -> list[Candidates]:
    """Return the candidates of each epoch with the least step of every tier that a pool may grow to later.

    A pool that has more tiers from the start need not be cabled anew when it grows (block `rebuild`).
    """
    found: list[Candidates] = []
    later: dict[str, dict[tuple[int, str], FabricStep]] = {}
    for part in reversed(epochs):
        facilities = {key: _wider(of_pool, later.get(key, {})) for key, of_pool in part.facilities.items()}
        found.insert(0, replace(part, facilities=facilities))
        for key, of_pool in facilities.items():
            for step, reach in of_pool.fabric_steps:
                known = later.setdefault(key, {}).get((step.tiers, reach))
                if known is None or step.max_nodes < known.max_nodes:
                    later[key][step.tiers, reach] = step
    return found


def _wider(facility: PoolFacility, later: dict[tuple[int, str], FabricStep]) -> PoolFacility:
    most = max((step.tiers for step, _ in facility.fabric_steps), default=0)
    more = [(step, reach) for (tiers, reach), step in later.items() if tiers > most]
    if not facility.fabric_steps or not more:
        return facility
    more.sort(key=lambda pair: (pair[0].tiers, pair[0].max_nodes, pair[1]))
    return replace(facility, fabric_steps=(*facility.fabric_steps, *more))
