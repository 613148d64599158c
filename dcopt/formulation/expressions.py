"""Linear expressions of a program: sums, their largest values, their coefficients, and their values once it is solved.

Bounds of variables come from the data; `upper_bound` turns them into the tightest coefficient of a link
``expression ≤ bound · binary``, so that no big-M constant exists anywhere.

A large program is millions of terms, stated several times. `Terms` reads those that the blocks write (sums of
variables, of multiples of them and of other sums) without Pyomo's general walker, which takes the rest. The pair of a
multiple is read where Pyomo keeps it (`_args_`): `args` would copy each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any, cast

import pyomo.environ as pyo
from pyomo.common.numeric_types import native_numeric_types
from pyomo.core.base.var import ScalarVar, VarData
from pyomo.core.expr.numeric_expr import (
    LinearExpression,
    MonomialTermExpression,
    NegationExpression,
    ProductExpression,
    SumExpression,
)
from pyomo.repn.linear import LinearRepnVisitor
from pyomo.repn.util import FileDeterminism, FileDeterminism_to_SortComponents, VarRecorder

_NUMBERS = native_numeric_types
_VARIABLES = frozenset({VarData, ScalarVar})
_FLAT = _VARIABLES | {MonomialTermExpression}
_SUMS = frozenset({LinearExpression, SumExpression})


def total(terms: Iterable[Any]) -> Any:
    """Return the sum of numbers and expressions, 0 for none."""
    listed = list(terms)
    if len(listed) > 1 and _FLAT.issuperset(map(type, listed)):
        return LinearExpression(listed)
    return pyo.quicksum(listed)


def linear(coefficients: list[float], variables: list[Any], constant: float = 0.0) -> Any:
    """Return Σ coefficient · variable + constant as one flat expression."""
    if not variables:
        return constant
    return LinearExpression(constant=constant, linear_coefs=coefficients, linear_vars=variables)


Read = tuple[float, dict[int, float]]
"""A constant and coefficients by the number of the variable."""


class Terms:
    """Reads linear expressions as a constant and coefficients of numbered variables.

    ``meet`` is called with each variable that has no number yet and returns all that get one then, in this order; by
    default only itself. Fixed variables are constants.
    """

    def __init__(self, meet: Callable[[Any], Iterable[Any]] | None = None) -> None:
        self.variables: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._meet = meet

    def read(self, expression: Any) -> Read:
        """Return the constant and the coefficients of an expression; a coefficient may be 0.

        Raises
        ------
        ValueError: the expression is not linear.
        """
        kind = expression.__class__
        if kind in _SUMS:
            return self._sum(expression.args)
        if kind in _NUMBERS:
            return expression, {}
        if kind is MonomialTermExpression:
            coefficient, variable = expression.args
            if coefficient.__class__ in _NUMBERS:
                return self._term(coefficient, variable)
        elif kind in _VARIABLES:
            return self._term(1, expression)
        else:
            factor, inner = _peeled(expression)
            if inner is not expression:
                constant, read = self.read(inner)
                return factor * constant, {number: factor * coefficient for number, coefficient in read.items()}
        return self._anything(expression)

    def _number(self, variable: Any) -> int | None:
        """Return the number of a variable, None of a fixed one."""
        found = self._numbers.get(id(variable))
        if found is None and not variable.fixed:
            for met in (variable,) if self._meet is None else self._meet(variable):
                if not met.fixed:
                    self._numbers[id(met)] = len(self.variables)
                    self.variables.append(met)
            found = self._numbers[id(variable)]
        return found

    def _term(self, coefficient: float, variable: Any) -> Read:
        number = self._number(variable)
        return (0, {number: coefficient}) if number is not None else (coefficient * variable.value, {})

    def _flat(self, parts: list[Any]) -> dict[int, float] | None:
        """Return the coefficients of a sum of different free variables, or of multiples of them; None of any other."""
        kinds = set(map(type, parts))
        coefficients: Iterable[Any] = repeat(1)
        variables: Iterable[Any] = parts
        if kinds == {MonomialTermExpression}:
            coefficients, variables = zip(*[part._args_ for part in parts], strict=True)
            if not _NUMBERS.issuperset(map(type, coefficients)):
                return None
        elif not kinds <= _VARIABLES:
            return None
        numbers = list(map(self._numbers.get, map(id, variables)))
        if None in numbers:
            numbers = list(map(self._number, variables))
        found = dict(zip(numbers, coefficients, strict=False))
        return None if None in found or len(found) < len(numbers) else cast(dict[int, float], found)

    def _sum(self, parts: list[Any]) -> Read:
        if (flat := self._flat(parts)) is not None:
            return 0, flat
        constant: float = 0
        found: dict[int, float] = {}
        known = self._numbers
        for part in parts:
            kind = part.__class__
            if kind is MonomialTermExpression:
                coefficient, variable = part._args_
            elif kind in _VARIABLES:
                coefficient, variable = 1, part
            else:
                coefficient = None
            if coefficient.__class__ not in _NUMBERS:
                more, read = self.read(part)
                constant += more
                for number, weight in read.items():
                    found[number] = found[number] + weight if number in found else weight
                continue
            place = known.get(id(variable))
            if place is None and (place := self._number(variable)) is None:
                constant += coefficient * variable.value
            elif place in found:
                found[place] += coefficient
            else:
                found[place] = coefficient
        return constant, found

    def _anything(self, expression: Any) -> Read:
        """Read an expression of any other form with Pyomo's walker."""
        recorder = VarRecorder({}, FileDeterminism_to_SortComponents(FileDeterminism.ORDERED))
        read = LinearRepnVisitor({}, var_recorder=recorder).walk_expression(expression)
        if read.nonlinear is not None:
            raise ValueError(f"not linear: {expression}")
        found: dict[int, float] = {}
        for variable, coefficient in read.linear.items():
            number = self._number(recorder.var_map[variable])
            assert number is not None  # the walker has put the values of fixed variables into the constant
            found[number] = coefficient
        return read.constant, found


def _peeled(expression: Any) -> tuple[float, Any]:
    """Return (factor, what is left) of an expression that is multiplied by numbers."""
    kind = expression.__class__
    if kind is NegationExpression:
        factor, inner = _peeled(expression.args[0])
        return -factor, inner
    if kind is ProductExpression:
        first, second = expression.args
        number, other = (first, second) if first.__class__ in _NUMBERS else (second, first)
        if number.__class__ in _NUMBERS:
            factor, inner = _peeled(other)
            return factor * number, inner
    return 1, expression


def upper_bound(expression: Any) -> float:
    """Return the largest value that an expression can take within its variables' bounds.

    Raises ValueError where a variable that counts has no bound: every variable of the program must have one.
    """
    if isinstance(expression, int | float):
        return float(expression)
    terms = Terms()
    constant, read = terms.read(expression)
    bound = float(constant)
    for number, coefficient in read.items():
        if coefficient != 0:
            variable = terms.variables[number]
            limit = variable.ub if coefficient > 0 else variable.lb
            if limit is None:
                raise ValueError(f"{variable.name} has no bound")
            bound += coefficient * limit
    return bound


def whole(expression: Any) -> int:
    """Return the value of an integer expression of a solved program."""
    return round(float(pyo.value(expression)))


def number(expression: Any) -> float:
    """Return the value of an expression of a solved program; noise below 1e-9 is 0."""
    value = float(pyo.value(expression))
    return 0.0 if abs(value) < 1e-9 else value
