"""What a training prediction is asked and what it answers: plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dcopt.problem.model_config import ModelConfig
from dcopt.problem.tables.problem_rows import TrainingJob

Recompute = Literal["none", "selective", "full"]
Sharding = Literal["none", "optimizer", "gradients", "full", "servers"]
RECOMPUTE: tuple[Recompute, ...] = ("none", "selective", "full")
SHARDING: tuple[Sharding, ...] = ("none", "optimizer", "gradients", "full", "servers")
"""What data ranks share out; ``servers``: parameter servers, one on each node's host, keep the optimizer's states."""
SERVERS = SHARDING.index("servers")
METHODS = ("pretrain", "finetune", "lora", "distill", "prune")
OPTIMIZERS = ("adam", "sgd", "momentum", "rmsprop", "adafactor", "adam8bit")


@dataclass(frozen=True)
class TrainingTask:
    """One optimizer step: ``global_batch`` sequences of ``sequence_length`` tokens.

    ``method`` 'lora' trains adapters only; every other trains all weights. 'distill' also runs the ``teacher``
    forward on every token; 'prune' is the mean step of a run whose last ``sparse_share`` of steps has 2:4 sparse
    weights. ``aggregations``: how gradients may be summed over data ranks ('all-reduce', 'parameter-server').
    """

    model: ModelConfig
    sequence_length: int
    global_batch: int
    optimizer: str = "adam"
    method: str = "pretrain"
    teacher: ModelConfig | None = None
    sparse_share: float = 0.0
    aggregations: tuple[str, ...] = ("all-reduce",)

    def __post_init__(self) -> None:
        """Raise `ValueError` for a task that cannot be."""
        if self.sequence_length < 1 or self.global_batch < 1:
            raise ValueError("sequence_length and global_batch must be at least 1")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer '{self.optimizer}' is not one of {', '.join(OPTIMIZERS)}")
        if self.method not in METHODS:
            raise ValueError(f"method '{self.method}' is not one of {', '.join(METHODS)}")
        if (self.method == "distill") != (self.teacher is not None):
            raise ValueError("method 'distill' needs a teacher, and only it has one")
        if not 0.0 <= self.sparse_share <= 1.0:
            raise ValueError("sparse_share must lie within 0 and 1")

    @property
    def tokens_per_step(self) -> int:
        """Tokens of a step."""
        return self.sequence_length * self.global_batch


@dataclass(frozen=True)
class Layout:
    """How a step is split: degrees of parallelism, micro-batch, recomputation and sharding over the data ranks.

    ``expert`` ranks are taken out of the data ranks, so tensor × pipeline × context × data chips run the step.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1
    context: int = 1
    virtual_stages: int = 1
    micro_batch: int = 1
    recompute: Recompute = "none"
    sharding: Sharding = "none"

    @property
    def accelerators(self) -> int:
        """Chips that run the step."""
        return self.tensor * self.pipeline * self.context * self.data


@dataclass(frozen=True)
class StepPrediction:
    """One training step.

    Attributes
    ----------
    tflops_per_accelerator: model FLOPs (full attention, no recomputation) per second and chip.
    mfu: that ÷ the chip's dense peak at ``precision``.
    memory_gb: memory that the fullest chip needs; ``fits``: within the software's share of it.
    breakdown: seconds of compute, tensor_comm, pipeline_comm, data_comm, expert_comm (all exposed), bubble, optimizer
        and other; they sum to ``step_s``.
    """

    layout: Layout
    accelerators: int
    precision: str
    step_s: float
    tokens_per_s: float
    tokens_per_s_per_accelerator: float
    tflops_per_accelerator: float
    mfu: float
    memory_gb: float
    fits: bool
    breakdown: Mapping[str, float]


def sequence_length_of(job: TrainingJob, model: ModelConfig) -> int:
    """Return the sequence length of a job: as given, else the longest that its model takes."""
    return job.sequence_length or model.default_tokens


def run_tokens(job: TrainingJob, model: ModelConfig) -> float:
    """Return the tokens of one run: as given, or samples × epochs × sequence length."""
    if job.tokens is not None:
        return job.tokens
    assert job.samples is not None
    return job.samples * job.epochs * sequence_length_of(job, model)


def task_of(job: TrainingJob, model: ModelConfig, teacher: ModelConfig | None = None) -> TrainingTask:
    """Return the step of a job; ``teacher`` is that of a distillation."""
    return TrainingTask(
        model=model,
        sequence_length=sequence_length_of(job, model),
        global_batch=job.global_batch,
        optimizer=job.optimizer,
        method=job.method,
        teacher=teacher,
        sparse_share=1.0 - job.dense_pct / 100.0 if job.method == "prune" else 0.0,
        aggregations=job.aggregation,
    )
