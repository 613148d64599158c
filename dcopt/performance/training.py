"""The training step: predicted for one layout, or searched over all legal layouts at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dcopt.performance import arithmetic
from dcopt.performance.cluster import Cluster
from dcopt.performance.layouts import arrays_of, check, legal_node_counts
from dcopt.performance.memory import memory_gb
from dcopt.performance.training_rates import CONSTANTS, TrainingConstants, peaks
from dcopt.performance.training_records import (
    Layout,
    StepPrediction,
    TrainingTask,
    run_tokens,
    sequence_length_of,
    task_of,
)
from dcopt.performance.training_search import Found, Way, fastest_layouts
from dcopt.performance.training_step import evaluate
from dcopt.problem.tables.catalog_rows import Software

__all__ = [
    "Layout",
    "StepPrediction",
    "TrainingTask",
    "Way",
    "best_step",
    "best_steps",
    "best_steps_on",
    "legal_node_counts",
    "predict_step",
    "run_tokens",
    "sequence_length_of",
    "task_of",
]


def _prediction(
    task: TrainingTask, cluster: Cluster, found: Found, precision: str, software: Software
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
    breakdown = {name: float(getattr(found.times, name)[found.index]) for name in names}
    step = sum(breakdown.values())
    chips = found.layout.accelerators
    flops = arithmetic.training_flops_per_sequence(task.model, task.sequence_length) * task.global_batch
    achieved = flops / step / chips
    return StepPrediction(
        layout=found.layout,
        accelerators=chips,
        precision=precision,
        step_s=step,
        tokens_per_s=task.tokens_per_step / step,
        tokens_per_s_per_accelerator=task.tokens_per_step / step / chips,
        tflops_per_accelerator=achieved / 1e12,
        mfu=achieved / peaks(cluster, precision)[0],
        memory_gb=found.memory_gb,
        fits=found.memory_gb <= cluster.accelerator.memory_gb * software.memory_fraction,
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
    memory = float(memory_gb(task, precision, layouts)[0])
    return _prediction(task, cluster, Found(layout, times, 0, memory, float(times.step[0])), precision, software)


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
    way = Way(precision, software)
    found = fastest_layouts(task, [cluster], [[accelerators]], [way], fixed)[0][0].get(accelerators)
    return None if found is None else _prediction(task, cluster, found, precision, software)


def best_steps(
    task: TrainingTask, cluster: Cluster, node_counts: Sequence[int], precision: str, software: Software
) -> dict[int, StepPrediction]:
    """Return the best step of each node count that has one, all accelerators of the nodes used."""
    return best_steps_on(task, [cluster], [node_counts], [Way(precision, software)])[0][0]


def best_steps_on(
    task: TrainingTask, clusters: Sequence[Cluster], node_counts: Sequence[Sequence[int]], ways: Sequence[Way]
) -> list[list[dict[int, StepPrediction]]]:
    """Return by cluster and way `best_steps` of the same nodes on several networks, each with node counts of its own.

    Steps that a way need not make, as another does faster (see `fastest_layouts`), are left out.
    """
    per_node = clusters[0].accelerators_per_node
    chips = [[nodes * per_node for nodes in of_one] for of_one in node_counts]
    every = fastest_layouts(task, clusters, chips, ways)
    return [
        [
            {
                count // per_node: _prediction(task, cluster, one, way.precision, way.software)
                for count, one in found.items()
            }
            for way, found in zip(ways, of_one, strict=True)
        ]
        for cluster, of_one in zip(clusters, every, strict=True)
    ]
