"""Every dollar: the ledgers rebuilt from the records and the tables, and every total derived from them again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from dcopt.design.records import DATA_PARTS, Cost, Design, FinanceYear
from dcopt.economics.colocation import has_contract
from dcopt.economics.finance import Finance
from dcopt.economics.ledger import (
    CapitalLine,
    Ledger,
    RunningLine,
    bill_of_materials,
    capex_terms,
    cost_of,
    tco_usd,
)
from dcopt.economics.volume import at_volume_prices
from dcopt.economics.yearly import financing_cases, yearly
from dcopt.performance.packing import packing_core_hours
from dcopt.performance.workloads import DAYS_PER_YEAR
from dcopt.problem.offered import existing_units, offered, price_of
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Site
from dcopt.verify import assets, building, colocation, rebuild, rents, transfer, volume
from dcopt.verify.assets import slices
from dcopt.verify.checker import Checker
from dcopt.verify.facility import SiteYear
from dcopt.verify.load import storage_units
from dcopt.verify.storage import codec_of

GAP_NOISE = 1e-14
"""Gaps are compared this closely: they are small shares of large numbers, and follow from two numbers exactly."""


def check(problem: Problem, design: Design, balances: dict[tuple[str, int], SiteYear], checker: Checker) -> None:
    """Check cost, cash, TCO, bill of materials, budgets, objective and gap."""
    finance = Finance.of(problem.settings)
    years = range(1, finance.horizon_years + 1)
    ledger = Ledger()
    of_epochs = [_of_years(seen, part, balances, checker) for seen, part in slices(problem, design)]
    ledger.running = [line for of_epoch in of_epochs for line in of_epoch.running]
    if len(of_epochs) > 1:
        assets.check(problem, design, [of_epoch.capital for of_epoch in of_epochs], ledger, checker)
        volume.check(problem, design, ledger, checker)
    else:
        checker.same("assets, rebates", (*design.assets, *design.rebates), ())
        ledger.capital = of_epochs[0].capital
    transfer.pay(problem, design, ledger)
    rebuild.pay(problem, design, ledger)
    rents.pay_commitments(problem, design, ledger)
    colocation.check(problem, design, balances, checker)
    colocation.pay(problem, design, ledger)
    cost = cost_of(ledger, finance)
    if design.cost is None:
        checker.holds("cost", False, "no cost", "a design has a cost")
        return
    for kind in ("capital", "running"):
        stated, found = getattr(design.cost, kind), getattr(cost, kind)
        for category in sorted(set(stated) | set(found)):
            checker.equal(f"cost {kind} {category}", stated.get(category), found.get(category))
    checker.same("cost cash_by_year years", [c.year for c in design.cost.cash_by_year], list(years))
    for stated_cash, found_cash in zip(design.cost.cash_by_year, cost.cash_by_year, strict=False):
        for name in ("capital_usd", "running_usd", "total_usd"):
            place = f"cost cash_by_year {stated_cash.year} {name}"
            checker.equal(place, getattr(stated_cash, name), getattr(found_cash, name))
    _by_year(design.cost, cost, checker)
    checker.equal("tco_usd", design.tco_usd, tco_usd(cost))
    for case in design.residual:
        worth = replace(finance, residual=case.residual_pct / 100)
        place = f"residual {case.residual_pct:g} % tco_usd"
        checker.equal(place, case.tco_usd, tco_usd(cost_of(ledger, worth)))
    _bom(design, ledger, finance, checker)
    _finance(problem, design, checker)
    capex = sum(capex_terms(ledger, finance))
    _budgets(problem, design, balances, capex, checker)
    _objective(problem, design, balances, tco_usd(cost), capex, checker)


def _finance(problem: Problem, design: Design, checker: Checker) -> None:
    """Compare the money of every year, which follows from the rest of the design."""
    found = yearly(problem, design)
    checker.same("finance years", [row.year for row in design.finance], [row.year for row in found])
    for said, row in zip(design.finance, found, strict=False):
        for name in FinanceYear.model_fields:
            if name != "year":
                checker.equal(f"finance {row.year} {name}", getattr(said, name), getattr(row, name))
    cases = financing_cases(problem, design)
    checker.same("financing", [case.financing for case in design.financing], [case.financing for case in cases])
    for stated, case in zip(design.financing, cases, strict=False):
        for name in ("after_tax_npv_usd", "most_cash_usd"):
            checker.equal(f"financing {case.financing} {name}", getattr(stated, name), getattr(case, name))


def _by_year(stated: Cost, found: Cost, checker: Checker) -> None:
    """Compare every category of every year; the order and the keys are those of the ledger."""
    keys = [[(row.year, row.kind, row.category) for row in cost.by_year] for cost in (stated, found)]
    checker.same("cost by_year rows", *keys)
    for said, row in zip(stated.by_year, found.by_year, strict=False):
        place = f"cost by_year {row.year} {row.kind} {row.category}"
        checker.equal(f"{place} usd", said.usd, row.usd)
        checker.equal(f"{place} discounted_usd", said.discounted_usd, row.discounted_usd)


def _of_years(problem: Problem, design: Design, balances: dict[tuple[str, int], SiteYear], checker: Checker) -> Ledger:
    """Return the ledger of the years that are looked at: all of the horizon, or what stands and runs in an epoch."""
    ledger = Ledger()
    here = {key: balance for key, balance in balances.items() if key[1] in problem.years}
    for site in problem.sites.values():
        _equipment(problem, design, site, ledger)
        _facility(problem, design, site, here, ledger)
    if problem.window is None:  # over several epochs prices by volume are those of the orders of purchase dates
        ledger.capital = at_volume_prices(problem, ledger.capital)
    building.pay(problem, design, here, ledger, checker)
    for year in problem.years:
        _workloads(problem, design, year, ledger)
    _packing(problem, design, ledger)
    return ledger


def _price(problem: Problem, table: str, name: str, site: str) -> float:
    offer = offered(problem, table, site).get(name)
    return float(getattr(problem.tables[table][name], "price_usd", None) or 0.0) if offer is None else price_of(offer)


def _equipment(problem: Problem, design: Design, site: Site, ledger: Ledger) -> None:
    """Buy what stands at a site in the first year (it stands in all), and keep it running."""
    first = problem.years[0]
    if site.kind == "cloud":
        for year in problem.years:
            for name, units in storage_units(design, site.name, year).items():
                unit = problem.storage[name]
                monthly = (unit.rent_usd_per_tb_month or 0.0) * unit.raw_tb
                ledger.pay(RunningLine(site.name, "rent", 12.0 * units, monthly, (year,)))
        return
    units_of: dict[tuple[str, str, str], float] = defaultdict(float)
    for pool in design.pools:
        if (pool.site, pool.year) == (site.name, first):
            row = problem.nodes[pool.node]
            name = row.uncapped.name
            price = _price(problem, "nodes", name, site.name)
            ledger.buy(CapitalLine(site.name, "nodes", "nodes", name, pool.bought, price, row.lifetime_years))
            _keep(problem, ledger, site.name, "support", pool.nodes, price * row.support_pct_per_year / 100)
            _keep(problem, ledger, site.name, "maintenance", pool.nodes, price * row.maintenance_pct_per_year / 100)
    for net in design.network:
        if (net.site, net.year) == (site.name, first):
            switches = net.leaf + net.spine + net.core
            switch = problem.switches[net.switch]
            units_of["network", "switches", net.switch] += switches
            for cable in net.cables:
                units_of["network", "links", cable.link] += cable.links
            for module in net.transceivers:
                units_of["network", "transceivers", module.transceiver] += module.units
            price = switch.price_usd
            _keep(problem, ledger, site.name, "support", switches, price * switch.support_pct_per_year / 100)
            _keep(problem, ledger, site.name, "maintenance", switches, price * switch.maintenance_pct_per_year / 100)
    for side in design.side_networks:
        if (side.site, side.year) == (site.name, first):
            network, switch = problem.networks[side.name], problem.switches[side.switch]
            switches = side.leaf + side.spine + side.core
            units_of["network", "switches", side.switch] += switches
            units_of["network", "links", network.access_link] += side.ports
            units_of["network", "links", network.trunk_link] += side.trunk_links
            price = switch.price_usd
            _keep(problem, ledger, site.name, "support", switches, price * switch.support_pct_per_year / 100)
            _keep(problem, ledger, site.name, "maintenance", switches, price * switch.maintenance_pct_per_year / 100)
    for name, units in storage_units(design, site.name, first).items():
        units_of["storage", "storage", name] += units
        price = _price(problem, "storage", name, site.name)
        share = problem.storage[name].maintenance_pct_per_year / 100
        _keep(problem, ledger, site.name, "maintenance", units, price * share)
    for rack in design.racks:
        if (rack.site, rack.year) == (site.name, first):
            units_of["racks", "racks", rack.name] += rack.count
    for part in design.power:
        if (part.site, part.year) == (site.name, first):
            units_of["power", "power", part.name] += part.units
    for cooler in design.cooling:
        if (cooler.site, cooler.year) == (site.name, first):
            units_of["cooling", "cooling", cooler.name] += cooler.units
    for (category, table, name), needed in units_of.items():
        new = max(0.0, needed - existing_units(problem, site.name, table, name))
        item: Any = problem.tables[table][name]
        price = _price(problem, table, name, site.name)
        ledger.buy(CapitalLine(site.name, category, table, name, new, price, float(item.lifetime_years)))


def _keep(problem: Problem, ledger: Ledger, site: str, category: str, quantity: float, rate: float) -> None:
    """Pay support or maintenance; over several epochs it belongs to what stands (`dcopt.verify.assets`)."""
    if problem.window is None:
        _pay(problem, ledger, site, category, quantity, rate)


def _pay(problem: Problem, ledger: Ledger, site: str, category: str, quantity: float, rate: float) -> None:
    ledger.pay(RunningLine(site, category, quantity, rate, tuple(problem.years)))


def _facility(
    problem: Problem, design: Design, site: Site, balances: dict[tuple[str, int], SiteYear], ledger: Ledger
) -> None:
    """Pay building, colocation, demand, staff, energy, carbon and water."""
    if (site.name, problem.years[0]) in balances:
        first = balances[site.name, problem.years[0]]
        if site.kind == "colocation":
            fee = 0.0 if has_contract(site) else site.colocation_usd_per_kw_month or 0.0
            _pay(problem, ledger, site.name, "colocation", 12 * first.it_kw, fee)
        elif not any(hall.site == site.name for hall in problem.halls.values()):
            price, life = site.build_usd_per_kw, site.building_lifetime_years
            ledger.buy(CapitalLine(site.name, "building", "sites", site.name, first.grid_kw, price, life))
        _pay(problem, ledger, site.name, "demand", 12 * first.grid_kw, site.demand_charge_usd_per_kw_month)
        _pay(problem, ledger, site.name, "staff", first.it_kw, problem.settings.staff_usd_per_kw_year)
    for (name, year), balance in balances.items():
        if name != site.name:
            continue
        kwh, usd = building.energy(problem, design, name, year, balance.grid_kw_by_hour)
        tonnes = kwh * site.carbon_kg_per_kwh / 1000
        ledger.pay(RunningLine(name, "energy", usd, 1.0, (year,)))
        ledger.pay(RunningLine(name, "carbon", tonnes, problem.settings.carbon_price_usd_per_t, (year,)))
        ledger.pay(RunningLine(name, "water", balance.water_m3, site.water_usd_per_m3, (year,)))


def _workloads(problem: Problem, design: Design, year: int, ledger: Ledger) -> None:
    """Pay the rent of nodes and the licences of what runs in a year."""
    for job in design.training:
        if job.year != year:
            continue
        row = problem.training[job.job]
        days = job.runs_per_year * row.overhead_factor * job.node_days
        licence = problem.software[job.software].licence_usd_per_accelerator_year * job.accelerators
        ledger.pay(RunningLine(job.site, "licences", days / DAYS_PER_YEAR, licence, (year,)))
    for part in design.inference:
        if part.year == year:
            licence = problem.software[part.software].licence_usd_per_accelerator_year
            chips = float(part.accelerators_per_replica)
            ledger.pay(RunningLine(part.site, "licences", part.replicas, licence * chips, (year,)))
    rents.pay_on_demand(problem, design, year, ledger)


def _packing(problem: Problem, design: Design, ledger: Ledger) -> None:
    """Pay the CPU that packs and unpacks each dataset."""
    for dataset in problem.datasets.values():
        records = [r for r in design.storage if r.part in DATA_PARTS and r.dataset == dataset.name]
        if not records:
            continue
        codec = codec_of(problem, records[0].codec)
        for year in problem.years:
            hours = packing_core_hours(problem, dataset, codec, year)
            rate = problem.settings.cpu_usd_per_core_hour
            ledger.pay(RunningLine(records[0].site, "processing", hours, rate, (year,)))


def _bom(design: Design, ledger: Ledger, finance: Finance, checker: Checker) -> None:
    stated: dict[tuple[str, int, str, str, str, float], float] = defaultdict(float)
    for line in design.bom_lines:
        place = f"bom {line.site} year {line.year} {line.item}"
        checker.equal(f"{place} total_usd", line.total_usd, line.quantity * line.unit_price_usd)
        stated[line.site, line.year, line.category, line.table, line.item, line.unit_price_usd] += line.quantity
    found = {
        (line.site, line.year, line.category, line.table, line.item, line.unit_price_usd): line.quantity
        for line in bill_of_materials(ledger, finance)
    }
    for key in sorted(set(stated) | set(found)):
        place = f"bom {key[0]} year {key[1]} {key[4]} at {key[5]:g} USD quantity"
        checker.equal(place, stated.get(key, 0.0), found.get(key, 0.0))


def _grid_kwh(
    problem: Problem, design: Design, balances: dict[tuple[str, int], SiteYear]
) -> dict[tuple[str, int], float]:
    """Return what the grid gives to each site in each year, kWh."""
    return {
        (site, year): building.energy(problem, design, site, year, balance.grid_kw_by_hour)[0]
        for (site, year), balance in balances.items()
    }


def _sites(problem: Problem, design: Design, grid_kwh: dict[tuple[str, int], float], checker: Checker) -> None:
    """Check carbon and solar energy as the sites' records state them."""
    for record in design.sites:
        kwh = grid_kwh.get((record.site, record.year))
        if kwh is None:
            continue
        place = f"site {record.site} year {record.year}"
        tonnes = kwh / 1000 * problem.sites[record.site].carbon_kg_per_kwh
        checker.equal(f"{place} carbon_t_per_year", record.carbon_t_per_year, tonnes)
        solar = record.energy_mwh_per_year - kwh / 1000
        checker.equal(f"{place} solar_mwh_per_year", record.solar_mwh_per_year, solar, near_zero=1e-6)


