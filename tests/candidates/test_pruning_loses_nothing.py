"""Leaving dominated candidates out changes no optimum; what is generated is complete; promises only filter."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from small import (
    Small,
    colocation,
    dataset,
    design_of,
    job,
    owned_site,
    service,
    tco_of,
    two_sites,
    water_cooled,
    with_cloud,
)

from dcopt.candidates import facility, serving
from dcopt.candidates import generate as generator
from dcopt.candidates import storage as storing
from dcopt.candidates.generate import generate
from dcopt.candidates.records import RackOption
from dcopt.candidates.serving_ways import layouts_for
from dcopt.performance.compatibility import cluster_for
from dcopt.performance.training import best_steps
from dcopt.performance.workloads import CHECKPOINT_WRITE_SECONDS, run_of, serving_task_of
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.solve.session import SolveOptions

JOBS = [job(deadline_days=9, dataset="books"), job("tune", tokens=4e11, runs_per_year=3)]
SERVICES = [service(peak_requests_per_s=4000, mean_requests_per_s=1000), service("search", max_quality_loss_pct=0)]


def _data(small: Small, **cells: Any) -> Small:
    return small.put("datasets", [dataset(**cells)])


CASES: dict[str, Small] = {
    "owned": _data(owned_site(JOBS, SERVICES)),
    "two sites": _data(two_sites(JOBS, SERVICES), min_copies=2),
    "cloud": _data(with_cloud(JOBS, SERVICES)),
    "colocation": _data(colocation(JOBS, SERVICES)),
    "liquid": _data(water_cooled(JOBS, SERVICES)),
    "slow storage": _data(owned_site(JOBS, SERVICES), size_tb=9, max_annual_loss_probability=1).change(
        "storage", read_gb_per_s=0.002, write_gb_per_s=0.0005
    ),
    "few thousand reads": _data(owned_site(JOBS, SERVICES)).change("storage", read_kiops=0.1),
    "windows": _data(owned_site([{**JOBS[0], "due_day": 30}, {**JOBS[1], "earliest_start_day": 20, "due_day": 32}])),
    "short of power": _data(owned_site(JOBS, SERVICES, power_limit_kw=6)),
    "licences": _data(owned_site(JOBS, SERVICES))
    .add("software", name="quick", role="training", efficiency=1.3, licence_usd_per_accelerator_year=3000)
    .add("software", name="swift", role="serving", efficiency=1.3, licence_usd_per_accelerator_year=1000),
    "scarce racks": _data(owned_site(JOBS, SERVICES)).put(
        "offers",
        [{"table": "racks", "name": "tall", "max_units": 1}, {"table": "racks", "name": "short"}],
    ),
}


def _all(items: list[Any], merits: Any) -> list[Any]:
    return items


def rate_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rate every way to serve, and keep all of them."""
    monkeypatch.setattr(serving, "cannot_win", lambda best_case, found: False)
    monkeypatch.setattr(serving, "undominated", list)


def _switched(problem: Any) -> str:
    return next(name for name, fabric in problem.fabrics.items() if fabric.switch)


def _keep_racks(options: list[RackOption], limited: Any) -> tuple[RackOption, ...]:
    return tuple(options)


@pytest.mark.parametrize("name", CASES)
def test_the_optimum_is_the_same_without_pruning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small = CASES[name]
    pruned = tco_of(small)
    count = _count(small)
    monkeypatch.setattr(generator, "prune", lambda problem, admissible, *rest: admissible)
    rate_all(monkeypatch)
    monkeypatch.setattr(facility, "_undominated", _keep_racks)
    monkeypatch.setattr(storing, "undominated", _all)
    monkeypatch.setattr(generator, "codecs_for", lambda problem, of: tuple(problem.codecs.values()))
    assert _count(small) > count
    # HiGHS keeps whole numbers to 1e-6, which may leave its bound on so many candidates a few 1e-9 low
    assert tco_of(small, gap=1e-7) == pytest.approx(pruned, rel=1e-6)


def _count(small: Small) -> int:
    candidates = generate(small.load())
    of_work = sum(len(of) for of in (*candidates.training.values(), *candidates.serving.values()))
    return of_work + sum(len(of) for of in candidates.storage_options.values())


