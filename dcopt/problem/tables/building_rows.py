"""The optional tables of a building: its halls, what its electricity costs by the hour, and what else comes with it."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import NamedRow, Names, Row, column

HOURS_PER_DAY = 24


class Tariff(Row):
    """A daily band of electricity prices; in hours outside all bands `electricity_usd_per_kwh` of the site holds."""

    site: str = column("The site.", refers_to="sites")
    from_hour: int = column("Hour of the day in which it begins.", ge=0, le=23)
    to_hour: int = column("Hour before which it ends; one before from_hour means the next day.", ge=0, le=24)
    band_usd_per_kwh: float = column("Price of electricity in the band.", ge=0, le=5, usual=(0.01, 0.6))

    @model_validator(mode="after")
    def _some_hours(self) -> Tariff:
        if self.to_hour % HOURS_PER_DAY == self.from_hour and self.to_hour != HOURS_PER_DAY:
            raise ValueError("to_hour|must differ from from_hour (a band of the whole day is 0 to 24)")
        return self

    @property
    def hours(self) -> tuple[int, ...]:
        """The hours of the day that the band covers."""
        end = self.to_hour if self.to_hour > self.from_hour else self.to_hour + HOURS_PER_DAY
        return tuple(hour % HOURS_PER_DAY for hour in range(self.from_hour, end))


class Solar(NamedRow):
    """On-site solar power that may be built at owned and edge sites; what exceeds the load of an hour is lost."""

    site: str | None = column(
        "Where it may be built; blank: at every owned or edge site.", default=None, refers_to="sites"
    )
    kw: float = column("Peak power of one unit.", gt=0)
    hourly_yield: Names = column("Mean kW of each kW of peak in the 24 hours of the year's mean day, hour 0 first.")
    max_units: int = column("Most units at a site (roof, land).", ge=0, le=1_000_000)
    price_usd: float = column("Price of one unit, installed.", ge=0)
    maintenance_pct_per_year: float = column("Maintenance, of the price.", default=1.0, ge=0, le=100)
    lifetime_years: float = column("Lifetime.", default=25.0, gt=0, le=60)
    source: str = column("Where the numbers were read, or how they were estimated.", default="")
    as_of: str = column("When they were true (YYYY-MM or YYYY-MM-DD).", default="")

    @model_validator(mode="after")
    def _a_day(self) -> Solar:
        if len(self.hourly_yield) != HOURS_PER_DAY:
            raise ValueError(f"hourly_yield|has {len(self.hourly_yield)} numbers, a day has {HOURS_PER_DAY} hours")
        for text in self.hourly_yield:
            try:
                value = float(text)
            except ValueError:
                raise ValueError(f"hourly_yield|'{text}' is not a number") from None
            if not (0 <= value <= 1 and math.isfinite(value)):
                raise ValueError(f"hourly_yield|{text} must be from 0 to 1 (kW of each kW of peak)")
        return self

    @property
    def yields(self) -> tuple[float, ...]:
        """kW of each kW of peak by hour of the day."""
        return tuple(float(text) for text in self.hourly_yield)


class Hall(NamedRow):
    """A hall that may be built at a site; a site with halls is housed in them and pays no `build_usd_per_kw`."""

    site: str = column("Where it may be built.", refers_to="sites")
    kw: float = column("Peak IT load that it houses.", gt=0)
    positions: int = column("Rack positions.", ge=1)
    floor_kg_per_m2: float | None = column("Load that its floor carries; blank: not checked.", default=None, gt=0)
    max_units: int = column("Most halls of this kind.", default=1, ge=0, le=1000)
    price_usd: float = column("Price of one hall: shell, land, fit-out.", ge=0)
    lifetime_years: float = column("Lifetime.", default=20.0, gt=0, le=100)
    build_months: float = column(
        "Time to build it; planned with where settings.csv states order_day, else only reported.",
        default=0.0,
        ge=0,
        le=240,
    )


class Adder(NamedRow):
    """What comes with a data centre by rule: login nodes, spare parts, installation, insurance, staff and the like.

    Its quantity at a site is `ratio` times the driver, at least `minimum` where anything stands there, in whole
    `step`s. With the driver `capital` (all other purchases at the site, USD) a quantity is a sum of money:
    `price_usd` 1 makes it a purchase, `usd_per_year` 1 a yearly cost.
    """

    site: str | None = column(
        "Where it applies; blank: at every site but cloud sites.", default=None, refers_to="sites"
    )
    driver: Literal["site", "nodes", "requests_per_s", "racks", "it_kw", "capital"] = column(
        "What it follows: the site itself (1), its nodes, the requests/s of its services at their peaks, its racks, "
        "peak IT kW, or purchases in USD."
    )
    ratio: float = column("Quantity for each unit of the driver.", ge=0)
    minimum: float = column("Least quantity at a site that is used.", default=0.0, ge=0)
    step: float = column("Quantities are whole multiples of this; 0: any quantity.", default=0.0, ge=0)
    price_usd: float = column("Price of one unit.", default=0.0, ge=0)
    usd_per_year: float = column("Yearly cost of one unit.", default=0.0, ge=0)
    lifetime_years: float = column("Lifetime.", default=5.0, gt=0, le=100)
    kw_each: float = column(
        "Power of one unit, drawn all year (drivers site, nodes and requests_per_s).", default=0.0, ge=0
    )
    rack_units_each: float = column(
        "Height of one unit in the racks for switches and storage.", default=0.0, ge=0, le=60
    )
    note: str = column("A remark of yours; not read.", default="")

    @model_validator(mode="after")
    def _equipment(self) -> Adder:
        if self.driver not in ("site", "nodes", "requests_per_s") and (self.kw_each or self.rack_units_each):
            name = "kw_each" if self.kw_each else "rack_units_each"
            raise ValueError(f"{name}|only what follows site, nodes or requests_per_s can draw power or take space")
        if self.rack_units_each and not self.step:
            raise ValueError("step|needed for what stands in racks: write 1 for whole units")
        if not (self.price_usd or self.usd_per_year or self.kw_each or self.rack_units_each):
            raise ValueError("price_usd|give a price, a yearly cost or a power: this row would do nothing")
        return self
