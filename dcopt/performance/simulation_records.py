"""What a simulation is given and what it finds: plain records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Requests:
    """A stream of requests: arrival times in s (ascending), and lengths as shares of the mean (1: all alike)."""

    arrivals_s: Floats
    inputs: Floats
    outputs: Floats

    @property
    def count(self) -> int:
        """Number of requests."""
        return len(self.arrivals_s)


@dataclass(frozen=True)
class Answers:
    """Seconds of every request, in the order of arrival: to its first token, of each further one, of the whole."""

    ttft_s: Floats
    tpot_s: Floats
    latency_s: Floats
    in_service: float
    """Mean requests that a replica holds, waiting ones included."""


@dataclass(frozen=True)
class Estimate:
    """A percentile with its 95 % confidence interval from batch means."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Simulated:
    """Percentiles of a simulated service in ms, net of the network round trip.

    ``servers`` replicas were simulated behind one balancer at ``requests_per_s`` each.
    """

    requests: int
    servers: int
    requests_per_s: float
    percentile: float
    ttft_ms: Estimate
    tpot_ms: Estimate
    latency_ms: Estimate
    in_service: float
