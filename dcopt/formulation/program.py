"""The program under construction: one Pyomo model, the shared ledgers, and what every constraint means."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from typing import Any

import pyomo.environ as pyo

from dcopt.candidates.records import Candidates, Period, Pool
from dcopt.economics.finance import Finance
from dcopt.economics.ledger import CapitalLine, RunningLine
from dcopt.economics.prices import Part
from dcopt.formulation.expressions import total
from dcopt.formulation.shared import Group, Inventory, Shared, ShelfItem, SiteBalance, Slice
from dcopt.problem.day import bands_of_day
from dcopt.problem.problem import Problem

STATING = threading.RLock()
"""Held while a program is stated or compiled: Pyomo's pause of the garbage collector knows one thread at a time."""


class Program(Shared):
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
        super().__init__(
            groups={} if within is None else within[0].groups,
            balances={site: SiteBalance() for site in problem.sites},
        )
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
        bands = bands_of_day(problem)
        self.slices = tuple(
            Slice(period.index * len(bands) + place, period, hours)
            for period in candidates.periods
            for place, hours in enumerate(bands)
        )
        self._slices_of = {
            period.index: tuple(piece for piece in self.slices if piece.period.index == period.index)
            for period in candidates.periods
        }
        self.hours_at_night = _hours_at_night(candidates)
        """Hours to which jobs may be confined, by pool and period index."""

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
        domain = pyo.Binary if binary else pyo.NonNegativeIntegers if integer else pyo.NonNegativeReals
        component = self.model.component(name)
        if component is None:
            component = pyo.Var(pyo.Any, dense=False, domain=domain)
            self.model.add_component(name, component)
        variable = component.add(key)
        if variable.domain is not domain:
            variable.domain = domain
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
        """Buy ``units`` of a row; of those that exist only what exceeds them is bought (see `purchases.settle`)."""
        self.purchases.setdefault((site, table, row), []).append((units, category, price_usd, lifetime_years))

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
        return self._slices_of.get(period.index, ())

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


def all_years(program: Program) -> range:
    """Return the years of the program: of the horizon, or of its epoch."""
    return program.problem.years
