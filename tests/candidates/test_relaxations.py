"""What bounds and thins large programs, on what was added last: leads of capped nodes, growing jobs, commitments.

`coarse` may cost no more than any design, `dearer_than` at the optimum's cost may lose no optimum; both are held here
against the program of all candidates, solved to the end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from small import Small, job, left_out, owned_site, service, two_sites, with_cloud

from dcopt.candidates.coarse import coarse
from dcopt.candidates.generate import generate
from dcopt.candidates.priced import dearer_than
from dcopt.candidates.records import Candidates
from dcopt.design.records import Design
from dcopt.formulation.build import build
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve

EXACT = SolveOptions(gap=1e-9, time_limit_s=600, threads=1)
CAPS = [
    {"accelerator": chip, "name": "low", "saved_kw": saved, "training_speed_pct": 97, "decode_speed_pct": 98}
    for chip, saved in (("slow", 0.2), ("fast", 0.3))
]


def capped(small: Small) -> Small:
    return small.put("power_caps", CAPS).set(power_caps="yes")


def late(small: Small, nodes: float, switches: float) -> Small:
    """Return a problem in which nodes come some days after the year begins, and nodes on a fabric later still."""
    leads = [{"table": "nodes", "lead_days": nodes}, {"table": "switches", "lead_days": switches}]
    return small.put("leads", leads).set(order_day=0)


def concurrent(tokens: float = 1.2e12, **cells: object) -> list[dict[str, object]]:
    """Return two jobs that need a few nodes each at the same time."""
    return [job(name, tokens=tokens, deadline_days=25, due_day=26, **cells) for name in ("one", "two")]


def dear(small: Small) -> Small:
    """Return a problem whose nodes are most of the cost, so that a bound by nodes says something."""
    return small.scale("nodes", "price_usd", 6)


GROWING = job(tokens=2e12, growth_pct_per_year=60, runs_per_year=2)
CASES: dict[str, Callable[[], Small]] = {
    "caps": lambda: capped(owned_site([job(tokens=4e11, deadline_days=20)], [service()], power_limit_kw=5)),
    "late nodes": lambda: late(
        owned_site([job(tokens=2e12, deadline_days=90, due_day=150)], [service(first_year=2)]), 60, 90
    ).set(horizon_years=2),
    "late capped nodes": lambda: capped(
        late(
            owned_site([job(tokens=4e11, deadline_days=20, due_day=90)], power_limit_kw=6).drop("nodes", "quad"), 60, 80
        )
    ),
    "late at a second site": lambda: late(
        two_sites([job(tokens=2e12, deadline_days=60, due_day=120)], [service(first_year=2)], ready_day=30), 20, 60
    ).set(horizon_years=2),
    "growing job": lambda: dear(owned_site([GROWING, job("tune", tokens=3e11)], [service()], power_limit_kw=80)).set(
        horizon_years=3
    ),
    "growing capped job": lambda: dear(capped(owned_site([GROWING], [service()], power_limit_kw=80))).set(
        horizon_years=3
    ),
    "islands": lambda: (
        owned_site(concurrent(), power_limit_kw=60).drop("nodes", "quad").change("fabrics", "flat", islands=2)
    ),
    "commitments": lambda: (
        with_cloud([GROWING], [service(growth_pct_per_year=40)])
        .add("commitments", name="long", years=3, discount_pct=45)
        .set(horizon_years=3)
    ),
    "all of them": lambda: (
        capped(late(with_cloud(concurrent(7e11, growth_pct_per_year=20, sites="oslo"), [service(sites="sky")]), 3, 4))
        .drop("nodes", "quad")
        .change("fabrics", "flat", islands=2)
        .add("commitments", name="long", years=2, discount_pct=45)
        .set(horizon_years=2)
    ),
}


@cache
def solved(case: str) -> tuple[Problem, Candidates, Design]:
    """Return the problem of a case, all its candidates and its optimum."""
    problem = CASES[case]().load()
    candidates = generate(problem)
    found = solve_program(problem, candidates, EXACT, Listener())
    assert found.status == "optimal"
    assert found.design is not None
    return problem, candidates, found.design


def cost_of(problem: Problem, candidates: Candidates) -> float | None:
    found = solve_program(problem, candidates, EXACT, Listener()).design
    return None if found is None else found.tco_usd


@pytest.mark.parametrize("case", CASES)
def test_the_coarse_program_costs_no_more_than_the_optimum(case: str) -> None:
    problem, candidates, design = solved(case)
    merged = coarse(problem, candidates, candidates.periods)
    outcome = solve(compile_model(build(problem, merged).model), EXACT)
    assert outcome.bound is not None
    assert outcome.bound <= (design.tco_usd or 0.0) * (1 + 1e-7)
    assert outcome.bound > 0.3 * (design.tco_usd or 0.0)


@pytest.mark.parametrize("case", CASES)
def test_what_is_dearer_than_the_optimum_is_in_no_optimum(case: str) -> None:
    problem, candidates, design = solved(case)
    optimum = design.tco_usd or 0.0
    for limit in (optimum, 1.2 * optimum):
        assert cost_of(problem, dearer_than(problem, candidates, limit)) == pytest.approx(optimum, rel=1e-7)


@pytest.mark.parametrize("case", ["late nodes", "late capped nodes", "growing job", "growing capped job", "islands"])
def test_a_design_with_what_is_left_out_costs_more(case: str) -> None:
    problem, candidates, design = solved(case)
    optimum = design.tco_usd or 0.0
    left = dearer_than(problem, candidates, optimum)
    out = left_out(candidates, left)
    assert out
    for name, candidate in out[:: max(1, len(out) // 4)]:
        forced = dearer_than(problem, candidates, 1e15)
        others = tuple(c for c in forced.training[name] if candidate.years and not set(c.years) & set(candidate.years))
        forced.training[name] = (candidate, *others)
        cost = cost_of(problem, forced)
        assert cost is None or cost > optimum * (1 + 1e-7)


def test_a_pool_of_capped_nodes_serves_no_sooner_than_its_nodes() -> None:
    """The cases are what they say: the optimum waits for capped nodes, grows, and uses islands and commitments."""
    _, _, waits = solved("late capped nodes")
    assert {pool.power_cap for pool in waits.pools} == {"low"}
    assert min(entry.start_day for entry in waits.calendar if entry.year == 1) >= 60
    _, grows, _ = solved("growing job")
    assert {c.years for c in grows.training["learn"]} >= {(1,), (2,), (3,)}
    _, _, apart = solved("islands")
    assert {pool.fabric for pool in apart.pools} == {"flat", "flat~2"}
    _, _, mixed = solved("all of them")
    assert {pool.power_cap for pool in mixed.pools if pool.site == "oslo"} == {"low"}
    assert len({pool.fabric for pool in mixed.pools if pool.site == "oslo"}) == 2
    _, rents, committed = solved("commitments")
    assert any(c.committed for c in rents.training["learn"])
    assert committed.commitments


def test_staged_purchases_are_left_as_they_are() -> None:
    """Node prices of several dates are not compared: nothing is left out, whatever the limit."""
    small = owned_site([GROWING], [service()]).set(horizon_years=3, purchase_years="1 3")
    problem = small.load()
    candidates = generate(problem)
    assert dearer_than(problem, candidates, 1.0) is candidates
