"""``dcopt explain``: why this design, or why there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dcopt.cli.inputs import NO_DESIGN, exit_with, load_or_exit, usage_error
from dcopt.cli.report import design_of
from dcopt.cli.study_options import ProgressLine
from dcopt.cli.text_table import terminal_width

EXPLAIN_S = 120.0
"""Seconds for all questions, where nothing else is asked for."""
UNDECIDED = 4
"""Exit code where the time did not suffice to know whether there is a design."""


@click.command("explain")
@click.argument("path", metavar="RUN|PROBLEM", type=click.Path(path_type=Path))
@click.option(
    "--set", "sets", multiple=True, metavar="TABLE.NAME.COLUMN=VALUE", help="Change cells of a PROBLEM first."
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=EXPLAIN_S,
    show_default=True,
    help="Seconds for all questions.",
)
@click.option("--afresh", is_flag=True, help="Forget what an earlier 'explain' of the RUN found.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found about a RUN as JSON.")
def command(path: Path, sets: tuple[str, ...], time_limit: float, afresh: bool, as_json: bool) -> None:
    """Explain the design of a RUN, or whether a PROBLEM has one.

    Of a RUN: where the time of each workload goes, what the best other ways to run it would have cost, what each
    promise costs (a step tighter, a step looser, without it), and how far the next different design is. Each answer is
    a solve of its own. They are kept in RUN/explanation.json: the report shows them, and asking again goes on from
    there. Ctrl-C ends the questions and keeps the answers.

    Where there is no design, dcopt names the promises and limits that collide, none of which is superfluous, and the
    least changes that make a design, each proven by a solve.

    Exit codes: 0 explained, 1 no design exists (and why), 2 bad input, 4 not decided in the time.

    \b
    Example: dcopt explain bert-run
    """
    from dcopt.design.files import DESIGN_FILE

    if (path / DESIGN_FILE).is_file():
        if sets:
            usage_error("--set changes a PROBLEM; the design of a RUN is explained as it was solved")
        design = design_of(path)
        if design.cost is not None:
            click.echo(explained(path, time_limit, afresh=afresh, as_json=as_json), nl=False)
            sys.exit(0)
        path = path / "inputs"
    problem = load_or_exit(path, sets)
    from dcopt.pipeline.explain import explain_problem

    line = ProgressLine()
    try:
        possible, text = explain_problem(problem, time_limit, lambda asked: line.write(f"  is there a design {asked}?"))
    finally:
        line.clear()
    click.echo(text)
    sys.exit({True: 0, False: NO_DESIGN, None: UNDECIDED}[possible])


def explained(run: Path, seconds: float, *, afresh: bool = False, as_json: bool = False) -> str:
    """Return the explanation of the design in ``run``, kept there too; what cannot be read ends with exit code 2."""
    from dcopt.design.files import DesignFileError
    from dcopt.pipeline.explain_design import ShortSightError, explain_run
    from dcopt.pipeline.user_constraints import UserConstraintsError
    from dcopt.problem.findings import InputError
    from dcopt.report.explanation import explain_design

    line = ProgressLine()
    try:
        found = explain_run(
            run, seconds, afresh=afresh, on_question=lambda asked: line.write(f"  {asked} (Ctrl-C ends)")
        )
    except InputError as error:
        line.clear()
        exit_with(error.findings)
    except (DesignFileError, ShortSightError, UserConstraintsError) as error:
        line.clear()
        usage_error(str(error))
    except OSError as error:
        line.clear()
        usage_error(f"{run} cannot be read or written: {error.strerror or error}")
    finally:
        line.clear()
    if as_json:
        return found.model_dump_json(indent=1) + "\n"
    return explain_design(design_of(run), found, min(terminal_width(), 140))
