"""``dcopt report``: show a solved design."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import usage_error, write_or_echo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcopt.design.records import Design
    from dcopt.design.simulation import SimulatedService
    from dcopt.problem.problem import Problem
    from dcopt.report.blocks import Report

STUDY_WORDS = {"optimal": "every scenario was answered", "feasible": "some scenarios were not answered"}
PURCHASE_WORDS = {"optimal": "the purchase is proven to the gap", "feasible": "the purchase is not proven to the gap"}
FORMATS = ("terminal", "html", "markdown", "json")
FORMAT_OF = {".html": "html", ".htm": "html", ".md": "markdown", ".json": "json"}
"""By the end of the output's name, where no format is asked for."""


@click.command("report")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="How it is written (default: by the end of FILE's name, else terminal).",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
@click.option("--study", "studies", type=click.Path(path_type=Path), multiple=True, help="Show this study of it too.")
def command(run: Path, form: str | None, output: Path | None, studies: tuple[Path, ...]) -> None:
    """Show the design in RUN, the folder that 'dcopt solve' wrote, or the study in the folder of its -o.

    \b
    Example: dcopt report bert-run -o bert.html
             dcopt report bert-study
             dcopt report bert-run --study bert-study -o board.html
    """
    from dcopt.study.store import is_study

    if form is None:
        form = "terminal" if output is None else FORMAT_OF.get(output.suffix.lower(), "terminal")
    if is_study(run):
        if studies:
            usage_error(f"{run} is a study itself; --study goes with the folder that 'dcopt solve' wrote")
        text = study_text(run, form)
    else:
        text = design_text(run, form, studies, terminal=output is None)
    write_or_echo(text, output)


def design_text(run: Path, form: str, studies: Sequence[Path] = (), *, terminal: bool) -> str:
    """Return the report of the design in a RUN folder, with what studies of it found."""
    design = design_of(run)
    from dcopt.design.simulation import read_simulation
    from dcopt.report.context import read_beside

    simulated, beside = read_simulation(run), read_beside(run)
    found = [report_of_study(folder) for folder in studies]
    return rendered(design, problem_of(run), form, terminal=terminal, simulated=simulated, beside=beside, studies=found)


def report_of_study(folder: Path) -> Report:
    """Return the report of a study; a folder that none wrote ends the command with exit code 2."""
    from dcopt.study.report import study_report
    from dcopt.study.store import StudyFolderError

    try:
        return study_report(folder)
    except StudyFolderError as error:
        usage_error(str(error))


def study_text(folder: Path, form: str) -> str:
    """Return the report of the study in a folder; one that cannot be read ends the command with exit code 2."""
    from dcopt.cli.study_run import shown
    from dcopt.report.html import render_page
    from dcopt.report.markdown import render_sections
    from dcopt.study.report import read_study
    from dcopt.study.store import ROBUST_FILE, read_found

    report = report_of_study(folder)
    is_robust = (folder / ROBUST_FILE).is_file()
    if form == "json":
        found = read_found(folder, ROBUST_FILE) if is_robust else [outcome.row() for outcome in read_study(folder)[1]]
        return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if form == "html":
        return render_page(report, (PURCHASE_WORDS if is_robust else STUDY_WORDS)[report.status])
    if form == "markdown":
        return render_sections(report)
    return shown(report) + "\n"


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
    studies: Sequence[Report] = (),
) -> str:
    """Return the report of ``design`` in one of `FORMATS`, or its 'summary'; on a terminal, as wide as it is."""
    from dcopt.report.content import build_report, with_studies

    if form == "json":
        return json.dumps(design.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n"
    report = with_studies(build_report(design, problem, simulated, beside), studies)
    if form == "html":
        from dcopt.report.answer import STATUS_WORDS
        from dcopt.report.html import render_page

        return render_page(report, STATUS_WORDS[design.status])
    if form == "markdown":
        from dcopt.report.markdown import render_sections

        return render_sections(report)
    from dcopt.report.terminal import render_text, summary_of

    if form == "summary":
        report = summary_of(report)
    if terminal and shows_colour():
        from dcopt.report.rich_terminal import render_rich

        return render_rich(report, max(60, shutil.get_terminal_size().columns))
    return render_text(report, shutil.get_terminal_size((100, 24)).columns if terminal and sys.stdout.isatty() else 100)
