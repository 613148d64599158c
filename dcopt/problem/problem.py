"""A problem: the typed tables that everything else is computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dcopt.problem.columns import Row
from dcopt.problem.corrections import Correction
from dcopt.problem.findings import Finding
from dcopt.problem.islands import with_islands
from dcopt.problem.power_caps import with_capped
from dcopt.problem.tables.building_rows import Adder, Hall, Solar, Tariff
from dcopt.problem.tables.catalog_rows import (
    Accelerator,
    Codec,
    Compression,
    CoolingUnit,
    Fabric,
    Link,
    Node,
    PowerPart,
    Protection,
    Rack,
    SideNetwork,
    Software,
    SpeculativeDecoding,
    Storage,
    Switch,
    Transceiver,
)
from dcopt.problem.tables.day_rows import Profile
from dcopt.problem.tables.error_rows import PredictionError
from dcopt.problem.tables.measurement_rows import Measurement
from dcopt.problem.tables.power_rows import PowerCap
from dcopt.problem.tables.problem_rows import (
    Dataset,
    Existing,
    Offer,
    Region,
    Service,
    Settings,
    Site,
    TrainingJob,
    WanLink,
)
from dcopt.problem.tables.rent_rows import Commitment
from dcopt.problem.tables.study_rows import ScenarioCell, UncertainCell
from dcopt.problem.tables.year_rows import Ageing, LeadTime, Move, YearDemand, YearLimit, YearPrice

if TYPE_CHECKING:
    from dcopt.problem.model_config import ModelConfig

Tables = Mapping[str, Mapping[str, Row]]
"""Table name -> key -> row; a composite key is joined by '/', with '*' for a blank part."""

MODEL_CELLS = {
    "training": ("model", "teacher"),
    "inference": ("model",),
    "measurements": ("model",),
    "speculation": ("draft_model",),
}
"""The columns that name models, by table."""


@dataclass(frozen=True)
class Change:
    """One cell that ``--set`` changed: the cell's text before and after."""

    table: str
    key: str
    column: str
    old: str
    new: str


@dataclass(frozen=True)
class ModelFile:
    """A model's configuration as it was read: the name under which it travels, and the text of its file."""

    name: str
    text: str


