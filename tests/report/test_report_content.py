"""The content of reports and its three formats."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from dcopt.design.records import Design
from dcopt.problem.problem import Problem
from dcopt.report.assumptions import used_rows
from dcopt.report.blocks import BulletChart, StackedChart, Table, table
from dcopt.report.charts import draw
from dcopt.report.content import build_report
from dcopt.report.html import render_html
from dcopt.report.markdown import escape, render_sections
from dcopt.report.numbers import amount, merged_years, nice_ceiling, number, price, years_text
from dcopt.report.terminal import render_text

KEYS = [
    "answer",
    "cost",
    "buy",
    "training",
    "services",
    "calendar",
    "binding",
    "network",
    "storage",
    "racks",
    "power",
    "cooling",
    "sites",
    "baseline",
    "rejected",
    "notes",
    "free",
    "proof",
    "bom",
    "assumptions",
]


class Page(HTMLParser):
    """Checks that tags are balanced and collects what a page holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] not in ("style", "script"):
            self.texts.append(data)


def find_table(design: Design, problem: Problem | None, caption: str) -> Table:
    blocks = [block for section in build_report(design, problem).sections for block in section.blocks]
    return next(block for block in blocks if isinstance(block, Table) and block.caption.startswith(caption))


def test_every_section_is_in_all_formats(design: Design, problem: Problem) -> None:
    report = build_report(design, problem)
    assert [section.key for section in report.sections] == KEYS
    terminal, markdown, page = render_text(report), render_sections(report), render_html(design, problem)
    ids = {attrs.get("id") for _, attrs in Page(page).tags}
    for section in report.sections:
        assert section.title in terminal
        assert f"\n## {section.title}\n" in markdown
        assert section.key in ids
        assert f"#{section.key}" in page


def test_every_table_cell_is_in_every_format(design: Design, problem: Problem) -> None:
    markdown, text = render_sections(build_report(design, problem)), " ".join(Page(render_html(design, problem)).texts)
    terminal = render_text(build_report(design, problem), width=400)
    for section in build_report(design, problem).sections:
        for block in section.blocks:
            if isinstance(block, Table):
                for cell in {cell for row in block.rows for cell in row if cell}:
                    assert cell in text
                    assert escape(cell).lstrip("\\") in markdown or cell in markdown
                    assert section.is_appendix or cell in terminal


def test_answer_names_purchase_cost_and_proof(design: Design, problem: Problem) -> None:
    text = " ".join(render_text(build_report(design, problem)).split())
    assert "Buy 32 × dgx-h100 on ndr-rail at oslo" in text
    assert "use what is there: 2 × dgx-h100" in text
    assert "rent 4 × dgx-h100 on builtin at cloud" in text
    assert design.tco_usd is not None
    assert f"costs USD {design.tco_usd:,.0f} (discounted)" in text
    assert "no design saves more than USD 500 (0.00527 %)" in text
    assert "USD 90,000 more" in text


def test_years_that_read_the_same_are_merged(design: Design, problem: Problem) -> None:
    pools = find_table(design, problem, "Pools")
    assert [row[1] for row in pools.rows] == ["1-3", "3"]
    stored = find_table(design, problem, "Where data lies")
    assert [row[1] for row in stored.rows] == ["1", "2", "3"]  # the stored TB differ


def test_equal_records_of_one_year_are_not_lost(design: Design) -> None:
    twice = [*design.power, *design.power]
    merged = merged_years(twice, lambda part: (part.name, str(part.units)))
    assert [years for years, _ in merged] == ["1-3", "1-3"]


def test_cost_table_adds_up(design: Design, problem: Problem) -> None:
    rows = find_table(design, problem, "Discounted cost").rows
    assert design.cost is not None
    parts = design.cost.capital | design.cost.running
    shown = {row[0]: row[2] for row in rows}
    for name, value in parts.items():
        assert shown.get(name, "0") == amount(value)
    assert rows[-1][2] == amount(sum(parts.values())) == amount(design.tco_usd)
    cash = find_table(design, problem, "Cash by year").rows
    assert cash[-1][3] == amount(sum(year.total_usd for year in design.cost.cash_by_year))


def test_stacked_chart_holds_the_cash_of_each_year(design: Design, problem: Problem) -> None:
    assert design.cost is not None
    blocks = [block for section in build_report(design, problem).sections for block in section.blocks]
    chart = next(block for block in blocks if isinstance(block, StackedChart))
    for i, cash in enumerate(design.cost.cash_by_year):
        assert sum(values[i] for _, values in chart.series) == pytest.approx(cash.total_usd)


