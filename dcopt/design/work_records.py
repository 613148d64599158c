"""What runs where: pools, jobs, services, their calendar, how surely they keep their promises, and what lost."""

from __future__ import annotations

from typing import Literal

from dcopt.design.record import Record
from dcopt.problem.islands import listed_name
from dcopt.problem.power_caps import bought_as


class PoolRecord(Record):
    """Nodes of one kind on one fabric at one site; ``nodes`` includes ``spares``.

    ``node`` is ``NODE@CAP`` where they run at a power cap; they are bought as NODE. ``fabric`` is ``FABRIC~2`` and so
    on for the further islands of a fabric.
    """

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
    """Nodes that services hold in each hour of the day, UTC, where jobs run at night or rented nodes are given back;
    empty: all day the same."""
    committed: int = 0
    """Nodes under commitments in that year, where they are rented; the others are rented on demand."""
    committed_for_jobs: int = 0
    """Those of them that are kept for jobs."""
    power_cap: str = ""
    """The cap of power_caps.csv at which they run; empty: at full power."""

    @property
    def bought_as(self) -> str:
        """The row of nodes.csv that is bought."""
        return bought_as(self.node)

    @property
    def listed_fabric(self) -> str:
        """The row of fabrics.csv."""
        return listed_name(self.fabric)


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
    committed: bool = False
    """Whether it runs on nodes that are rented under commitments, not on demand."""

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


class CalendarEntry(Record):
    """One run of a job: when, and on which pool."""

    job: str
    run: int
    year: int
    start_day: float
    end_day: float
    pool: str
    nodes: int


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


class Rejected(Record):
    """A candidate that lost, and why."""

    workload: str
    site: str
    node: str
    fabric: str
    description: str
    reason: str
