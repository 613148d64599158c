"""What stands over the years: stocks cover the needs of every epoch, and every purchase, age and resale is right."""

from __future__ import annotations

import math
from collections import defaultdict

from dcopt.design.records import Asset, Design
from dcopt.economics.finance import Finance
from dcopt.economics.items import age_of_existing, item_of
from dcopt.economics.ledger import CapitalLine, Ledger, RunningLine
from dcopt.economics.stock import Stay, stay
from dcopt.problem.epochs import epochs_of, views_of
from dcopt.problem.lead import can_be_renewed_at
from dcopt.problem.moves import move_of, usd_each
from dcopt.problem.problem import Problem
from dcopt.verify.checker import Checker

LISTS = (
    "pools",
    "training",
    "inference",
    "network",
    "side_networks",
    "storage",
    "transfers",
    "racks",
    "elevations",
    "power",
    "cooling",
    "sites",
    "solar",
    "halls",
    "adders",
    "calendar",
)
"""The lists of a design whose records have a year of operation."""

Key = tuple[str, str, str]
"""(site, table, row)."""


def slices(problem: Problem, design: Design) -> list[tuple[Problem, Design]]:
    """Return the problem as each epoch sees it with the design's records of its years; both whole if there is one."""
    views = views_of(problem)
    if not views:
        return [(problem, design)]
    found = []
    for seen in views:
        records = {name: tuple(r for r in getattr(design, name) if r.year in seen.years) for name in LISTS}
        found.append((seen, design.model_copy(update=records)))
    return found


def check(problem: Problem, design: Design, needs: list[list[CapitalLine]], ledger: Ledger, checker: Checker) -> None:
    """Check what stands against what each epoch needs (its capital lines), and put it on the ledger with its upkeep."""
    finance = Finance.of(problem.settings)
    standing: list[tuple[Asset, Stay]] = []
    for asset in design.assets:
        one = _recomputed(problem, finance, asset, checker)
        if one is None:
            continue
        key = (asset.site, asset.table, asset.name)
        standing.append((asset, one))
        item = item_of(problem, *key)
        _moved(problem, asset, one, item.sunk_price_usd, ledger, checker)
        price, life = asset.unit_price_usd, item.lifetime_years
        ledger.buy(CapitalLine(asset.site, asset.category, asset.table, asset.name, asset.units, price, life, one))
        for category, year, usd in one.upkeep:
            ledger.pay(RunningLine(asset.site, category, asset.units, usd, (year,)))
    for epoch, lines in zip(epochs_of(problem), needs, strict=True):
        _covered(epoch.years, lines, standing, checker)
    _existing(problem, design, checker)
    _offers(problem, design, checker)
    _buyers_limits(problem, design, checker)


def _recomputed(problem: Problem, finance: Finance, asset: Asset, checker: Checker) -> Stay | None:
    """Return the stay that an asset states, from the inputs; None (and a mismatch) where there can be none."""
    place = f"assets {asset.name} at {asset.site} from year {asset.bought_year} to {asset.gone_year}"
    dates = problem.settings.purchase_dates
    ends = {epoch.last_year for epoch in epochs_of(problem)}
    allowed = asset.bought_year in (0, *dates) and asset.gone_year in ends
    checker.holds(f"{place} years", allowed, "these years", f"purchases in {dates} only")
    item = item_of(problem, asset.site, asset.table, asset.name)
    age = None
    if asset.bought_year == 0:
        row = problem.existing[f"{asset.site}/{asset.table}/{asset.name}"]
        age = age_of_existing(row.age_years)
    one = stay(finance, item, max(1, asset.bought_year), asset.gone_year, age_years=age, keep=asset.kept)
    if one is None:
        checker.holds(place, False, "it stands", "it is not for sale then, or too old to be kept")
        return None
    again = [time for time, _ in (one.paid if asset.bought_year == 0 else one.paid[1:])]
    renewed = can_be_renewed_at(problem, asset.site, asset.table, asset.name, again)
    checker.holds(f"{place} renewed", renewed, "it is bought again in time", "its lead time is longer")
    price = one.paid[0][1] if one.paid else 0.0
    checker.equal(f"{place} unit_price_usd", asset.unit_price_usd, price)
    checker.equal(f"{place} resale_usd", asset.resale_usd, asset.units * one.sold_usd)
    whole = asset.table in ("sites", "adders") or abs(asset.units - round(asset.units)) < 1e-9
    checker.holds(f"{place} units", whole and asset.units >= 0, f"{asset.units}", "a whole number")
    return one


def _moved(problem: Problem, asset: Asset, one: Stay, sunk_usd: float, ledger: Ledger, checker: Checker) -> None:
    """Check that the moves of an asset are allowed, and put what they cost on the ledger."""
    site, year = asset.site, max(1, asset.bought_year) - (0 if asset.bought_year else 1)
    price = one.paid[0][1] if one.paid else sunk_usd
    for move in asset.moves:
        place = f"assets {asset.name} at {asset.site} from year {asset.bought_year} moved in year {move.year}"
        row = move_of(problem, asset.table, asset.name, site, move.site) if move.site in problem.sites else None
        once = len(one.paid) <= (1 if asset.bought_year else 0)
        in_turn = year < move.year <= asset.gone_year and move.year in problem.settings.purchase_dates
        checker.holds(place, row is not None and once and in_turn, "moves.csv allows it", f"{site} to {move.site}")
        if row is not None:
            ledger.pay(RunningLine(site, "moving", asset.units, usd_each(row, price), (move.year,)))
        site, year = move.site, move.year


