"""The optional table of commitments: nodes rented at a cloud site for years, at a price of their own."""

from __future__ import annotations

from pydantic import model_validator

from dcopt.problem.columns import NamedRow, column


class Commitment(NamedRow):
    """A way to rent nodes at cloud sites for some years at once; once taken it is paid to its end."""

    node: str | None = column(
        "The node; blank: every node that has a rent (then with discount_pct).", default=None, refers_to="nodes"
    )
    site: str | None = column("Only at this cloud site; blank: at every one.", default=None, refers_to="sites")
    years: int = column("Term: it begins at the start of any year and is paid for so many.", ge=1, le=30, usual=(1, 5))
    usd_per_hour: float | None = column(
        "Price of a node in every hour of the term, used or not, if it begins in year 1; give this or discount_pct.",
        default=None,
        ge=0,
    )
    discount_pct: float | None = column(
        "What it is cheaper than rent_usd_per_hour; give this or usd_per_hour.", default=None, ge=0, le=100
    )
    upfront_pct: float = column(
        "Share of all that is paid for the term which is paid at its start; the rest at the end of each year in equal "
        "parts.",
        default=0.0,
        ge=0,
        le=100,
    )
    max_units: int | None = column(
        "Most nodes under this commitment at once, at each site and of each node that it is for.", default=None, ge=0
    )
    source: str = column("Where the price was read, or how it was estimated.", default="")
    as_of: str = column("When it was true (YYYY-MM or YYYY-MM-DD).", default="")

    @model_validator(mode="after")
    def _one_price(self) -> Commitment:
        if (self.usd_per_hour is None) == (self.discount_pct is None):
            raise ValueError("discount_pct|give either usd_per_hour or discount_pct, not both and not neither")
        if self.usd_per_hour is not None and self.node is None:
            raise ValueError("node|a price by the hour is that of one node: name it, or give discount_pct")
        return self
