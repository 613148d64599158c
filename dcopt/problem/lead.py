"""Lead times: on which day what is ordered stands, and from which day of a year a pool of nodes serves.

Days count from the start of year 1. Orders are placed and building begins on `order_day` of settings.csv at the
earliest (blank: early enough for everything, and no day below is after the start of its year).

    a row is ready:   order_day + max(construction, lead time of the row) + commissioning
    a site is ready:  the day by which its building and the quickest row of each part of its plant are,
                      not before `ready_day` of sites.csv
    a pool is ready:  when its site, its node and the switch of its fabric are

What is bought for the start of a year was ordered so much earlier. Where that is before `order_day` it stands late:
nodes and switches serve from the day on which their pool is ready, plant and storage is bought only where it is ready
with its site or by the start of the year. Nodes of a kind that stands at a site already serve from the first day, and
more of them are bought only where they are ready by the start of a year: what stands runs on the plant that is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

DAYS_PER_YEAR = 365.0
DAYS_PER_MONTH = DAYS_PER_YEAR / 12
WITH_POOL = ("nodes", "switches")
"""Tables whose rows may come later than their site: the pools that need them wait for them."""
ALMOST = 1e-9
"""Days that are no delay."""


def lead_days(problem: Problem, site: str, table: str, name: str) -> float:
    """Return the days from the order of a row to its delivery at a site (0 where `leads.csv` says nothing)."""
    if table == "halls":
        return problem.halls[name].build_months * DAYS_PER_MONTH
    name = _bought_as(problem, table, name)
    for key in (f"{table}/{name}/{site}", f"{table}/{name}/*", f"{table}/*/{site}", f"{table}/*/*"):
        row = problem.leads.get(key)
        if row is not None:
            return row.lead_days
    return 0.0


def _bought_as(problem: Problem, table: str, name: str) -> str:
    """Return the row that is ordered: a node that is run at a power cap is ordered as the node that it is."""
    row = problem.nodes.get(name) if table == "nodes" else None
    return name if row is None else row.uncapped.name


def _ready(problem: Problem, site: str, days: float) -> float:
    """Return the day on which what takes ``days`` to come may be used at a site; -inf: no order is too late."""
    first, row = problem.settings.order_day, problem.sites[site]
    if first is None or row.kind == "cloud":
        return -math.inf
    return first + max(row.construction_days, days) + row.commissioning_days


def row_ready_day(problem: Problem, site: str, table: str, name: str) -> float:
    """Return the earliest day on which a row that is ordered may be used at a site (-inf: no order is too late)."""
    return _ready(problem, site, lead_days(problem, site, table, name))


def _plant(problem: Problem, site: str) -> Iterable[list[tuple[str, str]]]:
    """Return the rows, (table, name), that may be each part of what a site needs beside its pools."""
    if problem.sites[site].kind in ("owned", "edge"):
        power, cooling = _for_sale(problem, "power", site), _for_sale(problem, "cooling", site)
        for role in dict.fromkeys(row.role for row in power):
            yield [("power", row.name) for row in power if row.role == role]
        for rejects in (True, False):
            yield [("cooling", row.name) for row in cooling if (row.kind == "heat-rejection") == rejects]
        yield [("halls", hall.name) for hall in problem.halls_at(site)]
    yield [("racks", row.name) for row in _for_sale(problem, "racks", site)]
    if problem.training or problem.datasets:
        yield [("storage", row.name) for row in _for_sale(problem, "storage", site)]
    for network in problem.sites[site].networks:
        yield [("switches", problem.networks[network].switch)]


def _for_sale(problem: Problem, table: str, site: str) -> list[Any]:
    """Return the rows of a table that are sold at a site in some year."""
    offers = [offer for offer in problem.offers.values() if offer.table == table]
    names = {offer.name for offer in offers if offer.site in (None, site)}
    priced = {offer.name for offer in offers if offer.site in (None, site) and offer.price_usd is not None}
    rows: list[Any] = list(problem.tables[table].values())
    return [
        row for row in rows if (not offers or row.name in names) and (row.price_usd is not None or row.name in priced)
    ]


def site_ready_day(problem: Problem, site: str) -> float:
    """Return the day on which a site takes its first load, 0 where it does from the start."""
    if problem.settings.order_day is None or problem.sites[site].kind == "cloud":
        return 0.0
    known = problem.site_ready_days
    if site not in known:
        known[site] = _site_ready_day(problem, site)
    return known[site]


def _site_ready_day(problem: Problem, site: str) -> float:
    parts = [
        min(row_ready_day(problem, site, table, name) for table, name in part) for part in _plant(problem, site) if part
    ]
    return max(0.0, problem.sites[site].ready_day or 0.0, _ready(problem, site, 0.0), *parts)


def pool_ready_day(problem: Problem, site: str, node: str, fabric: str) -> float:
    """Return the day on which nodes of a kind that are bought serve on a fabric at a site."""
    if problem.settings.order_day is None or problem.sites[site].kind == "cloud":
        return 0.0
    switch = problem.fabrics[fabric].switch
    switches = [] if switch is None else [row_ready_day(problem, site, "switches", switch)]
    return max(site_ready_day(problem, site), row_ready_day(problem, site, "nodes", node), *switches)


def slowest(problem: Problem, site: str, node: str, fabric: str) -> str:
    """Return what a pool waits for longest, as the end of a sentence."""
    row = problem.sites[site]
    last = [f" and commissioning takes {row.commissioning_days:g} days"] if row.commissioning_days else [""]
    ways = [(row.construction_days, f"the building of {site} takes {row.construction_days:g} days")]
    quickest = [
        min(((lead_days(problem, site, *one), one[1]) for one in part), default=(0.0, ""))
        for part in _plant(problem, site)
    ]
    switch = problem.fabrics[fabric].switch
    quickest.append((lead_days(problem, site, "nodes", node), node))
    quickest += [] if switch is None else [(lead_days(problem, site, "switches", switch), switch)]
    ways += [(days, f"{name} takes {days:g} days from its order (leads.csv)") for days, name in quickest]
    days, sentence = max(ways, key=lambda pair: pair[0])
    if (row.ready_day or 0.0) > (problem.settings.order_day or 0.0) + days + row.commissioning_days:
        return f"{site} is to be ready on day {row.ready_day:g} (ready_day)"
    return sentence + last[0]


def stood(problem: Problem, site: str, table: str, name: str) -> bool:
    """Whether units of a row existed at a site before year 1."""
    key = (site, table, _bought_as(problem, table, name))
    return key in problem.stood or "/".join(key) in problem.existing


def start_day(problem: Problem, site: str, node: str, fabric: str, year: int) -> float:
    """Return the day of a year from which a pool serves: 0 from its start, 365 not in it."""
    if problem.settings.order_day is None or stood(problem, site, "nodes", node):
        return 0.0
    late = pool_ready_day(problem, site, node, fabric) - DAYS_PER_YEAR * (year - 1)
    return 0.0 if late <= ALMOST else min(late, DAYS_PER_YEAR)


def can_stand_from(problem: Problem, site: str, table: str, name: str, years: Iterable[int]) -> bool:
    """Whether units of a row may be bought that are to stand from the first of ``years`` on, for use in them."""
    if problem.settings.order_day is None or table not in problem.tables:
        return True
    span = list(years)
    begin = DAYS_PER_YEAR * (span[0] - 1)
    ready = row_ready_day(problem, site, table, name)
    if table == "nodes" and stood(problem, site, table, name):
        return max(ready, site_ready_day(problem, site)) <= begin + ALMOST
    if table in WITH_POOL:
        return ready < DAYS_PER_YEAR * span[-1] - ALMOST
    return ready <= max(begin, site_ready_day(problem, site)) + ALMOST


def can_be_renewed_at(problem: Problem, site: str, table: str, name: str, times: Iterable[float]) -> bool:
    """Whether units may be bought again at each of ``times`` (years from the start) for use from then on."""
    if problem.settings.order_day is None or table not in problem.tables:
        return True
    ready = row_ready_day(problem, site, table, name)
    return all(ready <= DAYS_PER_YEAR * time + ALMOST for time in times)


def starts_in(problem: Problem, year: int) -> tuple[float, ...]:
    """Return the start days of a year that some pool may have; years in which they are the same are alike."""
    if problem.settings.order_day is None:
        return ()
    switches = {fabric.switch for fabric in problem.fabrics.values() if fabric.switch is not None}
    days: set[float] = set()
    for site, row in problem.sites.items():
        if row.kind == "cloud":
            continue
        of_site = site_ready_day(problem, site)
        of_nodes = {row_ready_day(problem, site, "nodes", name) for name in problem.nodes}
        of_switches = {of_site, *(row_ready_day(problem, site, "switches", name) for name in switches)}
        days |= {max(of_site, node, switch) for node in of_nodes for switch in of_switches}
    return tuple(sorted({min(max(day - DAYS_PER_YEAR * (year - 1), 0.0), DAYS_PER_YEAR) for day in days}))


def order_by_day(problem: Problem, site: str, table: str, name: str, year: int) -> float:
    """Return the day by which units are ordered that are bought for the start of a year.

    So early that they may be used from its start on, but not before `order_day`.
    """
    begin = DAYS_PER_YEAR * (year - 1)
    row = problem.sites[site]
    days = row.construction_days if table == "sites" else lead_days(problem, site, table, name)
    wanted = begin - days - row.commissioning_days
    first = problem.settings.order_day
    return wanted if first is None else max(first, wanted)
