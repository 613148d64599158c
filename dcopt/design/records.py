"""The records of a design: what ``design.json`` holds, key by key.

Every list carries ``year``. Powers are peaks in kW, money is USD, times carry their unit in the name.
"""

from __future__ import annotations

from html import escape
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1

Status = Literal["optimal", "feasible", "infeasible", "no_solution"]

CAPITAL_CATEGORIES = ("nodes", "network", "storage", "racks", "power", "cooling", "building", "other")
RUNNING_CATEGORIES = (
    "energy",
    "demand",
    "support",
    "maintenance",
    "licences",
    "staff",
    "rent",
    "colocation",
    "water",
    "carbon",
    "processing",
    "transfer",
    "other",
)


BINDING_PCT = 97.0
"""A limit of which at least this share is used counts as binding: whole units seldom use up a limit to the last."""


class Record(BaseModel):
    """A frozen record without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PoolRecord(Record):
    """Nodes of one kind on one fabric at one site; ``nodes`` includes ``spares``."""

    site: str
    node: str
    fabric: str
    year: int
    nodes: int
    spares: int
    accelerators: int
    bought: int
    existing: int
    service_nodes: int
    rented: bool
    service_nodes_by_hour: tuple[int, ...] = ()
    """Nodes that services hold in each hour of the day, UTC, where jobs run at night; empty: all day the same."""


class TrainingRecord(Record):
    """How a training job runs. ``days`` is one run, failures, checkpoints and the production factor included.

    ``step_s``, rates and ``breakdown_s`` are as predicted; ``days`` takes ``time_factor`` times as long: what
    measurements correct, and the margin that the asked confidence adds. A run that is confined to some ``hours`` of
    the day (UTC; none named: all) takes ``nights`` days, loses ``lost_s`` seconds on each and holds its nodes for
    ``running_days`` days of 24 hours; ``days`` are elapsed.
    """

    job: str
    site: str
    node: str
    fabric: str
    year: int
    nodes: int
    accelerators: int
    tensor: int
    pipeline: int
    data: int
    expert: int
    context: int
    virtual_stages: int
    micro_batch: int
    recompute: str
    sharding: str
    precision: str
    software: str
    days: float
    deadline_days: float
    runs_per_year: int
    tokens: float
    step_s: float
    tflops_per_accelerator: float
    mfu: float
    memory_gb: float
    goodput: float
    checkpoint_gb: float
    checkpoint_gb_per_s: float
    checkpoint_interval_s: float
    ingest_gb_per_s: float
    breakdown_s: dict[str, float]
    start_day: float
    production_factor: float = 1.0
    interruptions_per_day: float = 0.0
    time_factor: float = 1.0
    hours: tuple[int, ...] = ()
    nights: int = 0
    lost_s: float = 0.0
    running_days: float = 0.0

    @property
    def node_days(self) -> float:
        """Time in which one run holds its nodes, in days of 24 hours."""
        return self.running_days if self.hours else self.days

    @property
    def alone_days(self) -> float:
        """Days that one run would take on nodes of its own."""
        return self.running_days - self.nights * self.lost_s / 86_400 if self.hours else self.days


class ServiceRecord(Record):
    """How (a part of) a service runs.

    ``requests_per_s`` is the peak load that this row carries, ``capacity_requests_per_s`` what its replicas can carry
    within the promises, ``utilization`` their ratio. The times are those of the promised percentile at that load, the
    round trip included, each multiplied by its factor: what measurements correct, and the margin that the asked
    confidence adds. ``latency_factor`` also divides the rates. ``measured_by`` names the measurement that the rate is;
    then the times are the promises that it kept. ``mode`` is aggregated or disaggregated: then a replica is a group of
    ``prefill_workers`` (``prefill_tensor`` × ``prefill_attention_data`` chips each) and ``decode_workers`` (``tensor``
    and so on). ``kv_bits`` is the width of a value in the KV cache, ``speculation`` a row of speculation.csv or
    ``none``, ``prefix_cached_pct`` the share of the input that the prefix cache is taken to hold. Where the service
    asks for failure domains, its replicas stand alone on ``own_nodes`` that are dealt over at least ``domains`` racks
    or feeds, no one of which holds more than ``lost_replicas`` of them (all 0 elsewhere).
    """

    service: str
    site: str
    node: str
    fabric: str
    year: int
    replicas: int
    accelerators_per_replica: int
    tensor: int
    pipeline: int
    expert: int
    precision: str
    compression: str
    software: str
    batch: int
    ttft_ms: float | None
    tpot_ms: float | None
    latency_ms: float
    rtt_ms: float
    percentile: float
    requests_per_s: float
    capacity_requests_per_s: float
    saturated_requests_per_s: float
    utilization: float
    quality_loss_pct: float
    memory_gb: float
    breakdown_ms: dict[str, float]
    attention_data: int = 1
    mode: str = "aggregated"
    prefill_workers: int = 0
    prefill_tensor: int = 0
    prefill_attention_data: int = 0
    decode_workers: int = 0
    kv_bits: float | None = None
    awake: tuple[int, ...] = ()
    """Replicas that stand in each hour of the day, UTC, where jobs run at night; empty: all of them all day."""
    hourly_requests_per_s: tuple[float, ...] = ()
    """Load that those can carry in each hour, as ``requests_per_s`` is at the peak."""
    speculation: str = "none"
    prefix_cached_pct: float = 0.0
    own_nodes: int = 0
    domains: int = 0
    lost_replicas: int = 0
    ttft_factor: float = 1.0
    tpot_factor: float = 1.0
    latency_factor: float = 1.0
    measured_by: str = ""


class CableRecord(Record):
    """Cables of one row: ``use`` is access (to nodes) or trunk (between switches), ``reach`` how far they go."""

    link: str
    use: Literal["access", "trunk"]
    reach: Literal["rack", "row", "hall"]
    links: int


class ModuleRecord(Record):
    """Transceivers of one row at the ends of the cables of a fabric."""

    transceiver: str
    units: int


class NetworkRecord(Record):
    """The switches and cables of one pool's fabric.

    ``left_pct`` tells the share of the network that is left, at the worst place, when one part fails: of a node's
    bandwidth for ``leaf`` and ``access_optic``, of a leaf's bandwidth to the rest for ``spine``, ``core`` and
    ``trunk_optic``.
    """

    site: str
    node: str
    fabric: str
    year: int
    switch: str
    leaf: int
    spine: int
    core: int
    access_links: int
    leaf_spine_links: int
    spine_core_links: int
    cables: tuple[CableRecord, ...] = ()
    transceivers: tuple[ModuleRecord, ...] = ()
    left_pct: dict[str, float] = Field(default_factory=dict)


class SideNetworkRecord(Record):
    """The switches and cables of a network beside the fabrics of a site; ``ports`` are links to equipment."""

    site: str
    name: str
    year: int
    switch: str
    ports: int
    leaf: int
    spine: int
    core: int
    trunk_links: int


def pool_key(record: PoolRecord | TrainingRecord | ServiceRecord | NetworkRecord) -> str:
    """Return the pool that a record is of or runs on, ``site/node/fabric``, as the calendar names it."""
    return f"{record.site}/{record.node}/{record.fabric}"


DATA_PARTS = ("hot", "cold")
"""The parts of a dataset; the others belong to jobs and services."""


class StorageRecord(Record):
    """Where data lies; ``dataset`` names the dataset, the job of a checkpoint or the service of weights.

    ``units`` is the share of the units that the data takes; ``site_units`` all of them there.

    ``annual_loss_probability`` is that of this copy, by drive failures alone (rented: as the provider states it, 0
    where it states none), ``survives_failures`` the drives of a group that may fail at once.
    """

    site: str
    name: str
    dataset: str
    part: Literal["hot", "cold", "checkpoint", "weights"]
    year: int
    units: float
    site_units: int
    protection: str
    codec: str
    stored_tb: float
    usable_tb: float
    rented: bool
    survives_failures: int = 0
    annual_loss_probability: float = 0.0


class TransferRecord(Record):
    """Data that is moved between sites in a year: the first copy, or what comes in new.

    ``days`` is what the link takes for it, ``usd`` egress and link charges by volume (undiscounted, at the prices of
    year 1; the monthly price of the link is not in it).
    """

    dataset: str
    origin: str
    site: str
    year: int
    tb: float
    days: float
    usd: float


class RackRecord(Record):
    """Racks of one kind with one content; ``node`` is ``network-storage`` for racks of switches and storage."""

    site: str
    name: str
    node: str
    year: int
    count: int
    nodes: int
    kw_each: float
    cooling: str
    air_cooling: str


class Slot(Record):
    """One thing in a rack: the lowest unit that it takes (1 is the rack's lowest), and its height."""

    from_unit: float
    units: float
    item: str


class ElevationRecord(Record):
    """What stands where in racks that are filled alike; ``content`` as in the racks' record.

    Racks are bought once: the elevation of year 1 holds in every year.
    """

    site: str
    rack: str
    content: str
    cooling: str
    year: int
    count: int
    slots: tuple[Slot, ...]


class PowerRecord(Record):
    """Units of one part of the power chain: the load that they carry at peak, what they are sized for, what they lose.

    PDUs are sized for the nameplate power of what they feed, the others for the peak.
    """

    site: str
    name: str
    role: str
    year: int
    units: int
    kw: float
    sized_kw: float = 0.0
    loss_kw: float = 0.0


class CoolingRecord(Record):
    """Units of one cooling part and the heat that they take. ``serves`` tells the loop of a heat rejection.

    ``room_kw`` is the part of the heat that PDUs and UPS lose into the room; the rest comes from racks.
    ``economizer_hours`` are the hours of the year without compressor (None: not known, or it has none).
    """

    site: str
    name: str
    year: int
    units: int
    kw: float
    serves: str
    room_kw: float = 0.0
    economizer_hours: float | None = None


class SolarRecord(Record):
    """On-site solar; ``kw`` is the peak of all units."""

    site: str
    name: str
    year: int
    units: int
    kw: float


class HallRecord(Record):
    """Halls that are built."""

    site: str
    name: str
    year: int
    units: int


class AdderRecord(Record):
    """What comes with a site by rule: how much of it, and the nodes, racks, kW or USD that it follows."""

    site: str
    name: str
    year: int
    quantity: float
    driver: float


class SiteRecord(Record):
    """Power, energy, carbon and water of a site in a year; ``wue_l_per_kwh`` is water for each kWh of IT energy.

    ``energy_mwh_per_year`` is all that the site uses, ``solar_mwh_per_year`` the part that its own solar gives.
    ``embodied_t`` is the carbon of making the nodes that are bought for it, once.
    """

    site: str
    year: int
    it_kw: float
    facility_kw: float
    power_limit_kw: float | None
    pue: float | None
    energy_mwh_per_year: float
    solar_mwh_per_year: float = 0.0
    carbon_t_per_year: float
    embodied_t: float = 0.0
    water_m3_per_year: float
    wue_l_per_kwh: float | None = None
    rack_positions_used: int


class BomLine(Record):
    """A line of the bill of materials."""

    site: str
    year: int
    category: str
    table: str
    item: str
    quantity: float
    unit_price_usd: float
    total_usd: float


class CashYear(Record):
    """Undiscounted cash of a year; purchases are made at the start of the year that they are listed under."""

    year: int
    capital_usd: float
    running_usd: float
    total_usd: float


class CostYear(Record):
    """A category in a year: the undiscounted cash, and its share of the TCO (all shares add up to ``tco_usd``).

    What a purchase is still worth at the horizon is taken off its share, not off the cash; what is sold is negative.
    """

    year: int
    kind: Literal["capital", "running"]
    category: str
    usd: float
    discounted_usd: float


class Cost(Record):
    """Discounted cost over the horizon by category, and the undiscounted cash of each year."""

    capital: dict[str, float]
    running: dict[str, float]
    cash_by_year: tuple[CashYear, ...]
    by_year: tuple[CostYear, ...] = ()


class FinanceYear(Record):
    """The money of a year.

    ``charge_usd`` is the annuity of everything that was bought and has not reached the end of its life;
    ``accelerator_hours`` are those of owned nodes all year and of rented ones while rented. Costs of an
    accelerator-hour, of a million tokens (in and out, services) and of a training run share charge and running cost by
    accelerator-hours; None where there are none. ``npv_usd`` is the present value of all cash up to the year's end.
    The after-tax figures are None where `tax_rate_pct` is blank.
    """

    year: int
    cash_usd: float
    charge_usd: float
    running_usd: float
    accelerator_hours: float
    usd_per_accelerator_hour: float | None
    usd_per_million_tokens: float | None
    usd_per_training_run: float | None
    npv_usd: float
    financed_cash_usd: float | None = None
    depreciation_usd: float | None = None
    after_tax_cash_usd: float | None = None
    after_tax_npv_usd: float | None = None


class Asset(Record):
    """Units of a row that stand from the start of ``bought_year`` to the end of ``gone_year``.

    ``bought_year`` 0 is what existed already. ``kept`` says that they are kept past their life instead of being bought
    again. ``resale_usd`` is what all of them bring at the end of ``gone_year``.
    """

    site: str
    category: str
    table: str
    name: str
    bought_year: int
    gone_year: int
    units: float
    unit_price_usd: float
    resale_usd: float
    kept: bool = False


class Binding(Record):
    """A promise or limit that is (nearly) used up."""

    row: str
    sentence: str
    used_pct: float
    saving_usd: float | None = None


class Baseline(Record):
    """The cheapest design with one node and one fabric everywhere."""

    node: str
    fabric: str
    tco_usd: float
    objective_bound: float
    gap: float
    saving_usd: float
    saving_proven_usd: float


class RuleOfThumb(Record):
    """What a common rule of buying costs: the cheapest design that keeps it, with its own proof.

    ``extra_usd`` is what it costs beyond this design, ``extra_proven_usd`` the part of it that no such design can
    avoid. All None, with the ``reason``, where none exists or was found.
    """

    rule: str
    sentence: str
    tco_usd: float | None = None
    objective_bound: float | None = None
    gap: float | None = None
    extra_usd: float | None = None
    extra_proven_usd: float | None = None
    reason: str = ""


class Foresight(Record):
    """What it costs to decide each purchase knowing only ``years`` years ahead, beside knowing the whole horizon.

    ``perfect_tco_usd`` is the best design found with full knowledge; the price of not knowing lies between
    ``price_usd`` (against that design) and what the bound of the design allows.
    """

    years: int
    perfect_tco_usd: float
    price_usd: float


class ResidualCase(Record):
    """The same design when equipment is worth ``residual_pct`` of its book value at the end of the horizon.

    ``best_tco_usd`` is the best design found under that assumption, ``design_changes`` whether it buys or runs
    something else; both None where it was not solved within its time.
    """

    residual_pct: float
    tco_usd: float
    best_tco_usd: float | None
    design_changes: bool | None


class PromiseRecord(Record):
    """How likely a promise is kept, given how wrong predictions of its group tend to be.

    ``workload`` is a job or a service (on a node); ``what`` is days, first (time to the first token) or pace (further
    tokens, whole requests and the rate). ``slack`` is ln(promise ÷ predicted time), ``bias``, ``group_sigma`` and
    ``candidate_sigma`` are of ln(real ÷ predicted time). ``outside`` says what has no measured relative.
    """

    workload: str
    site: str
    node: str
    year: int
    what: Literal["days", "first", "pace"]
    slack: float
    bias: float
    group_sigma: float
    candidate_sigma: float
    kept_pct: float
    group: str
    measured_by: tuple[str, ...]
    outside: str


class ConfidenceCase(Record):
    """What the asked confidence costs: the best design without a margin, None where it was not solved in its time."""

    confidence_pct: float
    without_tco_usd: float | None
    without_kept_pct: float | None
    design_changes: bool | None


class NightCase(Record):
    """What training at night saves: the best design with every job on nodes of its own all day.

    None where that was not solved in its time, or where there is none (``without_status`` says which).
    ``saving_proven_usd`` is what its bound leaves of the saving.
    """

    without_status: str
    without_tco_usd: float | None = None
    without_objective_bound: float | None = None
    without_nodes: int | None = None
    saving_usd: float | None = None
    saving_proven_usd: float | None = None


class CalendarEntry(Record):
    """One run of a job: when, and on which pool."""

    job: str
    run: int
    year: int
    start_day: float
    end_day: float
    pool: str
    nodes: int


class Rejected(Record):
    """A candidate that lost, and why."""

    workload: str
    site: str
    node: str
    fabric: str
    description: str
    reason: str


class ProgressPoint(Record):
    """Where the solver stood: objective of the incumbent (None: none yet) and proven bound, in the objective's unit."""

    seconds: float
    incumbent: float | None
    bound: float | None


class Design(Record):
    """A design, or the word that there is none."""

    schema_version: int = SCHEMA_VERSION
    problem: str
    status: Status
    tco_usd: float | None = None
    objective: str = "tco"
    objective_value: float | None = None
    objective_bound: float | None = None
    gap: float | None = None
    gap_target: float = 1e-4
    solve_seconds: float = 0.0
    stopped_by: str = ""
    horizon_years: int = 1
    cost: Cost | None = None
    pools: tuple[PoolRecord, ...] = ()
    training: tuple[TrainingRecord, ...] = ()
    inference: tuple[ServiceRecord, ...] = ()
    network: tuple[NetworkRecord, ...] = ()
    side_networks: tuple[SideNetworkRecord, ...] = ()
    storage: tuple[StorageRecord, ...] = ()
    transfers: tuple[TransferRecord, ...] = ()
    racks: tuple[RackRecord, ...] = ()
    elevations: tuple[ElevationRecord, ...] = ()
    power: tuple[PowerRecord, ...] = ()
    cooling: tuple[CoolingRecord, ...] = ()
    sites: tuple[SiteRecord, ...] = ()
    solar: tuple[SolarRecord, ...] = ()
    halls: tuple[HallRecord, ...] = ()
    adders: tuple[AdderRecord, ...] = ()
    purchase_years: tuple[int, ...] = (1,)
    assets: tuple[Asset, ...] = ()
    finance: tuple[FinanceYear, ...] = ()
    bom_lines: tuple[BomLine, ...] = Field(
        default=(), validation_alias=AliasChoices("bom", "bom_lines"), serialization_alias="bom"
    )
    binding: tuple[Binding, ...] = ()
    baseline: Baseline | None = None
    baseline_reason: str = ""
    rules: tuple[RuleOfThumb, ...] = ()
    foresight: Foresight | None = None
    residual: tuple[ResidualCase, ...] = ()
    promises: tuple[PromiseRecord, ...] = ()
    kept_pct: float | None = None
    kept_at_most_pct: float | None = None
    confidence: ConfidenceCase | None = None
    night: NightCase | None = None
    calendar: tuple[CalendarEntry, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    diagnosis: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    size: dict[str, int] = Field(default_factory=dict)
    timings_s: dict[str, float] = Field(default_factory=dict)
    progress: tuple[ProgressPoint, ...] = ()

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def choices(self) -> tuple[object, ...]:
        """Return what the design decides, without its numbers: equal for designs that buy and run the same."""
        return (
            sorted((p.site, p.node, p.fabric, p.year, p.nodes) for p in self.pools),
            sorted((r.job, r.site, r.node, r.fabric, r.year, r.nodes, r.precision, r.software) for r in self.training),
            sorted(
                (r.service, r.site, r.node, r.year, r.compression, r.software, r.speculation, r.mode)
                for r in self.inference
            ),
            sorted((r.site, r.name, r.dataset, r.part, r.year, r.codec) for r in self.storage),
            sorted((line.site, line.year, line.table, line.item, line.quantity) for line in self.bom_lines),
        )

    def bom(self) -> Any:
        """Return the bill of materials as a `pandas.DataFrame`, one row a line, money in USD."""
        import pandas as pd

        return pd.DataFrame([line.model_dump() for line in self.bom_lines], columns=list(BomLine.model_fields))

    def _repr_html_(self) -> str:
        """Show the design as a table in a notebook."""
        rows = [
            ("status", self.status),
            ("TCO (USD)", "" if self.tco_usd is None else f"{self.tco_usd:,.0f}"),
            ("proven gap", "" if self.gap is None else f"{self.gap:.2%}"),
        ]
        rows += [
            (f"{pool.site}, year {pool.year}", f"{pool.nodes} × {pool.node} on {pool.fabric}") for pool in self.pools
        ]
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
        return f"<table><caption>{escape(self.problem)}</caption>{cells}</table>"
