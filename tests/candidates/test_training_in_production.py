"""What lies between a bench step and the days of a run: production, failures of nodes and network, methods."""

from __future__ import annotations

from typing import Any

import pytest
from small import job, owned_site

from dcopt.candidates.generate import generate
from dcopt.performance.workloads import PRODUCTION_FACTOR, node_mtbf_hours, production_factor, run_of
from dcopt.problem.findings import InputError
from dcopt.problem.load import load_catalog
from dcopt.problem.problem import Problem


def catalog_problem() -> Problem:
    """Return the shipped catalogue as a problem of its own."""
    problem = owned_site([job()]).load()
    return Problem(
        path=problem.path,
        settings=problem.settings,
        tables={**problem.tables, **load_catalog()},
        models=problem.models,
        model_files=problem.model_files,
    )


def candidates(**cells: Any) -> list[Any]:
    """Return the candidates of one job."""
    found = generate(owned_site([job(deadline_days=365, **cells)]).load(), only_needed=False)
    return list(found.training["learn"])


def test_llama3_interruptions_by_cause() -> None:
    """16,384 H100 on 400 Gb/s ports, 54 days: 419 unexpected interruptions, 35 of them of switches and cables."""
    problem = catalog_problem()
    hours, nodes = 54 * 24, 2048
    alone = nodes * hours / node_mtbf_hours(problem, "dgx-h100", "none")
    whole = nodes * hours / node_mtbf_hours(problem, "dgx-h100", "ndr400-rail")
    assert alone == pytest.approx(384, rel=0.01)
    assert whole == pytest.approx(419, rel=0.02)
    assert whole - alone == pytest.approx(35, rel=0.2)


def test_thinner_trunks_fail_less_often_and_no_fabric_never() -> None:
    problem = catalog_problem()
    full = node_mtbf_hours(problem, "dgx-h100", "ndr400-rail")
    thin = node_mtbf_hours(problem, "dgx-h100", "ndr400-rail-2to1")
    assert full < thin < node_mtbf_hours(problem, "dgx-h100", "none") == problem.nodes["dgx-h100"].mtbf_hours


def test_production_is_slower_only_across_nodes_unless_stated() -> None:
    problem = owned_site([job()]).load()
    plain = problem.training["learn"]
    assert production_factor(plain, 1) == 1.0
    assert production_factor(plain, 2) == PRODUCTION_FACTOR == 1.15
    stated = plain.model_copy(update={"production_factor": 1.4})
    assert production_factor(stated, 1) == production_factor(stated, 9) == 1.4


def test_the_factor_stretches_every_run() -> None:
    bench = {(c.pool.key, c.nodes, c.checkpoint_gb_per_s): c for c in candidates(production_factor=1)}
    slow = {(c.pool.key, c.nodes, c.checkpoint_gb_per_s): c for c in candidates(production_factor=1.3)}
    shared = bench.keys() & slow.keys()
    assert shared
    for key in shared:
        assert slow[key].days == pytest.approx(1.3 * bench[key].days)
        assert slow[key].step == bench[key].step


def test_teachers_and_pruning_reach_the_candidates() -> None:
    plain = {(c.pool.key, c.nodes): c.step.step_s for c in candidates()}
    taught = {(c.pool.key, c.nodes): c.step.step_s for c in candidates(method="distill", teacher="tiny")}
    shared = plain.keys() & taught.keys()
    assert shared
    assert all(taught[key] > plain[key] for key in shared)
    problem = owned_site([job(method="prune", dense_pct=30)]).load()
    assert run_of(problem.training["learn"], problem).task.sparse_share == pytest.approx(0.7)


def test_parameter_servers_reach_the_candidates() -> None:
    served = candidates(aggregation="parameter-server")
    assert served
    assert {c.step.layout.sharding for c in served if c.step.layout.data > 1} == {"servers"}


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"method": "distill"}, "teacher"),
        ({"teacher": "tiny"}, "teacher"),
        ({"method": "distill", "teacher": "nobody"}, "teacher"),
        ({"production_factor": 0.9}, "production_factor"),
        ({"aggregation": "gossip"}, "aggregation"),
        ({"dense_pct": 120}, "dense_pct"),
    ],
)
def test_what_cannot_be_is_refused(cells: dict[str, Any], column: str) -> None:
    with pytest.raises(InputError, match=column):
        owned_site([job(**cells)]).load()


def test_a_teacher_travels_with_its_problem() -> None:
    problem = owned_site([job(method="distill", teacher="tiny")]).load()
    _, tables, models = problem.content()
    (row,) = tables["training"].values()
    assert row.teacher in models
