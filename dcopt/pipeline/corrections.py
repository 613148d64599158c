"""Figures that measurements correct, as the lines of ``inputs/corrections.csv``."""

from __future__ import annotations

from collections.abc import Iterator

from dcopt.performance.measured import Measured, measured_of
from dcopt.problem.problem import Problem


def measurement_corrections(problem: Problem) -> list[tuple[str, ...]]:
    """Return the rows of `corrections.csv` for the measured figures, one each.

    Raises
    ------
    InputError: a measurement cannot be compared with a prediction.
    """
    return list(_lines(measured_of(problem)))


def _lines(measured: tuple[Measured, ...]) -> Iterator[tuple[str, ...]]:
    for figure in measured:
        under = f" under {figure.row.software}" if figure.row.software else ""
        place = f"{figure.family} on {figure.row.node}{under}"
        if figure.quantity == "requests_per_s":
            reason = "the measured rate is what a replica of this kind carries within its promises"
        else:
            reason = f"replaces the prediction of this configuration and calibrates {place}"
        predicted = f"{figure.predicted:.6g}" if figure.predicted else ""
        yield ("measurements", figure.id, figure.quantity, predicted, f"{figure.value:.6g}", reason)
