"""From a Pyomo model to the matrix that HiGHS takes, with the Pyomo objects of its columns and rows."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.common.gc_manager import PauseGC
from pyomo.common.numeric_types import native_numeric_types
from pyomo.core.expr.relational_expr import EqualityExpression, RangedExpression
from pyomo.environ import Constraint, Objective, value
from pyomo.repn.util import FileDeterminism, FileDeterminism_to_SortComponents

from dcopt.formulation.expressions import Read, Terms
from dcopt.formulation.program import STATING


class _Rows:
    """Rows one after another: (constraint, side) and right side of each, and the coefficients of all."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, int]] = []
        self.rights: list[float] = []
        self.lengths: list[int] = []
        self.numbers = array("i")
        self.coefficients = array("d")

    def add(self, constraint: Any, side: int, right: float, of_row: dict[int, float]) -> None:
        """Add a row whose coefficients are given by the number of the variable."""
        self.rows.append((constraint, side))
        self.rights.append(right)
        self.lengths.append(len(of_row))
        self.numbers.extend(of_row)
        self.coefficients.extend(of_row.values())


@dataclass(frozen=True)
class Matrix:
    """A compiled program: ``columns[i]`` is the Pyomo variable of column i, ``rows[k]`` (constraint, side) of row k.

    ``model`` is what they are of: variables refer to it weakly, and lose their names once nobody holds it.
    """

    lp: Any
    columns: list[Any]
    rows: list[Any]
    offset: float
    model: Any = None

    @property
    def integer_columns(self) -> int:
        """How many columns are integer."""
        return sum(1 for kind in self.lp.integrality_ if kind == highspy.HighsVarType.kInteger)

    def integers_by_name(self) -> dict[str, int]:
        """Return the integer columns by the names of their variables."""
        kinds = zip(self.columns, self.lp.integrality_, strict=True)
        whole = highspy.HighsVarType.kInteger
        return {variable.name: index for index, (variable, kind) in enumerate(kinds) if kind == whole}


def compile_model(model: Any) -> Matrix:
    """Compile an active Pyomo model with one objective (minimized) to a HiGHS program.

    Columns and rows come in the order in which variables and constraints were declared, the objective's first. This is
    what Pyomo's compiler of the standard form does, without SciPy, whose import takes longer than most programs do.

    Raises
    ------
    InfeasibleConstraintException: a constraint without variables does not hold.
    ValueError: the objective or a constraint is not linear.
    """
    with STATING, PauseGC():
        return _compiled(model)


def _compiled(model: Any) -> Matrix:
    sorter = FileDeterminism_to_SortComponents(FileDeterminism.ORDERED)
    terms = Terms(lambda variable: variable.parent_component().values(sorter))
    (objective,) = model.component_data_objects(Objective, active=True)
    offset, cost = _read(terms, objective, objective.expr)
    written = _Rows()
    for constraint in model.component_data_objects(Constraint, active=True, sort=sorter):
        low, high, of_row = _row(terms, constraint)
        if not any(of_row.values()):
            if low <= 0.0 <= high:
                continue
            raise InfeasibleConstraintException(f"'{constraint.name}' has no variables and does not hold")
        for side, right in [(0, low)] if low == high else [(1, high), (-1, low)]:
            if abs(right) != math.inf:
                written.add(constraint, side, right, of_row)
    return replace(_assembled(terms.variables, float(offset), cost, written), model=model)


def _row(terms: Terms, constraint: Any) -> tuple[float, float, dict[int, float]]:
    """Return (least, most, coefficients) of a constraint, its constants within the bounds (infinite: none)."""
    expression = constraint.expr
    if expression.__class__ is RangedExpression:
        low, body, high = expression.args
        constant, of_row = _read(terms, constraint, body)
        return float(value(low) - constant), float(value(high) - constant), of_row
    left, right = expression.args
    (constant, of_row), (elsewhere, on_right) = _read(terms, constraint, left), _read(terms, constraint, right)
    if left.__class__ in native_numeric_types or not left.is_potentially_variable():
        least, most, of_row = constant - elsewhere, math.inf, on_right
    else:
        least, most = -math.inf, elsewhere - constant
        for number, coefficient in on_right.items():
            of_row[number] = of_row[number] - coefficient if number in of_row else -coefficient
    if expression.__class__ is EqualityExpression:
        least = most = most if least == -math.inf else least
    return float(least), float(most), of_row


def _read(terms: Terms, component: Any, expression: Any) -> Read:
    try:
        return terms.read(expression)
    except ValueError as error:
        raise ValueError(f"'{component.name}' is not linear") from error


def _assembled(variables: list[Any], offset: float, cost: dict[int, float], written: _Rows) -> Matrix:
    """Return the program of rows, without variables that neither they nor the objective hold."""
    costs = np.zeros(len(variables))
    costs[list(cost)] = list(cost.values())
    data, index = np.frombuffer(written.coefficients), np.frombuffer(written.numbers, dtype=np.int32)
    lines = np.repeat(np.arange(len(written.rows), dtype=np.int32), written.lengths)
    order = np.lexsort((index, lines))
    order = order[data[order] != 0.0]
    data, index, lines = data[order], index[order], lines[order]
    used = costs != 0.0
    used[index] = True
    columns = [variable for variable, is_used in zip(variables, used, strict=True) if is_used]
    number = np.cumsum(used, dtype=np.int32) - 1
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(columns), len(written.rows)
    lp.col_cost_ = costs[used]
    lp.offset_ = offset
    lp.col_lower_ = np.array([_or(variable.lb, -highspy.kHighsInf) for variable in columns])
    lp.col_upper_ = np.array([_or(variable.ub, highspy.kHighsInf) for variable in columns])
    sides = np.array([side for _, side in written.rows], dtype=int)  # -1: row ≥ rhs, 0: =, 1: ≤
    right = np.array(written.rights, dtype=float)
    lp.row_lower_ = np.where(sides <= 0, right, -highspy.kHighsInf)
    lp.row_upper_ = np.where(sides >= 0, right, highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.searchsorted(lines, np.arange(len(written.rows) + 1)).astype(np.int32)
    lp.a_matrix_.index_ = number[index]
    lp.a_matrix_.value_ = data
    lp.integrality_ = [
        highspy.HighsVarType.kContinuous if variable.is_continuous() else highspy.HighsVarType.kInteger
        for variable in columns
    ]
    return Matrix(lp, columns, written.rows, lp.offset_)


def _or(value: float | None, default: float) -> float:
    return default if value is None else float(value)
