"""The order in which scenarios that help one another are solved: the ends of a sweep first, then what lies between.

Each next scenario is the one that is farthest from all before it (Gonzalez 1985), so that a sweep is bisected: what
lies between two solved scenarios can often be proven from them (`dcopt.solve.neighbours`), what lies beyond seldom.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dcopt.study.records import Scenario


def spread(scenarios: Sequence[Scenario]) -> list[int]:
    """Return the places of the scenarios in the order in which to solve them; those without inputs stay in theirs."""
    points = _points(scenarios)
    if points.shape[1] == 0:
        return list(range(len(scenarios)))
    away = np.full(len(scenarios), np.inf)
    order: list[int] = []
    next_one = 0
    while len(order) < len(scenarios):
        order.append(next_one)
        away = np.minimum(away, np.abs(points - points[next_one]).sum(axis=1))
        away[next_one] = -1.0
        next_one = int(np.argmax(away))
    return order


def _points(scenarios: Sequence[Scenario]) -> NDArray[np.float64]:
    """Return the inputs as points, shape (scenarios, inputs): numbers by their range, words by their place in it."""
    names = list(dict.fromkeys(name for scenario in scenarios for name in scenario.inputs))
    columns = []
    for name in names:
        cells = [scenario.inputs.get(name, "") for scenario in scenarios]
        if all(isinstance(cell, (int, float)) for cell in cells):
            values = np.array(cells, dtype=float)
        else:
            words = {cell: place for place, cell in enumerate(dict.fromkeys(cells))}
            values = np.array([words[cell] for cell in cells], dtype=float)
        width = float(values.max() - values.min())
        if width > 0:
            columns.append((values - values.min()) / width)
    return np.column_stack(columns) if columns else np.empty((len(scenarios), 0))
