"""The tables that a planner writes: what is wanted, where, and within which limits."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import NamedRow, Names, Row, YesNo, column
from dcopt.problem.tables.catalog_rows import ENGINE_FEATURES, PRECISIONS, STORAGE_FEATURES

Redundancy = Literal["N", "N+1", "2N", "4N/3"]


class Setting(Row):
    """One setting of the problem."""

    key: str = column("The setting's name; the keys are listed below.")
    value: str = column("Its value.")
    note: str = column("A remark of yours; not read.", default="")


class Settings(Row):
    """All settings, as read from the rows of `settings.csv`."""

    name: str = column("The problem's name in reports.", default="")
    horizon_years: int = column("Years of operation that are paid for.", default=5, ge=1, le=30, usual=(1, 15))
    discount_rate_pct: float = column(
        "Nominal rate at which later costs are discounted.", default=8.0, ge=0, le=100, usual=(0, 20)
    )
    objective: Literal["tco", "capex", "energy", "carbon"] = column("What is minimized.", default="tco")
    capex_limit_usd: float | None = column("Limit of all purchases, undiscounted.", default=None, ge=0)
    carbon_limit_t_per_year: float | None = column("Limit of operational carbon in each year.", default=None, ge=0)
    carbon_price_usd_per_t: float = column("Price of operational carbon.", default=0.0, ge=0, usual=(0, 500))
    spare_target_pct: float = column(
        "Probability with which the spares of a pool cover its failed nodes.", default=99.0, gt=0, le=99.99999
    )
    staff_usd_per_kw_year: float = column("Operating staff, for each kW of peak IT load.", default=0.0, ge=0)
    residual_pct: float = column(
        "What equipment is worth at the end of the horizon: 100 = its annuity book value, 0 = nothing.",
        default=100.0,
        ge=0,
        le=100,
    )
    schedulable_pct: float = column(
        "Share of the year's node-days that jobs may be planned on.", default=85.0, gt=0, le=100, usual=(50, 100)
    )
    cost_inflation_pct: float = column(
        "Yearly increase of all running costs, nominal.", default=0.0, ge=-50, le=100, usual=(-10, 15)
    )
    energy_inflation_pct: float | None = column(
        "Yearly increase of electricity prices; blank: as cost_inflation_pct.", default=None, ge=-50, le=100
    )
    rent_inflation_pct: float | None = column(
        "Yearly increase of rents; blank: as cost_inflation_pct.", default=None, ge=-50, le=100
    )
    max_vendor_pct: float = column(
        "Largest share of the bought nodes of all sites that one vendor may deliver.", default=100.0, gt=0, le=100
    )
    embodied_limit_t: float | None = column(
        "Limit of the carbon of making all nodes that are bought.", default=None, ge=0
    )
    survive_failures: int = column(
        "Drive failures at once that the protection of owned storage must survive.", default=2, ge=1, le=10
    )
    racks_per_row: int = column(
        "Racks of a row, the one with its switches included; decides which cables leave the row "
        "(default: an estimate, about 12 m).",
        default=16,
        ge=2,
        le=200,
        usual=(6, 40),
    )
    cpu_usd_per_core_hour: float = column(
        "Price of a CPU core that packs and unpacks stored data "
        "(default: Nebius, 0.0248 a vCPU, skypilot-catalog nebius/vms.csv, 2025).",
        default=0.0248,
        ge=0,
    )
    purchase_years: Names = column(
        "Years at whose start equipment may be bought, beginning with 1; 'all': every year. With 1 alone everything is "
        "bought once for the whole horizon.",
        default=("1",),
    )
    recabling_usd_per_link: float = column(
        "What it costs to lead a link anew where a fabric grows past a tier of switches between two purchase dates "
        "(default: an estimate, half of the USD 150 that a fibre drop costs with its material: costowl.com, fiber "
        "optic cabling, 15 to 30 thousand for 100 to 200 drops).",
        default=75.0,
        ge=0,
        usual=(0, 1000),
    )
    order_day: float | None = column(
        "Day, counted from the start of year 1 (negative: before it), on which the first orders can be placed and "
        "building can begin: what cannot stand in time by leads.csv, construction_days and commissioning_days serves "
        "only from the day on which it does. Blank: everything is ordered early enough.",
        default=None,
        ge=-10_000,
        le=10_000,
        usual=(-2000, 365),
    )
    power_caps: YesNo = column(
        "Whether nodes at sites that are not rented may be run at the caps of power_caps.csv (yes, no).", default=False
    )
    tax_rate_pct: float | None = column(
        "Tax on profits, for the after-tax view of the report; blank: no such view.", default=None, ge=0, le=90
    )
    depreciation: Literal["straight-line", "declining"] = column(
        "How purchases are written off for tax.", default="straight-line"
    )
    depreciation_years: int = column(
        "Years over which they are written off, the rest in the last year of the horizon (default: the US five-year "
        "class of computers, IRS Publication 946).",
        default=5,
        ge=1,
        le=40,
    )
    financing: Literal["buy", "lease", "loan"] = column("How purchases are paid for in that view.", default="buy")
    financing_rate_pct: float | None = column(
        "Yearly rate of the lease or loan; blank: discount_rate_pct.", default=None, ge=0, le=100
    )
    financing_years: int = column(
        "Term of the lease or loan, paid in equal parts at each year's end; what is owed at the end of the horizon is "
        "paid then.",
        default=4,
        ge=1,
    )
    lease_residual_pct: float = column(
        "Share of the price that is still to be paid at the end of a lease, for which the equipment is kept.",
        default=10.0,
        ge=0,
        le=100,
    )
    confidence_pct: float | None = column(
        "Probability with which all promises together are kept in spite of errors of prediction; blank: predictions "
        "are taken as they are, without a margin.",
        default=None,
        ge=50,
        le=99.9,
    )
    mip_gap: float = column("Relative gap at which the solver may stop.", default=1e-4, ge=0, le=1)
    time_limit_s: float = column("Time that the main solve may take.", default=300.0, gt=0)
    catalog: Literal["default", "none"] = column("'none' leaves the shipped catalogue out.", default="default")

    @model_validator(mode="after")
    def _purchase_years(self) -> Settings:
        if self.purchase_years == ("all",):
            return self
        if not all(re.fullmatch("[0-9]+", text) for text in self.purchase_years):
            raise ValueError("purchase_years|give years of the horizon, such as '1 4 7', or 'all'")
        years = [int(text) for text in self.purchase_years]
        if years[:1] != [1] or any(after <= before for before, after in pairwise(years)):
            raise ValueError("purchase_years|must ascend from 1, the year in which the first equipment is bought")
        if years[-1] > self.horizon_years:
            raise ValueError(f"purchase_years|lies beyond the horizon of {self.horizon_years} years")
        return self

    @property
    def purchase_dates(self) -> tuple[int, ...]:
        """The years at whose start equipment may be bought, ascending from 1."""
        if self.purchase_years == ("all",):
            return tuple(range(1, self.horizon_years + 1))
        return tuple(int(text) for text in self.purchase_years)


class Site(NamedRow):
    """A place where equipment stands or is rented."""

    kind: Literal["owned", "colocation", "cloud", "edge"] = column("What kind of place it is.", default="owned")
    power_limit_kw: float | None = column(
        "Limit of the grid draw at peak. Required except at cloud sites.", default=None, gt=0, usual=(5, 500_000)
    )
    rack_positions: int | None = column("Rack positions there are; blank: no limit.", default=None, ge=0)
    electricity_usd_per_kwh: float | None = column(
        "Price of electricity. Required except at cloud sites.", default=None, ge=0, le=5, usual=(0.01, 0.5)
    )
    demand_charge_usd_per_kw_month: float = column("Charge for each kW of peak grid draw.", default=0.0, ge=0)
    carbon_kg_per_kwh: float = column("Carbon intensity of the electricity.", default=0.0, ge=0, le=3, usual=(0, 1.2))
    build_usd_per_kw: float = column(
        "Cost of the building for each kW of peak grid draw (power chain and cooling are bought apart).",
        default=0.0,
        ge=0,
        usual=(0, 20_000),
    )
    building_lifetime_years: float = column("Lifetime of the building.", default=20.0, gt=0, usual=(10, 40))
    colocation_usd_per_kw_month: float | None = column(
        "Colocation fee for each kW of peak IT load. Required at colocation sites.", default=None, ge=0
    )
    colocation_pue: float | None = column(
        "The landlord's ratio of facility to IT energy. Required at colocation sites.", default=None, ge=1, le=4
    )
    colocation_term_years: int | None = column(
        "Fewest years for which kW are contracted, from any purchase date on; blank: the fee follows the load, without "
        "a contract.",
        default=None,
        ge=1,
        le=30,
        usual=(1, 15),
    )
    colocation_least_billed_pct: float = column(
        "Share of the contracted kW that is billed in every year, used or not; only with colocation_term_years.",
        default=100.0,
        ge=0,
        le=100,
    )
    colocation_escalation_pct_per_year: float = column(
        "Yearly increase of the fee of a contract, in place of cost_inflation_pct, which moves the fee of new "
        "contracts; only with colocation_term_years.",
        default=0.0,
        ge=-50,
        le=100,
        usual=(0, 10),
    )
    colocation_exit_months: float | None = column(
        "Monthly fees of all contracted kW by which a contract is left before its term; blank: the least that is "
        "billed until then. Only with colocation_term_years.",
        default=None,
        ge=0,
        usual=(0, 60),
    )
    elastic: YesNo = column(
        "Cloud sites: whether nodes rented on demand are given back in hours of the day in which services with a "
        "profile need fewer; no: what a service needs at its peak is rented all year.",
        default=False,
    )
    water_usd_per_m3: float = column("Price of water.", default=0.0, ge=0, usual=(0, 20))
    water_limit_m3_per_year: float | None = column("Limit of the water used in a year.", default=None, ge=0)
    wet_bulb_c: float | None = column(
        "Design wet-bulb temperature (exceeded in 0.4 % of the hours).", default=None, ge=-40, le=45
    )
    mean_wet_bulb_c: float | None = column(
        "Mean wet-bulb temperature of the year; with wet_bulb_c it says how many hours need no compressor.",
        default=None,
        ge=-40,
        le=45,
    )
    redundancy: Redundancy = column(
        "Redundancy of power and cooling units: N, N+1 (of each parallel block), 2N, or 4N/3 (distributed redundant: "
        "four or more units, three quarters of which carry the load).",
        default="N",
    )
    cooling_redundancy: Redundancy | None = column(
        "Redundancy of cooling units; blank: as redundancy, but N+1 where that is 4N/3.", default=None
    )
    floor_kg_per_m2: float | None = column(
        "Load that the floor carries under a rack; blank: not checked (halls have their own).", default=None, gt=0
    )
    ups_minutes: float = column("Time that the batteries of the UPS must carry the load.", default=0.0, ge=0)
    networks: Names = column(
        "Networks beside the fabric that it builds (storage, in-band, out-of-band); blank: none.",
        default=(),
        refers_to="networks",
    )
    requires: Names = column("What all storage at this site must offer.", default=(), choices=STORAGE_FEATURES)
    egress_usd_per_gb: float = column(
        "What the place charges for data that leaves it over wan.csv.", default=0.0, ge=0, usual=(0, 0.2)
    )
    construction_days: float = column(
        "Days from order_day of settings.csv until the building takes equipment.", default=0.0, ge=0, le=10_000
    )
    commissioning_days: float = column(
        "Days from the delivery of the last equipment until it may be used: installation, tests, burn-in.",
        default=0.0,
        ge=0,
        le=3650,
    )
    ready_day: float | None = column(
        "Day, counted from the start of year 1, on which the site is to be ready at the earliest: rows whose lead time "
        "ends by then may be bought for year 1. Blank: as early as its building and the quickest row of each part of "
        "its plant allow.",
        default=None,
        ge=0,
        le=10_000,
    )
    utc_offset_hours: int = column(
        "By how much the clock of its tariffs and solar yields is ahead of UTC.", default=0, ge=-12, le=14
    )

    @model_validator(mode="after")
    def _facility_columns(self) -> Site:
        if self.kind != "cloud":
            for name in ("power_limit_kw", "electricity_usd_per_kwh"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name}|required at a site of kind '{self.kind}'")
        if self.kind == "colocation":
            for name in ("colocation_usd_per_kw_month", "colocation_pue"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name}|required at a site of kind 'colocation'")
        if self.mean_wet_bulb_c is not None:
            if self.wet_bulb_c is None:
                raise ValueError("wet_bulb_c|needed beside mean_wet_bulb_c")
            if self.mean_wet_bulb_c > self.wet_bulb_c:
                raise ValueError("mean_wet_bulb_c|must not exceed wet_bulb_c")
        return self

    @property
    def redundancy_of_cooling(self) -> str:
        """Redundancy of the cooling units."""
        return self.cooling_redundancy or ("N+1" if self.redundancy == "4N/3" else self.redundancy)


class TrainingJob(NamedRow):
    """A model to be trained by a deadline."""

    model: str = column("The model: a name in models/, or the path of a config.json.")
    tokens: float | None = column("Tokens that one run trains on (or give samples).", default=None, gt=0)
    samples: float | None = column(
        "Samples of one epoch, each of sequence_length tokens, in place of tokens.", default=None, gt=0
    )
    epochs: float = column("Passes over the samples.", default=1.0, gt=0)
    sequence_length: int | None = column(
        "Tokens of a sequence; blank: the longest that the model takes (patches of an image + 1 for vision models).",
        default=None,
        ge=1,
    )
    global_batch: int = column("Sequences of one optimizer step.", ge=1)
    deadline_days: float = column(
        "Days from the start of a run to its end, failures and checkpoints included.", gt=0, usual=(0.01, 365)
    )
    runs_per_year: int = column("Times the job runs in each of its years.", default=1, ge=1, le=10_000)
    precisions: Names = column("Arithmetic that is allowed.", default=("bf16", "fp8"), choices=PRECISIONS)
    optimizer: Literal["adam", "sgd", "momentum", "rmsprop", "adafactor", "adam8bit"] = column(
        "Optimizer; decides the bytes of its states.", default="adam"
    )
    dataset: str | None = column("The dataset that it reads.", default=None, refers_to="datasets")
    requires: Names = column(
        "What the storage of its checkpoints must offer and, for encryption in transit, the fabric between its nodes "
        "(column features of storage.csv and fabrics.csv).",
        default=(),
        choices=STORAGE_FEATURES,
    )
    method: Literal["pretrain", "finetune", "lora", "distill", "prune"] = column(
        "What is trained: every weight (pretrain, finetune), adapters (lora), a student by its teacher (distill), "
        "or a model that becomes 2:4 sparse in the course of the run (prune).",
        default="pretrain",
    )
    teacher: str | None = column(
        "The model whose answers a student learns from: a name in models/, or the path of a config.json. "
        "Only with method distill.",
        default=None,
    )
    dense_pct: float = column(
        "Method prune: share of the run before its weights are pruned.", default=50.0, ge=0, le=100
    )
    aggregation: Names = column(
        "How data-parallel gradients may be summed: all-reduce, or parameter-server (shards of the states on the "
        "workers' hosts, which spares the accelerators' memory).",
        default=("all-reduce",),
        choices=("all-reduce", "parameter-server"),
    )
    production_factor: float | None = column(
        "Time of a step in production ÷ on the bench: stragglers, evaluation, data and logging. "
        "Blank: 1.15 for runs of several nodes, 1 within a node.",
        default=None,
        ge=1,
        le=10,
    )
    max_quality_loss_pct: float | None = column("Largest loss of quality; blank: not limited.", default=None, ge=0)
    sites: Names = column("Sites where it may run; blank: all.", default=(), refers_to="sites")
    first_year: int = column("First year in which it runs.", default=1, ge=1)
    last_year: int | None = column("Last year; blank: the last of the horizon.", default=None, ge=1)
    years: Names = column(
        "The years in which it runs, such as 1 4 7; blank: every year from first_year to last_year.", default=()
    )
    growth_pct_per_year: float = column(
        "Growth of the tokens (or samples) of a run, from the first year in which it runs; demand.csv may give them "
        "year by year.",
        default=0.0,
        ge=-90,
        le=1000,
        usual=(-50, 300),
    )
    earliest_start_day: float = column("Day of the year before which it does not start.", default=0.0, ge=0, le=365)
    due_day: float = column("Day of the year by which all its runs end.", default=365.0, gt=0, le=365)
    overhead_factor: float = column(
        "Node-days used for each node-day of the run itself (ablations, failed runs).", default=1.0, ge=1, le=20
    )
    after: Names = column(
        "Jobs that must be done before it starts. Of jobs with the same runs_per_year each run follows the run of the "
        "same number, else every run follows all runs of the other.",
        default=(),
        refers_to="training",
    )
    priority: int = column(
        "Jobs of a higher priority that run once a year end as early as any calendar allows, before those of a lower "
        "one; what runs several times keeps its even spread. 0: no preference.",
        default=0,
        ge=0,
        le=100,
    )
    preemptible: YesNo = column(
        "Whether it may run in some hours of the day only, on nodes that services with a profile leave free then: it "
        "stops with a checkpoint and restarts from it. Services with reload_s keep their nodes.",
        default=False,
    )

    @model_validator(mode="after")
    def _amount_of_work(self) -> TrainingJob:
        if (self.tokens is None) == (self.samples is None):
            raise ValueError("tokens|give either tokens or samples, not both and not neither")
        if (self.method == "distill") != (self.teacher is not None):
            raise ValueError("teacher|method distill needs a teacher, and only it has one")
        if not self.aggregation:
            raise ValueError("aggregation|name at least one")
        if self.last_year is not None and self.last_year < self.first_year:
            raise ValueError("last_year|must not be before first_year")
        if not all(re.fullmatch("[1-9][0-9]*", text) for text in self.years):
            raise ValueError("years|give years of the horizon, such as '1 4 7'")
        if any(int(after) <= int(before) for before, after in pairwise(self.years)):
            raise ValueError("years|must ascend")
        if self.years and (self.first_year != 1 or self.last_year is not None):
            raise ValueError("years|give either years or first_year and last_year")
        if self.due_day <= self.earliest_start_day:
            raise ValueError("due_day|must be after earliest_start_day")
        if self.name in self.after:
            raise ValueError("after|a job cannot come after itself")
        return self

    @property
    def begins(self) -> int:
        """The first year in which it runs."""
        return int(self.years[0]) if self.years else self.first_year


class Service(NamedRow):
    """A service that must answer in time."""

    model: str = column("The model: a name in models/, or the path of a config.json.")
    peak_requests_per_s: float = column("Requests in the busiest minute of year 1.", gt=0)
    mean_requests_per_s: float | None = column(
        "Mean over the year; blank: that of the profile, the peak without one.", default=None, gt=0
    )
    profile: str | None = column(
        "How its load follows the hours of the day; it gives the mean, or must agree with it. Blank: not known, the "
        "mean is drawn all day.",
        default=None,
        refers_to="profiles",
    )
    utc_offset_hours: int = column(
        "By how much the clock of its profile (its users') is ahead of UTC.", default=0, ge=-12, le=14
    )
    input_tokens: int | None = column(
        "Tokens of a request; blank: those of an image for vision models.", default=None, ge=1
    )
    output_tokens: int = column("Tokens of an answer; 0 for encoders.", default=0, ge=0)
    ttft_ms: float | None = column("Promise: time to the first token.", default=None, gt=0)
    tpot_ms: float | None = column("Promise: mean time of each further token of a request.", default=None, gt=0)
    latency_ms: float | None = column("Promise: time of the whole request.", default=None, gt=0)
    percentile: float = column("Percent of requests that keep the promises.", default=95.0, ge=50, le=99.99)
    max_quality_loss_pct: float = column("Largest loss of quality against the 16-bit model.", default=0.0, ge=0, le=100)
    availability_pct: float | None = column(
        "Availability; raises the spare target of its pools, so that all pools that it uses keep it together.",
        default=None,
        gt=0,
        le=99.99999,
    )
    growth_pct_per_year: float = column("Growth of the load.", default=0.0, ge=-100, le=1000, usual=(-50, 200))
    region: Names = column(
        "Where its users are; adds the round trip of regions.csv: of several regions the longest, so that all keep "
        "the promise.",
        default=(),
    )
    sites: Names = column("Sites where it may run; blank: all.", default=(), refers_to="sites")
    first_year: int = column("First year in which it runs.", default=1, ge=1)
    last_year: int | None = column("Last year; blank: the last of the horizon.", default=None, ge=1)
    survive_pct: float = column(
        "Share of the peak that must still be carried when any one site is lost.", default=0.0, ge=0, le=100
    )
    failure_domains: Literal["none", "rack", "feed"] = column(
        "What of a site may be lost at any time: none, any one rack, or any one power feed (distribution unit; where "
        "redundancy is 2N or 4N/3 nodes hang on two). Replicas then stand on nodes of their own that are dealt evenly "
        "over racks or feeds.",
        default="none",
    )
    domain_survive_pct: float = column(
        "Share of the peak that must still be carried without it; only with failure_domains.",
        default=50.0,
        gt=0,
        le=100,
    )
    headroom_pct: float = column("Capacity above the peak that must be left.", default=0.0, ge=0, le=1000)
    balancer: Literal["pooled", "random"] = column(
        "How requests reach the replicas at a site: pooled (the one that holds the fewest) or random.",
        default="pooled",
    )
    balancer_ms: float = column(
        "What the balancer adds to the way of every request; counted with the round trip. Its machines are rows of "
        "adders.csv with the driver requests_per_s.",
        default=0.0,
        ge=0,
        le=1000,
        usual=(0, 20),
    )
    requires: Names = column(
        "What the engine that serves it must offer (column features of software.csv); encryption in transit costs "
        "what encryption_loss_pct says there.",
        default=(),
        choices=ENGINE_FEATURES,
    )
    length_cv: float = column(
        "Spread of the tokens in and out, standard deviation ÷ mean (lognormal), in simulations; 0: all alike.",
        default=0.0,
        ge=0,
        le=10,
        usual=(0, 3),
    )
    reload_s: float | None = column(
        "Time in which a replica that starts reads its weights from flash storage of its site, beside all else that "
        "is read there; blank: weights lie on drives of the nodes.",
        default=None,
        gt=0,
        usual=(1, 3600),
    )
    prefix_cached_pct: float = column(
        "Mean share of a request's input whose keys and values a prefix cache already holds (shared instructions, "
        "earlier turns).",
        default=0.0,
        ge=0,
        le=99,
    )
    after: Names = column(
        "Jobs that must be done, in each year, before it uses what they made.", default=(), refers_to="training"
    )
    first_day: float | None = column(
        "Day of the year by which the jobs that it comes after are done; blank: whenever they are.",
        default=None,
        gt=0,
        le=365,
    )

    @model_validator(mode="after")
    def _consistent(self) -> Service:
        if self.first_day is not None and not self.after:
            raise ValueError("first_day|only a service that comes after jobs waits for a day: fill in after")
        if self.prefix_cached_pct and self.output_tokens == 0:
            raise ValueError("prefix_cached_pct|only a service that generates tokens keeps a prefix cache")
        if self.mean_requests_per_s is not None and self.mean_requests_per_s > self.peak_requests_per_s:
            raise ValueError("mean_requests_per_s|must not exceed peak_requests_per_s")
        if self.last_year is not None and self.last_year < self.first_year:
            raise ValueError("last_year|must not be before first_year")
        if self.output_tokens == 0 and (self.ttft_ms is not None or self.tpot_ms is not None):
            raise ValueError("output_tokens|a service with ttft_ms or tpot_ms must generate tokens")
        return self

    @property
    def begins(self) -> int:
        """The first year in which it runs."""
        return self.first_year


class Dataset(NamedRow):
    """Data that is stored."""

    size_tb: float = column("Size in year 1, before codec and protection.", gt=0, usual=(0.001, 1_000_000))
    dataset_tokens: float | None = column("Tokens that it holds; sets the epochs of a job.", default=None, gt=0)
    compressibility: Literal["none", "text", "image", "log"] = column(
        "What a lossless codec finds in it.", default="none"
    )
    hot_pct: float = column("Share that must lie on flash (nvme, ssd).", default=100.0, ge=0, le=100)
    growth_pct_per_year: float = column("Growth.", default=0.0, ge=-100, le=1000, usual=(-50, 200))
    retention_years: float | None = column("Years after which data is dropped; blank: kept.", default=None, gt=0)
    min_copies: int = column("Copies at different sites.", default=1, ge=1, le=20)
    sites: Names = column("Sites where copies may lie; blank: all.", default=(), refers_to="sites")
    origin: str | None = column(
        "Site where it is at first and where new data comes in; copies at other sites are moved from there over "
        "wan.csv. Blank: it arrives at every site by itself.",
        default=None,
        refers_to="sites",
    )
    requires: Names = column(
        "What storage must offer to hold it, and the checkpoints of jobs that read it.",
        default=(),
        choices=STORAGE_FEATURES,
    )
    max_annual_loss_probability: float = column(
        "Largest probability that drive failures lose some of it in a year, over all its copies. The default is once "
        "in 100,000 years: well below what fires, faulty software and operators cause, which copies at other sites "
        "answer.",
        default=1e-5,
        gt=0,
        le=1,
    )


class Region(Row):
    """The round trip from users to a site."""

    region: str = column("The users' region.")
    site: str = column("The site.", refers_to="sites")
    rtt_ms: float = column("Round-trip time.", ge=0, usual=(0, 400))


class WanLink(Row):
    """A link between sites over which copies of datasets are moved, in one direction."""

    from_site: str = column("Where it begins.", refers_to="sites")
    to_site: str = column("Where it ends.", refers_to="sites")
    gbps: float = column("Rate that is left for moving data.", gt=0, usual=(0.1, 10_000))
    usd_per_month: float = column("What the link costs in every month, if a design uses it.", default=0.0, ge=0)
    usd_per_gb: float = column("What moving a GB costs, beside the egress of the site.", default=0.0, ge=0)

    @model_validator(mode="after")
    def _two_sites(self) -> WanLink:
        if self.from_site == self.to_site:
            raise ValueError("to_site|must be another site than from_site")
        return self


class Offer(Row):
    """A row that may be bought or rented; a table named here is restricted to its offers."""

    table: Literal[
        "nodes", "fabrics", "storage", "racks", "power", "cooling", "software", "compression", "speculation"
    ] = column("The table that is restricted.")
    name: str = column("The row of that table.")
    site: str | None = column("Only at this site; blank: at every site.", default=None, refers_to="sites")
    price_usd: float | None = column("Price in place of the catalogue's.", default=None, ge=0)
    max_units: int | None = column(
        "Most units that can be had (at the site, or at all sites together).", default=None, ge=0
    )
    min_units: int | None = column("Fewest units, if any are bought.", default=None, ge=0)
    volume_units: Names = column(
        "Quantities from which the price changes, ascending; orders of all sites that the offer is for count together.",
        default=(),
    )
    volume_prices_usd: Names = column("The price from each of these quantities on.", default=())
    volume_rule: Literal["incremental", "all-units"] = column(
        "Whether a price is for the units beyond its quantity, or for the whole order.", default="incremental"
    )
    available_from_year: int = column("First year in which it can be bought.", default=1, ge=1)
    available_to_year: int | None = column(
        "Last year in which it can be bought; what stands then may stay. Blank: no end.", default=None, ge=1
    )
    price_change_pct_per_year: float = column(
        "Yearly change of the price, and of all prices by volume with it.", default=0.0, ge=-90, le=100
    )

    @model_validator(mode="after")
    def _price_breaks(self) -> Offer:
        if self.available_to_year is not None and self.available_to_year < self.available_from_year:
            raise ValueError("available_to_year|must not be before available_from_year")
        if len(self.volume_units) != len(self.volume_prices_usd):
            raise ValueError("volume_prices_usd|must have as many numbers as volume_units")
        for name, form, what in (
            ("volume_units", "[0-9]+", "whole number"),
            ("volume_prices_usd", r"[0-9]+(\.[0-9]+)?", "price"),
        ):
            for text in getattr(self, name):
                if not re.fullmatch(form, text):
                    raise ValueError(f"{name}|'{text}' is not a {what}")
        quantities = [1, *(int(text) for text in self.volume_units)]
        if any(after <= before for before, after in pairwise(quantities)):
            raise ValueError("volume_units|must ascend, from 2 on")
        return self

    @property
    def price_breaks(self) -> tuple[tuple[int, float], ...]:
        """(quantity from which, price) of each break."""
        return tuple(
            (int(units), float(price)) for units, price in zip(self.volume_units, self.volume_prices_usd, strict=True)
        )


class Existing(Row):
    """Equipment that is already there: it costs no capital."""

    site: str = column("Where it stands.", refers_to="sites")
    table: Literal["nodes", "switches", "storage", "racks", "power", "cooling"] = column("The table of its row.")
    name: str = column("The row.")
    units: int = column("How many.", ge=1)
    age_years: float | None = column(
        "Age at the start of year 1; it is gone at the end of its life, or bought again. Blank: it lasts the horizon.",
        default=None,
        ge=0,
        usual=(0, 20),
    )
