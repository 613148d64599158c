"""The records of a design: what ``design.json`` holds, key by key.

Every list carries ``year``. Powers are peaks in kW, money is USD, times carry their unit in the name.
"""

from __future__ import annotations

from html import escape
from typing import Any

from pydantic import AliasChoices, ConfigDict, Field

from dcopt.design.money_records import (
    CAPITAL_CATEGORIES,
    RUNNING_CATEGORIES,
    Asset,
    AssetMove,
    BomLine,
    CashYear,
    ColocationRecord,
    CommitmentRecord,
    Cost,
    CostYear,
    FinanceYear,
    FinancingCase,
    RebateRecord,
)
from dcopt.design.plant_records import (
    DATA_PARTS,
    AdderRecord,
    CableRecord,
    CoolingRecord,
    ElevationRecord,
    HallRecord,
    ModuleRecord,
    NetworkRecord,
    PowerRecord,
    RackRecord,
    SideNetworkRecord,
    SiteRecord,
    Slot,
    SolarRecord,
    StorageRecord,
    TransferRecord,
)
from dcopt.design.proof_records import (
    BINDING_PCT,
    Baseline,
    Binding,
    ConfidenceCase,
    Foresight,
    NightCase,
    ProgressPoint,
    ResidualCase,
    RuleOfThumb,
    Status,
)
from dcopt.design.record import (
    Record,
)
from dcopt.design.work_records import (
    CalendarEntry,
    PoolRecord,
    PromiseRecord,
    Rejected,
    ServiceRecord,
    TrainingRecord,
)

__all__ = (
    "BINDING_PCT",
    "CAPITAL_CATEGORIES",
    "DATA_PARTS",
    "RUNNING_CATEGORIES",
    "SCHEMA_VERSION",
    "AdderRecord",
    "Asset",
    "AssetMove",
    "Baseline",
    "Binding",
    "BomLine",
    "CableRecord",
    "CalendarEntry",
    "CashYear",
    "ColocationRecord",
    "CommitmentRecord",
    "ConfidenceCase",
    "CoolingRecord",
    "Cost",
    "CostYear",
    "Design",
    "ElevationRecord",
    "FinanceYear",
    "FinancingCase",
    "Foresight",
    "HallRecord",
    "ModuleRecord",
    "NetworkRecord",
    "NightCase",
    "PoolRecord",
    "PowerRecord",
    "ProgressPoint",
    "PromiseRecord",
    "RackRecord",
    "RebateRecord",
    "Record",
    "Rejected",
    "ResidualCase",
    "RuleOfThumb",
    "ServiceRecord",
    "SideNetworkRecord",
    "SiteRecord",
    "Slot",
    "SolarRecord",
    "Status",
    "StorageRecord",
    "TrainingRecord",
    "TransferRecord",
    "pool_key",
)

SCHEMA_VERSION = 1


def pool_key(record: PoolRecord | TrainingRecord | ServiceRecord | NetworkRecord) -> str:
    """Return the pool that a record is of or runs on, ``site/node/fabric``, as the calendar names it."""
    return f"{record.site}/{record.node}/{record.fabric}"


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
    rebates: tuple[RebateRecord, ...] = ()
    commitments: tuple[CommitmentRecord, ...] = ()
    colocation: tuple[ColocationRecord, ...] = ()
    finance: tuple[FinanceYear, ...] = ()
    financing: tuple[FinancingCase, ...] = ()
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
            *((c.name, c.site, c.node, c.first_year, c.units) for c in self.commitments),
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
