"""The candidates of each service on every pool: the ways to make a replica, with the rate that each carries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dcopt.candidates.records import Pool, ServingCandidate, Verdict
from dcopt.candidates.serving_ways import Way, recipes_for, ways_of
from dcopt.performance.cluster import Cluster
from dcopt.performance.compatibility import cluster_for
from dcopt.performance.power import serving_node_kw
from dcopt.performance.serving import ServingPrediction, largest_rate
from dcopt.performance.workloads import rtt_ms
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Node
from dcopt.problem.tables.problem_rows import Service


@dataclass(frozen=True)
class Case:
    """A way at its best: as if it carried its saturated rate within the promises."""

    way: Way
    accelerators: int
    requests_per_s: float
    licence_usd_per_year: float
    kw_per_request: float


@dataclass
class ServingGenerator:
    """Generates candidates and keeps what pools share: a replica within a node does not see the fabric."""

    problem: Problem
    pools: tuple[Pool, ...]
    cases: dict[tuple[str, str, str, str], list[Case]] = field(default_factory=dict)
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
        cases = [
            *self._cases(service, pool, cluster, spanning=False),
            *self._cases(service, pool, cluster, spanning=True),
        ]
        cases.sort(key=lambda case: (-case.requests_per_s / case.accelerators, case.accelerators))
        found: list[ServingCandidate] = []
        for case in cases:
            if cannot_win(case, found):
                continue
            rated = self._rate(service, pool, cluster, case.way, trip)
            if rated is not None and rated.requests_per_s > 0:
                found.append(_candidate(service, pool, case, rated, trip))
        return found

    def _cases(self, service: Service, pool: Pool, cluster: Cluster, *, spanning: bool) -> list[Case]:
        key = (service.name, pool.site, pool.node.name, pool.fabric.name if spanning else "")
        if key not in self.cases:
            self.cases[key] = [
                _case(pool.node, way)
                for recipe in recipes_for(service, self.problem, pool)
                for way in ways_of(recipe, pool.node, cluster, spanning=spanning)
            ]
        return self.cases[key]

    def _rate(
        self, service: Service, pool: Pool, cluster: Cluster, way: Way, trip_ms: float
    ) -> ServingPrediction | None:
        recipe = way.recipe
        spans = way.layout.accelerators > pool.node.accelerators
        where = (service.name, pool.node.name, pool.fabric.name if spans else "", trip_ms)
        key = (*where, way.layout, recipe.variant, recipe.engine.name, recipe.speculation)
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
                    recipe.task,
                    cluster,
                    way.layout,
                    recipe.variant,
                    recipe.engine,
                    percentile=service.percentile,
                    ttft_ms=ttft,
                    tpot_ms=tpot,
                    latency_ms=latency,
                )
        return self.rates[key]


def _case(node: Node, way: Way) -> Case:
    chips = way.layout.accelerators
    span_kw = serving_node_kw(node, 1.0) - serving_node_kw(node, 0.0)
    return Case(
        way=way,
        accelerators=chips,
        requests_per_s=way.most_per_s,
        licence_usd_per_year=way.recipe.engine.licence_usd_per_accelerator_year * chips,
        kw_per_request=span_kw * chips / node.accelerators / way.most_per_s,
    )


def _candidate(service: Service, pool: Pool, case: Case, rated: ServingPrediction, trip_ms: float) -> ServingCandidate:
    recipe = case.way.recipe
    return ServingCandidate(
        service=service.name,
        pool=pool,
        accelerators=case.accelerators,
        layout=case.way.layout,
        variant=recipe.variant,
        compression=tuple(row.name for row in recipe.stack),
        software=recipe.engine.name,
        speculation=recipe.speculation,
        quality_loss_pct=recipe.loss_pct,
        licence_usd_per_year=case.licence_usd_per_year,
        prediction=rated,
        rtt_ms=trip_ms,
        requests_per_s=rated.requests_per_s,
        saturated_requests_per_s=case.requests_per_s,
        idle_kw=serving_node_kw(pool.node, 0.0) - pool.node.standby_kw,
        kw_per_request=case.kw_per_request,
    )


def cannot_win(case: Case, found: Iterable[ServingCandidate]) -> bool:
    """Whether some rated candidate replaces a way even if that carried its saturated rate.

    No promise lets a replica carry more than that, so `undominated` would leave it out whatever it carries.
    """
    return any(_replaces(other, case) for other in found)


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


def _replaces(a: ServingCandidate, b: ServingCandidate | Case) -> bool:
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
