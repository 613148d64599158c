"""A bound below the step of every layout that costs four products, to choose which layouts are timed.

A step is at least its arithmetic, its traffic through memory and its all-reduces within nodes, the bubble included:
launches only lengthen a layer, and the messages of other groups, what hands stages over, a teacher and the optimizer
take no negative time. Of the data-parallel reduction at least what compute does not hide is left. Arithmetic and
traffic are numerators over the rates of the chip; they are the same for all precisions and frameworks whose kernels are
of one kind. A power cap slows all parts of a step alike, and so its bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dcopt.performance.cluster import Cluster
from dcopt.performance.collectives import Links
from dcopt.performance.layouts import Ints, LayoutArrays, depth_of, stage_layers
from dcopt.performance.memory import fused
from dcopt.performance.training_rates import CONSTANTS, Rates, rates_of
from dcopt.performance.training_records import TrainingTask
from dcopt.performance.training_step import (
    Floats,
    backward_passes,
    overlaps,
    recomputed_s,
    reduce_s,
    reductions,
    trained_layer,
)
from dcopt.problem.tables.catalog_rows import Software


def kernels_of(precision: str, software: Software) -> tuple[object, ...]:
    """Return what decides how often a layer's work is done: ways of one kind have the same `Numerators`."""
    return (fused(precision), software.stack)


@dataclass(frozen=True)
class Work:
    """FLOPs of products and attention, and bytes of a pass over activations (arrays of one length)."""

    products: Floats
    scores: Floats
    traffic: Floats

    def seconds(self, rates: Rates) -> Floats:
        """Return how long it takes."""
        return self.products / rates.products + self.scores / rates.scores + self.traffic / rates.bytes_per_s

    def take(self, rows: Ints) -> Work:
        """Return the work of some rows."""
        return Work(self.products[rows], self.scores[rows], self.traffic[rows])


@dataclass(frozen=True)
class Numerators:
    """What the steps of layouts divide by the rates of a chip, for all ways to compute of one kind.

    step: work of a step, the bubble included; back: of one backward pass through a stage. head: FLOPs of the output
    projection. reduce_s: seconds of all-reduces within nodes. share: part of the layers' work that one micro-batch is.
    """

    step: Work
    back: Work
    head: Floats
    reduce_s: Floats
    share: Floats

    def bound_s(self, cluster: Cluster, precision: str, software: Software) -> Floats:
        """Return seconds that no step falls below; raises `ValueError` where the chip lacks the precision."""
        rates = rates_of(cluster, precision, software)
        seconds: Floats = self.step.seconds(rates) + self.head / rates.head
        seconds = seconds + (self.reduce_s + software.overhead_ms * 1e-3)
        return seconds / cluster.speeds.of_training(precision)

    def data_floor_s(
        self,
        task: TrainingTask,
        cluster: Cluster,
        links: Links,
        layouts: LayoutArrays,
        precision: str,
        software: Software,
        rows: Ints,
    ) -> Floats:
        """Return seconds that the exposed data-parallel communication of ``layouts``, at ``rows``, is at least.

        It hides behind no more than the compute beside it, where launches lengthen a layer by their own time at most.
        """
        rates = rates_of(cluster, precision, software)
        hides, overlapped = overlaps(fused(precision), software)
        micro_batches = task.global_batch / (layouts.data * layouts.micro_batch)
        back = self.back.take(rows).seconds(rates) * hides
        launches = rates.launch_s * (2.0 + backward_passes(task)) * depth_of(task)
        stage = (self.step.take(rows).seconds(rates) * self.share[rows] + launches) * overlapped
        floor: Floats = np.zeros(len(rows))
        for part in reductions(task, links, layouts):
            once = np.maximum(part.once - back, part.once * part.behind)
            sharded = np.maximum(part.sharded - stage, part.sharded * part.behind_sharded)
            floor = floor + np.where(layouts.sharding == 3, micro_batches * sharded, once)
        return floor / cluster.speeds.of_training(precision)


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
    often = micro_batches + (layouts.pipeline - 1) / layouts.virtual_stages
    none = np.zeros(len(layouts))
    parts = (
        replace(layer, scores=none, traffic=none),
        replace(layer, products=none, traffic=none),
        replace(layer, products=none, scores=none),
    )
    again = [recomputed_s(task, part, layouts, is_fused, software) for part in parts]
    back = [(part.forward * backward + more) * layers for part, more in zip(parts, again, strict=True)]
    step = [(last + part.forward * layers) * often for part, last in zip(parts, back, strict=True)]
    return Numerators(
        step=Work(*step),
        back=Work(*back),
        head=micro_batches * layer.head * (1.0 + backward),
        reduce_s=reduce_s(task, cluster, layouts) * layers * often,
        share=1.0 / often,
    )
