"""Rent on demand, under commitments and by the hour: brute force, laws, hand sums, and what the verifier catches."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from small import Small, design_of, job, service, tco_of, with_cloud

from dcopt.design.records import Design
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.findings import InputError
from dcopt.verify.verify import verify

RENT = 4.0
DAY = " ".join(["0.25"] * 8 + ["1"] * 8 + ["0.5"] * 8)


def rented(horizon: int, services: list[Any], jobs: tuple[Any, ...] = (), **settings: Any) -> Small:
    """Return a problem in which everything runs on rented duos and only their rent costs anything."""
    small = with_cloud(jobs, services).drop("sites", "oslo").drop("nodes", "quad")
    small = small.change("nodes", "duo", rent_usd_per_hour=RENT)
    small = small.change("software", "engine", licence_usd_per_accelerator_year=0)
    small = small.change("storage", "bucket", rent_usd_per_tb_month=0)
    return small.set(horizon_years=horizon, **settings)


def growing(horizon: int, growth_pct: float, peak: float = 2000, **settings: Any) -> Small:
    """Return one service whose load grows or shrinks."""
    chat = service(peak_requests_per_s=peak, mean_requests_per_s=peak / 2, growth_pct_per_year=growth_pct)
    return rented(horizon, [chat], **settings)


def held(design: Design) -> list[int]:
    """Return the nodes that services hold in each year."""
    return [sum(p.service_nodes for p in design.pools if p.year == y + 1) for y in range(design.horizon_years)]


def cheapest(needs: list[int], options: list[dict[str, Any]], rate: float, inflation: float, kept: int = 0) -> float:
    """Return the least discounted rent of ``needs`` nodes in each year, over all numbers of all commitments."""
    horizon = len(needs)
    starts = [(option, year) for option in options for year in range(1, horizon + 1)]
    costs = []
    for option, first in starts:
        hourly = option.get("usd_per_hour", RENT * (1 - option.get("discount_pct", 0) / 100))
        yearly = 8760 * hourly * (1 + inflation) ** (first - 1)
        share = option.get("upfront_pct", 0) / 100
        cost = share * option["years"] * yearly / (1 + rate) ** (first - 1)
        cost += sum((1 - share) * yearly / (1 + rate) ** y for y in range(first, first + option["years"]))
        costs.append(cost)
    best = float("inf")
    for counts in itertools.product(range(max(needs) + 1), repeat=len(starts)):
        total = sum(n * cost for n, cost in zip(counts, costs, strict=True))
        if total >= best:
            continue
        for year, need in enumerate(needs, 1):
            there = sum(n for n, (o, first) in zip(counts, starts, strict=True) if first <= year < first + o["years"])
            total += max(0, need - there) * 8760 * RENT * (1 + inflation) ** (year - 1) / (1 + rate) ** year
        best = min(best, total)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_commitments_agree_with_brute_force(seed: int) -> None:
    dice = random.Random(seed)
    horizon = dice.choice([2, 3])
    options = [
        {"name": "one", "years": 1, "discount_pct": dice.choice([0, 10, 30]), "upfront_pct": dice.choice([0, 50, 100])},
        {"name": "long", "years": dice.choice([2, 3]), "upfront_pct": dice.choice([0, 40])},
    ]
    options[1] |= dice.choice([{"discount_pct": 45}, {"usd_per_hour": 2.5, "node": "duo"}, {"discount_pct": 20}])
    inflation = dice.choice([0.0, -15.0, 10.0])
    small = growing(
        horizon,
        dice.choice([50.0, -45.0, 0.0]),
        peak=dice.choice([1800, 2400]),
        rent_inflation_pct=inflation,
        discount_rate_pct=dice.choice([0.0, 8.0]),
    )
    plain = design_of(small)
    assert 1 < max(held(plain)) <= 5, "small enough to enumerate"
    free = small.put("commitments", options)
    found = design_of(free)
    rate = free.settings["discount_rate_pct"] / 100
    assert held(found) == held(plain)
    assert found.tco_usd == pytest.approx(cheapest(held(plain), options, rate, inflation / 100), rel=1e-9)
    assert (plain.tco_usd or 0) == pytest.approx(cheapest(held(plain), [], rate, inflation / 100), rel=1e-9)


def test_a_commitment_without_a_discount_is_never_cheaper_and_one_with_a_discount_never_dearer() -> None:
    small = growing(3, 40.0)
    plain = tco_of(small)
    assert tco_of(small.add("commitments", name="same", years=2, discount_pct=0)) == pytest.approx(plain, rel=1e-9)
    some = small.add("commitments", name="some", years=2, discount_pct=30, upfront_pct=30)
    both = some.add("commitments", name="more", years=1, discount_pct=25)
    assert tco_of(both) <= tco_of(some) * (1 + 1e-9) <= plain * (1 + 2e-9)
    limited = small.add("commitments", name="some", years=2, discount_pct=30, upfront_pct=30, max_units=1)
    assert tco_of(some) <= tco_of(limited) * (1 + 1e-9) <= plain * (1 + 2e-9)
    taken = design_of(limited).commitments
    assert taken
    assert all(sum(c.units for c in taken if c.first_year <= y <= c.last_year) <= 1 for y in (1, 2, 3))


def test_what_is_owed_after_the_horizon_is_paid_at_its_end() -> None:
    small = growing(1, 0.0).add("commitments", name="long", years=3, usd_per_hour=1.0, node="duo", upfront_pct=30)
    design = design_of(small)
    nodes = held(design)[0]
    (taken,) = design.commitments
    assert (taken.units, taken.last_year) == (nodes, 1)
    yearly = 8760.0 * nodes
    assert taken.upfront_usd == pytest.approx(0.3 * 3 * yearly)
    later = 0.7 * yearly * sum(1.08**-y for y in (0, 1, 2))
    assert design.tco_usd == pytest.approx(0.9 * yearly + later / 1.08)
    assert design.cost is not None
    assert design.cost.cash_by_year[0].running_usd == pytest.approx(0.9 * yearly + later)
    assert design.finance[0].npv_usd == pytest.approx(design.tco_usd)


def daily(elastic: bool, peak: float = 6000, **changes: Any) -> Small:
    small = rented(2, [service(peak_requests_per_s=peak, mean_requests_per_s=None, profile="day")])
    small = small.add("profiles", name="day", hourly=DAY)
    return small.change("sites", "sky", elastic="yes" if elastic else "no", **changes)


def test_an_elastic_site_is_given_back_what_no_hour_needs() -> None:
    stiff, elastic = design_of(daily(False)), design_of(daily(True))
    by_hour = elastic.pools[0].service_nodes_by_hour
    assert min(by_hour) < max(by_hour) == elastic.pools[0].service_nodes == stiff.pools[0].service_nodes
    share = sum(by_hour) / 24 / max(by_hour)
    assert elastic.tco_usd == pytest.approx((stiff.tco_usd or 0) * share)
    for hour, nodes in enumerate(by_hour):  # as few as any that carry the load of that hour all day
        peak = 6000 * float(DAY.split()[hour])
        alone = design_of(rented(1, [service(peak_requests_per_s=peak, mean_requests_per_s=peak)]))
        assert nodes == alone.pools[0].service_nodes
        if hour > 8 and by_hour[hour - 1] == nodes:
            break


def test_a_base_is_committed_and_the_peak_is_rented_by_the_hour() -> None:
    small = daily(True).add("commitments", name="year", years=1, discount_pct=35)
    design = design_of(small)
    pool = design.pools[0]
    by_hour = sorted(pool.service_nodes_by_hour)
    hours = [sum(1 for n in by_hour if n >= k) for k in range(1, max(by_hour) + 1)]
    expected = sum(min(365 * 24 * 0.65, 365 * h) for h in hours) * RENT
    assert design.tco_usd == pytest.approx(expected * (1 / 1.08 + 1 / 1.08**2))
    assert min(by_hour) <= pool.committed < max(by_hour)


@pytest.mark.parametrize(("runs", "committed"), [(36, True), (2, False)])
def test_jobs_run_on_committed_nodes_where_they_fill_the_year(runs: int, committed: bool) -> None:
    tune = job(tokens=1e12, runs_per_year=runs, deadline_days=60)
    small = rented(2, [], (tune,)).add("commitments", name="year", years=1, discount_pct=50)
    design = design_of(small.set(schedulable_pct=100))
    assert [r.committed for r in design.training] == [committed] * 2
    on_demand = design_of(rented(2, [], (tune,)))
    assert (design.tco_usd or 0) <= (on_demand.tco_usd or 0) * (1 + 1e-9)
    if committed:
        nodes = sum(c.units for c in design.commitments if c.first_year == 1)
        assert design.pools[0].committed_for_jobs == nodes
        assert design.tco_usd == pytest.approx(nodes * 8760 * RENT / 2 * (1 / 1.08 + 1 / 1.08**2))


@pytest.mark.parametrize(("count", "nodes"), [(3, 1), (4, 2)])
def test_jobs_share_committed_nodes_as_far_as_a_year_goes(count: int, nodes: int) -> None:
    jobs = tuple(job(f"j{n}", tokens=1.6e12, deadline_days=365) for n in range(count))
    small = rented(1, [], jobs).set(schedulable_pct=100).change("training", global_batch=64)
    alone = design_of(small)
    days = [r.days * r.nodes for r in alone.training]
    assert all(90 < d < 365 / 3 for d in days), days
    design = design_of(small.add("commitments", name="year", years=1, discount_pct=90))
    assert sum(c.units for c in design.commitments) == nodes
    assert all(r.committed for r in design.training)
    assert design.tco_usd == pytest.approx(nodes * 8760 * RENT * 0.1 / 1.08)


def test_commitments_do_not_mind_purchase_dates() -> None:
    small = growing(3, 60.0).add("commitments", name="two", years=2, discount_pct=40)
    assert tco_of(small.set(purchase_years="1 2")) == pytest.approx(tco_of(small), rel=1e-9)


def test_a_view_of_one_year_keeps_what_was_committed() -> None:
    small = growing(3, -40.0, peak=3000).add("commitments", name="three", years=3, discount_pct=40)
    problem = small.set(purchase_years="all", rent_inflation_pct=-30).load()
    design = design_for(problem, RunOptions(gap=1e-9, threads=1, baseline=False, foresight_years=1))
    _, mismatches = verify(problem, design)
    assert not mismatches
    assert design.foresight is not None
    assert design.foresight.price_usd >= -1e-6


def test_the_verifier_finds_what_is_not_paid() -> None:
    small = daily(True).add("commitments", name="year", years=1, discount_pct=35)
    problem = small.load()
    design = design_of(problem)
    first, *rest = design.commitments
    for changed in (
        {"commitments": (first.model_copy(update={"units": first.units - 1}), *rest)},
        {"commitments": (first.model_copy(update={"usd_per_hour": 0.01}), *rest)},
        {"commitments": tuple(rest)},
        {"pools": tuple(p.model_copy(update={"committed": p.committed + 1}) for p in design.pools)},
        {"pools": tuple(p.model_copy(update={"service_nodes_by_hour": (1,) * 24}) for p in design.pools)},
    ):
        assert verify(problem, design.model_copy(update=changed))[1], changed
    jobs = rented(1, [], (job(tokens=1e12, runs_per_year=36),)).set(schedulable_pct=100)
    problem = jobs.add("commitments", name="year", years=1, discount_pct=50).load()
    design = design_of(problem)
    none = {"committed_for_jobs": 0}
    assert verify(problem, design.model_copy(update={"pools": tuple(p.model_copy(update=none) for p in design.pools)}))[
        1
    ]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"years": 1}, "discount_pct"),
        ({"years": 1, "discount_pct": 5, "usd_per_hour": 1, "node": "duo"}, "discount_pct"),
        ({"years": 1, "usd_per_hour": 1}, "node"),
        ({"years": 1, "discount_pct": 5, "node": "cpu"}, "node"),
        ({"years": 0, "discount_pct": 5}, "years"),
        ({"years": 1, "discount_pct": 5, "site": "oslo"}, "site"),
    ],
)
def test_a_commitment_that_cannot_be_is_refused(cells: dict[str, Any], column: str) -> None:
    with pytest.raises(InputError) as caught:
        with_cloud([job()]).add("commitments", name="year", **cells).load()
    assert column in {finding.column for finding in caught.value.findings}


def test_elastic_is_for_clouds() -> None:
    with pytest.raises(InputError) as caught:
        with_cloud([job()]).change("sites", "oslo", elastic="yes").load()
    assert "elastic" in {finding.column for finding in caught.value.findings}
