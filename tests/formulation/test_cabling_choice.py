"""Cables in the program: lengths follow the racks that are chosen, modules pair up, and every part is paid for."""

from __future__ import annotations

from typing import Any

import pytest
from small import Small, design_of, job, owned_site

from dcopt.design.records import Design
from dcopt.pipeline import solving
from dcopt.solve.session import Outcome
from dcopt.solve.together import solve
from dcopt.verify.verify import verify

SHORT, LONG = 40, 1000


def wired(nodes: int, **cells: object) -> Small:
    """Return a problem whose job needs about ``nodes`` duos on a fabric with a cable for each distance."""
    small = owned_site([job(tokens=1e11 * nodes, deadline_days=12, global_batch=512)], power_limit_kw=60)
    small = small.drop("nodes", "quad")
    small = small.add("links", name="cord", technology="ethernet", gbps=100, price_usd=SHORT, transceiver="pair")
    small = small.add("links", name="haul", technology="ethernet", gbps=100, price_usd=LONG, transceiver="one")
    small = small.put(
        "transceivers",
        [
            {"name": "pair", "ports": 2, "kw": 0.01, "price_usd": 70},
            {"name": "one", "ports": 1, "kw": 0.02, "price_usd": 90},
        ],
    )
    return small.change("fabrics", "flat", row_link="cord", hall_link="haul", **cells)


def test_a_shorter_row_never_costs_less() -> None:
    """With one rack of nodes to a row the links between switches cross the hall; with fifteen they stay in a rack."""
    near, far = (design_of(wired(10).set(racks_per_row=racks)) for racks in (16, 2))
    assert near.tco_usd is not None
    assert far.tco_usd is not None
    assert near.tco_usd < far.tco_usd
    assert {(cable.use, cable.reach) for cable in near.network[0].cables} == {("access", "row"), ("trunk", "rack")}
    assert {(cable.use, cable.reach) for cable in far.network[0].cables} >= {("trunk", "hall")}


def test_the_racks_that_are_chosen_decide() -> None:
    """A rack that holds two nodes leaves room for two in a row of two racks; the rest of a group crosses the hall."""
    tall = design_of(wired(6).set(racks_per_row=2)).network[0]
    assert {cable.reach for cable in tall.cables} == {"row"}
    short = design_of(wired(6).set(racks_per_row=2).drop("racks", "tall")).network[0]
    nodes = {cable.reach: cable.links for cable in short.cables}
    assert nodes["row"] == 2
    assert nodes["hall"] == short.access_links - 2


def mixed() -> Small:
    """Return a problem of nine nodes with one tall rack (of five) for them; the others stand two to a short rack."""
    small = wired(8).set(racks_per_row=2).change("sites", "oslo", power_limit_kw=90)
    return small.put(
        "offers", [{"table": "racks", "name": "tall", "max_units": 1}, {"table": "racks", "name": "short"}]
    )


def access(design: Design) -> dict[str, int]:
    """Return the links to nodes by reach."""
    return {cable.reach: cable.links for cable in design.network[0].cables if cable.use == "access"}


def test_of_racks_of_several_kinds_the_one_that_holds_the_fewest_decides() -> None:
    design = design_of(mixed())
    assert {r.name: r.nodes for r in design.racks if (r.node, r.year) == ("duo", 1)} == {"tall": 5, "short": 4}
    short = design_of(mixed().drop("racks", "tall").put("offers", []))
    tall = design_of(mixed().drop("racks", "short").put("offers", []))
    assert access(design) == access(short) == {"row": 6, "hall": 3}
    assert access(tall) == {"row": 9}
    costs = [of.tco_usd for of in (tall, design, short)]
    assert costs == sorted(costs, key=lambda cost: cost or 0.0)


def test_cables_that_only_reach_in_the_larger_racks_are_found() -> None:
    problem = mixed().load()
    design = design_of(problem)
    networks = []
    for net in design.network:
        row = next(cable for cable in net.cables if (cable.use, cable.reach) == ("access", "row"))
        trunks = [cable for cable in net.cables if cable.use == "trunk"]
        networks.append(net.model_copy(update={"cables": (row.model_copy(update={"links": 9}), *trunks)}))
    found = verify(problem, design.model_copy(update={"network": tuple(networks)}))[1]
    assert any("cables within row" in str(mismatch) for mismatch in found)


def test_a_weak_floor_makes_cables_longer() -> None:
    """A floor that carries two nodes to a rack has the cables of racks that hold two."""
    small = wired(6).set(racks_per_row=2).drop("racks", "short").change("racks", "tall", floor_m2=1)
    assert access(design_of(small)) == {"row": 5}
    assert access(design_of(small.change("sites", "oslo", floor_kg_per_m2=90))) == {"row": 2, "hall": 3}


@pytest.mark.parametrize("nodes", [4, 6, 10])
def test_cables_and_modules_of_a_design_reconcile(nodes: int) -> None:
    design = design_of(wired(nodes))
    net = next(net for net in design.network if net.year == 1)
    assert sum(cable.links for cable in net.cables) == net.access_links + net.leaf_spine_links + net.spine_core_links
    bought = {line.item: line.quantity for line in design.bom_lines if line.category == "network" and line.year == 1}
    for cable in net.cables:
        assert bought[cable.link] == cable.links
    for module in net.transceivers:
        assert bought[module.transceiver] == module.units
    assert net.access_links == sum(pool.nodes for pool in design.pools if pool.year == 1)


def test_a_loose_gap_buys_no_module_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """An incumbent that the gap lets pass may hold modules that nothing asks for: they are not bought."""
    problem = wired(8).load()
    best = design_of(problem)

    def wasteful(matrix: Any, *args: Any, **options: Any) -> Outcome:
        outcome = solve(matrix, *args, **options)
        for index, variable in enumerate(matrix.columns):
            if variable.name.startswith(("rail_modules", "network_modules")):
                outcome.values[index] += 1
        return outcome

    monkeypatch.setattr(solving, "solve", wasteful)
    design = design_of(problem)
    assert design.tco_usd == pytest.approx(best.tco_usd, rel=1e-9)
