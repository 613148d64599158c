"""What rows say together about what is rented: commitments are for cloud sites, contracts for colocation sites."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dcopt.problem.draft import Draft
from dcopt.problem.findings import Finding

CONTRACT_COLUMNS = ("colocation_least_billed_pct", "colocation_escalation_pct_per_year", "colocation_exit_months")


def _commitments(draft: Draft) -> Iterator[Finding]:
    """A commitment is for a node that can be rented, at a site that rents."""
    sites, nodes = draft.typed("sites"), draft.typed("nodes")
    for row, commitment in draft.valid("commitments"):
        site, node = sites.get(commitment.site), nodes.get(commitment.node)
        if site is not None and site.kind != "cloud":
            yield row.finding("site", f"is a site of kind '{site.kind}': nodes are rented at cloud sites only")
        elif commitment.site is None and draft.is_sound("sites") and all(s.kind != "cloud" for s in sites.values()):
            yield row.finding("site", "there is no cloud site, so nothing can be rented: leave the row out")
        if node is not None and node.rent_usd_per_hour is None:
            yield row.finding("node", "has no rent_usd_per_hour in nodes, so it cannot be rented: give it a rent")


def _contracts(draft: Draft) -> Iterator[Finding]:
    """Columns of a contract belong to a term, and a term to a colocation site."""
    for row, site in draft.valid("sites"):
        if site.elastic and site.kind != "cloud":
            yield row.finding("elastic", "only nodes rented at cloud sites are given back: leave it blank")
        if site.colocation_term_years is not None and site.kind != "colocation":
            yield row.finding("colocation_term_years", "only colocation sites have contracts: leave it blank")
        for name in CONTRACT_COLUMNS:
            given = getattr(site, name) != type(site).model_fields[name].default
            if given and site.colocation_term_years is None:
                yield row.finding(name, "is of a contract: fill in colocation_term_years, or leave it blank")


RULES: tuple[Callable[[Draft], Iterator[Finding]], ...] = (_commitments, _contracts)
"""The rules, in the order in which they are applied."""
