"""What is bought of a counted fabric: switches, cables and transceivers, their power and price."""

from __future__ import annotations

from dcopt.infrastructure.topology import FabricCount
from dcopt.problem.tables.catalog_rows import Fabric, Link, Switch


def fabric_parts(
    fabric: Fabric, switch: Switch, access_link: Link, trunk_link: Link, count: FabricCount
) -> list[tuple[str, str, int]]:
    """Return what is bought as (table, name, units), without zeros; one line where both links are the same row.

    Raises ValueError where a row is not the one that the fabric names.
    """
    for column, named, row in (
        ("switch", fabric.switch, switch),
        ("access_link", fabric.access_link, access_link),
        ("trunk_link", fabric.trunk_link, trunk_link),
    ):
        if named != row.name:
            raise ValueError(f"fabric {fabric.name} names {column} {named}, not {row.name}")
    units: dict[tuple[str, str], int] = {("switches", switch.name): count.switches}
    for link, links in ((access_link, count.access_links), (trunk_link, count.trunk_links)):
        units["links", link.name] = units.get(("links", link.name), 0) + links
    return [(table, name, number) for (table, name), number in units.items() if number]


def fabric_kw(fabric: Fabric, switch: Switch, access_link: Link, trunk_link: Link, count: FabricCount) -> float:
    """Return the nameplate power of the fabric's switches and links (both ends), kW; ValueError as `fabric_parts`."""
    kw = {("switches", switch.name): switch.max_kw}
    kw.update({("links", link.name): link.kw for link in (access_link, trunk_link)})
    parts = fabric_parts(fabric, switch, access_link, trunk_link, count)
    return sum(units * kw[table, name] for table, name, units in parts)


def fabric_price_usd(fabric: Fabric, switch: Switch, access_link: Link, trunk_link: Link, count: FabricCount) -> float:
    """Return the purchase price of the fabric's switches and links, USD; ValueError as `fabric_parts`."""
    price = {("switches", switch.name): switch.price_usd}
    price.update({("links", link.name): link.price_usd for link in (access_link, trunk_link)})
    parts = fabric_parts(fabric, switch, access_link, trunk_link, count)
    return sum(units * price[table, name] for table, name, units in parts)
