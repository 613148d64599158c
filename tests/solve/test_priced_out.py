"""What a part of a program costs at least, given what it shares: never more than it does, exact where it is priced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcopt.solve.derived import with_bounds, with_cost
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.priced_out import priced_out
from dcopt.solve.session import SolveOptions, solve

OPTIONS = SolveOptions(threads=1)


def _program(seed: int) -> tuple[Any, Matrix]:
    """Return a program that shares x with the world and has z of its own; it holds for x = z = 1."""
    random = np.random.default_rng(seed)
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(2), bounds=(0, 3))
    model.z = pyo.Var(range(3), bounds=(0, 4))
    model.rows = pyo.ConstraintList()
    for kind in range(4):
        shared, own = random.integers(-3, 4, 2), random.integers(-3, 4, 3)
        if not own.any():
            own[0] = 1
        body = sum(int(a) * model.x[i] for i, a in enumerate(shared)) + sum(
            int(a) * model.z[i] for i, a in enumerate(own)
        )
        at_one = int(shared.sum() + own.sum())
        model.rows.add([body >= at_one - 1, body <= at_one + 2, body == at_one, body <= at_one][kind])
    costs = random.integers(0, 6, 3)
    model.cost = pyo.Objective(
        expr=sum(int(c) * model.z[i] for i, c in enumerate(costs)) + sum(model.x[i] for i in range(2))
    )
    return model, compile_model(model)


def _is_shared(variable: Any) -> bool:
    return str(variable.parent_component().local_name) == "x"


def _own_cost(matrix: Matrix) -> Any:
    shared = np.array([_is_shared(variable) for variable in matrix.columns])
    return np.where(shared, 0.0, np.asarray(matrix.lp.col_cost_))


def _least_at(matrix: Matrix, x: dict[str, float]) -> tuple[float | None, Any]:
    """Return the least cost of the part where the shared columns have these values, and the prices of the rows."""
    fixed = {place: (x[v.name],) * 2 for place, v in enumerate(matrix.columns) if _is_shared(v)}
    outcome = solve(with_bounds(with_cost(matrix, _own_cost(matrix), 0.0), fixed), OPTIONS)
    return outcome.objective, outcome.prices


@given(st.integers(0, 10_000), st.lists(st.floats(-5, 5), min_size=4, max_size=4), st.floats(0, 3), st.floats(0, 3))
def test_no_prices_make_a_part_dearer_than_it_is(seed: int, prices: list[float], first: float, second: float) -> None:
    model, matrix = _program(seed)
    least = priced_out(matrix, _is_shared, _own_cost(matrix), prices[: matrix.lp.num_row_])
    for x in ({"x[0]": first, "x[1]": second}, {"x[0]": 1.0, "x[1]": 1.0}):
        cost, _ = _least_at(matrix, x)
        if cost is not None:
            known = least.constant + sum(slope * x[name] for name, slope in least.slopes.items())
            assert known <= cost + 1e-6 * (1 + abs(cost))
    assert model is not None


@pytest.mark.parametrize("seed", range(12))
def test_the_prices_of_a_solution_are_exact_there(seed: int) -> None:
    model, matrix = _program(seed)
    x = {"x[0]": 1.0, "x[1]": 1.0}
    cost, prices = _least_at(matrix, x)
    assert cost is not None
    least = priced_out(matrix, _is_shared, _own_cost(matrix), prices)
    assert least.constant + sum(slope * x[name] for name, slope in least.slopes.items()) == pytest.approx(
        cost, abs=1e-6
    )
    assert model is not None
