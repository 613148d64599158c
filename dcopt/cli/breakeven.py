"""``dcopt breakeven``: the value of a cell at which the decision flips."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import load_or_exit, usage_error
from dcopt.cli.study_options import TIGHT_GAP, Asked, ProgressLine, study_command

if TYPE_CHECKING:
    from dcopt.study.records import Outcome

WIDELY = (0.1, 10.0)
"""Where to look, as shares of what stands in the cell, if that is not said."""
ASPECTS = ("node", "fabric", "site", "compression", "software", "choice", "any", "design")


@study_command("breakeven")
@click.option(
    "--vary",
    "varied",
    required=True,
    metavar="CELL[=LOW:HIGH]",
    help="The cell, and where to look: from a tenth to ten times what stands there if that is not said.",
)
@click.option(
    "--until-changes",
    "aspect",
    type=click.Choice(ASPECTS),
    default="choice",
    show_default=True,
    help="What is to flip; choice is node, fabric and site, any all five, design every number of it.",
)
def command(asked: Asked, varied: str, aspect: str) -> None:
    """Find the value of a cell between LOW and HIGH at which the best design of PROBLEM is another.

    By bisection on proven optima, from what stands there today towards both ends; where the decision flips more than
    once on the way to an end, one of the flips is found.

    \b
    Example: dcopt breakeven chat --vary nodes.mi300x-8.price_usd --until-changes node
             dcopt breakeven chat --vary 'sites.*.electricity_usd_per_kwh*=0.5:4'

    Exit codes: 0 answered, also where nothing flips; 2 bad input; 4 a scenario could not be proven; Ctrl-C: 4.
    """
    import json
    from dataclasses import asdict

    from dcopt.cli.study_run import shown
    from dcopt.problem.overrides import SetError, parse_set
    from dcopt.study.ask import Asker
    from dcopt.study.breakeven import NotProvenError, break_even
    from dcopt.study.report import report_on
    from dcopt.study.store import FLIP_FILE, StudyFolderError, write_found

    load_or_exit(asked.problem, asked.sets)
    if "=" not in varied:
        varied = _widely(asked, varied)
    try:
        change = parse_set(varied)
        low, high = (float(word) for word in change.value.split(":"))
    except (SetError, ValueError) as error:
        usage_error(f"--vary {varied}: write the cell and its range as CELL=LOW:HIGH ({error})")
    if not low < high:
        usage_error(f"--vary {varied}: LOW must be below HIGH")
    line = ProgressLine()
    asked_for: list[Outcome] = []

    def told(outcome: Outcome) -> None:
        asked_for.append(outcome)
        line.outcome(outcome)

    try:
        plan = {"kind": "breakeven", "details": {"vary": varied, "aspect": aspect}}
        asker = Asker(asked.problem, asked.sets, asked.choices(TIGHT_GAP), asked.output, plan, told)
        today = _today(asked, change.cell, change.operator)
        found = break_even(change.cell, change.operator, low, high, aspect, asker, today=today)
    except StudyFolderError as error:
        usage_error(str(error))
    except NotProvenError as error:
        line.clear()
        click.echo(f"not proven: {error}", err=True)
        sys.exit(4)
    finally:
        line.clear()
    if asked.output is not None:
        write_found(asked.output, FLIP_FILE, asdict(found))
    if asked.as_json:
        click.echo(json.dumps(asdict(found), indent=1))
    else:
        click.echo(shown(report_on({**plan, "problem": str(asked.problem)}, tuple(asked_for), flip=asdict(found))))


def _today(asked: Asked, cell: str, operator: str) -> float | None:
    """Return the value that changes nothing; None where that is no single number."""
    from dcopt.problem.findings import InputError
    from dcopt.problem.load import load

    if operator != "=" or "*" in cell:
        return {"*=": 1.0, "+=": 0.0}.get(operator)
    try:
        return float(load(asked.problem, (*asked.sets, f"{cell}*=1")).changes[-1].old)
    except (InputError, ValueError):
        return None  # it is blank, or no number


def _widely(asked: Asked, cell: str) -> str:
    """Return ``cell`` with a wide range around what stands there: as factors where it is several cells."""
    load_or_exit(asked.problem, (*asked.sets, f"{cell}*=1"))
    low, high = WIDELY
    value = _today(asked, cell, "=")
    if value is None:
        return f"{cell}*={low:g}:{high:g}"
    if value == 0.0:
        usage_error(f"--vary {cell}: 0 stands there; say where to look, as {cell}=LOW:HIGH")
    ends = sorted((value * low, value * high))
    return f"{cell}={ends[0]:.12g}:{ends[1]:.12g}"
