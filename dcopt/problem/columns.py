"""How a column of a table is declared: once, for the reader, the checks, the documentation and ``dcopt init``.

A table is a pydantic model (a `Row`) whose fields are its columns. The type says what a cell may hold, `column`
adds the description, the physical range (outside it: an error) and the usual range (outside it: a warning).
The unit is read from the suffix of the name, so it cannot disagree with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NAME_PATTERN = re.compile(r"[A-Za-z0-9._-]+")

UNIT_OF_SUFFIX: dict[str, str] = {
    "_usd_per_kw_month": "USD per kW and month",
    "_usd_per_kw_year": "USD per kW and year",
    "_usd_per_kwh": "USD per kWh",
    "_usd_per_kw": "USD per kW",
    "_usd_per_m3": "USD per m³",
    "_usd_per_t": "USD per t CO2",
    "_usd_per_core_hour": "USD per core and hour",
    "_usd_per_hour": "USD per hour",
    "_usd_per_gb": "USD per GB",
    "_usd_per_month": "USD per month",
    "_usd_per_tb_month": "USD per TB and month",
    "_usd_per_accelerator_year": "USD per accelerator and year",
    "_m3_per_year": "m³ per year",
    "_t_per_year": "t per year",
    "_pct_per_year": "% per year",
    "_per_year": "per year",
    "_per_s": "per s",
    "_kg_per_kwh": "kg CO2 per kWh",
    "_kw_per_kw": "kW per kW",
    "_l_per_kwh": "litres per kWh",
    "_gb_per_s": "GB/s",
    "_gb_per_s_core": "GB/s per core",
    "_requests_per_s": "requests/s",
    "_gbps": "Gbit/s",
    "_tflops": "TFLOP/s (dense)",
    "_tops": "TOP/s (dense)",
    "_kiops": "thousand I/O operations per second",
    "_kgco2": "kg CO2",
    "_kw": "kW",
    "_kg": "kg",
    "_gb": "GB (1e9 bytes)",
    "_tb": "TB (1e12 bytes)",
    "_usd": "USD",
    "_ms": "ms",
    "_us": "µs",
    "_s": "s",
    "_days": "days",
    "_day": "day of the year",
    "_years": "years",
    "_year": "year of the horizon",
    "_hours": "hours",
    "_pct": "%",
    "_bits": "bits",
    "_c": "°C",
    "_m": "m",
}


def unit_of(column_name: str) -> str:
    """Return the unit that the suffix of ``column_name`` stands for, or '' where it carries none."""
    for suffix in sorted(UNIT_OF_SUFFIX, key=len, reverse=True):
        if column_name.endswith(suffix) or column_name == suffix[1:]:
            return UNIT_OF_SUFFIX[suffix]
    return ""


def _split_names(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


def _yes_no(value: Any) -> Any:
    if isinstance(value, str) and value.strip().lower() in {"yes", "no"}:
        return value.strip().lower() == "yes"
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_split_names)]
"""A cell that lists names, separated by spaces."""

YesNo = Annotated[bool, BeforeValidator(_yes_no)]


def column(
    description: str,
    *,
    default: Any = ...,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    usual: tuple[float, float] | None = None,
    refers_to: str | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """Declare a column.

    Parameters
    ----------
    description: one sentence for the table reference and the error messages.
    default: what a blank cell means; without one the column is required.
    ge, gt, le: the physical range; outside it the cell is an error.
    usual: the range that planners see; outside it the cell is a warning.
    refers_to: the table whose names the cell (or each name of the list) must be one of.
    choices: the words that a list may hold, where it is not names of a table.
    """
    extra: dict[str, Any] = {}
    if usual is not None:
        extra["usual"] = list(usual)
    if refers_to is not None:
        extra["refers_to"] = refers_to
    if choices:
        extra["choices"] = list(choices)
    return Field(default, ge=ge, gt=gt, le=le, description=description, json_schema_extra=extra or None)


class Row(BaseModel):
    """A row of a table: frozen, no unknown columns, no ``nan`` or ``inf``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)


class NamedRow(Row):
    """A row whose key is its ``name``."""

    name: str = column("The row's name: letters, digits, '.', '_' and '-'.")


class CatalogRow(NamedRow):
    """A row of the catalogue: a part, with where its numbers come from."""

    source: str = column("Where the numbers were read, or how they were derived or estimated.", default="")
    as_of: str = column("When they were true (YYYY-MM or YYYY-MM-DD).", default="")
