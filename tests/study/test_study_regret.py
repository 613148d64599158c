"""Equipment that is bought already, and the regret of having bought it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small import Small, colocation, dataset, design_of, job, owned_site, service, two_sites, water_cooled, with_cloud

from dcopt.economics.prices import purchase_of
from dcopt.pipeline.stocked import Stocked, parts_bought, run_on
from dcopt.solve.session import SolveOptions
from dcopt.study.grid import parse_vary
from dcopt.study.records import Outcome, Scenario, SolveChoices
from dcopt.study.regret import Purchase, frequent_purchases, held_fixed, regrets
from dcopt.study.run import Study, run_study

TIGHT = SolveOptions(gap=1e-9, threads=1)


def kinds() -> dict[str, Small]:
    adders = owned_site([job()], [service()])
    adders = adders.add("adders", name="freight", driver="capital", ratio=0.01, price_usd=1)
    adders = adders.add("adders", name="login", driver="nodes", ratio=0.2, step=1, price_usd=500, kw_each=0.1)
    breaks = {"price_usd": 12000, "volume_units": "2 4", "volume_prices_usd": "11000 9000"}
    volume = owned_site([job()], [service()]).add("offers", table="nodes", name="duo", **breaks)
    return {
        "owned": owned_site([job()], [service()]),
        "stored": two_sites([job(dataset="books")], [service()]).put("datasets", [dataset()]),
        "cloud": with_cloud([job()], [service()]),
        "colocation": colocation([job()], [service()]),
        "liquid": water_cooled([job()], [service()]),
        "adders": adders,
        "volume": volume,
    }


@pytest.mark.parametrize("kind", kinds())
def test_the_cheapest_design_runs_on_what_it_bought_at_its_own_cost(kind: str) -> None:
    problem = kinds()[kind].load()
    design = design_of(problem)
    bought = parts_bought(problem, design)
    assert bought
    found = run_on(problem, bought, TIGHT)
    assert found.status == "optimal"
    assert found.tco_usd == pytest.approx(design.tco_usd, rel=1e-7)
    assert found.bound_usd == pytest.approx(found.tco_usd, rel=1e-7)


@pytest.mark.parametrize("kind", kinds())
def test_more_is_paid_though_nothing_needs_it_and_less_does_not_suffice(kind: str) -> None:
    problem = kinds()[kind].load()
    design = design_of(problem)
    bought = parts_bought(problem, design)
    twice = run_on(problem, {part: 2 * units for part, units in bought.items()}, TIGHT)
    assert twice.tco_usd is not None
    assert twice.design is not None
    assert twice.design.tco_usd is not None
    assert design.tco_usd is not None
    assert twice.tco_usd > design.tco_usd * (1 - 1e-9)
    assert twice.tco_usd >= twice.design.tco_usd * (1 - 1e-9)
    nodes = {part: units - (part[1] == "nodes") for part, units in bought.items()}
    assert run_on(problem, nodes, TIGHT).tco_usd is None or kind == "cloud"
    assert run_on(problem, {}, TIGHT).status in ("infeasible", "optimal")


def test_prices_of_the_ledger_are_those_of_the_tables() -> None:
    for small in kinds().values():
        problem = small.load()
        design = design_of(problem)
        for line in design.bom_lines:
            price = purchase_of(problem, (line.site, line.table, line.item), 1.0)
            assert price.category == line.category
            if not problem.offers:
                assert price.unit_price_usd == line.unit_price_usd


def test_what_a_scenario_cannot_use_is_paid_all_the_same() -> None:
    """Where a promise leaves the quads no way to run, those that are bought stand idle and cost their price."""
    problem = owned_site(services=[service()]).load()
    bought = {**parts_bought(problem, design_of(problem)), ("oslo", "halls", "none"): 0.0}
    bought.pop(("oslo", "halls", "none"))
    spare = {**bought, ("oslo", "nodes", "quad"): bought.get(("oslo", "nodes", "quad"), 0.0) + 1}
    lifted = replace(problem, tables={**problem.tables, "offers": {}})
    plain, more = run_on(lifted, bought, TIGHT), run_on(lifted, spare, TIGHT)
    assert plain.tco_usd is not None
    assert more.tco_usd is not None
    assert 0 < more.tco_usd - plain.tco_usd <= 66000 * 1.2


def outcome(name: str, parts: dict[str, float], tco: float, **cells: object) -> Outcome:
    known = {"key": name, "scenario": name, "status": "optimal", "parts": parts, "figures": {"tco_usd": tco}}
    return Outcome.model_validate({**known, **cells})


def test_designs_that_buy_the_same_whole_units_are_one_purchase() -> None:
    few, many = {"a/nodes/x": 2.0, "a/sites/a": 10.0}, {"a/nodes/x": 3.0}
    outcomes = [outcome("1", few, 5), outcome("2", {**few, "a/sites/a": 11.0}, 6), outcome("3", many, 9)]
    first, second = frequent_purchases(outcomes, 10)
    assert (first.count, first.parts) == (2, {"a/nodes/x": 2.0, "a/sites/a": 11.0})
    assert (second.name, second.count) == ("D2", 1)
    assert len(frequent_purchases(outcomes, 1)) == 1
    fixed = [
        outcome("f", {}, cost, inputs={"purchase": design, "scenario": scenario}, status=status)
        for design, scenario, cost, status in [
            ("D1", "1", 5, "optimal"),
            ("D1", "2", 6, "optimal"),
            ("D1", "3", 0, "infeasible"),
            ("D2", "1", 8, "optimal"),
            ("D2", "2", 10, "optimal"),
            ("D2", "3", 9, "failed"),
        ]
    ]
    best, other = regrets((first, second), outcomes, fixed)
    assert (best.purchase.name, best.kept, best.scenarios, best.mean_usd, best.worst_usd) == ("D1", 2, 3, 0, 0)
    assert (other.kept, other.scenarios, other.mean_usd, other.worst_usd) == (2, 2, 3.5, 4)


def test_of_twelve_purchases_the_ten_most_frequent_are_held_in_every_scenario() -> None:
    """Purchase k is best in k scenarios, so 1 and 2 are left out."""
    outcomes = [
        outcome(f"{number}-{again}", {"a/nodes/x": float(number)}, 1.0)
        for number in range(1, 13)
        for again in range(number)
    ]
    found = frequent_purchases(outcomes, 10)
    assert [(one.count, one.parts["a/nodes/x"]) for one in found] == [(k, float(k)) for k in range(12, 2, -1)]
    scenarios = tuple(Scenario(name=one.scenario, sets=(f"sites.*.pue={1 + i}",)) for i, one in enumerate(outcomes))
    fixed = held_fixed(found, scenarios)
    assert len(fixed) == 10 * len(outcomes)
    assert {(one.inputs["purchase"], one.inputs["scenario"], one.sets) for one in fixed} == {
        (purchase.name, scenario.name, scenario.sets) for purchase in found for scenario in scenarios
    }


def test_no_design_is_cheaper_than_the_best_one_of_its_scenario(tmp_path: Path) -> None:
    path = owned_site(services=[service()]).write(tmp_path)
    loads = parse_vary("inference.chat.peak_requests_per_s*=1:40:4")
    scenarios = tuple(Scenario(name=value, sets=loads.sets(value)) for value in loads.values)
    study = Study("grid", path, scenarios, (), SolveChoices(gap=1e-9))
    best = run_study(study).outcomes
    purchases = frequent_purchases(best, 10)
    assert len(purchases) > 1
    fixed = run_study(Study("regret", path, held_fixed(purchases, scenarios), (), SolveChoices(gap=1e-9))).outcomes
    found = regrets(purchases, best, fixed)
    assert {one.scenarios for one in found} == {4}
    assert found[0].kept == 4, "the one for the largest load keeps every promise"
    assert found[-1].kept < 4
    for one in found:
        assert one.mean_usd is not None
        assert -1e-3 <= one.mean_usd <= (one.worst_usd or 0.0)


def test_what_is_not_for_sale_anywhere_is_an_error() -> None:
    with pytest.raises(KeyError):
        purchase_of(owned_site(services=[service()]).load(), ("oslo", "fabrics", "none"), 1.0)


def test_a_stocked_answer_says_why_there_is_none() -> None:
    found = run_on(owned_site(services=[service()]).load(), {}, TIGHT)
    assert found == Stocked("infeasible", None, None, None, "what is bought does not suffice")


def test_a_purchase_of_nothing_is_held_as_well(tmp_path: Path) -> None:
    """Where nothing is bought a site that is owned serves nobody, whatever would be bought for it."""
    path = owned_site(services=[service()]).write(tmp_path)
    nothing = Purchase("nothing", 1, {}, "")
    (found,) = run_study(Study("regret", path, held_fixed([nothing], (Scenario(name="now"),)))).outcomes
    assert (found.status, found.reason) == ("infeasible", "what is bought does not suffice")
