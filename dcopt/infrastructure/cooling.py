"""What cooling units draw and evaporate, and whose heat a heat rejection can take."""

from __future__ import annotations

from dcopt.infrastructure.racks import COLLECTORS
from dcopt.problem.tables.catalog_rows import CoolingUnit

REJECTION = "heat-rejection"

LOOPS: dict[str, tuple[str, ...]] = {"chilled": ("air", "rear-door"), "warm": ("liquid", "immersion")}
"""Loops that carry collected heat to its rejection, and the collectors on each."""


def loop_of(collector_kind: str) -> str:
    """Return the loop that a kind of collector is on."""
    return next(loop for loop, kinds in LOOPS.items() if collector_kind in kinds)


def electricity_kw(heat_kw: float, unit: CoolingUnit) -> float:
    """Return the electricity, kW, that units of this row draw to take ``heat_kw``."""
    return heat_kw * unit.kw_per_kw


def water_m3_per_hour(heat_kw: float, unit: CoolingUnit) -> float:
    """Return the water, m³ in an hour, that units of this row evaporate to take ``heat_kw``."""
    return heat_kw * unit.water_l_per_kwh / 1000.0


def serves(rejection: CoolingUnit, kind: str) -> bool:
    """Whether the unit rejects outdoors the heat that units of ``kind`` take from racks.

    Only heat rejection does; a blank list of what it serves means every kind.
    """
    return rejection.kind == REJECTION and kind in COLLECTORS and (not rejection.serves or kind in rejection.serves)


def serves_problem(unit: CoolingUnit) -> str | None:
    """Return what is wrong with the row's ``serves`` cell, as a sentence, or None."""
    unknown = [kind for kind in unit.serves if kind not in COLLECTORS]
    if unknown:
        return f"cooling.csv: {unit.name} serves {' '.join(unknown)}: the kinds are {', '.join(COLLECTORS)}"
    if unit.serves and unit.kind != REJECTION:
        return f"cooling.csv: {unit.name} is of kind {unit.kind}; only {REJECTION} units serve others"
    return None
