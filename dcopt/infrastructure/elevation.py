"""Which unit of which rack holds what: racks filled from the bottom, so that heights and power both fit.

An item takes of a rack the larger of its share of the units and its share of the kW. Items whose shares add up to no
more than 1 fit a rack in both. The rule for several racks is that of any order of filling: an item that finds no room
in n racks finds each of them fuller than 1 less its share s, so items of at most s whose shares add up to no more
than n − (n − 1)·s always fit n racks (as any first-fit packing shows; Johnson et al. 1974).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Item:
    """Equal things that stand in racks: how many (whole, if they have a height), and the units and kW of each."""

    name: str
    count: float
    units: float
    kw: float


@dataclass(frozen=True)
class Placed:
    """One thing in a rack: the unit at which it begins (1 is the lowest), and its height."""

    from_unit: float
    units: float
    item: str


def share_of_rack(units: float, kw: float, rack_units: float, rack_kw: float) -> float:
    """Return the share of a rack that something takes: the larger of its share of the units and of the kW."""
    return max(units / rack_units, kw / rack_kw)


def fill_racks(items: Iterable[Item], racks: int, rack_units: float, rack_kw: float) -> list[list[Placed]] | None:
    """Return what stands in each of ``racks``, the largest items first, each in the first rack with room.

    Power of things without height is left to the racks that have some to spare. Returns None where something finds
    no room, or where all together draw more than the racks can carry.
    """
    listed = [item for item in items if item.count]
    there: list[list[Placed]] = [[] for _ in range(racks)]
    height, power = [0.0] * racks, [0.0] * racks
    solid = sorted(
        (item for item in listed if item.units > 0),
        key=lambda item: (-share_of_rack(item.units, item.kw, rack_units, rack_kw), item.name),
    )
    for item in solid:
        for _ in range(round(item.count)):
            for index in range(racks):
                room = rack_units - height[index] + _ROUNDING >= item.units
                if room and rack_kw * (1 + _ROUNDING) - power[index] >= item.kw:
                    there[index].append(Placed(1 + height[index], item.units, item.name))
                    height[index] += item.units
                    power[index] += item.kw
                    break
            else:
                return None
    loose = sum(item.count * item.kw for item in listed if item.units == 0)
    return there if sum(power) + loose <= racks * rack_kw * (1 + _ROUNDING) else None


def stack(item: str, units_each: float, counts: Iterable[int]) -> list[list[Placed]]:
    """Return racks that hold ``counts`` things of one kind each, from the bottom."""
    return [[Placed(1 + k * units_each, units_each, item) for k in range(count)] for count in counts]


def spread(things: int, fill: int, racks: int) -> list[int]:
    """Return how many of ``things`` stand in each of ``racks``: full ones first."""
    return [max(0, min(fill, things - k * fill)) for k in range(racks)]
