"""The next best designs: in the order of cost, each the cheapest without what it leaves out."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import owned_site, service, tco_of

from dcopt.cli.main import main
from dcopt.study.alternatives import alternatives
from dcopt.study.records import Outcome, Scenario


def solver_of(designs: dict[frozenset[str], float]):  # type: ignore[no-untyped-def]
    """Return a solver of a problem whose designs are known: their cost by the nodes that they use."""

    def solve(scenario: Scenario) -> Outcome:
        gone = {part.removeprefix("node:") for part in scenario.without}
        most = scenario.limits.get("tco", float("inf"))
        allowed = {used: cost for used, cost in designs.items() if not used & gone and cost <= most}
        base = {"key": scenario.name, "scenario": scenario.name}
        if not allowed:
            return Outcome.model_validate({**base, "status": "infeasible"})
        used = min(allowed, key=lambda one: (allowed[one], sorted(one)))
        figures = {"tco_usd": allowed[used]}
        return Outcome.model_validate(
            {**base, "status": "optimal", "figures": figures, "used": {"node": tuple(sorted(used))}}
        )

    return solve


@pytest.mark.parametrize("seed", range(30))
def test_alternatives_come_in_the_order_of_their_cost_and_miss_no_better_one(seed: int) -> None:
    draw = random.Random(seed)
    sets = {frozenset(draw.sample("abcdef", draw.randint(1, 3))) for _ in range(14)}
    designs = {used: float(draw.randint(100, 200)) for used in sorted(sets, key=sorted)}
    found = alternatives("node", solver_of(designs), count=4, within=0.5)
    costs = [one.outcome.figures["tco_usd"] for one in found]
    assert costs == sorted(costs)
    assert costs[0] == min(designs.values())
    assert len({one.outcome.used["node"] for one in found}) == len(found)
    first = set(found[0].outcome.used["node"])
    others = [cost for used, cost in designs.items() if not first <= used and cost <= costs[0] * 1.5]
    assert (costs[1] if len(costs) > 1 else None) == (min(others) if others else None)
    for one in found:
        assert one.outcome.figures["tco_usd"] == min(c for u, c in designs.items() if not u & set(one.without))
        assert one.extra_usd == one.outcome.figures["tco_usd"] - costs[0]


def test_the_command_shows_the_other_node(tmp_path: Path) -> None:
    small = owned_site(services=[service()])
    path = small.write(tmp_path)
    arguments = ["alternatives", str(path), "--count", "3", "--within", "10000%", "--gap", "1e-9"]
    rows = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert [row["without"] for row in rows] == ["", "duo"]
    only_quad = small.put("offers", [{"table": "nodes", "name": "quad"}])
    assert rows[1]["tco_usd"] == pytest.approx(tco_of(only_quad), rel=1e-7)
    assert "quad" in CliRunner().invoke(main, arguments).stdout
    nearer = CliRunner().invoke(main, ["alternatives", str(path), "--within", "0.001%"])
    assert "no other design" in nearer.stderr
    assert CliRunner().invoke(main, ["alternatives", str(path), "--within", "much"]).exit_code == 2
