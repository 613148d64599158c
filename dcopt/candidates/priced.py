"""Leaving out what no design as cheap as a known one can hold.

Let V be the TCO of some design. Every cost is at least 0, so a design costs no less than its nodes of some kinds. A
node of kind g (a node type at a site) that is bought costs K(g) at least: its price, or the least price at any volume,
over the horizon, and its support and maintenance. A job's candidate needs its n nodes and their spares in one pool. And
whoever works in one period needs node-days or nodes of its own: what workloads use of one kind of nodes in it adds up,
however they share the nodes. With u(c) for the nodes that candidate c uses on the mean of a period (node-days
over the days of the year that may be scheduled; hosts at peak), E(g) for the nodes that exist already, and all other
workloads w of a period,

    cost ≥ K(g)·(n + spares − E(g))⁺ + (Σ_w min over w's candidates of [not of kind g]·K·u − Σ over other kinds K·E)⁺
    cost ≥ (K(g)·u + Σ_w min over w's candidates of K·u − Σ over all kinds K·E)⁺

The first lets all others have what the n nodes leave free for nothing; the second pays for what is used alone. A
candidate whose larger bound, in the period where that is largest, exceeds V is in no design that costs V or less.
Likewise no pool then has more nodes than V buys.

What runs in some hours only takes nodes that services leave free: it uses none. Rented nodes count as free. Where the
sun earns money, purchases are staged, or something else than the TCO is minimized, nothing is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from dcopt.candidates.pools import pool_facility
from dcopt.candidates.records import Candidates, Period, Pool, TrainingCandidate
from dcopt.economics.finance import Finance
from dcopt.performance.workloads import DAYS_PER_YEAR
from dcopt.problem.offered import volume_offer
from dcopt.problem.problem import Problem

ROUNDING = 1e-7
"""Share by which a bound must exceed the limit: more than a solver leaves of its rows."""
Kind = tuple[str, str]
"""A site and a node type."""


def dearer_than(problem: Problem, candidates: Candidates, limit_usd: float) -> Candidates:
    """Return the candidates without those that no design of at most ``limit_usd`` (its TCO) can hold.

    Pools are made as small as the limit allows, and those without candidates left out; the rest is as it is. The proof
    is above. Services keep all candidates: any of them may have one replica.
    """
    if candidates.epochs or problem.settings.objective != "tco" or problem.solar or not math.isfinite(limit_usd):
        return candidates
    limit = limit_usd * (1.0 + ROUNDING)
    bounds = _Bounds(problem, candidates)
    training = {
        name: tuple(c for c in of_job if not bounds.of_candidate(c) > limit)
        for name, of_job in candidates.training.items()
    }
    used = {c.pool.key for of_job in training.values() for c in of_job}
    used |= {c.pool.key for of_service in candidates.serving.values() for c in of_service}
    pools = {
        key: replace(pool, max_nodes=min(pool.max_nodes, bounds.most_nodes(pool, limit)))
        for key, pool in candidates.pools.items()
        if key in used
    }
    facilities = {
        key: candidates.facilities[key]
        if pool.max_nodes == candidates.pools[key].max_nodes
        else pool_facility(problem, pool, set(candidates.facilities[key].spare_steps))
        for key, pool in pools.items()
    }
    return replace(candidates, training=training, pools=pools, facilities=facilities)


def with_numbers(problem: Problem, candidates: Candidates, numbers: Mapping[Kind, tuple[int, int]]) -> Candidates:
    """Return the candidates of designs with (least, most) nodes of each (site, node), over all its fabrics.

    At the site ``*``: at all sites together. What is not there is not limited.
    """
    known = dict(candidates.numbers)
    for kind, (least, most) in numbers.items():
        before = known.get(kind, (0, most))
        known[kind] = (max(least, before[0]), min(most, before[1]))

    def reach(pool: Pool) -> int:
        limits = [known[kind][1] for kind in ((pool.site, pool.node.name), ("*", pool.node.name)) if kind in known]
        return pool.max_nodes if pool.rented else min([pool.max_nodes, *limits])

    reaches = {key: reach(pool) for key, pool in candidates.pools.items()}
    training = {
        name: tuple(c for c in of_job if c.nodes <= reaches[c.pool.key]) for name, of_job in candidates.training.items()
    }
    serving = {
        name: tuple(c for c in of_service if reaches[c.pool.key] > 0) for name, of_service in candidates.serving.items()
    }
    used = {c.pool.key for of_job in training.values() for c in of_job}
    used |= {c.pool.key for of_service in serving.values() for c in of_service}
    pools = {key: replace(pool, max_nodes=reaches[key]) for key, pool in candidates.pools.items() if key in used}
    facilities = {
        key: pool_facility(problem, pool, set(candidates.facilities[key].spare_steps)) for key, pool in pools.items()
    }
    return replace(candidates, training=training, serving=serving, pools=pools, facilities=facilities, numbers=known)


def with_just(problem: Problem, candidates: Candidates, nodes: Mapping[Kind, int]) -> Candidates:
    """Return the candidates of designs with just these nodes of each (site, node), and none of any other kind."""
    kinds = {(pool.site, pool.node.name) for pool in candidates.pools.values() if not pool.rented}
    return with_numbers(problem, candidates, {kind: (nodes.get(kind, 0), nodes.get(kind, 0)) for kind in kinds})


class _Bounds:
    """What nodes of every kind cost and how many exist, and what every workload of every period uses at least."""

    def __init__(self, problem: Problem, candidates: Candidates) -> None:
        self.problem, self.candidates = problem, candidates
        pools = candidates.pools.values()
        self.node_usd = {_kind(pool): _least_node_usd(problem, pool) for pool in pools}
        self.existing = {_kind(pool): 0 if pool.rented else pool.existing_nodes for pool in pools}
        self.given_usd = {kind: price * self.existing[kind] for kind, price in self.node_usd.items()}
        self.all_given_usd = sum(self.given_usd.values())
        self.used_usd = {id(c): self._used_usd(c) for of_job in candidates.training.values() for c in of_job}
        self.least = {period.index: self._least_of(period) for period in candidates.periods}
        self.beside: dict[tuple[int, str, Kind], tuple[float, float]] = {}

    def of_candidate(self, candidate: TrainingCandidate) -> float:
        """Return USD below which no design with a job's candidate lies."""
        kind = _kind(candidate.pool)
        price = self.node_usd[kind]
        steps = self.candidates.facilities[candidate.pool.key].spare_steps.values()
        reaching = [[spares for spares, reach in of_target if reach >= candidate.nodes] for of_target in steps]
        spares = min((min(found, default=0) for found in reaching), default=0)
        best = alone = price * max(0, candidate.nodes + spares - self.existing[kind])
        for period in self.candidates.periods:
            if candidate.job in period.jobs and candidate.is_asked_in(period.years):
                elsewhere, anywhere = self._others(period, candidate.job, kind)
                shared = self.used_usd[id(candidate)] + anywhere - self.all_given_usd
                apart = elsewhere - self.all_given_usd + self.given_usd[kind]
                best = max(best, alone + max(0.0, apart), shared)
        return best

    def most_nodes(self, pool: Pool, limit_usd: float) -> int:
        """Return the most nodes that a design of at most ``limit_usd`` has in a pool."""
        kind = _kind(pool)
        price = self.node_usd[kind]
        return pool.max_nodes if price <= 0 else self.existing[kind] + math.floor(limit_usd / price)

    def _others(self, period: Period, job: str, kind: Kind) -> tuple[float, float]:
        """Return the least that all workloads but ``job`` use, USD: nodes of ``kind`` for nothing, and all paid."""
        key = (period.index, job, kind)
        if key not in self.beside:
            others = [of_kinds for name, of_kinds in self.least[period.index].items() if name != job]
            self.beside[key] = (
                sum(min(of_kinds.values()) for of_kinds in others if kind not in of_kinds),
                sum(min(of_kinds.values()) for of_kinds in others),
            )
        return self.beside[key]

    def _least_of(self, period: Period) -> dict[str, dict[Kind, float]]:
        """Return the least that every workload of a period uses of each kind of nodes, USD; none without candidates."""
        found: dict[str, dict[Kind, float]] = {}
        for name in period.jobs:
            for candidate in self.candidates.training[name]:
                if not candidate.is_asked_in(period.years):
                    continue
                _note(found, name, _kind(candidate.pool), self.used_usd[id(candidate)])
        for name, peak, _ in period.loads:
            for replica in self.candidates.serving[name]:
                chips = peak / replica.rate_of(MANY) * replica.accelerators
                nodes = chips / replica.pool.node.accelerators
                _note(found, name, _kind(replica.pool), nodes * self.node_usd[_kind(replica.pool)])
        return found

    def _used_usd(self, candidate: TrainingCandidate) -> float:
        """Return the price of the nodes that all runs of a job use on the mean over the schedulable days."""
        if candidate.hours:
            return 0.0
        job = self.problem.training[candidate.job]
        days = DAYS_PER_YEAR * self.problem.settings.schedulable_pct / 100
        used = candidate.runs * job.overhead_factor * candidate.nodes * candidate.held_days / days
        return used * self.node_usd[_kind(candidate.pool)]


MANY = 1_000_000_000
"""Replicas behind one balancer beyond which none carries more."""


def _note(found: dict[str, dict[Kind, float]], name: str, kind: Kind, usd: float) -> None:
    of_kinds = found.setdefault(name, {})
    of_kinds[kind] = min(usd, of_kinds.get(kind, math.inf))


def _kind(pool: Pool) -> Kind:
    """Return the kind of a pool's nodes: at whatever power, they are bought and exist as one."""
    return pool.site, pool.node.uncapped.name


def _least_node_usd(problem: Problem, pool: Pool) -> float:
    """Return what a node of a pool that is bought costs over the horizon at least, USD."""
    if pool.rented or pool.price_usd is None:
        return 0.0
    offer = volume_offer(problem, "nodes", pool.node.uncapped.name, pool.site)
    least = min([pool.price_usd, *(price for _, price in offer.breaks)] if offer else [pool.price_usd])
    finance = Finance.of(problem.settings)
    yearly = finance.running_factor("support", problem.years) * pool.node.support_pct_per_year
    yearly += finance.running_factor("maintenance", problem.years) * pool.node.maintenance_pct_per_year
    return least * finance.capital_factor(pool.node.lifetime_years) + pool.price_usd * max(0.0, yearly) / 100
