"""From a Pyomo model to the matrix that HiGHS takes, with the Pyomo objects of its columns and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler


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
    """Compile an active Pyomo model with one objective (minimized) to a HiGHS program."""
    form = LinearStandardFormCompiler().write(model, mixed_form=True)
    matrix = form.A.tocsr()
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(form.columns), len(form.rows)
    lp.col_cost_ = np.asarray(form.c.todense()).reshape(-1)
    lp.offset_ = float(form.c_offset[0])
    lp.col_lower_ = np.array([_or(variable.lb, -highspy.kHighsInf) for variable in form.columns])
    lp.col_upper_ = np.array([_or(variable.ub, highspy.kHighsInf) for variable in form.columns])
    sides = np.array([side for _, side in form.rows], dtype=int)  # -1: row ≥ rhs, 0: =, 1: ≤
    right = np.asarray(form.rhs, dtype=float)
    lp.row_lower_ = np.where(sides <= 0, right, -highspy.kHighsInf)
    lp.row_upper_ = np.where(sides >= 0, right, highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = matrix.indptr
    lp.a_matrix_.index_ = matrix.indices
    lp.a_matrix_.value_ = matrix.data
    lp.integrality_ = [
        highspy.HighsVarType.kContinuous if variable.is_continuous() else highspy.HighsVarType.kInteger
        for variable in form.columns
    ]
    return Matrix(lp, list(form.columns), list(form.rows), lp.offset_)


def _or(value: float | None, default: float) -> float:
    return default if value is None else float(value)
