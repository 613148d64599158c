"""Scenarios from ranges (``--vary``) and from the table ``scenarios.csv``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from dcopt.problem.findings import InputError
from dcopt.problem.overrides import SetError, parse_set
from dcopt.problem.parse import parse_table
from dcopt.problem.read import read_csv
from dcopt.problem.tables.study_rows import ScenarioCell
from dcopt.study.records import Scenario

BASE = "base"
"""The scenario without changes, which others are compared with."""


class VaryError(ValueError):
    """A ``--vary`` that is not understood; the text says what was expected."""


@dataclass(frozen=True)
class Vary:
    """A cell and the values that it takes, as text for ``--set``."""

    cell: str
    operator: str
    values: tuple[str, ...]

    def sets(self, value: str) -> tuple[str, ...]:
        """Return the change to ``value``."""
        return (f"{self.cell}{self.operator}{value}",)


def parse_vary(text: str) -> Vary:
    """Take a ``--vary`` apart: ``CELL=LOW:HIGH:COUNT`` (evenly spaced), or ``CELL=A,B,C``; ``*=`` and ``+=`` as well.

    Raises
    ------
    VaryError: the text does not have that form.
    """
    try:
        change = parse_set(text)
    except SetError as error:
        raise VaryError(str(error)) from None
    if ":" in change.value:
        values = _evenly(text, change.value)
    else:
        values = tuple(word.strip() for word in change.value.split(","))
    if not all(values) or len(set(values)) != len(values):
        raise VaryError(f"--vary {text}: the values are blank or stand twice; write CELL=LOW:HIGH:COUNT or CELL=A,B,C")
    return Vary(change.cell, change.operator, values)


def _evenly(text: str, value: str) -> tuple[str, ...]:
    try:
        low_text, high_text, count_text = value.split(":")
        low, high, count = float(low_text), float(high_text), int(count_text)
    except ValueError:
        raise VaryError(f"--vary {text}: write a range as LOW:HIGH:COUNT, such as 0.04:0.20:9") from None
    if count < 2 or not (math.isfinite(low) and math.isfinite(high)) or low == high:
        raise VaryError(f"--vary {text}: a range needs two different ends and a count of at least 2")
    return tuple(f"{low + (high - low) * index / (count - 1):.12g}" for index in range(count))


def heading(cell: str, operator: str) -> str:
    """Return what a column of values of a cell is called: they replace what stands there, or multiply or add to it."""
    return cell if operator == "=" else f"{cell} {operator}"


def grid(varied: Sequence[Vary]) -> tuple[Scenario, ...]:
    """Return a scenario for each combination of the values, the last cell varying fastest."""
    scenarios = []
    for values in product(*(vary.values for vary in varied)):
        pairs = list(zip(varied, values, strict=True))
        inputs = {heading(vary.cell, vary.operator): as_cell(v) for vary, v in pairs}
        name = ", ".join(f"{vary.cell}{vary.operator}{value}" for vary, value in pairs)
        sets = tuple(text for vary, value in pairs for text in vary.sets(value))
        scenarios.append(Scenario(name=name, sets=sets, inputs=inputs))
    return tuple(scenarios)


def as_cell(text: str) -> float | str:
    """Return a number where the text is one."""
    try:
        return float(text)
    except ValueError:
        return text


def scenarios_of(rows: Iterable[ScenarioCell]) -> tuple[Scenario, ...]:
    """Return the scenarios of a table, the one without changes first, each with its changes in the table's order."""
    sets: dict[str, list[str]] = {}
    for row in rows:
        sets.setdefault(row.scenario, []).append(row.as_set)
    named = [Scenario(name=name, sets=tuple(changes)) for name, changes in sets.items()]
    return tuple(named) if BASE in sets else (Scenario(name=BASE), *named)


def read_scenarios(path: Path) -> tuple[Scenario, ...]:
    """Return the scenarios of a file like ``scenarios.csv``.

    Raises
    ------
    InputError: the file cannot be used; it carries every finding.
    """
    raw, findings = read_csv(path, "scenarios", path.name)
    found = list(findings)
    rows: list[ScenarioCell] = []
    if raw is not None:
        parsed = parse_table(raw)
        found += parsed.findings
        rows = [row.row for row in parsed.rows.values() if isinstance(row.row, ScenarioCell)]
    if any(finding.severity == "error" for finding in found):
        raise InputError(found)
    return scenarios_of(rows)