def _covered(
    years: tuple[int, ...], lines: list[CapitalLine], standing: list[tuple[Asset, Stay]], checker: Checker
) -> None:
    needed: dict[Key, float] = defaultdict(float)
    for line in lines:
        needed[line.site, line.table, line.row] += line.quantity
    for key, need in needed.items():
        there = sum(
            asset.units * min(one.in_service[year] for year in years)
            for asset, one in standing
            if (asset.site_in(years[0]), asset.table, asset.name) == key
            if one.first_year <= years[0] and years[-1] <= one.last_year
        )
        place = f"{key[2]} at {key[0]} needed from year {years[0]}"
        checker.at_most(place, need, there, "what stands and is in service")


def _existing(problem: Problem, design: Design, checker: Checker) -> None:
    """No more existing units are used than there are, and pools name no more of them than stand."""
    for row in problem.existing.values():
        mine = [a for a in design.assets if (a.site, a.table, a.name, a.bought_year) == (*_key(row), 0)]
        place = f"existing {row.name} at {row.site}"
        checker.at_most(place, sum(a.units for a in mine), row.units, "existing.csv")
    used: dict[tuple[str, str, int], int] = defaultdict(int)
    for pool in design.pools:
        used[pool.site, pool.bought_as, pool.year] += pool.existing
    for (site, node, year), count in used.items():
        there = sum(
            a.units
            for a in design.assets
            if (a.site_in(year), a.table, a.name, a.bought_year) == (site, "nodes", node, 0) and year <= a.gone_year
        )
        checker.at_most(f"pools of {node} at {site} year {year} existing", count, there, "what stands of it")


def _key(row: object) -> Key:
    return row.site, row.table, row.name  # type: ignore[attr-defined]


def taken_in(design: Design, table: str, name: str, site: str | None, year: int) -> float:
    """Return the units of a row beyond the existing ones that stand in a year, and the nodes rented at once."""
    bought = sum(
        a.units
        for a in design.assets
        if (a.table, a.name) == (table, name) and site in (None, a.site) and 0 < a.bought_year <= year <= a.gone_year
    )
    if table == "nodes":
        bought += sum(
            p.nodes for p in design.pools if p.rented and (p.node, p.year) == (name, year) and site in (None, p.site)
        )
    if table == "storage":
        rented = {r.site: r.site_units for r in design.storage if r.rented and (r.name, r.year) == (name, year)}
        bought += sum(units for at, units in rented.items() if site in (None, at))
    return bought


def _offers(problem: Problem, design: Design, checker: Checker) -> None:
    for offer in problem.offers.values():
        place = f"offers {offer.table} {offer.name} at {offer.site or 'all sites'}"
        for year in problem.years if offer.max_units is not None else ():
            units = taken_in(design, offer.table, offer.name, offer.site, year)
            checker.at_most(f"{place} year {year}", units, offer.max_units or 0, "max_units of offers.csv")
        for date in problem.settings.purchase_dates if offer.min_units else ():
            ordered = sum(
                a.units
                for a in design.assets
                if (a.table, a.name, a.bought_year) == (offer.table, offer.name, date) and offer.site in (None, a.site)
            )
            if ordered:
                checker.at_most(f"{place} order of year {date}", offer.min_units or 0, ordered, "the order")


def _purchases(problem: Problem, design: Design) -> list[tuple[str, str, int, float]]:
    """Return (site, node, year, units) of every purchase of nodes."""
    return [(line.site, line.item, line.year, line.quantity) for line in design.bom_lines if line.table == "nodes"]


def _buyers_limits(problem: Problem, design: Design, checker: Checker) -> None:
    """Check vendors' shares and the carbon of making nodes, over all purchases."""
    settings = problem.settings
    bought = _purchases(problem, design)
    total = math.fsum(units for *_, units in bought)
    for vendor in {problem.vendor_of(node) for _, node, _, _ in bought}:
        units = sum(n for _, node, _, n in bought if problem.vendor_of(node) == vendor)
        checker.at_most(f"nodes of {vendor}", units, total * settings.max_vendor_pct / 100, "max_vendor_pct")
    made = [(site, year, n * problem.nodes[node].embodied_kgco2 / 1000) for site, node, year, n in bought]
    for record in design.sites:
        so_far = sum(tonnes for site, year, tonnes in made if site == record.site and year <= record.year)
        checker.equal(f"site {record.site} year {record.year} embodied_t", record.embodied_t, so_far)
    if settings.embodied_limit_t is not None:
        checker.at_most("embodied carbon", sum(t for *_, t in made), settings.embodied_limit_t, "embodied_limit_t")
