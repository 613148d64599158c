"""Linear expressions of a program: sums, their largest values, and their values once it is solved.

Bounds of variables come from the data; `upper_bound` turns them into the tightest coefficient of a link
``expression ≤ bound · binary``, so that no big-M constant exists anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import LinearExpression
from pyomo.repn.standard_repn import generate_standard_repn


def total(terms: Iterable[Any]) -> Any:
    """Return the sum of numbers and expressions, 0 for none."""
    return pyo.quicksum(terms)


def linear(coefficients: list[float], variables: list[Any], constant: float = 0.0) -> Any:
    """Return Σ coefficient · variable + constant as one flat expression."""
    if not variables:
        return constant
    return LinearExpression(constant=constant, linear_coefs=coefficients, linear_vars=variables)


def upper_bound(expression: Any) -> float:
    """Return the largest value that an expression can take within its variables' bounds.

    Raises ValueError where a variable that counts has no bound: every variable of the program must have one.
    """
    if isinstance(expression, int | float):
        return float(expression)
    representation = generate_standard_repn(expression, quadratic=False)
    bound = float(pyo.value(representation.constant))
    for coefficient, variable in zip(representation.linear_coefs, representation.linear_vars, strict=True):
        limit = variable.ub if coefficient > 0 else variable.lb
        if coefficient != 0 and limit is None:
            raise ValueError(f"{variable.name} has no bound")
        if coefficient != 0:
            bound += coefficient * limit
    return bound


def whole(expression: Any) -> int:
    """Return the value of an integer expression of a solved program."""
    return round(float(pyo.value(expression)))


def number(expression: Any) -> float:
    """Return the value of an expression of a solved program; noise below 1e-9 is 0."""
    value = float(pyo.value(expression))
    return 0.0 if abs(value) < 1e-9 else value
