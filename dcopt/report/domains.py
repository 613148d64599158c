"""Services over racks or power feeds, and what the loss of one takes with it."""

from __future__ import annotations

from dcopt.design.records import Design, ServiceRecord
from dcopt.problem.problem import Problem
from dcopt.report.blocks import Section, Text, table
from dcopt.report.numbers import count, merged_years, number

_HEADERS = ("years", "service", "site", "node", ">nodes of its own", "dealt over", ">lost at most", ">must survive")


def domains_section(design: Design, problem: Problem | None) -> Section | None:
    """Return how services stand over failure domains within a site; None where none asks for it."""
    parts = [part for part in design.inference if part.own_nodes]
    if not parts:
        return None

    def cells(part: ServiceRecord) -> tuple[str, ...]:
        asked = None if problem is None else problem.inference[part.service]
        kind = "rack or feed" if asked is None else asked.failure_domains
        over = count(part.domains, kind, "racks or feeds" if asked is None else f"{kind}s")
        survive = "" if asked is None else f"{number(asked.domain_survive_pct)} % of the peak"
        nodes = (number(part.own_nodes), over, f"{part.lost_replicas} of {count(part.replicas, 'replica')}")
        return (part.service, part.site, part.node, *nodes, survive)

    rows = [(years, *shown) for years, shown in merged_years(parts, cells)]
    text = (
        "These services stand on nodes of their own, dealt evenly over racks or power feeds, so that the loss of any "
        "one leaves the stated share of their peak."
    )
    return Section("failure-domains", "Failure domains", (Text(text), table("Services over domains", _HEADERS, rows)))
