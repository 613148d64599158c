"""First designs of large programs: at one site where everything may run there, from the roots of searches.

The steps are for programs of thousands of ways; here they are asked for programs of any number, so that the optimum
and the verifier say what is right.
"""

from __future__ import annotations

import pytest
from small import Small, design_of, job, owned_site, service, two_sites, with_cloud
from test_calendar_of_designs import check_calendar, one_node_type, tokens

from dcopt.candidates.generate import generate
from dcopt.candidates.priced import with_numbers
from dcopt.pipeline import first_design as steps
from dcopt.pipeline import large, large_search, solving
from dcopt.pipeline.one_site import at_each_site
from dcopt.pipeline.ranges import StoppedError
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve import calendar as scheduling
from dcopt.solve.calendar import Effort
from dcopt.solve.session import SolveOptions

OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)


def anywhere(**rome: object) -> Small:
    """Two jobs and two services that may run at either of two sites."""
    return two_sites([job(), job("tune", tokens=2e10)], [service(), service("search")], **rome).set(objective="tco")


def sites_of(solved: Solved) -> set[str]:
    assert solved.design is not None
    return {pool.site for pool in solved.design.pools}


def first(problem: Problem) -> Solved:
    found = steps.first_design(problem, generate(problem), OPTIONS, Listener())
    assert found is not None
    return found


def value(solved: Solved) -> float:
    assert solved.design is not None
    return solved.design.objective_value or 0.0


def test_sites_alone_are_those_at_which_everything_may_run() -> None:
    problem = anywhere().load()
    alone = at_each_site(problem, generate(problem))
    assert set(alone) == {"oslo", "rome"}
    for site, here in alone.items():
        ways = [way for of_one in [*here.training.values(), *here.serving.values()] for way in of_one]
        assert {way.pool.site for way in ways} == {pool.site for pool in here.pools.values()} == {site}
        assert set(here.training) == {"learn", "tune"}
    only_rome = anywhere().change("training", "tune", sites="rome").load()
    assert set(at_each_site(only_rome, generate(only_rome))) == {"rome"}
    for small in (owned_site([job()], [service()]), with_cloud([job()], [service()])):
        problem = small.load()
        assert not at_each_site(problem, generate(problem))


def test_a_site_is_not_looked_at_alone_where_nodes_are_asked_for_elsewhere() -> None:
    problem = anywhere().load()
    candidates = generate(problem)
    asked = with_numbers(problem, candidates, {("rome", "duo"): (1, 9), ("*", "quad"): (1, 9)})
    assert set(at_each_site(problem, asked)) == {"rome"}
    both = with_numbers(problem, asked, {("oslo", "duo"): (2, 9)})
    assert not at_each_site(problem, both)


def test_the_first_design_is_at_the_cheaper_site_and_no_better_than_the_optimum() -> None:
    problem = anywhere().load()
    found = first(problem)
    assert sites_of(found) == {"oslo"}
    dear_oslo = first(anywhere(electricity_usd_per_kwh=0.01).load())
    assert sites_of(dear_oslo) == {"rome"}
    optimum = value(solve_program(problem, generate(problem), OPTIONS, Listener()))
    assert optimum * (1 - 1e-7) <= value(found) <= optimum * 1.05


def test_what_a_site_alone_cannot_carry_is_found_at_both() -> None:
    """With 3 kW the relaxation of neither site alone has a solution, with 4 kW that of each has."""
    services = [service("chat", peak_requests_per_s=3000), service("search", peak_requests_per_s=3000)]
    small = two_sites([], services).set(objective="tco")
    assert sites_of(first(small.change("sites", power_limit_kw=3).load())) == {"oslo", "rome"}
    assert sites_of(first(small.change("sites", power_limit_kw=4).load())) == {"oslo"}


