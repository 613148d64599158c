"""``dcopt explain``: why this design, or why there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dcopt.cli.inputs import NO_DESIGN, load_or_exit
from dcopt.cli.report import design_of


@click.command("explain")
@click.argument("path", metavar="RUN|PROBLEM", type=click.Path(path_type=Path))
def command(path: Path) -> None:
    """Explain the design of a RUN (what binds, what lost and why), or pre-check a PROBLEM.

    Exit codes: 0 explained, 1 no design exists (and why), 2 bad input.

    \b
    Example: dcopt explain bert-run
    """
    from dcopt.design.files import DESIGN_FILE

    if (path / DESIGN_FILE).is_file():
        from dcopt.report.explanation import explain_design

        design = design_of(path)
        click.echo(explain_design(design))
        sys.exit(NO_DESIGN if design.status == "infeasible" else 0)
    problem = load_or_exit(path)
    from dcopt.pipeline.explain import explain_problem

    possible, text = explain_problem(problem)
    click.echo(text)
    sys.exit(0 if possible else NO_DESIGN)
