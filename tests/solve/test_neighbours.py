"""What neighbours prove: never more than is true, and without a search where it is enough."""

from __future__ import annotations

import itertools

import numpy as np
import pyomo.environ as pyo
import pytest

from dcopt.solve import neighbours, together
from dcopt.solve.matrix import Matrix, compile_model
from dcopt.solve.neighbours import Neighbours, bound_from, limits_of, solve
from dcopt.solve.session import SolveOptions

TIGHT = SolveOptions(gap=1e-9, threads=1)
MODELS: list[pyo.ConcreteModel] = []
"""A matrix does not keep its model, nor the names of its variables without it."""


def knapsack(costs: list[float], need: float = 7.0, low: int = 0, constant: float = 0.0) -> Matrix:
    """Cover ``need`` with whole units of four sizes at most three each; ``low`` is the least of the last."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(4), domain=pyo.Integers, bounds=(0, 3))
    model.x[3].setlb(low)
    model.cover = pyo.Constraint(expr=sum((1, 2, 3, 5)[i] * model.x[i] for i in range(4)) >= need)
    model.objective = pyo.Objective(expr=sum(c * model.x[i] for i, c in enumerate(costs)) + constant)
    MODELS.append(model)
    return compile_model(model)


def least(costs: list[float], need: float = 7.0, low: int = 0) -> float:
    """Brute force."""
    units = itertools.product(range(4), range(4), range(4), range(low, 4))
    return min(
        sum(c * n for c, n in zip(costs, x, strict=True))
        for x in units
        if sum(s * n for s, n in zip((1, 2, 3, 5), x, strict=True)) >= need
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("low", [0, -2])
def test_a_bound_never_exceeds_the_least_cost_and_an_incumbent_is_a_solution(seed: int, low: int) -> None:
    """Also with costs below 0, with columns that may be negative, and with other needs."""
    draw = np.random.default_rng(seed)
    near = Neighbours()
    for _ in range(6):
        costs = list(draw.uniform(-1 if seed % 2 else 1, 6, 4).round(2))
        need = float(draw.choice([5.0, 7.0, 9.0])) if seed % 3 else 7.0
        matrix = knapsack(costs, need, low, constant=10.0)
        near.take_up(matrix, together.solve(matrix, TIGHT))
    (kept,) = near.shapes.values()
    for _ in range(20):
        costs = list(draw.uniform(-1 if seed % 2 else 1, 6, 4).round(2))
        matrix = knapsack(costs, 7.0, low, constant=10.0)
        wider = [one for one in kept if limits_of(matrix).within(one.limits)]
        bound = bound_from(wider, np.array(costs), limits_of(matrix), 1)
        best = least(costs, 7.0, low)
        assert bound is None or bound <= best + 1e-6
        known = near.answer(matrix, 1e-6)
        if known is not None:
            assert known.objective == pytest.approx(best + 10.0, abs=1e-4)
            assert known.bound is not None
            assert known.bound <= best + 10.0 + 1e-6
        start = near.start_of(matrix)
        if start is not None:
            x = [start[f"x[{i}]"] for i in range(4)]
            assert sum(s * n for s, n in zip((1, 2, 3, 5), x, strict=True)) >= 7.0


def test_between_two_prices_with_the_same_best_there_is_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    near = Neighbours()
    options = SolveOptions(gap=1e-6, threads=1, neighbours=near)
    searches = []

    def counted(*args: object, **named: object) -> object:
        searches.append(args)
        return together.solve(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(neighbours, "together", type("Counted", (), {"solve": staticmethod(counted)}))
    prices = [2.5, 5.0, 3.0, 3.5, 4.0, 4.5]
    found = [solve(knapsack([1.0, 2.1, 3.3, price]), options) for price in prices]
    for price, outcome in zip(prices, found, strict=True):
        best = least([1.0, 2.1, 3.3, price])
        assert outcome.verdict == "optimal"
        assert outcome.objective == pytest.approx(best, rel=1e-6)
        assert outcome.bound == pytest.approx(best, rel=2e-6)
    assert len(searches) == 2, "one of five and one of two are best for every price"


def test_a_price_beyond_all_neighbours_is_searched() -> None:
    """There the neighbours' bounds are too low, whatever their solution costs."""
    near = Neighbours()
    for price in (1.0, 2.0):
        matrix = knapsack([1.0, 2.1, 3.3, price])
        near.take_up(matrix, together.solve(matrix, TIGHT))
    assert near.answer(knapsack([1.0, 2.1, 3.3, 9.0]), 1e-4) is None
    found = solve(knapsack([1.0, 2.1, 3.3, 9.0]), SolveOptions(gap=1e-6, threads=1, neighbours=near))
    assert found.objective == pytest.approx(least([1.0, 2.1, 3.3, 9.0]))


def test_of_other_limits_only_what_holds_is_used() -> None:
    """A looser need bounds a tighter one, whose solutions serve the looser; the reverse would be wrong."""
    costs = [1.0, 2.0, 3.0, 4.0]
    tight, loose = knapsack(costs, 9.0), knapsack(costs, 5.0)
    near = Neighbours()
    near.take_up(tight, together.solve(tight, TIGHT))
    assert near.start_of(loose) is not None
    assert near.answer(loose, 1e-6) is None, "what nine cost says nothing of the least for five"
    near = Neighbours()
    near.take_up(loose, together.solve(loose, TIGHT))
    assert near.start_of(tight) is None, "units for five do not make nine"
    assert near.answer(tight, 1e-6) is None


def test_other_coefficients_are_another_program_and_old_ones_go() -> None:
    near = Neighbours()
    for size in range(2, 9):
        model = pyo.ConcreteModel()
        model.x = pyo.Var(domain=pyo.Integers, bounds=(0, 9))
        model.cover = pyo.Constraint(expr=size * model.x >= 7)
        model.objective = pyo.Objective(expr=model.x)
        matrix = compile_model(model)
        assert near.answer(matrix, 1.0) is None
        near.take_up(matrix, together.solve(matrix, TIGHT))
        assert near.answer(matrix, 1e-9) is not None
    assert len(near.shapes) == neighbours.MOST_SHAPES
