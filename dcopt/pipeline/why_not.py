"""Why a workload cannot run on a kind of node at all: its promises against the nearest that it comes there."""

from __future__ import annotations

from collections.abc import Iterator

from dcopt.candidates.pools import pools_of
from dcopt.candidates.records import Pool, Verdict
from dcopt.candidates.serving_ways import Recipe, Way, recipes_for, ways_of
from dcopt.performance.cluster import Cluster
from dcopt.performance.compatibility import cluster_for
from dcopt.performance.expected import expectations_of
from dcopt.performance.serving_expected import at_expected
from dcopt.performance.workloads import promise_of, rtt_ms
from dcopt.problem.problem import Problem
from dcopt.problem.tables.problem_rows import Service

LIGHT = 1e-3
"""Share of its saturated rate at which a replica is as fast as it gets."""
WORDS = {"ttft_ms": "to the first token", "tpot_ms": "for each further token", "latency_ms": "for a whole request"}


def why_not(problem: Problem, verdict: Verdict) -> str:
    """Return why no replica of a service there keeps its promises, '' for what is no service or not known."""
    service = problem.inference.get(verdict.workload)
    pool = pools_of(problem).get(f"{verdict.site}/{verdict.node}/{verdict.fabric}")
    if service is None or pool is None:
        return ""
    recipes = list(recipes_for(service, problem, pool))
    if not recipes:
        return _no_recipe(problem, service, pool)
    cluster = cluster_for(problem, pool.node.name, pool.fabric.name)
    ways = list(_every_way(recipes, pool, cluster))
    if not ways:
        memory = problem.accelerators[pool.node.accelerator].memory_gb
        return f"{service.model} does not fit the memory of any replica of its chips ({memory:g} GB each)"
    return _too_slow(problem, service, pool, cluster, ways)


def _every_way(recipes: list[Recipe], pool: Pool, cluster: Cluster) -> Iterator[Way]:
    for recipe in recipes:
        for spanning in (False, True):
            yield from ways_of(recipe, pool.node, cluster, spanning=spanning)


def _no_recipe(problem: Problem, service: Service, pool: Pool) -> str:
    loose = service.model_copy(update={"max_quality_loss_pct": 100.0})
    recipes = list(recipes_for(loose, problem, pool))
    if not recipes:
        return f"no engine and variant on offer serves {service.model} on {pool.node.accelerator}"
    best = min(recipes, key=lambda recipe: recipe.loss_pct)
    return (
        f"the best variant there, {'+'.join(row.name for row in best.stack)}, loses {best.loss_pct:.3g} % "
        f"where {service.max_quality_loss_pct:g} % are allowed"
    )


def _too_slow(problem: Problem, service: Service, pool: Pool, cluster: Cluster, ways: list[Way]) -> str:
    """Return the promise that the way which comes nearest misses even without other requests."""
    trip = rtt_ms(service, pool.site, problem)
    expectations, promise = expectations_of(problem), promise_of(service, trip)
    nearest: tuple[float, str] | None = None
    for way in ways:
        recipe = way.recipe
        names = tuple(row.name for row in recipe.stack)
        expected = expectations.serving(
            service, recipe.task, pool.node.name, names, recipe.engine.name, way.layout, recipe.variant
        )
        where = (recipe.task, cluster, way.layout, recipe.variant, recipe.engine)
        point = at_expected(expected, where, LIGHT * way.most_per_s, service.percentile, promise)
        if point is None:
            continue
        missed = max(
            (
                (getattr(point, name) + extra) / limit,
                f"the fastest replica ({'+'.join(names)} on {way.layout.accelerators} of its chips) takes "
                f"{getattr(point, name) + extra:.3g} ms {words} at light load where {limit:g} are promised",
            )
            for name, words in WORDS.items()
            if (limit := getattr(service, name)) is not None
            for extra in [0.0 if name == "tpot_ms" else trip]
        )
        if missed[0] > 1.0 and (nearest is None or missed < nearest):
            nearest = missed
    return "" if nearest is None else nearest[1]
