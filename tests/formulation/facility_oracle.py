"""What stands at a site, housed and powered in every possible way, and what that costs: arithmetic of its own."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from dcopt.problem.problem import Problem

LOOPS = {"air": "chilled", "rear-door": "chilled", "liquid": "warm", "immersion": "warm"}


@dataclass
class Purse:
    """Money spent: TCO and purchases in USD, carbon in t by year."""

    problem: Problem
    usd: float = 0.0
    capex: float = 0.0
    carbon: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    spent: float = 0.0
    """First purchases only."""

    @staticmethod
    def empty(problem: Problem) -> Purse:
        """Return a purse from which nothing was spent."""
        return Purse(problem)

    @staticmethod
    def sum(problem: Problem, purses: Iterable[Purse]) -> Purse:
        """Return one purse that spent what several did."""
        total = Purse(problem)
        for purse in purses:
            total.usd += purse.usd
            total.capex += purse.capex
            for year, tonnes in purse.carbon.items():
                total.carbon[year] += tonnes
        return total

    def pay(self, category: str, usd_per_year: float, year: int) -> None:
        """Spend a running cost of one year, at its prices."""
        s = self.problem.settings
        special = {"energy": s.energy_inflation_pct, "demand": s.energy_inflation_pct, "rent": s.rent_inflation_pct}
        inflation = special.get(category)
        inflation = s.cost_inflation_pct if inflation is None else inflation
        self.usd += usd_per_year * (1 + inflation / 100) ** (year - 1) / (1 + s.discount_rate_pct / 100) ** year

    def always(self, category: str, usd_per_year: float) -> None:
        """Spend a running cost of every year."""
        for year in range(1, self.problem.settings.horizon_years + 1):
            self.pay(category, usd_per_year, year)

    def buy(self, units: float, price: float, life: float) -> None:
        """Buy, buy again whenever the life is over, and take back the book value that is left."""
        settings = self.problem.settings
        horizon, rate = settings.horizon_years, settings.discount_rate_pct / 100
        self.spent += units * price
        time, times = 0.0, 0
        while time < horizon - 1e-9:
            self.usd += units * price / (1 + rate) ** time
            time += life
            times += 1
        self.capex += units * price * times
        old = horizon - (time - life)
        book = price * (1 - old / life)
        if rate:
            payment = price * rate / (1 - (1 + rate) ** -life)
            book = price * (1 + rate) ** old - payment * ((1 + rate) ** old - 1) / rate
        self.usd -= units * book * settings.residual_pct / 100 / (1 + rate) ** horizon

    def kept(self) -> bool:
        """Whether the budgets for purchases and carbon are kept."""
        settings = self.problem.settings
        if settings.capex_limit_usd is not None and self.capex > settings.capex_limit_usd * (1 + 1e-9):
            return False
        limit = settings.carbon_limit_t_per_year
        return limit is None or all(tonnes <= limit * (1 + 1e-9) for tonnes in self.carbon.values())


Moment = tuple[int, tuple[int, ...]]
"""A year and hours of its days that follow each other."""


def shares(problem: Problem, name: str, hour: int) -> float:
    """Return the share of its peak that a service carries in an hour, UTC (1 without a profile)."""
    row = problem.inference[name]
    if row.profile is None:
        return 1.0
    return float(problem.profiles[row.profile].hourly[(hour + row.utc_offset_hours) % 24])


def alike_hours(problem: Problem) -> list[tuple[int, ...]]:
    """Return the hours that follow each other with the same loads, once around the clock."""
    loads = [tuple(shares(problem, name, hour) for name in problem.inference) for hour in range(24)]
    begins = [hour for hour in range(24) if loads[hour] != loads[hour - 1]]
    ends = [*begins[1:], *(begin + 24 for begin in begins[:1])]
    return [tuple(h % 24 for h in range(a, b)) for a, b in zip(begins, ends, strict=True)] or [tuple(range(24))]


def moments(problem: Problem) -> list[Moment]:
    """Return every year with every group of hours that are alike."""
    years = range(1, problem.settings.horizon_years + 1)
    return [(year, hours) for year in years for hours in alike_hours(problem)]


@dataclass
class Standing:
    """What stands at a site: (node row, fabric row, nodes, network count) and storage units; power above standby."""

    pools: list[tuple[Any, Any, int, Any]] = field(default_factory=list)
    storage: dict[str, int] = field(default_factory=dict)
    busy_kw: dict[tuple[Moment, str], float] = field(default_factory=lambda: defaultdict(float))

    def activity(self, moment: Moment, node: str, kw: float) -> None:
        """Add average power above standby in some hours of a year."""
        self.busy_kw[moment, node] += kw

    def key(self) -> str:
        """Return a text that is the same for what costs the same."""
        pools = sorted((node.name, fabric.name, count) for node, fabric, count, _ in self.pools)
        busy = sorted((*where, round(kw, 12)) for where, kw in self.busy_kw.items())
        return f"{pools} {sorted(self.storage.items())} {busy}"


@dataclass(frozen=True)
class Housing:
    """One way to cool what stands: heat by unit, racks by row, positions."""

    heat: dict[str, tuple[float, dict[Moment, float]]]
    racks: dict[str, int]


def price_of(problem: Problem, site: str, table: str, name: str) -> float:
    """Return the price of a row at a site: the offer's before the catalogue's."""
    offers = [o for o in problem.offers.values() if (o.table, o.name) == (table, name) and o.site in (None, site)]
    for offer in sorted(offers, key=lambda o: o.site is None):
        if offer.price_usd is not None:
            return offer.price_usd
    return problem.tables[table][name].price_usd or 0.0  # type: ignore[attr-defined]


def can_be_bought(problem: Problem, site: str, table: str, name: str) -> bool:
    """Whether offers leave a row for sale at a site."""
    rows = [o for o in problem.offers.values() if o.table == table]
    return not rows or any(o.name == name and o.site in (None, site) for o in rows)


def can_be_had(problem: Problem, site: str, table: str, name: str) -> bool:
    """Whether a row is for sale at a site or stands there already."""
    there = any((e.site, e.table, e.name) == (site, table, name) for e in problem.existing.values())
    return there or can_be_bought(problem, site, table, name)


def site_purses(problem: Problem, site: str, standing: Standing) -> list[Purse]:
    """Return what each possible facility of a site costs, dearer ones that are no better left out."""
    if problem.sites[site].kind == "cloud":
        purse = Purse.empty(problem)
        for name, units in standing.storage.items():
            row = problem.storage[name]
            purse.always("rent", 12 * units * row.raw_tb * row.rent_usd_per_tb_month)  # type: ignore[operator]
        return [purse]
    if not standing.pools and not standing.storage:
        return [Purse.empty(problem)]
    housings = _housings(problem, site, standing)
    found = [purse for housing in housings for purse in _plants(problem, site, standing, housing)]
    if problem.settings.capex_limit_usd is None and problem.settings.carbon_limit_t_per_year is None:
        return [min(found, key=lambda p: p.usd)] if found else []
    return found


def _nodes(standing: Standing) -> dict[str, tuple[Any, int]]:
    nodes: dict[str, tuple[Any, int]] = {}
    for node, _, count, _ in standing.pools:
        nodes[node.name] = (node, count + nodes.get(node.name, (node, 0))[1])
    return nodes


def _shelf(problem: Problem, standing: Standing) -> tuple[float, float]:
    """Return (kW, rack units) of what is no node."""
    things = _things(problem, standing)
    return sum(count * kw for count, _, kw in things), sum(count * units for count, units, _ in things)


def adder_quantity(adder: Any, driver: float) -> float:
    """Return how much of an adder goes with a driver."""
    quantity = max(driver * adder.ratio, adder.minimum)
    if not adder.step:
        return float(quantity)
    return next(float(k * adder.step) for k in itertools.count() if k * adder.step >= quantity * (1 - 1e-9))


Way = tuple[dict[str, int], list[tuple[str, float, dict[Moment, float]]]]
"""Racks by row, and heat (peak, average by moment) by cooling unit."""


def _housings(problem: Problem, site: str, standing: Standing) -> Iterator[Housing]:
    """Yield every choice of racks and cooling units for every kind of content."""
    years = moments(problem)
    contents: list[list[Way]] = []
    for node, count in _nodes(standing).values():
        peak = count * (node.measured_peak_kw or node.max_kw)
        average = {y: count * node.standby_kw + standing.busy_kw[y, node.name] for y in years}
        contents.append(list(_ways(problem, site, node, count, peak, average)))
    kw, height = _shelf(problem, standing)
    if kw or height:
        contents.append(list(_shelf_ways(problem, site, standing, kw, dict.fromkeys(years, kw))))
    for ways in itertools.product(*contents):
        heat: dict[str, tuple[float, dict[Moment, float]]] = {}
        racks: dict[str, int] = defaultdict(int)
        for of_content, takers in ways:
            for rack, count in of_content.items():
                racks[rack] += count
            for unit, peak, average in takers:
                old_peak, old_average = heat.get(unit, (0.0, dict.fromkeys(years, 0.0)))
                heat[unit] = (old_peak + peak, {y: old_average[y] + average[y] for y in years})
        positions = problem.sites[site].rack_positions
        if positions is None or sum(racks.values()) <= positions:
            yield Housing(heat, racks)


def _ways(
    problem: Problem, site: str, node: Any, count: int, peak: float, average: dict[Moment, float]
) -> Iterator[Way]:
    """Yield each way to house the nodes of one kind: mixtures of racks under one choice of cooling units."""
    landlord = problem.sites[site].kind == "colocation"
    coolers = [u for u in problem.cooling.values() if can_be_had(problem, site, "cooling", u.name)]
    for kind in ("liquid",) if node.cooling == "liquid" else ("air", "rear-door", "immersion"):
        liquid = node.liquid_heat_pct / 100 if kind == "liquid" else 1.0
        takers: list[list[Any]] = [[None]] if landlord else [[u for u in coolers if u.kind == kind]]
        if liquid < 1 and not landlord:
            takers.append([u for u in coolers if u.kind == "air"])
        for units in itertools.product(*takers):
            most_kw = units[0].max_rack_kw if units[0] is not None else None
            fills = {}
            for rack in problem.racks.values():
                if rack.cooling == kind and can_be_had(problem, site, "racks", rack.name):
                    fits = [rack.units / node.rack_units, rack.max_kw / node.max_kw]
                    fits += [rack.max_kg / node.weight_kg] if rack.max_kg and node.weight_kg else []
                    fits += [most_kw / (node.max_kw * liquid)] if most_kw and liquid else []
                    fills[rack.name] = math.floor(min(fits) + 1e-9)
            heat = [
                (unit.name, share * peak, {y: share * kw for y, kw in average.items()})
                for unit, share in zip(units, [liquid, 1 - liquid], strict=False)
                if unit is not None and share > 0
            ]
            for mixture in _mixtures({name: fill for name, fill in fills.items() if fill}, count):
                yield mixture, heat


def _mixtures(fills: dict[str, int], count: int) -> Iterator[dict[str, int]]:
    """Yield every number of racks of each kind that holds the nodes, and none without a node to spare."""
    if count <= 0:
        yield {}
        return
    if not fills:
        return
    (name, fill), *rest = fills.items()
    for racks in range(-(-count // fill) + 1):
        for others in _mixtures(dict(rest), count - racks * fill):
            yield {name: racks, **others} if racks else others


def _shelf_ways(
    problem: Problem, site: str, standing: Standing, kw: float, average: dict[Moment, float]
) -> Iterator[Way]:
    """Yield each way to house switches, storage and servers by rule.

    A thing takes the larger of its shares of a rack's units and kW. So many racks are enough that none is too full
    for the largest thing: n racks with n − (n − 1)·largest.
    """
    landlord = problem.sites[site].kind == "colocation"
    coolers = [u for u in problem.cooling.values() if can_be_had(problem, site, "cooling", u.name)]
    things = _things(problem, standing)
    for rack in problem.racks.values():
        if rack.cooling not in ("air", "rear-door") or not can_be_had(problem, site, "racks", rack.name):
            continue
        for unit in [None] if landlord else [u for u in coolers if u.kind == rack.cooling]:
            dense = min(rack.max_kw, math.inf if unit is None or unit.max_rack_kw is None else unit.max_rack_kw)
            shares = [(count, max(units / rack.units, each / dense), units) for count, units, each in things]
            largest = max((share for count, share, units in shares if units and count), default=0.0)
            filled = sum(count * share for count, share, _ in shares)
            if largest > 1:
                continue
            racks = next(n for n in itertools.count(1) if filled <= n - (n - 1) * largest + 1e-9)
            yield {rack.name: racks}, [] if unit is None else [(unit.name, kw, average)]


def _things(problem: Problem, standing: Standing) -> list[tuple[float, float, float]]:
    """Return (count, units, kW of each) of switches, cables, storage and servers by rule."""
    things: list[tuple[float, float, float]] = []
    for _, fabric, _, network in standing.pools:
        if network is not None:
            switch = problem.switches[fabric.switch]
            things.append((network.leaf + network.spine + network.core, switch.rack_units, switch.max_kw))
            things.append((network.access_links, 0.0, problem.links[fabric.access_link].kw))
            trunks = network.leaf_spine_links + network.spine_core_links
            things.append((trunks, 0.0, problem.links[fabric.trunk_link].kw))
    for name, units in standing.storage.items():
        things.append((units, problem.storage[name].rack_units, problem.storage[name].max_kw))
    count = sum(nodes for _, _, nodes, _ in standing.pools)
    for adder in problem.adders.values():
        if adder.driver in ("site", "nodes"):
            extra = adder_quantity(adder, 1 if adder.driver == "site" else count)
            things.append((extra, adder.rack_units_each, adder.kw_each))
    return things


def modules(load: float, each: float, redundancy: str, together: int | None = None) -> int:
    """Return the fewest units that carry a load with the redundancy, by trying one more at a time.

    Under N+1 units stand in blocks of at most ``together`` + 1, each of which must do without one of its units.
    """
    if load <= 0:
        return 0
    for units in itertools.count(1):
        whole_block = units if together is None else together + 1
        carrying = {
            "N": units * each,
            "N+1": (units - math.ceil(units / whole_block)) * each,
            "2N": (units // 2) * each if units % 2 == 0 else 0.0,
            "4N/3": units * each * 3 / 4 if units >= 4 else 0.0,
        }[redundancy]
        if carrying >= load * (1 - 1e-9):
            return units
    raise AssertionError("counting ended")


def loss(part: Any, units: int, load: float) -> float:
    """Return the losses of units that share a load: interpolated between the efficiencies that are given."""
    if not units:
        return 0.0
    share = load / units / part.kw
    named = {0.25: part.efficiency_25_pct, 0.5: part.efficiency_50_pct, 0.75: part.efficiency_75_pct}
    points = [(x, x * 100 / pct - x) for x, pct in {**named, 1.0: part.efficiency_pct}.items() if pct is not None]
    if len(points) == 1:
        return share * points[0][1] * part.kw * units
    (x0, y0), (x1, y1) = points[:2]
    standing = max(0.0, y0 - x0 * (y1 - y0) / (x1 - x0))
    points.insert(0, (0.0, standing))
    piece = next((k for k in range(1, len(points)) if share <= points[k][0]), len(points) - 1)
    (x0, y0), (x1, y1) = points[piece - 1 : piece + 1]
    return float(y0 + (share - x0) * (y1 - y0) / (x1 - x0)) * part.kw * units


def weather(unit: Any, row: Any) -> tuple[float, float]:
    """Return the electricity for each kW of heat, on the design day and mean, the latter by adding up the hours."""
    if unit.economizer_kw_per_kw is None or row.mean_wet_bulb_c is None:
        return (unit.kw_per_kw if unit.design_kw_per_kw is None else unit.design_kw_per_kw), unit.kw_per_kw

    def at(wet_bulb: float) -> float:
        lift = max(0.0, wet_bulb - unit.economizer_wet_bulb_c) / (unit.rated_wet_bulb_c - unit.economizer_wet_bulb_c)
        return float(unit.economizer_kw_per_kw + (unit.design_kw_per_kw - unit.economizer_kw_per_kw) * lift)

    bell = statistics.NormalDist(row.mean_wet_bulb_c, max(1e-9, (row.wet_bulb_c - row.mean_wet_bulb_c) / 2.652))
    hours = [at(bell.inv_cdf((h + 0.5) / 200_000)) for h in range(200_000)]
    return at(row.wet_bulb_c), sum(hours) / len(hours)


def _flows(
    it: float, racks: dict[str, float], plant: dict[str, Any], counts: dict[str, int], rate: Any
) -> tuple[dict[str, float], float]:
    """Return what each part carries (by role, collector and loop) and the grid draw: repeated until nothing moves."""
    room, before = 0.0, -1.0
    while abs(room - before) > 1e-14 * it:
        before = room
        heat = dict(racks)
        if plant["room"] is not None:
            heat[plant["room"].name] = heat.get(plant["room"].name, 0.0) + room
        fans = {name: kw * rate(plant["collector " + name]) for name, kw in heat.items()}
        loops: dict[str, float] = defaultdict(float)
        for name, kw in heat.items():
            loops[LOOPS[plant["collector " + name].kind]] += kw + fans[name]
        found = {"pdu": it, **{"collector " + n: kw for n, kw in heat.items()}, **loops}
        load, room = it, 0.0
        for role in ("pdu", "ups", "transformer"):
            if role == "ups":
                load += sum(fans.values())
            if role == "transformer":
                load += sum(kw * rate(plant[loop]) for loop, kw in loops.items())
                found["generator"] = load
            found[role] = load
            if plant[role] is not None:
                lost = loss(plant[role], counts.get(role, 1), load)
                load += lost
                room += lost if role != "transformer" else 0.0
        if plant["room"] is None:
            return found, load
    return found, load


def _plants(problem: Problem, site: str, standing: Standing, housing: Housing) -> Iterator[Purse]:
    """Yield what the site costs for each choice of heat rejection, room cooling and power parts."""
    row = problem.sites[site]
    years = moments(problem)
    nodes, shelf_kw = _nodes(standing).values(), _shelf(problem, standing)[0]
    it_kw = shelf_kw + sum(c * (n.measured_peak_kw or n.max_kw) for n, c in nodes)
    rated = shelf_kw + sum(c * n.max_kw for n, c in nodes)
    it_mean = {y: shelf_kw + sum(c * n.standby_kw + standing.busy_kw[y, n.name] for n, c in nodes) for y in years}
    if row.kind == "colocation":
        pue = row.colocation_pue or 1.0
        mean = {y: kw * pue for y, kw in it_mean.items()}
        yield from _purse(problem, site, standing, housing, [], it_kw, it_kw * pue, mean, {})
        return
    coolers = [u for u in problem.cooling.values() if can_be_had(problem, site, "cooling", u.name)]
    served = {"chilled": {"air", "rear-door"}, "warm": {"liquid", "immersion"}}
    parts = {
        r: [p for p in problem.power.values() if p.role == r and can_be_had(problem, site, "power", p.name)] or [None]
        for r in ("pdu", "ups", "transformer", "generator")
    }
    rates = {u.name: weather(u, row) for u in coolers}
    for room in [u for u in coolers if u.kind == "air"] or [None]:
        names = {*housing.heat, *([room.name] if room else [])}
        used = {LOOPS[problem.cooling[name].kind] for name in names}
        rejections = [
            [u for u in coolers if u.kind == "heat-rejection" and (not u.serves or served[loop] <= set(u.serves))]
            for loop in sorted(used)
        ]
        for choice in itertools.product(*rejections, *parts.values()):
            plant: dict[str, Any] = dict(zip([*sorted(used), *parts], choice, strict=True))
            plant |= {"room": room, **{"collector " + name: problem.cooling[name] for name in names}}
            racks = {name: peak for name, (peak, _) in housing.heat.items()}
            for counts in _counts(row, plant, rated, it_kw, racks, rates):
                found, grid = _flows(it_kw, racks, plant, counts, lambda u: rates[u.name][0])
                mean, water = {}, {}
                for y in years:
                    heat = {name: means[y] for name, (_, means) in housing.heat.items()}
                    flows, mean[y] = _flows(it_mean[y], heat, plant, counts, lambda u: rates[u.name][1])
                    coolants = [(n, plant[n]) for n in flows if n not in parts]
                    water[y] = sum(flows[n] * u.water_l_per_kwh * 8.76 for n, u in coolants)
                bought = [
                    ("power" if n in parts else "cooling", plant[n], counts[n]) for n in found if plant[n] is not None
                ]
                yield from _purse(problem, site, standing, housing, bought, it_kw, grid, mean, water)


def _counts(
    row: Any, plant: dict[str, Any], rated: float, it: float, racks: dict[str, float], rates: dict[str, Any]
) -> Iterator[dict[str, int]]:
    """Yield the units of every part: as many as their load needs, which itself depends on what the units lose.

    Where losses bend upwards with the load some more units may save more energy than they cost.
    """
    cooling = row.cooling_redundancy or ("N+1" if row.redundancy == "4N/3" else row.redundancy)
    counts: dict[str, int] = {}
    for _ in range(20):
        found = {name: 1e-9 for name in plant if name != "room"}
        if counts:
            found, _ = _flows(it, racks, plant, counts, lambda u: rates[u.name][0])
        new = {}
        for name, load in found.items():
            part = plant[name]
            if part is None:
                continue
            power = name in ("pdu", "ups", "transformer", "generator")
            each = part.kw
            if name == "ups" and row.ups_minutes:
                each *= min(1.0, (part.battery_minutes or 0.0) / row.ups_minutes)
            sized = rated if name == "pdu" else load
            new[name] = modules(sized, each, row.redundancy if power else cooling, part.max_parallel)
        if new == counts:
            break
        counts = {name: max(units, counts.get(name, 0)) for name, units in new.items()}
    else:
        raise AssertionError("the units do not settle")
    bending = [name for name in counts if len(getattr(plant[name], "efficiency_points", ())) > 1]
    for extra in itertools.product(range(3), repeat=len(bending)):
        sides = 2 if row.redundancy == "2N" else 1
        yield counts | {name: counts[name] + sides * more for name, more in zip(bending, extra, strict=True)}


def _purse(
    problem: Problem,
    site: str,
    standing: Standing,
    housing: Housing,
    plant: list[tuple[str, Any, int]],
    it_kw: float,
    grid_kw: float,
    mean_kw: dict[Moment, float],
    water_m3: dict[Moment, float],
) -> Iterator[Purse]:
    """Yield what one facility costs, unless it breaks a limit of its site."""
    row, settings = problem.sites[site], problem.settings
    limit = row.water_limit_m3_per_year
    if grid_kw > row.power_limit_kw * (1 + 1e-9):  # type: ignore[operator]
        return
    water: dict[int, float] = defaultdict(float)
    for (year, hours), used in water_m3.items():
        water[year] += used * len(hours) / 24
    if limit is not None and any(used > limit * (1 + 1e-9) for used in water.values()):
        return
    purse = Purse.empty(problem)
    bought: dict[tuple[str, str], float] = defaultdict(float)
    for node, fabric, count, network in standing.pools:
        bought["nodes", node.name] += count
        price = price_of(problem, site, "nodes", node.name)
        purse.always("support", count * price * node.support_pct_per_year / 100)
        purse.always("maintenance", count * price * node.maintenance_pct_per_year / 100)
        if network is not None:
            switch = problem.switches[fabric.switch]
            switches = network.leaf + network.spine + network.core
            bought["switches", switch.name] += switches
            bought["links", fabric.access_link] += network.access_links
            bought["links", fabric.trunk_link] += network.leaf_spine_links + network.spine_core_links
            purse.always("support", switches * switch.price_usd * switch.support_pct_per_year / 100)
            purse.always("maintenance", switches * switch.price_usd * switch.maintenance_pct_per_year / 100)
    for name, units in standing.storage.items():
        bought["storage", name] += units
        upkeep = problem.storage[name].maintenance_pct_per_year / 100
        purse.always("maintenance", units * price_of(problem, site, "storage", name) * upkeep)
    for name, units in housing.racks.items():
        bought["racks", name] += units
    for table, unit, units in plant:
        bought[table, unit.name] += units
    for (table, name), count_of in bought.items():
        rows = problem.existing.values()
        there = sum(e.units for e in rows if (e.site, e.table, e.name) == (site, table, name))
        new = max(0.0, count_of - there)
        most = [
            o.max_units
            for o in problem.offers.values()
            if (o.table, o.name) == (table, name) and o.site in (None, site) and o.max_units is not None
        ]
        if any(new > m for m in most) or (new and not can_be_bought(problem, site, table, name)):
            return
        life = problem.tables[table][name].lifetime_years  # type: ignore[attr-defined]
        for quantity, price in _at_volume(problem, site, table, name, new):
            purse.buy(quantity, price, life)
    if row.kind == "colocation":
        purse.always("colocation", 12 * it_kw * row.colocation_usd_per_kw_month)  # type: ignore[operator]
    purse.always("demand", 12 * grid_kw * row.demand_charge_usd_per_kw_month)
    purse.always("staff", it_kw * settings.staff_usd_per_kw_year)
    for year, used in water.items():
        purse.pay("water", used * row.water_usd_per_m3, year)
    racks = sum(housing.racks.values())
    nodes = sum(count for _, _, count, _ in standing.pools)
    drivers = {"site": 1, "nodes": nodes, "racks": racks, "it_kw": it_kw}
    for halls in _halls(problem, site, it_kw, racks):
        for panels in _panels(problem, site):
            whole = replace(purse, carbon=purse.carbon.copy())
            if row.kind != "colocation" and halls is None:
                whole.buy(grid_kw, row.build_usd_per_kw, row.building_lifetime_years)
            for hall, units in halls or ():
                whole.buy(units, hall.price_usd, hall.lifetime_years)
            for panel, units in panels:
                whole.buy(units, panel.price_usd, panel.lifetime_years)
                whole.always("maintenance", units * panel.price_usd * panel.maintenance_pct_per_year / 100)
            _pay_energy(whole, problem, site, mean_kw, panels)
            _pay_adders(whole, problem, site, drivers)
            yield whole


def _at_volume(problem: Problem, site: str, table: str, name: str, units: float) -> Iterator[tuple[float, float]]:
    """Yield (units, price) of an order: every unit at its own price, or all at the price that the order reaches."""
    base = price_of(problem, site, table, name)
    rows = [o for o in problem.offers.values() if (o.table, o.name) == (table, name) and o.site in (None, site)]
    breaks = [(int(u), float(p)) for o in rows[:1] for u, p in zip(o.volume_units, o.volume_prices_usd, strict=True)]

    def price(unit: float) -> float:
        return ([base] + [usd for first, usd in breaks if first <= unit])[-1]

    if rows and rows[0].volume_rule == "all-units":
        yield units, price(units)
        return
    if not breaks:
        yield units, base
        return
    for unit in range(1, round(units) + 1):
        yield 1, price(unit)


def _halls(problem: Problem, site: str, it_kw: float, racks: int) -> Iterator[list[tuple[Any, int]] | None]:
    """Yield every choice of halls that house a site; None where it has no halls."""
    rows = [hall for hall in problem.halls.values() if hall.site == site]
    if not rows:
        yield None
    for units in itertools.product(*(range(hall.max_units + 1) for hall in rows)) if rows else ():
        chosen = list(zip(rows, units, strict=True))
        enough_kw = sum(h.kw * n for h, n in chosen) >= it_kw * (1 - 1e-9)
        if sum(units) and enough_kw and sum(h.positions * n for h, n in chosen) >= racks:
            yield chosen


def _panels(problem: Problem, site: str) -> Iterator[list[tuple[Any, int]]]:
    """Yield every number of solar units."""
    own = problem.sites[site].kind in ("owned", "edge")
    rows = [panel for panel in problem.solar.values() if own and panel.site in (None, site)]
    for units in itertools.product(*(range(panel.max_units + 1) for panel in rows)):
        yield list(zip(rows, units, strict=True))


def _pay_energy(
    purse: Purse, problem: Problem, site: str, mean_kw: dict[Moment, float], panels: list[tuple[Any, int]]
) -> None:
    """Pay what the grid gives, hour by hour of a mean day."""
    row = problem.sites[site]
    for (year, hours), kw in mean_kw.items():
        for hour in [(hour + row.utc_offset_hours) % 24 for hour in hours]:
            price = row.electricity_usd_per_kwh or 0.0
            for band in problem.tariffs.values():
                inside = (hour - band.from_hour) % 24 < ((band.to_hour - band.from_hour) % 24 or 24)
                if band.site == site and inside:
                    price = band.band_usd_per_kwh
            sun = sum(units * panel.kw * float(panel.hourly_yield[hour]) for panel, units in panels)
            grid = 365 * max(0.0, kw - sun)
            tonnes = grid * row.carbon_kg_per_kwh / 1000
            purse.carbon[year] += tonnes
            purse.pay("energy", grid * price, year)
            purse.pay("carbon", tonnes * problem.settings.carbon_price_usd_per_t, year)


def _pay_adders(purse: Purse, problem: Problem, site: str, drivers: dict[str, float]) -> None:
    """Pay what comes by rule, that which follows the purchases last."""
    rows = [adder for adder in problem.adders.values() if adder.site in (None, site)]
    for last in (False, True):
        base = purse.spent
        for adder in rows:
            if (adder.driver == "capital") == last:
                quantity = adder_quantity(adder, base if last else drivers[adder.driver])
                purse.buy(quantity, adder.price_usd, adder.lifetime_years)
                purse.always("other", quantity * adder.usd_per_year)
