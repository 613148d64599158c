"""Colocation contracts: their years and fees, what is billed of them, and that they carry what stands."""

from __future__ import annotations

from dcopt.design.records import ColocationRecord, Design
from dcopt.economics.colocation import billed_payments, exit_usd, fee_usd, has_contract, spans_of
from dcopt.economics.finance import Finance
from dcopt.economics.ledger import ContractLine, Ledger, Payment
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker
from dcopt.verify.facility import SiteYear


def check(problem: Problem, design: Design, balances: dict[tuple[str, int], SiteYear], checker: Checker) -> None:
    """Check every contract, and that all contracts of a site carry its load in every year."""
    for one in design.colocation:
        _contract(problem, one, checker)
    for (name, year), balance in balances.items():
        if has_contract(problem.sites[name]):
            billed = sum(_billed(one, year) for one in design.colocation if one.site == name)
            checker.at_most(f"colocation {name} year {year} IT load", balance.it_kw, billed, "what is billed")


def _billed(one: ColocationRecord, year: int) -> float:
    place = year - one.first_year
    return one.billed_kw[place] if 0 <= place < len(one.billed_kw) else 0.0


def _contract(problem: Problem, one: ColocationRecord, checker: Checker) -> None:
    place = f"colocation {one.site} from year {one.first_year} to {one.last_year}"
    site, span = problem.sites[one.site], (one.first_year, one.last_year)
    finance = Finance.of(problem.settings)
    checker.holds(place, has_contract(site), "a contract", "the site has no colocation_term_years")
    checker.holds(f"{place} years", span in spans_of(problem), f"{span}", "it begins and ends with purchase dates")
    checker.same(f"{place} billed years", len(one.billed_kw), one.last_year - one.first_year + 1)
    for kw in set(one.billed_kw):
        least = one.contracted_kw * site.colocation_least_billed_pct / 100
        checker.at_most(f"{place} least billed kW", least, kw, "billed_kw")
        checker.at_most(f"{place} billed_kw", kw, one.contracted_kw, "contracted_kw")
    fee = fee_usd(site, finance, one.first_year, one.first_year)
    checker.equal(f"{place} usd_per_kw_month", one.usd_per_kw_month, fee)
    checker.equal(f"{place} exit_usd", one.exit_usd, one.contracted_kw * exit_usd(site, finance, span))


def pay(problem: Problem, design: Design, ledger: Ledger) -> None:
    """Pay what is billed, and what leaving costs."""
    finance = Finance.of(problem.settings)
    for one in design.colocation:
        site = problem.sites[one.site]
        for year in range(one.first_year, one.last_year + 1):
            payments = billed_payments(site, finance, one.first_year, (year,))
            ledger.enter(ContractLine(one.site, "colocation", _billed(one, year), payments))
        left = exit_usd(site, finance, (one.first_year, one.last_year))
        ledger.enter(ContractLine(one.site, "colocation", one.contracted_kw, (Payment(one.last_year, left),)))
