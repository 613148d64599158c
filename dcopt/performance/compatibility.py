"""What runs on what: frameworks and engines on chips, variants on models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from dcopt.performance.arithmetic import parameters
from dcopt.performance.cluster import Cluster, cluster_of
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Accelerator, Compression, Software, SpeculativeDecoding
from dcopt.problem.tables.problem_rows import Service

IN_TRANSIT = "encryption-in-transit"


def cluster_for(problem: Problem, node: str, fabric: str, requires: Sequence[str] = ()) -> Cluster:
    """Return what the models of this room need to know of a node on a fabric, by name.

    Where encryption in transit is required, a fabric without it joins no nodes, and one with it has less bandwidth.
    """
    node_row, fabric_row = problem.nodes[node], problem.fabrics[fabric]
    accelerator = problem.accelerators[node_row.accelerator]
    if IN_TRANSIT in requires:
        if IN_TRANSIT not in fabric_row.features:
            return cluster_of(node_row, accelerator, None, None)
        left = fabric_row.efficiency_pct * (1 - fabric_row.encryption_loss_pct / 100)
        fabric_row = fabric_row.model_copy(update={"efficiency_pct": left})
    switch = problem.switches[fabric_row.switch] if fabric_row.switch else None
    return cluster_of(node_row, accelerator, fabric_row, switch)


def engine_for(software: Software, service: Service) -> Software:
    """Return an engine at the speed that it has for a service: less where that requires encryption in transit."""
    if IN_TRANSIT not in service.requires or not software.encryption_loss_pct:
        return software
    left = software.efficiency * (1 - software.encryption_loss_pct / 100)
    return software.model_copy(update={"efficiency": left})


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
    """Whether a variant has a published loss, and has it for a model or its family, at its size."""
    if variant.published_loss_pct is None:
        return False
    if variant.applies_to and model.name not in variant.applies_to and model.family not in variant.applies_to:
        return False
    billions = parameters(model) / 1e9
    return (variant.min_params_b or 0.0) <= billions <= (variant.max_params_b or math.inf)


def secures(software: Software, service: Service) -> bool:
    """Whether the engine offers all that the service requires of it."""
    return set(service.requires) <= set(software.features)


def speculates(row: SpeculativeDecoding, model: ModelConfig, engine: Software) -> bool:
    """Whether a way of speculative decoding was measured for a model (or its family) and an engine can do it."""
    known = not row.applies_to or model.name in row.applies_to or model.family in row.applies_to
    return known and model.generates and (not row.engines or engine.name in row.engines)


def stack_together(variants: Sequence[Compression]) -> bool:
    """Whether variants are known to combine: each pair is declared, by different methods."""
    return all(
        (a.name in b.stacks_with or b.name in a.stacks_with) and a.method != b.method
        for a, b in combinations(variants, 2)
    )


def stacked_loss_pct(variants: Sequence[Compression]) -> float:
    """Return the loss of stacked variants, 1 − Π(1 − lossᵢ), gains counted as 0, % (design.md, section 4).

    Raises `ValueError` where no loss is published for one of them.
    """
    kept = 1.0
    for variant in variants:
        loss = variant.published_loss_pct
        if loss is None:
            raise ValueError(f"no loss is published for the variant '{variant.name}'")
        kept *= 1 - loss / 100
    return (1 - kept) * 100
