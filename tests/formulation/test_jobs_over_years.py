"""Jobs that recur, come in given years or grow: against the same jobs written year by year, and laws."""

from __future__ import annotations

from typing import Any

import pytest
from small import Small, dataset, design_of, job, owned_site, service, tco_of, with_cloud

from dcopt.design.records import Design
from dcopt.problem.findings import InputError
from dcopt.verify.verify import verify


def years_of(design: Design) -> dict[int, list[tuple[int, float, float]]]:
    """Return (runs, tokens, node-days of a run) of what runs in each year."""
    found: dict[int, list[tuple[int, float, float]]] = {}
    for record in design.training:
        entry = (record.runs_per_year, record.tokens, record.nodes * record.days)
        found.setdefault(record.year, []).append(entry)
    return {year: sorted(of) for year, of in found.items()}


def year_by_year(small: Small, *rows: dict[str, Any]) -> Small:
    """Return the problem with a job of its own for each year, each of which runs in that year only."""
    return small.put("training", rows)


@pytest.mark.parametrize("dates", ["1", "1 3"])
@pytest.mark.parametrize("where", [owned_site, with_cloud])
def test_a_job_that_grows_is_a_job_a_year(where: Any, dates: str) -> None:
    base = where().add("datasets", **dataset(dataset_tokens=1e11)).set(horizon_years=4, purchase_years=dates)
    grows = base.put("training", [job(tokens=4e11, growth_pct_per_year=40, runs_per_year=3, dataset="books")])
    apart = year_by_year(
        base,
        *(
            job(f"y{y}", tokens=4e11 * 1.4 ** (y - 1), runs_per_year=3, first_year=y, last_year=y, dataset="books")
            for y in (1, 2, 3, 4)
        ),
    )
    mine, theirs = design_of(grows), design_of(apart)
    assert mine.tco_usd == pytest.approx(theirs.tco_usd, rel=2e-5)  # checkpoints of four jobs lie beside each other
    assert (mine.tco_usd or 0) <= (theirs.tco_usd or 0) * (1 + 1e-9)
    for year in (1, 2, 3, 4):
        assert [runs for runs, *_ in years_of(mine)[year]] == [3]
        assert [tokens for _, tokens, _ in years_of(mine)[year]] == pytest.approx([4e11 * 1.4 ** (year - 1)])


def test_demand_gives_tokens_and_runs_by_year() -> None:
    small = owned_site([job(tokens=4e11)]).set(horizon_years=4)
    small = small.add("demand", name="learn", year=2, tokens=8e11).add("demand", name="learn", year=3, runs_per_year=5)
    design = design_of(small)
    asked = {year: [(runs, tokens) for runs, tokens, _ in of] for year, of in years_of(design).items()}
    assert asked == {1: [(1, 4e11)], 2: [(1, 8e11)], 3: [(5, 8e11)], 4: [(5, 8e11)]}
    assert {(e.year, e.run) for e in design.calendar} == {
        (1, 1),
        (2, 1),
        *((y, r) for y in (3, 4) for r in range(1, 6)),
    }


def test_a_job_runs_in_its_years_only() -> None:
    small = owned_site([job(tokens=4e11, years="1 3")]).set(horizon_years=4)
    assert sorted(years_of(design_of(small))) == [1, 3]
    always = owned_site([job(tokens=4e11)]).set(horizon_years=4)
    assert sorted(years_of(design_of(always))) == [1, 2, 3, 4]
    assert tco_of(small) <= tco_of(always) * (1 + 1e-9)
    named = owned_site([job(tokens=4e11, years="1 2 3 4")]).set(horizon_years=4)
    assert tco_of(named) == pytest.approx(tco_of(always), rel=1e-12)


def test_growth_is_from_the_first_year_of_the_job() -> None:
    small = owned_site([job(tokens=4e11, first_year=2, growth_pct_per_year=50)]).set(horizon_years=3)
    asked = {year: [tokens for _, tokens, _ in of] for year, of in years_of(design_of(small)).items()}
    assert asked == {2: [4e11], 3: [6e11]}


def test_more_growth_never_costs_less_and_none_is_as_before() -> None:
    def tco(**cells: Any) -> float:
        small = with_cloud([job(tokens=1e12, runs_per_year=8, **cells)], [service()])
        return tco_of(small.set(horizon_years=3, purchase_years="1 2"))

    assert tco() <= tco(growth_pct_per_year=30) * (1 + 1e-9) <= tco(growth_pct_per_year=90) * (1 + 2e-9)
    assert tco(growth_pct_per_year=0) == tco()


def test_samples_grow_as_tokens_do() -> None:
    tokens = owned_site([job(tokens=4e11, growth_pct_per_year=20)])
    samples = owned_site([job(tokens=None, samples=4e11 / 512, growth_pct_per_year=20)])
    assert tco_of(samples) == pytest.approx(tco_of(tokens), rel=1e-9)


def test_a_year_that_nothing_can_train_has_no_design() -> None:
    small = owned_site([job(tokens=1e11, growth_pct_per_year=900, deadline_days=15)]).set(horizon_years=4)
    assert design_of(small.change("training", growth_pct_per_year=0)).status == "optimal"
    assert design_of(small).status == "infeasible"


def test_growing_jobs_that_are_in_each_others_way_get_a_calendar() -> None:
    jobs = [
        job("a", tokens=6e11, growth_pct_per_year=60, due_day=120),
        job("b", tokens=9e11, due_day=200, runs_per_year=2),
    ]
    design = design_of(owned_site(jobs).set(horizon_years=3))
    assert {e.year for e in design.calendar} == {1, 2, 3}
    assert len(design.calendar) == 9


def test_the_verifier_knows_what_each_year_asks() -> None:
    problem = owned_site([job(tokens=4e11, growth_pct_per_year=50)]).load()
    design = design_of(problem)
    first = design.training[0]
    as_first = tuple(r.model_copy(update={"tokens": first.tokens, "days": first.days}) for r in design.training)
    assert verify(problem, design.model_copy(update={"training": as_first}))[1]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"years": "2 1"}, "years"),
        ({"years": "0"}, "years"),
        ({"years": "1 2", "first_year": 2}, "years"),
        ({"years": "9"}, "years"),
    ],
)
def test_years_that_cannot_be_are_refused(cells: dict[str, Any], column: str) -> None:
    with pytest.raises(InputError) as caught:
        owned_site([job(**cells)]).load()
    assert column in {finding.column for finding in caught.value.findings}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"name": "lern", "year": 1, "tokens": 1e9}, "name"),
        ({"name": "learn", "year": 1, "size_tb": 3}, "size_tb"),
        ({"name": "chat", "year": 1, "tokens": 3}, "tokens"),
        ({"name": "images", "year": 1, "tokens": 3}, "tokens"),
    ],
)
def test_demand_is_about_something(row: dict[str, Any], column: str) -> None:
    jobs = [job(), job("images", tokens=None, samples=1e8)]
    with pytest.raises(InputError) as caught:
        owned_site(jobs, [service()]).add("demand", **row).load()
    assert column in {finding.column for finding in caught.value.findings}
