"""Names that a row takes from another table: every one must exist there."""

from __future__ import annotations

from collections.abc import Iterator

from dcopt.problem.draft import Draft
from dcopt.problem.findings import Finding, nearest
from dcopt.problem.parse import ParsedRow
from dcopt.problem.schema import columns_of
from dcopt.problem.tables import TABLES


def check_references(draft: Draft) -> None:
    """Add a finding for each cell that names a row that is not there, with the nearest known name."""
    for row in draft.all_rows():
        draft.findings.extend(_declared(draft, row))
        if row.table in ("offers", "existing", "prices", "ageing", "leads", "moves"):
            draft.findings.extend(_named_by_table(draft, row))
        if row.table == "inference":
            draft.findings.extend(_region(draft, row))


def _declared(draft: Draft, row: ParsedRow) -> Iterator[Finding]:
    """The columns that declare `refers_to`."""
    for name, column in columns_of(TABLES[row.table].row).items():
        if column.refers_to is None or column.refers_to in draft.unreadable:
            continue
        cell = row.values.get(name)
        names = cell if isinstance(cell, tuple) else () if cell is None else (cell,)
        for wanted in names:
            yield from _missing(draft, row, name, wanted, column.refers_to)


def _named_by_table(draft: Draft, row: ParsedRow) -> Iterator[Finding]:
    """The name of an offer, or of something existing, is a row of the table that it names."""
    table, name = row.values.get("table"), row.values.get("name")
    if table and name and table not in draft.unreadable:
        yield from _missing(draft, row, "name", name, table)


def _missing(draft: Draft, row: ParsedRow, column: str, wanted: str, table: str) -> Iterator[Finding]:
    known = draft.tables[table]
    if wanted in known:
        return
    if not known:
        yield row.finding(column, f"there is no row '{wanted}': {draft.files[table]} has no rows; add it there")
        return
    similar = nearest(wanted, known)
    cure = "correct the name" if similar else f"correct the name or add the row (known: {_some(known)})"
    yield row.finding(column, f"there is no row '{wanted}' in the table {table}: {cure}", nearest=similar)


def _some(known: dict[str, ParsedRow]) -> str:
    names = sorted(known)
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def _region(draft: Draft, row: ParsedRow) -> Iterator[Finding]:
    """Each region of a service has a round trip to each site where the service may run."""
    if "regions" in draft.unreadable:
        return
    reached: dict[str, set[str]] = {}
    for other in draft.tables["regions"].values():
        reached.setdefault(other.values["region"], set()).add(other.values["site"])
    allowed = row.values.get("sites") or tuple(draft.tables["sites"])
    for region in row.values.get("region") or ():
        if region not in reached:
            yield row.finding(
                "region",
                f"there is no region '{region}' in the table regions: correct the name or add its round trips",
                nearest=nearest(region, sorted(reached)),
            )
            continue
        lacking = [site for site in allowed if site not in reached[region] and site in draft.tables["sites"]]
        if lacking and "sites" in row.values and "sites" not in draft.unreadable:
            message = (
                f"the table regions has no round trip from '{region}' to {', '.join(lacking)}: "
                "add it, or list only reached sites in the service's column 'sites'"
            )
            yield row.finding("region", message)
