"""Places, the users and the lines between them."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import NamedRow, Names, Row, YesNo, column
from dcopt.problem.tables.storage_rows import STORAGE_FEATURES

Redundancy = Literal["N", "N+1", "2N", "4N/3"]


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
