"""Lead times: what is ordered late serves late, and costs what the same problem costs where that is written by hand."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from small import Small, colocation, design_of, job, owned_site, service, tco_of, with_cloud

from dcopt.pipeline.explain import explain_problem
from dcopt.problem.findings import InputError
from dcopt.report.bom import bom_table
from dcopt.report.orders import orders_section
from dcopt.verify.verify import verify

BUSY: dict[str, Any] = {"peak_requests_per_s": 900, "mean_requests_per_s": 300}
LEADS = {"nodes": 100, "switches": 40, "racks": 30, "power": 60, "cooling": 50, "storage": 20}


def with_leads(small: Small, **days: float) -> Small:
    """Return a problem whose tables have these lead times."""
    for table, lead in {**LEADS, **days}.items():
        small = small.add("leads", table=table, lead_days=lead)
    return small


def diagnosis(small: Small) -> str:
    """Return what is said of a problem that has no design."""
    design = design_of(small)
    assert design.status == "infeasible"
    return " ".join(design.diagnosis)


def test_lead_times_bind_nothing_until_order_day_is_stated() -> None:
    plain = owned_site([job()], [service()])
    timed = with_leads(plain.change("sites", construction_days=500, commissioning_days=30), nodes=900)
    assert design_of(timed).tco_usd == pytest.approx(tco_of(plain), rel=1e-9)
    assert {line.order_by_day for line in design_of(timed).bom_lines} == {None}


def test_what_is_ordered_early_enough_costs_the_same_and_says_by_when() -> None:
    plain = owned_site([job()], [service()])
    early = with_leads(plain.change("sites", construction_days=300, commissioning_days=10)).set(order_day=-400)
    design = design_of(early)
    assert design.tco_usd == pytest.approx(tco_of(plain), rel=1e-9)
    days = {line.table: line.order_by_day for line in design.bom_lines}
    assert days["nodes"] == -110
    assert days["power"] == -70
    assert days["sites"] == -310


@pytest.mark.parametrize(("order_day", "begin"), [(0, 110), (-30, 80), (-110, 0), (50, 160)])
def test_a_job_starts_when_its_nodes_stand(order_day: float, begin: float) -> None:
    small = owned_site([job(due_day=200)]).set(horizon_years=1)
    late = with_leads(small.change("sites", commissioning_days=10)).set(order_day=order_day)
    by_hand = small.put("training", [job(due_day=200, earliest_start_day=begin)])
    design = design_of(late)
    assert design.tco_usd == pytest.approx(tco_of(by_hand), rel=1e-9)
    assert min(entry.start_day for entry in design.calendar) >= begin


def test_jobs_that_share_what_stands_late_need_more_of_it() -> None:
    jobs = [job("one", tokens=6.4e12), job("two", tokens=6.4e12)]
    small = owned_site([{**row, "deadline_days": 120} for row in jobs]).set(horizon_years=1)
    by_hand = owned_site([{**row, "deadline_days": 120, "earliest_start_day": 250} for row in jobs])
    late = tco_of(with_leads(small, nodes=250).set(order_day=0))
    assert late == pytest.approx(tco_of(by_hand.set(horizon_years=1)), rel=1e-9)
    assert late > tco_of(small) * 1.01


def test_later_orders_never_cost_less() -> None:
    small = owned_site([job(tokens=1e13, deadline_days=300, due_day=300)]).set(horizon_years=1)
    costs = [tco_of(with_leads(small).set(order_day=day)) for day in (-100, 0, 60, 120)]
    assert all(before <= after * (1 + 1e-9) for before, after in itertools.pairwise(costs))
    assert costs[0] < costs[-1]


def test_the_quicker_of_two_kinds_is_bought_where_the_cheaper_comes_too_late() -> None:
    work = {"tokens": 1e12, "deadline_days": 90, "due_day": 90}
    small = owned_site([job(**work)]).set(horizon_years=1)
    late = small.add("leads", table="nodes", name="duo", lead_days=80).add("leads", table="nodes", lead_days=10)
    only_quad = small.drop("nodes", "duo").put("training", [job(**work, earliest_start_day=10)])
    design = design_of(late.set(order_day=0))
    assert design.tco_usd == pytest.approx(tco_of(only_quad), rel=1e-9)
    assert {pool.node for pool in design.pools} == {"quad"}


def test_lead_times_of_a_row_and_a_site_go_before_those_of_the_table() -> None:
    small = owned_site([job()]).set(horizon_years=1, order_day=0).drop("nodes", "quad")
    small = small.add("leads", table="nodes", lead_days=300).add("leads", table="nodes", name="duo", lead_days=200)
    assert min(e.start_day for e in design_of(small).calendar) == pytest.approx(200)
    small = small.add("leads", table="nodes", name="duo", site="oslo", lead_days=100)
    assert min(e.start_day for e in design_of(small).calendar) == pytest.approx(100)


def test_a_plant_row_that_comes_later_than_the_site_is_not_bought_unless_the_site_waits_for_it() -> None:
    small = owned_site([job()]).set(horizon_years=1)
    slow = small.add("leads", table="power", name="feed-20", lead_days=150).set(order_day=0)
    slow = slow.add("power", name="feed-quick", role="transformer", kw=20, efficiency_pct=98.5, price_usd=50000)
    design = design_of(slow)
    assert {part.name for part in design.power if "feed" in part.name} == {"feed-quick"}
    waits = design_of(slow.change("sites", ready_day=150))
    assert {part.name for part in waits.power if "feed" in part.name} == {"feed-20"}
    assert min(entry.start_day for entry in waits.calendar) >= 150
    assert (waits.tco_usd or 0) < (design.tco_usd or 0)


def test_a_service_waits_for_the_year_in_which_its_nodes_stand() -> None:
    late = with_leads(owned_site(services=[service()])).set(order_day=0)
    text = diagnosis(late)
    assert "order_day" in text
    assert "100 days" in text
    assert "first_year" in text
    second = owned_site(services=[service(first_year=2)])
    assert tco_of(with_leads(second).set(order_day=0)) == pytest.approx(tco_of(second), rel=1e-9)
    third = with_leads(second, nodes=366).set(order_day=0)
    assert "year 2" in diagnosis(third)
    assert tco_of(late.set(order_day=-100)) < float("inf")


def test_building_takes_its_time_and_a_landlord_takes_none() -> None:
    small = owned_site(services=[service()], construction_days=500)
    assert "the building of oslo takes 500 days" in diagnosis(small.set(order_day=-400))
    assert tco_of(small.set(order_day=-500)) == pytest.approx(tco_of(owned_site(services=[service()])), rel=1e-9)
    landlord = colocation(services=[service()])
    assert tco_of(with_leads(landlord, power=900).set(order_day=-100)) == pytest.approx(tco_of(landlord), rel=1e-9)


def test_halls_are_built_in_their_months() -> None:
    small = owned_site([job()], build_usd_per_kw=0).set(horizon_years=1, order_day=0)
    small = small.add("halls", name="slow", site="oslo", kw=30, positions=20, price_usd=1000, build_months=9)
    alone = design_of(small)
    assert min(entry.start_day for entry in alone.calendar) >= 9 * 365 / 12 - 1e-6
    both = small.add("halls", name="quick", site="oslo", kw=30, positions=20, price_usd=90000, build_months=3)
    design = design_of(both)
    assert {hall.name for hall in design.halls} == {"quick"}


def test_a_cloud_serves_until_what_is_ordered_stands() -> None:
    small = with_leads(with_cloud(services=[service(**BUSY)])).set(order_day=0, horizon_years=4)
    design = design_of(small)
    first = {part.site for part in design.inference if part.year == 1}
    assert first == {"sky"}
    assert (design.tco_usd or 0) >= tco_of(small.set(order_day=None)) * (1 - 1e-9)


def test_a_job_that_must_end_before_anything_stands_is_refused_with_the_reason() -> None:
    text = diagnosis(with_leads(owned_site([job(due_day=60)]), nodes=80).set(order_day=0))
    assert "training.csv: learn due_day" in text
    assert "duo takes 80 days" in text or "quad takes 80 days" in text
    assert "order_day" in text


def test_explain_names_ordering_earlier_as_the_way_out() -> None:
    """Ordered on day 0 the job fits only on more nodes than there is power for: a month earlier they are enough."""
    small = owned_site([job(tokens=6.4e12, deadline_days=300)], power_limit_kw=5).set(horizon_years=1)
    small = with_leads(small, nodes=320)
    assert tco_of(small.set(order_day=-300)) < float("inf")
    possible, text = explain_problem(small.set(order_day=0).load(), 60.0)
    assert possible is False
    assert "order_day" in text


def test_staged_purchases_stand_at_the_first_date_after_their_lead_time() -> None:
    plain = owned_site(services=[service(**BUSY, growth_pct_per_year=30)]).set(horizon_years=3, purchase_years="all")
    plain = plain.add("existing", site="oslo", table="nodes", name="duo", units=12).put(
        "offers", [{"table": "nodes", "name": name} for name in ("duo", "quad")]
    )
    late = plain.add("leads", table="nodes", lead_days=200).set(order_day=0)
    by_hand = plain.put(
        "offers", [{"table": "nodes", "name": name, "available_from_year": 2} for name in ("duo", "quad")]
    )
    assert tco_of(late) == pytest.approx(tco_of(by_hand), rel=1e-7)
    assert tco_of(late.set(order_day=-200)) == pytest.approx(tco_of(plain), rel=1e-7)


def test_what_stands_is_not_bought_again_before_it_can_come() -> None:
    """The life of what exists ends after half a year; ordered on day 0 the next comes after 200 days."""
    small = owned_site(services=[service(**BUSY)]).set(horizon_years=3, purchase_years="all").drop("nodes", "quad")
    small = small.add("existing", site="oslo", table="nodes", name="duo", units=12, age_years=3.5)
    late = small.add("leads", table="nodes", lead_days=200)
    assert design_of(late.set(order_day=0)).status == "infeasible"
    assert tco_of(late.set(order_day=-20)) == pytest.approx(tco_of(small), rel=1e-9)


def test_a_staged_job_uses_the_year_that_is_left() -> None:
    small = owned_site([job(tokens=4e11, deadline_days=90)]).set(horizon_years=2, purchase_years="all")
    late = design_of(with_leads(small).set(order_day=0))
    by_year = {year: min(e.start_day for e in late.calendar if e.year == year) for year in (1, 2)}
    assert by_year[1] >= 100
    assert by_year[2] < 100


def test_a_service_that_is_late_in_several_epochs_is_named_once() -> None:
    small = with_leads(owned_site(services=[service()]), nodes=900).set(order_day=0, horizon_years=4)
    text = diagnosis(small.set(purchase_years="all"))
    assert text.count("inference.csv: chat") == 1
    assert "served in year 1" in text


def test_verify_finds_what_was_moved_before_it_stands() -> None:
    small = with_leads(owned_site([job()])).set(order_day=0, horizon_years=1)
    problem, design = small.load(), design_of(small)
    entries = tuple(
        e.model_copy(update={"start_day": 1.0, "end_day": 1.0 + e.end_day - e.start_day}) for e in design.calendar
    )
    assert any("start_day" in m.place for m in verify(problem, design.model_copy(update={"calendar": entries}))[1])
    lines = (design.bom_lines[0].model_copy(update={"order_by_day": 7.0}), *design.bom_lines[1:])
    assert any("order_by_day" in m.place for m in verify(problem, design.model_copy(update={"bom_lines": lines}))[1])
    earlier = small.set(order_day=None)
    moved = verify(earlier.set(order_day=300).load(), design_of(earlier))[1]
    assert any("stands" in m.found or "start_day" in m.place for m in moved) or moved


@pytest.mark.parametrize(
    "cells", [{"table": "nodes", "name": "dou", "lead_days": 3}, {"table": "nodes", "lead_days": -1}]
)
def test_bad_lead_times_are_input_errors(cells: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        owned_site([job()]).add("leads", **cells).load()


def test_the_report_says_by_when_to_order_and_from_when_on_it_serves() -> None:
    small = with_leads(owned_site([job()])).set(order_day=0, horizon_years=1)
    problem, design = small.load(), design_of(small)
    section = orders_section(design, problem)
    assert section is not None
    text = str(section)
    assert "duo" in text
    assert "nodes serve from day" in text
    assert "'100'" in text
    headers = bom_table(design).headers
    assert "order by day" in headers
    plain = owned_site([job()]).set(horizon_years=1)
    assert orders_section(design_of(plain), plain.load()) is None
    assert "order by day" not in bom_table(design_of(plain)).headers
