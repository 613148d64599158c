"""The declared columns of a row class as plain records, for the reader, the documentation and ``dcopt init``."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dcopt.problem.columns import Row, unit_of

Kind = Literal["text", "choice", "int", "float", "yesno", "names"]


@dataclass(frozen=True)
class Column:
    """One declared column: what `dcopt.problem.columns.column` was told, and what follows from the type."""

    name: str
    kind: Kind
    required: bool
    default: Any
    description: str
    unit: str
    choices: tuple[str, ...]
    ge: float | None
    gt: float | None
    le: float | None
    usual: tuple[float, float] | None
    refers_to: str | None

    @property
    def expected(self) -> str:
        """What a cell may hold, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "names":
            return "names separated by spaces" + (f", of {', '.join(self.choices)}" if self.choices else "")
        if self.kind == "yesno":
            return "yes or no"
        if self.kind == "text":
            return f"a name of {self.refers_to}.csv" if self.refers_to else "text"
        return " ".join(filter(None, ("a whole number" if self.kind == "int" else "a number", self.range_text)))

    @property
    def range_text(self) -> str:
        """The physical range, such as ``> 0 and ≤ 100``; empty where there is none."""
        bounds = ((">", self.gt), ("≥", self.ge), ("≤", self.le))
        return " and ".join(f"{sign} {number_text(bound)}" for sign, bound in bounds if bound is not None)

    @property
    def default_text(self) -> str:
        """The cell that means the same as a blank one; empty where blank is a meaning of its own."""
        return "" if self.required else cell_text(self.default)


def number_text(value: float) -> str:
    """Return the shortest text that reads back as exactly ``value``, without a trailing ``.0``."""
    return repr(value).removesuffix(".0")


def cell_text(value: Any) -> str:
    """Return the cell that reads back as ``value`` (blank for None)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, tuple):
        return " ".join(value)
    return str(value)


@cache
def columns_of(row: type[Row]) -> dict[str, Column]:
    """Return the columns that a row class declares, in their order; where the numbers come from goes last."""
    names = sorted(row.model_fields, key=lambda name: name in ("source", "as_of"))
    return {name: _column(name, row.model_fields[name]) for name in names}


def _column(name: str, field: FieldInfo) -> Column:
    kind, choices = _kind(field.annotation)
    extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    bounds = {bound: _bound(field, bound) for bound in ("ge", "gt", "le")}
    usual = extra.get("usual")
    required = field.default is PydanticUndefined
    return Column(
        name=name,
        kind=kind,
        required=required,
        default=None if required else field.default,
        description=field.description or "",
        unit=unit_of(name) if kind in ("int", "float") else "",
        choices=tuple(extra.get("choices", choices)),
        usual=None if usual is None else (float(usual[0]), float(usual[1])),
        refers_to=extra.get("refers_to"),
        **bounds,
    )


def _bound(field: FieldInfo, bound: str) -> float | None:
    values = [getattr(item, bound) for item in field.metadata if getattr(item, bound, None) is not None]
    return values[0] if values else None


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        (annotation,) = (part for part in typing.get_args(annotation) if part is not type(None))
    if typing.get_origin(annotation) is Literal:
        return "choice", typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple:
        return "names", ()
    kinds: dict[Any, Kind] = {bool: "yesno", int: "int", float: "float", str: "text"}
    return kinds[annotation], ()
