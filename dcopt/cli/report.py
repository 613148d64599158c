"""``dcopt report``: show a solved design."""

from __future__ import annotations

import json
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
    """Show the design in RUN, the folder that 'dcopt solve' wrote.

    \b
    Example: dcopt report bert-run --format html -o bert.html
    """
    design = design_of(run)
    from dcopt.design.simulation import read_simulation
    from dcopt.report.context import read_beside

    simulated, beside = read_simulation(run), read_beside(run)
    text = rendered(design, problem_of(run), form, terminal=output is None, simulated=simulated, beside=beside)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        usage_error(f"{output} cannot be written: {error.strerror or error}")
    click.echo(f"wrote {output}", err=True)


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
    from dcopt.report.terminal import render_terminal

    width = shutil.get_terminal_size((100, 24)).columns if terminal and sys.stdout.isatty() else 100
    return render_terminal(design, problem, width, summary=form == "summary", simulated=simulated, beside=beside)
