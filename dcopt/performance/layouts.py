"""Layouts of a training step: which are legal, and all of them at once as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dcopt.performance.cluster import Cluster
from dcopt.performance.training_records import RECOMPUTE, SERVERS, SHARDING, Layout, TrainingTask

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MOST_MICRO_BATCH = 64
MOST_VIRTUAL_STAGES = 8
LEAST_CONTEXT_TOKENS = 4096
"""Context parallelism is searched only down to this many tokens a chip: below it tensor parallelism does the same."""


@dataclass(frozen=True)
class LayoutArrays:
    """Many layouts, one array a degree (shape (n,), integers); recompute and sharding are indices into their names."""

    tensor: Ints
    pipeline: Ints
    data: Ints
    expert: Ints
    context: Ints
    virtual_stages: Ints
    micro_batch: Ints
    recompute: Ints
    sharding: Ints

    @property
    def accelerators(self) -> Ints:
        """Chips of each layout."""
        return self.tensor * self.pipeline * self.context * self.data

    def __len__(self) -> int:
        return len(self.tensor)

    def take(self, rows: Ints) -> LayoutArrays:
        """Return the layouts of some rows, in their order."""
        return LayoutArrays(*(getattr(self, name)[rows] for name in _COLUMNS))

    def at(self, index: int) -> Layout:
        """Return one layout."""
        return Layout(
            tensor=int(self.tensor[index]),
            pipeline=int(self.pipeline[index]),
            data=int(self.data[index]),
            expert=int(self.expert[index]),
            context=int(self.context[index]),
            virtual_stages=int(self.virtual_stages[index]),
            micro_batch=int(self.micro_batch[index]),
            recompute=RECOMPUTE[int(self.recompute[index])],
            sharding=SHARDING[int(self.sharding[index])],
        )


_COLUMNS = tuple(field.name for field in fields(LayoutArrays))


def arrays_of(layouts: Sequence[Layout]) -> LayoutArrays:
    """Return layouts as arrays, in order."""
    return _from_table(
        _table(
            [
                (
                    one.tensor,
                    one.pipeline,
                    one.data,
                    one.expert,
                    one.context,
                    one.virtual_stages,
                    one.micro_batch,
                    RECOMPUTE.index(one.recompute),
                    SHARDING.index(one.sharding),
                )
                for one in layouts
            ]
        )
    )


def _table(rows: Iterable[tuple[int, ...]]) -> Ints:
    return np.array(list(rows), dtype=np.int64).reshape(-1, len(_COLUMNS))


def _from_table(table: Ints) -> LayoutArrays:
    return LayoutArrays(*(np.ascontiguousarray(table[:, column]) for column in range(len(_COLUMNS))))


def divisors(number: int, most: int | None = None) -> list[int]:
    """Return the divisors of ``number`` up to ``most``, ascending."""
    small = [k for k in range(1, int(number**0.5) + 1) if number % k == 0]
    every = sorted({*small, *(number // k for k in small)})
    return every if most is None else [k for k in every if k <= most]


def depth_of(task: TrainingTask) -> int:
    """Return the layers that pipeline stages share out."""
    return task.model.layers + task.model.decoder_layers


def stage_layers(depth: int, pipeline: Ints | int, virtual_stages: Ints | int) -> Floats:
    """Return the layers of the fullest pipeline stage."""
    parts = np.asarray(pipeline) * np.asarray(virtual_stages)
    return np.asarray(virtual_stages * np.ceil(depth / parts), dtype=float)


def shares_out(depth: int, pipeline: int, virtual_stages: int) -> bool:
    """Whether stages can share out the layers with none more than one layer short, as published runs do.

    Llama 3 405B has 126 layers on 16 stages, DeepSeek-V3 61: embedding and head take the places that are left.
    """
    slots = pipeline * float(stage_layers(depth, pipeline, virtual_stages))
    return slots - depth < pipeline


def check(task: TrainingTask, cluster: Cluster, layout: Layout, *, uneven: bool = False) -> None:
    """Raise `ValueError`, saying the cure, where ``layout`` cannot run ``task`` on ``cluster``.

    ``uneven``: a pipeline need not divide the layers (see `shares_out`); what is searched always does.
    """
    model, depth = task.model, depth_of(task)
    for name in ("tensor", "pipeline", "data", "expert", "context", "virtual_stages", "micro_batch"):
        if getattr(layout, name) < 1:
            raise ValueError(f"{name} must be at least 1, not {getattr(layout, name)}")
    if task.global_batch % (layout.data * layout.micro_batch):
        raise ValueError(
            f"data {layout.data} × micro_batch {layout.micro_batch} does not divide global_batch {task.global_batch}"
        )
    shared = uneven and shares_out(depth, layout.pipeline, layout.virtual_stages)
    if depth % (layout.pipeline * layout.virtual_stages) and not shared:
        raise ValueError(
            f"pipeline {layout.pipeline} × virtual_stages {layout.virtual_stages} does not divide {depth} layers"
        )
    if layout.virtual_stages > 1 and layout.pipeline == 1:
        raise ValueError("virtual_stages needs a pipeline")
    micro_batches = task.global_batch // (layout.data * layout.micro_batch)
    if layout.virtual_stages > 1 and micro_batches % layout.pipeline:
        raise ValueError(
            f"interleaving needs whole rounds: pipeline {layout.pipeline} does not divide {micro_batches} micro-batches"
        )
    if model.heads % layout.tensor:
        raise ValueError(f"tensor {layout.tensor} does not divide {model.heads} attention heads")
    if layout.expert > 1 and (model.experts == 0 or model.experts % layout.expert or layout.data % layout.expert):
        raise ValueError(f"expert {layout.expert} must divide {model.experts} experts and data {layout.data}")
    if task.sequence_length % layout.context:
        raise ValueError(f"context {layout.context} does not divide sequence_length {task.sequence_length}")
    if layout.sharding in ("gradients", "full") and layout.pipeline > 1:
        raise ValueError(f"sharding '{layout.sharding}' cannot be combined with a pipeline; use 'optimizer'")
    if layout.sharding == "servers":
        _check_servers(task, layout)
    per_node = cluster.accelerators_per_node
    if layout.accelerators > per_node and not cluster.connected:
        raise ValueError(f"{layout.accelerators} accelerators span nodes of {per_node} that no fabric connects")


def _check_servers(task: TrainingTask, layout: Layout) -> None:
    if "parameter-server" not in task.aggregations:
        raise ValueError("sharding 'servers' needs aggregation 'parameter-server'")
    if layout.pipeline > 1 or layout.expert > 1 or layout.data == 1:
        raise ValueError("parameter servers serve data ranks alone: no pipeline, no experts, data above 1")


def _shardings(pipeline: int, data: int, aggregations: tuple[str, ...]) -> list[int]:
    """Return the legal ways to share states over data ranks, as indices into their names."""
    if data == 1:
        return [0]
    reduced = list(range(2 if pipeline > 1 else 4)) if "all-reduce" in aggregations else []
    return [*reduced, SERVERS] if "parameter-server" in aggregations and pipeline == 1 else reduced


def _tensors(task: TrainingTask, cluster: Cluster) -> list[int]:
    limit = min(cluster.scaleup_domain, task.model.heads)
    return [t for t in (2**k for k in range(16)) if t <= limit and task.model.heads % t == 0]


def _contexts(task: TrainingTask) -> list[int]:
    tokens = task.sequence_length
    return [c for c in (2**k for k in range(10)) if c == 1 or (tokens % c == 0 and tokens // c >= LEAST_CONTEXT_TOKENS)]


def shapes(task: TrainingTask, cluster: Cluster) -> list[tuple[int, int, int, int]]:
    """Return every legal (tensor, pipeline, context, data) that is at most the global batch wide, in a fixed order."""
    return list(
        product(
            _tensors(task, cluster),
            divisors(depth_of(task)),
            _contexts(task),
            divisors(task.global_batch),
        )
    )


def legal_node_counts(task: TrainingTask, cluster: Cluster, max_nodes: int) -> list[int]:
    """Return all node counts up to ``max_nodes`` whose accelerators a legal layout uses exactly, ascending.

    tensor × pipeline × context × data = accelerators, where tensor is a power of two within the scale-up domain that
    divides the heads, pipeline divides the layers, data divides the global batch. Unconnected nodes work alone.
    """
    per_node = cluster.accelerators_per_node
    limit = max_nodes if cluster.connected else min(1, max_nodes)
    found = set()
    for tensor, pipeline, context, data in shapes(task, cluster):
        chips = tensor * pipeline * context * data
        if chips % per_node == 0 and chips <= limit * per_node:
            found.add(chips // per_node)
    return sorted(found)


@lru_cache(maxsize=16_384)
def _all_choices(
    global_batch: int, depth: int, experts: int, aggregations: tuple[str, ...], shape: tuple[int, int, int, int]
) -> Ints:
    """Return every legal layout of a shape; every chip, precision and framework is asked for the same ones."""
    return _table(_choices(global_batch, depth, experts, aggregations, shape, {}))


def _choices(
    global_batch: int,
    depth: int,
    model_experts: int,
    aggregations: tuple[str, ...],
    shape: tuple[int, int, int, int],
    fixed: Mapping[str, int | str],
) -> Iterator[tuple[int, ...]]:
    """Yield every legal layout of a shape, as a row of `LayoutArrays`."""
    tensor, pipeline, context, data = shape
    share = global_batch // data
    micro = divisors(share, None if "micro_batch" in fixed else MOST_MICRO_BATCH)
    most = MOST_VIRTUAL_STAGES if "virtual_stages" not in fixed else None
    virtual = divisors(depth // pipeline, most) if pipeline > 1 else [1]
    if depth % (pipeline * int(fixed.get("virtual_stages", 1))) and "pipeline" in fixed:
        virtual = [v for v in range(1, 2 * depth // pipeline + 1) if shares_out(depth, pipeline, v)]
    experts = [1]
    if model_experts:
        experts = [e for e in divisors(model_experts) if data % e == 0]
    shardings = _shardings(pipeline, data, aggregations)
    for expert, stages, batch, recompute, sharding in product(experts, virtual, micro, range(3), shardings):
        if (stages > 1 and (share // batch) % pipeline) or (expert > 1 and sharding == SERVERS):
            continue
        yield (tensor, pipeline, data, expert, context, stages, batch, recompute, sharding)


def _agrees(row: tuple[int, ...], fixed: Mapping[str, int | str]) -> bool:
    for column, value in zip(_COLUMNS, row, strict=True):
        if column not in fixed:
            continue
        wanted = fixed[column]
        names: tuple[str, ...] = RECOMPUTE if column == "recompute" else SHARDING
        if (names[value] if column in ("recompute", "sharding") else value) != wanted:
            return False
    return True


def enumerate_layouts(
    task: TrainingTask,
    cluster: Cluster,
    accelerators: Sequence[int],
    fixed: Mapping[str, int | str] | None = None,
) -> LayoutArrays:
    """Return all legal layouts that use exactly one of the ``accelerators`` counts, in a fixed order.

    ``fixed`` holds degrees (by the names of `Layout`) that are given; others are searched: micro-batches up to 64, up
    to 8 interleaved stages, context parallelism down to 4096 tokens a chip.
    """
    given = dict(fixed or {})
    wanted = set(accelerators)
    tables: list[Ints] = []
    for shape in _candidate_shapes(task, cluster, given):
        chips = shape[0] * shape[1] * shape[2] * shape[3]
        if chips not in wanted or (chips > cluster.accelerators_per_node and not cluster.connected):
            continue
        sizes = (task.global_batch, depth_of(task), task.model.experts, task.aggregations)
        if given:
            tables.append(_table(row for row in _choices(*sizes, shape, given) if _agrees(row, given)))
        else:
            tables.append(_all_choices(*sizes, shape))
    return _from_table(np.concatenate(tables) if tables else _table(()))


def _candidate_shapes(
    task: TrainingTask, cluster: Cluster, fixed: Mapping[str, int | str]
) -> list[tuple[int, int, int, int]]:
    """Return the shapes to search; a degree that is given may leave the searched range as long as it is possible."""
    tensors, contexts = _tensors(task, cluster), _contexts(task)
    if "tensor" in fixed and task.model.heads % int(fixed["tensor"]) == 0:
        tensors = [int(fixed["tensor"])]
    if "context" in fixed and task.sequence_length % int(fixed["context"]) == 0:
        contexts = [int(fixed["context"])]
    depth = depth_of(task)
    pipelines = divisors(depth)
    if "pipeline" in fixed and shares_out(depth, int(fixed["pipeline"]), int(fixed.get("virtual_stages", 1))):
        pipelines = [int(fixed["pipeline"])]
    return list(product(tensors, pipelines, contexts, divisors(task.global_batch)))
