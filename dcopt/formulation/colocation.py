"""Colocation contracts: kW from a purchase date to a later one, what is billed of them, and what leaving costs.

At every site with a term, over the spans (v, w) from a purchase date to the year before another:

    Σ_{v ≤ e ≤ w} billed[v,w,e] ≥ IT peak[e]                       every epoch e is carried
    least·contracted[v,w] ≤ billed[v,w,e] ≤ contracted[v,w]
    cost = Σ fee_v[y]·12·billed + exit[v,w]·contracted             `dcopt.economics.colocation`

kW are contracted in any quantity. With one purchase date there is one span.
"""

from __future__ import annotations

from typing import Any

from dcopt.design.records import ColocationRecord
from dcopt.economics.colocation import Span, billed_payments, exit_usd, fee_usd, has_contract, spans_of
from dcopt.economics.ledger import ContractLine, Payment
from dcopt.formulation.expressions import number, total, upper_bound
from dcopt.formulation.program import Program
from dcopt.problem.epochs import Epoch, epochs_of


def link(root: Program) -> None:
    """Declare the contracts of all sites, let them carry what stands there, and pay for them."""
    for name, site in root.problem.sites.items():
        if not has_contract(site):
            continue
        loads = [part.totals[name].it_peak_kw if name in part.totals else 0.0 for part in root.parts]
        most = max(upper_bound(load) for load in loads)
        for span in spans_of(root.problem) if most > 0 else ():
            _contract(root, name, span, most)
        for epoch, load in zip(epochs_of(root.problem), loads, strict=True):
            if most > 0:
                root.require(
                    "contracted",
                    (name, epoch.index),
                    total(root.model.billed_kw[name, *span, epoch.index] for span in _there(root, epoch)) >= load,
                    row=f"sites.csv: {name} colocation_term_years",
                    sentence=f"what stands at {name} from year {epoch.first_year} on is under contract",
                )


def _there(root: Program, epoch: Epoch) -> list[Span]:
    return [span for span in spans_of(root.problem) if span[0] <= epoch.first_year and epoch.last_year <= span[1]]


def _contract(root: Program, name: str, span: Span, most: float) -> None:
    site, finance = root.problem.sites[name], root.finance
    contracted = root.var("contracted_kw", (name, *span), ub=most)
    least = site.colocation_least_billed_pct / 100
    for epoch in epochs_of(root.problem):
        if span in _there(root, epoch):
            key = (name, *span, epoch.index)
            billed = root.var("billed_kw", key, ub=most)
            root.require("billed_least", key, billed >= least * contracted)
            root.require("billed_most", key, billed <= contracted)
            payments = billed_payments(site, finance, span[0], epoch.years)
            root.ledger.enter(ContractLine(name, "colocation", billed, payments))
    left = exit_usd(site, finance, span)
    if left:
        root.ledger.enter(ContractLine(name, "colocation", contracted, (Payment(span[1], left),)))


def _kw(root: Program, variable: str, key: tuple[Any, ...]) -> Any:
    return root.model.component(variable)[key]


def settle(root: Program) -> None:
    """Contract and bill exactly what a solved program needs: the solver keeps rows to a tolerance only."""
    if root.model.component("contracted_kw") is None:
        return
    for name, site in root.problem.sites.items():
        spans = [span for span in spans_of(root.problem) if (name, *span) in root.model.contracted_kw]
        for epoch, part in zip(epochs_of(root.problem), root.parts, strict=True):
            there = [root.model.billed_kw[name, *span, epoch.index] for span in _there(root, epoch) if span in spans]
            load = number(part.totals[name].it_peak_kw) if name in part.totals else 0.0
            lacking = load - sum(number(kw) for kw in there)
            if there and lacking > 0:
                largest = max(there, key=number)
                largest.set_value(number(largest) + lacking, skip_validation=True)
        for span in spans:
            contracted = _kw(root, "contracted_kw", (name, *span))
            held = [e.index for e in epochs_of(root.problem) if span in _there(root, e)]
            billed = [_kw(root, "billed_kw", (name, *span, index)) for index in held]
            kw = max([number(contracted), *(number(one) for one in billed)])
            contracted.set_value(kw, skip_validation=True)
            for one in billed:
                least = kw * site.colocation_least_billed_pct / 100
                one.set_value(max(number(one), least), skip_validation=True)


def extract(root: Program) -> list[ColocationRecord]:
    """Return the contracts that are entered."""
    found = []
    for (name, first, last), variable in (root.model.component("contracted_kw") or {}).items():
        kw = number(variable)
        if kw <= 1e-9:
            continue
        site, span = root.problem.sites[name], (first, last)
        billed = {
            year: number(root.model.billed_kw[name, first, last, epoch.index])
            for epoch in epochs_of(root.problem)
            if span in _there(root, epoch)
            for year in epoch.years
        }
        found.append(
            ColocationRecord(
                site=name,
                first_year=first,
                last_year=last,
                contracted_kw=kw,
                billed_kw=tuple(billed.values()),
                usd_per_kw_month=fee_usd(site, root.finance, first, first),
                exit_usd=kw * exit_usd(site, root.finance, span),
            )
        )
    return found


def held_before(root: Program, date: int, taken: tuple[ColocationRecord, ...], viewed_to: int) -> None:
    """Hold what was contracted before ``date``: what ended is as it was, the rest ends whenever it is best.

    ``viewed_to`` is the last year that was in view when it was decided: what held to there had not ended.
    """
    component = root.model.component("contracted_kw") or {}
    for name, first in dict.fromkeys((name, first) for name, first, _ in component):
        if first >= date:
            continue
        mine = {one.last_year: one.contracted_kw for one in taken if (one.site, one.first_year) == (name, first)}
        ended = [last for at, begun, last in component if (at, begun) == (name, first) and last < date]
        ended = [last for last in ended if last != viewed_to]
        for last in ended:
            component[name, first, last].fix(mine.get(last, 0.0))
        rest = [kw for (at, begun, last), kw in component.items() if (at, begun) == (name, first) and last not in ended]
        held = sum(kw for last, kw in mine.items() if last not in ended)
        slack = 1e-6 * max(1.0, held)
        root.require("contract_held", (name, first), total(rest) >= held - slack)
        root.require("contract_not_more", (name, first), total(rest) <= held + slack)