def _carbon_t(problem: Problem, grid_kwh: dict[tuple[str, int], float], year: int) -> float:
    return sum(
        kwh / 1000 * problem.sites[site].carbon_kg_per_kwh
        for (site, of_year), kwh in grid_kwh.items()
        if of_year == year
    )


def _budgets(
    problem: Problem,
    design: Design,
    balances: dict[tuple[str, int], SiteYear],
    capex: float,
    checker: Checker,
) -> None:
    settings = problem.settings
    grid_kwh = _grid_kwh(problem, design, balances)
    _sites(problem, design, grid_kwh, checker)
    if len(design.purchase_years) == 1:
        _buyers_limits(problem, design, checker)
    if settings.capex_limit_usd is not None:
        checker.at_most("purchases", capex, settings.capex_limit_usd, "capex_limit_usd")
    for year in range(1, settings.horizon_years + 1):
        if settings.carbon_limit_t_per_year is not None:
            emitted = _carbon_t(problem, grid_kwh, year)
            checker.at_most(f"carbon year {year}", emitted, settings.carbon_limit_t_per_year, "carbon_limit")
    for (site, year), balance in balances.items():
        limit = problem.sites[site].water_limit_m3_per_year
        if limit is not None:
            checker.at_most(f"water at {site} year {year}", balance.water_m3, limit, "water_limit")


