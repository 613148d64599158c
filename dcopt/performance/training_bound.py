"""A bound below the step of every layout that costs four products, to choose which layouts are timed.

A step is at least its arithmetic, its traffic through memory and its all-reduces within nodes, the bubble included:
launches only lengthen a layer, and the messages of other groups, what hands stages over, a teacher and the optimizer
take no negative time. Arithmetic and traffic are numerators over the rates of the chip; they are the same for all
precisions and frameworks whose kernels are of one kind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dcopt.performance.cluster import Cluster
from dcopt.performance.layouts import LayoutArrays, depth_of, stage_layers
from dcopt.performance.memory import fused
from dcopt.performance.training_rates import CONSTANTS, Rates, rates_of
from dcopt.performance.training_records import TrainingTask
from dcopt.performance.training_step import Floats, Layer, backward_passes, recomputed_s, reduce_s, trained_layer
from dcopt.problem.tables.catalog_rows import Software


def kernels_of(precision: str, software: Software) -> tuple[object, ...]:
    """Return what decides how often a layer's work is done: ways of one kind have the same `Numerators`."""
    return (fused(precision), software.stack)


@dataclass(frozen=True)
class Numerators:
    """FLOPs of products, attention and output projections and bytes of traffic of a step, with its seconds of reduces.

    Arrays of one length, the bubble included; bytes are those that a pass over activations moves.
    """

    products: Floats
    scores: Floats
    head: Floats
    traffic: Floats
    reduce_s: Floats

    def bound_s(self, cluster: Cluster, precision: str, software: Software) -> Floats:
        """Return seconds that no step falls below; raises `ValueError` where the chip lacks the precision."""
        rates = rates_of(cluster, precision, software)
        seconds: Floats = (
            self.products / rates.products
            + self.scores / rates.scores
            + self.head / rates.head
            + self.traffic / rates.bytes_per_s
            + (self.reduce_s + software.overhead_ms * 1e-3)
        )
        return seconds


def numerators_of(
    task: TrainingTask, cluster: Cluster, layouts: LayoutArrays, precision: str, software: Software
) -> Numerators:
    """Return the numerators of every layout, for all ways of the kind of ``precision`` and ``software``."""
    is_fused = fused(precision)
    real = rates_of(cluster, precision, software)
    one = Rates(products=1.0, head=1.0, scores=1.0, bytes_per_s=1.0, traffic=real.traffic, launch_s=0.0)
    layer = trained_layer(task, cluster, layouts, is_fused, one, CONSTANTS)
    backward = backward_passes(task)
    micro_batches = task.global_batch / (layouts.data * layouts.micro_batch)
    layers = stage_layers(depth_of(task), layouts.pipeline, layouts.virtual_stages)
    often = layers * (micro_batches + (layouts.pipeline - 1) / layouts.virtual_stages)
    none = np.zeros(len(layouts))

    def whole(part: Layer) -> Floats:
        again = recomputed_s(task, part, layouts, is_fused, software)
        seconds: Floats = (part.forward * (1.0 + backward) + again) * often
        return seconds

    return Numerators(
        products=whole(replace(layer, scores=none, traffic=none)),
        scores=whole(replace(layer, products=none, traffic=none)),
        head=micro_batches * layer.head * (1.0 + backward),
        traffic=whole(replace(layer, products=none, scores=none)),
        reduce_s=reduce_s(task, cluster, layouts) * often,
    )
