"""The HTML report in headless Chromium: no error, all drawn, readable, and without serious accessibility findings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from browser import Browser, needs_chromium

from dcopt.design.records import Design
from dcopt.problem.problem import Problem
from dcopt.report.content import build_report
from dcopt.report.html import render_html

pytestmark = [pytest.mark.chromium, needs_chromium]

SMALLEST_PX = 9.5
"""Height of the smallest letters on a screen; drawings are scaled to the window."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def page(design: Design, problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(design, problem), encoding="utf-8")
    assert path.stat().st_size < 5_000_000
    return path


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_opens_whole(
    browser: Browser, page: Path, design: Design, problem: Problem, width: int, dark: bool
) -> None:
    browser.errors.clear()
    browser.open(page, width, dark=dark)
    assert browser.errors == []
    keys = [section.key for section in build_report(design, problem).sections]
    assert browser.run("[...document.querySelectorAll('main > section')].map(s => s.id)") == keys
    assert browser.run("document.documentElement.scrollWidth") <= width  # what is wider scrolls within itself
    shapes = "[...document.querySelectorAll('figure svg')].map(s => s.getBoundingClientRect())"
    drawn = browser.run(f"{shapes}.map(r => [r.width, r.height])")
    assert len(drawn) == 17
    assert all(wide > 300 and tall > 20 for wide, tall in drawn)
    sizes = browser.run(
        "[...document.querySelectorAll('svg text')].map(t => parseFloat(getComputedStyle(t).fontSize)"
        " * t.ownerSVGElement.getBoundingClientRect().width / t.ownerSVGElement.viewBox.baseVal.width)"
    )
    assert min(sizes) >= SMALLEST_PX
    body = browser.run("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)")
    assert body >= 15


def test_letters_of_a_drawing_do_not_leave_it(browser: Browser, page: Path) -> None:
    browser.open(page, 1280)
    left = browser.run(
        "[...document.querySelectorAll('svg text')].filter(t => { const b = t.getBBox(); "
        "const v = t.ownerSVGElement.viewBox.baseVal; "
        "return b.x < -1 || b.x + b.width > v.width + 1 || b.y + b.height > v.height + 1 })"
        ".map(t => t.textContent)"
    )
    assert left == []


def test_pointing_at_a_mark_shows_its_number(browser: Browser, page: Path) -> None:
    browser.open(page, 1280)
    browser.run("document.querySelector('#cost svg [data-tip]').scrollIntoView({block: 'center'})")
    x, y = browser.run(
        "(r => [r.x + r.width / 2, r.y + r.height / 2])"
        "(document.querySelector('#cost svg [data-tip]').getBoundingClientRect())"
    )
    browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    assert browser.run("document.querySelector('.tip').hidden") is False
    assert "USD" in browser.run("document.querySelector('.tip').textContent")


def test_a_table_is_sorted_by_its_heads(browser: Browser, page: Path) -> None:
    browser.open(page, 1280)
    column = "[...document.querySelectorAll('#bom table tbody tr')].map(r => r.cells[r.cells.length - 1].textContent)"
    click = "[...document.querySelectorAll('#bom thead button')].pop().click()"
    browser.run(click)
    texts = browser.run(column)
    values = [float(text.replace(",", "")) for text in texts]
    assert values[:-1] == sorted(values[:-1])  # the total stays last
    assert values[-1] == sum(values[:-1])
    browser.run(click)
    assert browser.run(column)[:-1] == texts[-2::-1]
    assert browser.run("[...document.querySelectorAll('#bom th[aria-sort]')].length") == 1


def test_the_page_prints(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page, 1280)
    browser.pdf(tmp_path / "report.pdf")
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert 3 <= pdf.count(b"/Type /Page\n") <= 30
    browser.open(page, 1280, media="print")
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(browser: Browser, page: Path, width: int, dark: bool) -> None:
    browser.open(page, width, dark=dark)
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true })")
    axe = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    browser.ask("Runtime.evaluate", expression=axe)
    found = browser.run(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => "
        "[v.impact, v.id, v.nodes.slice(0, 3).map(n => n.html)]))"
    )
    assert [finding for finding in found if finding[0] in ("serious", "critical")] == []
