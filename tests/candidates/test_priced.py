"""What is left out at a limit of the TCO is in no design within it: optima stay, and every bound holds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from small import Small, colocation, job, left_out, owned_site, service, two_sites, with_cloud

from dcopt.candidates.generate import generate
from dcopt.candidates.priced import dearer_than
from dcopt.candidates.records import Candidates
from dcopt.pipeline.solving import Listener, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions

EXACT = SolveOptions(gap=1e-9, time_limit_s=600, threads=1)
JOBS = [
    job(deadline_days=9),
    job("tune", tokens=4e11, runs_per_year=3, due_day=60),
    job("more", tokens=9e11, runs_per_year=9),
]
SERVICES = [service(peak_requests_per_s=4000, mean_requests_per_s=1000), service("search", max_quality_loss_pct=0)]
CASES: dict[str, Small] = {
    "owned": owned_site(JOBS, SERVICES),
    "two sites": two_sites(JOBS[:2], SERVICES[1:]),
    "cloud": with_cloud(JOBS, SERVICES),
    "colocation": colocation(JOBS, SERVICES),
    "years": owned_site([{**JOBS[0], "first_year": 2}, *JOBS[1:]], [{**SERVICES[0], "growth_pct_per_year": 30}]).set(
        horizon_years=3
    ),
    "existing": owned_site(JOBS, SERVICES).put(
        "existing", [{"site": "oslo", "table": "nodes", "name": "duo", "units": 3}]
    ),
    "volume": owned_site(JOBS, SERVICES).put(
        "offers",
        [
            {
                "table": "nodes",
                "name": "duo",
                "volume_units": "3 5",
                "volume_prices_usd": "9000 4000",
                "volume_rule": "incremental",
            },
            {"table": "nodes", "name": "quad"},
        ],
    ),
}


def cheapest(problem: Problem, candidates: Candidates) -> float | None:
    solved = solve_program(problem, candidates, EXACT, Listener())
    return None if solved.design is None else solved.design.tco_usd


@pytest.mark.parametrize("case", CASES)
def test_the_optimum_stays_at_any_limit_that_admits_it(case: str) -> None:
    problem = CASES[case].load()
    candidates = generate(problem)
    best = cheapest(problem, candidates)
    assert best is not None
    for share in (1.0, 1.3):
        left = dearer_than(problem, candidates, share * best)
        assert cheapest(problem, left) == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize("case", ["owned", "two sites", "years", "existing", "volume"])
def test_a_design_with_a_candidate_that_is_left_out_costs_more_than_the_limit(case: str) -> None:
    problem = CASES[case].load()
    candidates = generate(problem)
    best = cheapest(problem, candidates)
    assert best is not None
    left = dearer_than(problem, candidates, best)
    out = left_out(candidates, left)
    assert out
    for name, candidate in out[:: max(1, len(out) // 6)]:
        forced = dearer_than(problem, candidates, 1e15)
        forced.training[name] = (candidate,)
        cost = cheapest(problem, forced)
        assert cost is None or cost > best * (1 + 1e-7)


def test_a_lower_limit_leaves_no_more() -> None:
    problem = CASES["two sites"].load()
    candidates = generate(problem)
    kept = [
        {(name, c.pool.key, c.nodes) for name, of_job in left.training.items() for c in of_job}
        for left in (dearer_than(problem, candidates, limit) for limit in (1e15, 1e6, 3e5, 1e5))
    ]
    assert all(more >= less for more, less in pairwise(kept))
    assert kept[0] == {(name, c.pool.key, c.nodes) for name, of in candidates.training.items() for c in of}
