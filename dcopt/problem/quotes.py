"""Prices of vendors, read from a bill of materials that was filled in, as changes of a problem's prices.

A quote is the price of one unit of an item at a site: from the workbook that ``dcopt solve`` writes (its column
"quoted price (USD)", or its discount), or from a ``quotes.csv`` with the columns table, item, price_usd and, where
prices differ, site and year.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcopt.problem.findings import Finding, InputError, nearest
from dcopt.problem.problem import Problem
from dcopt.problem.schema import cell_text

LIST_HEADER = "list price (USD)"
QUOTE_HEADER = "quoted price (USD)"
DISCOUNT_HEADER = "discount"
CSV_COLUMNS = ("table", "item", "price_usd", "site", "year")


@dataclass(frozen=True)
class Quote:
    """The price of one unit, USD. ``site`` '' means every site, ``place`` is where it was read."""

    table: str
    item: str
    price_usd: float
    site: str
    year: int
    place: tuple[str, int]

    def finding(self, message: str, **details: Any) -> Finding:
        """Return an error about this quote."""
        file, line = self.place
        return Finding("error", file, message, line=line, **details)


def read_quotes(path: Path) -> tuple[Quote, ...]:
    """Return the quotes of a workbook or CSV file.

    Raises
    ------
    InputError: the file cannot be read, or a price in it is not one; without any quote it says so.
    """
    findings: list[Finding] = []
    if path.suffix.lower() == ".xlsx":
        quotes = list(_of_workbook(path, findings))
    elif path.suffix.lower() == ".csv":
        quotes = list(_of_csv(path, findings))
    else:
        raise InputError([Finding("error", str(path), "is neither .xlsx nor .csv: give the filled-in bom.xlsx")])
    if not quotes and not findings:
        cure = f"fill in the column '{QUOTE_HEADER}' of bom.xlsx, or price_usd of a quotes.csv, and save"
        findings.append(Finding("error", path.name, f"holds no quoted price: {cure}"))
    if findings:
        raise InputError(findings)
    return tuple(quotes)


def _of_workbook(path: Path, findings: list[Finding]) -> Iterator[Quote]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except Exception:  # openpyxl raises whatever a damaged archive or XML happens to cause
        findings.append(Finding("error", path.name, "is not a readable .xlsx workbook: save it again as .xlsx"))
        return
    for sheet in book.worksheets:
        rows = sheet.iter_rows(values_only=True)
        headers = [str(cell or "") for cell in next(rows, ())]
        if QUOTE_HEADER not in headers:
            continue
        file = f"{path.name}!{sheet.title}"
        for line, cells in enumerate(rows, 2):
            row = dict(zip(headers, cells, strict=False))
            price = row.get(QUOTE_HEADER)
            if not row.get("item"):
                continue
            if price in (None, "") and row.get(DISCOUNT_HEADER):
                listed = _number(row.get(LIST_HEADER), file, line, LIST_HEADER, findings)
                share = _number(row[DISCOUNT_HEADER], file, line, DISCOUNT_HEADER, findings)
                price = None if listed is None or share is None else listed * (1 - share)
            if price in (None, ""):
                continue
            value = _number(price, file, line, QUOTE_HEADER, findings)
            if value is not None:
                yield _quote(row, value, (file, line))


def _of_csv(path: Path, findings: list[Finding]) -> Iterator[Quote]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        findings.append(Finding("error", str(path), f"cannot be read ({error}): give a UTF-8 CSV file"))
        return
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in CSV_COLUMNS[:3] if name not in (reader.fieldnames or ())]
    if missing:
        expected = "columns table, item, price_usd and, where prices differ, site and year"
        findings.append(Finding("error", path.name, f"has no column {', '.join(missing)}", line=1, expected=expected))
        return
    for row in reader:
        line = reader.line_num
        if not (row.get("price_usd") or "").strip():
            continue
        value = _number(row["price_usd"], path.name, line, "price_usd", findings)
        if value is not None:
            yield _quote(row, value, (path.name, line))


def _quote(row: dict[str, Any], price: float, place: tuple[str, int]) -> Quote:
    year = str(row.get("year") or "1").strip()
    names = {name: str(row.get(name) or "").strip().removeprefix("'") for name in ("table", "item", "site")}
    return Quote(names["table"], names["item"], price, names["site"], int(year) if year.isdigit() else 1, place)


def _number(value: Any, file: str, line: int, column: str, findings: list[Finding]) -> float | None:
    try:
        number = float(str(value).replace(",", ""))
    except ValueError:
        number = -1.0
    if 0 <= number < 1e15:
        return number
    findings.append(
        Finding("error", file, "is not a price", line=line, column=column, value=str(value), expected="a number ≥ 0")
    )
    return None


def quote_sets(problem: Problem, quotes: Iterable[Quote]) -> tuple[str, ...]:
    """Return the quotes as changes, as ``--set`` writes them: of the offer that prices the item there, else its row.

    Raises
    ------
    InputError: an item is not known, priced by volume, or quoted at different prices where it has one.
    """
    findings: list[Finding] = []
    wanted: dict[str, tuple[float, Quote]] = {}
    for quote in _of_first_year(quotes):
        for cell, price in _cells(problem, quote, findings):
            known = wanted.setdefault(cell, (price, quote))
            if abs(known[0] - price) > 1e-9 * max(known[0], price):
                findings.append(
                    quote.finding(
                        f"{quote.item} has one price ({cell}) but is quoted at {known[0]:g} and {price:g}: "
                        "quote one price, or give each site a row in offers.csv",
                        value=f"{price:g}",
                    )
                )
    if findings:
        raise InputError(findings)
    shared = [cell for cell in wanted if cell.startswith("offers.") and "/*." in cell]
    kept = [text for cell in shared for text in _own_prices(problem, cell)]
    ordered = [*shared, *(cell for cell in wanted if cell not in shared)]
    first = [f"{cell}={cell_text(wanted[cell][0])}" for cell in ordered if cell in shared]
    return (*first, *kept, *(f"{cell}={cell_text(wanted[cell][0])}" for cell in ordered if cell not in shared))


def _of_first_year(quotes: Iterable[Quote]) -> list[Quote]:
    """Return the quotes of the first year in which an item is quoted at a site: later prices follow from the first."""
    listed = list(quotes)
    first: dict[tuple[str, str, str], int] = {}
    for quote in listed:
        key = (quote.table, quote.item, quote.site)
        first[key] = min(first.get(key, quote.year), quote.year)
    return [quote for quote in listed if quote.year == first[quote.table, quote.item, quote.site]]


def _cells(problem: Problem, quote: Quote, findings: list[Finding]) -> Iterator[tuple[str, float]]:
    """Yield the cells that hold the price of a quoted item, with the price of year 1."""
    rows = problem.tables.get(quote.table, {})
    if quote.item not in rows:
        known = nearest(quote.item, rows) if rows else nearest(quote.table, problem.tables)
        findings.append(quote.finding(f"{quote.table} has no row '{quote.item}'", value=quote.item, nearest=known))
        return
    if quote.table == "sites":
        yield f"sites.{quote.item}.build_usd_per_kw", quote.price_usd
        return
    offers = {
        key: offer for key, offer in problem.offers.items() if (offer.table, offer.name) == (quote.table, quote.item)
    }
    own = [key for key, offer in offers.items() if offer.site is not None and quote.site in ("", offer.site)]
    every = [key for key, offer in offers.items() if offer.site is None]
    keys = own if quote.site else [*own, *every]
    keys = keys or every
    if any(offers[key].price_breaks for key in keys):
        findings.append(
            quote.finding(
                f"{quote.item} is priced by volume in offers.csv: write the quoted prices there", column="item"
            )
        )
        return
    for key in keys:
        rate = 1 + (offers[key].price_change_pct_per_year or 0.0) / 100
        yield f"offers.{key}.price_usd", quote.price_usd / rate ** (quote.year - 1)
    if not keys:
        if "price_usd" not in type(rows[quote.item]).model_fields:
            findings.append(quote.finding(f"{quote.table} has no price", column="table", value=quote.table))
            return
        yield f"{quote.table}.{quote.item}.price_usd", quote.price_usd


def _own_prices(problem: Problem, cell: str) -> Iterator[str]:
    """Yield changes that give offers of one site back their price: '*' in a key means every row."""
    stem = cell.removeprefix("offers.").removesuffix("*.price_usd")
    for key, offer in problem.offers.items():
        if key.startswith(stem) and offer.site is not None:
            yield f"offers.{key}.price_usd={cell_text(offer.price_usd)}"
