"""``dcopt explain``: why this design, or why there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dcopt.cli.inputs import NO_DESIGN, load_or_exit
from dcopt.cli.report import design_of
from dcopt.cli.study_options import ProgressLine

UNDECIDED = 4
"""Exit code where the time did not suffice to know whether there is a design."""


@click.command("explain")
@click.argument("path", metavar="RUN|PROBLEM", type=click.Path(path_type=Path))
@click.option(
    "--set", "sets", multiple=True, metavar="TABLE.NAME.COLUMN=VALUE", help="Change cells of a PROBLEM first."
)
@click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), default=120.0, show_default=True)
def command(path: Path, sets: tuple[str, ...], time_limit: float) -> None:
    """Explain the design of a RUN (what binds, what lost and why), or whether a PROBLEM has one.

    Where there is none, dcopt names the promises and limits that collide, none of which is superfluous, and the least
    changes that make a design. Each answer is proven by a solve; all together take at most --time-limit seconds.

    Exit codes: 0 explained, 1 no design exists (and why), 2 bad input, 4 not decided in the time.

    \b
    Example: dcopt explain bert-run
    """
    from dcopt.design.files import DESIGN_FILE

    if (path / DESIGN_FILE).is_file():
        from dcopt.report.explanation import explain_design

        design = design_of(path)
        click.echo(explain_design(design))
        sys.exit(NO_DESIGN if design.status == "infeasible" else 0)
    problem = load_or_exit(path, sets)
    from dcopt.pipeline.explain import explain_problem

    line = ProgressLine()
    try:
        possible, text = explain_problem(problem, time_limit, lambda asked: line.write(f"  is there a design {asked}?"))
    finally:
        line.clear()
    click.echo(text)
    sys.exit({True: 0, False: NO_DESIGN, None: UNDECIDED}[possible])