def _buyers_limits(problem: Problem, design: Design, checker: Checker) -> None:
    """Check vendors, embodied carbon and offers of what is bought once."""
    settings = problem.settings
    bought = _bought_nodes(problem, design)
    total = sum(bought.values())
    for vendor in {problem.vendor_of(node) for _, node in bought}:
        units = sum(count for (_, node), count in bought.items() if problem.vendor_of(node) == vendor)
        checker.at_most(f"nodes of {vendor}", units, total * settings.max_vendor_pct / 100, "max_vendor_pct")
    for record in design.sites:
        made = sum(n * problem.nodes[node].embodied_kgco2 for (site, node), n in bought.items() if site == record.site)
        checker.equal(f"site {record.site} year {record.year} embodied_t", record.embodied_t, made / 1000)
    if settings.embodied_limit_t is not None:
        made = sum(n * problem.nodes[node].embodied_kgco2 for (_, node), n in bought.items())
        checker.at_most("embodied carbon", made / 1000, settings.embodied_limit_t, "embodied_limit_t")
    for offer in problem.offers.values():
        if offer.table == "nodes":
            continue
        place = f"bom {offer.table} {offer.name}"
        taken = parts_taken(design, offer.table, offer.name, offer.site)
        if offer.max_units is not None:
            checker.at_most(place, taken, offer.max_units, "max_units of offers.csv")
        if offer.min_units and taken:
            checker.at_most(f"{place} min_units of offers.csv", offer.min_units, taken, "what is taken")


