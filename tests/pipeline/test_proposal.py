"""A vendor's proposal: what it costs, lacks and has too much, against the optimum and by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import design_of, job, owned_site, service, tco_of

from dcopt.cli.main import main
from dcopt.design.files import write_design
from dcopt.pipeline import large
from dcopt.pipeline.proposal import ProposalError, evaluate_proposal, nodes_fixed, read_proposal
from dcopt.pipeline.run import RunOptions, design_for

OPTIONS = RunOptions(gap=1e-9, threads=1)
SMALL = owned_site([job()], [service()])


def test_the_optimum_as_a_proposal_costs_no_more(tmp_path: Path) -> None:
    problem = SMALL.load()
    design = design_of(problem)
    proposed = read_proposal(write_design(design, tmp_path), problem)
    found = evaluate_proposal(problem, proposed, OPTIONS)
    assert found.tco_usd == pytest.approx(design.tco_usd, rel=1e-7)
    assert found.excess_usd == pytest.approx(0, abs=1e-3)
    assert all(part.proposed == pytest.approx(part.needed) for part in found.parts)


def test_more_nodes_than_needed_cost_what_they_cost() -> None:
    problem = SMALL.load()
    design = design_of(problem)
    nodes = {(pool.site, "nodes", pool.node): float(pool.nodes) for pool in design.pools}
    more = {part: units + 1 for part, units in nodes.items()}
    found = evaluate_proposal(problem, more, OPTIONS)
    assert found.excess_usd is not None
    assert found.excess_usd > 0
    forced = design_for(problem, RunOptions(gap=1e-9, threads=1, baseline=False, user_constraints=nodes_fixed(more)))
    assert found.tco_usd == pytest.approx(forced.tco_usd, rel=1e-7)
    assert {part.table for part in found.parts if part.proposed < part.needed} >= {"racks", "power"}


@pytest.mark.parametrize("more", [0, 1])
def test_a_large_problem_is_judged_in_steps_with_the_same_answer(more: int, monkeypatch: pytest.MonkeyPatch) -> None:
    small = owned_site([job()], [service(growth_pct_per_year=40, peak_requests_per_s=900)]).set(horizon_years=3)
    problem = small.load()
    design = design_of(problem)
    nodes = {(pool.site, "nodes", pool.node): float(pool.nodes + more) for pool in design.pools}
    plain = evaluate_proposal(problem, nodes, OPTIONS)
    forced = design_for(problem, RunOptions(gap=1e-9, threads=1, baseline=False, user_constraints=nodes_fixed(nodes)))
    monkeypatch.setattr(large, "LARGE", 0)
    in_steps = evaluate_proposal(problem, nodes, OPTIONS)
    assert forced.tco_usd == pytest.approx(plain.tco_usd, rel=1e-7)
    assert in_steps.tco_usd == pytest.approx(plain.tco_usd, rel=1e-7)
    assert in_steps.design is not None
    assert in_steps.design.status == "optimal"


def test_nodes_that_nothing_can_run_on_are_told() -> None:
    small = owned_site([job()], [service()]).change("accelerators", "fast", memory_gb=0.001)
    found = evaluate_proposal(
        small.load(), {("oslo", "nodes", "duo"): 4.0, ("oslo", "nodes", "quad"): 1.0}, OPTIONS, seconds_to_explain=5
    )
    assert found.design is None


def test_parts_that_nothing_needs_are_paid_for() -> None:
    problem = SMALL.set(discount_rate_pct=0, residual_pct=0).load()
    design = design_of(problem)
    bill = {(line.site, line.table, line.item): line.quantity for line in design.bom_lines if line.year == 1}
    needed = bill.get(("oslo", "racks", "tall"), 0.0)
    found = evaluate_proposal(problem, {**bill, ("oslo", "racks", "tall"): needed + 2}, OPTIONS)
    (rack,) = [part for part in found.parts if part.item == "tall"]
    assert (rack.proposed - rack.needed, rack.difference_usd) == (2, 3000)
    assert found.surplus_usd == pytest.approx(3000)
    assert found.tco_usd == pytest.approx((design.tco_usd or 0) + 3000, rel=1e-7)


def test_too_few_nodes_are_told_with_the_promises_that_collide() -> None:
    problem = owned_site(services=[service(peak_requests_per_s=6000)]).load()
    found = evaluate_proposal(problem, {("oslo", "nodes", "duo"): 1.0}, OPTIONS)
    assert found.design is None
    assert "inference.csv: chat peak_requests_per_s" in " ".join(found.reasons)
    assert found.optimum.tco_usd == pytest.approx(tco_of(problem), rel=1e-7)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("site,table,item,quantity\nparis,nodes,duo,1\n", "no site 'paris'"),
        ("site,table,item,quantity\noslo,nodes,trio,1\n", "no 'trio' in nodes.csv"),
        ("site,table,item\noslo,nodes,duo\n", "lacks the column quantity"),
        ("site,table,item,quantity\noslo,nodes,duo,many\n", "cannot be read"),
        ("site,table,item,quantity\noslo,racks,tall,1\n", "no nodes"),
        ("", "no rows"),
    ],
)
def test_a_bad_proposal_says_what_is_wrong(text: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / "vendor.csv"
    file.write_text(text)
    with pytest.raises(ProposalError, match=word):
        read_proposal(file, SMALL.load())


def test_the_command_prints_missing_parts(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    path = SMALL.write(folder)
    design = design_of(SMALL)
    file = tmp_path / "vendor.csv"
    rows = [f"oslo,nodes,{pool.node},{pool.nodes}" for pool in design.pools if pool.year == 1]
    file.write_text("\n".join(["site,table,item,quantity", *rows]))
    result = CliRunner().invoke(main, ["evaluate", str(path), "--fix", str(file)])
    assert result.exit_code == 0, result.output
    assert "missing" in result.stdout
    document = json.loads(CliRunner().invoke(main, ["evaluate", str(path), "--fix", str(file), "--json"]).stdout)
    assert document["excess_usd"] == pytest.approx(0, abs=50)


def test_what_is_not_proven_says_so() -> None:
    from dcopt.cli.evaluate import _text

    problem = SMALL.load()
    design = design_of(problem)
    nodes = {(pool.site, "nodes", pool.node): float(pool.nodes) for pool in design.pools}
    found = evaluate_proposal(problem, nodes, OPTIONS)
    assert "proven to" not in _text(found)
    short = found.optimum.model_copy(update={"status": "feasible", "gap": 0.037, "objective_bound": 1_000_000.0})
    said = _text(replace(found, optimum=short)).splitlines()
    assert said[1].endswith("(proven to 3.7% only: none costs less than USD 1,000,000)")
    assert "proven" not in said[0]