@pytest.mark.parametrize(("share", "order"), [(0.02, [1, 1, 2]), (-1.0, [2, 1, 1, 2])])
def test_several_sites_come_first_where_they_are_cheaper(
    share: float, order: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "SEVERAL", share)
    problem = anywhere().load()
    search = steps._Search(problem, generate(problem), OPTIONS, Listener(), only_pair=False)
    places = [here for here, _ in search.places()]
    assert [len({pool.site for pool in here.pools.values()}) for here in places] == order
    alone = [next(iter(here.pools.values())).site for here in places if len({p.site for p in here.pools.values()}) == 1]
    assert alone == ["oslo", "rome"]  # the cheaper one first


def test_a_design_of_one_site_is_verified_as_one_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(large_search.LargeSearch, "_finished", lambda search: search.best)
    design = design_of(anywhere())  # verified there
    assert {pool.site for pool in design.pools} == {"oslo"}


@pytest.mark.parametrize("whole", [steps.WORKLOADS, steps.STRATEGIC])
def test_what_the_root_finds_becomes_a_design_near_the_optimum(
    whole: frozenset[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the two roots alone, on programs of which the optimum is known."""
    monkeypatch.setattr(steps, "ROOTS", (whole,))
    monkeypatch.setattr(steps._Search, "one_year", lambda search, stated: None)
    for small in (anywhere(), owned_site([job()], [service(), service("search")])):
        problem = small.set(objective="tco").load()
        optimum = value(solve_program(problem, generate(problem), OPTIONS, Listener()))
        assert optimum * (1 - 1e-7) <= value(first(problem)) <= optimum * 1.15


@pytest.mark.parametrize("error", [StoppedError, KeyboardInterrupt])
def test_ctrl_c_after_the_first_design_leaves_it(error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a second one is looked for: the first is the answer."""
    monkeypatch.setattr(large, "LARGE", 0)
    told: list[Solved] = []

    def interrupted(*args: object, **options: object) -> Solved | None:
        def hear(solved: Solved) -> None:
            tell(solved)
            told.append(solved)
            raise error

        tell = options["told"]
        assert callable(tell)
        return steps.first_design(*args, **{**options, "told": hear})  # type: ignore[arg-type]

    monkeypatch.setattr(large_search, "first_design", interrupted)
    problem = anywhere().load()
    solved = large.solve_any(problem, generate(problem), OPTIONS, Listener())
    assert len(told) == 1
    assert (solved.status, solved.stopped_by) == ("feasible", "interrupted")
    assert value(solved) == value(told[0])
    assert solved.design is not None
    assert solved.design.stopped_by == "interrupted"


def test_ctrl_c_before_any_design_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 0)

    def interrupted(*args: object, **options: object) -> Solved | None:
        raise StoppedError

    monkeypatch.setattr(large_search, "first_design", interrupted)
    problem = anywhere().load()
    with pytest.raises(KeyboardInterrupt):
        large.solve_any(problem, generate(problem), OPTIONS, Listener())


def test_without_effort_for_calendars_designs_keep_theirs_and_nothing_false_is_proven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """List schedules alone decide what is cut off: the design has a calendar, and the bound is none of these cuts'."""
    jobs = [job(name, tokens=tokens(150, 2), deadline_days=160) for name in ("a", "b", "c")]
    problem = one_node_type(jobs).load()
    optimum = solve_program(problem, generate(problem), OPTIONS, Listener())
    assert optimum.status == "optimal"
    monkeypatch.setattr(solving, "Effort", lambda ends: Effort(work=0, ends=ends))
    monkeypatch.setattr(scheduling, "_enough_in_all", lambda jobs, room: True)  # what proves without a search
    rough = solve_program(problem, generate(problem), OPTIONS, Listener())
    assert rough.design is not None
    check_calendar(problem, rough.design)
    assert value(rough) >= value(optimum) * (1 - 1e-7)
    assert rough.bound is not None
    assert rough.bound <= value(optimum) * (1 + 1e-7)
    assert rough.size["calendar_cuts"] > 0
    assert rough.bound < value(optimum) * (1 - 1e-6)  # no cut of a list schedule counts
    assert rough.status == "feasible"
