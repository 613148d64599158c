"""What the terminal shows: errors that point at the cell, tables in its width, the live view, and quiet when piped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cli_inputs import dcopt, write_tiny

from dcopt.cli import live
from dcopt.cli.live import SolveScreen, sparkline
from dcopt.cli.pointing import cell_span, pointed
from dcopt.design.files import read_design
from dcopt.problem.findings import Finding
from dcopt.report.content import build_report
from dcopt.report.rich_terminal import render_rich
from dcopt.solve.session import Progress

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;)[0-9;]*m")


@pytest.mark.parametrize(
    ("line", "index", "cell"),
    [
        ("hall,-3,0.1", 1, "-3"),
        ("hall, -3 ,0.1", 1, "-3"),
        ('hall,"a, b",x', 1, "a, b"),
        ('hall,"a, b",x', 2, "x"),
        ("hall,,x", 1, ""),
    ],
)
def test_the_span_of_a_cell(line: str, index: int, cell: str) -> None:
    span = cell_span(line, index)
    assert span is not None
    assert line[span[0] : span[1]] == cell


def test_there_is_no_span_beyond_the_line() -> None:
    assert cell_span("a,b", 5) is None
    assert cell_span("a,b", None) is None


def test_errors_point_at_the_cell(tmp_path: Path) -> None:
    text = "# a comment\nname,power_limit_kw,electricity_usd_per_kwh\nhall,-3,x\n"
    result = dcopt("check", write_tiny(tmp_path / "bad", sites=text))
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[0].startswith("error: sites.csv:3:9: electricity_usd_per_kwh 'x': is not a number")
    assert lines[1:3] == [" 3 | hall,-3,x", "   |         ^"]
    assert lines[3].startswith("error: sites.csv:3:6: power_limit_kw '-3': is out of range")
    assert lines[4:6] == [" 3 | hall,-3,x", "   |      ^^"]
    assert "\x1b" not in result.stderr


def test_a_setting_points_at_its_value(tmp_path: Path) -> None:
    result = dcopt("check", write_tiny(tmp_path / "bad", settings="key,value\nhorizon_years,many\n"))
    lines = result.stderr.splitlines()
    assert lines[0].startswith("error: settings.csv:2:15: horizon_years 'many': is not a number")
    assert lines[1:3] == [" 2 | horizon_years,many", "   |               ^^^^"]


def test_a_long_line_is_cut_around_its_cell(tmp_path: Path) -> None:
    columns = [f"c{i}" for i in range(60)]
    (tmp_path / "t.csv").write_text(f"{','.join(columns)}\n{','.join(['12345'] * 59)},bad\n", encoding="utf-8")
    said = pointed(Finding("error", "t.csv", "wrong", line=2, column="c59", value="bad"), tmp_path).splitlines()
    assert len(said[1]) <= 110
    start = said[2].index("^")
    assert said[1][start : start + 3] == "bad"


def test_what_has_no_place_stays_one_line(tmp_path: Path) -> None:
    for finding in (
        Finding("error", "--set x", "is not understood"),
        Finding("error", "gone.csv", "wrong", line=2, column="a"),
        Finding("error", "gone.xlsx!sites", "wrong", line=2, column="a"),
    ):
        assert pointed(finding, tmp_path) == str(finding)


@pytest.mark.parametrize("width", [60, 100, 200])
def test_colour_follows_the_terminal_and_its_width(solved: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    report = build_report(read_design(solved), None)
    shown = render_rich(report, width)
    assert COLOUR.search(shown)
    assert max(len(ESCAPES.sub("", line)) for line in shown.splitlines()) <= width
    monkeypatch.setenv("NO_COLOR", "1")
    plain = render_rich(report, width)
    assert not COLOUR.search(plain)
    for section in report.sections:
        assert section.title in ESCAPES.sub("", " ".join(plain.split()))


def test_the_live_view_shows_where_the_solver_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[str]] = []
    monkeypatch.setattr(live.SolveScreen, "_draw", lambda self, lines: drawn.append(lines))
    screen = SolveScreen()
    screen.phase("program: stating it")
    screen.show(Progress(1.0, None, 5.0, None, 0))
    for gap in (0.5, 0.5, 0.25, 0.1):
        screen.show(Progress(2.0, 10.0, 10 * (1 - gap), gap, 1))
    screen.show(Progress(3.0, 10.0, 9.0, 0.1, 1, stopping=True))
    assert drawn[0] == ["program: stating it ..."]
    assert drawn[1][1:] == ["incumbent none yet   bound 5", "Ctrl-C keeps the incumbent"]
    assert drawn[-2][1:] == ["incumbent 10   bound 9   gap 10.00%", "Ctrl-C keeps the incumbent   █▄▁"]
    assert drawn[-1][2].startswith("stopping")


def test_the_live_view_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = SolveScreen()
    screen.phase("program")
    screen.show(Progress(1.0, None, None, None, 0))
    screen.clear()
    assert capsys.readouterr() == ("", "")


def test_a_trend_is_drawn_between_its_ends() -> None:
    assert sparkline([]) == ""
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([0.0, 0.4, 1.0]) == "▁▄█"
    assert len(sparkline([float(i) for i in range(100)])) == 40