def test_training_candidates_hold_every_legal_number_of_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "prune", lambda problem, admissible, *rest: admissible)
    problem = owned_site([job(deadline_days=365)], power_limit_kw=30).load()
    run = run_of(problem.training["learn"], problem)
    candidates = generate(problem, only_needed=False)
    for key, pool in candidates.pools.items():
        found = {c.nodes for c in candidates.training["learn"] if c.pool.key == key}
        cluster = cluster_for(problem, pool.node.name, pool.fabric.name)
        trainer = problem.software["trainer"]
        every = range(1, pool.max_nodes + 1)
        legal = {n for n in every if best_steps(run.task, cluster, [n], "bf16", trainer)}
        assert found == legal
        assert pool.max_nodes == int(30 / pool.node.peak_kw + 1e-9)
        levels = [c for c in candidates.training["learn"] if c.pool.key == key and c.nodes == 1]
        assert len(levels) == len(CHECKPOINT_WRITE_SECONDS)


def test_replicas_take_powers_of_two_and_whole_connected_nodes() -> None:
    problem = owned_site(services=[service()]).load()
    task = serving_task_of(problem.inference["chat"], problem)
    node = problem.nodes["quad"]
    for fabric, whole in (("none", []), (_switched(problem), [8, 16])):  # three nodes do not divide four layers
        cluster = cluster_for(problem, "quad", fabric)
        within = layouts_for(node, task, cluster, spanning=False)
        assert [layout.accelerators for layout in within] == [1, 2, 4]
        assert [layout.accelerators for layout in layouts_for(node, task, cluster, spanning=True)] == whole


@pytest.mark.parametrize(
    ("table", "column", "loose", "tight", "limit"),
    [
        ("training", "deadline_days", 300, 1, lambda c: c.days),
        ("inference", "max_quality_loss_pct", 5, 0, lambda c: c.quality_loss_pct),
    ],
)
def test_promises_only_filter(
    table: str, column: str, loose: float, tight: float, limit: Callable[[Any], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metamorphic safety: a tighter promise leaves a subset of the candidates, none of them changed."""
    monkeypatch.setattr(generator, "prune", lambda problem, admissible, *rest: admissible)
    rate_all(monkeypatch)
    small = owned_site([job()], [service()])

    def found(value: float) -> list[Any]:
        candidates = generate(small.put(table, [{**row, column: value} for row in small.tables[table]]).load())
        return list(candidates.training["learn"] if table == "training" else candidates.serving["chat"])

    many, few = found(loose), found(tight)
    assert 0 < len(few) < len(many)
    assert few == [candidate for candidate in many if limit(candidate) <= tight + 1e-12]


@pytest.mark.parametrize(
    ("column", "values"), [("ttft_ms", (500, 30, 8)), ("tpot_ms", (50, 10, 2)), ("percentile", (90, 99.9))]
)
def test_a_tighter_latency_never_raises_a_rate(column: str, values: tuple[float, ...]) -> None:
    rates = []
    for value in values:
        candidates = generate(owned_site(services=[{**service(), column: value}]).load())
        rates.append({(c.pool.key, c.layout, c.compression): c.requests_per_s for c in candidates.serving["chat"]})
    for loose, tight in pairwise(rates):
        assert all(rate <= loose.get(way, float("inf")) for way, rate in tight.items())


def test_pools_are_bought_at_owned_sites_and_rented_in_the_cloud() -> None:
    candidates = generate(with_cloud([job()], [service()]).load())
    for pool in candidates.pools.values():
        assert pool.rented == (pool.site == "sky") == (pool.fabric.name == "builtin")
        assert pool.limited != pool.rented


def test_a_slow_region_only_costs_rate() -> None:
    small = owned_site(services=[service(region="far", ttft_ms=300)])
    rows = [{"region": "far", "site": "oslo", "rtt_ms": rtt} for rtt in (0, 80)]
    near, far = (generate(small.put("regions", [row]).load()).serving["chat"] for row in rows)
    assert max(c.requests_per_s for c in far) <= max(c.requests_per_s for c in near)
    assert all(c.rtt_ms == 80 for c in far)
    assert all((s.ttft_ms or 0) <= 300 for s in design_of(small.put("regions", rows[1:])).inference)


def test_pools_as_large_as_needed_lose_no_design() -> None:
    for small in (owned_site([job(deadline_days=365)]), owned_site([*JOBS[1:], job(deadline_days=365)], SERVICES)):
        problem = small.load()
        whole, needed = generate(problem, only_needed=False), generate(problem)
        assert any(needed.pools[key].max_nodes < whole.pools[key].max_nodes for key in whole.pools)
        solved = [
            solve_program(problem, candidates, SolveOptions(gap=1e-9, threads=1), Listener())
            for candidates in (whole, needed)
        ]
        costs = [s.design.tco_usd for s in solved if s.design is not None]
        assert costs[0] == pytest.approx(costs[1], rel=1e-9)
