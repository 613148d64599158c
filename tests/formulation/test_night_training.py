"""Training on the nodes that services leave at night: brute force, laws, and what the verifier sees."""

from __future__ import annotations

import random
from typing import Any

import pytest
from oracle import cheapest
from small import Small, colocation, dataset, design_of, job, owned_site, service, tco_of, two_sites, with_cloud

from dcopt.candidates.generate import generate
from dcopt.design.records import Design
from dcopt.performance.night import handover_s, most_work_days, night_run
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.report.content import build_report
from dcopt.report.markdown import render_sections
from dcopt.verify.verify import verify

DAY = "0.2 0.2 0.2 0.2 0.2 0.2 0.2 0.6 1 1 1 1 1 1 1 1 1 1 0.6 0.6 0.6 0.6 0.2 0.2"
STEP = " ".join(["0.3"] * 9 + ["1"] * 11 + ["0.3"] * 4)
OWLS = " ".join(["1"] * 8 + ["0.2"] * 14 + ["1"] * 2)
PEAK: dict[str, Any] = {"peak_requests_per_s": 6000, "mean_requests_per_s": None, "max_quality_loss_pct": 0}
WEEKLY: dict[str, Any] = {"tokens": 6e10, "runs_per_year": 2, "deadline_days": 12, "preemptible": "yes"}


def plain(small: Small, hourly: str = STEP) -> Small:
    """Leave one node, no switched fabric, and one profile."""
    small = small.drop("nodes", "quad").drop("fabrics", "flat")
    return small.put("profiles", [{"name": "day", "hourly": hourly}]).set(horizon_years=1)


def night(*, hourly: str = STEP, site: Any = owned_site, cells: dict[str, Any] | None = None, **of_job: Any) -> Small:
    """Return one service with a night and one job that may run in it."""
    jobs = [job("tune", **{**WEEKLY, **of_job})]
    return plain(site(jobs, [service(**PEAK, profile="day", **(cells or {}))]), hourly)


