"""One purchase for many scenarios: against brute force over purchases, bounds, laws, and fresh samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import owned_site, service, two_sites

from dcopt.candidates.generate import generate
from dcopt.cli.main import main
from dcopt.pipeline import extensive
from dcopt.pipeline.extensive import Goal
from dcopt.pipeline.stocked import run_on
from dcopt.problem.load import load
from dcopt.solve.matrix import compile_model
from dcopt.solve.session import SolveOptions, solve
from dcopt.study.decompose import decomposed
from dcopt.study.distributions import sample_scenarios
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.regret import held_fixed
from dcopt.study.robust import cases_of, cvar, for_tco, goal_value, judged, purchase_named, robust_purchase
from dcopt.study.run import Study, run_study

TIGHT = SolveChoices(gap=1e-8)
FUTURES = tuple(
    Scenario(
        name=name,
        sets=(f"inference.chat.peak_requests_per_s*={load}", f"sites.oslo.electricity_usd_per_kwh*={power}"),
    )
    for name, load, power in (("now", 1, 1), ("more", 8, 2), ("boom", 20, 0.5), ("craze", 50, 1.5))
)
GOALS = (Goal("expected"), Goal("worst"), Goal("cvar", 0.5), Goal("chance", 0.75), Goal("chance", 0.5))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    return owned_site(services=[service()]).write(folder)


def held(path: Path, parts: dict[tuple[str, str, str], float], futures: tuple[Scenario, ...]) -> tuple[Outcome, ...]:
    fixed = held_fixed([purchase_named("robust", parts)], futures)
    return run_study(Study("robust", path, fixed, (), TIGHT)).outcomes


@pytest.mark.parametrize("goal", GOALS[:3], ids=lambda goal: goal.kind)
def test_the_purchase_reaches_its_goal_when_it_is_held_fixed(path: Path, goal: Goal) -> None:
    found = robust_purchase(path, (), FUTURES, goal, TIGHT)
    assert found.status == "optimal"
    assert found.objective_usd is not None
    assert found.bound_usd == pytest.approx(found.objective_usd, rel=1e-7)
    assert goal_value(goal, held(path, found.parts, FUTURES), "robust") == pytest.approx(found.objective_usd, rel=1e-6)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: f"{goal.kind}-{goal.level}")
def test_no_mixture_of_the_designs_of_single_scenarios_is_better(path: Path, goal: Goal) -> None:
    """Brute force over purchases: each scenario's own best one, and the larger of each pair, row by row."""
    own = [
        {tuple(name.split("/")): units for name, units in outcome.parts.items()}
        for outcome in run_study(Study("grid", path, FUTURES, (), TIGHT)).outcomes
    ]
    larger = [{k: max(a.get(k, 0.0), b.get(k, 0.0)) for k in {*a, *b}} for a, b in itertools.combinations(own, 2)]
    found = robust_purchase(path, (), FUTURES, goal, TIGHT)
    mine = goal_value(goal, held(path, found.parts, FUTURES), "robust")
    assert mine < math.inf
    if goal.kind == "chance":
        assert len(found.given_up) <= (1 - goal.level) * len(FUTURES) + 1e-9
        assert found.objective_usd is not None
        everything = robust_purchase(path, (), FUTURES, Goal("chance", 1.0), TIGHT).objective_usd
        assert everything is not None
        assert found.objective_usd <= everything * (1 + 1e-7)
        return
    for parts in [*own, *larger]:
        assert goal_value(goal, held(path, parts, FUTURES), "robust") >= mine * (1 - 1e-6)  # type: ignore[arg-type]


