"""The candidates of each service on every pool: the ways to make a replica, with the rate that each carries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dcopt.candidates.records import Pool, ServingCandidate, Verdict
from dcopt.candidates.serving_ways import Way, ways_of
from dcopt.performance.cluster import Cluster
from dcopt.performance.compatibility import cluster_for
from dcopt.performance.power import serving_node_kw
from dcopt.performance.serving import ServingPrediction, largest_rate, saturated
from dcopt.performance.workloads import rtt_ms
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Service


@dataclass
class ServingGenerator:
    """Generates candidates and keeps what pools share: a replica within a node does not see the fabric."""

    problem: Problem
    pools: tuple[Pool, ...]
    bounds: dict[tuple[object, ...], ServingPrediction | None] = field(default_factory=dict)
    rates: dict[tuple[object, ...], ServingPrediction | None] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    def candidates(self, service: Service) -> tuple[ServingCandidate, ...]:
        """Return the candidates of ``service`` that keep its promises, the dominated left out."""
        kept: list[ServingCandidate] = []
        for pool in self.pools:
            if service.sites and pool.site not in service.sites:
                continue
            found = self._on_pool(service, pool)
            self.verdicts.append(_verdict(service, pool, found))
            kept.extend(undominated(found))
        return tuple(kept)

    def _on_pool(self, service: Service, pool: Pool) -> list[ServingCandidate]:
        """Rate the ways from the most throughput a chip down, leaving out those that cannot win any more."""
        cluster = cluster_for(self.problem, pool.node.name, pool.fabric.name)
        trip = rtt_ms(service, pool.site, self.problem)
        best_cases = []
        for way in ways_of(service, self.problem, pool, cluster):
            most = self._saturated(pool, cluster, way)
            if most is not None and most.requests_per_s > 0:
                best_cases.append((_candidate(service, pool, way, most, trip), way))
        best_cases.sort(key=lambda case: (-case[0].requests_per_s / case[0].accelerators, case[0].accelerators))
        found: list[ServingCandidate] = []
        for best_case, way in best_cases:
            if cannot_win(best_case, found):
                continue
            rated = self._rate(service, pool, cluster, way, trip)
            if rated is not None and rated.requests_per_s > 0:
                found.append(replace(best_case, prediction=rated, requests_per_s=rated.requests_per_s))
        return found

    def _saturated(self, pool: Pool, cluster: Cluster, way: Way) -> ServingPrediction | None:
        key = (*_where(pool, way), way)
        if key not in self.bounds:
            self.bounds[key] = saturated(way.task, cluster, way.layout, way.variant, way.engine)
        return self.bounds[key]

    def _rate(
        self, service: Service, pool: Pool, cluster: Cluster, way: Way, trip_ms: float
    ) -> ServingPrediction | None:
        key = (service.name, *_where(pool, way), way, trip_ms)
        if key not in self.rates:
            budgets = [
                None if promise is None else promise - trip
                for promise, trip in (
                    (service.ttft_ms, trip_ms),
                    (service.tpot_ms, 0.0),
                    (service.latency_ms, trip_ms),
                )
            ]
            if any(budget is not None and budget <= 0 for budget in budgets):
                self.rates[key] = None
            else:
                ttft, tpot, latency = budgets
                self.rates[key] = largest_rate(
                    way.task,
                    cluster,
                    way.layout,
                    way.variant,
                    way.engine,
                    percentile=service.percentile,
                    ttft_ms=ttft,
                    tpot_ms=tpot,
                    latency_ms=latency,
                )
        return self.rates[key]


def _where(pool: Pool, way: Way) -> tuple[str, str]:
    spans = way.layout.accelerators > pool.node.accelerators
    return pool.node.name, pool.fabric.name if spans else ""


def _candidate(service: Service, pool: Pool, way: Way, most: ServingPrediction, trip_ms: float) -> ServingCandidate:
    """Return the candidate as if it carried its saturated rate ``most`` within the promises."""
    node, layout = pool.node, way.layout
    hosting_kw = serving_node_kw(node, 0.0)
    return ServingCandidate(
        service=service.name,
        pool=pool,
        accelerators=layout.accelerators,
        layout=layout,
        variant=way.variant,
        compression=tuple(row.name for row in way.stack),
        software=way.engine.name,
        speculation=way.speculation,
        quality_loss_pct=way.loss_pct,
        licence_usd_per_year=way.engine.licence_usd_per_accelerator_year * layout.accelerators,
        prediction=most,
        rtt_ms=trip_ms,
        requests_per_s=most.requests_per_s,
        saturated_requests_per_s=most.requests_per_s,
        idle_kw=hosting_kw - node.standby_kw,
        kw_per_request=(serving_node_kw(node, 1.0) - hosting_kw)
        * layout.accelerators
        / node.accelerators
        / most.requests_per_s,
    )


def cannot_win(best_case: ServingCandidate, found: Iterable[ServingCandidate]) -> bool:
    """Whether some rated candidate replaces another one even if that one carried its saturated rate.

    No promise lets a replica carry more than that, so `undominated` would leave it out whatever it carries.
    """
    return any(_replaces(other, best_case) for other in found)


def undominated(candidates: Iterable[ServingCandidate]) -> list[ServingCandidate]:
    """Leave out candidates of one pool that copies of a smaller one replace at no more chips, licence and energy.

    ``m`` replicas of ``a`` replace one of ``b`` when they take no more accelerators, carry no less, cost no more
    licence, and no request costs more energy. Of candidates that do the same the one that loses least quality is kept.
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
