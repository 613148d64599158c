"""A cell's text to its value, with a message that says the cure where the text cannot be read."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

from dcopt.problem.columns import NAME_PATTERN
from dcopt.problem.findings import nearest
from dcopt.problem.schema import Column, number_text

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_SPACED = re.compile(r"[+-]?\d{1,3}([ '’_]\d{3})+(\.\d*)?", re.ASCII)
_CONTINENTAL = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d*", re.ASCII)
_WITH_UNIT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)\s*([^\d\s].{0,19})", re.ASCII)
_CURRENCY = "$€£¥"
_NO_VALUE = {"-", "--", "–", "—", "n/a", "na", "none", "null", "nil", "tbd", "?", "unlimited", "any", "default", "x"}
_INFINITE = {"nan", "inf", "+inf", "-inf", "infinity", "-infinity", "+infinity", "+nan", "-nan", "∞"}
SPREADSHEET_ERRORS = frozenset(
    {"#n/a", "#ref!", "#div/0!", "#value!", "#name?", "#num!", "#null!", "#spill!", "#calc!"}
)
"""What a formula that failed leaves in its cell, in lower case."""


class CellError(ValueError):
    """A cell that cannot be read: the message with its cure, what was expected, and the nearest known word."""

    def __init__(self, message: str, expected: str | None = None, nearest: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.nearest = nearest


def parse_cell(column: Column, text: str, *, is_key: bool = False) -> Any:
    """Return the value of a cell; a blank cell is the column's default.

    Parameters
    ----------
    column: the declared column.
    text: the cell, without surrounding blanks.
    is_key: whether the cell is part of the row's key, so that it must be a name.

    Raises
    ------
    CellError: the cell is blank and required, not of the column's type, or outside the physical range.
    """
    if not text:
        if column.required:
            raise CellError("is blank, and the column has no default: fill it in", column.expected)
        return column.default
    if column.kind == "choice":
        return _choice(column, text)
    if column.kind == "names":
        return tuple(_listed_name(column, name) for name in text.split())
    if column.kind == "yesno":
        return _yes_no(column, text)
    if column.kind == "text":
        if is_key:
            check_name(text)
        return text
    return _number(column, text)


def check_name(text: str) -> None:
    """Raise CellError where ``text`` is not a name (letters, digits, '.', '_' and '-')."""
    if NAME_PATTERN.fullmatch(text):
        return
    if text.lower() in SPREADSHEET_ERRORS:
        raise CellError("is an error of a spreadsheet formula: repair the formula and save again")
    cured = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-")
    cure = f": write '{cured}'" if cured else ""
    raise CellError(f"is not a name{cure}", "letters, digits, '.', '_' and '-'")


def unusual(column: Column, value: Any) -> str | None:
    """Return a sentence where a number lies outside the range that planners usually see, else None."""
    if column.usual is None or not isinstance(value, int | float):
        return None
    low, high = column.usual
    if low <= value <= high:
        return None
    unit = f" {column.unit}" if column.unit else ""
    return f"is unusual: most values lie between {number_text(low)} and {number_text(high)}{unit}; check the unit"


def _choice(column: Column, text: str) -> str:
    if text not in column.choices:
        raise CellError("is not known", column.expected, nearest(text, column.choices))
    return text


def _listed_name(column: Column, name: str) -> str:
    if not NAME_PATTERN.fullmatch(name):
        stripped = name.strip(",;|/")
        if stripped != name or "," in name or ";" in name or "|" in name:
            raise CellError("separate the names by spaces, not by commas or other signs", column.expected)
        raise CellError(f"'{name}' is not a name", "letters, digits, '.', '_' and '-'")
    if column.choices and name not in column.choices:
        raise CellError(f"'{name}' is not known", column.expected, nearest(name, column.choices))
    return name


def _yes_no(column: Column, text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        cure = {"true": "yes", "1": "yes", "y": "yes", "false": "no", "0": "no", "n": "no"}.get(text.lower())
        raise CellError(f"write {cure}" if cure else "write yes or no", column.expected)
    return text.lower() == "yes"


def _number(column: Column, text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise CellError(_number_cure(text), column.expected)
    value: int | float = float(text)
    if not math.isfinite(value):
        raise CellError("is too large for a number: write fewer digits", column.expected)
    if column.kind == "int":
        value = _whole(column, text)
    below = (column.gt is not None and value <= column.gt) or (column.ge is not None and value < column.ge)
    if below:
        raise CellError("is out of range (too low): check the value and its unit", column.expected)
    if column.le is not None and value > column.le:
        raise CellError("is out of range (too high): check the value and its unit", column.expected)
    return value


def _whole(column: Column, text: str) -> int:
    number = Decimal(text)
    if number and number.adjusted() > 15:
        raise CellError("is too large for a count: write a smaller number", column.expected)
    if number != number.to_integral_value():
        raise CellError("must be a whole number: write it without decimals", column.expected)
    return int(number)


def _number_cure(text: str) -> str:
    """Say how to repair a text that should have been a number."""
    lowered = text.lower()
    if lowered in _INFINITE:
        return "is not a number that can be used: write a figure, or leave the cell blank for the default"
    if lowered in SPREADSHEET_ERRORS:
        return "is an error of a spreadsheet formula: repair the formula and save again"
    if lowered in _NO_VALUE:
        return "is not a number: leave the cell blank for the default"
    if text.startswith("="):
        return "is a formula: save its value in place of it"
    bare = text.replace("\u00a0", " ").replace("\u202f", " ")
    if bare.startswith(("'", "’", "`")) and _NUMBER.fullmatch(bare[1:].strip()):
        return f"starts with an apostrophe, which a spreadsheet uses for text: write {bare[1:].strip()}"
    money = bare.strip(_CURRENCY + " ")
    if money != bare:
        return f"carries a currency sign: the currency is that of the column; write {_plain(money)}"
    if bare.endswith("%"):
        return f"carries a percent sign: columns that end with _pct are in percent; write {_plain(bare[:-1].strip())}"
    if _GROUPED.fullmatch(bare) or _SPACED.fullmatch(bare):
        return f"has separators between its digits: write {_plain(bare)}"
    if _CONTINENTAL.fullmatch(bare):
        return f"has a decimal comma: write {_plain(bare)}"
    unit = _WITH_UNIT.fullmatch(bare)
    if unit:
        return f"carries a unit ('{unit[2]}'): the unit is in the column's name; write the number alone, in that unit"
    return "is not a number: write digits with '.' as the decimal point"


def _plain(text: str) -> str:
    """Return the number that a text with separators or a decimal comma stands for."""
    if _GROUPED.fullmatch(text):
        return text.replace(",", "")
    if _CONTINENTAL.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return re.sub(r"[ '’_]", "", text)