def test_goals_are_ordered_as_they_must_be(path: Path) -> None:
    """Wait and see ≤ expected ≤ CVaR ≤ worst; CVaR of everything is the mean, and promises always kept the expected."""
    value = {
        name: robust_purchase(path, (), FUTURES, goal, TIGHT).objective_usd or math.nan
        for name, goal in {
            "expected": Goal("expected"),
            "cvar 0": Goal("cvar", 1e-9),
            "cvar": Goal("cvar", 0.5),
            "worst": Goal("worst"),
            "always": Goal("chance", 1.0),
            "mostly": Goal("chance", 0.75),
        }.items()
    }
    alone = [o.figures["tco_usd"] for o in run_study(Study("grid", path, FUTURES, (), TIGHT)).outcomes]
    near = 1 + 1e-7
    assert sum(alone) / len(alone) <= value["expected"] * near
    assert value["expected"] <= value["cvar"] * near
    assert value["cvar"] <= value["worst"] * near
    assert max(alone) <= value["worst"] * near
    assert value["cvar 0"] == pytest.approx(value["expected"], rel=1e-6)
    assert value["always"] == pytest.approx(value["expected"], rel=1e-6)
    assert value["mostly"] < value["always"]


def test_giving_up_a_scenario_saves_equipment_not_work(path: Path) -> None:
    """The one that needs most is given up, not one that runs on what is bought anyway."""
    found = robust_purchase(path, (), FUTURES, Goal("chance", 0.75), TIGHT)
    assert found.given_up == ("craze",)
    kept = [outcome.status for outcome in held(path, found.parts, FUTURES)]
    assert kept == ["optimal", "optimal", "optimal", "infeasible"]


def test_one_scenario_is_the_problem_itself(path: Path) -> None:
    (alone,) = run_study(Study("grid", path, FUTURES[1:2], (), TIGHT)).outcomes
    for goal in (Goal("expected"), Goal("worst"), Goal("cvar", 0.9)):
        found = robust_purchase(path, (), FUTURES[1:2], goal, TIGHT)
        assert found.objective_usd == pytest.approx(alone.figures["tco_usd"], rel=1e-7)


def test_limits_over_all_sites_hold_for_what_is_bought(tmp_path: Path) -> None:
    """Each scenario wants another site's duos; together they may not exceed the offer."""
    small = two_sites(services=[service()]).add("offers", table="nodes", name="duo", max_units=8)
    path = small.write(tmp_path)
    here, there = "sites.oslo.electricity_usd_per_kwh=3", "sites.rome.electricity_usd_per_kwh=3"
    load = "inference.chat.peak_requests_per_s*=6"
    futures = (Scenario(name="a", sets=(here, load)), Scenario(name="b", sets=(there, load)))
    found = robust_purchase(path, (), futures, Goal("expected"), TIGHT)
    assert found.status == "optimal"
    assert sum(units for (_, table, row), units in found.parts.items() if (table, row) == ("nodes", "duo")) <= 8


def test_scenarios_that_nothing_serves_are_named(path: Path) -> None:
    dark = Scenario(name="dark", sets=("sites.oslo.power_limit_kw=0.001",))
    found = robust_purchase(path, (), (*FUTURES[:1], dark), Goal("expected"), TIGHT)
    assert (found.status, found.parts) == ("infeasible", {})
    assert found.reason
    most = robust_purchase(path, (), (*FUTURES[:1], dark), Goal("chance", 0.5), TIGHT)
    assert most.given_up == ("dark",)


def test_cvar_of_known_costs() -> None:
    costs = [float(cost) for cost in range(1, 11)]
    assert cvar(costs, 0.8) == pytest.approx(9.5)
    assert cvar(costs, 0.85) == pytest.approx((10 * 0.1 + 9 * 0.05) / 0.15)
    assert cvar(costs, 0.0) == pytest.approx(5.5)
    assert cvar([3.0], 0.95) == 3.0
    assert judged("robust", []).kept == 0


