"""What is rented: commitments and their payments, what of each pool they carry, and the jobs that run on them."""

from __future__ import annotations

from collections import defaultdict

from dcopt.design.records import CommitmentRecord, Design, PoolRecord, pool_key
from dcopt.economics.commitments import commitments_for, last_year_of, on_demand_hours, payments_of, usd_per_hour
from dcopt.economics.finance import Finance
from dcopt.economics.ledger import ContractLine, Ledger, RunningLine
from dcopt.performance.workloads import DAYS_PER_YEAR
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker


def check(problem: Problem, design: Design, checker: Checker) -> None:
    """Check every commitment, and that no more than what is committed carries services and jobs without rent."""
    for taken in design.commitments:
        _commitment(problem, taken, checker)
    _limits(problem, design, checker)
    for pool in design.pools:
        place = f"pool {pool_key(pool)} year {pool.year}"
        there = sum(c.units for c in in_force(design, pool)) if pool.rented else 0
        checker.same(f"{place} committed", pool.committed, there)
        checker.at_most(f"{place} committed_for_jobs", pool.committed_for_jobs, there, "committed")
        _jobs(problem, design, pool, checker)
    rented = {(pool_key(p), p.year) for p in design.pools if p.rented}
    for record in design.training:
        if record.committed:
            known = (pool_key(record), record.year) in rented
            checker.holds(
                f"training {record.job} year {record.year} committed", known, "yes", "its nodes are not rented"
            )


def in_force(design: Design, pool: PoolRecord) -> list[CommitmentRecord]:
    """Return the commitments that hold nodes of a pool in its year."""
    return [
        c
        for c in design.commitments
        if (c.site, c.node) == (pool.site, pool.node) and c.first_year <= pool.year <= c.last_year
    ]


def _commitment(problem: Problem, taken: CommitmentRecord, checker: Checker) -> None:
    place = f"commitments {taken.name} of {taken.node} at {taken.site} from year {taken.first_year}"
    finance = Finance.of(problem.settings)
    option = problem.commitments[taken.name]
    offered = option in commitments_for(problem, taken.site, taken.node)
    checker.holds(place, offered, "it is taken", "it is not for this node and site")
    within = 1 <= taken.first_year <= finance.horizon_years and taken.units >= 0
    checker.holds(place, within, f"{taken.units} units from year {taken.first_year}", "the horizon")
    last = last_year_of(option, taken.first_year, finance.horizon_years)
    checker.same(f"{place} last_year", taken.last_year, last)
    price = usd_per_hour(problem, finance, option, taken.node, taken.first_year)
    payments = payments_of(problem, finance, option, taken.node, taken.first_year)
    checker.equal(f"{place} usd_per_hour", taken.usd_per_hour, price)
    checker.equal(f"{place} upfront_usd", taken.upfront_usd, taken.units * sum(p.usd for p in payments if p.at_start))
    checker.equal(f"{place} paid_usd", taken.paid_usd, taken.units * sum(p.usd for p in payments))


def _limits(problem: Problem, design: Design, checker: Checker) -> None:
    held: dict[tuple[str, str, str, int], int] = defaultdict(int)
    for taken in design.commitments:
        for year in range(taken.first_year, taken.last_year + 1):
            held[taken.name, taken.site, taken.node, year] += taken.units
    for (name, site, node, year), units in held.items():
        most = problem.commitments[name].max_units
        if most is not None:
            checker.at_most(f"commitments {name} of {node} at {site} year {year}", units, most, "max_units")


def _jobs(problem: Problem, design: Design, pool: PoolRecord, checker: Checker) -> None:
    """Replay the runs on committed nodes of a pool: at once, and over the year."""
    key = pool_key(pool)
    names = {r.job for r in design.training if r.committed and (pool_key(r), r.year) == (key, pool.year)}
    runs = [e for e in design.calendar if (e.pool, e.year) == (key, pool.year) and e.job in names]
    for moment in {run.start_day for run in runs}:
        at_once = sum(r.nodes for r in runs if r.start_day <= moment + 1e-9 and r.end_day > moment + 1e-9)
        place = f"calendar {key} year {pool.year} day {moment:g} committed nodes"
        checker.at_most(place, at_once, pool.committed_for_jobs, "committed_for_jobs")
    used = sum(
        r.runs_per_year * problem.training[r.job].overhead_factor * r.nodes * r.days
        for r in design.training
        if r.job in names and r.year == pool.year
    )
    limit = DAYS_PER_YEAR * problem.settings.schedulable_pct / 100 * pool.committed_for_jobs
    checker.at_most(f"pool {key} year {pool.year} node-days on committed nodes", used, limit, "node-days")


def pay_commitments(problem: Problem, design: Design, ledger: Ledger) -> None:
    """Pay all commitments."""
    finance = Finance.of(problem.settings)
    for taken in design.commitments:
        option = problem.commitments[taken.name]
        payments = payments_of(problem, finance, option, taken.node, taken.first_year)
        ledger.enter(ContractLine(taken.site, "rent", taken.units, payments))


def pay_on_demand(problem: Problem, design: Design, year: int, ledger: Ledger) -> None:
    """Pay the rent of nodes that jobs and services of a year hold beyond what is committed."""
    for job in design.training:
        if job.year == year and problem.sites[job.site].kind == "cloud" and not job.committed:
            days = job.runs_per_year * problem.training[job.job].overhead_factor * job.node_days
            rent = problem.nodes[job.node].rent_usd_per_hour or 0.0
            ledger.pay(RunningLine(job.site, "rent", days * 24 * job.nodes, rent, (year,)))
    for pool in design.pools:
        if pool.year == year and pool.rented:
            rent = problem.nodes[pool.node].rent_usd_per_hour or 0.0
            ledger.pay(RunningLine(pool.site, "rent", on_demand_hours(pool), rent, (year,)))
