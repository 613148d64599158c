"""The candidates of each service on every pool: the ways to make a replica, with the rate that each carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from dcopt.candidates.admitted import Admits, everything
from dcopt.candidates.bands import bands_of, enough_replicas
from dcopt.candidates.memory import Memory
from dcopt.candidates.periods import periods_of
from dcopt.candidates.records import Band, Pool, ServingCandidate, Verdict, pooled_rate
from dcopt.candidates.serving_ways import Recipe, Way, recipes_for, ways_of
from dcopt.performance.cluster import Cluster
from dcopt.performance.compatibility import cluster_for
from dcopt.performance.expected import Expectations, ServingExpectation, expectations_of
from dcopt.performance.power import serving_node_kw
from dcopt.performance.serving import Layout
from dcopt.performance.serving_expected import promised_rate, promised_requests_per_s
from dcopt.performance.workloads import Where, replica_name, rtt_ms, serving_task_of
from dcopt.problem.corrections import rate_factor
from dcopt.problem.offered import offered
from dcopt.problem.problem import Problem
from dcopt.problem.tables.catalog_rows import Node
from dcopt.problem.tables.problem_rows import Service

STANDING_BY = 2.0
"""Times the peak that replicas over failure domains may carry: without one of two domains the other carries all."""


@dataclass(frozen=True)
class Case:
    """A way at its best: as if it carried its saturated rate (or the one that was measured) within the promises."""

    way: Way
    expected: ServingExpectation
    accelerators: int
    requests_per_s: float
    licence_usd_per_year: float
    kw_per_request: float


@dataclass
class Rated:
    """A case on a pool with what it carries within the promises.

    ``bands`` (those of `ServingCandidate`) are rated only where they decide between two cases, or are kept.
    """

    case: Case
    requests_per_s: float
    rate: Callable[[int], float]
    """Requests/s of each of so many replicas behind one balancer."""
    peaks: tuple[float, ...]
    pooled: bool

    @property
    def accelerators(self) -> int:
        """Chips of a replica."""
        return self.case.accelerators

    @cached_property
    def bands(self) -> tuple[Band, ...]:
        """What replicas behind one balancer carry each; nothing where it spreads requests at random."""
        return bands_of(self.rate, self.peaks) if self.pooled else ()

    @cached_property
    def most_per_s(self) -> float:
        """What no band exceeds: the rate of each of at least as many replicas as carry the largest peak."""
        if not self.pooled or not self.peaks:
            return self.requests_per_s
        return max(self.requests_per_s, self.rate(enough_replicas(self.requests_per_s, max(self.peaks))))

    def rate_of(self, replicas: int) -> float:
        """Return the requests/s of each of ``replicas`` behind one balancer, by its band."""
        return pooled_rate(self.requests_per_s, self.bands, replicas)


@dataclass
class ServingGenerator:
    """Generates candidates and keeps what pools share: a replica within a node does not see the fabric."""

    problem: Problem
    pools: tuple[Pool, ...]
    memory: Memory = field(default_factory=Memory)
    """Of this problem; shared with the problems that predictions cannot tell from it."""
    admits: Admits = everything
    cases: dict[tuple[object, ...], list[Case]] = field(default_factory=dict)
    found: dict[tuple[object, ...], tuple[list[Rated], list[ServingCandidate]]] = field(default_factory=dict)
    """All that keep the promises, and the undominated of them, by what is asked and where: services that ask the same
    and sites that offer the same share them."""
    asked: dict[str, tuple[object, ...]] = field(default_factory=dict)
    offers: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    peaks: dict[str, tuple[float, ...]] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    expectations: Expectations = field(init=False)

    def __post_init__(self) -> None:
        """Read what is to be expected of predictions; raises `InputError` for a measurement that cannot be used."""
        self.expectations = expectations_of(self.problem)

    def candidates(self, service: Service) -> tuple[ServingCandidate, ...]:
        """Return the candidates of ``service`` that keep its promises, the dominated left out."""
        kept: list[ServingCandidate] = []
        for pool in self.pools:
            if service.sites and pool.site not in service.sites:
                continue
            trip = rtt_ms(service, pool.site, self.problem)
            asked = (self._asked(service), self._software(pool.site), pool.node.name, pool.fabric.listed.name)
            chosen = () if self.admits is everything else (service.name, pool.key)
            key = (*asked, trip, self._peaks(service), *chosen)
            if key not in self.found:
                every = self._on_pool(service, pool, trip)
                best = [self._candidate(service, pool, rated, trip) for rated in undominated(every)]
                self.found[key] = every, best
            every, best = self.found[key]
            self.verdicts.append(_verdict(service, pool, every))
            extra = 1.0 if service.failure_domains == "none" else STANDING_BY
            kept.extend(replace(c, service=service.name, pool=pool, stands_by=extra) for c in best)
        return tuple(kept)

    def _asked(self, service: Service) -> tuple[object, ...]:
        """Return what decides which replicas keep the promises: the name too where rows may speak of it alone."""
        if service.name not in self.asked:
            alone = service.name if self.problem.corrections or self.expectations.measured else ""
            promises = (service.percentile, service.ttft_ms, service.tpot_ms, service.latency_ms)
            ruled = (service.max_quality_loss_pct, service.balancer, service.requires)
            self.asked[service.name] = (alone, serving_task_of(service, self.problem), *promises, *ruled)
        return self.asked[service.name]

    def _software(self, site: str) -> tuple[tuple[str, ...], ...]:
        """Return the variants, engines and drafts that a site offers, by name."""
        if site not in self.offers:
            tables = ("compression", "software", "speculation")
            self.offers[site] = tuple(tuple(offered(self.problem, table, site)) for table in tables)
        return self.offers[site]

    def _peaks(self, service: Service) -> tuple[float, ...]:
        """Return the loads that the service must ever carry, requests/s, each once."""
        if service.name not in self.peaks:
            every = {peak for period in periods_of(self.problem) if (peak := period.peak_of(service.name))}
            self.peaks[service.name] = tuple(sorted(every))
        return self.peaks[service.name]

    def _on_pool(self, service: Service, pool: Pool, trip: float) -> list[Rated]:
        """Rate the ways from the most throughput a chip down, leaving out those that cannot win any more."""
        cluster = cluster_for(self.problem, pool.node.name, pool.fabric.name)
        cases = [
            *self._cases(service, pool, cluster, spanning=False),
            *self._cases(service, pool, cluster, spanning=True),
        ]
        if self.admits is not everything:
            cases = [case for case in cases if self.admits(service.name, pool, compression_of(case.way))]
        cases.sort(key=lambda case: (-case.requests_per_s / case.accelerators, case.accelerators))
        peaks, pooled = self._peaks(service), service.balancer != "random"
        found: list[Rated] = []
        for case in cases:
            if cannot_win(case, found):
                continue
            rate = self._rate(service, pool, cluster, case, trip)
            alone = rate(1)
            if alone > 0.0:
                found.append(Rated(case, alone, rate, peaks, pooled))
        return found

    def _cases(self, service: Service, pool: Pool, cluster: Cluster, *, spanning: bool) -> list[Case]:
        fabric = pool.fabric.listed.name if spanning else ""
        key = (self._asked(service), self._software(pool.site), pool.node.name, fabric)
        if key not in self.cases:
            span_kw = serving_node_kw(pool.node, 1.0) - serving_node_kw(pool.node, 0.0)
            self.cases[key] = [
                _case(pool.node, span_kw, Way(recipe, layout, most), expected)
                for recipe in recipes_for(service, self.problem, pool)
                for layout, most, expected in self._ways(service, pool, cluster, recipe, spanning=spanning)
            ]
        return self.cases[key]

    def _ways(
        self, service: Service, pool: Pool, cluster: Cluster, recipe: Recipe, *, spanning: bool
    ) -> list[tuple[Layout, float, ServingExpectation]]:
        """Return the layouts of a recipe with the requests/s that each carries at most, and what to expect."""
        runs = (tuple(row.name for row in recipe.stack), recipe.engine.name, recipe.speculation)
        promised = (service.ttft_ms, service.tpot_ms, service.latency_ms) if self.problem.measurements else ()
        key = (service.name, pool.node.name, pool.fabric.listed.name if spanning else "", *runs, spanning, *promised)
        if key not in self.memory.ways:
            found = list(ways_of(recipe, pool.node, cluster, spanning=spanning))
            alike: dict[object, ServingExpectation] = {}
            for way in found:  # where nothing was measured, all layouts of a kind have the same
                kind: object = way.layout if self.expectations.measured else type(way.layout)
                if kind not in alike:
                    alike[kind] = self._expected(service, pool, way)
                self.memory.ways.setdefault(key, []).append((way.layout, way.most_per_s, alike[kind]))
            self.memory.ways.setdefault(key, [])
        return self.memory.ways[key]

    def _expected(self, service: Service, pool: Pool, way: Way) -> ServingExpectation:
        recipe = way.recipe
        names = tuple(row.name for row in recipe.stack)
        return self.expectations.serving(
            service, recipe.task, pool.node.name, names, recipe.engine.name, way.layout, recipe.variant
        )

    def _rate(
        self, service: Service, pool: Pool, cluster: Cluster, case: Case, trip_ms: float
    ) -> Callable[[int], float]:
        """Return what each of so many pooled replicas of a case carries, requests/s (0: it keeps no promise)."""
        way, recipe = case.way, case.way.recipe
        spans = way.layout.accelerators > pool.node.accelerators
        place = (self._asked(service), pool.node.name, pool.fabric.listed.name if spans else "", trip_ms)
        key = (*place, way.layout, recipe.variant, recipe.engine.name, recipe.speculation, case.expected)
        known = self.memory.rates.setdefault(key, {})

        def rate(servers: int) -> float:
            if servers not in known:
                where = self._where(cluster, case)
                factor = self._factor(service, pool, cluster, case, trip_ms)
                known[servers] = promised_requests_per_s(service, case.expected, where, trip_ms, servers, factor)
            return known[servers]

        return rate

    def _where(self, cluster: Cluster, case: Case) -> Where:
        recipe = case.way.recipe
        return (recipe.task, cluster, case.way.layout, recipe.variant, recipe.engine)

    def _factor(self, service: Service, pool: Pool, cluster: Cluster, case: Case, trip_ms: float) -> float:
        """Return what a simulation corrected the rate of a case by."""
        if not self.problem.corrections:
            return 1.0
        where = self._where(cluster, case)
        name = replica_name(service, pool.node.name, pool.fabric.name, where, trip_ms)
        return rate_factor(self.problem.corrections, name)

    def _candidate(self, service: Service, pool: Pool, rated: Rated, trip_ms: float) -> ServingCandidate:
        case, recipe = rated.case, rated.case.way.recipe
        cluster = cluster_for(self.problem, pool.node.name, pool.fabric.name)
        factor = self._factor(service, pool, cluster, case, trip_ms)
        point = promised_rate(service, case.expected, self._where(cluster, case), trip_ms, 1, factor)
        assert point is not None
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
            prediction=point,
            expected=case.expected,
            rtt_ms=trip_ms,
            requests_per_s=point.requests_per_s,
            saturated_requests_per_s=case.requests_per_s,
            idle_kw=serving_node_kw(pool.node, 0.0) - pool.node.standby_kw,
            kw_per_request=case.kw_per_request,
            bands=rated.bands,
        )


def compression_of(way: Way) -> str:
    """Return what a way serves, as a design names it: its variants, stacked with '+'."""
    return "+".join(row.name for row in way.recipe.stack)


def _case(node: Node, span_kw: float, way: Way, expected: ServingExpectation) -> Case:
    """Return a way as a case; ``span_kw`` is what a full load adds to the draw of a node that serves."""
    chips = way.layout.accelerators
    most = way.most_per_s / expected.latency.factor if expected.measured_rate is None else expected.measured_rate
    return Case(
        way=way,
        expected=expected,
        accelerators=chips,
        requests_per_s=most,
        licence_usd_per_year=way.recipe.engine.licence_usd_per_accelerator_year * chips,
        kw_per_request=span_kw * chips / node.accelerators / most,
    )


def cannot_win(case: Case, found: Iterable[Rated]) -> bool:
    """Whether some rated case replaces a way even if that carried its saturated rate.

    No promise lets a replica carry more than that, so `undominated` would leave it out whatever it carries.
    """
    return any(_covers(other, case, case.requests_per_s) for other in found)


def undominated(every: Iterable[Rated]) -> list[Rated]:
    """Leave out cases of one pool that copies of a smaller one replace at no more chips, licence and energy.

    ``m`` replicas of ``a`` replace one of ``b`` when they take no more accelerators, carry no less in every band of
    ``b``, cost no more licence, and no request costs more energy. Of cases that do the same the one that loses least
    quality is kept.
    """
    kept: list[Rated] = []
    for rated in sorted(every, key=lambda c: (c.accelerators, -c.requests_per_s, c.case.licence_usd_per_year)):
        if not any(_replaces(other, rated) for other in kept):
            kept.append(rated)
    return kept


def _covers(a: Rated, b: Case, requests_per_s: float) -> bool:
    """Whether copies of ``a`` replace ``b`` where each has arrivals of its own and ``b`` carries so many."""
    copies = b.accelerators // a.accelerators
    return (
        copies >= 1
        and copies * a.requests_per_s >= requests_per_s
        and copies * a.case.licence_usd_per_year <= b.licence_usd_per_year
        and a.case.kw_per_request <= b.kw_per_request
    )


def _replaces(a: Rated, b: Rated) -> bool:
    copies = b.accelerators // a.accelerators
    return _covers(a, b.case, b.requests_per_s) and (
        copies * a.rate_of(copies) >= b.most_per_s
        or all(copies * a.rate_of(copies * band.low) >= band.requests_per_s for band in b.bands)
    )


def _verdict(service: Service, pool: Pool, found: list[Rated]) -> Verdict:
    names = (service.name, pool.site, pool.node.name, pool.fabric.name)
    if not found:
        return Verdict(*names, 0, "none", "no variant, engine and replica size there keeps its promises", 1e9)
    best = max(found, key=lambda c: c.requests_per_s / c.accelerators)
    words = (
        f"{best.requests_per_s / best.accelerators:.3g} requests/s an accelerator"
        f" ({compression_of(best.case.way)}, {best.case.way.recipe.engine.name}, {best.accelerators} a replica)"
    )
    return Verdict(*names, len(found), words, "", 1.0)
