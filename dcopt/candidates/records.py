"""What the program selects from: pools, ways to run each workload, places for data, racks and cooling.

Everything here is a number or a name; the physics behind it was evaluated in `performance` and `infrastructure`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from dcopt.infrastructure.cabling import Cabling
from dcopt.infrastructure.topology import FabricStep
from dcopt.performance.expected import Expectation, ServingExpectation
from dcopt.performance.goodput import Goodput
from dcopt.performance.serving import Layout, ServingPrediction, Variant
from dcopt.performance.training import StepPrediction
from dcopt.problem.day import Hours
from dcopt.problem.tables.catalog_rows import (
    Codec,
    CoolingUnit,
    Fabric,
    Node,
    PowerPart,
    Protection,
    Rack,
)
from dcopt.problem.tables.catalog_rows import Storage as StorageUnit


@dataclass(frozen=True)
class Period:
    """Years in which the same is asked; ``index`` counts from 0."""

    index: int
    years: tuple[int, ...]
    jobs: tuple[str, ...]
    loads: tuple[tuple[str, float, float], ...]
    """(service, peak requests/s with headroom, mean requests/s without)."""

    def peak_of(self, service: str) -> float | None:
        """Return the load that ``service`` must carry, requests/s, or None where it does not run."""
        return next((peak for name, peak, _ in self.loads if name == service), None)

    def mean_of(self, service: str) -> float:
        """Return the mean load of ``service``, requests/s."""
        return next(mean for name, _, mean in self.loads if name == service)


@dataclass(frozen=True)
class Pool:
    """Nodes of one kind on one fabric at one site. ``max_nodes`` follows from the site, the offers and the demand."""

    site: str
    node: Node
    fabric: Fabric
    rented: bool
    price_usd: float | None
    rent_usd_per_hour: float
    max_nodes: int
    existing_nodes: int
    limited: bool
    """Whether jobs can be in each other's way: always where nodes are owned, at cloud sites under an offer's limit."""

    @cached_property
    def key(self) -> str:
        """``site/node/fabric``."""
        return f"{self.site}/{self.node.name}/{self.fabric.name}"


@dataclass(frozen=True)
class PoolFacility:
    """What a pool needs around it: spares and fabric as step functions of its nodes."""

    spare_steps: dict[float, tuple[tuple[int, int], ...]]
    """By target in %: (spares, largest number of working nodes that they cover), ascending."""
    fabric_steps: tuple[tuple[FabricStep, str], ...]
    """Steps of the fabric with the reach of the cables between their switches; several of one step where it depends on
    the rack that is chosen for the nodes."""
    cabling: Cabling | None
    """None where no switches are bought."""


@dataclass(frozen=True)
class TrainingCandidate:
    """One way to run a job: where, on how many nodes, how laid out, with which checkpoint bandwidth."""

    job: str
    runs: int
    """Times that the job runs in each of the years in which it may run so."""
    pool: Pool
    nodes: int
    step: StepPrediction
    software: str
    licence_usd_per_year: float
    """Licence of all its accelerators for a year of running."""
    tokens: float
    steps: int
    days: float
    """Elapsed days of a run as it is expected to be: the predicted step × the factor of ``expected``."""
    expected: Expectation
    goodput: Goodput
    production_factor: float
    """Time of a step in production ÷ on the bench."""
    checkpoint_gb: float
    checkpoint_gb_per_s: float
    ingest_gb_per_s: float
    """Read rate of its dataset as it is before the codec."""
    read_kiops: float
    """Samples read each second, in thousands."""
    node_kw: float
    """Average power of one of its nodes while it runs."""
    hours: Hours = ()
    """Hours of the day, UTC, in which it runs (none named: all)."""
    nights: int = 0
    """Days on which it runs, where it runs in some hours only."""
    lost_s: float = 0.0
    """What it loses every night: checkpoint, restart and the handover to the services."""
    alone_days: float = 0.0
    """Days that it would take on nodes of its own, where it runs in some hours only."""
    committed: bool = False
    """Whether it runs on nodes that are rented under commitments: it pays no rent of its own."""

    years: tuple[int, ...] = ()
    """Years in which it may be chosen (none named: all)."""

    def is_asked_in(self, years: tuple[int, ...]) -> bool:
        """Whether it may be chosen in some years that ask the same."""
        return not self.years or years[0] in self.years

    @property
    def held_days(self) -> float:
        """Days on which it holds its nodes in the hours in which it runs."""
        return float(self.nights) if self.hours else self.days

    @property
    def running_days(self) -> float:
        """Time in which it holds its nodes, in days of 24 hours."""
        return self.alone_days + self.nights * self.lost_s / 86_400 if self.hours else self.days

    def runs_in(self, hours: Hours) -> bool:
        """Whether it runs in some hours (all of them or none)."""
        return not self.hours or hours[0] in self.hours


MOST_DOMAINS = 32
"""Racks or feeds over which the nodes of a service are dealt at the most."""


@dataclass(frozen=True)
class Band:
    """So many replicas behind one balancer, each of which carries ``requests_per_s``."""

    low: int
    high: int
    requests_per_s: float


def pooled_rate(alone_per_s: float, bands: tuple[Band, ...], replicas: int) -> float:
    """Return the requests/s of each of ``replicas`` behind one balancer, from that of one alone and the bands."""
    return max([alone_per_s, *(band.requests_per_s for band in bands if band.low <= replicas)])


@dataclass(frozen=True)
class ServingCandidate:
    """One way to run a replica of a service, and the rate that it carries within the promises.

    ``requests_per_s`` is that of a replica alone; ``bands`` those of replicas behind one balancer, ascending from one
    replica (empty: each has arrivals of its own). More than the last band counts are not rated higher.
    """

    service: str
    pool: Pool
    accelerators: int
    layout: Layout
    variant: Variant
    compression: tuple[str, ...]
    software: str
    speculation: str
    """A row of speculation.csv, or ``none``."""
    quality_loss_pct: float
    licence_usd_per_year: float
    prediction: ServingPrediction
    expected: ServingExpectation
    rtt_ms: float
    requests_per_s: float
    saturated_requests_per_s: float
    idle_kw: float
    """Power that a node which hosts services draws without load, above its standby."""
    kw_per_request: float
    """Average power added by each request/s of mean load."""
    bands: tuple[Band, ...] = ()
    stands_by: float = 1.0
    """Times the peak that its replicas may carry together: more than 1 where some stand by for others."""

    def most_hosts(self, replicas: int) -> int:
        """Return the nodes that replicas take at the most: some more of their own where they stand over domains."""
        needed = math.ceil(replicas * self.accelerators / self.pool.node.accelerators)
        return needed if self.stands_by == 1 else needed + MOST_DOMAINS

    def rate_of(self, replicas: int) -> float:
        """Return the requests/s of each of ``replicas`` behind one balancer."""
        return pooled_rate(self.requests_per_s, self.bands, replicas)

    def most_replicas(self, peak: float) -> int:
        """Return the replicas that carry all of ``peak`` requests/s, and those that stand by."""
        rooms = [Band(1, math.ceil(peak / self.requests_per_s), self.requests_per_s), *self.bands]
        fewest = (max(room.low, math.ceil(peak / room.requests_per_s - 1e-9)) for room in rooms)
        return math.ceil(self.stands_by) * max(1, min(fewest))


TABLE_OF_PART = {"hot": "datasets", "cold": "datasets", "checkpoint": "training", "weights": "inference"}
"""The table to which each kind of item belongs."""


@dataclass(frozen=True)
class DataItem:
    """Data that must lie somewhere: a part of a dataset, the checkpoints of a job, or the weights of a service."""

    name: str
    part: str
    """hot, cold, checkpoint or weights."""
    size_tb: float
    share: float
    """Share of its dataset; ingest reads the parts in this proportion."""
    compressibility: str
    requires: tuple[str, ...] = ()
    """Features that storage must offer to hold it."""
    nines: float = 0.0
    """Its copies together keep it through a year with a probability of so many nines (−log10 of the loss)."""
    read_gb_per_s: float = 0.0
    """What is read of it at any time, wherever it lies."""

    @property
    def key(self) -> str:
        """``name:part``."""
        return f"{self.name}:{self.part}"

    @property
    def owner(self) -> str:
        """``table/name`` of the row that it belongs to."""
        return f"{TABLE_OF_PART[self.part]}/{self.name}"

    @property
    def is_data(self) -> bool:
        """Whether it is part of a dataset."""
        return self.owner.startswith("datasets/")


@dataclass(frozen=True)
class StorageOption:
    """One way to store an item: on which unit, how protected, with which codec."""

    storage: StorageUnit
    price_usd: float | None
    protection: Protection
    codec: Codec
    raw_tb_per_tb: float
    """Raw TB for each TB of the item."""
    nines: float
    """−log10 of the probability that this copy of the item is lost within a year, no more than the item needs."""
    least_units: int
    """Units on which the parts of a group can lie apart."""
    rebuild: tuple[float, float]
    """GB/s that the rebuild of a drive reads and writes."""
    slowdown: float
    """GB/s of the units for each GB/s moved: more than 1 where encryption is required."""

    @property
    def key(self) -> str:
        """``storage|protection|codec``."""
        return f"{self.storage.name}|{self.protection.name}|{self.codec.name}"


@dataclass(frozen=True)
class RackOption:
    """A rack for one content under one collector of heat; liquid racks leave some heat to an air collector."""

    rack: Rack
    price_usd: float
    fill: int
    """Nodes in a rack; 0 for racks of switches and storage, which are filled by units and kW."""
    collector: CoolingUnit | None
    collector_share: float
    air_collector: CoolingUnit | None
    air_share: float

    @property
    def cooling_key(self) -> str:
        """``collector|air collector``."""
        return "|".join(unit.name if unit else "-" for unit in (self.collector, self.air_collector))

    @property
    def key(self) -> str:
        """``rack|collector|air collector``."""
        return f"{self.rack.name}|{self.cooling_key}"


@dataclass(frozen=True)
class SiteFacility:
    """The parts that a site can have. Empty where a landlord or a cloud provides them."""

    storage: tuple[tuple[StorageUnit, float | None], ...]
    racks: dict[str, tuple[RackOption, ...]]
    """By node name, and by ``network-storage``."""
    power: dict[str, tuple[tuple[PowerPart, float], ...]]
    """By role: parts and prices."""
    collectors: tuple[tuple[CoolingUnit, float], ...]
    rejection: dict[str, tuple[tuple[CoolingUnit, float], ...]]
    """By loop (chilled: air and rear-door; warm: liquid and immersion): units and prices."""


@dataclass(frozen=True)
class Verdict:
    """What became of a workload on one (site, node, fabric): how many candidates, and if none, why."""

    workload: str
    site: str
    node: str
    fabric: str
    candidates: int
    best: str
    """The nearest that it came, in words."""
    reason: str
    shortfall: float
    """How far the best is from the promise: ratio of what it needs to what is allowed (1 = just kept)."""


@dataclass
class Candidates:
    """Everything that the program selects from."""

    periods: tuple[Period, ...]
    pools: dict[str, Pool]
    facilities: dict[str, PoolFacility]
    training: dict[str, tuple[TrainingCandidate, ...]]
    serving: dict[str, tuple[ServingCandidate, ...]]
    items: tuple[DataItem, ...]
    storage_options: dict[tuple[str, str], tuple[StorageOption, ...]]
    """By (item key, site)."""
    codecs: dict[str, tuple[Codec, ...]]
    """By the items' owner."""
    sites: dict[str, SiteFacility]
    verdicts: list[Verdict] = field(default_factory=list)
    it_kw: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By site: least and largest IT power, at peak, that a site which is used has in any design worth looking for."""
    numbers: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """By (site, node): least and most nodes, over all fabrics together, in any design worth looking for; at all sites
    together with the site ``*``. Those that are not there: as many as the pools hold."""
    epochs: tuple[Candidates, ...] = ()
    """Those of each epoch where equipment may be bought at several dates; the fields above are of all together."""

    @cached_property
    def item_of(self) -> dict[str, DataItem]:
        """The items by their key."""
        return {item.key: item for item in self.items}

    @cached_property
    def rebuilds(self) -> dict[tuple[str, str], tuple[float, float]]:
        """GB/s that the rebuild of a drive reads and writes with the widest protection, by (site, storage unit)."""
        found: dict[tuple[str, str], tuple[float, float]] = {}
        for (_, site), options in self.storage_options.items():
            for option in options:
                before = found.get((site, option.storage.name), (0.0, 0.0))
                found[site, option.storage.name] = (
                    max(before[0], option.rebuild[0]),
                    max(before[1], option.rebuild[1]),
                )
        return found
