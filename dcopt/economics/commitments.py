"""What a node costs that is rented for years: payments at the start of the term and at the end of each of its years.

    payments of a term of n years from the start of year v, at p USD an hour:
        upfront·n·8760·p at the start of year v,  (1 − upfront)·8760·p at the end of each of its years
    p = the price that is given, or rent·(1 − discount), at the level of rents in year v: it does not change after

A commitment is paid to its end. What falls due after the horizon is paid at the horizon's end, discounted to it: rented
nodes leave nothing of value there, whatever `residual_pct` says.
"""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import PoolRecord
from dcopt.economics.finance import Finance
from dcopt.economics.ledger import Payment
from dcopt.problem.problem import Problem
from dcopt.problem.tables.rent_rows import Commitment

HOURS_PER_YEAR = 8760.0
DAYS_PER_YEAR = 365.0


def commitments_for(problem: Problem, site: str, node: str) -> list[Commitment]:
    """Return the commitments that nodes of a kind may be rented under at a cloud site."""
    if problem.sites[site].kind != "cloud" or problem.nodes[node].rent_usd_per_hour is None:
        return []
    return [row for row in problem.commitments.values() if row.site in (None, site) and row.node in (None, node)]


def usd_per_hour(problem: Problem, finance: Finance, commitment: Commitment, node: str, first_year: int) -> float:
    """Return the price of a node in each hour of a term that begins with ``first_year``, USD of that year."""
    price = commitment.usd_per_hour
    if price is None:
        price = (problem.nodes[node].rent_usd_per_hour or 0.0) * (1 - (commitment.discount_pct or 0.0) / 100)
    return price * finance.price_level("rent", first_year)


def payments_of(
    problem: Problem, finance: Finance, commitment: Commitment, node: str, first_year: int
) -> tuple[Payment, ...]:
    """Return what one node under a commitment that begins with ``first_year`` leads to, ascending in time."""
    yearly = HOURS_PER_YEAR * usd_per_hour(problem, finance, commitment, node, first_year)
    upfront = commitment.upfront_pct / 100
    found = [Payment(first_year, upfront * commitment.years * yearly, at_start=True)] if upfront else []
    due: dict[int, float] = defaultdict(float)
    for year in range(first_year, first_year + commitment.years):
        late = max(0, year - finance.horizon_years)
        due[min(year, finance.horizon_years)] += (1 - upfront) * yearly * (1 + finance.rate) ** -late
    return (*found, *(Payment(year, usd) for year, usd in due.items() if usd))


def last_year_of(commitment: Commitment, first_year: int, horizon_years: int) -> int:
    """Return the last year of the horizon in which a commitment from ``first_year`` on holds its nodes."""
    return min(first_year + commitment.years - 1, horizon_years)


def on_demand_hours(pool: PoolRecord) -> float:
    """Return the node-hours of a year that services of a rented pool hold beyond what is committed."""
    committed = pool.committed - pool.committed_for_jobs
    if not pool.service_nodes_by_hour:
        return HOURS_PER_YEAR * max(0, pool.service_nodes - committed)
    return DAYS_PER_YEAR * sum(max(0, held - committed) for held in pool.service_nodes_by_hour)
