"""JSON Schema of every table, from the same declared columns as the reader, the documentation and ``dcopt init``."""

from __future__ import annotations

from typing import Any

from dcopt.problem.document import summary
from dcopt.problem.schema import Column, columns_of
from dcopt.problem.tables import TABLES
from dcopt.problem.tables.problem_rows import Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {"text": "string", "choice": "string", "int": "integer", "float": "number", "yesno": "boolean"}


def json_schema() -> dict[str, Any]:
    """Return the schema of a problem: an object of tables, each an array of rows; settings are one object.

    A blank cell is null. Units stand under ``x-unit``, references to other tables under ``x-refers-to``.
    """
    tables = {name: _table(name) for name in TABLES if name != "settings"}
    settings = _row(list(columns_of(Settings).values()), "The settings, one key each.")
    return {
        "$schema": DIALECT,
        "title": "dcopt problem",
        "type": "object",
        "additionalProperties": False,
        "properties": {"settings": settings, **tables},
    }


def _table(name: str) -> dict[str, Any]:
    table = TABLES[name]
    row = _row(list(columns_of(table.row).values()), summary(table.row))
    return {"type": "array", "items": row, "x-key": list(table.key)}


def _row(columns: list[Column], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": {column.name: _column(column) for column in columns},
        "required": [column.name for column in columns if column.required],
    }


def _column(column: Column) -> dict[str, Any]:
    """Return the schema of a cell; optional ones may be null."""
    kind: dict[str, Any] = {"type": _TYPES.get(column.kind, "array")}
    if column.kind == "names":
        kind["items"] = {"type": "string", **({"enum": list(column.choices)} if column.choices else {})}
    elif column.choices:
        kind["enum"] = list(column.choices)
    for word, bound in (("minimum", column.ge), ("exclusiveMinimum", column.gt), ("maximum", column.le)):
        if bound is not None:
            kind[word] = bound
    schema: dict[str, Any] = {"description": column.description}
    schema |= kind if column.required else {"anyOf": [kind, {"type": "null"}]}
    if not column.required and column.default is not None:
        schema["default"] = list(column.default) if isinstance(column.default, tuple) else column.default
    if column.unit:
        schema["x-unit"] = column.unit
    if column.refers_to:
        schema["x-refers-to"] = column.refers_to
    return schema
