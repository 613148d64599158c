"""The training step: predicted for one layout, or searched over all legal layouts at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dcopt.performance import arithmetic
from dcopt.performance.cluster import Cluster
from dcopt.performance.layouts import LayoutArrays, arrays_of, check, enumerate_layouts, legal_node_counts
from dcopt.performance.training_rates import CONSTANTS, TrainingConstants, peaks
from dcopt.performance.training_records import (
    Layout,
    StepPrediction,
    TrainingTask,
    run_tokens,
    sequence_length_of,
    task_of,
)
from dcopt.performance.training_step import Times, evaluate
from dcopt.problem.tables.catalog_rows import Software

__all__ = [
    "Layout",
    "StepPrediction",
    "TrainingTask",
    "best_step",
    "best_steps",
    "legal_node_counts",
    "predict_step",
    "run_tokens",
    "sequence_length_of",
    "task_of",
]

CHUNK = 65_536
"""Layouts evaluated together: keeps the arrays within the cache's reach."""


def _prediction(
    task: TrainingTask,
    cluster: Cluster,
    layouts: LayoutArrays,
    times: Times,
    index: int,
    precision: str,
    software: Software,
) -> StepPrediction:
    names = (
        "compute",
        "tensor_comm",
        "pipeline_comm",
        "data_comm",
        "expert_comm",
        "bubble",
        "optimizer",
        "other",
    )
    breakdown = {name: float(getattr(times, name)[index]) for name in names}
    step = sum(breakdown.values())
    layout = layouts.at(index)
    chips = layout.accelerators
    flops = arithmetic.training_flops_per_sequence(task.model, task.sequence_length) * task.global_batch
    achieved = flops / step / chips
    memory = float(times.memory[index])
    return StepPrediction(
        layout=layout,
        accelerators=chips,
        precision=precision,
        step_s=step,
        tokens_per_s=task.tokens_per_step / step,
        tokens_per_s_per_accelerator=task.tokens_per_step / step / chips,
        tflops_per_accelerator=achieved / 1e12,
        mfu=achieved / peaks(cluster, precision)[0],
        memory_gb=memory,
        fits=memory <= cluster.accelerator.memory_gb * software.memory_fraction,
        breakdown=breakdown,
    )


def predict_step(
    task: TrainingTask,
    cluster: Cluster,
    layout: Layout,
    precision: str,
    software: Software,
    constants: TrainingConstants = CONSTANTS,
    *,
    uneven: bool = False,
) -> StepPrediction:
    """Return the step of one layout (memory may not fit: see ``fits``); ``uneven`` as `check` takes it.

    Raises
    ------
    ValueError: the layout is illegal, or the chip lacks the precision.
    """
    check(task, cluster, layout, uneven=uneven)
    layouts = arrays_of([layout])
    times = evaluate(task, cluster, layouts, precision, software, constants)
    return _prediction(task, cluster, layouts, times, 0, precision, software)


def best_step(
    task: TrainingTask,
    cluster: Cluster,
    accelerators: int,
    precision: str,
    software: Software,
    fixed: Mapping[str, int | str] | None = None,
) -> StepPrediction | None:
    """Return the fastest legal layout of ``accelerators`` chips that fits the memory; None where there is none.

    ``fixed`` gives degrees by the names of `Layout`. Ties go to the layout that is enumerated first.

    Raises `ValueError` where the chip lacks the precision.
    """
    return _best(task, cluster, [accelerators], precision, software, fixed).get(accelerators)


def best_steps(
    task: TrainingTask, cluster: Cluster, node_counts: Sequence[int], precision: str, software: Software
) -> dict[int, StepPrediction]:
    """Return the best step of each node count that has one, all accelerators of the nodes used."""
    per_node = cluster.accelerators_per_node
    found = _best(task, cluster, [nodes * per_node for nodes in node_counts], precision, software, None)
    return {nodes: found[nodes * per_node] for nodes in node_counts if nodes * per_node in found}


def _best(
    task: TrainingTask,
    cluster: Cluster,
    accelerators: Sequence[int],
    precision: str,
    software: Software,
    fixed: Mapping[str, int | str] | None,
) -> dict[int, StepPrediction]:
    """Return the best step of each number of chips."""
    peaks(cluster, precision)
    layouts = enumerate_layouts(task, cluster, accelerators, fixed)
    limit = cluster.accelerator.memory_gb * software.memory_fraction
    best: dict[int, tuple[float, StepPrediction]] = {}
    for start in range(0, len(layouts), CHUNK):
        part = layouts.piece(start, start + CHUNK)
        times = evaluate(task, cluster, part, precision, software)
        step = np.where(times.memory <= limit, times.step, np.inf)
        chips = part.accelerators
        order = np.lexsort((np.arange(len(part)), step, chips))
        first = np.unique(chips[order], return_index=True)[1]
        for index in order[first]:
            count, seconds = int(chips[index]), float(step[index])
            if np.isfinite(seconds) and (count not in best or seconds < best[count][0]):
                best[count] = (seconds, _prediction(task, cluster, part, times, int(index), precision, software))
    return {count: prediction for count, (_, prediction) in best.items()}
