"""One first purchase for many futures that buy more later: laws, both methods, and what is said of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small import Small, colocation, job, nodes_alone, owned_site, service, tco_of, with_cloud

from dcopt.cli.main import main
from dcopt.economics.prices import Part
from dcopt.pipeline.shared_purchase import Goal
from dcopt.pipeline.stocked import run_on
from dcopt.problem.load import load
from dcopt.solve.session import SolveOptions
from dcopt.study.decompose import decomposed
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.regret import held_fixed
from dcopt.study.robust import goal_value, purchase_named, robust_purchase
from dcopt.study.run import Study, run_study

TIGHT = SolveChoices(gap=1e-8)
GOALS = (Goal("expected"), Goal("worst"), Goal("cvar", 0.5))
GROWTH = "inference.chat.growth_pct_per_year"
LOAD = "inference.chat.peak_requests_per_s"
FUTURES = (
    Scenario(name="flat", sets=(f"{GROWTH}=0",)),
    Scenario(name="grow", sets=(f"{GROWTH}=100",)),
    Scenario(name="boom", sets=(f"{GROWTH}=200", f"{LOAD}*=3")),
)


def growing(**settings: Any) -> Small:
    small = owned_site(services=[service(peak_requests_per_s=300)])
    return small.set(**{"horizon_years": 3, "purchase_years": "1 2", "residual_pct": 0, **settings})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "small").mkdir()
    return growing().write(tmp_path / "small")


def held(path: Path, parts: dict[Part, float], futures: tuple[Scenario, ...] = FUTURES) -> tuple[Outcome, ...]:
    fixed = held_fixed([purchase_named("robust", parts)], futures)
    return run_study(Study("robust", path, fixed, (), TIGHT)).outcomes


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.kind)
def test_the_first_purchase_reaches_its_goal_when_it_is_held(path: Path, goal: Goal) -> None:
    """Every run is verified, and both methods agree."""
    found = robust_purchase(path, (), FUTURES, goal, TIGHT)
    assert found.status == "optimal"
    outcomes = held(path, found.parts)
    assert [one.reason for one in outcomes] == ["", "", ""]
    assert goal_value(goal, outcomes, "robust") == pytest.approx(found.objective_usd, rel=1e-6)
    again = decomposed(path, (), FUTURES, goal, TIGHT)
    assert again.purchased.status == "optimal"
    assert again.purchased.objective_usd == pytest.approx(found.objective_usd, rel=1e-6)
    for one in again.rounds:
        assert one.bound_usd <= (found.objective_usd or 0.0) * (1 + 1e-7)


def test_later_purchases_adapt_to_the_future(path: Path) -> None:
    """Only the future that grows buys later; wait and see ≤ expected ≤ any first purchase of one future held in all."""
    found = robust_purchase(path, (), FUTURES, Goal("expected"), TIGHT)
    later = [one.figures["later_capex_usd"] for one in held(path, found.parts)]
    assert later[0] == 0.0
    assert later[2] > 0.0
    alone = run_study(Study("grid", path, FUTURES, (), TIGHT)).outcomes
    costs = [one.figures["tco_usd"] for one in alone]
    assert found.objective_usd is not None
    assert sum(costs) / 3 <= found.objective_usd * (1 + 1e-7)
    for one in alone:
        own: dict[Part, float] = {tuple(name.split("/")): units for name, units in one.parts.items()}  # type: ignore[misc]
        assert goal_value(Goal("expected"), held(path, own), "robust") >= found.objective_usd * (1 - 1e-7)


def kinds() -> dict[str, Small]:
    staged = {"horizon_years": 3, "purchase_years": "1 2"}
    adders = growing().add("adders", name="freight", driver="capital", ratio=0.01, price_usd=1)
    adders = adders.add("adders", name="login", driver="nodes", ratio=0.2, step=1, price_usd=500, kw_each=0.1)
    breaks = {"price_usd": 12000, "volume_units": "2 4", "volume_prices_usd": "11000 9000"}
    there = {"site": "oslo", "table": "nodes", "name": "duo", "units": 1, "age_years": 1}
    return {
        "owned": growing(),
        "adders": adders,
        "volume": growing().add("offers", table="nodes", name="duo", **breaks),
        "existing": growing().add("existing", **there),
        "colocation": colocation(services=[service()]).set(**staged),
        "cloud": with_cloud(services=[service()]).set(**staged),
    }


@pytest.mark.parametrize("kind", kinds())
def test_one_future_is_the_problem_itself(kind: str, tmp_path: Path) -> None:
    """By both methods, and held fixed as it was bought."""
    path = kinds()[kind].write(tmp_path)
    (alone,) = run_study(Study("grid", path, FUTURES[1:2], (), TIGHT)).outcomes
    best = alone.figures["tco_usd"]
    exact = robust_purchase(path, (), FUTURES[1:2], Goal("expected"), TIGHT)
    assert exact.objective_usd == pytest.approx(best, rel=1e-7)
    found = decomposed(path, (), FUTURES[1:2], Goal("expected"), TIGHT).purchased
    assert found.objective_usd == pytest.approx(best, rel=1e-6)
    own: dict[Part, float] = {tuple(name.split("/")): units for name, units in alone.parts.items()}  # type: ignore[misc]
    for parts in (exact.parts, own):
        assert goal_value(Goal("expected"), held(path, parts, FUTURES[1:2]), "robust") == pytest.approx(best, rel=1e-6)


def test_a_second_date_never_costs_more(tmp_path: Path) -> None:
    """Without upkeep, which is paid of what stands unused where there are several dates."""
    small = nodes_alone([service(peak_requests_per_s=900, mean_requests_per_s=300)]).change(
        "nodes", support_pct_per_year=0, maintenance_pct_per_year=0
    )
    small = small.set(horizon_years=3, residual_pct=0)
    costs = []
    for number, dates in enumerate(("1", "1 2", "all")):
        (tmp_path / str(number)).mkdir()
        path = small.set(purchase_years=dates).write(tmp_path / str(number))
        costs.append(robust_purchase(path, (), FUTURES, Goal("expected"), TIGHT).objective_usd or math.nan)
    assert costs[0] >= costs[1] * (1 - 1e-7)
    assert costs[1] >= costs[2] * (1 - 1e-7)


def test_more_than_a_future_needs_stands_there_and_is_paid(path: Path) -> None:
    """Spare nodes at the first date cost no less than none, in a design that the verifier recomputes."""
    problem = load(path, FUTURES[0].sets)
    (alone,) = run_study(Study("grid", path, FUTURES[:1], (), TIGHT)).outcomes
    own: dict[Part, float] = {tuple(name.split("/")): units for name, units in alone.parts.items()}  # type: ignore[misc]
    options = SolveOptions(gap=1e-8, threads=1)
    exact = run_on(problem, own, options)
    assert exact.tco_usd == pytest.approx(alone.figures["tco_usd"], rel=1e-6)
    spare = run_on(problem, {**own, ("oslo", "nodes", "quad"): 2.0}, options)
    assert spare.design is not None
    assert spare.tco_usd is not None
    assert spare.tco_usd > (exact.tco_usd or 0.0)
    first = [a for a in spare.design.assets if (a.name, a.bought_year) == ("quad", 1)]
    assert sum(asset.units for asset in first) == 2
    assert run_on(problem, {("oslo", "nodes", "duo"): 0.0}, options).status == "infeasible"


def test_what_one_future_cannot_buy_at_first_none_buys(tmp_path: Path) -> None:
    """A node that is late in one future is not in the shared purchase; where it is in time it is bought later."""
    small = growing().add("offers", table="nodes", name="duo").add("offers", table="nodes", name="quad")
    path = small.write(tmp_path)
    late = Scenario(name="late", sets=("offers.nodes/duo/*.available_from_year=2", f"{GROWTH}=100"))
    found = robust_purchase(path, (), (FUTURES[0], late), Goal("expected"), TIGHT)
    assert found.status == "optimal"
    assert ("oslo", "nodes", "duo") not in found.parts
    assert all(one.solved for one in held(path, found.parts, (FUTURES[0], late)))


def test_futures_may_be_given_up(path: Path) -> None:
    everything = robust_purchase(path, (), FUTURES, Goal("chance", 1.0), TIGHT)
    expected = robust_purchase(path, (), FUTURES, Goal("expected"), TIGHT)
    assert everything.objective_usd == pytest.approx(expected.objective_usd, rel=1e-6)
    craze = Scenario(name="craze", sets=(f"{LOAD}*=40",))
    found = robust_purchase(path, (), (*FUTURES, craze), Goal("chance", 0.75), TIGHT)
    assert found.given_up == ("craze",)
    kept = [one.status for one in held(path, found.parts, (*FUTURES, craze))]
    assert kept == ["optimal", "optimal", "optimal", "infeasible"]


def test_jobs_of_every_epoch_have_their_calendar(tmp_path: Path) -> None:
    small = owned_site([job("a"), job("b")], [service()]).set(horizon_years=2, purchase_years="all")
    path = small.write(tmp_path)
    futures = tuple(
        Scenario(name=f"{days}", sets=(f"training.a.deadline_days={days}", f"nodes.duo.price_usd*={price}"))
        for days, price in ((4, 1), (12, 0.7))
    )
    exact = robust_purchase(path, (), futures, Goal("expected"), SolveChoices(gap=1e-6))
    found = decomposed(path, (), futures, Goal("expected"), SolveChoices(gap=1e-6)).purchased
    assert exact.status == found.status == "optimal"
    assert found.objective_usd == pytest.approx(exact.objective_usd, rel=3e-6)


def test_the_command_says_what_is_shared_and_what_adapts(path: Path, tmp_path: Path) -> None:
    table = tmp_path / "futures.csv"
    table.write_text(
        "scenario,table,name,column,operation,value\n"
        "grow,inference,chat,growth_pct_per_year,set,100\n"
        "boom,inference,chat,growth_pct_per_year,set,200\nboom,inference,chat,peak_requests_per_s,factor,3\n"
    )
    asked = ["robust", str(path), "--scenarios", str(table), "--gap", "1e-7"]
    result = CliRunner().invoke(main, [*asked, "-o", str(tmp_path / "study")])
    assert result.exit_code == 0, result.output
    for words in ("What is bought first", "purchases of year 1, the same in every", "At the later dates (year 2)"):
        assert words in " ".join(result.stdout.split()), words
    told = json.loads(CliRunner().invoke(main, [*asked, "--json"]).stdout)
    assert told["later"]["years"] == [2]
    assert told["later"]["least_usd"] < told["later"]["most_usd"]
    assert CliRunner().invoke(main, ["report", str(tmp_path / "study")]).exit_code == 0
    regret = ["sensitivity", str(path), "--scenarios", str(table), "--regret", "2", "--gap", "1e-6"]
    judged = CliRunner().invoke(main, regret)
    assert judged.exit_code == 0, judged.output
    assert "egret" in judged.stdout


def test_the_first_purchase_may_be_empty(tmp_path: Path) -> None:
    """Nothing is asked in year 1, so nothing is bought then; the futures buy what they need later."""
    small = owned_site(services=[service(first_year=2)]).set(horizon_years=2, purchase_years="all")
    (tmp_path / "small").mkdir()
    path = small.write(tmp_path / "small")
    futures = (Scenario(name="now"), Scenario(name="more", sets=(f"{LOAD}*=8",)))
    found = robust_purchase(path, (), futures, Goal("expected"), TIGHT)
    assert (found.status, found.parts) == ("optimal", {})
    assert tco_of(small) < (found.objective_usd or 0.0)
    table = tmp_path / "futures.csv"
    table.write_text("scenario,table,name,column,operation,value\nmore,inference,chat,peak_requests_per_s,factor,8\n")
    result = CliRunner().invoke(main, ["robust", str(path), "--scenarios", str(table)])
    assert result.exit_code == 0, result.output
    assert "At the later dates" in " ".join(result.stdout.split())