@pytest.mark.parametrize("seed", range(20))
def test_out_of_sample_it_is_never_worse_than_the_nominal_purchase(seed: int, path: Path) -> None:
    """On fresh samples it keeps the promises at least as often, and where both keep them costs no more on average.

    The nominal one is the cheapest for the problem as it stands. Where it keeps promises in fewer samples it fails the
    goal, which asks for all of them.
    """
    small = owned_site(services=[service(peak_requests_per_s=3000)])
    small = small.add("uncertainty", table="inference", name="chat", column="peak_requests_per_s", low=0.5, high=3)
    small = small.add("uncertainty", table="sites", name="*", column="electricity_usd_per_kwh", low=0.3, high=3)
    cells = tuple(small.load().uncertainty.values())
    goal = GOALS[seed % 3]
    found = robust_purchase(path, (), sample_scenarios(cells, 8, "lhs", seed), goal, SolveChoices(gap=1e-6))
    base = for_tco(load(path))
    (nominal,) = run_study(Study("grid", path, (Scenario(name="nominal"),), (), TIGHT)).outcomes
    own = {tuple(name.split("/")): units for name, units in nominal.parts.items()}
    costs: dict[str, list[float]] = {"robust": [], "nominal": []}
    for scenario in sample_scenarios(cells, 4, "random", 1000 + seed):
        problem = for_tco(load(path, scenario.sets))
        for name, parts in (("robust", found.parts), ("nominal", own)):
            cost = run_on(problem, parts, SolveOptions(gap=1e-6, threads=1)).tco_usd  # type: ignore[arg-type]
            costs[name].append(math.inf if cost is None else cost)
    assert base.inference
    assert sum(map(math.isinf, costs["robust"])) <= sum(map(math.isinf, costs["nominal"]))
    worth = {name: max(of) if goal.kind == "worst" else sum(of) / len(of) for name, of in costs.items()}
    assert worth["robust"] <= worth["nominal"] * (1 + 1e-6)


def test_the_command_buys_once_and_judges(path: Path, tmp_path: Path) -> None:
    futures = tmp_path / "futures.csv"
    futures.write_text(
        "scenario,table,name,column,operation,value\nboom,inference,chat,peak_requests_per_s,factor,20\n"
    )
    output = ["-o", str(tmp_path / "study")]
    arguments = ["robust", str(path), "--scenarios", str(futures), "--gap", "1e-7"]
    result = CliRunner().invoke(main, [*arguments, *output])
    assert result.exit_code == 0, result.output
    assert "What is bought" in result.stdout
    words = [line.split()[:4] for line in result.stdout.splitlines()]
    assert ["robust", "2", "of", "2"] in words
    assert ["nominal", "1", "of", "2"] in words
    assert (tmp_path / "study" / "judged" / "results.jsonl").is_file()
    assert CliRunner().invoke(main, [*arguments, "--json"]).stdout.startswith("{")
    assert CliRunner().invoke(main, ["robust", str(path)]).exit_code == 2
    assert CliRunner().invoke(main, [*arguments, "--check", "3"]).exit_code == 2


def test_the_decomposition_bounds_the_extensive_form_and_comes_near(path: Path) -> None:
    def value(parts: Mapping[tuple[str, str, str], float]) -> float:
        return goal_value(Goal("expected"), held(path, dict(parts), FUTURES), "robust")

    best = robust_purchase(path, (), FUTURES, Goal("expected"), TIGHT).objective_usd
    assert best is not None
    found = decomposed(path, (), FUTURES, TIGHT, value, rounds=6)
    assert found.bound_usd is not None
    assert found.expected_usd is not None
    assert found.bound_usd <= best * (1 + 1e-7)
    assert found.expected_usd >= best * (1 - 1e-7)
    assert found.expected_usd <= best * 1.05
    bounds = [bound for bound, _ in found.rounds]
    assert bounds == sorted(bounds)
    assert bounds[-1] > bounds[0], "multipliers raise the bound above that of each scenario with a purchase of its own"
    dark = Scenario(name="dark", sets=("sites.oslo.power_limit_kw=0.001",))
    none = decomposed(path, (), (*FUTURES[:1], dark), TIGHT, value)
    assert none.expected_usd is None
    assert "dark" in none.reason


def test_the_designs_of_single_scenarios_are_a_start_of_the_extensive_form(path: Path) -> None:
    """HiGHS completes their integers to a solution, so there is one however short the time is."""
    prepared = [(case, generate(case.problem, any_price=True)) for case in cases_of(path, (), FUTURES)]
    options = SolveOptions(gap=1e-6, threads=1)
    start = extensive._each_alone(prepared, options)
    matrix = compile_model(extensive._Form(prepared, Goal("expected"), ()).model)
    assert start.keys() >= matrix.integers_by_name().keys()
    said: list[str] = []
    solve(matrix, SolveOptions(gap=1e-6, threads=1, start=start), log=said.append)
    assert "MIP start solution is feasible" in "".join(said)
