"""The error bands of a prediction, as ``dcopt predict`` shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dcopt.performance.errors import Subject, band_of
from dcopt.performance.request import Request
from dcopt.problem.tables.error_rows import PredictionError

LOW_PERCENT, HIGH_PERCENT = 10.0, 90.0
"""Between these lie four of five real figures."""

TIMES = ("step_s", "days", "ttft_ms", "tpot_ms", "latency_ms")
"""Figures that grow with the error; all others are rates."""


def error_bands(
    request: Request, subject: Subject, figures: Mapping[str, tuple[str, float | None]]
) -> tuple[dict[str, dict[str, Any]], str]:
    """Return by figure the range in which it lies with 80 %, and what has no measured relative ('' where all have).

    Parameters
    ----------
    figures: name of a figure -> (the quantity that its error is known by, its value). Rates lie the other way round.
    """
    rows = [row for row in request.catalog.get("prediction_errors", {}).values() if isinstance(row, PredictionError)]
    bands: dict[str, dict[str, Any]] = {}
    notes: dict[str, None] = {}
    for name, (quantity, value) in figures.items():
        band = band_of(rows, subject, quantity)
        if band is None or not value:
            continue
        low, high = band.factor(LOW_PERCENT), band.factor(HIGH_PERCENT)
        is_rate = name not in TIMES
        bands[name] = {
            "low": value / high if is_rate else value * low,
            "high": value / low if is_rate else value * high,
            "group": band.group,
        }
        if band.outside:
            notes[band.outside] = None
    return bands, _joined(notes)


def _joined(notes: Iterable[str]) -> str:
    return "; ".join(notes)
