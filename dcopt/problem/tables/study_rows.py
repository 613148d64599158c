"""The tables of a study: which cells a scenario changes, and how far a cell may stray."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from dcopt.problem.columns import Row
from dcopt.problem.columns import column as cell

Operation = Literal["set", "factor", "add"]
Distribution = Literal["uniform", "triangular", "normal", "lognormal", "discrete"]

OPERATOR: dict[Operation, str] = {"set": "=", "factor": "*=", "add": "+="}
"""How ``--set`` writes an operation."""


class ScenarioCell(Row):
    """One change of a scenario; a scenario is all rows of its name, applied in their order."""

    scenario: str = cell("The scenario's name.")
    table: str = cell("The table whose cells change; settings for a setting.")
    name: str = cell("The row's name; composite keys joined by '/', '*' for all. Blank for a setting.", default="")
    column: str = cell("The column, or the setting's key.")
    operation: Operation = cell("set the value, multiply by it (factor), or add it.", default="set")
    value: str = cell("The value.")
    note: str = cell("A remark of yours.", default="")

    @property
    def as_set(self) -> str:
        """The change as ``--set`` writes it."""
        return f"{cell_path(self.table, self.name, self.column)}{OPERATOR[self.operation]}{self.value}"


class UncertainCell(Row):
    """How far the value of a cell may stray; low and high are what a tornado tries."""

    table: str = cell("The table; settings for a setting.")
    name: str = cell("The row's name; composite keys joined by '/', '*' for all. Blank for a setting.", default="")
    column: str = cell("The column, or the setting's key; a number.")
    operation: Operation = cell("Whether the values replace the cell, multiply it, or are added.", default="factor")
    distribution: Distribution = cell(
        "uniform (low to high), triangular (low, mode, high), normal and lognormal (low and high are the 5th and 95th "
        "percentile), discrete (values).",
        default="triangular",
    )
    low: float | None = cell("Low value (not for discrete).", default=None)
    mode: float | None = cell("Most likely value (triangular; blank: the middle).", default=None)
    high: float | None = cell("High value (not for discrete).", default=None)
    values: str = cell("Values of a discrete distribution, separated by spaces.", default="")
    weights: str = cell("Their weights, separated by spaces (blank: equal).", default="")
    with_cell: str = cell("TABLE.NAME.COLUMN of an earlier row that this one is correlated with.", default="")
    correlation: float | None = cell("Rank correlation with that row.", default=None, ge=-1, le=1)
    note: str = cell("A remark of yours.", default="")

    @model_validator(mode="after")
    def _complete(self) -> UncertainCell:
        if self.distribution == "discrete":
            if not self.numbers:
                raise ValueError("values|a discrete distribution needs values, separated by spaces")
            if self.weights and len(self.shares) != len(self.numbers):
                raise ValueError("weights|as many weights are needed as values")
            if any(share < 0 for share in self.shares) or not sum(self.shares) > 0:
                raise ValueError("weights|weights are not negative, and at least one is positive")
            return self
        if self.low is None or self.high is None:
            raise ValueError(f"{'low' if self.low is None else 'high'}|a {self.distribution} distribution needs it")
        if not self.low < self.high:
            raise ValueError("high|it must be above low")
        if self.mode is not None and not self.low <= self.mode <= self.high:
            raise ValueError("mode|it must lie between low and high")
        if self.distribution == "lognormal" and self.low <= 0:
            raise ValueError("low|a lognormal distribution is positive")
        if bool(self.with_cell) != (self.correlation is not None):
            missing = "correlation" if self.with_cell else "with_cell"
            raise ValueError(f"{missing}|with_cell and correlation belong together")
        return self

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values of a discrete distribution."""
        return _numbers("values", self.values)

    @property
    def shares(self) -> tuple[float, ...]:
        """Their weights, as written or all equal."""
        return _numbers("weights", self.weights) or (1.0,) * len(self.numbers)

    @property
    def path(self) -> str:
        """The cell as ``--set`` writes it, without operator and value."""
        return cell_path(self.table, self.name, self.column)

    def as_set(self, value: float) -> str:
        """Return the change to ``value`` as ``--set`` writes it."""
        return f"{self.path}{OPERATOR[self.operation]}{value!r}"


def cell_path(table: str, name: str, column_name: str) -> str:
    """Return ``TABLE.NAME.COLUMN``, or ``settings.KEY``."""
    return f"{table}.{column_name}" if table == "settings" else f"{table}.{name}.{column_name}"


def _numbers(column_name: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split())
    except ValueError:
        raise ValueError(f"{column_name}|not numbers separated by spaces") from None
