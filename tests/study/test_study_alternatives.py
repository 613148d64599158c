"""The next best designs: in the order of cost, each the cheapest that does without a part of each before it."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import Small, design_of, job, owned_site, service, tco_of, two_sites

from dcopt.cli.main import main
from dcopt.design.parts import parts_of
from dcopt.study.alternatives import Found, alternatives
from dcopt.study.ask import Asker
from dcopt.study.records import Outcome, Scenario, SolveChoices


def solver_of(designs: dict[frozenset[str], float]):  # type: ignore[no-untyped-def]
    """Return a solver of a problem whose designs are known: their cost by the nodes that they use."""

    def solve(scenario: Scenario) -> Outcome:
        most = scenario.limits.get("tco", float("inf"))
        cuts = [frozenset(part.removeprefix("node:") for part in parts) for parts in scenario.unlike]
        allowed = {used: cost for used, cost in designs.items() if cost <= most and not any(c <= used for c in cuts)}
        base = {"key": scenario.name, "scenario": scenario.name}
        if not allowed:
            return Outcome.model_validate({**base, "status": "infeasible"})
        used = min(allowed, key=lambda one: (allowed[one], sorted(one)))
        figures = {"tco_usd": allowed[used]}
        parts = tuple(f"node:{name}" for name in sorted(used))
        return Outcome.model_validate({**base, "status": "optimal", "figures": figures, "kinds": parts})

    return solve


def expected(designs: dict[frozenset[str], float], count: int, within: float) -> list[float]:
    """Return the costs by complete enumeration: each time the cheapest that holds no earlier one."""
    found: list[frozenset[str]] = []
    limit = min(designs.values()) * (1 + within)
    for used in sorted(designs, key=lambda one: (designs[one], sorted(one))):
        if designs[used] <= limit and len(found) <= count and not any(earlier <= used for earlier in found):
            found.append(used)
    return [designs[used] for used in found]


@pytest.mark.parametrize("seed", range(30))
def test_alternatives_come_in_the_order_of_their_cost_and_miss_none(seed: int) -> None:
    draw = random.Random(seed)
    sets = {frozenset(draw.sample("abcdef", draw.randint(1, 3))) for _ in range(14)}
    designs = {used: float(draw.randint(100, 200)) for used in sorted(sets, key=sorted)}
    found = alternatives("node", solver_of(designs), count=4, within=0.5)
    assert [one.outcome.figures["tco_usd"] for one in found.designs] == expected(designs, 4, 0.5)
    assert (found.ended == "") == (len(found.designs) == 5)
    first = set(found.designs[0].outcome.kinds)
    for one in found.designs[1:]:
        assert set(one.without) == first - set(one.outcome.kinds)
        assert set(one.with_) == set(one.outcome.kinds) - first
        assert one.without
        assert one.extra_usd == one.outcome.figures["tco_usd"] - min(designs.values())


def found_of(small: Small, folder: Path, aspect: str, within: float = 100.0) -> Found:
    path = small.write(folder)
    return alternatives(aspect, Asker(path, (), SolveChoices(gap=1e-9)), count=20, within=within)


def test_every_choice_of_node_and_heat_rejection_is_found(tmp_path: Path) -> None:
    """Against brute force: the best design of every subset of what may be used, solved on its own."""
    small = owned_site(services=[service(peak_requests_per_s=900)])
    designs: dict[frozenset[str], float] = {}
    choices = [[("duo",), ("quad",), ("duo", "quad")], [("dry-12",), ("wet-30",), ("dry-12", "wet-30")]]
    for nodes, coolers in itertools.product(*choices):
        only = small.put("offers", [{"table": "nodes", "name": name} for name in nodes])
        for name in {"dry-12", "wet-30"} - set(coolers):
            only = only.drop("cooling", name)
        used = frozenset(parts_of(design_of(only)))
        designs[used] = min(tco_of(only), designs.get(used, float("inf")))
    found = found_of(small, tmp_path, "any")
    costs = [one.outcome.figures["tco_usd"] for one in found.designs]
    assert costs == pytest.approx(expected(designs, 20, 100.0), rel=1e-7)
    assert {frozenset(one.outcome.kinds) for one in found.designs} <= set(designs)
    assert len(costs) == 4
    assert found.ended


def test_the_other_site_is_an_alternative_with_its_trade(tmp_path: Path) -> None:
    small = two_sites([job()], [service()])
    found = found_of(small, tmp_path, "site")
    assert [one.without for one in found.designs] == [(), ("site:oslo",)]
    rome = small.change("inference", sites="rome").change("training", sites="rome")
    assert found.designs[1].outcome.figures["tco_usd"] == pytest.approx(tco_of(rome), rel=1e-7)
    trades = found.designs[1].trades
    assert trades["capital_usd"] + trades["running_usd"] == pytest.approx(found.designs[1].extra_usd, rel=1e-6)
    assert trades["carbon_t_per_year"] > 0
    limit = 40
    at_rome = max(site.facility_kw for site in design_of(rome).sites if site.site == "rome")
    assert trades["headroom_pct"] == pytest.approx(100 * (1 - at_rome / limit), rel=1e-6)


def test_the_command_shows_the_other_node(tmp_path: Path) -> None:
    small = owned_site(services=[service()])
    path = small.write(tmp_path)
    arguments = ["alternatives", str(path), "--count", "3", "--within", "10000%", "--differ", "node"]
    rows = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert [row["without"] for row in rows] == ["", "node:duo"]
    only_quad = small.put("offers", [{"table": "nodes", "name": "quad"}])
    assert rows[1]["tco_usd"] == pytest.approx(tco_of(only_quad), rel=1e-5)
    assert "with node quad" in CliRunner().invoke(main, arguments).stdout
    nearer = CliRunner().invoke(main, ["alternatives", str(path), "--within", "0.001%"])
    assert "no other design" in nearer.stderr
    assert CliRunner().invoke(main, ["alternatives", str(path), "--within", "much"]).exit_code == 2


def test_what_is_not_proven_to_be_the_next_says_so() -> None:
    from dcopt.cli.alternatives import _words

    proven = solver_of({frozenset({"duo"}): 10.0, frozenset({"quad"}): 11.0})

    def in_a_hurry(scenario: Scenario) -> Outcome:
        answer = proven(scenario)
        return answer.model_copy(update={"status": "feasible"}) if scenario.unlike else answer

    for solve, doubtful in ((proven, False), (in_a_hurry, True)):
        _, second = alternatives("any", solve, count=1, within=0.5).designs
        assert _words(second, first=False).endswith("(not proven: a cheaper one may lie between)") is doubtful
