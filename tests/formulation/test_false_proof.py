"""No purchase costs less than what is proven of every design, and a design's own bill of materials costs its TCO."""

from __future__ import annotations

from pathlib import Path

import pytest
from proposals import below_the_bound
from random_small import random_small

from dcopt.design.files import write_design
from dcopt.pipeline.proposal import evaluate_proposal, read_proposal
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.report.bom import write_bom_csv

NOISE = 1e-7


def test_no_random_purchase_costs_less_than_the_bound() -> None:
    found = [one for seed in range(12) for one in below_the_bound(seed, 8)]
    assert len(found) >= 40  # of 96: the others cannot keep the promises
    assert [(tco_usd, bound_usd) for tco_usd, bound_usd in found if tco_usd < bound_usd * (1 - NOISE)] == []


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_design_proposed_to_its_own_problem_costs_its_own_tco(seed: int, form: str, tmp_path: Path) -> None:
    problem = random_small(seed).set(objective="tco").load()
    design = design_for(problem, RunOptions(gap=1e-9, threads=1, baseline=False))
    bought = [line for line in design.bom_lines if line.table == "nodes" and line.year == 1]
    if not bought:
        pytest.skip("it buys no nodes")
    path = write_design(design, tmp_path)
    if form == "csv":
        path = tmp_path / "bom.csv"
        write_bom_csv(design, path)
    found = evaluate_proposal(problem, read_proposal(path, problem), RunOptions(gap=1e-9, threads=1))
    assert found.tco_usd == pytest.approx(design.tco_usd, rel=1e-7)
    assert found.surplus_usd == pytest.approx(0, abs=1e-3)
    assert found.excess_usd == pytest.approx(0, abs=1e-7 * (design.tco_usd or 1.0))
