"""The table of what the user measured: the columns of ``dcopt predict`` and the measured figures."""

from __future__ import annotations

from typing import Literal

from dcopt.problem.columns import Row, column


class Measurement(Row):
    """A measured operating point of a training job's step or of a serving replica.

    A row of the same configuration replaces the prediction; rows of the same model family, node and engine calibrate
    it. A step needs accelerators, software, global_batch and sequence_length; times of a replica need batch, software,
    input_tokens and output_tokens. A rate (requests_per_s, with input_tokens and output_tokens) stands for itself: what
    a replica of that size (blank: a whole node) carries within the promises of every service with such requests.
    """

    id: str = column("A name of yours for the row.")
    task: Literal["training", "inference"] = column("What was measured.")
    model: str = column("The model.")
    node: str = column("The node.", refers_to="nodes")
    fabric: str | None = column("The fabric between nodes.", default=None, refers_to="fabrics")
    accelerators: int | None = column("Accelerators used.", default=None, ge=1)
    tensor: int | None = column("Tensor-parallel degree.", default=None, ge=1)
    pipeline: int | None = column("Pipeline-parallel degree.", default=None, ge=1)
    data: int | None = column("Data-parallel degree.", default=None, ge=1)
    expert: int | None = column("Expert-parallel degree.", default=None, ge=1)
    micro_batch: int | None = column("Sequences of a micro-batch.", default=None, ge=1)
    global_batch: int | None = column("Sequences of a step.", default=None, ge=1)
    sequence_length: int | None = column("Tokens of a sequence.", default=None, ge=1)
    precision: str | None = column("Arithmetic.", default=None)
    compression: str | None = column("Model variant.", default=None, refers_to="compression")
    software: str | None = column("Framework or engine.", default=None, refers_to="software")
    batch: int | None = column("Requests in flight on a replica.", default=None, ge=1)
    input_tokens: int | None = column("Tokens of a request.", default=None, ge=1)
    output_tokens: int | None = column("Tokens of an answer.", default=None, ge=0)
    step_s: float | None = column("Measured time of a training step.", default=None, gt=0)
    tokens_per_s: float | None = column("Measured training throughput.", default=None, gt=0)
    ttft_ms: float | None = column("Measured time to the first token.", default=None, gt=0)
    tpot_ms: float | None = column("Measured time of each further token.", default=None, gt=0)
    latency_ms: float | None = column("Measured time of the whole request.", default=None, gt=0)
    requests_per_s: float | None = column(
        "Measured rate of a replica, Poisson arrivals, within its promises.", default=None, gt=0
    )
