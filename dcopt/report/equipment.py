"""What stands where: nodes, network, storage, racks, power, cooling and the sites that hold them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dcopt.design.records import (
    Design,
    ElevationRecord,
    NetworkRecord,
    PoolRecord,
    RackRecord,
    SiteRecord,
    StorageRecord,
    TransferRecord,
)
from dcopt.report.blocks import Block, Bullet, BulletChart, Section, Text, table
from dcopt.report.numbers import R, amount, merged_years, number, percent

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem


def equipment_sections(design: Design, problem: Problem | None) -> tuple[Section, ...]:
    """Return the sections on everything that is bought, rented or used."""
    return (
        _pools(design, problem),
        _network(design),
        _storage(design),
        *([_transfers(design)] if design.transfers else []),
        _racks(design),
        _power(design),
        _cooling(design),
        _sites(design, problem),
        *_extras(design, problem),
    )


def _extras(design: Design, problem: Problem | None) -> tuple[Section, ...]:
    """Return what only some problems ask for: halls, on-site solar, and what comes by rule."""
    sections = []
    if design.halls:
        of_halls = ("site", "years", "hall", ">halls", ">months to build")
        months = {} if problem is None else {name: hall.build_months for name, hall in problem.halls.items()}
        halls = _section(
            "halls",
            "Halls",
            "Halls that are built",
            of_halls,
            design.halls,
            lambda hall: (hall.site, hall.name, number(hall.units), number(months.get(hall.name))),
            "",
        )
        sections.append(halls)
    if design.solar:
        of_solar = ("site", "years", "row", ">units", ">peak (kW)")
        solar = _section(
            "solar",
            "On-site solar",
            "Solar units that are built",
            of_solar,
            design.solar,
            lambda built: (built.site, built.name, number(built.units), number(built.kw, 4)),
            "",
            "What the sites use of it stands beside their energy, counted over the hours of a mean day.",
        )
        sections.append(solar)
    if design.adders:
        drivers = {} if problem is None else {name: adder.driver for name, adder in problem.adders.items()}
        of_adders = ("site", "years", "what", ">quantity", "follows", ">which is")
        adders = _section(
            "adders",
            "What else comes with it",
            "Quantities by rule (adders.csv)",
            of_adders,
            design.adders,
            lambda a: (a.site, a.name, number(a.quantity, 6), drivers.get(a.name, ""), number(a.driver, 6)),
            "",
        )
        sections.append(adders)
    return tuple(sections)


def _section(
    key: str,
    title: str,
    caption: str,
    headers: Sequence[str],
    records: Sequence[R],
    cells: Callable[[R], tuple[str, ...]],
    none: str,
    note: str = "",
) -> Section:
    """Return a section of one table: the first cell, the years, the other cells; or the sentence ``none``."""
    if not records:
        return Section(key, title, (Text(none),))
    rows = [(shown[0], years, *shown[1:]) for years, shown in merged_years(records, cells)]
    blocks: list[Block] = [table(caption, headers, rows)]
    if note:
        blocks.append(Text(note))
    return Section(key, title, tuple(blocks))


def _pools(design: Design, problem: Problem | None) -> Section:
    def cells(pool: PoolRecord) -> tuple[str, ...]:
        row = None if problem is None else problem.nodes.get(pool.node)
        return (
            pool.site,
            pool.node,
            "" if row is None else row.accelerator,
            pool.fabric,
            "rented" if pool.rented else "bought",
            number(pool.nodes),
            number(pool.spares),
            number(pool.service_nodes),
            number(pool.bought),
            number(pool.existing),
            number(pool.accelerators),
        )

    headers = ("site", "years", "node", "chip", "fabric", "how", ">nodes", ">spares", ">for services")
    return _section(
        "buy",
        "What to buy",
        "Pools of nodes",
        (*headers, ">bought", ">there already", ">chips"),
        design.pools,
        cells,
        "No nodes are needed.",
        "Nodes include the spares. The bill of materials lists every purchase.",
    )


def _network(design: Design) -> Section:
    def cells(net: NetworkRecord) -> tuple[str, ...]:
        switches = (number(net.leaf), number(net.spine), number(net.core))
        links = (number(net.access_links), number(net.leaf_spine_links), number(net.spine_core_links))
        return (net.site, net.node, net.fabric, net.switch, *switches, *links)

    headers = ("site", "years", "nodes", "fabric", "switch", ">leaf", ">spine", ">core")
    section = _section(
        "network",
        "Network",
        "Switches and cables of each pool",
        (*headers, ">access links", ">leaf-spine", ">spine-core"),
        design.network,
        cells,
        "No switches are needed: nodes work alone, or on the network of the place where they are rented.",
    )
    first_year = [net for net in design.network if net.year == 1]
    return replace(section, blocks=(*section.blocks, *_cables(first_year), *_failures(first_year), *_beside(design)))


def _cables(networks: Sequence[NetworkRecord]) -> tuple[Block, ...]:
    """Return what connects the switches and nodes, by length, and the modules at the ends."""
    reach = {"rack": "within the rack", "row": "in the row", "hall": "across the hall"}
    rows = [
        (net.site, net.fabric, "nodes to leaves" if c.use == "access" else "switches", reach[c.reach], c.link, c.links)
        for net in networks
        for c in net.cables
    ]
    cells = [(*row[:5], number(row[5])) for row in rows]
    modules = [(n.site, n.fabric, m.transceiver, number(m.units)) for n in networks for m in n.transceivers]
    blocks: list[Block] = []
    if cells:
        headers = ("site", "fabric", "between", "longest run", "cable", ">links")
        blocks.append(table("Cables by length", headers, cells))
    if modules:
        blocks.append(table("Transceivers at their ends", ("site", "fabric", "module", ">units"), modules))
    return tuple(blocks)


def _beside(design: Design) -> tuple[Block, ...]:
    """Return the networks beside the fabrics: storage and management."""
    rows = [
        (s.site, s.name, s.switch, *map(number, (s.leaf, s.spine, s.core, s.ports, s.trunk_links)))
        for s in design.side_networks
        if s.year == 1
    ]
    headers = ("site", "network", "switch", ">leaf", ">spine", ">core", ">links to equipment", ">between switches")
    return (table("Networks beside the fabrics", headers, rows),) if rows else ()


def _failures(networks: Sequence[NetworkRecord]) -> tuple[Block, ...]:
    """Return what one failure leaves of each fabric."""
    of_node, of_leaf = "of a node's bandwidth", "of a leaf's bandwidth to the rest"
    words = {
        "leaf": ("a leaf switch", of_node),
        "access_optic": ("the optic or cable of a node's port", of_node),
        "spine": ("a spine switch", of_leaf),
        "core": ("a core switch", of_leaf),
        "trunk_optic": ("an optic or cable between switches", of_leaf),
    }
    rows = [
        (net.site, net.fabric, words[part][0], percent(share / 100), words[part][1])
        for net in networks
        for part, share in net.left_pct.items()
        if part in words
    ]
    if not rows:
        return ()
    headers = ("site", "fabric", "when this fails", ">is left at the worst place", "")
    return (table("What one failure leaves of the network", headers, rows),)


def _storage(design: Design) -> Section:
    def cells(part: StorageRecord) -> tuple[str, ...]:
        return (
            part.site,
            part.dataset,
            part.part,
            part.name,
            "rented" if part.rented else "bought",
            number(part.units),
            number(part.site_units),
            part.protection,
            part.codec,
            number(part.stored_tb, 4),
            number(part.usable_tb, 4),
            number(part.survives_failures),
            f"{part.annual_loss_probability:.1g}" if part.annual_loss_probability else "",
        )

    headers = ("site", "years", "dataset", "part", "storage", "how", ">units taken", ">units there")
    return _section(
        "storage",
        "Storage",
        "Where data lies",
        (*headers, "protection", "codec", ">stored TB", ">usable TB", ">survives", ">loss a year"),
        design.storage,
        cells,
        "No storage is needed.",
        "Usable TB is after protection and before the codec; units there are whole, shared by the data of a site. "
        "Survives: drives of a group that may fail at once; loss a year: the probability that independent drive "
        "failures lose some of this copy (rented: as its provider states it; blank: not stated).",
    )


def _transfers(design: Design) -> Section:
    def cells(move: TransferRecord) -> tuple[str, ...]:
        return (
            move.dataset,
            move.origin,
            move.site,
            number(move.tb, 4),
            number(move.days, 3),
            amount(move.usd),
        )

    return _section(
        "transfers",
        "Data moved",
        "Data moved between sites",
        ("dataset", "years", "from", "to", ">TB", ">days", ">USD"),
        design.transfers,
        cells,
        "No data is moved between sites.",
        "At the prices of year 1, without the monthly price of the link; jobs start when their data is there.",
    )


def _racks(design: Design) -> Section:
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

    section = _section(
        "racks",
        "Racks",
        "Racks and what stands in them",
        ("site", "years", "rack", "holds", ">racks", ">nodes in each", ">kW each", "cooling", "air cooled by"),
        design.racks,
        cells,
        "No racks are needed.",
    )
    if not design.elevations:
        return section
    headers = ("site", "rack", "holds", ">racks", "units and what stands in them")
    rows = [(e.site, e.rack, e.content, number(e.count), elevation_text(e)) for e in design.elevations]
    return Section(
        section.key, section.title, (*section.blocks, table("Elevations, from the lowest unit", headers, rows))
    )


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


def _power(design: Design) -> Section:
    return _section(
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


def _cooling(design: Design) -> Section:
    return _section(
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


def _sites(design: Design, problem: Problem | None) -> Section:
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
    section = _section(
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
    if not worst:
        return section
    chart = BulletChart("Peak grid draw against the limit of each site", tuple(worst.values()))
    return Section(section.key, section.title, (chart, *section.blocks))
