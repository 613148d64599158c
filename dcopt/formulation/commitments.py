"""Rent: nodes on demand, nodes under commitments of some years, and what of a peak is rented by the hour.

At every (cloud site, node) of which `commitments.csv` has rows, in every year y and band d of the day:

    in_force[y] = Σ_{o, v ≤ y < v + years_o} committed[o,v]                    whole nodes, paid to the end of the term
    on_demand[y,d] ≥ awake_hosts[d] − (in_force[y] − kept[t])                  rent by the hour, of what services hold
    kept[t] ≤ in_force[y]                                                      nodes kept for jobs
    jobs that run on committed nodes: as block training has it, with kept in place of work − hosts; no rent

A run of a job is on committed nodes as a whole, or rented on demand as a whole. awake_hosts differ by the band of the
day at elastic sites (block night); elsewhere services hold what their peak asks all day. Over several epochs the
commitments are those of all of them together: one that begins in one may end in the next.
"""

from __future__ import annotations

from typing import Any

from dcopt.candidates.records import Period, Pool
from dcopt.design.records import CommitmentRecord
from dcopt.economics.commitments import commitments_for, last_year_of, payments_of, usd_per_hour
from dcopt.economics.ledger import ContractLine
from dcopt.formulation.expressions import total, whole
from dcopt.formulation.program import Program
from dcopt.performance.workloads import DAYS_PER_YEAR


def hold(program: Program, pool: Pool, period: Period, by_piece: list[tuple[int, Any]]) -> None:
    """Rent what services hold of a cloud pool in a period: (hours of the day, nodes), for each part of the day."""
    options = commitments_for(program.problem, pool.site, pool.node.name)
    for place, (hours, hosts) in enumerate(by_piece):
        yearly = DAYS_PER_YEAR * hours
        if not options:
            program.pay(pool.site, "rent", yearly * hosts, pool.rent_usd_per_hour, period.years)
            continue
        for year in period.years:
            rented = program.var("on_demand", (pool.key, year, place), ub=hosts.ub)
            program.on_demand[pool.key, year, place] = (period.index, hosts, rented)
            program.pay(pool.site, "rent", yearly * rented, pool.rent_usd_per_hour, (year,))


def declare_kept(program: Program, pool: Pool, period: Period) -> None:
    """Declare the committed nodes of a cloud pool that are kept for jobs in a period."""
    key = (pool.key, period.index)
    component = program.model.component("kept")
    if component is None or key not in component:
        program.var("kept", key, ub=pool.max_nodes, integer=True)


def link(root: Program) -> None:
    """Declare the commitments of all years, and let them carry what is not rented on demand."""
    places: dict[tuple[str, str], int] = {}
    for part in root.parts:
        for pool in part.candidates.pools.values():
            if pool.rented:
                place = (pool.site, pool.node.name)
                places[place] = max(pool.max_nodes, places.get(place, 0))
    for (site, node), most in places.items():
        _declare(root, site, node, most)
    for part in root.parts:
        for (key, year, piece), (period, hosts, rented) in part.on_demand.items():
            pool = part.candidates.pools[key]
            there = in_force(root, pool.site, pool.node.name, year) - _kept(part, key, period)
            part.require("on_demand", (key, year, piece), rented + there >= hosts)
        for (key, period), kept in (part.model.component("kept") or {}).items():
            pool = part.candidates.pools[key]
            for year in part.candidates.periods[period].years:
                most_kept = in_force(root, pool.site, pool.node.name, year)
                part.require("kept_committed", (key, year), kept <= most_kept)


def _declare(root: Program, site: str, node: str, most: int) -> None:
    problem, finance = root.problem, root.finance
    for option in commitments_for(problem, site, node):
        limit = most if option.max_units is None else min(most, option.max_units)
        for year in range(1, finance.horizon_years + 1):
            units = root.var("committed", (option.name, site, node, year), ub=limit, integer=True)
            payments = payments_of(problem, finance, option, node, year)
            root.ledger.enter(ContractLine(site, "rent", units, payments))
            at_once = total(units for _, units in _active(root, site, node, year, option.name))
            if option.max_units is not None:
                root.require(
                    "commitment_most",
                    (option.name, site, node, year),
                    at_once <= option.max_units,
                    row=f"commitments.csv: {option.name} max_units",
                    sentence=f"no more than {option.max_units} {node} at {site} under {option.name} at once",
                )


def _active(root: Program, site: str, node: str, year: int, name: str | None = None) -> list[tuple[str, Any]]:
    """Return (commitment, units) of all, or of one, that hold nodes in ``year``."""
    component = root.model.component("committed") or {}
    return [
        (option, units)
        for (option, at, of, first), units in component.items()
        if (at, of) == (site, node) and name in (None, option)
        if first <= year < first + root.problem.commitments[option].years
    ]


def in_force(root: Program, site: str, node: str, year: int) -> Any:
    """Return the nodes under commitments in a year."""
    return total(units for _, units in _active(root, site, node, year))


def _kept(part: Program, key: str, period: int) -> Any:
    component = part.model.component("kept")
    return component[key, period] if component is not None and (key, period) in component else 0.0


def of_pool(root: Program, part: Program, key: str, period: Period, year: int) -> dict[str, int]:
    """Return what a pool's record says of commitments in a solution: nodes in force, and those kept for jobs."""
    pool = part.candidates.pools[key]
    if not pool.rented:
        return {}
    there = whole(in_force(root, pool.site, pool.node.name, year))
    return {"committed": there, "committed_for_jobs": whole(_kept(part, key, period.index))}


def extract(root: Program) -> list[CommitmentRecord]:
    """Return the commitments that are taken."""
    found = []
    for (name, site, node, first), variable in (root.model.component("committed") or {}).items():
        units = whole(variable)
        if units:
            option = root.problem.commitments[name]
            price = usd_per_hour(root.problem, root.finance, option, node, first)
            payments = payments_of(root.problem, root.finance, option, node, first)
            found.append(
                CommitmentRecord(
                    name=name,
                    site=site,
                    node=node,
                    first_year=first,
                    last_year=last_year_of(option, first, root.finance.horizon_years),
                    units=units,
                    usd_per_hour=price,
                    upfront_usd=units * sum(p.usd for p in payments if p.at_start),
                    paid_usd=units * sum(p.usd for p in payments),
                )
            )
    return found


def held_before(root: Program, date: int, taken: tuple[CommitmentRecord, ...]) -> None:
    """Hold the commitments that began before ``date`` as they were taken."""
    for (name, site, node, first), units in (root.model.component("committed") or {}).items():
        if first < date:
            mine = (c.units for c in taken if (c.name, c.site, c.node, c.first_year) == (name, site, node, first))
            units.fix(sum(mine))
