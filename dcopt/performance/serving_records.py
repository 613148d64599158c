"""What a serving prediction is asked and what it answers: plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcopt.problem.model_config import ModelConfig


@dataclass(frozen=True)
class ServingTask:
    """Requests of one shape: ``input_tokens`` in, ``output_tokens`` out (0 for encoders and vision models)."""

    model: ModelConfig
    input_tokens: int
    output_tokens: int

    @property
    def generates(self) -> bool:
        """Whether answers are generated token by token."""
        return self.model.generates and self.output_tokens > 0


@dataclass(frozen=True)
class ReplicaLayout:
    """How one replica is split over chips.

    ``tensor`` × ``pipeline`` × ``attention_data`` chips; ``expert`` > 1 spreads whole experts over all chips of a
    pipeline stage instead of splitting each expert.
    """

    tensor: int = 1
    pipeline: int = 1
    expert: int = 1
    attention_data: int = 1

    @property
    def stage(self) -> int:
        """Chips of one pipeline stage."""
        return self.tensor * self.attention_data

    @property
    def accelerators(self) -> int:
        """Chips of the replica."""
        return self.stage * self.pipeline


@dataclass(frozen=True)
class Promise:
    """Limits in ms that a percentile of requests keeps, net of the network round trip; None: not promised."""

    ttft_ms: float | None = None
    tpot_ms: float | None = None
    latency_ms: float | None = None

    def kept_by(self, ttft_ms: float, tpot_ms: float, latency_ms: float) -> bool:
        """Return whether the times keep every limit."""
        pairs = ((ttft_ms, self.ttft_ms), (tpot_ms, self.tpot_ms), (latency_ms, self.latency_ms))
        return all(limit is None or value <= limit for value, limit in pairs)


@dataclass(frozen=True)
class ServingPrediction:
    """One operating point of one replica.

    Attributes
    ----------
    ttft_ms, tpot_ms, latency_ms: time to the first token, of each further token, of the whole request.
    statistic: what they are: 'mean' in a closed loop, 'p95' and the like under Poisson arrivals.
    batch: requests in service together (mean). requests_per_s: throughput of the replica.
    tokens_per_s_per_accelerator: generated tokens (encoders: tokens read) per second and chip.
    memory_gb: memory that a chip needs; ``fits``: within the software's share of it.
    utilization: rate ÷ saturated rate of the replica.
    breakdown: parts of the times in ms.
    """

    ttft_ms: float
    tpot_ms: float
    latency_ms: float
    statistic: str
    batch: float
    requests_per_s: float
    tokens_per_s_per_accelerator: float
    memory_gb: float
    fits: bool
    utilization: float
    breakdown: Mapping[str, float]


def statistic_of(percentile: float) -> str:
    """Return the name of a percentile, such as 'p95' or 'p99.9'."""
    return f"p{percentile:g}"
