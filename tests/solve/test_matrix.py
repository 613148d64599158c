"""From Pyomo to HiGHS: the compiled program is the one that was stated."""

from __future__ import annotations

import gc
from typing import Any

import highspy
import numpy as np
import pyomo.environ as pyo
import pytest

from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.session import SolveOptions, solve

EXACT = SolveOptions(gap=0.0, time_limit_s=60, threads=1)


def _model() -> Any:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(domain=pyo.NonNegativeReals, bounds=(0, 10))
    model.y = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(0, 10))
    model.z = pyo.Var(domain=pyo.Binary)
    return model


def _model_of_two() -> Any:
    model = pyo.ConcreteModel()
    model.bought = pyo.Var([1, 2], domain=pyo.NonNegativeReals)
    model.total = pyo.Objective(expr=model.bought[1] + model.bought[2])
    return model


def _dense(matrix: Matrix) -> tuple[list[str], np.ndarray[Any, Any], list[tuple[float, float]]]:
    lp = matrix.lp
    dense = np.zeros((lp.num_row_, lp.num_col_))
    for row in range(lp.num_row_):
        for k in range(lp.a_matrix_.start_[row], lp.a_matrix_.start_[row + 1]):
            dense[row, lp.a_matrix_.index_[k]] = lp.a_matrix_.value_[k]
    names = [variable.name for variable in matrix.columns]
    return names, dense, list(zip(lp.row_lower_, lp.row_upper_, strict=True))


def _optimum(model: Any) -> float | None:
    return solve(compile_model(model), EXACT).objective


def test_hand_made_program_is_compiled_to_the_letter() -> None:
    model = _model()
    model.objective = pyo.Objective(expr=3 * model.x + 2 * model.y + 7)
    model.least = pyo.Constraint(expr=model.x + 2 * model.y >= 4)
    model.most = pyo.Constraint(expr=model.x - model.z <= 5)
    model.equal = pyo.Constraint(expr=model.y + model.z == 3)
    matrix = compile_model(model)
    names, dense, sides = _dense(matrix)
    by_name = {
        constraint.name: (dict(zip(names, dense[k], strict=True)), sides[k])
        for k, (constraint, _) in enumerate(matrix.rows)
    }
    assert by_name["least"] == ({"x": 1, "y": 2, "z": 0}, (4, highspy.kHighsInf))
    assert by_name["most"] == ({"x": 1, "y": 0, "z": -1}, (-highspy.kHighsInf, 5))
    assert by_name["equal"] == ({"x": 0, "y": 1, "z": 1}, (3, 3))
    assert dict(zip(names, matrix.lp.col_cost_, strict=True)) == {"x": 3, "y": 2, "z": 0}
    assert matrix.lp.offset_ == matrix.offset == 7
    bounds = dict(zip(names, zip(matrix.lp.col_lower_, matrix.lp.col_upper_, strict=True), strict=True))
    assert bounds == {"x": (0, 10), "y": (0, 10), "z": (0, 1)}
    kinds = dict(zip(names, matrix.lp.integrality_, strict=True))
    assert kinds["x"] == highspy.HighsVarType.kContinuous
    assert kinds["y"] == kinds["z"] == highspy.HighsVarType.kInteger
    assert matrix.integer_columns == 2


def test_ranged_constraint_keeps_both_sides() -> None:
    for sign, optimum in ((1, 2.5), (-1, -6.5)):
        model = _model()
        model.objective = pyo.Objective(expr=sign * (model.x + model.y))
        model.range = pyo.Constraint(expr=pyo.inequality(2.5, model.x + model.y, 6.5))
        assert _optimum(model) == pytest.approx(optimum)


def test_constants_on_both_sides_move_to_the_right() -> None:
    model = _model()
    model.objective = pyo.Objective(expr=model.x)
    model.row = pyo.Constraint(expr=2 * model.x + 3 >= model.x + model.y + 8)
    assert _optimum(model) == pytest.approx(5.0)


def test_fixed_variables_count_in_rows_and_objective() -> None:
    model = _model()
    model.objective = pyo.Objective(expr=model.x + 10 * model.y + 1)
    model.row = pyo.Constraint(expr=model.x + model.y >= 5)
    model.y.fix(2)
    matrix = compile_model(model)
    assert [variable.name for variable in matrix.columns] == ["x"]
    assert matrix.offset == 21
    assert _optimum(model) == pytest.approx(24.0)
    model.y.unfix()
    assert _optimum(model) == pytest.approx(6.0)


def test_program_without_constraints() -> None:
    model = _model()
    model.objective = pyo.Objective(expr=4 * model.x - 3 * model.y)
    matrix = compile_model(model)
    assert matrix.lp.num_row_ == 0
    assert solve(matrix, EXACT).objective == pytest.approx(-30.0)


def test_empty_constraint_container() -> None:
    model = _model()
    model.none = pyo.Constraint(pyo.Any)
    model.objective = pyo.Objective(expr=model.x + 2)
    assert _optimum(model) == pytest.approx(2.0)


def test_deactivated_constraints_are_left_out() -> None:
    model = _model()
    model.objective = pyo.Objective(expr=model.x)
    model.row = pyo.Constraint(expr=model.x >= 5)
    assert _optimum(model) == pytest.approx(5.0)
    model.row.deactivate()
    assert _optimum(model) == pytest.approx(0.0)
    model.row.activate()
    assert _optimum(model) == pytest.approx(5.0)


def test_repeated_variables_are_summed() -> None:
    model = _model()
    model.objective = pyo.Objective(expr=model.x + model.x + model.y)
    model.row = pyo.Constraint(expr=model.x + model.x + model.y - model.y >= 4)
    matrix = compile_model(model)
    names, dense, _ = _dense(matrix)
    assert dense[0][names.index("x")] == 2
    assert _optimum(model) == pytest.approx(4.0)


def test_a_compiled_program_keeps_the_names_of_its_variables() -> None:
    """Variables refer weakly to what holds them: a matrix must keep the model that its caller drops."""
    matrix = compile_model(_model_of_two())
    gc.collect()
    assert [variable.name for variable in matrix.columns] == ["bought[1]", "bought[2]"]


def test_variables_without_bounds_are_free() -> None:
    model = pyo.ConcreteModel()
    model.x = pyo.Var()
    model.objective = pyo.Objective(expr=model.x)
    model.row = pyo.Constraint(expr=model.x >= -12.5)
    assert compile_model(model).lp.col_lower_[0] == -highspy.kHighsInf
    assert _optimum(model) == pytest.approx(-12.5)


def test_nonlinear_expression_is_refused() -> None:
    model = _model()
    model.objective = pyo.Objective(expr=model.x * model.y)
    with pytest.raises(Exception, match=r"(?i)linear"):
        compile_model(model)
