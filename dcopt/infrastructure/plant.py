"""The energy balance of a building: from the racks through PDU, UPS and cooling to the grid.

Fans and pumps of the collectors hang on the UPS, heat rejection on the transformer beside it. What PDU and UPS lose is
heat of the room, which an air collector takes; fans and pumps end as heat in the loop that they serve. So losses make
heat, heat makes fan power, and fan power makes losses: a contraction, which is followed to its fixed point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dcopt.infrastructure.cooling import loop_of
from dcopt.infrastructure.power import CHAIN, INDOORS, PARALLEL, losses_kw
from dcopt.problem.tables.catalog_rows import CoolingUnit, PowerPart

_SETTLED = 1e-13
_MOST_ROUNDS = 500


@dataclass(frozen=True)
class Plant:
    """What was chosen: parts with their units by role, collectors by name, the room's, and the rejection by loop."""

    parts: Mapping[str, tuple[PowerPart, int]]
    collectors: Mapping[str, CoolingUnit]
    room: str
    """The collector of the room's heat; '' where no air unit is on offer and the room is ventilated."""
    rejection: Mapping[str, CoolingUnit]


@dataclass(frozen=True)
class Flows:
    """kW everywhere: what each role carries and loses, what each collector takes and each loop rejects."""

    carried: Mapping[str, float]
    lost: Mapping[str, float]
    room_heat: float
    heat: Mapping[str, float]
    rejected: Mapping[str, float]
    cooling: float
    """Electricity of all cooling."""
    grid: float


def balance(
    plant: Plant, it_kw: float, rack_heat_kw: Mapping[str, float], kw_per_kw: Callable[[CoolingUnit], float]
) -> Flows:
    """Return the flows for an IT load of ``it_kw`` whose heat reaches collectors as in ``rack_heat_kw``.

    ``kw_per_kw`` gives the electricity of a cooling unit for each kW of its heat (of the design day, or mean).
    Roles that the plant lacks pass the load on.

    Raises ValueError where losses and heat feed each other without end (cooling that draws as much as it removes).
    """
    room_heat = 0.0
    for _ in range(_MOST_ROUNDS):
        flows = _once(plant, it_kw, rack_heat_kw, room_heat, kw_per_kw)
        if abs(flows.room_heat - room_heat) <= _SETTLED * max(1.0, it_kw):
            return flows
        room_heat = flows.room_heat
    raise ValueError("losses of the power chain and the heat that they are feed each other without end")


def _once(
    plant: Plant,
    it_kw: float,
    rack_heat_kw: Mapping[str, float],
    room_heat_kw: float,
    kw_per_kw: Callable[[CoolingUnit], float],
) -> Flows:
    heat = dict(rack_heat_kw)
    if plant.room:
        heat[plant.room] = heat.get(plant.room, 0.0) + room_heat_kw
    fans = {name: kw * kw_per_kw(plant.collectors[name]) for name, kw in heat.items()}
    rejected: dict[str, float] = {}
    for name, kw in heat.items():
        loop = loop_of(plant.collectors[name].kind)
        rejected[loop] = rejected.get(loop, 0.0) + kw + fans[name]
    outdoors = sum(kw * kw_per_kw(plant.rejection[loop]) for loop, kw in rejected.items())
    beside = {"ups": sum(fans.values()), "transformer": outdoors}
    carried: dict[str, float] = {}
    lost: dict[str, float] = {}
    load = it_kw
    for role in CHAIN:
        load += beside.get(role, 0.0)
        if role == "transformer" and PARALLEL in plant.parts:
            carried[PARALLEL] = load
        if role in plant.parts:
            part, units = plant.parts[role]
            carried[role], lost[role] = load, losses_kw(part, units, load)
            load += lost[role]
    return Flows(
        carried=carried,
        lost=lost,
        room_heat=sum(lost.get(role, 0.0) for role in INDOORS),
        heat=heat,
        rejected=rejected,
        cooling=beside["ups"] + outdoors,
        grid=load,
    )
