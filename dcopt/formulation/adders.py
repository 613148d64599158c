"""Adders: what comes with a site by rule, in quantities that follow a driver.

quantity[s,a] = step·whole (or any quantity),   quantity ≥ ratio·driver[s],   quantity ≥ minimum·active[s]

Equipment among them draws power and takes rack space. Those that follow the capital come last, on all other purchases.
"""

from __future__ import annotations

import math
from typing import Any

from dcopt.design.records import AdderRecord
from dcopt.economics.ledger import CapitalLine
from dcopt.formulation.compute import nodes_of
from dcopt.formulation.expressions import number, total, upper_bound
from dcopt.formulation.program import Program, all_years
from dcopt.infrastructure.adders import adders_at, quantity_needed
from dcopt.problem.tables.building_rows import Adder

WITH_POWER = ("site", "nodes", "requests_per_s")
"""Drivers that are known before racks and power, so that what follows them can stand there and draw."""


def declare(program: Program) -> None:
    """Declare what follows sites and nodes: it may be equipment."""
    for site, adder in _applicable(program):
        if adder.driver in WITH_POWER:
            quantity = _quantity(program, site, adder, _driver(program, site, adder))
            program.constant_load(
                site, quantity, adder.kw_each, adder.rack_units_each, adder.name, program.model.active_site[site]
            )


def link(program: Program) -> None:
    """Declare what follows racks and power."""
    for site, adder in _applicable(program):
        if adder.driver in ("racks", "it_kw"):
            _quantity(program, site, adder, _driver(program, site, adder))


def follow_capital(program: Program) -> None:
    """Declare what follows the purchases, after all of them are on the ledger."""
    capital: dict[str, list[Any]] = {}
    for line in program.ledger.capital:
        capital.setdefault(line.site, []).append(line.unit_price_usd * line.quantity)
    for site, adder in _applicable(program):
        if adder.driver == "capital":
            _quantity(program, site, adder, total(capital.get(site, [])))


def _applicable(program: Program) -> list[tuple[str, Adder]]:
    return [
        (site, adder)
        for site, row in program.problem.sites.items()
        if row.kind != "cloud"
        for adder in adders_at(program.problem.adders.values(), site)
    ]


def _driver(program: Program, site: str, adder: Adder) -> Any:
    if adder.driver == "site":
        return program.model.active_site[site]
    if adder.driver == "nodes":
        return total(nodes_of(program, key) for key, pool in program.candidates.pools.items() if pool.site == site)
    if adder.driver == "requests_per_s":
        return _requests(program, site)
    balance = program.balances[site]
    return total(balance.rack_positions if adder.driver == "racks" else balance.it_peak_kw)


def _requests(program: Program, site: str) -> Any:
    """Return the requests/s that services send to a site at their peaks, those of the year with the most."""
    component = program.model.component("peak_requests")
    if component is not None and site in component:
        return component[site]
    loads = [
        total(
            program.model.carried_load[service, index, period.index]
            for service, _, _ in period.loads
            for index, candidate in enumerate(program.candidates.serving[service])
            if candidate.pool.site == site
        )
        for period in program.candidates.periods
    ]
    peak = program.var("peak_requests", site, ub=max(upper_bound(load) for load in loads))
    for index, load in enumerate(loads):
        program.require("peak_requests", (site, index), peak >= load)
    program.envelopes.append((peak, loads))
    return peak


def _quantity(program: Program, site: str, adder: Adder, driver: Any) -> Any:
    key = (site, adder.name)
    most = quantity_needed(adder, max(0.0, upper_bound(driver)))
    active = program.model.active_site[site]
    if adder.step:
        quantity = adder.step * program.var("adder_steps", key, ub=math.ceil(most / adder.step - 1e-9), integer=True)
    else:
        quantity = program.var("adder", key, ub=most)
        program.envelopes.append((quantity, [adder.ratio * driver, adder.minimum * active]))
    program.require(
        "adder_follows",
        key,
        quantity >= adder.ratio * driver,
        row=f"adders.csv: {adder.name}",
        sentence=f"{adder.name} at {site} follows its {adder.driver}",
    )
    if adder.minimum:
        program.require("adder_least", key, quantity >= adder.minimum * active)
    program.adders[key] = (quantity, driver)
    line = CapitalLine(site, "other", "adders", adder.name, quantity, adder.price_usd, adder.lifetime_years)
    if adder.price_usd:
        program.ledger.buy(line)
    program.pay(site, "other", quantity, adder.usd_per_year)
    return quantity


def extract(program: Program) -> list[AdderRecord]:
    """Return the adders that some site needs, with what they follow."""
    return [
        AdderRecord(site=site, name=name, year=year, quantity=amount, driver=number(driver))
        for (site, name), (quantity, driver) in program.adders.items()
        for amount in [number(quantity)]
        if amount
        for year in all_years(program)
    ]
