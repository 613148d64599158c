"""Goodput: the share of the time of a long run that makes progress, checkpoints and failures paid.

A job on n nodes is interrupted every M = node_mtbf / n hours. Each checkpoint stops it for δ; the interval is Daly's
(FGCS 2006), τ = √(2δM)·(1 + ⅓√(δ/2M) + δ/18M) − δ, which is Young's √(2δM) to first order. One interruption loses the
work since the last checkpoint and the restart; with exponential failures the expected time of a run is Daly's
M·e^{R/M}·(e^{(τ+δ)/M} − 1) for each τ of work, which is used whole: it stays within (0, 1] however bad things are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcopt.performance import arithmetic
from dcopt.performance.memory import STATE_BYTES
from dcopt.problem.model_config import ModelConfig

RESTART_S = 600.0
"""Seconds from an interruption to the first new step: detect, replace the node, load the checkpoint, warm up.
Llama 3 (arXiv 2407.21783) kept more than 90 % effective time at an interruption every 3.1 hours, which leaves at most
about 18 minutes for each, lost work included; ten minutes is an estimate."""


@dataclass(frozen=True)
class Goodput:
    """Share of time that makes progress (0 to 1], and what it assumes."""

    fraction: float
    checkpoint_interval_s: float
    checkpoint_write_s: float
    interruptions_per_day: float


def checkpoint_gb(model: ModelConfig, optimizer: str, method: str) -> float:
    """Return the size of a checkpoint in GB: weights (2 bytes), fp32 master copy (4) and optimizer states.

    That is 14 bytes a parameter with Adam. LoRA saves the adapters only.

    Raises `ValueError` for an unknown optimizer.
    """
    if optimizer not in STATE_BYTES:
        raise ValueError(f"optimizer '{optimizer}' is not one of {', '.join(STATE_BYTES)}")
    trained = arithmetic.lora_parameters(model) if method == "lora" else arithmetic.parameters(model)
    return trained * (6.0 + STATE_BYTES[optimizer]) / 1e9


def goodput(
    nodes: int,
    node_mtbf_hours: float,
    checkpoint_size_gb: float,
    checkpoint_gb_per_s: float,
    restart_s: float = RESTART_S,
) -> Goodput:
    """Return the goodput of a job on ``nodes`` nodes.

    Parameters
    ----------
    node_mtbf_hours: mean time between interruptions that one node causes.
    checkpoint_size_gb: size of a checkpoint; reloading it takes as long as writing it.
    checkpoint_gb_per_s: bandwidth that the storage gives the job.
    restart_s: from an interruption to the first new step, without reloading.

    Raises
    ------
    ValueError: nodes, the time between failures or the bandwidth is not positive.
    """
    if nodes < 1 or node_mtbf_hours <= 0 or checkpoint_gb_per_s <= 0 or checkpoint_size_gb < 0 or restart_s < 0:
        raise ValueError("nodes, node_mtbf_hours and checkpoint_gb_per_s must be positive, sizes not negative")
    between_s = node_mtbf_hours * 3600.0 / nodes
    write_s = checkpoint_size_gb / checkpoint_gb_per_s
    interval_s = _daly_interval(write_s, between_s)
    recover_s = restart_s + write_s
    exponent = (interval_s + write_s) / between_s
    growth = math.exp(min(recover_s / between_s, 600.0)) * math.expm1(min(exponent, 600.0))
    fraction = interval_s / (between_s * growth) if interval_s > 0 else math.exp(-recover_s / between_s)
    return Goodput(
        fraction=min(1.0, max(fraction, 1e-9)),
        checkpoint_interval_s=interval_s,
        checkpoint_write_s=write_s,
        interruptions_per_day=86_400.0 / between_s,
    )


def _daly_interval(write_s: float, between_s: float) -> float:
    """Return Daly's optimal interval of work between checkpoints, s (0 where checkpoints cost nothing)."""
    if write_s <= 0:
        return 0.0
    if write_s >= 2.0 * between_s:
        return between_s
    ratio = write_s / (2.0 * between_s)
    return math.sqrt(2.0 * write_s * between_s) * (1.0 + math.sqrt(ratio) / 3.0 + ratio / 9.0) - write_s
