"""What is wanted: training jobs, services and the data that they use."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import NamedRow, Names, YesNo, column
from dcopt.problem.tables.compute_rows import PRECISIONS
from dcopt.problem.tables.software_rows import ENGINE_FEATURES
from dcopt.problem.tables.storage_rows import STORAGE_FEATURES


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
