"""The ways a replica could be made on a kind of node: variant, engine, layout, speculative decoding.

They follow from the tables alone, never from what a service promises in time: promises only filter them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from dcopt.candidates.records import Pool
from dcopt.performance.cluster import Cluster
from dcopt.performance.compatibility import applies, runs_on, serves, speculates, stack_together, stacked_loss_pct
from dcopt.performance.serving import ReplicaLayout, ServingTask, Variant, layouts_of, variant_of
from dcopt.performance.workloads import NO_SPECULATION, serving_task_of
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Compression, Node, Software
from dcopt.problem.tables.problem_rows import Service

LARGEST_REPLICA_NODES = 4
"""Whole nodes that one replica may span."""
LARGEST_STACK = 4
"""Variants that may be stacked: one of each method (distilled, pruned, quantized, with a narrow KV cache)."""

Stack = tuple[Compression, ...]


@dataclass(frozen=True)
class Way:
    """One way to make a replica; ``task`` says how it decodes."""

    task: ServingTask
    stack: Stack
    loss_pct: float
    variant: Variant
    engine: Software
    layout: ReplicaLayout
    speculation: str


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


def ways_of(service: Service, problem: Problem, pool: Pool, cluster: Cluster) -> Iterator[Way]:
    """Yield the ways in which a replica of ``service`` could be made of nodes like those of ``pool``."""
    accelerator = problem.accelerators[pool.node.accelerator]
    model = problem.models[service.model]
    plain = serving_task_of(service, problem)
    layouts = layouts_for(pool.node, plain, cluster)
    engines = [
        offer.row
        for offer in offered(problem, "software", pool.site).values()
        if runs_on(offer.row, accelerator, "serving") and serves(offer.row, model)
    ]
    drafts = [offer.row for offer in offered(problem, "speculation", pool.site).values()] if plain.generates else []
    seen: set[tuple[str, Variant]] = set()
    for stack, loss in variants_for(service, problem, pool.site):
        for engine in engines:
            variant = variant_of(stack, accelerator, engine)
            if variant is None or (engine.name, variant) in seen:
                continue
            seen.add((engine.name, variant))
            speculations = [NO_SPECULATION, *(row.name for row in drafts if speculates(row, model, engine))]
            for speculation in speculations:
                task = serving_task_of(service, problem, speculation)
                for layout in layouts:
                    yield Way(task, stack, loss, variant, engine, layout, speculation)


def layouts_for(node: Node, task: ServingTask, cluster: Cluster) -> list[ReplicaLayout]:
    """Return the layouts of a replica: of the node's replica sizes, and of whole nodes where they are connected."""
    sizes = list(node.replica_accelerators)
    if cluster.connected and node.accelerators in sizes:
        sizes += [node.accelerators * count for count in range(2, LARGEST_REPLICA_NODES + 1)]
    model = task.model
    depth = model.decoder_layers or model.layers
    return [layout for size in sizes for layout in layouts_of(task, cluster, size) if depth % layout.pipeline == 0]
