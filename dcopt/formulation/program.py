"""The program under construction: one Pyomo model, the shared ledgers, and what every constraint means.

Bounds of variables come from the data; `upper_bound` turns them into the tightest coefficient of a link
``expression ≤ bound · binary``, so that no big-M constant exists anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import LinearExpression
from pyomo.repn.standard_repn import generate_standard_repn

from dcopt.candidates.records import Candidates, Period, Pool
from dcopt.economics.finance import Finance
from dcopt.economics.ledger import CapitalLine, Ledger, RebateLine, RunningLine
from dcopt.economics.prices import Part, purchase_of
from dcopt.economics.stock import Stay
from dcopt.economics.volume import Band
from dcopt.infrastructure.topology import FabricStep
from dcopt.problem.day import Hours, bands_of_day
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.building_rows import HOURS_PER_DAY


@dataclass(frozen=True)
class Group:
    """What a constraint keeps, in the planner's words: the row that asks for it and a sentence about it."""

    row: str
    sentence: str


@dataclass(frozen=True)
class Slice:
    """Hours of the days of a period in which averages are taken; ``index`` counts over all periods and bands.

    Where the day is one band the slices are the periods.
    """

    index: int
    period: Period
    hours: Hours

    @property
    def share(self) -> float:
        """Share of the time of its period."""
        return len(self.hours) / HOURS_PER_DAY


@dataclass(frozen=True)
class ShelfItem:
    """Switches, cables, storage or servers of a kind in racks of their own: how many, and what each needs."""

    name: str
    count: Any
    kw: float
    units: float
    present: Any = None
    """A binary without which there is none of it (None: not known)."""


@dataclass
class SiteBalance:
    """What the blocks put on a site. Peaks are kW; averages are kW by the index of the slice."""

    it_peak_kw: list[Any] = field(default_factory=list)
    it_rated_kw: list[Any] = field(default_factory=list)
    """Nameplate power, which what stands next to the racks is sized for."""
    it_average_kw: dict[int, list[Any]] = field(default_factory=dict)
    shelf_units: list[Any] = field(default_factory=list)
    """Rack units of switches and storage."""
    smallest_shelf_units: float = math.inf
    """Height of the lowest switch or storage unit that may stand there."""
    shelf_items: list[ShelfItem] = field(default_factory=list)
    shelf_kw: list[Any] = field(default_factory=list)
    """Power of switches and storage, constant."""
    rack_positions: list[Any] = field(default_factory=list)
    fans_kw: list[Any] = field(default_factory=list)
    """Electricity of collectors (fans, pumps), which hang on the UPS."""
    fans_average_kw: dict[int, list[Any]] = field(default_factory=dict)
    rejection_kw: list[Any] = field(default_factory=list)
    """Electricity of heat rejection."""
    rejection_average_kw: dict[int, list[Any]] = field(default_factory=dict)
    room_heat_kw: Any = None
    """What PDU and UPS lose into the room (None where no unit takes it), declared by cooling and set by power."""
    room_heat_average_kw: dict[int, Any] = field(default_factory=dict)
    water_m3_per_year: dict[int, list[Any]] = field(default_factory=dict)

    def add_average(self, into: dict[int, list[Any]], piece: int, expression: Any) -> None:
        """Add an average of one slice."""
        into.setdefault(piece, []).append(expression)


@dataclass
class Stock:
    """Units of a row at a site over the epochs: what must stand in each, and how many make each stay."""

    site: str
    category: str
    table: str
    row: str
    needs: list[Any]
    """By epoch, in order."""
    columns: list[tuple[Stay, Any]] = field(default_factory=list)
    """(stay, units)."""
    ways: dict[int, Any] = field(default_factory=dict)
    """Where the units of columns that may be moved are, by the index of the column (`dcopt.formulation.moves`)."""


@dataclass(frozen=True)
class SiteTotals:
    """Power of a site: peaks, and averages by the index of the slice, kW."""

    it_peak_kw: Any
    grid_peak_kw: Any
    grid_average_kw: dict[int, Any]
    it_average_kw: dict[int, Any]


