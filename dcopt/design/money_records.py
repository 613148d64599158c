"""What a design costs: the bill of materials, charges and cash by year, and what stands from when to when."""

from __future__ import annotations

from typing import Literal

from dcopt.design.record import Record

CAPITAL_CATEGORIES = ("nodes", "network", "storage", "racks", "power", "cooling", "building", "other")


RUNNING_CATEGORIES = (
    "energy",
    "demand",
    "support",
    "maintenance",
    "licences",
    "staff",
    "rent",
    "colocation",
    "water",
    "carbon",
    "processing",
    "transfer",
    "moving",
    "other",
)


class BomLine(Record):
    """A line of the bill of materials."""

    site: str
    year: int
    category: str
    table: str
    item: str
    quantity: float
    unit_price_usd: float
    total_usd: float
    order_by_day: float | None = None
    """Day by which it is ordered, from the start of year 1 (negative: before it); where lead times are planned with."""


class CashYear(Record):
    """Undiscounted cash of a year; purchases are made at the start of the year that they are listed under."""

    year: int
    capital_usd: float
    running_usd: float
    total_usd: float


class CostYear(Record):
    """A category in a year: the undiscounted cash, and its share of the TCO (all shares add up to ``tco_usd``).

    What a purchase is still worth at the horizon is taken off its share, not off the cash; what is sold is negative.
    """

    year: int
    kind: Literal["capital", "running"]
    category: str
    usd: float
    discounted_usd: float


class Cost(Record):
    """Discounted cost over the horizon by category, and the undiscounted cash of each year."""

    capital: dict[str, float]
    running: dict[str, float]
    cash_by_year: tuple[CashYear, ...]
    by_year: tuple[CostYear, ...] = ()


class FinanceYear(Record):
    """The money of a year.

    ``charge_usd`` is the annuity of everything that was bought and has not reached the end of its life;
    ``accelerator_hours`` are those of owned nodes all year and of rented ones while rented. Costs of an
    accelerator-hour, of a million tokens (in and out, services) and of a training run share charge and running cost by
    accelerator-hours; None where there are none. ``npv_usd`` is the present value of all cash up to the year's end.
    The after-tax figures are None where `tax_rate_pct` is blank.
    """

    year: int
    cash_usd: float
    charge_usd: float
    running_usd: float
    accelerator_hours: float
    usd_per_accelerator_hour: float | None
    usd_per_million_tokens: float | None
    usd_per_training_run: float | None
    npv_usd: float
    financed_cash_usd: float | None = None
    depreciation_usd: float | None = None
    after_tax_cash_usd: float | None = None
    after_tax_npv_usd: float | None = None


class FinancingCase(Record):
    """The present value of all cash after tax over the horizon, and the most cash of a year, by how purchases are paid.

    ``financing`` is buy, lease or loan, on the terms of the settings.
    """

    financing: str
    after_tax_npv_usd: float
    most_cash_usd: float


class AssetMove(Record):
    """A move to another site at the start of a year."""

    year: int
    site: str


class Asset(Record):
    """Units of a row that stand from the start of ``bought_year`` to the end of ``gone_year``.

    ``site`` is where they were bought; ``moves`` tells where they go from there, in order.
    ``bought_year`` 0 is what existed already. ``kept`` says that they are kept past their life instead of being bought
    again. ``resale_usd`` is what all of them bring at the end of ``gone_year``.
    """

    site: str
    category: str
    table: str
    name: str
    bought_year: int
    gone_year: int
    units: float
    unit_price_usd: float
    resale_usd: float
    kept: bool = False
    moves: tuple[AssetMove, ...] = ()

    def site_in(self, year: int) -> str:
        """Return the site at which they are in a year."""
        return next((move.site for move in reversed(self.moves) if move.year <= year), self.site)


class RebateRecord(Record):
    """Units that come new at the start of ``year`` and are paid below their list price, because of the order's volume.

    They are of those that stand to the end of ``gone_year`` (``kept`` past their life, or not).
    """

    site: str
    table: str
    name: str
    year: int
    gone_year: int
    kept: bool
    units: int
    unit_price_usd: float


class CommitmentRecord(Record):
    """Nodes rented at a cloud site for years: ``units`` of them from the start of ``first_year``.

    ``last_year`` is the last of the horizon in which they are there, ``usd_per_hour`` the price of one, ``upfront_usd``
    what is paid for all at the start, ``paid_usd`` all payments (what falls due beyond the horizon as it is settled).
    """

    name: str
    site: str
    node: str
    first_year: int
    last_year: int
    units: int
    usd_per_hour: float
    upfront_usd: float
    paid_usd: float


class ColocationRecord(Record):
    """kW under contract at a colocation site from the start of ``first_year`` to the end of ``last_year``.

    ``billed_kw`` has a number for each of these years, ``usd_per_kw_month`` is the fee of the first. ``exit_usd`` is
    what leaving before the term costs at the end of ``last_year`` (0: the term is over).
    """

    site: str
    first_year: int
    last_year: int
    contracted_kw: float
    billed_kw: tuple[float, ...]
    usd_per_kw_month: float
    exit_usd: float
