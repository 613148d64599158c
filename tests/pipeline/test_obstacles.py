"""Problems without a design: the pre-check's obstacles, the limits that collide, and other objectives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from small import Small, colocation, dataset, design_of, job, owned_site, service, two_sites, with_cloud

from dcopt.candidates.generate import generate
from dcopt.design.records import Design
from dcopt.formulation.program import Program
from dcopt.pipeline.precheck import precheck
from dcopt.pipeline.run import RunOptions, design_for

BUSY: dict[str, Any] = {"peak_requests_per_s": 6000, "mean_requests_per_s": 3000}
HUGE: dict[str, Any] = {"peak_requests_per_s": 60_000}
MINI = [{"name": "mini", "units": 1, "max_kw": 0.5, "price_usd": 5}]


def no_rejection(small: Small) -> Small:
    """Leave out all heat rejection."""
    return small.drop("cooling", "dry-12").drop("cooling", "wet-30")


OBSTACLES: dict[str, tuple[Callable[[], Small], str, str]] = {
    "deadline": (
        lambda: owned_site([job(deadline_days=0.001)]),
        "training.csv: learn deadline_days",
        "Allow at least",
    ),
    "window": (
        lambda: owned_site([job(earliest_start_day=364.99)]),
        "training.csv: learn deadline_days",
        "within 0.01 days",
    ),
    "memory": (
        lambda: owned_site([job()]).change("accelerators", memory_gb=0.001),
        "training.csv: learn",
        "Offer nodes with more memory",
    ),
    "precision": (
        lambda: owned_site([job(precisions="fp8")]),
        "training.csv: learn",
        "precision (fp8)",
    ),
    "no room for a node": (
        lambda: owned_site([job()], power_limit_kw=0.5),
        "training.csv: learn",
        "raise power_limit_kw in sites.csv",
    ),
    "latency": (
        lambda: owned_site(services=[service(ttft_ms=0.001)]),
        "inference.csv: chat",
        "ttft_ms 0.001",
    ),
    "quality": (
        lambda: owned_site(services=[service(max_quality_loss_pct=0)]).drop("compression", "bf16"),
        "inference.csv: chat",
        "a loss of at most 0 %",
    ),
    "round trip": (
        lambda: owned_site(services=[service(region="far")]).put(
            "regions", [{"region": "far", "site": "oslo", "rtt_ms": 300}]
        ),
        "inference.csv: chat",
        "a site nearer to the users",
    ),
    "no flash for hot data": (
        lambda: owned_site([job(dataset="books", sites="oslo")]).put("datasets", [dataset()]).drop("storage", "flash"),
        "datasets.csv: books",
        "hot data needs nvme or ssd",
    ),
    "no protection": (
        lambda: two_sites([job()]).put("datasets", [dataset(min_copies=2)]).set(survive_failures=5),
        "datasets.csv: books",
        "lower survive_failures",
    ),
    "no encryption": (
        lambda: owned_site([job()]).put("datasets", [dataset(requires="encryption-at-rest")]),
        "datasets.csv: books",
        "It requires encryption-at-rest",
    ),
    "no encryption at the site": (
        lambda: owned_site([job()], requires="encryption-in-transit"),
        "training.csv: learn",
        "It requires encryption-in-transit",
    ),
    "too few drives for a group": (
        lambda: owned_site([job()]).change("storage", system="parallel-fs"),
        "training.csv: learn",
        "no storage on offer can hold its checkpoints",
    ),
    "drives that fail too often": (
        lambda: (
            owned_site([job()])
            .put("datasets", [dataset(max_annual_loss_probability=1e-6)])
            .change("storage", annual_failure_pct=30)
        ),
        "datasets.csv: books max_annual_loss_probability",
        "1 in 2,000,000 is asked",
    ),
    "no storage for weights": (
        lambda: owned_site(services=[service(reload_s=10)]).drop("storage", "flash"),
        "inference.csv: chat reload_s",
        "no storage on offer can hold its weights",
    ),
    "no storage for checkpoints": (
        lambda: owned_site([job()]).drop("storage", "flash"),
        "training.csv: learn",
        "no storage on offer can hold its checkpoints",
    ),
    "no racks": (lambda: owned_site([job()]).put("racks", MINI), "sites.csv: oslo", "no rack and cooling unit"),
    "no rejection": (lambda: no_rejection(owned_site([job()])), "sites.csv: oslo", "no heat rejection"),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_obstacle_names_the_row_and_the_cure(name: str) -> None:
    build, row, words = OBSTACLES[name]
    problem = build().load()
    obstacles = precheck(problem, generate(problem))
    assert row in [obstacle.row for obstacle in obstacles]
    assert words in " ".join(str(obstacle) for obstacle in obstacles)
    design = design_of(problem)
    assert design.status == "infeasible"
    assert design.diagnosis == tuple(str(obstacle) for obstacle in obstacles)


@pytest.mark.parametrize("spoil", [lambda small: small.put("racks", MINI), no_rejection])
def test_a_site_that_houses_nothing_is_no_obstacle_where_another_can(spoil: Callable[[Small], Small]) -> None:
    design = design_of(spoil(with_cloud([job()], [service()])))
    assert design.status == "optimal"
    assert {pool.site for pool in design.pools} == {"sky"}
    assert design_of(spoil(with_cloud([job()], [service(sites="oslo")]))).status == "infeasible"


def test_the_deadline_that_the_precheck_asks_for_is_enough() -> None:
    small = owned_site([job(tokens=3e12, deadline_days=0.01)])
    (reason,) = design_of(small).diagnosis
    needed = float(reason.partition("at least ")[2].split()[0])
    assert design_of(small.change("training", deadline_days=needed)).status == "optimal"
    assert design_of(small.change("training", deadline_days=needed - 1)).status == "infeasible"


COLLISIONS: dict[str, tuple[Callable[[], Small], str]] = {
    "power": (lambda: owned_site(services=[service(**HUGE)], power_limit_kw=6), "sites.csv: oslo power_limit_kw"),
    "colocation power": (
        lambda: colocation(services=[service(**HUGE)], power_limit_kw=6),
        "sites.csv: oslo power_limit_kw",
    ),
    "positions": (lambda: owned_site([job()], rack_positions=1), "sites.csv: oslo rack_positions"),
    "capex": (lambda: owned_site([job()]).set(capex_limit_usd=100), "settings.csv: capex_limit_usd"),
    "carbon": (lambda: owned_site([job()]).set(carbon_limit_t_per_year=0.1), "settings.csv: carbon_limit_t_per_year"),
    "water": (
        lambda: owned_site([job()], water_limit_m3_per_year=0.1).drop("cooling", "dry-12"),
        "sites.csv: oslo water_limit_m3_per_year",
    ),
    "nodes on offer": (
        lambda: owned_site(services=[service(**BUSY)]).put(
            "offers", [{"table": "nodes", "name": "duo", "max_units": 1}]
        ),
        "offers.csv: nodes/duo/* max_units",
    ),
    "units for a group": (
        lambda: owned_site([job()]).put("offers", [{"table": "storage", "name": "flash", "max_units": 2}]),
        "offers.csv: storage/flash/* max_units",
    ),
    "racks on offer": (
        lambda: owned_site([job()]).put("offers", [{"table": "racks", "name": "short", "max_units": 1}]),
        "offers.csv: racks/short/* max_units",
    ),
}


@pytest.mark.parametrize("name", COLLISIONS)
def test_a_limit_that_excludes_every_design_is_named(name: str) -> None:
    build, row = COLLISIONS[name]
    problem = build().load()
    assert precheck(problem, generate(problem)) == ()
    design = design_of(problem)
    assert design.status == "infeasible"
    assert any(sentence.startswith(f"{row}: ") for sentence in design.diagnosis), design.diagnosis


def test_limits_that_collide_in_pairs_are_said_to() -> None:
    small = owned_site([job()], rack_positions=1).set(capex_limit_usd=100)
    assert "at least two of the limits collide" in design_of(small).diagnosis[0]


def _value(design: Design, objective: str) -> float:
    assert design.cost is not None
    assert design.tco_usd is not None
    values = {
        "tco": design.tco_usd,
        "capex": sum(year.capital_usd for year in design.cost.cash_by_year),
        "carbon": sum(site.carbon_t_per_year for site in design.sites),
        "energy": sum(site.energy_mwh_per_year * 1000 for site in design.sites),
    }
    return values[objective]


@pytest.mark.parametrize("objective", ["tco", "capex", "carbon", "energy"])
def test_an_objective_is_least_where_it_is_asked_for(objective: str) -> None:
    small = two_sites([job()], [service(**BUSY)], electricity_usd_per_kwh=0.05, carbon_kg_per_kwh=0.9)
    designs = {name: design_of(small.set(objective=name)) for name in ("tco", "capex", "carbon", "energy")}
    mine = designs[objective]
    assert mine.status == "optimal"
    assert mine.objective_value == pytest.approx(_value(mine, objective), rel=1e-6)
    for other in designs.values():
        assert _value(mine, objective) <= _value(other, objective) * (1 + 1e-6)


def test_ties_are_broken_by_the_tco() -> None:
    """All in the cloud: purchases are nothing whatever is rented, so the cheapest rent must be taken."""
    small = with_cloud([job(sites="sky")], [service(sites="sky")])
    tied = design_of(small.set(objective="capex"))
    assert tied.objective_value == pytest.approx(0, abs=1e-6)
    assert tied.tco_usd == pytest.approx(design_of(small).tco_usd or 0.0, rel=1e-6)


def test_a_limit_is_named_where_the_user_asks_for_more_nodes_than_any_workload_needs() -> None:
    def many(program: Program) -> None:
        bought = sum(program.model.bought.values())
        program.require("many", "all", bought >= 16)

    problem = owned_site(services=[service()], power_limit_kw=5).load()
    roomy = owned_site(services=[service()], power_limit_kw=40).load()
    assert sum(pool.max_nodes for pool in generate(roomy).pools.values()) < 16  # no workload needs so many
    design = design_for(problem, RunOptions(user_constraints=many, threads=1))
    assert design.status == "infeasible"
    assert any("power_limit_kw: with" in line for line in design.diagnosis)
