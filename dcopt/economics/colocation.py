"""Contracts for kW at colocation sites: what a kW costs in each year, what is billed, and what leaving early costs.

A contract that begins with year v at a site whose fee is p USD per kW and month in year 1:

    fee of year y = p·(1 + cost inflation)^(v−1)·(1 + escalation)^(y−v)      USD per kW and month
    billed kW of a year ≥ least_billed·contracted kW, ≤ contracted kW; all contracts of a site carry its peak IT load
    left after year w < v + term − 1: the least that would be billed until the term ends, discounted to the end of w,
        or exit_months·fee of year w for each contracted kW, where that is given and less

At the horizon every contract is left. Sites without a term follow the load, as a running cost.
"""

from __future__ import annotations

from dcopt.economics.finance import Finance
from dcopt.economics.ledger import Payment
from dcopt.problem.epochs import epochs_of
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Site

Span = tuple[int, int]
"""First and last year."""


def has_contract(site: Site) -> bool:
    """Whether kW at a site are contracted for a term."""
    return site.kind == "colocation" and site.colocation_term_years is not None


def spans_of(problem: Problem) -> list[Span]:
    """Return the years that a contract may hold: from a purchase date to the year before a later one, or the last."""
    epochs = epochs_of(problem)
    return [(a.first_year, b.last_year) for a in epochs for b in epochs if b.index >= a.index]


def fee_usd(site: Site, finance: Finance, first_year: int, year: int) -> float:
    """Return the fee in ``year`` of a contract that began with ``first_year``, USD of that year per kW and month."""
    begun = (site.colocation_usd_per_kw_month or 0.0) * finance.price_level("colocation", first_year)
    return float(begun * (1 + site.colocation_escalation_pct_per_year / 100) ** (year - first_year))


def billed_payments(site: Site, finance: Finance, first_year: int, years: tuple[int, ...]) -> tuple[Payment, ...]:
    """Return what a kW costs that is billed in each of ``years`` under a contract from ``first_year`` on."""
    return tuple(Payment(year, 12 * fee_usd(site, finance, first_year, year)) for year in years)


def exit_usd(site: Site, finance: Finance, span: Span) -> float:
    """Return what leaving a contract at the end of its last year costs for each contracted kW, USD of that year."""
    first, last = span
    rest = range(last + 1, first + (site.colocation_term_years or 0))
    least = site.colocation_least_billed_pct / 100
    billed = sum(12 * least * fee_usd(site, finance, first, y) * (1 + finance.rate) ** -(y - last) for y in rest)
    if site.colocation_exit_months is None or not rest:
        return billed
    return min(billed, site.colocation_exit_months * fee_usd(site, finance, first, last))
