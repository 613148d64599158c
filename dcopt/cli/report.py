"""``dcopt report``: show a solved design."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import usage_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcopt.design.records import Design
    from dcopt.design.simulation import SimulatedService
    from dcopt.problem.problem import Problem

FORMATS = ("terminal", "html", "markdown", "json")


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="terminal", show_default=True, help="How it is written."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
def command(run: Path, form: str, output: Path | None) -> None:
    """Show the design in RUN, the folder that 'dcopt solve' wrote, or the study in the folder of its -o.

    \b
    Example: dcopt report bert-run --format html -o bert.html
             dcopt report bert-study
    """
    from dcopt.study.store import PLAN_FILE

    text = study_text(run, form) if (run / PLAN_FILE).is_file() else design_text(run, form, terminal=output is None)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        usage_error(f"{output} cannot be written: {error.strerror or error}")
    click.echo(f"wrote {output}", err=True)


def design_text(run: Path, form: str, *, terminal: bool) -> str:
    """Return the report of the design in a RUN folder."""
    design = design_of(run)
    from dcopt.design.simulation import read_simulation
    from dcopt.report.context import read_beside

    simulated, beside = read_simulation(run), read_beside(run)
    return rendered(design, problem_of(run), form, terminal=terminal, simulated=simulated, beside=beside)


def study_text(folder: Path, form: str) -> str:
    """Return the report of the study in a folder; one that cannot be read ends the command with exit code 2."""
    from dcopt.report.html import render_page
    from dcopt.report.markdown import render_sections
    from dcopt.report.terminal import render_text
    from dcopt.study.report import read_study, study_report
    from dcopt.study.store import StudyFolderError

    try:
        if form == "json":
            rows = [outcome.row() for outcome in read_study(folder)[1]]
            return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
        report = study_report(folder)
    except StudyFolderError as error:
        usage_error(str(error))
    if form == "html":
        words = "every scenario was answered" if report.status == "optimal" else "some scenarios were not answered"
        return render_page(report, words)
    if form == "markdown":
        return render_sections(report)
    return render_text(report, shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100)


def design_of(run: Path) -> Design:
    """Return the design of a RUN folder; a folder without one ends the command with exit code 2."""
    from dcopt.design.files import DesignFileError, read_design

    try:
        return read_design(run)
    except DesignFileError as error:
        usage_error(str(error))


def problem_of(run: Path) -> Problem | None:
    """Return the problem of a RUN folder, or None (with a word on stderr) where its tables cannot be read."""
    from dcopt.problem.findings import InputError
    from dcopt.problem.load import load

    inputs = run / "inputs"
    if not inputs.is_dir():
        click.echo(f"note: {inputs} is not there; promises, settings and sources are left out", err=True)
        return None
    try:
        return load(inputs)
    except InputError as error:
        first = str(error.findings[0]) if error.findings else str(error)
        click.echo(f"note: {inputs} cannot be read ({first}); promises, settings and sources are left out", err=True)
        return None


def shows_colour() -> bool:
    """Whether stdout is a terminal that understands escapes."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def rendered(
    design: Design,
    problem: Problem | None,
    form: str,
    *,
    terminal: bool,
    simulated: Sequence[SimulatedService] = (),
    beside: Mapping[str, object] | None = None,
) -> str:
    """Return the report of ``design`` in one of `FORMATS`, or its 'summary'; on a terminal, as wide as it is."""
    if form == "html":
        from dcopt.report.html import render_html

        return render_html(design, problem, simulated, beside)
    if form == "markdown":
        from dcopt.report.markdown import render_markdown

        return render_markdown(design, problem, simulated, beside)
    if form == "json":
        return json.dumps(design.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"
    from dcopt.report.terminal import render_terminal, summary_of

    is_summary = form == "summary"
    if terminal and shows_colour():
        from dcopt.report.content import build_report
        from dcopt.report.rich_terminal import render_rich

        report = build_report(design, problem, simulated, beside)
        return render_rich(summary_of(report) if is_summary else report, max(60, shutil.get_terminal_size().columns))
    width = shutil.get_terminal_size((100, 24)).columns if terminal and sys.stdout.isatty() else 100
    return render_terminal(design, problem, width, summary=is_summary, simulated=simulated, beside=beside)
