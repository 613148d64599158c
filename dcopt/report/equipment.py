"""What is bought, rented or used: nodes, network, storage, and what comes by rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dcopt.design.records import (
    Design,
    NetworkRecord,
    PoolRecord,
    StorageRecord,
    TransferRecord,
    pool_key,
)
from dcopt.report.blocks import Block, NetworkDiagram, Section, Text, Tier, table
from dcopt.report.numbers import R, amount, named_years, number, percent

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem


def extra_sections(design: Design, problem: Problem | None) -> tuple[Section, ...]:
    """Return what only some problems ask for: halls, on-site solar, and what comes by rule."""
    sections = []
    if design.halls:
        of_halls = ("site", "years", "hall", ">halls", ">months to build")
        months = {} if problem is None else {name: hall.build_months for name, hall in problem.halls.items()}
        halls = one_table(
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
        solar = one_table(
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
        adders = one_table(
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


def one_table(
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
    rows = named_years(records, cells)
    blocks: list[Block] = [table(caption, headers, rows)]
    if note:
        blocks.append(Text(note))
    return Section(key, title, tuple(blocks))


def pools_section(design: Design, problem: Problem | None) -> Section:
    """Return the pools of nodes."""

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
    return one_table(
        "buy",
        "What to buy",
        "Pools of nodes",
        (*headers, ">bought", ">there already", ">chips"),
        design.pools,
        cells,
        "No nodes are needed.",
        "Nodes include the spares. The bill of materials lists every purchase.",
    )


def network_section(design: Design) -> Section:
    """Return the networks, drawn and listed."""

    def cells(net: NetworkRecord) -> tuple[str, ...]:
        switches = (number(net.leaf), number(net.spine), number(net.core))
        links = (number(net.access_links), number(net.leaf_spine_links), number(net.spine_core_links))
        return (net.site, net.node, net.fabric, net.switch, *switches, *links)

    headers = ("site", "years", "nodes", "fabric", "switch", ">leaf", ">spine", ">core")
    section = one_table(
        "network",
        "Network",
        "Switches and cables of each pool",
        (*headers, ">access links", ">leaf-spine", ">spine-core"),
        design.network,
        cells,
        "No switches are needed: nodes work alone, or on the network of the place where they are rented.",
    )
    last = max((net.year for net in design.network), default=1)
    built = [net for net in design.network if net.year == last]
    drawn = tuple(_drawing(net, design) for net in built)
    return replace(section, blocks=(*drawn, *section.blocks, *_cables(built), *_failures(built), *_beside(design)))


def _drawing(net: NetworkRecord, design: Design) -> NetworkDiagram:
    """Return the tiers of a network, from the core to the nodes of its pool."""
    nodes = sum(p.nodes for p in design.pools if pool_key(p) == pool_key(net) and p.year == net.year)
    tiers = (
        Tier("core switches", net.core, net.spine_core_links, _each(net.spine_core_links, net.spine, "spine")),
        Tier("spine switches", net.spine, net.leaf_spine_links, _each(net.leaf_spine_links, net.leaf, "leaf")),
        Tier("leaf switches", net.leaf, net.access_links, _each(net.access_links, nodes, "node")),
        Tier(f"{net.node}", nodes),
    )
    title = f"The network {net.fabric} at {net.site}: {net.switch or 'no'} switches, nodes {net.node}"
    return NetworkDiagram(title, tuple(tier for tier in tiers if tier.units))


def _each(cables: int, things: int, name: str) -> str:
    """Return how many cables one thing has, on average where they differ."""
    if not things or not cables:
        return ""
    return f"{number(cables / things)} at each {name}"


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
        if s.year == max(n.year for n in design.side_networks)
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
    headers = ("site", "fabric", "when this fails", ">is left at the worst place", "of what")
    return (table("What one failure leaves of the network", headers, rows),)


def storage_section(design: Design) -> Section:
    """Return where data lies."""

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
    return one_table(
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


def transfers_section(design: Design) -> Section | None:
    """Return what is moved between sites, where anything is."""
    if not design.transfers:
        return None

    def cells(move: TransferRecord) -> tuple[str, ...]:
        return (
            move.dataset,
            move.origin,
            move.site,
            number(move.tb, 4),
            number(move.days, 3),
            amount(move.usd),
        )

    return one_table(
        "transfers",
        "Data moved",
        "Data moved between sites",
        ("dataset", "years", "from", "to", ">TB", ">days", ">USD"),
        design.transfers,
        cells,
        "No data is moved between sites.",
        "At the prices of year 1, without the monthly price of the link; jobs start when their data is there.",
    )