@dataclass(frozen=True)
class Inventory:
    """What is bought where that is decided elsewhere: units (numbers, or variables that programs share) of each row.

    ``tolerance`` is the relative room above numbers: kW that follow from two solves of one program differ by noise.
    """

    units: Mapping[Part, Any]
    tolerance: float = 0.0


class Program:
    """The model and what the blocks share. ``only_pair`` adds the baseline's rule: one (node, fabric) everywhere.

    Where purchases are staged there is one for all epochs together, with the stocks and the money, whose ``epochs``
    are programs of their own in blocks of its model: there the capital lines say what must stand, not what is bought.
    ``inventory`` is given where it is decided elsewhere what is bought: this program then needs no more than that, and
    pays for all of it.
    """

    def __init__(
        self,
        problem: Problem,
        candidates: Candidates,
        *,
        only_pair: bool = False,
        within: tuple[Program, int] | None = None,
        inventory: Inventory | None = None,
    ) -> None:
        self.problem = problem
        self.candidates = candidates
        self.finance = Finance.of(problem.settings)
        self.only_pair = only_pair
        self.inventory = inventory
        self.needed: dict[Part, CapitalLine] = {}
        """What this program needs of each row of its inventory, by (site, table, row)."""
        self.epochs: list[Program] = []
        self.before: Program | None = None
        """The epoch before this one."""
        self.is_epoch = within is not None
        self.root: Program = self if within is None else within[0]
        """The program that holds the purchases and commitments of all years."""
        self.all_stays = False
        """Whether stays are stated that another one makes needless: where a rule or the past says which are taken."""
        if within is None:
            self.model = pyo.ConcreteModel(name=problem.name)
        else:
            root, index = within
            self.model = pyo.Block(concrete=True)
            root.model.add_component(f"epoch_{index + 1}", self.model)
            self.before = root.epochs[-1] if root.epochs else None
            root.epochs.append(self)
        self.stocks: list[Stock] = []
        """What stands over the epochs, row by row."""
        bands = bands_of_day(problem)
        self.slices = tuple(
            Slice(period.index * len(bands) + place, period, hours)
            for period in candidates.periods
            for place, hours in enumerate(bands)
        )
        self.hours_at_night = _hours_at_night(candidates)
        """Hours to which jobs may be confined, by pool and period index."""
        self.ledger = Ledger()
        self.balances = {site: SiteBalance() for site in problem.sites}
        self.groups: dict[str, Group] = {} if within is None else within[0].groups
        self.purchases: dict[tuple[str, str, str], list[tuple[Any, str, float, float]]] = {}
        self.rented: dict[tuple[str, str, str], dict[int, Any]] = {}
        """Rented units of rows that offers may limit, by (site, table, row) and period index."""
        self.on_demand: dict[tuple[str, int, int], tuple[int, Any, Any]] = {}
        """(period index, nodes that services hold, those rented on demand) by (pool, year, part of the day)."""
        self.activity_kw: dict[tuple[str, str, int], list[Any]] = {}
        """Average power above standby, by (site, node, slice)."""
        self.heat_peak_kw: dict[tuple[str, str], list[Any]] = {}
        """Heat that a cooling unit takes from racks at peak, by (site, cooling row)."""
        self.needs_collector: dict[tuple[str, str], list[Any]] = {}
        """Choices of racks that stand under a cooling unit, by (site, cooling row)."""
        self.side_networks: dict[tuple[str, str], tuple[Any, tuple[FabricStep, ...]]] = {}
        """Ports and steps of the networks beside the fabrics, by (site, network)."""
        self.totals: dict[str, SiteTotals] = {}
        self.objectives: dict[str, Any] = {}
        self.heat_average_kw: dict[tuple[str, str, int], list[Any]] = {}
        self.envelopes: list[tuple[Any, list[Any]]] = []
        """Variables that are the largest of several expressions wherever that costs something."""
        self.least: list[tuple[Any, list[Any]]] = []
        """Integers that are bought and asked for by these expressions alone: the fewest that are no less than all."""
        self.floors: list[tuple[Any, list[Any]]] = []
        """Variables that are the least of several expressions wherever that saves something."""
        self.orders: list[tuple[dict[str, Any], dict[tuple[str, int], Any], tuple[Band, ...], bool]] = []
        """Purchases at prices by volume: (units by site, quantity by (site, band), bands, whether all units)."""
        self.rebated: list[tuple[Stay, RebateLine]] = []
        """What of a stay is paid below its list price, where purchases are staged."""
        self.adders: dict[tuple[str, str], tuple[Any, Any]] = {}
        """(quantity, driver) of what comes with a site by rule, by (site, adder)."""
        self.grid_kwh: dict[tuple[str, int], Any] = {}
        """Energy that the grid gives in a year, by (site, period)."""
        self.carbon_t: dict[tuple[str, int], Any] = {}
        """Operational carbon of a year, by (site, period)."""
        self.followers: list[tuple[list[tuple[Any, dict[int, Any], Any]], Any, dict[int, Any]]] = []
        """Groups of (peak variable, average variables, choice) one of which carries an expression."""

    @property
    def parts(self) -> tuple[Program, ...]:
        """The programs that hold the blocks: the epochs, or this one where everything is bought at once."""
        return tuple(self.epochs) or (self,)

    def var(
        self,
        name: str,
        key: Hashable,
        *,
        ub: float,
        integer: bool = False,
        binary: bool = False,
    ) -> Any:
        """Declare ``name[key]`` within [0, ub]."""
        component = self.model.component(name)
        if component is None:
            component = pyo.Var(pyo.Any, dense=False)
            self.model.add_component(name, component)
        variable = component.add(key)
        variable.domain = pyo.Binary if binary else pyo.NonNegativeIntegers if integer else pyo.NonNegativeReals
        variable.setlb(0.0)
        variable.setub(ub)
        return variable

    def require(self, name: str, key: Hashable, expression: Any, *, row: str = "", sentence: str = "") -> None:
        """Add the constraint ``name[key]``; ``row`` and ``sentence`` say which promise or limit it keeps."""
        if expression is True:
            return
        if expression is False:
            expression = self.never()
        component = self.model.component(f"keep_{name}")  # variables and constraints may share a word
        if component is None:
            component = pyo.Constraint(pyo.Any)
            self.model.add_component(f"keep_{name}", component)
        component[key] = expression
        if row:
            self.groups[component[key].name] = Group(row, sentence)

    def never(self) -> Any:
        """Return a constraint that nothing satisfies, for a promise that the candidates cannot keep."""
        if self.model.component("impossible") is None:
            self.model.impossible = pyo.Var(domain=pyo.NonNegativeReals, bounds=(0, 0))
        return self.model.impossible >= 1

    def buy(
        self,
        site: str,
        category: str,
        table: str,
        row: str,
        units: Any,
        price_usd: float,
        lifetime_years: float,
    ) -> None:
        """Buy ``units`` of a row; of rows that exist already only what exceeds them is bought (see `settle`)."""
        self.purchases.setdefault((site, table, row), []).append((units, category, price_usd, lifetime_years))

    def settle(self) -> None:
        """Turn the purchases into capital lines, less what exists already, within what `offers.csv` allows."""
        there = self._existing()
        bought: dict[tuple[str, str, str], Any] = {}
        for key, parts in self.purchases.items():
            units = total(part[0] for part in parts)
            _, category, price_usd, lifetime_years = parts[0]
            if key in there:
                most = max(0.0, upper_bound(units) - there[key]) if self._for_sale(*key) else 0.0
                added = self.var("added", key, ub=most, integer=True)
                self.require(
                    "existing",
                    key,
                    added >= units - there[key],
                    row=f"existing.csv: {'/'.join(key)} units",
                    sentence=f"{key[2]} beyond the {there[key]} at {key[0]} are bought, if they are for sale",
                )
                units = added
            bought[key] = units
            self.ledger.buy(CapitalLine(key[0], category, key[1], key[2], units, price_usd, lifetime_years))
        for period in self.candidates.periods if self.rented else self.candidates.periods[:1]:
            rented = {key: of_row[period.index] for key, of_row in self.rented.items()}
            self._offers(bought | rented, period.index)

    def commit(self) -> None:
        """Buy what the inventory has in place of what is needed, and need no more than that; without one, do nothing.

        Raises
        ------
        ValueError: one row is bought at two prices at one site.
        """
        if self.inventory is None:
            return
        lines: dict[Part, list[CapitalLine]] = {}
        for line in self.ledger.capital:
            lines.setdefault((line.site, line.table, line.row), []).append(line)
        for key in self.inventory.units:
            if key not in lines:
                lines[key] = [purchase_of(self.problem, key, 0.0)]
        self.ledger.capital = []
        for key, of_row in lines.items():
            if len({(line.unit_price_usd, line.lifetime_years) for line in of_row}) > 1:
                raise ValueError(f"{'/'.join(key)} is bought at several prices")
            needed = total(line.quantity for line in of_row)
            self.needed[key] = replace(of_row[0], quantity=needed)
            bought = self.inventory.units.get(key, 0.0)
            self.require(
                "inventory",
                key,
                needed <= bought * (1 + self.inventory.tolerance),
                row=f"what is bought: {' '.join(key)}",
                sentence=f"no more {key[2]} at {key[0]} is needed than is bought",
            )
            self.ledger.buy(replace(of_row[0], quantity=bought))

    def _for_sale(self, site: str, table: str, row: str) -> bool:
        """Whether more than what exists of a row can be bought at a site."""
        offer = offered(self.problem, table, site).get(row)
        return offer is not None and offer.price_usd is not None

    def least_offered(self, site: str, table: str, row: str) -> int:
        """Return the fewest units of a row that `offers.csv` lets anyone buy (0: any number)."""
        return max(
            (
                offer.min_units or 0
                for offer in self.problem.offers.values()
                if (offer.table, offer.name) == (table, row) and offer.site in (None, site)
            ),
            default=0,
        )

    def _offers(self, bought: dict[tuple[str, str, str], Any], period: int) -> None:
        """Keep the limits of `offers.csv` on what is bought, or rented in a period, of all tables but the nodes."""
        for offer in self.problem.offers.values():
            if offer.table == "nodes":
                continue
            units = [
                quantity
                for (site, table, row), quantity in bought.items()
                if (table, row) == (offer.table, offer.name) and offer.site in (None, site)
            ]
            names = (offer.table, offer.name, offer.site or "*")
            key, row = (*names, period), f"offers.csv: {'/'.join(names)}"
            if units and offer.max_units is not None:
                self.require(
                    "offer_limit",
                    key,
                    total(units) <= offer.max_units,
                    row=f"{row} max_units",
                    sentence=f"no more than {offer.max_units} {offer.name} are bought",
                )
            if units and offer.min_units:
                some = self.var("some", key, ub=1, binary=True)
                self.require(
                    "offer_least",
                    key,
                    total(units) >= offer.min_units * some,
                    row=f"{row} min_units",
                    sentence=f"at least {offer.min_units} {offer.name} are bought, if any",
                )
                self.require("offer_some", key, total(units) <= max(upper_bound(total(units)), offer.min_units) * some)

    def constant_load(
        self, site: str, count: Any, kw_each: float, rack_units_each: float, item: str = "", present: Any = None
    ) -> None:
        """Put switches, cables or storage on a site: their nameplate power all year, and their rack units."""
        balance = self.balances[site]
        if rack_units_each or kw_each:
            balance.shelf_items.append(ShelfItem(item, count, kw_each, rack_units_each, present))
        if kw_each:
            balance.it_peak_kw.append(kw_each * count)
            balance.it_rated_kw.append(kw_each * count)
            balance.shelf_kw.append(kw_each * count)
            for piece in self.slices:
                balance.add_average(balance.it_average_kw, piece.index, kw_each * count)
        if rack_units_each:
            balance.shelf_units.append(rack_units_each * count)
            balance.smallest_shelf_units = min(balance.smallest_shelf_units, rack_units_each)

    def follow(self, branches: list[tuple[Any, dict[int, Any], Any]], peak_kw: Any, average_kw: dict[int, Any]) -> None:
        """Note that the chosen one of ``branches`` carries these flows (see `stage.settle_losses`)."""
        self.followers.append((branches, peak_kw, average_kw))

    def draw(self, pool: Pool, piece: Slice, average_kw: Any) -> None:
        """Add average power above standby that a workload draws from the nodes of an owned pool in a slice."""
        balance = self.balances[pool.site]
        balance.add_average(balance.it_average_kw, piece.index, average_kw)
        self.activity_kw.setdefault((pool.site, pool.node.name, piece.index), []).append(average_kw)

    def slices_of(self, period: Period) -> tuple[Slice, ...]:
        """Return the slices of a period."""
        return tuple(piece for piece in self.slices if piece.period.index == period.index)

    def mean_over(self, period: Period, averages: Mapping[int, Any]) -> Any:
        """Return the mean over a period of what is given by the index of the slice (0 where nothing is)."""
        pieces = [piece for piece in self.slices_of(period) if piece.index in averages]
        if len(pieces) == 1 and pieces[0].share == 1:
            return averages[pieces[0].index]
        return total(piece.share * averages[piece.index] for piece in pieces)

    def add_heat(self, site: str, unit: str, peak_kw: Any, average_kw: dict[int, Any]) -> None:
        """Give heat from racks to a cooling unit."""
        self.heat_peak_kw.setdefault((site, unit), []).append(peak_kw)
        for piece, expression in average_kw.items():
            self.heat_average_kw.setdefault((site, unit, piece), []).append(expression)

    def keep(
        self, site: str, units: Any, price_usd: float, support_pct_per_year: float, maintenance_pct_per_year: float
    ) -> None:
        """Pay support and maintenance of what stands; where purchases are staged they belong to the stocks."""
        if self.is_epoch:
            return
        self.pay(site, "support", units, price_usd * support_pct_per_year / 100)
        self.pay(site, "maintenance", units, price_usd * maintenance_pct_per_year / 100)

    def _existing(self) -> dict[tuple[str, str, str], int]:
        found: dict[tuple[str, str, str], int] = {}
        for row in self.problem.existing.values():
            if row.table != "nodes":
                key = (row.site, row.table, row.name)
                found[key] = found.get(key, 0) + row.units
        return found

    def pay(
        self, site: str, category: str, quantity: Any, rate_usd: float, years: tuple[int, ...] | None = None
    ) -> None:
        """Pay ``quantity`` a year at ``rate_usd`` in ``years`` (default: all that are looked at)."""
        span = tuple(self.problem.years) if years is None else years
        self.ledger.pay(RunningLine(site, category, quantity, rate_usd, span))


