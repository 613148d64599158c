"""How numbers, amounts and years are written in reports."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar


class HasYear(Protocol):
    """A record of one year."""

    @property
    def year(self) -> int:
        """Return the year, from 1."""


R = TypeVar("R", bound=HasYear)


def amount(value: float | None) -> str:
    """Write an amount of money: whole units, with cents only below 1,000; blank for None."""
    if value is None:
        return ""
    cents = abs(value) < 1000 and abs(value - round(value)) >= 0.005
    text = f"{value:,.2f}" if cents else f"{value:,.0f}"
    return "0" if text in ("-0", "-0.00") else text


def usd(value: float) -> str:
    """Write an amount with its currency."""
    return f"USD {amount(value)}"


def price(value: float) -> str:
    """Write a unit price: with cents wherever it has some."""
    text = f"{value:,.2f}"
    return text.removesuffix(".00")


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with about ``digits`` significant digits, never fewer than its whole part; blank for None."""
    if value is None:
        return ""
    if abs(value - round(value)) < 1e-9 * max(1.0, abs(value)):
        return f"{round(value):,}"
    size = abs(value)
    if size < 1:
        return f"{value:.{digits}g}"
    decimals = digits - 1
    while decimals > 0 and size >= 10:
        size /= 10
        decimals -= 1
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None, digits: int = 3) -> str:
    """Write a share (1 = all) in percent, '< 0.001 %' for the tiniest; blank for None."""
    if share is None:
        return ""
    return "< 0.001 %" if 0 < share < 1e-5 else f"{number(100 * share, digits)} %"


def count(quantity: float, singular: str, plural: str = "") -> str:
    """Write a quantity with its noun."""
    return f"{number(quantity)} {singular if quantity == 1 else plural or singular + 's'}"


def years_text(years: Iterable[int]) -> str:
    """Write years as ranges: '1-3, 5'."""
    runs: list[list[int]] = []
    for year in sorted(set(years)):
        if runs and year == runs[-1][1] + 1:
            runs[-1][1] = year
        else:
            runs.append([year, year])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def merged_years(records: Sequence[R], cells: Callable[[R], tuple[str, ...]]) -> list[tuple[str, tuple[str, ...]]]:
    """Return (years, cells) with the records that read the same in several years written once.

    Records that read the same within one year stay apart, so that nothing is lost from a sum.
    """
    years: dict[tuple[tuple[str, ...], int], list[int]] = {}
    seen: dict[tuple[tuple[str, ...], int], int] = {}
    for record in records:
        shown = cells(record)
        nth = seen.get((shown, record.year), 0)
        seen[(shown, record.year)] = nth + 1
        years.setdefault((shown, nth), []).append(record.year)
    return [(years_text(when), shown) for (shown, _), when in years.items()]


def named_years(records: Sequence[R], cells: Callable[[R], tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the rows of `merged_years` as (first cell, years, other cells), those of one first cell together."""
    return together([(shown[0], years, *shown[1:]) for years, shown in merged_years(records, cells)])


def together(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return rows in the order in which their first cells first come, those of one first cell together."""
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        first.setdefault(row[0], place)
    return sorted(rows, key=lambda row: first[row[0]])


def year_groups(records: Sequence[R], identity: Callable[[R], object]) -> list[tuple[str, list[R]]]:
    """Return (years, records of the first of them) for each group of years whose records are all the same."""
    by_year: dict[int, list[R]] = {}
    for record in records:
        by_year.setdefault(record.year, []).append(record)
    groups: dict[tuple[object, ...], list[int]] = {}
    for year in sorted(by_year):
        groups.setdefault(tuple(identity(record) for record in by_year[year]), []).append(year)
    return [(years_text(years), by_year[years[0]]) for years in groups.values()]


def nice_ceiling(value: float) -> float:
    """Return a round number (1, 2, 2.5, 5 or 10 times a power of ten) that is at least ``value``, which is above 0."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * (1 - 1e-12))
