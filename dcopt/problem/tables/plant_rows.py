"""What stands around the equipment: racks, the power chain and cooling."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import CatalogRow, Names, column


class Rack(CatalogRow):
    """A rack or immersion tank."""

    units: float = column("Height.", gt=0, le=100)
    max_kw: float = column("Most power in it.", gt=0, usual=(2, 250))
    max_kg: float | None = column("Most weight in it; blank: not checked.", default=None, gt=0)
    empty_kg: float = column("Weight of the empty rack.", default=0.0, ge=0)
    floor_m2: float | None = column(
        "Floor that bears it, for the load of the floor; blank: not checked.", default=None, gt=0, le=50
    )
    cooling: Literal["air", "rear-door", "liquid", "immersion"] = column("How its heat leaves.", default="air")
    price_usd: float = column("Price.", ge=0)
    lifetime_years: float = column("Lifetime.", default=10.0, gt=0, le=50)


class PowerPart(CatalogRow):
    """A part of the power chain."""

    role: Literal["transformer", "generator", "ups", "pdu"] = column("Its place in the chain.")
    kw: float = column("Load that one unit carries.", gt=0)
    efficiency_pct: float = column("Output ÷ input at full load.", default=100.0, gt=0, le=100, usual=(85, 100))
    efficiency_75_pct: float | None = column("The same at 75 % of full load.", default=None, gt=0, le=100)
    efficiency_50_pct: float | None = column("The same at 50 % of full load.", default=None, gt=0, le=100)
    efficiency_25_pct: float | None = column(
        "The same at 25 % of full load; where none of the three is given, the efficiency is the same at every load.",
        default=None,
        gt=0,
        le=100,
    )
    max_parallel: int | None = column(
        "Most units of one parallel block that carry load; with N+1 each block has one more. Blank: no limit.",
        default=None,
        ge=1,
    )
    battery_minutes: float | None = column(
        "Time that the batteries of a UPS carry its full load (longer at less); blank: has none.", default=None, gt=0
    )
    price_usd: float = column("Price.", ge=0)
    lifetime_years: float = column("Lifetime.", default=15.0, gt=0, le=60)

    @model_validator(mode="after")
    def _losses_rise(self) -> PowerPart:
        losses = [(0.0, 0.0), *((load, load * (100.0 / pct - 1.0)) for load, pct in self.efficiency_points)]
        slopes = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(losses)]
        if any(slope < -1e-12 for slope in slopes):
            raise ValueError(
                "efficiency_pct|the losses in kW must not fall where the load rises: check the efficiencies"
            )
        if any(after < before - 1e-12 for before, after in pairwise(slopes[1:])):
            message = "losses must rise ever faster with the load (as copper losses do): check the efficiencies by load"
            raise ValueError(f"efficiency_pct|{message}")
        return self

    @property
    def efficiency_points(self) -> tuple[tuple[float, float], ...]:
        """(share of full load, efficiency in %) of every efficiency that is given, ascending."""
        points = (
            (0.25, self.efficiency_25_pct),
            (0.5, self.efficiency_50_pct),
            (0.75, self.efficiency_75_pct),
            (1.0, self.efficiency_pct),
        )
        return tuple((load, pct) for load, pct in points if pct is not None)


class CoolingUnit(CatalogRow):
    """A unit that takes heat from racks, or rejects it outdoors."""

    kind: Literal["air", "rear-door", "liquid", "immersion", "heat-rejection"] = column("Which heat it takes.")
    kw: float = column("Heat that one unit takes.", gt=0)
    kw_per_kw: float = column(
        "Electricity for each kW of heat, mean of the year.", default=0.0, ge=0, le=2, usual=(0, 0.6)
    )
    design_kw_per_kw: float | None = column(
        "The same on the design day (for limits and the plant); blank: as kw_per_kw.", default=None, ge=0, le=2
    )
    economizer_kw_per_kw: float | None = column(
        "The same in hours without compressor (heat-rejection only); with the next two it replaces both figures above "
        "at sites that state mean_wet_bulb_c.",
        default=None,
        ge=0,
        le=2,
    )
    economizer_wet_bulb_c: float | None = column(
        "Wet bulb below which no compressor is needed; above it the electricity rises with the temperature lift.",
        default=None,
        ge=-40,
        le=45,
    )
    rated_wet_bulb_c: float | None = column("Wet bulb at which design_kw_per_kw holds.", default=None, ge=-40, le=60)
    max_parallel: int | None = column(
        "Most units of one group that carry load; with N+1 each group has one more. Blank: no limit.",
        default=None,
        ge=1,
    )
    max_rack_kw: float | None = column("Densest rack that it can cool; blank: no limit.", default=None, gt=0)
    water_l_per_kwh: float = column("Water evaporated for each kWh of heat.", default=0.0, ge=0, le=10)
    price_usd: float = column("Price.", ge=0)
    lifetime_years: float = column("Lifetime.", default=15.0, gt=0, le=60)
    serves: Names = column(
        "Kinds of units whose heat it can reject (heat-rejection only); blank: all.",
        default=(),
        choices=("air", "rear-door", "liquid", "immersion"),
    )

    @model_validator(mode="after")
    def _rejects(self) -> CoolingUnit:
        if self.serves and self.kind != "heat-rejection":
            raise ValueError(f"serves|only units of kind heat-rejection serve others, this one is {self.kind}")
        return self

    @model_validator(mode="after")
    def _economizer(self) -> CoolingUnit:
        if self.design_kw_per_kw is not None and self.design_kw_per_kw < self.kw_per_kw:
            raise ValueError("design_kw_per_kw|must not be less than kw_per_kw, the mean of the year")
        names = ("economizer_kw_per_kw", "economizer_wet_bulb_c", "rated_wet_bulb_c")
        given = [name for name in names if getattr(self, name) is not None]
        if not given:
            return self
        for name in (*names, "design_kw_per_kw"):
            if getattr(self, name) is None:
                raise ValueError(f"{name}|needed beside {given[0]}")
        if (self.rated_wet_bulb_c or 0.0) <= (self.economizer_wet_bulb_c or 0.0):
            raise ValueError("rated_wet_bulb_c|must be above economizer_wet_bulb_c")
        if (self.design_kw_per_kw or 0.0) < (self.economizer_kw_per_kw or 0.0):
            raise ValueError("design_kw_per_kw|must not be less than economizer_kw_per_kw")
        return self
