"""A study's report: every kind of study shows what it found, in every format, from its folder alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import Small, owned_site, service

from dcopt.cli.main import main
from dcopt.report.blocks import HeatMap, Range, RangeChart, Section, Table, XYChart
from dcopt.report.html import render_page
from dcopt.report.study_content import RegretRow, ScenarioRow, StudyContent, build_study_report, quantile
from dcopt.report.text_charts import heat_map, ranges
from dcopt.study.records import Outcome
from dcopt.study.report import front_rows, study_report
from dcopt.study.store import StudyFolderError


def uncertain() -> Small:
    small = owned_site(services=[service(peak_requests_per_s=6000)])
    small = small.add("uncertainty", table="nodes", name="*", column="price_usd", low=0.5, high=1.5)
    return small.add("uncertainty", table="inference", name="chat", column="peak_requests_per_s", low=0.5, high=3)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return uncertain().write(tmp_path_factory.mktemp("uncertain"))


def study(path: Path, folder: Path, *options: str) -> Path:
    command, *rest = options
    result = CliRunner().invoke(main, [command, str(path), *rest, "-o", str(folder), "--gap", "1e-6"])
    assert result.exit_code == 0, result.output
    return folder


def blocks(folder: Path, key: str) -> tuple[Section, list[object]]:
    section = next(section for section in study_report(folder).sections if section.key == key)
    return section, list(section.blocks)


def test_a_grid_has_a_switching_map(path: Path, tmp_path: Path) -> None:
    loads, prices = "inference.chat.peak_requests_per_s=500,20000", "nodes.quad.price_usd*=0.2,1"
    folder = study(path, tmp_path / "grid", "sensitivity", "--vary", loads, "--vary", prices)
    _, found = blocks(folder, "switching")
    switching = found[0]
    assert isinstance(switching, HeatMap)
    assert (len(switching.rows), len(switching.columns)) == (2, 2)
    assert switching.x_title.startswith("nodes.quad.price_usd")
    named = {row[0] for block in found if isinstance(block, Table) for row in block.rows}
    assert {cell for row in switching.cells for cell in row} == named
    for form, word in (
        ("terminal", "Every scenario"),
        ("markdown", "# Sensitivity of"),
        ("html", "<svg"),
        ("json", "["),
    ):
        result = CliRunner().invoke(main, ["report", str(folder), "--format", form])
        assert result.exit_code == 0, result.output
        assert word in result.stdout
    rows = json.loads(CliRunner().invoke(main, ["report", str(folder), "--format", "json"]).stdout)
    assert len(rows) == 4
    assert rows[0]["slack_pct.inference.csv: chat ttft_ms"] > 0
    assert rows[0]["achieved.inference.chat.tpot_ms"] > 0


def test_a_tornado_is_drawn_around_its_base(path: Path, tmp_path: Path) -> None:
    _, found = blocks(study(path, tmp_path / "t", "sensitivity", "--tornado"), "tornado")
    chart = found[0]
    assert isinstance(chart, RangeChart)
    assert {one.label for one in chart.ranges} == {"nodes.*.price_usd *=", "inference.chat.peak_requests_per_s *="}
    for one in chart.ranges:
        assert one.low < chart.centre < one.high


def test_samples_show_their_distribution_and_the_regret(path: Path, tmp_path: Path) -> None:
    folder = study(path, tmp_path / "s", "sensitivity", "--sample", "lhs", "-n", "5", "--regret", "2")
    chart = blocks(folder, "distribution")[1][0]
    assert isinstance(chart, XYChart)
    assert [y for _, y in chart.series[0][1]] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    table = blocks(folder, "regret")[1][0]
    assert isinstance(table, Table)
    assert {row[0] for row in table.rows} == {"D1", "D2"}
    assert all(" of 5" in cell for row in table.rows for cell in row if " of " in cell)
    regret = json.loads((folder / "regret" / "study.json").read_text())
    assert len(regret["scenarios"]) == 10


def test_a_front_is_drawn(path: Path, tmp_path: Path) -> None:
    load = ("--set", "inference.chat.peak_requests_per_s=4000", "--between", "2:10")
    folder = study(path, tmp_path / "p", "pareto", "--trade", "tco", "inference.chat.tpot_ms", *load)
    chart = blocks(folder, "front")[1][0]
    assert isinstance(chart, XYChart)
    assert chart.x_title == "inference.chat.tpot_ms, ms"
    values = chart.series[0][1]
    assert len(values) > 1
    assert [y for _, y in values] == sorted((y for _, y in values), reverse=True)


def test_unanswered_scenarios_are_shown_with_their_reason() -> None:
    rows = (
        ScenarioRow("a<b>", {"x": 1.0}, "optimal", 5e6, 3.0, 1.0, "A"),
        ScenarioRow("bad", {"x": 2.0}, "failed", reason="no <such> table"),
    )
    regret = RegretRow("D1", "3 duo at oslo", 4, 0, 5, None, None, None)
    report = build_study_report(StudyContent("scenarios", "p", rows, {"A": ("duo; none; oslo", 0.5)}, regret=(regret,)))
    assert report.status == "feasible"
    page = render_page(report, "some were not")
    assert "no &lt;such&gt; table" in page
    assert "a&lt;b&gt;" in page
    assert build_study_report(StudyContent("grid", "p", ())).sections


def test_quantiles_of_known_values() -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], 0.5) == 3
    assert quantile([1.0, 2.0], 0.25) == pytest.approx(1.25)
    assert quantile([7.0], 0.95) == 7


def test_points_of_a_front_are_the_tightest_of_their_cost() -> None:
    def point(tco: float, asked: float, reached: float) -> Outcome:
        cell = "training.j.deadline_days"
        known = {"key": f"{asked}", "scenario": f"{asked}", "status": "optimal", "inputs": {cell: asked}}
        return Outcome.model_validate({**known, "figures": {"tco_usd": tco}, "achieved": {cell: reached}})

    found = front_rows("training.j.deadline_days", [point(5, 90, 80), point(5, 79, 40), point(9, 39, 20)], {"": "A"})
    assert [(row.tco_usd, row.other) for row in found] == [(5, 40), (9, 20)]


def test_a_folder_that_no_study_wrote_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyFolderError):
        study_report(tmp_path)
    (tmp_path / "study.json").write_text("nonsense")
    assert CliRunner().invoke(main, ["report", str(tmp_path)]).exit_code == 2


def test_a_report_of_a_design_shows_studies_of_it(path: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert CliRunner().invoke(main, ["solve", str(path), "-o", str(run), "--no-baseline"]).exit_code == 0
    folders = [
        study(path, tmp_path / "tornado", "sensitivity", "--tornado"),
        study(path, tmp_path / "grid", "sensitivity", "--vary", "nodes.quad.price_usd*=0.2,1"),
    ]
    shown = [word for folder in folders for word in ("--study", str(folder))]
    page = CliRunner().invoke(main, ["report", str(run), *shown, "--format", "html"])
    assert page.exit_code == 0, page.output
    keys = re.findall(r'<section id="([^"]*)"', page.stdout)
    assert len(keys) == len(set(keys))
    assert {"study-1-tornado", "study-2-switching"} <= set(keys)
    assert keys.index("study-1-tornado") < keys.index("study-2-switching") < keys.index("baseline")
    text = CliRunner().invoke(main, ["report", str(run), *shown]).stdout
    assert "Tornado of" in text
    wrong = CliRunner().invoke(main, ["report", str(run), "--study", str(run)])
    assert wrong.exit_code == 2
    assert CliRunner().invoke(main, ["report", str(folders[0]), "--study", str(folders[1])]).exit_code == 2


def test_a_robust_study_is_shown_alike_by_both_commands(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    arguments = ["robust", str(path), "--sample", "lhs", "-n", "4", "--check", "6", "--gap", "1e-6", "-o", str(folder)]
    said = CliRunner().invoke(main, arguments)
    assert said.exit_code == 0, said.output
    again = CliRunner().invoke(main, ["report", str(folder)])
    assert again.stdout == said.stdout
    assert "Asked for: least expected TCO." in said.stdout
    document = json.loads(CliRunner().invoke(main, ["report", str(folder), "--format", "json"]).stdout)
    table = blocks(folder, "parts")[1][0]
    assert isinstance(table, Table)
    assert {"/".join(row[:3]) for row in table.rows} == {*document["parts"], *document["nominal_parts"]}
    chart, fares, _ = blocks(folder, "fares-fresh-samples")[1]
    assert isinstance(chart, XYChart)
    assert isinstance(fares, Table)
    for row, judged in zip(fares.rows, document["judged"]["fresh samples"], strict=True):
        assert row[:2] == (judged["name"], f"{len(judged['costs'])} of 6")
    shares = {name: series[-1][1] for name, series in chart.series}
    assert shares["robust"] == pytest.approx(len(document["judged"]["fresh samples"][0]["costs"]) / 6)
    page = CliRunner().invoke(main, ["report", str(folder), "--format", "html"]).stdout
    assert "the purchase is proven to the gap" in page
    assert "# One purchase" in CliRunner().invoke(main, ["report", str(folder), "--format", "markdown"]).stdout
    (folder / "robust.json").write_text("{}")
    assert CliRunner().invoke(main, ["report", str(folder)]).exit_code == 2


def test_a_break_even_is_shown_from_its_folder(path: Path, tmp_path: Path) -> None:
    vary = ("--vary", "nodes.duo.price_usd=100:200000", "--until-changes", "node")
    folder = study(path, tmp_path / "b", "breakeven", *vary)
    found = json.loads((folder / "breakeven.json").read_text())
    words = CliRunner().invoke(main, ["report", str(folder)]).stdout
    assert f"{found['value']:,.6g} (" in words
    assert found["below"] in words
    assert found["above"] in words


def test_a_map_in_the_terminal_says_from_where_to_where() -> None:
    one = HeatMap("Best", "price", "", ("1", "2", "3", "4"), ("",), (("A", "A", "infeasible", "B"),))
    assert heat_map(one) == ["Best, by price:", "1 to 2  A", "3       infeasible", "4       B"]
    two = HeatMap("Best", "price", "load", ("1", "2"), ("10", "200"), (("A", "B"), ("infeasible", "no solution")))
    assert heat_map(two)[2:] == [" 10  A B", "200  x ?", "x no design exists", "? not answered"]


def test_ranges_in_the_terminal_reach_from_end_to_end() -> None:
    chart = RangeChart("TCO", "USD", 50.0, (Range("a", 0.0, 100.0, "", ""), Range("bb", 60.0, 50.0, "", "")))
    _, wide, narrow, scale = ranges(chart, 80)
    assert wide == "a   " + "#" * 20 + "|" + "#" * 19
    assert narrow == "bb  " + " " * 20 + "|" + "#" * 3
    assert scale.split() == ["0", "100"]
    assert len(scale) == len(wide)
