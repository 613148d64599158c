"""How far a promise is moved when it is priced: a step tighter and a step looser, as a planner would negotiate it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dcopt.candidates.serving_ways import variants_for
from dcopt.performance.workloads import TRAINING_LOSS_PCT
from dcopt.pipeline.promises import Promise
from dcopt.problem.problem import Problem

AVAILABILITY_PCT = (90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95, 99.99, 99.995, 99.999)
"""The levels between which service agreements usually choose."""
DAY = {"deadline_days", "due_day", "earliest_start_day"}
SHARES = {
    "ttft_ms": 0.1,
    "tpot_ms": 0.1,
    "latency_ms": 0.1,
    "reload_s": 0.1,
    "floor_kg_per_m2": 0.1,
    "peak_requests_per_s": 0.01,
    "capex_limit_usd": 0.01,
    "carbon_limit_t_per_year": 0.01,
    "embodied_limit_t": 0.01,
    "water_limit_m3_per_year": 0.01,
}
UNITS = {
    "power_limit_kw": 1.0,
    "rack_positions": 1,
    "max_units": 1,
    "min_units": 1,
    "min_copies": 1,
    "max_vendor_pct": 5.0,
    "survive_pct": 5.0,
    "ups_minutes": 1.0,
    "order_day": 1.0,
}
LONG_DAYS = 10.0
"""From here a step is a day, below it a tenth of the promise."""
RANGES: dict[str, tuple[float, float]] = {
    "due_day": (0.0, 365.0),
    "earliest_start_day": (0.0, 365.0),
    "max_vendor_pct": (0.0, 100.0),
    "survive_pct": (0.0, 100.0),
    "rack_positions": (1, 1_000_000),
    "max_units": (0, 1_000_000_000),
    "min_units": (1, 1_000_000_000),
    "min_copies": (1, 1000),
    "order_day": (-10_000.0, 10_000.0),
}


def steps_of(problem: Problem, promise: Promise, used: float | None = None) -> tuple[Any, Any]:
    """Return the value of a promise one step tighter and one step looser; None where there is no such step.

    ``used`` is what a design takes of it. Between levels that can be chosen, such as the losses of variants, a tighter
    step is one below what is used: everything between changes nothing.
    """
    if promise.rises is None:
        return None, None
    if promise.column == "availability_pct":
        return _neighbours(AVAILABILITY_PCT, promise.value, rises=False)
    if promise.column == "max_quality_loss_pct":
        levels = _losses(problem, promise)
        tighter, _ = _neighbours(levels, promise.value if used is None else used, rises=True)
        return tighter, _neighbours(levels, promise.value, rises=True)[1]
    if promise.column == "max_annual_loss_probability":
        return promise.value / 10, min(1.0, promise.value * 10)
    step = UNITS.get(promise.column)
    if step is None:
        share = SHARES.get(promise.column, 0.1)
        step = 1.0 if promise.column in DAY and promise.value >= LONG_DAYS else share * promise.value
    low, high = promise.value - step, promise.value + step
    if not promise.whole:
        low, high = float(f"{low:.12g}"), float(f"{high:.12g}")
    least, most = RANGES.get(promise.column, (0.0, float("inf")))
    smaller, larger = (low if low >= least and low != 0 else None), (high if high <= most else None)
    return (smaller, larger) if promise.rises else (larger, smaller)


def _neighbours(levels: Iterable[float], value: float, *, rises: bool) -> tuple[float | None, float | None]:
    below = max((level for level in levels if level < value - 1e-9), default=None)
    above = min((level for level in levels if level > value + 1e-9), default=None)
    return (below, above) if rises else (above, below)


def _losses(problem: Problem, promise: Promise) -> list[float]:
    """Return the losses between which a workload can choose: of its variants, or of the arithmetic of its training."""
    if promise.table == "training":
        return sorted({0.0, *(TRAINING_LOSS_PCT.get(p, 0.0) for p in problem.training[promise.key].precisions)})
    service = problem.inference[promise.key].model_copy(update={"max_quality_loss_pct": 100.0})
    return sorted({0.0, *(loss for site in problem.sites for _, loss in variants_for(service, problem, site))})