CASES: dict[str, Small] = {
    "one job": night(),
    "many runs": night(runs_per_year=3, overhead_factor=15),
    "more bands": night(hourly=DAY),
    "by the tariff": night().put("tariffs", [{"site": "oslo", "from_hour": 8, "to_hour": 20, "band_usd_per_kwh": 0.4}]),
    "too tight for the night": night(deadline_days=4),
    "headroom": night(cells={"headroom_pct": 20}),
    "colocation": night(site=colocation),
    "clocks": night(cells={"utc_offset_hours": 6}, earliest_start_day=3),
    "weights on shared storage": night(cells={"reload_s": 60}),
    "two jobs": plain(
        owned_site(
            [job("tune", **{**WEEKLY, "runs_per_year": 1}), job("learn", tokens=2e11, due_day=20, deadline_days=20)],
            [service(**PEAK, profile="day")],
        )
    ),
    "one after the other": plain(
        owned_site(
            [
                job("tune", **{**WEEKLY, "runs_per_year": 1}),
                job("learn", **{**WEEKLY, "runs_per_year": 1, "after": "tune", "due_day": 11}),
            ],
            [service(**PEAK, profile="day")],
        )
    ),
    "the service comes later": plain(
        owned_site(
            [job("tune", **WEEKLY, last_year=1), job("next", **WEEKLY, first_year=2)],
            [service(**PEAK, profile="day", first_year=2)],
        )
    ).set(horizon_years=2),
    "one of two services comes later": plain(
        owned_site(
            [job("tune", **WEEKLY, last_year=1), job("next", **WEEKLY, first_year=2)],
            [
                service(**PEAK, profile="day"),
                service("search", **{**PEAK, "peak_requests_per_s": 2500}, profile="owls", first_year=2),
            ],
        )
    )
    .put("profiles", [{"name": "day", "hourly": STEP}, {"name": "owls", "hourly": OWLS}])
    .set(horizon_years=2),
    "two services": plain(
        owned_site(
            [job("tune", **WEEKLY)],
            [
                service(**PEAK, profile="day"),
                service("search", **{**PEAK, "peak_requests_per_s": 2500}, profile="day", utc_offset_hours=12),
            ],
        )
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_optimum_is_that_of_brute_force(name: str) -> None:
    problem = CASES[name].load()
    assert tco_of(problem) == pytest.approx(cheapest(problem, generate(problem)), rel=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_allowing_it_never_costs_more(name: str) -> None:
    apart = tco_of(CASES[name].change("training", preemptible="no"))
    assert tco_of(CASES[name]) <= apart * (1 + 1e-9)


def test_it_saves_nodes_where_the_night_is_long_enough() -> None:
    together, apart = design_of(night()), design_of(night(preemptible="no"))
    assert together.training[0].hours
    assert sum(pool.nodes for pool in together.pools) < sum(pool.nodes for pool in apart.pools)
    assert apart.pools[0].service_nodes_by_hour == apart.inference[0].awake == ()


def test_the_design_says_what_the_night_saves() -> None:
    problem = night().load()
    design = design_for(problem, RunOptions(gap=1e-9, threads=1))
    assert design.night is not None
    apart = design_of(night(preemptible="no"))
    assert design.night.without_tco_usd == pytest.approx(apart.tco_usd)
    assert design.night.without_nodes == sum(pool.nodes for pool in apart.pools)
    assert design.tco_usd is not None
    assert design.night.saving_usd == pytest.approx(tco_of(night(preemptible="no")) - design.tco_usd)
    assert design.night.saving_proven_usd == pytest.approx(design.night.saving_usd, rel=1e-6)
    assert verify(problem, design)[1] == ()
    more = design.night.model_copy(update={"saving_usd": design.night.saving_usd + 1})
    assert verify(problem, design.model_copy(update={"night": more}))[1]
    text = render_sections(build_report(design, problem))
    for words in ("Training on the nodes that services leave at night saves USD", "Jobs that run at night", "20 to 9"):
        assert words in text


def test_a_design_that_only_the_night_makes_possible() -> None:
    small = night(runs_per_year=1).put("offers", [{"table": "nodes", "name": "duo", "max_units": 5}])
    problem = (
        small.set(spare_target_pct=50)
        .change("nodes", mtbf_hours=1e6)
        .put("offers", [{"table": "nodes", "name": "duo", "max_units": 4}])
        .load()
    )
    design = design_for(problem, RunOptions(gap=1e-9, threads=1))
    assert design.night is not None
    assert design.night.without_status == "no design exists"
    assert "only the night makes room" in render_sections(build_report(design, problem))


def test_without_a_profile_nothing_changes() -> None:
    flat = night(hourly=" ".join(["1"] * 24))
    assert tco_of(flat) == tco_of(flat.change("training", preemptible="no"))


def test_lower_demand_at_night_never_costs_more() -> None:
    costs = [
        tco_of(night(hourly=" ".join([str(low)] * 9 + ["1"] * 11 + [str(low)] * 4))) for low in (1, 0.8, 0.5, 0.3, 0)
    ]
    assert costs == sorted(costs, reverse=True)


def test_rented_nodes_are_not_shared() -> None:
    small = night(site=with_cloud).change("training", sites="sky").change("inference", sites="sky")
    assert tco_of(small) == tco_of(small.change("training", preemptible="no"))


@pytest.mark.parametrize("site", [two_sites, with_cloud])
def test_it_verifies_with_a_dataset_and_at_several_places(site: Any) -> None:
    small = night(site=site, hourly=DAY, dataset="books").put("datasets", [dataset(size_tb=2, hot_pct=100)])
    assert tco_of(small) <= tco_of(small.change("training", preemptible="no")) * (1 + 1e-9)


def test_a_night_run_takes_the_nights_that_its_work_needs() -> None:
    run = night_run(alone_days=2.0, hours=12, lost_s=3600.0)
    assert run is not None
    assert run.nights == 5  # 48 hours of work at 11 a night: four whole nights and 4 hours
    assert run.days == pytest.approx(4 + (4 + 1) / 24)
    assert run.running_days == pytest.approx((48 + 5) / 24)
    assert night_run(1.0, 1, 3600.0) is None


@pytest.mark.parametrize("limit", [0.4, 1.0, 3.3, 7.9, 12.0])
@pytest.mark.parametrize("hours", [3, 9, 20])
def test_the_most_work_in_some_days_just_fits_them(limit: float, hours: int) -> None:
    most = most_work_days(limit, hours, 1800.0)
    if most > 0:
        run, more = night_run(most, hours, 1800.0), night_run(most * 1.001 + 1e-6, hours, 1800.0)
        assert run is not None
        assert run.days <= limit + 1e-9
        assert more is None or more.days > limit - 1e-3 or more.nights > run.nights
        assert more is None or more.days > limit


def test_what_a_night_loses_grows_with_checkpoints_and_weights() -> None:
    record = design_of(night()).training[0]
    assert record.lost_s > 900  # restart 600 s, engine start 300 s, and what is written and read
    assert record.lost_s - 900 == pytest.approx(
        2 * record.checkpoint_gb / record.checkpoint_gb_per_s + handover_s(night().load()) - 300
    )


def forged(design: Design, kind: str) -> Design:
    """Return a design that claims too much of the night."""
    pool, part, run = design.pools[0], design.inference[0], design.training[0]
    if kind == "fewer awake":
        awake = part.model_copy(update={"awake": tuple(max(0, n - 1) for n in part.awake)})
        return design.model_copy(update={"inference": (awake,)})
    if kind == "fewer hosts":
        hosts = pool.model_copy(update={"service_nodes_by_hour": tuple(n - 1 for n in pool.service_nodes_by_hour)})
        return design.model_copy(update={"pools": (hosts,)})
    if kind == "less load":
        loads = tuple(load * 0.9 for load in part.hourly_requests_per_s)
        return design.model_copy(update={"inference": (part.model_copy(update={"hourly_requests_per_s": loads}),)})
    change: dict[str, Any] = {
        "no restart": {"lost_s": 0.0},
        "fewer nights": {"nights": run.nights - 1},
        "all hours": {"hours": tuple(range(24))},
        "the day": {"hours": tuple((hour + 12) % 24 for hour in run.hours)},
        "less time": {"running_days": run.alone_days},
    }[kind]
    return design.model_copy(update={"training": (run.model_copy(update=change),)})


@pytest.mark.parametrize(
    "kind",
    ["fewer awake", "fewer hosts", "less load", "no restart", "fewer nights", "all hours", "the day", "less time"],
)
def test_the_verifier_sees(kind: str) -> None:
    problem = night().load()
    design = design_of(problem)
    _, mismatches = verify(problem, forged(design, kind))
    assert mismatches


def random_night(seed: int) -> Small:
    """Return two or three jobs with narrow windows, some of them at night, beside a service with a random day."""
    dice = random.Random(seed)
    low, middle = sorted(dice.choice((0.0, 0.2, 0.4, 0.7)) for _ in range(2))
    night_hours, shoulder = dice.choice((6, 9, 12)), dice.choice((0, 3))
    hourly = [low] * night_hours + [middle] * shoulder + [1.0] * (24 - night_hours - shoulder)
    jobs = []
    for name in ("tune", "learn", "distil")[: dice.choice((2, 2, 3))]:
        start = dice.choice((0, 0, 2, 5.5))
        jobs.append(
            job(
                name,
                tokens=dice.choice((2e10, 6e10, 1e11)),
                deadline_days=20,
                earliest_start_day=start,
                due_day=start + dice.choice((5, 9, 14, 25)),
                preemptible=dice.choice(("yes", "yes", "no")),
                after=jobs[-1]["name"] if jobs and dice.random() < 0.3 else None,
            )
        )
    cells = {**PEAK, "peak_requests_per_s": dice.choice((3000, 6000)), "utc_offset_hours": dice.choice((0, 5))}
    small = plain(owned_site(jobs, [service(**cells, profile="day")]), " ".join(map(str, hourly)))
    return small.set(schedulable_pct=100).change("nodes", mtbf_hours=dice.choice((3000, 100_000)))


@pytest.mark.parametrize("seed", range(12))
def test_random_nights_are_those_of_brute_force(seed: int) -> None:
    small = random_night(seed)
    problem = small.load()
    mine = tco_of(problem)
    assert mine == pytest.approx(cheapest(problem, generate(problem)), rel=1e-6)
    assert mine <= tco_of(small.change("training", preemptible="no")) * (1 + 1e-9)
