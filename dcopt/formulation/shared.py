"""What the blocks of a program share: slices of time, balances of sites, stocks, and what one leaves for others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcopt.candidates.records import Period, TrainingCandidate
from dcopt.economics.ledger import Ledger, RebateLine
from dcopt.economics.prices import Part
from dcopt.economics.stock import Stay
from dcopt.economics.volume import Band
from dcopt.infrastructure.topology import FabricStep
from dcopt.problem.day import Hours
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


VolumeOrder = tuple[dict[str, Any], dict[tuple[str, int], Any], tuple[Band, ...], bool]


@dataclass(frozen=True)
class Inventory:
    """What is bought where that is decided elsewhere: units (numbers, or variables that programs share) of each row.

    ``tolerance`` is the relative room above numbers: kW that follow from two solves of one program differ by noise.
    """

    units: Mapping[Part, Any]
    tolerance: float = 0.0


@dataclass(eq=False)
class Shared:
    """What the blocks put down while they declare and link, for each other and for the money."""

    ledger: Ledger = field(default_factory=Ledger)
    groups: dict[str, Group] = field(default_factory=dict)
    balances: dict[str, SiteBalance] = field(default_factory=dict)
    choices: dict[int, list[tuple[TrainingCandidate, Any]]] = field(default_factory=dict)
    """(candidate, whether a job takes it) by the index of the period."""
    spares_together: dict[tuple[str, str], list[tuple[float, int, int, Any]]] = field(default_factory=dict)
    """(target, spares, reach, variable) of the steps that the pools of a (site, node) share."""
    stocks: list[Stock] = field(default_factory=list)
    """What stands over the epochs, row by row."""
    purchases: dict[tuple[str, str, str], list[tuple[Any, str, float, float]]] = field(default_factory=dict)
    rented: dict[tuple[str, str, str], dict[int, Any]] = field(default_factory=dict)
    """Rented units of rows that offers may limit, by (site, table, row) and period index."""
    on_demand: dict[tuple[str, int, int], tuple[int, Any, Any]] = field(default_factory=dict)
    """(period index, nodes that services hold, those rented on demand) by (pool, year, part of the day)."""
    activity_kw: dict[tuple[str, str, int], list[Any]] = field(default_factory=dict)
    """Average power above standby, by (site, node, slice)."""
    heat_peak_kw: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    """Heat that a cooling unit takes from racks at peak, by (site, cooling row)."""
    needs_collector: dict[tuple[str, str], dict[str, list[Any]]] = field(default_factory=dict)
    """Choices that need a cooling unit, by (site, cooling row) and by content, of which each has one choice at most."""
    side_networks: dict[tuple[str, str], tuple[Any, tuple[FabricStep, ...]]] = field(default_factory=dict)
    """Ports and steps of the networks beside the fabrics, by (site, network)."""
    totals: dict[str, SiteTotals] = field(default_factory=dict)
    objectives: dict[str, Any] = field(default_factory=dict)
    heat_average_kw: dict[tuple[str, str, int], list[Any]] = field(default_factory=dict)
    envelopes: list[tuple[Any, list[Any]]] = field(default_factory=list)
    """Variables that are the largest of several expressions wherever that costs something."""
    least: list[tuple[Any, list[Any]]] = field(default_factory=list)
    """Integers that are bought and asked for by these expressions alone: the fewest that are no less than all."""
    floors: list[tuple[Any, list[Any]]] = field(default_factory=list)
    """Variables that are the least of several expressions wherever that saves something."""
    orders: list[tuple[dict[str, Any], dict[tuple[str, int], Any], tuple[Band, ...], bool]] = field(
        default_factory=list
    )
    """Purchases at prices by volume: (units by site, quantity by (site, band), bands, whether all units)."""
    rebated: list[tuple[Stay, RebateLine]] = field(default_factory=list)
    """What of a stay is paid below its list price, where purchases are staged."""
    adders: dict[tuple[str, str], tuple[Any, Any]] = field(default_factory=dict)
    """(quantity, driver) of what comes with a site by rule, by (site, adder)."""
    grid_kwh: dict[tuple[str, int], Any] = field(default_factory=dict)
    """Energy that the grid gives in a year, by (site, period)."""
    carbon_t: dict[tuple[str, int], Any] = field(default_factory=dict)
    """Operational carbon of a year, by (site, period)."""
    followers: list[tuple[list[tuple[Any, dict[int, Any], Any]], Any, dict[int, Any]]] = field(default_factory=list)
    """Groups of (peak variable, average variables, choice) one of which carries an expression."""
