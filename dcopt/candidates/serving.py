"""The ways each service could run: variants, engines and replica sizes on every pool, with the rate of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import combinations

from dcopt.candidates.bands import bands_of
from dcopt.candidates.periods import periods_of
from dcopt.candidates.records import Band, Pool, ServingCandidate, Verdict
from dcopt.performance.compatibility import applies, cluster_for, computes_in, runs_on, serves, stack_together
from dcopt.performance.power import serving_node_kw
from dcopt.performance.serving import ReplicaLayout, ServingPrediction, ServingTask, Variant, variant_of
from dcopt.performance.workloads import promised_rate, replica_name, rtt_ms, serving_task_of, stacked_loss_pct
from dcopt.problem.corrections import rate_factor
from dcopt.problem.model_config import ModelConfig
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Compression, Node, Software
from dcopt.problem.tables.problem_rows import Service

LARGEST_REPLICA_NODES = 4
"""Whole nodes that one replica may span."""


def variants_for(service: Service, problem: Problem, site: str) -> list[tuple[tuple[Compression, ...], float]]:
    """Return the variants whose published loss ``service`` allows, alone and stacked, with their loss in %."""
    model = problem.models[service.model]
    rows = [offer.row for offer in offered(problem, "compression", site).values() if applies(offer.row, model)]
    stacks: list[tuple[Compression, ...]] = [(row,) for row in rows]
    for size in (2, 3):
        stacks += [stack for stack in combinations(rows, size) if stack_together(stack)]
    found: list[tuple[tuple[Compression, ...], float]] = []
    for stack in stacks:
        loss = stacked_loss_pct([row.quality_loss_pct for row in stack])
        if loss <= service.max_quality_loss_pct + 1e-12:
            found.append((stack, loss))
    return found


def layouts_for(node: Node, model: ModelConfig, *, has_network: bool) -> list[ReplicaLayout]:
    """Return the layouts of a replica: the node's replica sizes, and whole nodes in a pipeline."""
    layouts = [_layout(size, 1, model) for size in node.replica_accelerators if _splits(size, model)]
    whole = max((size for size in node.replica_accelerators if _splits(size, model)), default=0)
    if has_network and whole == node.accelerators:
        layouts += [
            _layout(whole, count, model) for count in range(2, LARGEST_REPLICA_NODES + 1) if model.layers % count == 0
        ]
    return layouts


def _splits(size: int, model: ModelConfig) -> bool:
    return model.heads % size == 0


def _layout(tensor: int, pipeline: int, model: ModelConfig) -> ReplicaLayout:
    expert = tensor if model.experts and model.experts % tensor == 0 else 1
    return ReplicaLayout(tensor=tensor, pipeline=pipeline, expert=expert)


@dataclass
class ServingGenerator:
    """Generates candidates and keeps what pools share: a replica within a node does not see the fabric."""

    problem: Problem
    pools: tuple[Pool, ...]
    rates: dict[tuple[object, ...], ServingPrediction | None] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    def candidates(self, service: Service) -> tuple[ServingCandidate, ...]:
        """Return the candidates of ``service`` that keep its promises, the dominated left out."""
        kept: list[ServingCandidate] = []
        for pool in self.pools:
            if service.sites and pool.site not in service.sites:
                continue
            found = list(self._on_pool(service, pool))
            self.verdicts.append(_verdict(service, pool, found))
            kept.extend(undominated(found))
        return tuple(kept)

    def _on_pool(self, service: Service, pool: Pool) -> Iterable[ServingCandidate]:
        task = serving_task_of(service, self.problem)
        accelerator = self.problem.accelerators[pool.node.accelerator]
        has_network = pool.rented or pool.fabric.switch is not None
        trip = rtt_ms(service, pool.site, self.problem)
        engines = [
            offer.row
            for offer in offered(self.problem, "software", pool.site).values()
            if runs_on(offer.row, accelerator, "serving") and serves(offer.row, task.model)
        ]
        for stack, loss in variants_for(service, self.problem, pool.site):
            variant = variant_of(stack, accelerator)
            if variant is None:
                continue
            for engine in engines:
                if not computes_in(engine, variant.precision):
                    continue
                for layout in layouts_for(pool.node, task.model, has_network=has_network):
                    rated = self._rate(service, pool, task, layout, variant, engine, trip)
                    if rated is not None and rated.requests_per_s > 0:
                        found = _candidate(service, pool, layout, variant, stack, loss, engine, rated, trip)
                        yield replace(found, bands=self._bands(service, pool, task, layout, variant, engine, trip))

    def _bands(
        self,
        service: Service,
        pool: Pool,
        task: ServingTask,
        layout: ReplicaLayout,
        variant: Variant,
        engine: Software,
        trip_ms: float,
    ) -> tuple[Band, ...]:
        """Return what replicas behind one balancer carry each; nothing where it spreads requests at random."""
        if service.balancer == "random":
            return ()

        def rate(servers: int) -> float:
            rated = self._rate(service, pool, task, layout, variant, engine, trip_ms, servers)
            return 0.0 if rated is None else rated.requests_per_s

        return bands_of(rate, {peak for period in periods_of(self.problem) if (peak := period.peak_of(service.name))})

    def _rate(
        self,
        service: Service,
        pool: Pool,
        task: ServingTask,
        layout: ReplicaLayout,
        variant: Variant,
        engine: Software,
        trip_ms: float,
        servers: int = 1,
    ) -> ServingPrediction | None:
        spans = layout.accelerators > pool.node.accelerators
        key = (
            service.name,
            pool.node.name,
            pool.fabric.name if spans else "",
            layout,
            variant,
            engine.name,
            trip_ms,
            servers,
        )
        if key not in self.rates:
            cluster = cluster_for(self.problem, pool.node.name, pool.fabric.name)
            where = (task, cluster, layout, variant, engine)
            name = replica_name(service, pool.node.name, pool.fabric.name, where, trip_ms)
            factor = rate_factor(self.problem.corrections, name)
            self.rates[key] = promised_rate(service, where, trip_ms, servers, factor)
        return self.rates[key]