@dataclass(frozen=True, eq=False)
class Problem:
    """A problem after reading, merging with the catalogue and ``--set``; two are equal if they ask the same.

    Attributes
    ----------
    path: the folder or workbook that was read.
    settings: the settings; a blank ``name`` has become the folder's name.
    tables: every table but the settings, in the order of the rows: the catalogue's first, then the user's.
    models: the model configurations, by the text in the ``model`` cell.
    model_files: the same configurations as text, by the same key.
    warnings: what is unusual, ordered by file and line.
    changes: the cells that ``--set`` changed, in the order of the options.
    corrections: rates that a simulation found too high (`dcopt.problem.corrections`).
    window: first and last year that are looked at; None: the horizon.
    is_staged: whether stocks are kept even where there is one purchase date.
    stood: (site, table, row) of what exists already, where the view of an epoch has no table of it.
    user_lines: where a row was read, ``file:line`` by (table, key); rows of the shipped catalogue are not in it.
    """

    path: Path
    settings: Settings
    tables: Tables
    models: Mapping[str, ModelConfig]
    model_files: Mapping[str, ModelFile]
    warnings: tuple[Finding, ...] = ()
    changes: tuple[Change, ...] = ()
    user_lines: Mapping[tuple[str, str], str] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    window: tuple[int, int] | None = None
    is_staged: bool = False
    stood: frozenset[tuple[str, str, str]] = frozenset()
    known: dict[object, Any] = field(default_factory=dict, init=False, repr=False)
    """What functions of the problem alone have answered before, by what was asked."""

    @property
    def years(self) -> range:
        """The years that are looked at: all of the horizon, or those of one epoch (`dcopt.problem.epochs`)."""
        first, last = self.window or (1, self.settings.horizon_years)
        return range(first, last + 1)

    @cached_property
    def site_ready_days(self) -> dict[str, float]:
        """What `dcopt.problem.lead` has worked out of this problem so far: the day on which each site is ready."""
        return {}

    @property
    def name(self) -> str:
        """The problem's name in reports and file names."""
        return self.settings.name

    def _travelling(self, row: Row, columns: Sequence[str]) -> dict[str, str]:
        """Return the names under which the models of a row travel, by column."""
        cells = {column: getattr(row, column) for column in columns}
        return {column: self.model_files[cell].name for column, cell in cells.items() if cell}

    def content(self) -> tuple[dict[str, Any], dict[str, dict[str, Row]], dict[str, str]]:
        """Return what the problem asks, without where it was read: settings, non-empty tables, models by name.

        Model cells that are paths are replaced by the name under which `dcopt.problem.write` writes the model.
        """
        settings = self.settings.model_dump(exclude={"catalog"})
        tables = {name: dict(rows) for name, rows in self.tables.items() if rows}
        for name, columns in MODEL_CELLS.items():
            rows = cast("dict[str, Any]", tables.get(name, {}))
            tables[name] = {key: row.model_copy(update=self._travelling(row, columns)) for key, row in rows.items()}
        return settings, tables, {file.name: file.text for file in self.model_files.values()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.content() == other.content()

    __hash__ = None  # type: ignore[assignment]

    @property
    def sites(self) -> Mapping[str, Site]:
        """Sites by name."""
        return cast("Mapping[str, Site]", self.tables["sites"])

    @property
    def training(self) -> Mapping[str, TrainingJob]:
        """Training jobs by name."""
        return cast("Mapping[str, TrainingJob]", self.tables["training"])

    @property
    def inference(self) -> Mapping[str, Service]:
        """Services by name."""
        return cast("Mapping[str, Service]", self.tables["inference"])

    @property
    def datasets(self) -> Mapping[str, Dataset]:
        """Datasets by name."""
        return cast("Mapping[str, Dataset]", self.tables["datasets"])

    @property
    def regions(self) -> Mapping[str, Region]:
        """Round trips by ``region/site``."""
        return cast("Mapping[str, Region]", self.tables["regions"])

    @property
    def wan(self) -> Mapping[str, WanLink]:
        """The links between sites, by ``from/to``."""
        return cast("Mapping[str, WanLink]", self.tables["wan"])

    @property
    def offers(self) -> Mapping[str, Offer]:
        """Offers by ``table/name/site`` (``*`` for a blank site)."""
        return cast("Mapping[str, Offer]", self.tables["offers"])

    @property
    def existing(self) -> Mapping[str, Existing]:
        """Existing equipment by ``site/table/name``."""
        return cast("Mapping[str, Existing]", self.tables["existing"])

    @property
    def prices(self) -> Mapping[str, YearPrice]:
        """Prices by ``table/name/year``."""
        return cast("Mapping[str, YearPrice]", self.tables["prices"])

    @property
    def demand(self) -> Mapping[str, YearDemand]:
        """Demand by ``name/year``."""
        return cast("Mapping[str, YearDemand]", self.tables["demand"])

    @property
    def ageing(self) -> Mapping[str, Ageing]:
        """What age does to a row, by ``table/name/age``."""
        return cast("Mapping[str, Ageing]", self.tables["ageing"])

    @property
    def leads(self) -> Mapping[str, LeadTime]:
        """Lead times by ``table/name/site`` (``*`` for a blank)."""
        return cast("Mapping[str, LeadTime]", self.tables["leads"])

    @property
    def moves(self) -> Mapping[str, Move]:
        """What may be moved between sites, by ``table/name/from/to`` (``*`` for a blank)."""
        return cast("Mapping[str, Move]", self.tables["moves"])

    @property
    def limits(self) -> Mapping[str, YearLimit]:
        """Limits that come in steps, by ``site/year``."""
        return cast("Mapping[str, YearLimit]", self.tables["limits"])

    @property
    def commitments(self) -> Mapping[str, Commitment]:
        """Ways to rent nodes for years, by name."""
        return cast("Mapping[str, Commitment]", self.tables["commitments"])

    @property
    def tariffs(self) -> Mapping[str, Tariff]:
        """Daily bands of electricity prices by ``site/from_hour``."""
        return cast("Mapping[str, Tariff]", self.tables["tariffs"])

    def vendor_of(self, node: str) -> str:
        """Return who sells a node: the row's vendor, or that of its accelerator."""
        return self.nodes[node].vendor or self.accelerators[self.nodes[node].accelerator].vendor

    def halls_at(self, site: str) -> list[Hall]:
        """Return the halls that may be built at a site."""
        return [hall for hall in self.halls.values() if hall.site == site]

    @property
    def solar(self) -> Mapping[str, Solar]:
        """On-site solar by name."""
        return cast("Mapping[str, Solar]", self.tables["solar"])

    @property
    def halls(self) -> Mapping[str, Hall]:
        """Halls by name."""
        return cast("Mapping[str, Hall]", self.tables["halls"])

    @property
    def adders(self) -> Mapping[str, Adder]:
        """What comes with a site by rule, by name."""
        return cast("Mapping[str, Adder]", self.tables["adders"])

    @property
    def measurements(self) -> Mapping[str, Measurement]:
        """Measured operating points by id."""
        return cast("Mapping[str, Measurement]", self.tables["measurements"])

    @property
    def scenarios(self) -> Mapping[str, ScenarioCell]:
        """Changes of scenarios by ``scenario/table/name/column``."""
        return cast("Mapping[str, ScenarioCell]", self.tables["scenarios"])

    @property
    def uncertainty(self) -> Mapping[str, UncertainCell]:
        """Uncertain cells by ``table/name/column``."""
        return cast("Mapping[str, UncertainCell]", self.tables["uncertainty"])

    @property
    def accelerators(self) -> Mapping[str, Accelerator]:
        """Chips by name."""
        return cast("Mapping[str, Accelerator]", self.tables["accelerators"])

    @cached_property
    def nodes(self) -> Mapping[str, Node]:
        """Nodes by name; with `power_caps` also each of them at every cap of its chip."""
        rows = cast("Mapping[str, Node]", self.tables["nodes"])
        return with_capped(rows, self.power_caps) if self.settings.power_caps else rows

    @property
    def power_caps(self) -> Mapping[str, PowerCap]:
        """Power caps by ``accelerator/name``."""
        return cast("Mapping[str, PowerCap]", self.tables["power_caps"])

    @property
    def switches(self) -> Mapping[str, Switch]:
        """Switches by name."""
        return cast("Mapping[str, Switch]", self.tables["switches"])

    @property
    def links(self) -> Mapping[str, Link]:
        """Links by name."""
        return cast("Mapping[str, Link]", self.tables["links"])

    @property
    def transceivers(self) -> Mapping[str, Transceiver]:
        """Transceivers by name."""
        return cast("Mapping[str, Transceiver]", self.tables["transceivers"])

    @cached_property
    def fabrics(self) -> Mapping[str, Fabric]:
        """Fabrics by name, with their further islands."""
        return with_islands(cast("Mapping[str, Fabric]", self.tables["fabrics"]))

    @property
    def networks(self) -> Mapping[str, SideNetwork]:
        """Networks beside the fabric of the accelerators, by name."""
        return cast("Mapping[str, SideNetwork]", self.tables["networks"])

    @property
    def storage(self) -> Mapping[str, Storage]:
        """Storage units by name."""
        return cast("Mapping[str, Storage]", self.tables["storage"])

    @property
    def protection(self) -> Mapping[str, Protection]:
        """Protections by name."""
        return cast("Mapping[str, Protection]", self.tables["protection"])

    @property
    def codecs(self) -> Mapping[str, Codec]:
        """Codecs by name."""
        return cast("Mapping[str, Codec]", self.tables["codecs"])

    @property
    def racks(self) -> Mapping[str, Rack]:
        """Racks by name."""
        return cast("Mapping[str, Rack]", self.tables["racks"])

    @property
    def power(self) -> Mapping[str, PowerPart]:
        """Parts of the power chain by name."""
        return cast("Mapping[str, PowerPart]", self.tables["power"])

    @property
    def cooling(self) -> Mapping[str, CoolingUnit]:
        """Cooling units by name."""
        return cast("Mapping[str, CoolingUnit]", self.tables["cooling"])

    @property
    def software(self) -> Mapping[str, Software]:
        """Frameworks and engines by name."""
        return cast("Mapping[str, Software]", self.tables["software"])

    @property
    def compression(self) -> Mapping[str, Compression]:
        """Model variants by name."""
        return cast("Mapping[str, Compression]", self.tables["compression"])

    @property
    def speculation(self) -> Mapping[str, SpeculativeDecoding]:
        """Ways of speculative decoding by name."""
        return cast("Mapping[str, SpeculativeDecoding]", self.tables["speculation"])

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """Daily profiles by name."""
        return cast("Mapping[str, Profile]", self.tables["profiles"])

    @property
    def prediction_errors(self) -> Mapping[str, PredictionError]:
        """How wrong predictions tend to be, by name of the group."""
        return cast("Mapping[str, PredictionError]", self.tables["prediction_errors"])