def _bought_nodes(problem: Problem, design: Design) -> dict[tuple[str, str], int]:
    """Return the nodes that are bought, by (site, node)."""
    bought: dict[tuple[str, str], int] = defaultdict(int)
    for pool in design.pools:
        if pool.year == 1 and not pool.rented:
            bought[pool.site, pool.node] += pool.bought
    return {key: count for key, count in bought.items() if count}


def parts_taken(design: Design, table: str, name: str, site: str | None) -> float:
    """Return the units of a row (not a node) that a design buys, or storage that it rents, at ``site`` (None: all)."""
    bought = sum(
        line.quantity
        for line in design.bom_lines
        if (line.table, line.item, line.year) == (table, name, 1) and site in (None, line.site)
    )
    if table != "storage":
        return bought
    rented: dict[int, dict[str, int]] = defaultdict(dict)
    for record in design.storage:
        if record.rented and record.name == name and site in (None, record.site):
            rented[record.year][record.site] = record.site_units
    return bought + max((sum(units.values()) for units in rented.values()), default=0)


def _objective(
    problem: Problem,
    design: Design,
    balances: dict[tuple[str, int], SiteYear],
    tco: float,
    capex: float,
    checker: Checker,
) -> None:
    """Check the objective's value, and that bound, gap and status say the same."""
    years = range(1, problem.settings.horizon_years + 1)
    grid_kwh = _grid_kwh(problem, design, balances)
    value = {
        "tco": tco,
        "capex": capex,
        "carbon": sum(_carbon_t(problem, grid_kwh, year) for year in years),
        "energy": sum(grid_kwh.values()),
    }[problem.settings.objective]
    checker.equal("objective_value", design.objective_value, value)
    if design.objective_bound is not None:
        checker.at_most("objective_bound", design.objective_bound, value, "the objective's value")
        stated = value if design.objective_value is None else design.objective_value
        gap = (stated - design.objective_bound) / abs(stated) if stated else 0.0
        checker.equal("gap", design.gap, gap, near_zero=GAP_NOISE)
    within = design.gap is not None and design.gap <= design.gap_target * (1 + 1e-6) + 1e-9
    checker.same("status", design.status, "optimal" if within else "feasible")
