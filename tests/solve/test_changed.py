"""Programs with other costs and bounds, and the slopes of their linear relaxation."""

from __future__ import annotations

import pyomo.environ as pyo
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.solve.changed import changed, relaxed
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.session import SolveOptions, solve


def knapsack() -> Matrix:
    """Return min 5a + 4b + 3c where 2a + 3b + c ≥ 5, 0 ≤ a, b, c ≤ 4, whole."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(3), domain=pyo.NonNegativeIntegers, bounds=(0, 4))
    model.need = pyo.Constraint(expr=2 * model.x[0] + 3 * model.x[1] + model.x[2] >= 5)
    model.objective = pyo.Objective(expr=5 * model.x[0] + 4 * model.x[1] + 3 * model.x[2])
    return compile_model(model)


def least(matrix: Matrix) -> float:
    found = solve(matrix, SolveOptions(gap=1e-9, threads=1)).objective
    assert found is not None
    return found


def test_other_costs_and_bounds_are_those_of_the_copy_alone() -> None:
    matrix = knapsack()
    assert least(matrix) == pytest.approx(8.0)  # b twice
    dear = changed(matrix, costs={1: 40.0})
    fixed = changed(matrix, bounds={1: (0.0, 0.0)})
    assert least(dear) == least(fixed) == pytest.approx(13.0)  # a twice and c once
    assert least(matrix) == pytest.approx(least(knapsack()))


@given(units=st.floats(0.0, 1.5))
def test_the_reduced_cost_of_a_fixed_column_is_what_another_unit_of_it_changes(units: float) -> None:
    matrix = knapsack()
    here, there = (relaxed(changed(matrix, bounds={1: (at, at)})) for at in (units, units + 1e-3))
    assert here is not None
    assert there is not None
    assert here.values[1] == pytest.approx(units)
    assert there.objective >= here.objective + 1e-3 * here.reduced[1] - 1e-9
    assert there.objective == pytest.approx(here.objective + 1e-3 * here.reduced[1], abs=1e-2)


def test_a_relaxation_bounds_the_whole_program_and_says_where_there_is_none() -> None:
    matrix = knapsack()
    found = relaxed(matrix)
    assert found is not None
    assert found.objective == pytest.approx(5 / 3 * 4)
    assert found.objective <= least(matrix)
    assert relaxed(changed(matrix, bounds={0: (0.0, 0.0), 1: (0.0, 0.0), 2: (0.0, 4.0)})) is None