def _candidate(
    service: Service,
    pool: Pool,
    layout: ReplicaLayout,
    variant: Variant,
    stack: tuple[Compression, ...],
    loss: float,
    engine: Software,
    rated: ServingPrediction,
    trip_ms: float,
) -> ServingCandidate:
    node = pool.node
    hosting_kw = serving_node_kw(node, 0.0)
    saturated = rated.requests_per_s / rated.utilization
    return ServingCandidate(
        service=service.name,
        pool=pool,
        accelerators=layout.accelerators,
        layout=layout,
        variant=variant,
        compression=tuple(row.name for row in stack),
        software=engine.name,
        quality_loss_pct=loss,
        licence_usd_per_year=engine.licence_usd_per_accelerator_year * layout.accelerators,
        prediction=rated,
        rtt_ms=trip_ms,
        requests_per_s=rated.requests_per_s,
        saturated_requests_per_s=saturated,
        idle_kw=hosting_kw - node.standby_kw,
        kw_per_request=(serving_node_kw(node, 1.0) - hosting_kw) * layout.accelerators / node.accelerators / saturated,
    )


def undominated(candidates: Iterable[ServingCandidate]) -> list[ServingCandidate]:
    """Leave out candidates of one pool that copies of a smaller one replace at no more chips, licence and energy.

    ``m`` replicas of ``a`` replace one of ``b`` when they take no more accelerators, carry no less in every band of
    ``b``, cost no more licence, and no request costs more energy.
    """
    kept: list[ServingCandidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.accelerators, -c.requests_per_s, c.licence_usd_per_year)):
        if not any(_replaces(other, candidate) for other in kept):
            kept.append(candidate)
    return kept


def _replaces(a: ServingCandidate, b: ServingCandidate) -> bool:
    copies = b.accelerators // a.accelerators
    return (
        copies >= 1
        and copies * a.requests_per_s >= b.requests_per_s
        and all(copies * a.rate_of(copies * band.low) >= band.requests_per_s for band in b.bands)
        and copies * a.licence_usd_per_year <= b.licence_usd_per_year
        and a.kw_per_request <= b.kw_per_request
    )


def _verdict(service: Service, pool: Pool, found: list[ServingCandidate]) -> Verdict:
    names = (service.name, pool.site, pool.node.name, pool.fabric.name)
    if not found:
        return Verdict(*names, 0, "none", "no variant, engine and replica size there keeps its promises", 1e9)
    best = max(found, key=lambda c: c.requests_per_s / c.accelerators)
    words = (
        f"{best.requests_per_s / best.accelerators:.3g} requests/s an accelerator"
        f" ({'+'.join(best.compression)}, {best.software}, {best.accelerators} a replica)"
    )
    return Verdict(*names, len(found), words, "", 1.0)
