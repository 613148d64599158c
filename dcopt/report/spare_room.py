"""Modules that are bought in stages: what stands of power, cooling, racks and switches, and the room left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcopt.design.records import Design
from dcopt.report.blocks import Block, Section, Text, table
from dcopt.report.numbers import number

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

Row = tuple[str, str, list[tuple[float, float]]]
"""Site, what, and by year (what stands, what is in use)."""


def room_section(design: Design, problem: Problem | None) -> Section | None:
    """Return what modules stand in each year and the room that they leave; None where all is bought once."""
    if problem is None or not design.assets:
        return None
    rows = [*_of_kw(design, problem), *_of_units(design)]
    if not rows:
        return None
    head = ("site", "what", *(f">{year}" for year in _years(design)))
    cells = [
        (
            site,
            what,
            *(f"{number(there, 4)} ({number(max(0.0, there - used), 3)})" if there else "" for there, used in by),
        )
        for site, what, by in rows
    ]
    note = (
        "In brackets: the room that is left beyond the peak of the year. Units for redundancy count as standing; what "
        "stands and is not needed is switched off."
    )
    blocks: tuple[Block, ...] = (table("What stands in each year (room left)", head, cells), Text(note))
    return Section("room", "Modules and the room they leave", blocks)


def _years(design: Design) -> range:
    return range(1, design.horizon_years + 1)


def _standing(design: Design, table_name: str) -> dict[tuple[str, str, int], float]:
    """Return the units of each row of a table that stand, by (site, row, year)."""
    found: dict[tuple[str, str, int], float] = defaultdict(float)
    for asset in design.assets:
        for year in range(max(1, asset.bought_year), asset.gone_year + 1) if asset.table == table_name else ():
            found[asset.site_in(year), asset.name, year] += asset.units
    return found


def _rows(
    there: dict[tuple[str, str, int], float], used: dict[tuple[str, str, int], float], unit: str, design: Design
) -> Iterator[Row]:
    for site, what in dict.fromkeys((site, what) for site, what, _ in there):
        yield (
            site,
            f"{what} ({unit})",
            [(there.get((site, what, y), 0.0), used.get((site, what, y), 0.0)) for y in _years(design)],
        )


def _of_kw(design: Design, problem: Problem) -> Iterator[Row]:
    """Return power and cooling: kW that stand by role or kind, and the load."""
    there: dict[tuple[str, str, int], float] = defaultdict(float)
    used: dict[tuple[str, str, int], float] = defaultdict(float)
    for (site, name, year), units in _standing(design, "power").items():
        there[site, problem.power[name].role, year] += units * problem.power[name].kw
    for part in design.power:
        used[part.site, part.role, part.year] += max(part.kw, part.sized_kw)
    yield from _rows(there, used, "kW", design)
    there, used = defaultdict(float), defaultdict(float)
    for (site, name, year), units in _standing(design, "cooling").items():
        there[site, f"cooling: {problem.cooling[name].kind}", year] += units * problem.cooling[name].kw
    for unit in design.cooling:
        used[unit.site, f"cooling: {problem.cooling[unit.name].kind}", unit.year] += unit.kw
    yield from _rows(there, used, "kW", design)


def _of_units(design: Design) -> Iterator[Row]:
    """Return racks and switches: units that stand, and those in use."""
    racks: dict[tuple[str, str, int], float] = defaultdict(float)
    for rack in design.racks:
        racks[rack.site, rack.name, rack.year] += rack.count
    yield from _rows(_standing(design, "racks"), racks, "racks", design)
    switches: dict[tuple[str, str, int], float] = defaultdict(float)
    for fabric in design.network:
        switches[fabric.site, fabric.switch, fabric.year] += fabric.leaf + fabric.spine + fabric.core
    for side in design.side_networks:
        switches[side.site, side.switch, side.year] += side.leaf + side.spine + side.core
    yield from _rows(_standing(design, "switches"), switches, "switches", design)
