"""From a Pyomo model to the matrix that HiGHS takes, with the Pyomo objects of its columns and rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import highspy
import numpy as np
from pyomo.common.errors import InfeasibleConstraintException
from pyomo.common.gc_manager import PauseGC
from pyomo.environ import Constraint, Objective, value
from pyomo.repn.linear import LinearRepnVisitor
from pyomo.repn.util import FileDeterminism, FileDeterminism_to_SortComponents, VarRecorder


@dataclass(frozen=True)
class Matrix:
    """A compiled program: ``columns[i]`` is the Pyomo variable of column i, ``rows[k]`` (constraint, side) of row k."""

    lp: Any
    columns: list[Any]
    rows: list[Any]
    offset: float

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
    with PauseGC():
        return _compiled(model)


def _compiled(model: Any) -> Matrix:
    sorter = FileDeterminism_to_SortComponents(FileDeterminism.ORDERED)
    recorder = VarRecorder({}, sorter)
    visitor = LinearRepnVisitor({}, var_recorder=recorder)
    (objective,) = model.component_data_objects(Objective, active=True)
    cost = _linear(visitor, objective, objective.expr)
    rows: list[tuple[Any, int]] = []
    rights: list[float] = []
    terms: list[dict[int, float]] = []
    for constraint in model.component_data_objects(Constraint, active=True, sort=sorter):
        low, body, high = constraint.to_bounded_expression()
        of_row = _linear(visitor, constraint, body)
        low, high = (None if side is None else float(value(side)) for side in (low, high))
        if not of_row.linear:
            if (low is None or low <= of_row.constant) and (high is None or high >= of_row.constant):
                continue
            raise InfeasibleConstraintException(f"'{constraint.name}' has no variables and does not hold")
        sides = [(0, low)] if low == high else [(1, high), (-1, low)]
        for side, right in sides:
            if right is not None:
                rows.append((constraint, side))
                rights.append(right - of_row.constant)
                terms.append(of_row.linear)
    return _assembled(list(recorder.var_map.values()), cost, rows, np.array(rights, dtype=float), terms)


def _linear(visitor: Any, component: Any, expression: Any) -> Any:
    found = visitor.walk_expression(expression)
    if found.nonlinear is not None:
        raise ValueError(f"'{component.name}' is not linear")
    return found


def _assembled(columns: list[Any], cost: Any, rows: list[tuple[Any, int]], right: Any, terms: list[Any]) -> Matrix:
    """Return the program of rows whose ``terms`` give coefficients by the identity of variables."""
    place = {id(variable): column for column, variable in enumerate(columns)}
    count = sum(map(len, terms))
    data = np.fromiter(chain.from_iterable(of_row.values() for of_row in terms), float, count)
    index = np.fromiter(map(place.__getitem__, chain.from_iterable(terms)), np.int32, count)
    lines = np.repeat(np.arange(len(terms), dtype=np.int32), [len(of_row) for of_row in terms])
    costs = np.zeros(len(columns))
    for variable, coefficient in cost.linear.items():
        costs[place[variable]] = coefficient
    order = np.lexsort((index, lines))
    order = order[data[order] != 0.0]
    data, index, lines = data[order], index[order], lines[order]
    used = costs != 0.0
    used[index] = True
    columns = [variable for variable, is_used in zip(columns, used, strict=True) if is_used]
    number = np.cumsum(used, dtype=np.int32) - 1
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(columns), len(rows)
    lp.col_cost_ = costs[used]
    lp.offset_ = float(cost.constant)
    lp.col_lower_ = np.array([_or(variable.lb, -highspy.kHighsInf) for variable in columns])
    lp.col_upper_ = np.array([_or(variable.ub, highspy.kHighsInf) for variable in columns])
    sides = np.array([side for _, side in rows], dtype=int)  # -1: row ≥ rhs, 0: =, 1: ≤
    lp.row_lower_ = np.where(sides <= 0, right, -highspy.kHighsInf)
    lp.row_upper_ = np.where(sides >= 0, right, highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.searchsorted(lines, np.arange(len(rows) + 1)).astype(np.int32)
    lp.a_matrix_.index_ = number[index]
    lp.a_matrix_.value_ = data
    lp.integrality_ = [
        highspy.HighsVarType.kContinuous if variable.is_continuous() else highspy.HighsVarType.kInteger
        for variable in columns
    ]
    return Matrix(lp, columns, rows, lp.offset_)


def _or(value: float | None, default: float) -> float:
    return default if value is None else float(value)
