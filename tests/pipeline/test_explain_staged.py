"""Explaining a design whose equipment is bought at several dates: rivals by runs of years, prices, and a clear word."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from small import Small, design_of, job, owned_site, service, tco_of

from dcopt.cli.main import main
from dcopt.design.explanation import Explanation
from dcopt.design.files import write_design
from dcopt.design.records import Design
from dcopt.pipeline.explain_design import ShortSightError, explain_design
from dcopt.pipeline.questions import Questions
from dcopt.pipeline.run import RunOptions, design_for
from dcopt.pipeline.run_folder import RunFolder
from dcopt.report.explanation import explain_design as in_text


def staged() -> Small:
    """Return a service that grows; the better node is for sale from year 2 on, the first one up to year 1."""
    chat = service(peak_requests_per_s=2500, mean_requests_per_s=900, growth_pct_per_year=60)
    small = owned_site([job(years="1 3")], [chat]).set(horizon_years=3, purchase_years="1 2", residual_pct=0)
    offers = [
        {"table": "nodes", "name": "duo", "price_usd": 9000, "available_to_year": 1},
        {"table": "nodes", "name": "quad", "price_usd": 6000, "available_from_year": 2},
        {"table": "fabrics", "name": "none"},
    ]
    small = small.put("offers", offers).add("limits", site="oslo", year=2, power_kw=30)
    return small.add("demand", name="chat", year=3, peak_requests_per_s=7000).drop("cooling", "wet-30")


@pytest.fixture(scope="module")
def design() -> Design:
    return design_of(staged())


@pytest.fixture(scope="module")
def explanation(design: Design) -> Explanation:
    return explain_design(Questions(staged().load(), 120.0, 30.0), design)


def test_each_run_of_years_has_a_rival_of_its_own(design: Design, explanation: Explanation) -> None:
    nodes = {year: {r.node for r in design.inference if r.year == year} for year in (1, 2, 3)}
    assert nodes[1] == {"duo"}
    assert "quad" in nodes[2]
    of_chat = {rival.what: rival for rival in explanation.rivals if rival.workload == "chat"}
    spans = [what for what in of_chat if what.startswith("another node in year")]
    assert "another node in year 1" in spans
    assert len(spans) == 2
    assert of_chat["another node in year 1"].extra.status == "impossible", "nothing else is for sale then"
    later = next(of_chat[what] for what in spans if what != "another node in year 1")
    other = staged().drop("nodes", "quad").put("offers", [o for o in staged().tables["offers"] if o["name"] != "quad"])
    assert later.extra.found is not None
    assert later.extra.found <= tco_of(other) - (design.tco_usd or 0) + 1e-3, "duos bought in year 1 could serve on"
    assert later.extra.found >= -1e-6


def test_limits_and_demand_by_year_are_priced(explanation: Explanation) -> None:
    prices = {price.row: price for price in explanation.prices}
    assert "limits.csv: oslo/2 power_kw" in prices
    load = prices["demand.csv: chat/3 peak_requests_per_s"]
    assert load.tighter is not None
    assert load.tighter.extra.found is not None
    assert load.tighter.extra.found >= 0
    assert explanation.next_design is not None
    assert explanation.open_questions == ()


def test_what_runs_names_its_years(design: Design, explanation: Explanation) -> None:
    text = " ".join(in_text(design, explanation).split())
    assert "in year 1 " in text
    assert "another node in year 1" in text


def test_an_explanation_goes_on_where_it_was(design: Design, explanation: Explanation) -> None:
    problem = staged().load()
    again = explain_design(Questions(problem, 60.0, 30.0), design, explanation)
    assert again.rivals == explanation.rivals


def test_what_was_decided_without_knowing_is_not_explained(tmp_path: Path) -> None:
    problem = staged().load()
    short = design_for(problem, RunOptions(gap=1e-6, threads=1, baseline=False, foresight_years=1))
    with pytest.raises(ShortSightError, match="1 year ahead"):
        explain_design(Questions(problem, 10.0, 5.0), short)
    folder = RunFolder(tmp_path / "run")
    folder.write_inputs(problem, {"gap": 1e-6, "threads": 1, "seed": 0, "with": None})
    write_design(short, folder.path)
    folder.finish()
    result = CliRunner().invoke(main, ["explain", str(tmp_path / "run")])
    assert result.exit_code == 2
    assert "--foresight" in result.stderr
