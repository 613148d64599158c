"""The settings of a problem."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import Names, Row, YesNo, column


class Setting(Row):
    """One setting of the problem."""

    key: str = column("The setting's name; the keys are listed below.")
    value: str = column("Its value.")
    note: str = column("A remark of yours; not read.", default="")


class Settings(Row):
    """All settings, as read from the rows of `settings.csv`."""

    name: str = column("The problem's name in reports.", default="")
    horizon_years: int = column("Years of operation that are paid for.", default=5, ge=1, le=30, usual=(1, 15))
    discount_rate_pct: float = column(
        "Nominal rate at which later costs are discounted.", default=8.0, ge=0, le=100, usual=(0, 20)
    )
    objective: Literal["tco", "capex", "energy", "carbon"] = column("What is minimized.", default="tco")
    capex_limit_usd: float | None = column("Limit of all purchases, undiscounted.", default=None, ge=0)
    carbon_limit_t_per_year: float | None = column("Limit of operational carbon in each year.", default=None, ge=0)
    carbon_price_usd_per_t: float = column("Price of operational carbon.", default=0.0, ge=0, usual=(0, 500))
    spare_target_pct: float = column(
        "Probability with which the spares of a pool cover its failed nodes.", default=99.0, gt=0, le=99.99999
    )
    staff_usd_per_kw_year: float = column("Operating staff, for each kW of peak IT load.", default=0.0, ge=0)
    residual_pct: float = column(
        "What equipment is worth at the end of the horizon: 100 = its annuity book value, 0 = nothing.",
        default=100.0,
        ge=0,
        le=100,
    )
    schedulable_pct: float = column(
        "Share of the year's node-days that jobs may be planned on.", default=85.0, gt=0, le=100, usual=(50, 100)
    )
    cost_inflation_pct: float = column(
        "Yearly increase of all running costs, nominal.", default=0.0, ge=-50, le=100, usual=(-10, 15)
    )
    energy_inflation_pct: float | None = column(
        "Yearly increase of electricity prices; blank: as cost_inflation_pct.", default=None, ge=-50, le=100
    )
    rent_inflation_pct: float | None = column(
        "Yearly increase of rents; blank: as cost_inflation_pct.", default=None, ge=-50, le=100
    )
    max_vendor_pct: float = column(
        "Largest share of the bought nodes of all sites that one vendor may deliver.", default=100.0, gt=0, le=100
    )
    embodied_limit_t: float | None = column(
        "Limit of the carbon of making all nodes that are bought.", default=None, ge=0
    )
    survive_failures: int = column(
        "Drive failures at once that the protection of owned storage must survive.", default=2, ge=1, le=10
    )
    racks_per_row: int = column(
        "Racks of a row, the one with its switches included; decides which cables leave the row "
        "(default: an estimate, about 12 m).",
        default=16,
        ge=2,
        le=200,
        usual=(6, 40),
    )
    cpu_usd_per_core_hour: float = column(
        "Price of a CPU core that packs and unpacks stored data "
        "(default: Nebius, 0.0248 a vCPU, skypilot-catalog nebius/vms.csv, 2025).",
        default=0.0248,
        ge=0,
    )
    purchase_years: Names = column(
        "Years at whose start equipment may be bought, beginning with 1; 'all': every year. With 1 alone everything is "
        "bought once for the whole horizon.",
        default=("1",),
    )
    recabling_usd_per_link: float = column(
        "What it costs to lead a link anew where a fabric grows past a tier of switches between two purchase dates "
        "(default: an estimate, half of the USD 150 that a fibre drop costs with its material: costowl.com, fiber "
        "optic cabling, 15 to 30 thousand for 100 to 200 drops).",
        default=75.0,
        ge=0,
        usual=(0, 1000),
    )
    order_day: float | None = column(
        "Day, counted from the start of year 1 (negative: before it), on which the first orders can be placed and "
        "building can begin: what cannot stand in time by leads.csv, construction_days and commissioning_days serves "
        "only from the day on which it does. Blank: everything is ordered early enough.",
        default=None,
        ge=-10_000,
        le=10_000,
        usual=(-2000, 365),
    )
    power_caps: YesNo = column(
        "Whether nodes at sites that are not rented may be run at the caps of power_caps.csv (yes, no).", default=False
    )
    tax_rate_pct: float | None = column(
        "Tax on profits, for the after-tax view of the report; blank: no such view.", default=None, ge=0, le=90
    )
    depreciation: Literal["straight-line", "declining"] = column(
        "How purchases are written off for tax.", default="straight-line"
    )
    depreciation_years: int = column(
        "Years over which they are written off, the rest in the last year of the horizon (default: the US five-year "
        "class of computers, IRS Publication 946).",
        default=5,
        ge=1,
        le=40,
    )
    financing: Literal["buy", "lease", "loan"] = column("How purchases are paid for in that view.", default="buy")
    financing_rate_pct: float | None = column(
        "Yearly rate of the lease or loan; blank: discount_rate_pct.", default=None, ge=0, le=100
    )
    financing_years: int = column(
        "Term of the lease or loan, paid in equal parts at each year's end; what is owed at the end of the horizon is "
        "paid then.",
        default=4,
        ge=1,
    )
    lease_residual_pct: float = column(
        "Share of the price that is still to be paid at the end of a lease, for which the equipment is kept.",
        default=10.0,
        ge=0,
        le=100,
    )
    confidence_pct: float | None = column(
        "Probability with which all promises together are kept in spite of errors of prediction; blank: predictions "
        "are taken as they are, without a margin.",
        default=None,
        ge=50,
        le=99.9,
    )
    mip_gap: float = column("Relative gap at which the solver may stop.", default=1e-4, ge=0, le=1)
    time_limit_s: float = column("Time that the main solve may take.", default=300.0, gt=0)
    catalog: Literal["default", "none"] = column("'none' leaves the shipped catalogue out.", default="default")

    @model_validator(mode="after")
    def _purchase_years(self) -> Settings:
        if self.purchase_years == ("all",):
            return self
        if not all(re.fullmatch("[0-9]+", text) for text in self.purchase_years):
            raise ValueError("purchase_years|give years of the horizon, such as '1 4 7', or 'all'")
        years = [int(text) for text in self.purchase_years]
        if years[:1] != [1] or any(after <= before for before, after in pairwise(years)):
            raise ValueError("purchase_years|must ascend from 1, the year in which the first equipment is bought")
        if years[-1] > self.horizon_years:
            raise ValueError(f"purchase_years|lies beyond the horizon of {self.horizon_years} years")
        return self

    @property
    def purchase_dates(self) -> tuple[int, ...]:
        """The years at whose start equipment may be bought, ascending from 1."""
        if self.purchase_years == ("all",):
            return tuple(range(1, self.horizon_years + 1))
        return tuple(int(text) for text in self.purchase_years)
