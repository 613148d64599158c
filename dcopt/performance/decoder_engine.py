"""One replica of a generating model as coefficients in seconds: a pass of decoding, a prompt, the memory.

A pass reads the dense weights once, the experts that its tokens touch, and the keys and values of each request; each
token costs arithmetic, the traffic of activations between kernels, and what chips tell each other; and every kernel
takes a few microseconds however little it does. Nothing overlaps: the parts add up. `dcopt.performance.decoder_build`
makes engines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class DecoderConstants:
    """Constants of all engines; those marked (f) are fitted by tests/benchmarks/fit_serving.py.

    On the 1,375 unflagged aggregated rows of data/published/serving_public.csv (dense, grouped-query, latent and linear
    attention, mixtures of experts; H100, H200, B200; three engines); its output states the errors left, with whole
    models, accelerators and engines held out.

    memory (f): share of the HBM bandwidth that is reached up to ``memory_knee`` bytes/s (an H100's); beyond it falls
        with the power ``memory_fall`` (f), as small kernels cannot keep more bytes in flight.
    activations (f): times that a value between kernels is moved through memory, read, written and re-read in tiles.
        Matrix products run at the data sheet's peak: what keeps them from it is this traffic.
    conversion_kernels (f): kernels that a layer adds where numbers are converted on the way (activations scaled in
        blocks for 8-bit checkpoints; 4-bit experts on chips without 4-bit arithmetic).
    one_shot (f): share of the scale-up bandwidth at which a chip reads all others' parts of a small all-reduce;
        ring_s (f): start of the ring that larger ones use.
    bus (f): share of the bandwidth of a chip's PCIe slot that collectives reach, all chips of a node at once.
    stall: share of a prompt's seconds by which it delays each request that decodes: the measurements' closed loops of
        ten waves spend 0.94 of the time with all other prompts' stalls (simulated; the first and last wave lack some).
    front_s (f): seconds of the host for one request (tokenizing, scheduling).
    pass_tokens: prompt tokens in a pass (chunked prefill; the benchmarks' setting of vLLM and SGLang's default).
    """

    memory: float = 0.911
    memory_knee: float = 3.35e12
    memory_fall: float = 0.182
    activations: float = 15.2
    conversion_kernels: float = 6.1
    one_shot: float = 0.265
    bus: float = 0.55
    ring_s: float = 20e-6
    stall: float = 0.94
    front_s: float = 0.0098
    pass_tokens: float = 8192.0
    most_requests: int = 4096


DECODER = DecoderConstants()

REMEMBERED = 64
"""Batches whose step an engine remembers."""
PARTS = ("weights", "experts", "kv", "compute", "activations", "communication", "overhead")
"""Parts of a pass, in the order of `Engine.parts`."""


@dataclass(frozen=True)
class Reduction:
    """All-reduces of a pass: ``count`` of them over ``ranks`` chips; seconds for each token and to start."""

    count: float = 0.0
    direct_each_s: float = math.inf
    ring_each_s: float = 0.0
    ring_s: float = 0.0

    def seconds(self, tokens: float) -> float:
        """Return the seconds of all of them for ``tokens`` tokens: read directly while small, then by a ring."""
        if not self.count:
            return 0.0
        return self.count * min(self.direct_each_s * tokens, self.ring_s + self.ring_each_s * tokens)


@dataclass(frozen=True)
class Mixture:
    """Routed experts: ``experts`` of which each token takes ``chosen``; ``ranks`` > 1 where chips hold whole ones."""

    experts: int = 0
    chosen: int = 0
    ranks: int = 1
    read_s: float = 0.0
    flops_each_s: float = 0.0

    @cached_property
    def _spread(self) -> float:
        """Squared standard deviations by which the busiest of the ranks exceeds their mean."""
        return 2.0 * math.log(self.ranks) * (1.0 - 1.0 / self.ranks)

    @cached_property
    def _idle(self) -> float:
        """Logarithm of the probability that a token does not take an expert."""
        return math.log1p(-self.chosen / self.experts) if self.chosen < self.experts else -math.inf

    def touched(self, tokens: float) -> float:
        """Return the share of its experts that the busiest chip reads for ``tokens`` tokens in flight.

        Uniform routing: 1 − (1 − k/E)^T; the largest of ``ranks`` such counts exceeds their mean by about
        √(2·ln(ranks)) standard deviations (binomial counts, the usual bound of a maximum of normals).
        """
        if not self.experts:
            return 0.0
        share = -math.expm1(tokens * self._idle)
        if self.ranks == 1:
            return share
        return min(1.0, share + math.sqrt(self._spread * share * (1.0 - share) * self.ranks / self.experts))

    def flops_s(self, tokens: float) -> float:
        """Return the seconds of arithmetic of the busiest chip, by the same bound."""
        if self.ranks == 1 or not self.experts:
            return self.flops_each_s * tokens
        fair = tokens * self.chosen / self.ranks
        return self.flops_each_s * tokens * (1.0 + math.sqrt(self._spread / max(1.0, fair)))


@dataclass(frozen=True)
class Drafting:
    """Speculation of one replica: ``tokens`` drafted by an ``engine`` of its own, or by ``layers_share`` of the model.

    yields: expected tokens of a step. head_s: reading the output projection for each drafted token.
    """

    tokens: int
    yields: float
    engine: Engine | None = None
    layers_share: float = 0.0
    head_s: float = 0.0


@dataclass(frozen=True)
class Engine:
    """Coefficients of one replica in seconds and GB, all efficiencies applied.

    outputs: tokens of an answer. stages: of a pipeline; groups: of requests whose attention is computed apart.
    The seconds are of one pass through all stages; ``each`` is for one token of a group (``kv_each_s``: one request).
    marginal_s: what a prompt adds to the passes of the replica (mean over its groups); alone_s: the same where it is
    the only one, so that one group works and the others wait; own_s: the rest of a pass of its own; passes: such passes
    that the prompt fills. overhead_s, admission_steps: before a prompt is read, in seconds and in steps.
    """

    outputs: int
    stages: int
    groups: int
    dense_s: float
    kv_each_s: float
    flops_each_s: float
    activations_each_s: float
    exchange_each_s: float
    kernels_s: float
    mixture: Mixture
    reduction: Reduction
    marginal_s: float
    alone_s: float
    own_s: float
    passes: float
    overhead_s: float
    admission_steps: float
    stall: float
    front_s: float
    most_requests: int
    weights_gb: float
    kv_each_gb: float
    fixed_gb: float
    memory_gb: float
    drafting: Drafting | None = None
    steps: dict[float, float] = field(default_factory=dict, init=False, compare=False, repr=False)
    """`step` of the batches asked for last: searches ask for the same few again and again."""

    def parts(self, batch: float, width: float = 1.0) -> tuple[float, ...]:
        """Return the seconds of a pass of ``batch`` requests, ``width`` tokens of each, by `PARTS`.

        Each stage of a pipeline holds its share of the requests.
        """
        here = max(1.0, batch / self.stages)
        local = max(1.0, here / self.groups)
        tokens = local * width
        return (
            self.dense_s,
            self.mixture.read_s * self.mixture.touched(here * width),
            self.kv_each_s * local,
            self.flops_each_s * tokens + self.mixture.flops_s(here * width),
            self.activations_each_s * tokens,
            self.reduction.seconds(tokens) + self.exchange_each_s * tokens,
            self.kernels_s,
        )

    def pass_s(self, batch: float) -> float:
        """Return the sum of `parts` for one token of each request, by fewer operations (searches call it often)."""
        here = max(1.0, batch / self.stages)
        local = max(1.0, here / self.groups)
        seconds = self.fixed_s + self._each_s * local + self.reduction.seconds(local)
        if self.mixture.experts:
            seconds += self.mixture.read_s * self.mixture.touched(here) + self.mixture.flops_s(here)
        return seconds

    @cached_property
    def fixed_s(self) -> float:
        """Seconds of a pass whatever the batch."""
        return self.dense_s + self.kernels_s

    @cached_property
    def _each_s(self) -> float:
        """Seconds of a pass for each request of a group, messages of all-reduces apart."""
        return self.kv_each_s + self.flops_each_s + self.activations_each_s + self.exchange_each_s

    def draft_s(self, batch: float) -> float:
        """Return the seconds of drafting the tokens of one step (0 without speculation)."""
        draft = self.drafting
        if draft is None:
            return 0.0
        one = draft.layers_share * sum(self.parts(batch)) + draft.head_s if draft.layers_share else 0.0
        if draft.engine is not None:
            one = draft.engine.step(batch)
        return draft.tokens * one

    def step(self, batch: float) -> float:
        """Return the seconds of a token where nothing stalls: a decode step over the tokens that it yields."""
        known = self.steps.get(batch)
        if known is not None:
            return known
        if len(self.steps) >= REMEMBERED:
            self.steps.clear()
        self.steps[batch] = seconds = self._step(batch)
        return seconds

    def _step(self, batch: float) -> float:
        if self.drafting is None:
            return self.pass_s(batch)
        return (sum(self.parts(batch, self.drafting.tokens + 1.0)) + self.draft_s(batch)) / self.drafting.yields

    def breakdown(self, batch: float) -> Mapping[str, float]:
        """Return the parts of `step` in seconds, by name."""
        draft = self.drafting
        width, yields = (draft.tokens + 1.0, draft.yields) if draft else (1.0, 1.0)
        parts = {name: value / yields for name, value in zip(PARTS, self.parts(batch, width), strict=True)}
        return parts if draft is None else {**parts, "drafts": self.draft_s(batch) / yields}

    @cached_property
    def prefill(self) -> float:
        """Return the seconds of one prompt alone, through all stages."""
        return self.alone_s + self.own_s * max(1.0, self.passes)

    @cached_property
    def prefill_service(self) -> float:
        """Return the seconds of a stage that one prompt occupies: the reciprocal of the prefill rate.

        Short prompts are read together: they share the weights' reading and the kernels of a pass.
        """
        return (self.marginal_s + self.own_s * self.passes) / self.stages

    def first(self, batch: float) -> float:
        """Return the mean seconds to the first token of one of ``batch`` requests, apart from waiting for prompts."""
        return self.overhead_s + self.front_s + self.admission_steps * self.step(batch) + self.prefill

    def tpot(self, batch: float) -> float:
        """Return the mean seconds of a further token with ``batch`` requests in flight."""
        return self.step(batch) + self.stall * self.prefill_service * (batch - 1.0) / self.outputs

    @cached_property
    def tpot_alone(self) -> float:
        """Mean seconds of a further token of one request alone."""
        return self.tpot(1.0)

    def rate(self, batch: float) -> float:
        """Return the Poisson arrival rate at which an arrival finds ``batch`` − 1 others in flight."""
        return self.rate_at(batch, self.tpot(batch))

    def rate_at(self, batch: float, tpot: float) -> float:
        """Return `rate` where `tpot` of the batch is known."""
        return (batch - 1.0) / (self.outputs * tpot)

    def memory(self, batch: float) -> float:
        """Return the GB that a chip needs with ``batch`` requests in flight."""
        return self.weights_gb + self.fixed_gb + self.kv_each_gb * batch

    def largest_batch(self, fraction: float) -> float:
        """Return the most requests whose KV cache fits into ``fraction`` of the memory; negative: not the weights."""
        room = self.memory_gb * fraction - self.weights_gb - self.fixed_gb
        return min(float(self.most_requests), room / self.kv_each_gb)
