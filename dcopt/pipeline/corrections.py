"""Figures that measurements correct, as the lines of ``inputs/corrections.csv``."""

from __future__ import annotations

from collections.abc import Iterator

from dcopt.performance.measured import Measured, measured_of
from dcopt.problem.problem import Problem
from dcopt.problem.write import csv_text

HEADER = ("table", "name", "column", "predicted", "corrected", "reason")


def measurement_corrections(problem: Problem) -> str:
    """Return the text of `corrections.csv` with a line for each measured figure.

    Raises
    ------
    InputError: a measurement cannot be compared with a prediction.
    """
    return csv_text(HEADER, _lines(measured_of(problem)))


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
