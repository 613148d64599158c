"""The tables: what each holds, its key, and the row class that declares its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dcopt.problem.columns import Row
from dcopt.problem.tables import building_rows as building
from dcopt.problem.tables import catalog_rows as catalog
from dcopt.problem.tables import problem_rows as problem
from dcopt.problem.tables import year_rows as yearly
from dcopt.problem.tables.day_rows import Profile
from dcopt.problem.tables.error_rows import PredictionError
from dcopt.problem.tables.measurement_rows import Measurement
from dcopt.problem.tables.power_rows import PowerCap
from dcopt.problem.tables.rent_rows import Commitment
from dcopt.problem.tables.study_rows import ScenarioCell, UncertainCell


@dataclass(frozen=True)
class Table:
    """One table: its name (and file ``NAME.csv``), its row class and the columns that are its key."""

    name: str
    row: type[Row]
    key: tuple[str, ...]
    is_catalog: bool = False
    patterns: tuple[str, ...] = ()
    """Columns of the key that say which rows of other tables are meant: '*' and '/' may stand in them."""

    @property
    def file(self) -> str:
        """The table's file in a problem folder."""
        return f"{self.name}.csv"

    def key_of(self, row: Any) -> str:
        """The key of a row as text; composite keys are joined by '/', blanks are '*'."""
        cells = (getattr(row, column) for column in self.key)
        return "/".join("*" if cell in (None, "") else str(cell) for cell in cells)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("settings", problem.Setting, ("key",)),
        Table("sites", problem.Site, ("name",)),
        Table("training", problem.TrainingJob, ("name",)),
        Table("inference", problem.Service, ("name",)),
        Table("datasets", problem.Dataset, ("name",)),
        Table("regions", problem.Region, ("region", "site")),
        Table("wan", problem.WanLink, ("from_site", "to_site")),
        Table("offers", problem.Offer, ("table", "name", "site")),
        Table("measurements", Measurement, ("id",)),
        Table("existing", problem.Existing, ("site", "table", "name")),
        Table("prices", yearly.YearPrice, ("table", "name", "year")),
        Table("demand", yearly.YearDemand, ("name", "year")),
        Table("ageing", yearly.Ageing, ("table", "name", "age_years")),
        Table("leads", yearly.LeadTime, ("table", "name", "site"), is_catalog=True),
        Table("moves", yearly.Move, ("table", "name", "from_site", "to_site")),
        Table("limits", yearly.YearLimit, ("site", "year")),
        Table("commitments", Commitment, ("name",)),
        Table("scenarios", ScenarioCell, ("scenario", "table", "name", "column"), patterns=("name",)),
        Table("uncertainty", UncertainCell, ("table", "name", "column"), patterns=("name",)),
        Table("tariffs", building.Tariff, ("site", "from_hour")),
        Table("solar", building.Solar, ("name",)),
        Table("halls", building.Hall, ("name",)),
        Table("adders", building.Adder, ("name",)),
        Table("accelerators", catalog.Accelerator, ("name",), is_catalog=True),
        Table("nodes", catalog.Node, ("name",), is_catalog=True),
        Table("switches", catalog.Switch, ("name",), is_catalog=True),
        Table("links", catalog.Link, ("name",), is_catalog=True),
        Table("transceivers", catalog.Transceiver, ("name",), is_catalog=True),
        Table("fabrics", catalog.Fabric, ("name",), is_catalog=True),
        Table("networks", catalog.SideNetwork, ("name",), is_catalog=True),
        Table("storage", catalog.Storage, ("name",), is_catalog=True),
        Table("protection", catalog.Protection, ("name",), is_catalog=True),
        Table("codecs", catalog.Codec, ("name",), is_catalog=True),
        Table("racks", catalog.Rack, ("name",), is_catalog=True),
        Table("power", catalog.PowerPart, ("name",), is_catalog=True),
        Table("cooling", catalog.CoolingUnit, ("name",), is_catalog=True),
        Table("software", catalog.Software, ("name",), is_catalog=True),
        Table("compression", catalog.Compression, ("name",), is_catalog=True),
        Table("speculation", catalog.SpeculativeDecoding, ("name",), is_catalog=True),
        Table("profiles", Profile, ("name",), is_catalog=True),
        Table("power_caps", PowerCap, ("accelerator", "name"), is_catalog=True),
        Table("prediction_errors", PredictionError, ("name",), is_catalog=True),
    )
}
