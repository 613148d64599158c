"""Moving data: copies at other sites than a dataset's origin come over a link, and pay for every GB.

    fresh[d,s,w] ≥ copy[d,s,w] − copy[d,s,w−1]     (w the stays of a rented site in turn; bought copies are made once)
    link[a,b] ≥ copy[d,b,w]                        for the datasets d with origin a

A fresh copy moves all that is stored in its first year, every other year of a copy what comes in new. The rent of a
link is paid in every year of the horizon once it is used in any.
"""

from __future__ import annotations

from typing import Any

from dcopt.design.records import TransferRecord
from dcopt.formulation.expressions import number, whole
from dcopt.formulation.program import Program, all_years
from dcopt.formulation.stays import stays
from dcopt.infrastructure.staging import days_of, link_to, moved_tb, usd_per_gb


def _copies(program: Program) -> list[tuple[str, str]]:
    """Return (dataset, site) of every copy that would have to be moved."""
    component = program.model.component("copy")
    pairs = dict.fromkeys((key[0], key[1]) for key in component) if component is not None else {}
    datasets = program.problem.datasets
    return [pair for pair in pairs if link_to(program.problem, datasets[pair[0]], pair[1]) is not None]


def declare(program: Program) -> None:
    """Declare fresh copies and links, and pay for what is moved."""
    for name, site in _copies(program):
        dataset = program.problem.datasets[name]
        link = link_to(program.problem, dataset, site)
        assert link is not None
        rate = usd_per_gb(program.problem, dataset, site)
        for stay, years in stays(program, site):
            copy = program.model.copy[name, site, stay]
            fresh = program.var("fresh", (name, site, stay), ub=1)
            for year in years:
                grown = moved_tb(program.problem, dataset, year, is_new=False)
                program.pay(link.from_site, "transfer", grown * 1000 * copy, rate, (year,))
            whole_tb = moved_tb(program.problem, dataset, years[0], is_new=True) - moved_tb(
                program.problem, dataset, years[0], is_new=False
            )
            program.pay(link.from_site, "transfer", whole_tb * 1000 * fresh, rate, (years[0],))
        key = (link.from_site, link.to_site)
        if program.model.component("link") is None or key not in program.model.link:
            used = program.var("link", key, ub=1, binary=True)
            program.pay(link.from_site, "transfer", 12 * used, link.usd_per_month)


def link(program: Program) -> None:
    """Make every copy fresh that was not there before, and use the links of all copies."""
    model = program.model
    for name, site in _copies(program):
        before = _before(program, name, site)
        way = link_to(program.problem, program.problem.datasets[name], site)
        assert way is not None
        for stay, _ in stays(program, site):
            copy = model.copy[name, site, stay]
            program.require("fresh", (name, site, stay), model.fresh[name, site, stay] >= copy - before)
            program.require("link_used", (name, site, stay), model.link[way.from_site, way.to_site] >= copy)
            before = copy


def _before(program: Program, name: str, site: str) -> Any:
    """Return whether a copy was there at the end of the epoch before."""
    if program.before is None:
        return 0.0
    component = program.before.model.component("copy")
    last = stays(program.before, site)[-1][0] if stays(program.before, site) else None
    return component[name, site, last] if component is not None and (name, site, last) in component else 0.0


def extract(program: Program) -> list[TransferRecord]:
    """Return what is moved where in every year."""
    records = []
    for name, site in _copies(program):
        dataset = program.problem.datasets[name]
        link = link_to(program.problem, dataset, site)
        assert link is not None
        there = {program.problem.years[0] - 1} if number(_before(program, name, site)) > 0.5 else set()
        there |= {
            year
            for stay, years in stays(program, site)
            if whole(program.model.copy[name, site, stay])
            for year in years
        }
        for year in all_years(program):
            if year in there:
                tb = moved_tb(program.problem, dataset, year, is_new=year - 1 not in there)
                usd = tb * 1000 * usd_per_gb(program.problem, dataset, site)
                if tb > 0:
                    records.append(
                        TransferRecord(
                            dataset=name,
                            origin=link.from_site,
                            site=site,
                            year=year,
                            tb=tb,
                            days=days_of(tb, link),
                            usd=usd,
                        )
                    )
    return records
