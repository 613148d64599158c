"""What is rented: commitments, how much of every pool they carry in each year, and contracts for kW."""

from __future__ import annotations

from dcopt.design.records import Design, PoolRecord
from dcopt.economics.commitments import on_demand_hours
from dcopt.problem.problem import Problem
from dcopt.report.blocks import Block, Section, Text, table
from dcopt.report.numbers import amount, number


def rents_section(design: Design, problem: Problem | None) -> Section | None:
    """Return commitments, what is rented on demand, and contracts for kW; None where rent knows no terms."""
    rented = [pool for pool in design.pools if pool.rented]
    sites = {} if problem is None else problem.sites
    elastic = any(sites[pool.site].elastic for pool in rented if pool.site in sites)
    offered = problem is not None and bool(problem.commitments) and bool(rented)
    if not (elastic or offered or design.commitments or design.colocation):
        return None
    blocks: list[Block] = []
    if design.colocation:
        blocks.append(_contracts(design))
    if design.commitments:
        blocks.append(_commitments(design))
        blocks.append(
            Text(
                "A commitment is paid to its end, used or not. What falls due after the last year is settled at its "
                "end, discounted to it."
            )
        )
    if rented:
        blocks.append(_by_year(design, rented))
    if elastic:
        blocks.append(
            Text(
                "Elastic sites are given back what no service needs in an hour of the day; what is held in each hour "
                "is in the table of the day."
            )
        )
    return Section("rents", "What is rented", tuple(blocks))


def _contracts(design: Design) -> Block:
    rows = []
    for one in sorted(design.colocation, key=lambda c: (c.site, c.first_year, c.last_year)):
        years = f"{one.first_year} to {one.last_year}" if one.last_year > one.first_year else str(one.first_year)
        billed = ", ".join(dict.fromkeys(number(kw, 4) for kw in one.billed_kw))
        money = (f"{one.usd_per_kw_month:,.2f}", amount(one.exit_usd) if one.exit_usd else "")
        rows.append((one.site, years, number(one.contracted_kw, 4), billed, *money))
    head = (
        "site",
        "years",
        ">contracted (kW)",
        ">billed (kW)",
        ">USD per kW and month, first year",
        ">leaving early (USD)",
    )
    return table("Colocation contracts", head, rows)


def _commitments(design: Design) -> Block:
    rows = [
        (
            c.site,
            c.node,
            c.name,
            f"{c.first_year} to {c.last_year}" if c.last_year > c.first_year else str(c.first_year),
            number(c.units),
            f"{c.usd_per_hour:,.3f}",
            amount(c.upfront_usd),
            amount(c.paid_usd),
        )
        for c in sorted(design.commitments, key=lambda c: (c.first_year, c.site, c.node, c.name))
    ]
    head = (
        "site",
        "node",
        "commitment",
        "years",
        ">nodes",
        ">USD an hour each",
        ">at its start (USD)",
        ">in all (USD)",
    )
    return table("Commitments that are taken", head, rows)


def _by_year(design: Design, rented: list[PoolRecord]) -> Block:
    rows = []
    for pool in sorted(rented, key=lambda p: (p.site, p.node, p.year)):
        jobs = sum(
            r.runs_per_year * r.nodes * r.node_days * 24
            for r in design.training
            if (r.site, r.node, r.year, r.committed) == (pool.site, pool.node, pool.year, False)
        )
        cells = (number(pool.nodes), number(pool.committed), number(pool.committed_for_jobs))
        hours = (number(on_demand_hours(pool), 6), number(jobs, 6))
        rows.append((pool.site, pool.node, str(pool.year), *cells, *hours))
    head = (
        "site",
        "node",
        "year",
        ">most at once",
        ">committed",
        ">of them for jobs",
        ">on demand, services (node-hours)",
        ">on demand, runs (node-hours)",
    )
    return table("Rented nodes by year", head, rows)
