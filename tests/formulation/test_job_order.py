"""Jobs that come after each other in the program: brute force, laws, and what the verifier sees."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
from oracle import cheapest
from small import Small, design_of, job, owned_site, service, tco_of, two_sites, with_cloud

from dcopt.candidates.generate import generate
from dcopt.design.records import Design
from dcopt.report.blocks import Timeline
from dcopt.report.calendar import calendar_section
from dcopt.report.content import build_report
from dcopt.report.context import Context
from dcopt.report.markdown import render_sections
from dcopt.verify.verify import verify


def no_fabric(small: Small) -> Small:
    return small.drop("fabrics", "flat").drop("nodes", "quad")


def chain(due: float, **cells: Any) -> Small:
    """Return three jobs one after another, some 24, 12 and 6 days on one node, the last due by a day."""
    jobs = [
        job("learn", tokens=4e11, **cells),
        job("tune", tokens=2e11, after="learn"),
        job("distil", tokens=1e11, after="tune", due_day=due),
    ]
    return no_fabric(owned_site(jobs)).set(schedulable_pct=100)


CASES: dict[str, Small] = {
    "in time": chain(60),
    "in time on more nodes": chain(38),
    "from a day on": chain(70, earliest_start_day=30),
    "each run after its own": no_fabric(
        owned_site(
            [job(tokens=4e11, runs_per_year=2, due_day=60), job("tune", runs_per_year=2, after="learn", due_day=75)]
        )
    ),
    "all runs before": no_fabric(
        owned_site([job(tokens=2e11, runs_per_year=2, due_day=40), job("tune", after="learn", due_day=31)])
    ),
    "at two sites": no_fabric(
        two_sites([job(tokens=4e11, sites="oslo"), job("tune", tokens=4e11, after="learn", sites="rome", due_day=45)])
    ),
    "rented before owned": with_cloud(
        [job(tokens=4e11, sites="sky"), job("tune", after="learn", sites="oslo", due_day=30)]
    )
    .drop("nodes", "quad")
    .set(horizon_years=1),
    "in later years alone": no_fabric(owned_site([job(last_year=1), job("tune", after="learn", due_day=20)])),
    "a service waits": no_fabric(owned_site([job(tokens=4e11)], [service(after="learn", first_day=26)])),
}


@pytest.mark.parametrize("name", CASES)
def test_the_optimum_is_that_of_brute_force(name: str) -> None:
    problem = CASES[name].load()
    least = cheapest(problem, generate(problem))
    assert tco_of(problem) == pytest.approx(least, rel=1e-6)


def test_an_order_costs_something_where_it_binds() -> None:
    free = chain(45).change("training", "tune", after=None).change("training", "distil", after=None)
    assert tco_of(chain(37)) > tco_of(free) * (1 + 1e-6)


def test_more_order_never_costs_less() -> None:
    for due in (60, 45, 38, 30, 20):
        bare = chain(due).change("training", "tune", after=None).change("training", "distil", after=None)
        costs = [tco_of(bare), tco_of(chain(due).change("training", "distil", after=None)), tco_of(chain(due))]
        assert costs == sorted(costs) or max(costs) - min(costs) < 1e-6 * min(costs)


def test_an_order_that_no_node_count_keeps_is_infeasible() -> None:
    small = chain(4).change("training", "learn", deadline_days=300)
    assert tco_of(small.put("nodes", [small.tables["nodes"][0]]).change("sites", power_limit_kw=4)) == math.inf


def test_priority_changes_the_calendar_and_not_the_cost() -> None:
    jobs = [job("learn", tokens=4e11), job("tune", tokens=2e11)]
    plain = design_of(no_fabric(owned_site(jobs)))
    first = design_of(no_fabric(owned_site([jobs[0], {**jobs[1], "priority": 5}])))
    assert plain.tco_usd == first.tco_usd
    start = {record.job: record.start_day for record in first.training if record.year == 1}
    assert start["tune"] == 0 < start["learn"]


def moved(design: Design, name: str, days: float) -> Design:
    """Move the runs of a job to another day."""
    entries = tuple(
        entry.model_copy(update={"start_day": entry.start_day + days, "end_day": entry.end_day + days})
        if entry.job == name
        else entry
        for entry in design.calendar
    )
    records = tuple(
        record.model_copy(update={"start_day": record.start_day + days}) if record.job == name else record
        for record in design.training
    )
    return design.model_copy(update={"calendar": entries, "training": records})


def test_the_verifier_sees_a_broken_order() -> None:
    problem = chain(60).load()
    design = design_of(problem)
    first = {record.job: record.start_day for record in design.training if record.year == 1}
    wrong = moved(design, "tune", -first["tune"])
    _, mismatches = verify(problem, wrong)
    assert any("after learn" in mismatch.place for mismatch in mismatches)


def test_a_job_ends_by_the_first_day_of_a_service_that_comes_after_it() -> None:
    small = no_fabric(owned_site([job(tokens=4e11)], [service(after="learn", first_day=26)]))
    problem = small.load()
    design = design_of(problem)
    assert max(entry.end_day for entry in design.calendar) <= 26
    late = replace(
        problem,
        tables={
            **problem.tables,
            "inference": {"chat": problem.inference["chat"].model_copy(update={"first_day": 5.0})},
        },
    )
    _, mismatches = verify(late, design)
    assert any("end_day" in mismatch.place for mismatch in mismatches)


def test_the_report_draws_what_waits_for_what() -> None:
    jobs = [job("tune", tokens=2e11, after="learn"), job("learn", tokens=4e11, priority=3)]
    problem = no_fabric(owned_site(jobs, [service(after="tune", first_day=300)])).load()
    design = design_of(problem)
    section = calendar_section(Context(design, problem))
    (gantt,) = [block for block in section.blocks if isinstance(block, Timeline)]
    ends = {entry.job: entry.end_day for entry in design.calendar}
    assert [name for name, _ in gantt.lanes] == ["learn", "tune", "chat"]
    assert gantt.lanes[1][1][0].start == pytest.approx(ends["learn"])
    assert "after learn" in gantt.lanes[1][1][0].text
    assert gantt.lanes[2][1][0].start == pytest.approx(ends["tune"])
    text = render_sections(build_report(design, problem))
    assert "Services that wait for jobs" in text
    assert "| chat | tune |" in text


def test_what_recurs_keeps_its_even_spread_whatever_its_priority() -> None:
    design = design_of(no_fabric(owned_site([job("weekly", runs_per_year=4, priority=9), job("tune")])))
    starts = sorted(e.start_day for e in design.calendar if (e.job, e.year) == ("weekly", 1))
    assert len(starts) == 4
    assert all(b - a > 60 for a, b in itertools.pairwise(starts))
