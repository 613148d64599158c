"""What commands share: reading a problem (findings to stderr, exit code 2 where it cannot be used), writing a text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from dcopt.problem.findings import Finding, InputError

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

NO_DESIGN = 1
"""Exit code of a problem that no design solves."""
BAD_INPUT = 2
"""Exit code of bad input or usage."""

confidence_option = click.option(
    "--confidence",
    type=click.FloatRange(min=50, max=99.9),
    metavar="PCT",
    help="Keep all promises with this probability in spite of errors of prediction; 'dcopt solve' says what it costs.",
)


def set_of(confidence: float | None) -> tuple[str, ...]:
    """Return the change that asks for a confidence, %."""
    return () if confidence is None else (f"settings.confidence_pct={confidence:g}",)


def load_or_exit(path: Path, sets: Sequence[str] = (), quotes: Path | None = None) -> Problem:
    """Return the problem at ``path``, its warnings printed to stderr; leave with code 2 where it has errors.

    ``quotes`` is a filled-in bill of materials or a ``quotes.csv``, whose prices are changes after ``sets``.
    """
    try:
        problem = load_usable(path, sets)
        if quotes is not None:
            from dcopt.problem.quotes import quote_sets, read_quotes

            problem = load_usable(path, (*sets, *quote_sets(problem, read_quotes(quotes))))
    except InputError as error:
        exit_with(error.findings, path)
    print_findings(problem.warnings)
    return problem


def load_usable(path: Path, sets: Sequence[str] = ()) -> Problem:
    """Return the problem at ``path``, its measurements held against predictions.

    Raises
    ------
    InputError: the input, or a measurement, cannot be used.
    """
    from dcopt.problem.load import load

    problem = load(path, sets)
    if problem.measurements:
        from dcopt.performance.measured import measured_of

        measured_of(problem)
    return problem


def print_findings(findings: Iterable[Finding], folder: Path | None = None) -> None:
    """Print findings to stderr, one line each; with the ``folder`` of the tables, errors point at their cell."""
    for finding in findings:
        if folder is None or finding.severity != "error":
            click.echo(str(finding), err=True)
            continue
        from dcopt.cli.pointing import pointed

        click.echo(pointed(finding, folder, _red), err=True)


def _red(text: str) -> str:
    """Return ``text`` in red on a terminal that shows colour (click takes it away where there is none)."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg="red", bold=True)


def exit_with(findings: Sequence[Finding], folder: Path | None = None) -> NoReturn:
    """Print findings and their number to stderr and leave with code 2."""
    print_findings(findings, folder)
    errors = sum(finding.severity == "error" for finding in findings)
    click.echo(f"{errors} error{'s' if errors != 1 else ''}; nothing was written", err=True)
    sys.exit(BAD_INPUT)


def usage_error(message: str) -> NoReturn:
    """Print a usage error and leave with code 2."""
    click.echo(f"error: {message}", err=True)
    sys.exit(BAD_INPUT)


def write_or_echo(text: str, output: Path | None) -> None:
    """Write a text to a file, or to standard output where none is named; exit code 2 if that cannot be."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        usage_error(f"{output} cannot be written: {error.strerror or error}")
    click.echo(f"wrote {output}", err=True)
