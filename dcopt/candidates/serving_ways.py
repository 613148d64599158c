"""The ways a replica could be made on a kind of node: variant, engine, layout, speculative decoding.

They follow from the tables alone, never from what a service promises in time: promises only filter them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from dcopt.candidates.records import Pool
from dcopt.performance.cluster import Cluster
from dcopt.performance.compatibility import (
    applies,
    engine_for,
    runs_on,
    secures,
    serves,
    speculates,
    stack_together,
    stacked_loss_pct,
)
from dcopt.performance.serving import Disaggregated, Layout, ReplicaLayout, ServingTask, Variant, layouts_of, variant_of
from dcopt.performance.serving_limits import most_carried, worker_rates
from dcopt.performance.workloads import NO_SPECULATION, serving_task_of
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Compression, Node, Software
from dcopt.problem.tables.problem_rows import Service

LARGEST_REPLICA_NODES = 4
"""Whole nodes that one replica, or one group of prefill and decode workers, may span."""
LARGEST_STACK = 4
"""Variants that may be stacked: one of each method (distilled, pruned, quantized, with a narrow KV cache)."""
RATIOS = 2
"""Groups that are kept of those of one size and the same workers: the two whose ratio of prefill to decode workers
comes nearest to neither side waiting for the other."""

Stack = tuple[Compression, ...]


@dataclass(frozen=True)
class Recipe:
    """What a replica runs, however it is laid out; ``task`` says how it decodes."""

    task: ServingTask
    stack: Stack
    loss_pct: float
    variant: Variant
    engine: Software
    speculation: str


@dataclass(frozen=True)
class Way:
    """One way to make a replica, and the requests/s that it carries at the most."""

    recipe: Recipe
    layout: Layout
    most_per_s: float


def variants_for(service: Service, problem: Problem, site: str) -> list[tuple[Stack, float]]:
    """Return the variants whose published loss ``service`` allows, alone and stacked, with their loss in %.

    The smallest loss comes first, so that of several recipes with the same result the best is taken.
    """
    model = problem.models[service.model]
    rows = [offer.row for offer in offered(problem, "compression", site).values() if applies(offer.row, model)]
    stacks: list[Stack] = [(row,) for row in rows]
    for size in range(2, LARGEST_STACK + 1):
        stacks += [stack for stack in combinations(rows, size) if stack_together(stack)]
    found = [(stack, stacked_loss_pct(stack)) for stack in stacks]
    return sorted((way for way in found if way[1] <= service.max_quality_loss_pct + 1e-12), key=lambda way: way[1])


def recipes_for(service: Service, problem: Problem, pool: Pool) -> Iterator[Recipe]:
    """Yield what a replica of ``service`` could run on the chips of ``pool``."""
    accelerator = problem.accelerators[pool.node.accelerator]
    model = problem.models[service.model]
    engines = [
        engine_for(offer.row, service)
        for offer in offered(problem, "software", pool.site).values()
        if runs_on(offer.row, accelerator, "serving") and serves(offer.row, model) and secures(offer.row, service)
    ]
    drafts = [offer.row for offer in offered(problem, "speculation", pool.site).values()]
    tasks = {NO_SPECULATION: serving_task_of(service, problem)}
    seen: set[tuple[str, Variant]] = set()
    for stack, loss in variants_for(service, problem, pool.site):
        for engine in engines:
            variant = variant_of(stack, accelerator, engine)
            if variant is None or (engine.name, variant) in seen:
                continue
            seen.add((engine.name, variant))
            yield Recipe(tasks[NO_SPECULATION], stack, loss, variant, engine, NO_SPECULATION)
            for row in drafts:
                if service.output_tokens > 0 and speculates(row, model, engine):
                    if row.name not in tasks:
                        tasks[row.name] = serving_task_of(service, problem, row.name)
                    yield Recipe(tasks[row.name], stack, loss, variant, engine, row.name)


def ways_of(recipe: Recipe, node: Node, cluster: Cluster, *, spanning: bool) -> Iterator[Way]:
    """Yield the ways to lay out ``recipe``: within a node or, with ``spanning``, over several whole ones."""
    where = (recipe.variant, recipe.engine)
    for layout in layouts_for(node, recipe.task, cluster, spanning=spanning):
        most = most_carried(recipe.task, cluster, layout, *where)
        if most > 0:
            yield Way(recipe, layout, most)
    if recipe.engine.disaggregation and recipe.task.generates:
        for group, most in groups_for(recipe, node, cluster, spanning=spanning):
            yield Way(recipe, group, most)


def layouts_for(node: Node, task: ServingTask, cluster: Cluster, *, spanning: bool) -> list[ReplicaLayout]:
    """Return the layouts of a replica: of the node's replica sizes, or of several whole connected nodes."""
    depth = task.model.decoder_layers or task.model.layers
    return [
        layout
        for size in (_whole_nodes(node, cluster) if spanning else node.replica_accelerators)
        for layout in layouts_of(task, cluster, size)
        if depth % layout.pipeline == 0
    ]


def _whole_nodes(node: Node, cluster: Cluster) -> list[int]:
    """Return the sizes of replicas of several whole nodes; none where nodes are not connected or cannot be one."""
    if not cluster.connected or node.accelerators not in node.replica_accelerators:
        return []
    return [node.accelerators * count for count in range(2, LARGEST_REPLICA_NODES + 1)]


def groups_for(
    recipe: Recipe, node: Node, cluster: Cluster, *, spanning: bool
) -> Iterator[tuple[Disaggregated, float]]:
    """Yield groups of prefill and decode workers with the requests/s that they carry at the most.

    Within a node they take one of its replica sizes. Several nodes hold workers of whole nodes: smaller workers make
    groups within a node, copies of which make any larger one.
    """
    workers = [w for w in layouts_for(node, recipe.task, cluster, spanning=False) if w.pipeline == 1]
    sizes: Sequence[int] = node.replica_accelerators
    if spanning:
        sizes = _whole_nodes(node, cluster)
        workers = [worker for worker in workers if worker.accelerators == node.accelerators] if sizes else []
    rates = {w: worker_rates(recipe.task, cluster, w, recipe.variant, recipe.engine) for w in workers}
    able = [worker for worker in workers if rates[worker][1] > 0]
    for size in sizes:
        for reader in able:
            for writer in able:
                yield from _balanced(size, reader, writer, rates[reader][0], rates[writer][1])


def _balanced(
    size: int, reader: ReplicaLayout, writer: ReplicaLayout, reads: float, writes: float
) -> list[tuple[Disaggregated, float]]:
    """Return the groups of exactly ``size`` chips that carry the most, `RATIOS` of them."""
    found = []
    for readers in range(1, (size - writer.accelerators) // reader.accelerators + 1):
        writers, left = divmod(size - readers * reader.accelerators, writer.accelerators)
        if not left:
            found.append((min(readers * reads, writers * writes), readers, writers))
    found.sort(reverse=True)
    return [(Disaggregated(reader, readers, writer, writers), most) for most, readers, writers in found[:RATIOS]]