def test_promises_stand_beside_the_figures(design: Design, problem: Problem) -> None:
    near = find_table(design, problem, "How near each service").rows[0]
    assert {"312.5 / 500", "41.75 / 50", "8,621 / 9,000", "0.25 / 1"} <= set(near)
    job = find_table(design, problem, "How near each job").rows[0]
    assert job[2:5] == ("41.25", "45", "91.7 %")
    blocks = [block for section in build_report(design, problem).sections for block in section.blocks]
    bullets = [bullet for block in blocks if isinstance(block, BulletChart) for bullet in block.bullets]
    times = ["chat: TTFT", "chat: TPOT", "chat: latency"]
    assert [bullet.label for bullet in bullets] == ["gpt3", *times, "chat on dgx-h100", "oslo"]


def test_free_costs_are_listed(design: Design, problem: Problem) -> None:
    rows = {(row[0], row[1]): row[2] for row in find_table(design, problem, "Zero or blank").rows}
    assert rows[("racks", "air-40kw")] == "price in the bill of materials"
    assert rows[("nodes", "dgx-h100")] == "maintenance_pct_per_year" if ("nodes", "dgx-h100") in rows else True
    assert "build_usd_per_kw" in rows[("sites", "oslo")]
    assert ("switches", "qm9700") not in rows


def test_bought_nodes_without_maintenance_are_listed(design: Design, problem: Problem) -> None:
    pools = [pool for pool in design.pools if not pool.rented]
    rows = find_table(design.model_copy(update={"pools": tuple(pools)}), problem, "Zero or blank").rows
    assert ("nodes", "dgx-h100", "maintenance_pct_per_year") in rows


def test_sources_of_used_rows_are_listed(design: Design, problem: Problem) -> None:
    used = used_rows(design, problem)
    assert used["accelerators"] == ("h100-sxm",)
    assert used["links"] == ("ndr-aoc",)
    assert used["cooling"] == ("chiller-500", "crah-100")
    rows = find_table(design, problem, "Rows of the catalogue").rows
    assert ("nodes", "dgx-h100", "dgx datasheet, https://example.org/dgx", "2025-02") in rows
    assert "dgx datasheet" in render_html(design, problem)


def test_reports_work_without_the_problem(design: Design) -> None:
    report = build_report(design, None)
    for text in (render_text(report), render_sections(report), render_html(design, None)):
        assert "not at hand" in text
        assert "312.5" in text


@pytest.mark.parametrize("with_problem", [True, False])
def test_without_a_design_the_diagnosis_is_the_answer(infeasible: Design, problem: Problem, with_problem: bool) -> None:
    given = problem if with_problem else None
    for text in (
        render_text(build_report(infeasible, given)),
        render_sections(build_report(infeasible, given)),
        render_html(infeasible, given),
    ):
        assert "There is no design" in text
        assert "no candidate is faster than 51.5 days" in unescape(text)
        assert "What to buy" not in text


def test_a_time_limit_is_not_called_infeasible() -> None:
    unsolved = Design(problem="p", status="no_solution", stopped_by="time limit")
    text = " ".join(render_text(build_report(unsolved, None)).split())
    assert "says nothing about whether one exists" in text
    assert "There is no design" not in text


def test_a_feasible_design_says_what_is_not_proven(design: Design) -> None:
    feasible = design.model_copy(update={"status": "feasible", "stopped_by": "time limit"})
    text = " ".join(render_text(build_report(feasible, None)).split())
    assert "stopped (time limit) before the proof was complete" in text
    assert "It is proven" not in text


def test_other_objectives_are_not_called_money(design: Design) -> None:
    carbon = design.model_copy(update={"objective": "carbon", "objective_value": 12.5, "objective_bound": 12.25})
    text = " ".join(render_text(build_report(carbon, None)).split())
    assert "saves more than 0.25 of carbon" in text


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_terminal_keeps_its_width(design: Design, hostile: Design, problem: Problem, width: int) -> None:
    for each in (design, hostile):
        text = render_text(build_report(each, problem), width)
        assert max(len(line) for line in text.splitlines()) <= width
        assert all(line == line.rstrip() for line in text.splitlines())


