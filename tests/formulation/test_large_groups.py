"""A large problem that falls apart is solved group by group: the same optimum, and never a false bound."""

from __future__ import annotations

import pyomo.environ as pyo
import pytest
from small import Small, dataset, job, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.candidates.records import Candidates
from dcopt.formulation.build import build
from dcopt.formulation.stages import name_of
from dcopt.pipeline import apart, large
from dcopt.pipeline.apart import groups_of, part_of
from dcopt.pipeline.solving import Listener, Solved, solve_program
from dcopt.problem.problem import Problem
from dcopt.solve.session import SolveOptions

OPTIONS = SolveOptions(gap=1e-7, time_limit_s=60, threads=1)
BUSY = {"peak_requests_per_s": 900, "mean_requests_per_s": 300}


def _apart() -> Small:
    """Return a problem of two sites that share nothing, a job and a service at each."""
    return two_sites(
        jobs=[job(sites="oslo"), job("elsewhere", sites="rome", runs_per_year=3)],
        services=[service(sites="oslo", **BUSY), service("far", sites="rome", growth_pct_per_year=30, **BUSY)],
    ).set(horizon_years=3)


def _sharing(**row: object) -> Small:
    """Return such a problem whose jobs read one dataset."""
    small = two_sites(
        jobs=[job(sites="oslo", dataset="web"), job("elsewhere", sites="rome", runs_per_year=3, dataset="web")],
        services=[service(sites="oslo", **BUSY)],
    )
    return small.put("datasets", [dataset("web", **row)])


def _solved(small: Small) -> tuple[Problem, Candidates, Solved]:
    problem = small.load()
    candidates = generate(problem)
    return problem, candidates, solve_program(problem, candidates, OPTIONS, Listener())


@pytest.mark.parametrize("steps", [0, 1], ids=["plain", "in steps"])
def test_the_groups_together_are_the_whole(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    standing = [{"site": "oslo", "table": "nodes", "name": "duo", "units": 1}]
    for small in (_apart(), _apart().put("existing", standing), _sharing()):
        problem, candidates, plain = _solved(small)
        assert plain.design is not None
        monkeypatch.setattr(large, "is_large", _of_the_whole(candidates) if not steps else lambda candidates: True)
        apart = large.solve_any(problem, candidates, OPTIONS, Listener())
        assert apart.design is not None
        optimum = plain.design.objective_value or 0.0
        assert apart.design.objective_value == pytest.approx(optimum, rel=0.02 if steps else 1e-5)
        assert (apart.design.objective_value or 0.0) >= optimum * (1 - 1e-6)
        assert apart.bound is not None
        assert 0.5 * optimum <= apart.bound <= optimum * (1 + 1e-7)
        assert {row.job for row in apart.design.training} == {"learn", "elsewhere"}


def test_many_groups_are_parts_of_one_program(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, candidates, plain = _solved(_apart())
    assert plain.design is not None
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(large, "MANY_GROUPS", 1)
    monkeypatch.setattr(large, "solve_apart", None)
    solved = large.solve_any(problem, candidates, OPTIONS, Listener())
    assert solved.status == "optimal"
    assert solved.design is not None
    assert solved.design.objective_value == pytest.approx(plain.design.objective_value, rel=1e-6)


def test_how_spares_are_counted_is_left_to_the_whole() -> None:
    """Its steps depend on how large a pool may be, which differs between a group and the whole."""
    small = _apart().change("nodes", mtbf_hours=2000, repair_hours=200)
    problem, candidates, plain = _solved(small)
    program = build(problem, candidates)
    apart._hold(program, [plain.program], None)
    held = {name_of(v) for v in program.model.component_data_objects(pyo.Var) if not v.is_continuous() and v.lb == v.ub}
    assert {"train", "bought", "open"} <= held
    steps = list(program.model.spare_step.values())
    assert len(steps) > len(candidates.pools)
    assert all(variable.lb < variable.ub for variable in steps if variable.ub > 0)


def test_what_shares_nothing_falls_apart() -> None:
    problem, candidates, _ = _solved(_apart())
    groups = groups_of(problem, candidates, only_pair=False)
    assert groups is not None
    assert groups.twice_usd == 0.0
    names = [{name for _, name in workloads} for workloads in groups.workloads]
    assert sorted(names, key=len) in (
        [{"learn", "chat"}, {"elsewhere", "far"}],
        [{"elsewhere", "far"}, {"learn", "chat"}],
    )
    of_part, ways = part_of(problem, candidates, groups.workloads[0])
    assert len(of_part.sites) == len(of_part.training) == len(of_part.inference) == 1
    assert {pool.site for pool in ways.pools.values()} == set(of_part.sites)


@pytest.mark.parametrize(
    "small",
    [
        two_sites(jobs=[job(), job("elsewhere", sites="rome")]),
        _apart().set(capex_limit_usd=9e9),
        _sharing(min_copies=2),
        _sharing(origin="oslo"),
    ],
    ids=["a job that goes anywhere", "one budget", "two copies", "data that moves"],
)
def test_what_is_bound_together_is_one(small: Small) -> None:
    problem = small.load()
    assert groups_of(problem, generate(problem), only_pair=False) is None


def test_one_fabric_for_all_binds_together() -> None:
    """The baseline's rule, one pair of node and fabric everywhere."""
    problem = _apart().load()
    candidates = generate(problem)
    assert groups_of(problem, candidates, only_pair=True) is None


def _of_the_whole(candidates: Candidates) -> object:
    """Return what calls the whole large, and none of its parts."""
    return lambda asked: asked is candidates
