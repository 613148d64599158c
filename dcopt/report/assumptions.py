"""What a design rests on: settings, catalogue rows with their sources, and the costs that were left blank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dcopt.design.records import Design
from dcopt.report.answer import has_design
from dcopt.report.blocks import Block, Section, Text, table
from dcopt.report.numbers import number

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

COST_COLUMNS: dict[str, tuple[str, ...]] = {
    "nodes": ("price_usd", "rent_usd_per_hour", "support_pct_per_year", "maintenance_pct_per_year"),
    "switches": ("price_usd", "support_pct_per_year", "maintenance_pct_per_year"),
    "links": ("price_usd",),
    "transceivers": ("price_usd",),
    "storage": ("price_usd", "rent_usd_per_tb_month", "maintenance_pct_per_year"),
    "racks": ("price_usd",),
    "power": ("price_usd",),
    "cooling": ("price_usd",),
    "software": ("licence_usd_per_accelerator_year",),
}
"""The columns of each table that cost money, as they can be blank or zero."""

SITE_COST_COLUMNS: dict[str, tuple[str, ...]] = {
    "owned": ("electricity_usd_per_kwh", "demand_charge_usd_per_kw_month", "build_usd_per_kw"),
    "edge": ("electricity_usd_per_kwh", "demand_charge_usd_per_kw_month", "build_usd_per_kw"),
    "colocation": ("electricity_usd_per_kwh", "colocation_usd_per_kw_month"),
    "cloud": (),
}


def used_rows(design: Design, problem: Problem | None = None) -> dict[str, tuple[str, ...]]:
    """Return the names of the catalogue rows that a design uses, by table, sorted.

    Rows that are only reached through another row (the chip of a node, the cables of a fabric) need ``problem``.
    """
    used: dict[str, set[str]] = {name: set() for name in _ORDER}
    for line in design.bom_lines:
        if line.table in used:
            used[line.table].add(line.item)
    for pool in design.pools:
        used["nodes"].add(pool.bought_as)
        used["fabrics"].add(pool.listed_fabric)
    used["switches"].update(net.switch for net in design.network)
    for part in design.storage:
        used["storage"].add(part.name)
        used["protection"].add(part.protection)
        used["codecs"].add(part.codec)
    used["racks"].update(rack.name for rack in design.racks)
    used["power"].update(part.name for part in design.power)
    used["cooling"].update(unit.name for unit in design.cooling)
    used["cooling"].update(rack.air_cooling for rack in design.racks)
    used["software"].update(job.software for job in design.training)
    used["software"].update(service.software for service in design.inference)
    for service in design.inference:
        used["compression"].update(service.compression.split("+"))
    if problem is not None:
        _add_reached(used, problem)
        capped = [(problem.nodes[pool.node].accelerator, pool.power_cap) for pool in design.pools if pool.power_cap]
        used["power_caps"].update("/".join(pair) for pair in capped)
    return {name: tuple(sorted(rows - {""})) for name, rows in used.items()}


_ORDER: tuple[str, ...] = (
    "nodes",
    "accelerators",
    "fabrics",
    "switches",
    "links",
    "transceivers",
    "storage",
    "protection",
    "codecs",
    "racks",
    "power",
)
_ORDER += ("cooling", "software", "compression", "power_caps")


def _add_reached(used: dict[str, set[str]], problem: Problem) -> None:
    nodes, fabrics = problem.nodes, problem.fabrics
    used["accelerators"].update(nodes[name].accelerator for name in used["nodes"] if name in nodes)
    for name in used["fabrics"]:
        if name in fabrics:
            used["switches"].add(fabrics[name].switch or "")
            if fabrics[name].row_link is None:  # else the cables that are used are in the bill of materials
                used["links"].update((fabrics[name].access_link or "", fabrics[name].trunk_link or ""))


def assumption_section(design: Design, problem: Problem | None) -> Section:
    """Return the settings and the catalogue rows in use, with where their numbers come from and when they were true."""
    title = "Assumptions and their sources"
    if problem is None:
        text = "The tables of this run (its folder inputs/) are not at hand, so sources cannot be listed."
        return Section("assumptions", title, (Text(text),), is_appendix=True)
    settings = [(key, _cell(value)) for key, value in problem.settings.model_dump().items()]
    rows = []
    for name, keys in used_rows(design, problem).items():
        for key in keys:
            row: Any = _rows_of(problem, name).get(key)
            if row is not None:
                rows.append((name, key, str(row.source) or "not stated", str(row.as_of)))
    sources = table("Rows of the catalogue that this design uses", ("table", "row", "source", "as of"), rows)
    used_settings = table("Settings", ("setting", ">value"), [pair for pair in settings if pair[1]])
    blocks: tuple[Block, ...] = (used_settings, sources)
    if problem.changes:
        changes = [(c.table, c.key, c.column, c.old, c.new) for c in problem.changes]
        headers = ("table", "row", "column", "before", "after")
        blocks = (used_settings, table("Cells that were changed for this run", headers, changes), sources)
    return Section("assumptions", title, blocks, is_appendix=True)


def free_section(design: Design, problem: Problem | None) -> Section | None:
    """Return the costs that are zero or blank on chosen rows, so that nothing is free by mistake."""
    if not has_design(design):
        return None
    title = "Costs that are zero or blank"
    rows = list(_free_lines(design))
    if problem is not None:
        rows += _free_cells(design, problem)
    if not rows:
        return Section("free", title, (Text("Every chosen row has all its costs."),))
    note = "These count as free in this design. If one of them is not, fill it in and solve again."
    free = table("Zero or blank costs of what was chosen", ("table", "row", "free"), rows)
    return Section("free", title, (free, Text(note)))


def _free_lines(design: Design) -> Iterable[tuple[str, str, str]]:
    """Yield the items that the bill of materials lists without a price."""
    lines = {(line.table, line.item) for line in design.bom_lines if not line.unit_price_usd}
    for name, item in sorted(lines):
        yield (name, item, "price in the bill of materials")


def _free_cells(design: Design, problem: Problem) -> list[tuple[str, str, str]]:
    """Return the chosen rows with cost columns that are zero or blank; prices are those of the bill of materials."""
    rented = {("nodes", pool.bought_as) for pool in design.pools if pool.rented}
    rented |= {("storage", part.name) for part in design.storage if part.rented}
    rows = []
    for name, keys in used_rows(design, problem).items():
        for key in keys:
            row = _rows_of(problem, name).get(key)
            if row is None:
                continue
            columns = [c for c in COST_COLUMNS.get(name, ()) if not getattr(row, c)]
            kept = [c for c in columns if _matters(c, (name, key) in rented)]
            if kept:
                rows.append((name, key, ", ".join(kept)))
    for site in sorted({site.site for site in design.sites} | {pool.site for pool in design.pools}):
        place = problem.sites.get(site)
        if place is None:
            continue
        blank = [column for column in SITE_COST_COLUMNS[place.kind] if not getattr(place, column)]
        if not place.water_usd_per_m3 and any(s.water_m3_per_year for s in design.sites if s.site == site):
            blank.append("water_usd_per_m3")
        if blank:
            rows.append(("sites", site, ", ".join(blank)))
    if not problem.settings.staff_usd_per_kw_year:
        rows.append(("settings", "staff_usd_per_kw_year", "value"))
    return rows


def _matters(column: str, is_rented: bool) -> bool:
    """Whether a blank of ``column`` can make the design look cheaper than it is."""
    if column.startswith("price"):
        return False  # the bill of materials says which prices are zero, offers included
    if column.startswith("rent"):
        return is_rented
    return not is_rented if column.startswith(("support", "maintenance")) else True


def catalogue_date(design: Design, problem: Problem | None) -> str:
    """Return the newest ``as_of`` among the catalogue rows in use, or '' where that is not known."""
    if problem is None:
        return ""
    used = used_rows(design, problem)
    rows = [_rows_of(problem, name).get(key) for name, keys in used.items() for key in keys]
    return max((str(row.as_of) for row in rows if row is not None), default="")


def _rows_of(problem: Problem, name: str) -> Mapping[str, Any]:
    return problem.tables.get(name, {})


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return number(value, 6) if isinstance(value, int | float) else str(value)
