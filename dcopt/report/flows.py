"""Power from the grid to the equipment and heat from there to the outdoors, as flows at peak, from the records alone.

    transformer = UPS + its losses + heat rejection,   UPS = PDU + its losses + fans and pumps,   PDU = IT

(`dcopt.formulation.power`), so what joins the chain between two parts is the difference of what they carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dcopt.design.records import CoolingRecord, Design, SiteRecord
from dcopt.report.blocks import Sankey, Stop

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

CHAIN = ("transformer", "ups", "pdu")
WORDS = {"transformer": "transformers", "ups": "UPS", "pdu": "PDUs"}
LEAST = 1e-6
"""Share of the grid draw below which a difference is rounding."""

Flow = tuple[str, str, float]


def power_flows(design: Design, site: SiteRecord) -> Sankey:
    """Return the power of a site at peak, kW: grid, parts of the chain with their losses, cooling, IT."""
    parts = {p.role: p for p in design.power if (p.site, p.year) == (site.site, site.year) and p.role in CHAIN}
    stops, flows, at = [Stop("grid", 0, "c0")], [], "grid"
    supplied = site.facility_kw
    ends: list[tuple[str, float, str]] = []
    present = [role for role in CHAIN if role in parts]
    for column, role in enumerate(present, 1):
        part = parts[role]
        beside = supplied - part.kw - part.loss_kw
        if beside > LEAST * site.facility_kw:
            ends.append((at, beside, _beside(role, present)))
        stops.append(Stop(WORDS[role], column, "c0"))
        flows.append((at, WORDS[role], part.kw + part.loss_kw))
        flows.append((WORDS[role], "losses", part.loss_kw))
        at, supplied = WORDS[role], part.kw
    rest = supplied - site.it_kw
    if rest > LEAST * site.facility_kw:
        ends.append((at, rest, "cooling and losses of the building" if not present else "cooling"))
    last = len(present) + 1
    flows += [(at, "IT equipment", site.it_kw), *((start, name, kw) for start, kw, name in ends)]
    stops += [Stop("IT equipment", last, "c2")]
    stops += [Stop(name, last, "c6") for name in dict.fromkeys(name for _, _, name in reversed(ends))]
    stops.append(Stop("losses", last, "c1"))
    return Sankey(f"Power at {site.site} at peak (kW)", "kW", tuple(stops), tuple(f for f in flows if f[2] > 0))


def _beside(role: str, present: list[str]) -> str:
    """Return what joins the chain above ``role``: heat rejection above the UPS, fans and pumps above the PDUs."""
    if role == "transformer":
        return "other loads"
    if role == "ups" or (role == "pdu" and "ups" in present):
        return "heat rejection" if role == "ups" else "fans and pumps"
    return "cooling"


def heat_flows(design: Design, problem: Problem | None, site: SiteRecord) -> Sankey | None:
    """Return the heat of a site at peak, kW: from IT and the losses indoors to air and liquid, loops and outdoors."""
    units = [unit for unit in design.cooling if (unit.site, unit.year) == (site.site, site.year)]
    collectors = [unit for unit in units if not unit.serves and unit.kw > 0]
    loops = {unit.serves: unit for unit in units if unit.serves}
    if not collectors:
        return None
    flows: list[Flow] = []
    middle: dict[str, float] = {}
    for unit in collectors:
        kind = "" if problem is None or unit.name not in problem.cooling else problem.cooling[unit.name].kind
        name = f"{unit.name} ({kind})" if kind else unit.name
        flows += [("IT equipment", name, unit.kw - unit.room_kw), ("losses indoors", name, unit.room_kw)]
        loop = _loop_of(kind, loops)
        to = f"{loops[loop].name} ({loop} loop)" if loop else "outdoors"
        flows.append((name, to, unit.kw))
        middle[to] = middle.get(to, 0.0) + unit.kw
    stops = [Stop("IT equipment", 0, "c2"), Stop("losses indoors", 0, "c1"), Stop("fans and pumps", 0, "c6")]
    stops += [Stop(name, 1, "c3") for name in dict.fromkeys(end for start, end, _ in flows if start in _SOURCES)]
    for loop, unit in loops.items():
        to = f"{unit.name} ({loop} loop)"
        flows += [("fans and pumps", to, max(0.0, unit.kw - middle.get(to, 0.0))), (to, "outdoors", unit.kw)]
        stops.append(Stop(to, 2, "c4"))
    stops.append(Stop("outdoors", 3, "c7"))
    kept = tuple(flow for flow in flows if flow[2] > LEAST * site.facility_kw)
    return Sankey(f"Heat at {site.site} at peak (kW)", "kW", tuple(stops), kept)


_SOURCES = ("IT equipment", "losses indoors")
_LOOP_OF_KIND = {"air": "chilled", "rear-door": "chilled", "liquid": "warm", "immersion": "warm"}


def _loop_of(kind: str, loops: Mapping[str, CoolingRecord]) -> str:
    """Return the loop that takes a collector's heat; '' where it gives it to the outdoors itself."""
    loop = _LOOP_OF_KIND.get(kind, "")
    if loop in loops:
        return loop
    return next(iter(loops)) if not kind and len(loops) == 1 else ""


def power_and_heat(design: Design, problem: Problem | None) -> tuple[list[Sankey], list[Sankey]]:
    """Return the flows of power and of heat of each site, in the first of its years with the largest grid draw."""
    largest: dict[str, SiteRecord] = {}
    for site in design.sites:
        if site.facility_kw > 0 and (site.site not in largest or site.facility_kw > largest[site.site].facility_kw):
            largest[site.site] = site
    heat = [heat_flows(design, problem, site) for site in largest.values()]
    return [power_flows(design, site) for site in largest.values()], [h for h in heat if h is not None]
