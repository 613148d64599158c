"""A proposal that buys at several dates: the optimum itself, all at the start, and what is missing in which year."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from small import design_of, owned_site, service

from dcopt.cli.main import main
from dcopt.design.files import write_design
from dcopt.pipeline.proposal import ProposalError, evaluate_proposal, read_later, read_proposal
from dcopt.pipeline.run import RunOptions

OPTIONS = RunOptions(gap=1e-9, threads=1)
GROWS = owned_site(services=[service(peak_requests_per_s=2500, mean_requests_per_s=900, growth_pct_per_year=70)])
GROWS = GROWS.drop("fabrics", "flat").drop("nodes", "quad").set(horizon_years=3, purchase_years="1 3")


def test_the_optimum_as_a_proposal_costs_no_more(tmp_path: Path) -> None:
    problem = GROWS.load()
    design = design_of(problem)
    path = write_design(design, tmp_path)
    later = read_later(path, problem)
    assert sum(units for (_, table, _), units in later[3].items() if table == "nodes") > 0
    found = evaluate_proposal(problem, read_proposal(path, problem), OPTIONS, later=later)
    assert found.tco_usd == pytest.approx(design.tco_usd, rel=1e-7)
    assert all(part.proposed == pytest.approx(part.needed) for part in found.parts)


def test_everything_at_the_start_is_dearer_and_too_little_later_is_told(tmp_path: Path) -> None:
    problem = GROWS.load()
    design = design_of(problem)
    bill = {
        year: sum(line.quantity for line in design.bom_lines if (line.table, line.year) == ("nodes", year))
        for year in (1, 3)
    }
    early = evaluate_proposal(problem, {("oslo", "nodes", "duo"): bill[1] + bill[3]}, OPTIONS)
    assert early.excess_usd is not None
    assert early.excess_usd > 0
    late = evaluate_proposal(problem, {("oslo", "nodes", "duo"): bill[1]}, OPTIONS)
    assert late.design is None


def test_a_csv_says_in_which_year_and_the_command_shows_it(tmp_path: Path) -> None:
    GROWS.write(tmp_path)
    design = design_of(GROWS)
    lines = [f"{b.site},{b.year},{b.table},{b.item},{b.quantity}" for b in design.bom_lines if b.table == "nodes"]
    file = tmp_path / "bom-of-vendor.txt"
    file.write_text("\n".join(["site,year,table,item,quantity", *lines]) + "\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["evaluate", str(tmp_path), "--fix", str(file), "--gap", "1e-9"])
    assert result.exit_code == 0, result.output
    assert "missing" in result.stdout, "the racks and the plant are not on it"
    assert "year" in result.stdout
    file.write_text("site,year,table,item,quantity\noslo,1,nodes,duo,9\noslo,8,nodes,duo,1\n", encoding="utf-8")
    with pytest.raises(ProposalError, match="beyond the horizon"):
        read_later(file, GROWS.load())
