"""How much of what comes with a data centre by rule a site needs."""

from __future__ import annotations

import math
from collections.abc import Iterable

from dcopt.problem.tables.building_rows import Adder

_ROUNDING = 1e-9


def quantity_needed(adder: Adder, driver: float) -> float:
    """Return the least quantity of an adder at a site that is used: ratio·driver, the minimum, in whole steps.

    Raises ValueError for a negative driver.
    """
    if driver < 0:
        raise ValueError(f"a driver cannot be negative: {driver:g}")
    quantity = max(adder.ratio * driver, adder.minimum)
    if adder.step:
        quantity = adder.step * math.ceil(quantity / adder.step * (1.0 - _ROUNDING))
    return quantity


def adders_at(adders: Iterable[Adder], site: str) -> list[Adder]:
    """Return the adders that apply at a site (not a cloud)."""
    return [adder for adder in adders if adder.site in (None, site)]
