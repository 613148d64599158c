"""The optional tables of years: prices and demand by year, what age does to equipment, limits that come in steps."""

from __future__ import annotations

from typing import Literal

from dcopt.problem.columns import Row, column

PRICED = Literal[
    "nodes",
    "switches",
    "links",
    "transceivers",
    "storage",
    "racks",
    "power",
    "cooling",
    "solar",
    "halls",
    "adders",
]


class YearPrice(Row):
    """The price of a row from a year on, before any offer's yearly change."""

    table: PRICED = column("The table of the row.")
    name: str = column("The row.")
    year: int = column("Year of the horizon from which the price holds, until the next row of the same name.", ge=1)
    price_usd: float = column("The price.", ge=0)
    source: str = column("Where the number was read, or how it was estimated.", default="")
    as_of: str = column("When it was true (YYYY-MM or YYYY-MM-DD).", default="")


class YearDemand(Row):
    """What is asked from a year on, in place of the growth of the row."""

    name: str = column("A service (inference.csv), a dataset (datasets.csv) or a job (training.csv).")
    year: int = column("Year of the horizon from which it holds, until the next row of the same name.", ge=1)
    peak_requests_per_s: float | None = column("Requests in the busiest minute (services).", default=None, gt=0)
    mean_requests_per_s: float | None = column(
        "Mean over the year (services); blank: in the proportion of inference.csv.", default=None, gt=0
    )
    size_tb: float | None = column("Size (datasets), before codec and protection.", default=None, gt=0)
    tokens: float | None = column("Tokens that one run trains on (jobs that give tokens).", default=None, gt=0)
    runs_per_year: int | None = column("Times it runs in a year (jobs).", default=None, ge=1, le=10_000)


class Ageing(Row):
    """What a unit of a row is at an age. Up to the last age that is given it may be kept past its lifetime."""

    table: Literal["nodes", "switches", "storage", "power", "cooling", "racks"] = column("The table of the row.")
    name: str | None = column("The row; blank: every row of the table that has no rows of its own.", default=None)
    age_years: int = column("Age at the end of the year of life that the row is about.", ge=1, le=40)
    resale_pct: float = column(
        "What it brings when it is sold at that age, of its price; linear between ages, 0 beyond the last.",
        default=0.0,
        ge=0,
        le=100,
    )
    maintenance_pct: float = column(
        "Maintenance in that year of life beyond the row's own, of its price.", default=0.0, ge=0, le=200
    )
    out_pct: float = column(
        "Share of the units that are out of service in that year beyond what spares cover; more units must stand.",
        default=0.0,
        ge=0,
        le=90,
    )
    source: str = column("Where the numbers were read, or how they were estimated.", default="")
    as_of: str = column("When they were true (YYYY-MM or YYYY-MM-DD).", default="")


class Move(Row):
    """Equipment that may be moved from one site to another at a purchase date; the most exact row counts."""

    table: Literal["nodes", "switches", "storage", "racks", "power", "cooling"] = column("The table of the row.")
    name: str | None = column("The row; blank: every row of the table that has no row of its own.", default=None)
    from_site: str | None = column("Where it stands; blank: any site.", default=None, refers_to="sites")
    to_site: str | None = column("Where it goes; blank: any site.", default=None, refers_to="sites")
    usd_per_unit: float = column(
        "What moving one unit costs (packing, transport, installation), at the prices of year 1.", default=0.0, ge=0
    )
    price_pct: float = column(
        "Beside that, share of the price that was paid for it (insurance, damage).", default=0.0, ge=0, le=100
    )
    source: str = column("Where the numbers were read, or how they were estimated.", default="")
    as_of: str = column("When they were true (YYYY-MM or YYYY-MM-DD).", default="")


class YearLimit(Row):
    """What a site has from a year on: a grid connection or a hall that comes in steps."""

    site: str = column("The site.", refers_to="sites")
    year: int = column("Year of the horizon from which it holds, until the next row of the site.", ge=1)
    power_kw: float | None = column("Limit of the grid draw at peak; blank: as before.", default=None, gt=0)
    positions: int | None = column("Rack positions; blank: as before.", default=None, ge=0)


LEAD_TABLES = Literal["nodes", "switches", "storage", "racks", "power", "cooling"]


class LeadTime(Row):
    """Days from the order of a row to its delivery; the most exact row counts: of the name before the table's."""

    table: LEAD_TABLES = column("The table of the row.")
    name: str | None = column("The row; blank: every row of the table that has no lead time of its own.", default=None)
    site: str | None = column(
        "Only at this site; blank: at every site that has none of its own.", default=None, refers_to="sites"
    )
    lead_days: float = column("Days from order to delivery.", ge=0, le=10_000, usual=(1, 1500))
    source: str = column("Where the number was read, or how it was estimated.", default="")
    as_of: str = column("When it was true (YYYY-MM or YYYY-MM-DD).", default="")
