"""The parts that tell designs apart: nodes, fabrics, cooling units and sites."""

from __future__ import annotations

from dcopt.design.records import Design

ASPECTS = ("node", "fabric", "cooling", "site")
"""In what designs may differ."""


def parts_of(design: Design) -> tuple[str, ...]:
    """Return the parts that ``design`` uses in any year, as ``aspect:name``; the fabric ``none`` is no part.

    A power cap is no other node, and a further island no other fabric.
    """
    used = {f"node:{pool.bought_as}" for pool in design.pools}
    used |= {f"fabric:{pool.listed_fabric}" for pool in design.pools if pool.fabric != "none"}
    used |= {f"site:{pool.site}" for pool in design.pools}
    used |= {f"cooling:{unit.name}" for unit in design.cooling if unit.units}
    return tuple(sorted(used, key=lambda part: (ASPECTS.index(part.partition(":")[0]), part)))


def headroom_pct(design: Design, limits_kw: dict[str, float]) -> float | None:
    """Return the share of its grid power that the tightest site with a limit leaves free; None without limits."""
    free = [1 - site.facility_kw / limits_kw[site.site] for site in design.sites if limits_kw.get(site.site)]
    return 100 * min(free) if free else None


def racks_of(design: Design) -> int:
    """Return the racks that stand in the last year."""
    last = max((rack.year for rack in design.racks), default=1)
    return round(sum(rack.count for rack in design.racks if rack.year == last))
