"""What a study finds: break-evens, fronts and tornados against known answers."""

from __future__ import annotations

import itertools
import random

import pytest
from small import owned_site, service

from dcopt.pipeline.run import RunOptions, design_for
from dcopt.problem.overrides import parse_set
from dcopt.study.ask import Asker
from dcopt.study.breakeven import NotProvenError, break_even
from dcopt.study.evaluate import figures_of
from dcopt.study.pareto import FIGURE, front
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.tornado import tornado_bars, tornado_scenarios

TIGHT = SolveChoices(gap=1e-9)


def answer(scenario: Scenario, **results: object) -> Outcome:
    base = {"key": scenario.name, "scenario": scenario.name, "inputs": scenario.inputs, "status": "optimal"}
    return Outcome.model_validate({**base, **results})


def test_break_even_of_an_analytic_case() -> None:
    """Buying at a price p costs 100 + 3p, renting 250: the choice flips at p = 50."""

    def solve(scenario: Scenario) -> Outcome:
        price = float(parse_set(scenario.sets[0]).value)
        return answer(scenario, choices={"node": "own" if 100 + 3 * price <= 250 else "rent"})

    found = break_even("nodes.x.price_usd", "=", 1, 1000, "node", solve)
    assert found.value == pytest.approx(50, rel=1e-3)
    assert (found.below, found.above) == ("own", "rent")
    assert found.width <= 2e-4 * 50 * 1.01


def windows(value: float) -> str:
    """Three flips: at 10, 40 and 70."""
    return "abcb"[sum(value >= flip for flip in (10, 40, 70))]


@pytest.mark.parametrize(
    ("today", "value", "other", "words"),
    [
        (38.0, 40, 10, ("b", "c")),
        (15.0, 10, 40, ("a", "b")),
        (65.0, 70, 40, ("c", "b")),
        (None, 10, None, ("a", "b")),
        (200.0, 10, None, ("a", "b")),
    ],
)
def test_the_flip_nearest_to_what_stands_there_is_found(
    today: float | None, value: float, other: float | None, words: tuple[str, str]
) -> None:
    def solve(scenario: Scenario) -> Outcome:
        return answer(scenario, choices={"node": windows(float(parse_set(scenario.sets[0]).value))})

    high = 60 if today in (38.0, 15.0) else 16 if today is None or today == 200 else 90
    found = break_even("nodes.x.price_usd", "=", 1, high, "node", solve, today=today)
    assert found.value == pytest.approx(value, rel=1e-3)
    assert found.other == (None if other is None else pytest.approx(other, rel=1e-3))
    assert (found.below, found.above) == words


@pytest.mark.parametrize(("operator", "low", "high", "value"), [("=", 3000, 30000, 9000), ("*=", 0.2, 4, 0.75)])
def test_break_even_of_twins_is_where_their_prices_meet(  # type: ignore[no-untyped-def]
    tmp_path, operator: str, low: float, high: float, value: float
) -> None:
    """Two nodes that differ in name and price alone: the cheaper one is bought, so the choice flips at equal prices."""
    small = owned_site(services=[service()])
    (duo,) = (row for row in small.tables["nodes"] if row["name"] == "duo")
    small = small.put("nodes", [{**duo, "price_usd": 9000}, {**duo, "name": "twin", "price_usd": 12000}])
    ask = Asker(small.write(tmp_path), (), SolveChoices(gap=1e-9))
    found = break_even("nodes.twin.price_usd", operator, low, high, "node", ask)
    assert found.value == pytest.approx(value, rel=1e-3)
    assert (found.below, found.above) == ("twin", "duo")


def test_nothing_flips_and_nothing_proven_are_told_apart() -> None:
    found = break_even("a.b.c", "=", 1, 2, "node", lambda s: answer(s, choices={"node": "own"}))
    assert found.value is None
    assert found.solves == 2
    with pytest.raises(NotProvenError, match="feasible"):
        break_even("a.b.c", "=", 1, 2, "node", lambda s: answer(s, status="feasible"))


def test_a_decision_can_flip_to_none() -> None:
    found = break_even(
        "a.b.c",
        "=",
        0,
        8,
        "design",
        lambda s: answer(s, status="infeasible") if s.inputs["a.b.c"] < 3 else answer(s, design="d"),  # type: ignore[operator]
    )
    assert found.value == pytest.approx(3, rel=1e-3)
    assert (found.below, found.above) == ("no design", "d")


def finite(designs: list[tuple[float, float]], other: str):  # type: ignore[no-untyped-def]
    """Return a solver of a problem whose designs are known: (TCO, other) of each."""

    def solve(scenario: Scenario) -> Outcome:
        limit = scenario.limits.get("tco", float("inf"))
        minimize_other = any("objective" in text for text in scenario.sets)
        allowed = [d for d in designs if d[0] <= limit]
        tco, value = min(allowed, key=lambda d: (d[1], d[0]) if minimize_other else (d[0], random.random()))
        return answer(scenario, figures={"tco_usd": tco, FIGURE[other]: value}, design=f"{tco}-{value}")

    return solve


