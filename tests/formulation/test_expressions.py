"""Expressions are read as Pyomo reads them, and bounded by what their variables allow."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyomo.repn.linear import LinearRepnVisitor
from pyomo.repn.util import FileDeterminism, FileDeterminism_to_SortComponents, VarRecorder

from dcopt.formulation.expressions import Terms, linear, total, upper_bound

FEW = st.integers(-3, 3)


def _model() -> Any:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(4), bounds=(-1, 2))
    model.alone = pyo.Var(bounds=(0, 5))
    model.held = pyo.Var(bounds=(0, 9))
    model.held.fix(7)
    model.parameter = pyo.Param(initialize=3, mutable=True)
    return model


def _expressions(model: Any) -> st.SearchStrategy[Any]:
    variables = st.sampled_from([*model.x.values(), model.alone, model.held])
    leaves = st.one_of(
        variables,
        st.builds(lambda c, v: c * v, FEW, variables),
        st.builds(lambda v: model.parameter * v, variables),
        st.builds(lambda terms: linear([float(c) for c, _ in terms], [v for _, v in terms], 2.0),
                  st.lists(st.tuples(FEW, variables), min_size=1, max_size=4)),
        FEW,
    )  # fmt: skip
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(total, st.lists(inner, max_size=4)),
            st.builds(lambda a, b: a + b, inner, inner),
            st.builds(lambda a, b: a - b, inner, inner),
            st.builds(lambda c, a: c * a, FEW, inner),
            st.builds(lambda c, a: -(a * c), FEW, inner),
            st.builds(lambda a: a / 2, inner),
        ),
        max_leaves=12,
    )


MODEL = _model()


def _by_pyomo(expression: Any) -> tuple[float, dict[str, float]]:
    recorder = VarRecorder({}, FileDeterminism_to_SortComponents(FileDeterminism.ORDERED))
    read = LinearRepnVisitor({}, var_recorder=recorder).walk_expression(expression)
    return read.constant, {recorder.var_map[number].name: c for number, c in read.linear.items()}


def _read(expression: Any) -> tuple[float, dict[str, float]]:
    terms = Terms()
    constant, read = terms.read(expression)
    return constant, {terms.variables[number].name: c for number, c in read.items() if c}


@given(_expressions(MODEL))
def test_an_expression_is_read_as_pyomo_reads_it(expression: Any) -> None:
    assert _read(expression) == _by_pyomo(expression)


@given(_expressions(MODEL))
def test_no_corner_of_the_bounds_exceeds_the_upper_bound(expression: Any) -> None:
    _, read = _by_pyomo(expression)
    free = [*MODEL.x.values(), MODEL.alone]
    for variable in free:
        coefficient = read.get(variable.name, 0.0)
        variable.set_value(variable.ub if coefficient > 0 else variable.lb)
    assert upper_bound(expression) == pytest.approx(pyo.value(expression))


def test_variables_are_numbered_as_they_are_met() -> None:
    model = _model()
    terms = Terms(lambda variable: variable.parent_component().values())
    assert terms.read(model.alone + 2 * model.x[2]) == (0, {0: 1, 3: 2})
    assert [variable.name for variable in terms.variables] == ["alone", "x[0]", "x[1]", "x[2]", "x[3]"]
    assert terms.read(model.x[0] + model.held) == (7, {1: 1})


def test_products_of_variables_are_refused() -> None:
    model = _model()
    with pytest.raises(ValueError, match="not linear"):
        Terms().read(model.alone * model.x[0])


def test_a_variable_without_a_bound_has_no_upper_bound() -> None:
    model = _model()
    model.free = pyo.Var()
    with pytest.raises(ValueError, match="free has no bound"):
        upper_bound(2 * model.free + 1)
    assert upper_bound(0 * model.free + 1) == 1
