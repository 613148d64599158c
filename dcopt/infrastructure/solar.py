"""What on-site solar gives in the hours of a mean day, and what electricity costs in them.

In each hour a site uses the lesser of its load and the yield.
The mean day hides seasons: a plant whose summer noon exceeds the load loses somewhat more than is counted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dcopt.problem.tables.building_rows import HOURS_PER_DAY, Solar, Tariff


def hourly_prices(base_usd_per_kwh: float, tariffs: Iterable[Tariff]) -> tuple[float, ...]:
    """Return the price of each hour of the day: that of its band, else the base price, USD/kWh."""
    prices = [base_usd_per_kwh] * HOURS_PER_DAY
    for tariff in tariffs:
        for hour in tariff.hours:
            prices[hour] = tariff.band_usd_per_kwh
    return tuple(prices)


def overlapping_hours(tariffs: Iterable[Tariff]) -> tuple[int, ...]:
    """Return the hours that more than one band covers."""
    seen: dict[int, int] = {}
    for tariff in tariffs:
        for hour in tariff.hours:
            seen[hour] = seen.get(hour, 0) + 1
    return tuple(hour for hour, times in sorted(seen.items()) if times > 1)


def solar_rows_at(rows: Iterable[Solar], site: str, kind: str) -> list[Solar]:
    """Return the solar rows that may be built at a site: only on what is one's own."""
    return [row for row in rows if row.site in (None, site)] if kind in ("owned", "edge") else []


def solar_kw(units: Sequence[tuple[Solar, float]], hour: int) -> float:
    """Return what units give in an hour of the mean day, kW."""
    return sum(row.kw * row.yields[hour] * count for row, count in units)


def used_kw(units: Sequence[tuple[Solar, float]], load_kw: Sequence[float]) -> tuple[float, ...]:
    """Return what the loads of the 24 hours use of it in each hour of the mean day, kW."""
    return tuple(min(load_kw[hour], solar_kw(units, hour)) for hour in range(HOURS_PER_DAY))
