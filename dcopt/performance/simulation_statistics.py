"""Percentiles of a simulated run and how sure they are: batch means after the warm-up."""

from __future__ import annotations

import math

import numpy as np

from dcopt.performance.simulation_records import Estimate, Floats

BATCHES = 20
T_95 = 2.093
"""Student's t for a two-sided 95 % interval with 19 degrees of freedom."""
WARM_UP = 0.1
"""Share of the run that is left out at its beginning, when the queues are still empty, at least."""


def percentile_of(values: Floats, percentile: float, skipped: int = 0) -> Estimate:
    """Return the percentile of a stationary series in time order, with its 95 % interval from 20 batch means.

    The first tenth, or the first ``skipped`` values where these are more, are left out. The interval is that of batch
    means applied to the batches' percentiles (Law, Simulation Modeling and Analysis, chapter 9), centred on the
    percentile of all.
    """
    kept = values[max(skipped, int(WARM_UP * len(values))) :]
    value = float(np.percentile(kept, percentile))
    parts = np.array_split(kept, BATCHES)
    if len(parts[-1]) < 2:
        return Estimate(value, -math.inf, math.inf)
    each = np.array([np.percentile(part, percentile) for part in parts])
    half = T_95 * float(each.std(ddof=1)) / math.sqrt(BATCHES)
    return Estimate(value, value - half, value + half)
