"""What may be bought at which price, and what is there already."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import Names, Row, column


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
