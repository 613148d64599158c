"""What a serving prediction is asked and what it answers: plain records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dcopt.problem.model_config import ModelConfig


@dataclass(frozen=True)
class Speculation:
    """Speculative decoding: tokens are drafted cheaply and one step of the model checks all of them.

    Attributes
    ----------
    draft_tokens: tokens drafted for a step, k.
    acceptance: probability a that a drafted token is accepted, given that those before it were; from 0 to 1.
    draft: the model that drafts; None: ``mtp_layers`` layers of the model itself (multi-token prediction) do, or,
        without any, drafts cost nothing (looked up in the prompt).

    Raises `ValueError` for a number outside its range.
    """

    name: str
    draft_tokens: int
    acceptance: float
    draft: ModelConfig | None = None
    mtp_layers: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.draft_tokens < 1 or not 0.0 <= self.acceptance <= 1.0 or self.mtp_layers < 0:
            raise ValueError(
                f"speculation '{self.name}': at least 1 draft token, an acceptance from 0 to 1, no negative mtp_layers"
            )

    @property
    def tokens_a_step(self) -> float:
        """Expected tokens that a step yields, (1 − a^(k+1))/(1 − a) (Leviathan et al., arXiv 2211.17192, eq. 1)."""
        if self.acceptance == 1.0:
            return self.draft_tokens + 1.0
        return (1.0 - self.acceptance ** (self.draft_tokens + 1)) / (1.0 - self.acceptance)


@dataclass(frozen=True)
class ServingTask:
    """Requests of one shape: ``input_tokens`` in, ``output_tokens`` out (0 for encoders and vision models).

    ``cached_prefix_tokens``: tokens of the input whose keys and values a prefix cache holds (mean; below
    ``input_tokens``). ``speculation``: how several tokens come from one decode step.

    Raises `ValueError` where the prefix is negative or not shorter than the input.
    """

    model: ModelConfig
    input_tokens: int
    output_tokens: int
    cached_prefix_tokens: float = 0.0
    speculation: Speculation | None = None

    def __post_init__(self) -> None:
        """Check the prefix."""
        if self.cached_prefix_tokens and not 0.0 < self.cached_prefix_tokens < self.input_tokens:
            raise ValueError(
                f"cached_prefix_tokens: from 0 to below {self.input_tokens}, not {self.cached_prefix_tokens:g}"
            )

    @property
    def computed_tokens(self) -> float:
        """Tokens of the input that a prefill computes."""
        return self.input_tokens - self.cached_prefix_tokens

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
class Disaggregated:
    """Prefill and decode in pools of their own: ``prefill_workers`` of one layout, ``decode_workers`` of another.

    One group of both pools is one replica: a prompt is read by any prefill worker, and its keys and values move over
    the fabric to a decode worker. Raises `ValueError` where a pool is empty.
    """

    prefill: ReplicaLayout
    prefill_workers: int
    decode: ReplicaLayout
    decode_workers: int

    def __post_init__(self) -> None:
        """Check that both pools hold workers."""
        if self.prefill_workers < 1 or self.decode_workers < 1:
            raise ValueError("disaggregated serving needs at least one prefill and one decode worker")

    @property
    def accelerators(self) -> int:
        """Chips of the group."""
        return self.prefill.accelerators * self.prefill_workers + self.decode.accelerators * self.decode_workers


Layout = ReplicaLayout | Disaggregated
"""How one replica of the program is laid out."""


@dataclass(frozen=True)
class Promise:
    """Limits in ms that a percentile of requests keeps, net of the network round trip; None: not promised."""

    ttft_ms: float | None = None
    tpot_ms: float | None = None
    latency_ms: float | None = None

    def kept_by(self, ttft_ms: float, tpot_ms: float, latency_ms: float) -> bool:
        """Return whether the times keep every limit."""
        return self.excess_ms(ttft_ms, tpot_ms, latency_ms) <= 0.0

    def excess_ms(self, ttft_ms: float, tpot_ms: float, latency_ms: float) -> float:
        """Return by how much the times exceed the limit that they keep least, ms (none promised: −∞)."""
        pairs = ((ttft_ms, self.ttft_ms), (tpot_ms, self.tpot_ms), (latency_ms, self.latency_ms))
        return max([value - limit for value, limit in pairs if limit is not None], default=-math.inf)


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
