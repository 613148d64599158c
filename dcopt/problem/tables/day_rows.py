"""The table of daily profiles: how the load of a service follows the hours of its users' day."""

from __future__ import annotations

import math

from pydantic import model_validator

from dcopt.problem.columns import CatalogRow, Names, column
from dcopt.problem.tables.building_rows import HOURS_PER_DAY


class Profile(CatalogRow):
    """The load of a service by hour of its users' day, as shares of the peak."""

    hourly: Names = column(
        "Load in each of the 24 hours of the users' day as a share of the peak, hour 0 first; the largest is 1."
    )

    @model_validator(mode="after")
    def _a_day(self) -> Profile:
        if len(self.hourly) != HOURS_PER_DAY:
            raise ValueError(f"hourly|has {len(self.hourly)} numbers, a day has {HOURS_PER_DAY} hours")
        for text in self.hourly:
            try:
                value = float(text)
            except ValueError:
                raise ValueError(f"hourly|'{text}' is not a number") from None
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise ValueError(f"hourly|{text} must be from 0 to 1 (share of the peak)")
        if max(self.shares) != 1.0:
            raise ValueError(
                f"hourly|the largest share is {max(self.shares):g}: divide all by it, so that the busiest hour is 1"
            )
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the peak by hour of the users' day."""
        return tuple(float(text) for text in self.hourly)

    @property
    def mean_share(self) -> float:
        """Mean over the day as a share of the peak."""
        return sum(self.shares) / HOURS_PER_DAY
