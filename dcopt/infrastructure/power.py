"""The power chain: which parts stand in series, what each must carry, how many units that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping

CHAIN: tuple[str, ...] = ("pdu", "ups", "transformer")
"""Roles in series, from the racks to the grid: the input of one is the load of the next."""

PARALLEL = "generator"
"""The role that stands beside the chain and replaces the grid: it carries what the transformer gives out."""

REDUNDANCIES: tuple[str, ...] = ("N", "N+1", "2N")

_ROUNDING = 1e-9


def units_needed(load_kw: float, unit_kw: float, redundancy: str) -> int:
    """Return the units of ``unit_kw`` that carry ``load_kw`` (both kW).

    N: the fewest that carry it; N+1: one more, so that it is carried with one out; 2N: twice as many. No load needs
    no unit. A load that exceeds whole units by less than 1e-9 of itself counts as rounding.

    Raises ValueError for a negative load, a unit without capacity or an unknown redundancy.
    """
    if not 0 <= load_kw < math.inf:
        raise ValueError(f"a load must be a finite number of kW and not negative, not {load_kw:g}")
    if not unit_kw > 0:
        raise ValueError(f"a unit must carry more than 0 kW, not {unit_kw:g}")
    if redundancy not in REDUNDANCIES:
        raise ValueError(f"unknown redundancy '{redundancy}': it must be one of {', '.join(REDUNDANCIES)}")
    if load_kw == 0:
        return 0
    units = max(1, math.ceil(load_kw / unit_kw * (1.0 - _ROUNDING)))
    if redundancy == "N+1":
        return units + 1
    return 2 * units if redundancy == "2N" else units


def input_kw(load_kw: float, efficiency_pct: float) -> float:
    """Return the kW that a part of ``efficiency_pct`` (output ÷ input, above 0) draws to give out ``load_kw``.

    Raises ValueError for an efficiency outside (0, 100] %.
    """
    if not 0 < efficiency_pct <= 100:
        raise ValueError(f"an efficiency must be above 0 and at most 100 %, not {efficiency_pct:g}")
    return load_kw * 100.0 / efficiency_pct


def chain_loads(load_kw: float, efficiency_pct: Mapping[str, float], beside_ups_kw: float = 0.0) -> dict[str, float]:
    """Return what each role carries, kW, and under 'grid' what the chain draws, to give ``load_kw`` to the racks.

    ``efficiency_pct`` holds the efficiency of each role that stands in the chain; roles that it lacks are left out.
    ``beside_ups_kw`` (cooling) joins between UPS and transformer. The generator, where given, carries the
    transformer's output (the grid's, without one); it adds no loss.

    Raises ValueError as `input_kw`.
    """
    loads: dict[str, float] = {}
    carried = load_kw
    for role in CHAIN:
        if role == "transformer":
            carried += beside_ups_kw
            if PARALLEL in efficiency_pct:
                loads[PARALLEL] = carried
        if role in efficiency_pct:
            loads[role] = carried
            carried = input_kw(carried, efficiency_pct[role])
    loads["grid"] = carried
    return loads
