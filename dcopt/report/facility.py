"""What stands around the equipment: racks, power, cooling and the sites that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcopt.design.records import Design, ElevationRecord, RackRecord, SiteRecord
from dcopt.report.blocks import (
    Bullet,
    BulletChart,
    Elevations,
    RackDrawing,
    Section,
    StackedChart,
    XYChart,
    table,
)
from dcopt.report.equipment import one_table
from dcopt.report.flows import power_and_heat
from dcopt.report.numbers import number, percent

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem


def racks_section(design: Design, problem: Problem | None) -> Section:
    """Return the racks: drawn from the front to scale, and listed."""

    def cells(rack: RackRecord) -> tuple[str, ...]:
        return (
            rack.site,
            rack.name,
            rack.node,
            number(rack.count),
            number(rack.nodes),
            number(rack.kw_each),
            rack.cooling,
            rack.air_cooling,
        )

    section = one_table(
        "racks",
        "Racks",
        "Racks and what stands in them",
        ("site", "years", "rack", "holds", ">racks", ">nodes in them", ">kW each", "cooling", "air cooled by"),
        design.racks,
        cells,
        "No racks are needed.",
    )
    if not design.elevations:
        return section
    headers = ("site", "rack", "holds", ">racks", "units and what stands in them")
    rows = [(e.site, e.rack, e.content, number(e.count), elevation_text(e)) for e in design.elevations]
    listed = table("Elevations, from the lowest unit", headers, rows)
    return Section(section.key, section.title, (_drawings(design, problem), *section.blocks, listed))


def _drawings(design: Design, problem: Problem | None) -> Elevations:
    """Return the racks to draw; without the catalogue a rack is as high as the highest thing in racks of its kind."""
    known = {} if problem is None else {name: float(rack.units) for name, rack in problem.racks.items()}
    for record in design.elevations:
        top = max((slot.from_unit + slot.units - 1 for slot in record.slots), default=1.0)
        if problem is None or record.rack not in problem.racks:
            known[record.rack] = max(known.get(record.rack, 1.0), top)
    sites = len({record.site for record in design.elevations})
    racks = tuple(
        RackDrawing(
            label=f"{record.site}: {record.rack}" if sites > 1 else record.rack,
            count=record.count,
            units=known[record.rack],
            slots=tuple((slot.from_unit, slot.units, slot.item) for slot in record.slots),
        )
        for record in design.elevations
    )
    return Elevations("Racks from the front, to scale (racks that are filled alike are drawn once)", racks)


def elevation_text(record: ElevationRecord) -> str:
    """Return what stands in a rack as ranges of units, like things that follow each other together."""
    runs: list[tuple[float, float, str, int]] = []
    for slot in sorted(record.slots, key=lambda slot: slot.from_unit):
        end = slot.from_unit + slot.units - 1
        if runs and runs[-1][2] == slot.item and runs[-1][1] + 1 == slot.from_unit:
            runs[-1] = (runs[-1][0], end, slot.item, runs[-1][3] + 1)
        else:
            runs.append((slot.from_unit, end, slot.item, 1))
    texts = [
        f"{start:g}-{end:g}: {count} × {item}" if end > start else f"{start:g}: {item}"
        for start, end, item, count in runs
    ]
    return "; ".join(texts) or "empty"


def power_section(design: Design) -> Section:
    """Return the power chain: where the power of each site goes at peak, and its parts."""
    section = one_table(
        "power",
        "Power",
        "The power chain",
        ("site", "years", "part", "role", ">units", ">load (kW)", ">sized for (kW)", ">losses (kW)"),
        design.power,
        lambda part: (
            part.site,
            part.name,
            part.role,
            number(part.units),
            number(part.kw, 4),
            number(part.sized_kw, 4),
            number(part.loss_kw, 3),
        ),
        "No power chain is bought.",
        "Load and losses are those of the peak, all units sharing it. PDUs are sized for the nameplate power of what "
        "they feed.",
    )
    power, _ = power_and_heat(design, None)
    return Section(section.key, section.title, (*power, *section.blocks))


def cooling_section(design: Design, problem: Problem | None) -> Section:
    """Return where the heat of each site goes at peak, and the cooling units."""
    section = one_table(
        "cooling",
        "Cooling",
        "Cooling units and the heat that they take",
        ("site", "years", "unit", ">units", ">heat (kW)", ">of the room (kW)", "serves", ">hours without compressor"),
        design.cooling,
        lambda unit: (
            unit.site,
            unit.name,
            number(unit.units),
            number(unit.kw, 4),
            number(unit.room_kw, 3) if unit.room_kw else "",
            unit.serves,
            "" if unit.economizer_hours is None else number(unit.economizer_hours, 4),
        ),
        "No cooling is bought.",
        "The heat of the room is what PDUs and UPS lose. Heat rejection takes the heat of its loop, fans and pumps "
        "included.",
    )
    _, heat = power_and_heat(design, problem)
    return Section(section.key, section.title, (*heat, *section.blocks))


def sites_section(design: Design, problem: Problem | None) -> Section:
    """Return power, energy, PUE, carbon and water of each site, year by year."""

    def cells(site: SiteRecord) -> tuple[str, ...]:
        row = None if problem is None else problem.sites.get(site.site)
        positions = number(site.rack_positions_used)
        if row is not None and row.rack_positions is not None:
            positions += f" of {row.rack_positions:,}"
        limit = site.power_limit_kw
        return (
            site.site,
            number(site.it_kw, 4),
            number(site.facility_kw, 4),
            number(limit, 4),
            percent(site.facility_kw / limit) if limit else "",
            number(site.pue),
            number(site.energy_mwh_per_year, 4),
            number(site.solar_mwh_per_year, 4) if site.solar_mwh_per_year else "",
            number(site.carbon_t_per_year, 4),
            number(site.water_m3_per_year, 4),
            "" if site.wue_l_per_kwh is None else number(site.wue_l_per_kwh),
            positions,
        )

    powers = ("site", "years", ">IT peak (kW)", ">grid peak (kW)", ">limit (kW)", ">used", ">PUE")
    yearly = (
        ">energy (MWh/year)",
        ">of it solar",
        ">carbon (t/year)",
        ">water (m³/year)",
        ">WUE (l/kWh)",
        ">rack positions",
    )
    section = one_table(
        "sites",
        "Sites",
        "Power, energy, carbon and water of each site",
        (*powers, *yearly),
        design.sites,
        cells,
        "No site is used.",
        "PUE is the ratio of the annual energies, WUE the water for each kWh of IT energy; powers are peaks.",
    )
    worst: dict[str, Bullet] = {}
    for site in design.sites:
        known = worst.get(site.site)
        if site.power_limit_kw and (known is None or site.facility_kw > known.value):
            worst[site.site] = Bullet(site.site, site.facility_kw, site.power_limit_kw, "kW")
    limits = [BulletChart("Peak grid draw against the limit of each site", tuple(worst.values()))] if worst else []
    return Section(section.key, section.title, (*limits, *section.blocks, *_by_year(design)))


def _by_year(design: Design) -> tuple[StackedChart | XYChart, ...]:
    """Return energy, carbon and water of each year by site, and the PUE of each site."""
    names = list(dict.fromkeys(site.site for site in design.sites))
    years = sorted({site.year for site in design.sites})
    if len(years) < 2:
        return ()
    labels = tuple(str(year) for year in years)
    by_key = {(site.site, site.year): site for site in design.sites}
    charts: list[StackedChart | XYChart] = []
    for title, unit, column in (
        ("Energy by year (MWh)", "MWh", "energy_mwh_per_year"),
        ("Carbon of operation by year (t)", "t", "carbon_t_per_year"),
        ("Water by year (m³)", "m³", "water_m3_per_year"),
    ):
        series = tuple(
            (name, tuple(float(getattr(by_key.get((name, year)), column, 0.0)) for year in years)) for name in names
        )
        if any(any(values) for _, values in series):
            charts.append(StackedChart(title, unit, "year", labels, series))
    pue = tuple(
        (name, tuple((float(year), by_key[name, year].pue or 0.0) for year in years if _has_pue(by_key, name, year)))
        for name in names
    )
    pue = tuple((name, points) for name, points in pue if points)
    if pue:
        charts.append(XYChart("PUE by year", "year", "PUE", pue))
    return tuple(charts)


def _has_pue(by_key: dict[tuple[str, int], SiteRecord], name: str, year: int) -> bool:
    record = by_key.get((name, year))
    return record is not None and record.pue is not None
