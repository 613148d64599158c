"""Data that is moved between sites: what, when, over which link, and what it costs."""

from __future__ import annotations

from dcopt.design.records import DATA_PARTS, Design
from dcopt.economics.ledger import Ledger, RunningLine
from dcopt.infrastructure.staging import can_come, days_of, is_moved, link_to, moved_tb, usd_per_gb
from dcopt.problem.epochs import epochs_of
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker


def copies(problem: Problem, design: Design) -> dict[tuple[str, str], set[int]]:
    """Return the years in which a copy of a dataset lies at a site that is not its origin, by (dataset, site)."""
    found: dict[tuple[str, str], set[int]] = {}
    for record in design.storage:
        if record.part in DATA_PARTS and is_moved(problem.datasets[record.dataset], record.site):
            found.setdefault((record.dataset, record.site), set()).add(record.year)
    return found


def moves(problem: Problem, design: Design) -> dict[tuple[str, str, int], float]:
    """Return the TB that are moved, by (dataset, site, year): a new copy whole, then what comes in new."""
    found = {}
    for (name, site), years in copies(problem, design).items():
        for year in years:
            found[name, site, year] = moved_tb(problem, problem.datasets[name], year, is_new=year - 1 not in years)
    return {key: tb for key, tb in found.items() if tb > 0}


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check that every copy can come to its site, and what is said of the moving."""
    for name, site in copies(problem, design):
        comes = can_come(problem, problem.datasets[name], site)
        checker.holds(f"transfer of {name} to {site}", comes, "a copy there", "no link of wan.csv leads there")
    found = moves(problem, design)
    stated = {(record.dataset, record.site, record.year): record for record in design.transfers}
    checker.same("transfers: one record a dataset, site and year", len(stated), len(design.transfers))
    checker.same("transfers", sorted(stated), sorted(found))
    for key, record in stated.items():
        dataset = problem.datasets[record.dataset]
        link = link_to(problem, dataset, record.site)
        place = f"transfer of {record.dataset} to {record.site} year {record.year}"
        checker.same(f"{place} origin", record.origin, dataset.origin)
        if link is not None and key in found:
            checker.equal(f"{place} tb", record.tb, found[key])
            checker.equal(f"{place} days", record.days, days_of(found[key], link))
            checker.equal(f"{place} usd", record.usd, found[key] * 1000 * usd_per_gb(problem, dataset, record.site))


def pay(problem: Problem, design: Design, ledger: Ledger) -> None:
    """Pay for what is moved, and for the links that any copy uses."""
    links = {}
    for (name, site, year), tb in moves(problem, design).items():
        dataset = problem.datasets[name]
        rate = usd_per_gb(problem, dataset, site)
        ledger.pay(RunningLine(dataset.origin or "", "transfer", tb * 1000, rate, (year,)))
    for epoch in epochs_of(problem):
        for name, site in copies(problem, design):
            link = link_to(problem, problem.datasets[name], site)
            if link is not None and copies(problem, design)[name, site] & set(epoch.years):
                links[link.from_site, link.to_site, epoch.years] = link
    for (_, _, years), link in links.items():
        ledger.pay(RunningLine(link.from_site, "transfer", 12.0, link.usd_per_month, years))