def _hours_at_night(candidates: Candidates) -> dict[tuple[str, int], set[int]]:
    found: dict[tuple[str, int], set[int]] = {}
    for period in candidates.periods:
        for job in period.jobs:
            for candidate in candidates.training[job]:
                if candidate.hours and candidate.is_asked_in(period.years):
                    found.setdefault((candidate.pool.key, period.index), set()).update(candidate.hours)
    return found


def total(terms: Iterable[Any]) -> Any:
    """Return the sum of numbers and expressions, 0 for none."""
    return pyo.quicksum(terms)


def linear(coefficients: list[float], variables: list[Any], constant: float = 0.0) -> Any:
    """Return Σ coefficient · variable + constant as one flat expression."""
    if not variables:
        return constant
    return LinearExpression(constant=constant, linear_coefs=coefficients, linear_vars=variables)


def upper_bound(expression: Any) -> float:
    """Return the largest value that an expression can take within its variables' bounds.

    Raises ValueError where a variable that counts has no bound: every variable of the program must have one.
    """
    if isinstance(expression, int | float):
        return float(expression)
    representation = generate_standard_repn(expression, quadratic=False)
    bound = float(pyo.value(representation.constant))
    for coefficient, variable in zip(representation.linear_coefs, representation.linear_vars, strict=True):
        limit = variable.ub if coefficient > 0 else variable.lb
        if coefficient != 0 and limit is None:
            raise ValueError(f"{variable.name} has no bound")
        if coefficient != 0:
            bound += coefficient * limit
    return bound


def all_years(program: Program) -> range:
    """Return the years of the program: of the horizon, or of its epoch."""
    return program.problem.years


def whole(expression: Any) -> int:
    """Return the value of an integer expression of a solved program."""
    return round(float(pyo.value(expression)))


def number(expression: Any) -> float:
    """Return the value of an expression of a solved program; noise below 1e-9 is 0."""
    value = float(pyo.value(expression))
    return 0.0 if abs(value) < 1e-9 else value
