"""What runs on what: frameworks and engines on chips, variants on models."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from dcopt.performance.cluster import Cluster, cluster_of
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Accelerator, Compression, Software


def cluster_for(problem: Problem, node: str, fabric: str) -> Cluster:
    """Return what the models of this room need to know of a node on a fabric, by name."""
    node_row, fabric_row = problem.nodes[node], problem.fabrics[fabric]
    switch = problem.switches[fabric_row.switch] if fabric_row.switch else None
    return cluster_of(node_row, problem.accelerators[node_row.accelerator], fabric_row, switch)


def runs_on(software: Software, accelerator: Accelerator, role: str) -> bool:
    """Whether a framework or engine of ``role`` runs on a chip."""
    return (
        software.role == role
        and (not software.kinds or accelerator.kind in software.kinds)
        and (not software.vendors or accelerator.vendor in software.vendors)
    )


def computes_in(software: Software, precision: str) -> bool:
    """Whether a framework or engine uses that arithmetic."""
    return not software.precisions or precision in software.precisions


def serves(engine: Software, model: ModelConfig) -> bool:
    """Whether an engine serves models of that kind (encoders and vision models, or those that generate)."""
    kind = "encoder" if model.kind in ("encoder", "vision") else "decoder"
    return not engine.families or kind in engine.families


def applies(variant: Compression, model: ModelConfig) -> bool:
    """Whether the loss of a variant is published for a model or its family."""
    return not variant.applies_to or model.name in variant.applies_to or model.family in variant.applies_to


def stack_together(variants: Sequence[Compression]) -> bool:
    """Whether variants are known to combine: each pair is declared, by different methods."""
    return all(
        (a.name in b.stacks_with or b.name in a.stacks_with) and a.method != b.method
        for a, b in combinations(variants, 2)
    )