@pytest.mark.parametrize("seed", range(20))
def test_a_front_is_complete_and_none_of_it_is_dominated(seed: int) -> None:
    draw = random.Random(seed)
    designs = [(float(draw.randint(100, 160)), float(draw.randint(1, 40))) for _ in range(40)]
    expected = {d for d in designs if not any(e != d and e[0] <= d[0] and e[1] <= d[1] for e in designs)}
    found = front("carbon", finite(designs, "carbon"), points=None)
    assert {(point.tco_usd, point.other) for point in found} == expected
    some = front("carbon", finite(designs, "carbon"), points=3)
    assert {(point.tco_usd, point.other) for point in some} <= expected
    ends = sorted(expected)
    assert [(p.tco_usd, p.other) for p in (some[0], some[-1])] == [ends[0], ends[-1]]


def test_a_problem_without_a_design_has_no_front() -> None:
    with pytest.raises(ValueError, match="infeasible"):
        front("carbon", lambda s: answer(s, status="infeasible"), points=None)


def test_a_front_of_a_real_problem(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Two kinds of nodes: the front holds the cheapest design and the one of least carbon."""
    path = owned_site(services=[service()]).write(tmp_path)
    ask = Asker(path, (), TIGHT)
    points = front("carbon", ask, points=None)
    least_tco = ask(Scenario(name="tco"))
    least_carbon = ask(Scenario(name="carbon", sets=("settings.objective=carbon",)))
    assert points[0].tco_usd == pytest.approx(least_tco.figures["tco_usd"], rel=1e-8)
    assert points[-1].other == pytest.approx(least_carbon.figures["carbon_t"], rel=1e-8)
    for before, after in itertools.pairwise(points):
        assert before.tco_usd < after.tco_usd
        assert before.other > after.other


def test_no_purchase_of_nodes_beats_a_front_in_both(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Brute force: under every pair of limits on nodes, the cheapest design and that of least carbon."""
    small = owned_site(services=[service(peak_requests_per_s=6000)])
    points = front("carbon", Asker(small.write(tmp_path), (), TIGHT), points=None)
    assert len(points) > 1
    reached = []
    for duos, quads in itertools.product(range(7), range(3)):
        limits = [
            {"table": "nodes", "name": name, "max_units": units} for name, units in (("duo", duos), ("quad", quads))
        ]
        for objective in ("tco", "carbon"):
            limited = small.put("offers", [one for one in limits if one["max_units"]]).set(objective=objective)
            if not duos + quads:
                continue
            design = design_for(limited.load(), RunOptions(gap=1e-9, threads=1, baseline=False))
            if design.cost is not None:
                figures = figures_of(design)
                reached.append((figures["tco_usd"], figures["carbon_t"]))
    assert len(set(reached)) > len(points)
    for tco, carbon in reached:
        assert any(p.tco_usd <= tco * (1 + 1e-6) and p.other <= carbon * (1 + 1e-6) for p in points), (tco, carbon)
    for point in points:
        rivals = [(tco, carbon) for tco, carbon in reached if tco <= point.tco_usd * (1 - 1e-6)]
        assert all(carbon > point.other * (1 + 1e-9) for _, carbon in rivals)


def test_a_tornado_ranks_by_swing_and_sees_the_decision_change(tmp_path) -> None:  # type: ignore[no-untyped-def]
    small = owned_site(services=[service()])
    small = small.add("uncertainty", table="nodes", name="*", column="price_usd", low=0.5, high=1.5)
    small = small.add("uncertainty", table="sites", name="oslo", column="water_usd_per_m3", low=0.9, high=1.1)
    small = small.add("uncertainty", table="sites", name="oslo", column="power_limit_kw", low=0.001, high=2)
    path = small.write(tmp_path)
    ask = Asker(path, (), TIGHT)
    scenarios = tornado_scenarios(small.load().uncertainty.values())
    assert len(scenarios) == 7
    outcomes = [ask(scenario) for scenario in scenarios]
    limit, price, water = tornado_bars(outcomes)
    assert limit.cell == "sites.oslo.power_limit_kw *=", "its values are factors"
    assert limit.breaks
    assert limit.low_usd is None
    base = outcomes[0].figures["tco_usd"]
    assert price.low_usd is not None
    assert price.high_usd is not None
    assert price.low_usd < base < price.high_usd
    assert price.swing_usd > water.swing_usd
    assert price.swing_usd == pytest.approx(price.high_usd - price.low_usd)
    assert limit.high_usd is not None
    assert limit.swing_usd == pytest.approx(abs(limit.high_usd - base)), "an end without a design counts for none"
    assert not water.low_changes


def test_a_tornado_without_a_base_says_so() -> None:
    with pytest.raises(ValueError, match="no design"):
        tornado_bars([answer(Scenario(name="base", inputs={"end": "base"}), status="infeasible")])