def test_page_is_sound_and_loads_nothing(design: Design, problem: Problem) -> None:
    page = render_html(design, problem)
    parsed = Page(page)
    names = [tag for tag, _ in parsed.tags]
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(names)
    assert [attrs for tag, attrs in parsed.tags if tag == "script"] == [{}]  # one, inline
    policy = next(attrs["content"] or "" for tag, attrs in parsed.tags if attrs.get("http-equiv"))
    script = re.search(r"<script>(.*?)</script>", page, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    for tag, attrs in parsed.tags:
        for name in ("src", "href", "xlink:href", "style"):
            assert not (attrs.get(name) or "").startswith(("http:", "https:", "//")), tag
        assert not any(name.startswith("on") for name in attrs)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert next(attrs for tag, attrs in parsed.tags if tag == "html") == {"lang": "en"}


def test_page_is_accessible(design: Design, problem: Problem) -> None:
    parsed = Page(render_html(design, problem))
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for tag, attrs in parsed.tags:
        if tag == "svg":
            assert attrs["role"] == "img"
            assert attrs["aria-labelledby"] in ids
            assert attrs["aria-describedby"] in ids
        if tag == "th":
            assert attrs["scope"] in ("col", "row")
    names = [tag for tag, _ in parsed.tags]
    assert names.count("h1") == 1
    assert names.count("table") == names.count("caption") > 10
    assert names.count("svg") == names.count("figure") == 14


def test_hostile_texts_stay_text(hostile: Design, problem: Problem) -> None:
    page = render_html(hostile, problem)
    names = [tag for tag, _ in Page(page).tags]
    assert not {"img", "b"} & set(names)
    assert names.count("script") == 1  # the page's own
    assert "\x1b" not in page
    terminal, markdown = render_text(build_report(hostile, problem)), render_sections(build_report(hostile, problem))
    assert "\x1b" not in terminal + markdown
    assert "\\x1b[2J" in terminal
    body = markdown.replace("<details>", "").replace("</details>", "")
    assert not re.search(r"<(?!/?summary>)", body)
    for line in markdown.splitlines():
        if line.startswith("| ") and "calc" in line:
            assert len(re.findall(r"(?<!\\)\|", line)) == 9  # eight cells: the bar in the text is escaped


def test_markdown_escapes_what_begins_a_block() -> None:
    assert escape("# no heading") == "\\# no heading"
    assert escape("1. no list") == "1\\. no list"
    assert escape("- no item") == "\\- no item"
    assert escape("power_limit_kw of *all*") == "power_limit_kw of \\*all\\*"
    assert escape("<b>&") == "&lt;b&gt;&amp;"


def test_numbers_are_written_as_planners_read_them() -> None:
    assert [number(v) for v in (0, 1234567.0, 0.5, 12.346, 123456.7, 0.00012345, -2.5)] == [
        "0",
        "1,234,567",
        "0.5",
        "12.3",
        "123,457",
        "0.000123",
        "-2.5",
    ]
    assert [amount(v) for v in (0.0, 999.5, 1234.5678, -0.001, None)] == ["0", "999.50", "1,235", "0", ""]
    assert [price(v) for v in (1199.5, 35000.0)] == ["1,199.50", "35,000"]
    assert years_text([3, 1, 2, 5, 5]) == "1-3, 5"
    assert [nice_ceiling(v) for v in (1, 1.01, 7, 2400, 0.03)] == pytest.approx([1, 2, 10, 2500, 0.05])


def test_charts_draw_broken_promises_and_nothing_at_all() -> None:
    assert draw(StackedChart("none", "USD", "year", ("1",), (("running", (0.0,)),)), "k") == ""
    assert draw(BulletChart("none", ()), "k") == ""


def test_long_calendars_are_cut_on_the_terminal_and_folded_in_the_page(design: Design) -> None:
    first = design.calendar[0]
    runs = tuple(
        first.model_copy(update={"run": run, "year": year, "start_day": 7.0 * run, "end_day": 7.0 * run + 1})
        for year in (1, 2, 3)
        for run in range(50)
    )
    weekly = design.model_copy(update={"calendar": runs})
    assert "… and 38 more rows" in render_text(build_report(weekly, None))
    page = render_html(weekly, None)
    assert "<details><summary>Every run in years 1-3 (50 rows)" in page
    Page(page)
    changed = (*runs[:-1], runs[-1].model_copy(update={"nodes": 1}))
    text = render_text(build_report(design.model_copy(update={"calendar": changed}), None))
    assert "Jobs in years 1-2" in text
    assert "Jobs in year 3" in text


def test_tables_need_a_cell_for_each_header() -> None:
    with pytest.raises(ValueError, match="1 cells under 2 headers"):
        table("t", ("a", ">b"), [("x",)])
    assert table("t", ("a", ">b", "c"), [("x", "1", "")]).headers == ("a", "b")  # a blank column is left out
