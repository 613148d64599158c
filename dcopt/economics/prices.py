"""What one unit of a row costs at a site, whatever table it is in."""

from __future__ import annotations

from dcopt.economics.ledger import CapitalLine
from dcopt.problem.offered import offered, price_of
from dcopt.problem.problem import Problem

Part = tuple[str, str, str]
"""(site, table, row)."""

CATEGORY = {
    "nodes": "nodes",
    "switches": "network",
    "links": "network",
    "transceivers": "network",
    "storage": "storage",
    "racks": "racks",
    "power": "power",
    "solar": "power",
    "cooling": "cooling",
    "halls": "building",
    "sites": "building",
    "adders": "other",
}
"""Category of capital of what each table sells; a site sells kW of its building."""


def purchase_of(problem: Problem, part: Part, units: float) -> CapitalLine:
    """Return the purchase of ``units`` of ``part`` at its price before any discount by volume.

    Raises
    ------
    KeyError: no table of that name is for sale, or it has no such row.
    """
    site, table, name = part
    category = CATEGORY[table]
    row = problem.tables[table][name]
    if table == "sites":
        site_row = problem.sites[name]
        price, lifetime = site_row.build_usd_per_kw, site_row.building_lifetime_years
        return CapitalLine(site, category, table, name, units, price, lifetime)
    offer = offered(problem, table, site).get(name)
    price = float(getattr(row, "price_usd", None) or 0.0) if offer is None else price_of(offer)
    return CapitalLine(site, category, table, name, units, price, float(getattr(row, "lifetime_years")))  # noqa: B009
