"""``dcopt pareto``: the front of two objectives."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dcopt.cli.inputs import load_or_exit, usage_error
from dcopt.cli.study_options import TIGHT_GAP, Asked, ProgressLine, study_command

if TYPE_CHECKING:
    from dcopt.problem.problem import Problem

UNITS = {"capex": "USD", "energy": "MWh", "carbon": "t"}


@study_command("pareto")
@click.option(
    "--trade",
    "pair",
    nargs=2,
    default=("tco", "carbon"),
    show_default=True,
    metavar="tco OTHER",
    help="tco and one of capex, energy, carbon (over the horizon), or a promise: training.gpt3.deadline_days.",
)
@click.option("--points", type=click.IntRange(min=2), help="About so many points, evenly spaced (default: all).")
@click.option("--between", metavar="LOW:HIGH", help="From where to where a promise is traded.")
def command(asked: Asked, pair: tuple[str, str], points: int | None, between: str | None) -> None:
    """Show every design of PROBLEM that is not worse than another in both objectives.

    Promises that can be traded are deadline_days of a job and ttft_ms, tpot_ms, latency_ms and max_quality_loss_pct of
    a service: each point is the cheapest design for its promise, and no promise between two points is cheaper than the
    tighter of them.

    \b
    Example: dcopt pareto chat --trade tco carbon --points 10
             dcopt pareto gpt3 --trade tco training.gpt3.deadline_days --between 20:90

    Exit codes: 0 answered, 1 no design exists or a point was not proven, 2 bad input.
    """
    from dcopt.study.ask import Asker
    from dcopt.study.pareto import front, promise_front
    from dcopt.study.store import StudyFolderError
    from dcopt.study.tables import write_tables

    first, other = pair if pair[0] == "tco" else (pair[1], pair[0])
    if first != "tco" or (other not in UNITS and "." not in other):
        usage_error(f"--trade takes tco and one of {', '.join(UNITS)} or a promise's cell, not {' '.join(pair)}")
    if (points and other not in UNITS) or (between and other in UNITS):
        usage_error("--points is for capex, energy and carbon, --between for promises")
    problem = load_or_exit(asked.problem, asked.sets)
    ends = None if other in UNITS else _ends(problem, other, between)
    line = ProgressLine()
    try:
        plan = {"kind": "pareto", "details": {"other": other, "points": points, "between": ends}}
        asker = Asker(asked.problem, asked.sets, asked.choices(TIGHT_GAP), asked.output, plan, line.outcome)
        found = front(other, asker, points=points) if ends is None else promise_front(other, asker, *ends)
    except StudyFolderError as error:
        usage_error(str(error))
    except ValueError as error:
        line.clear()
        click.echo(f"no front: {error}", err=True)
        sys.exit(1)
    finally:
        line.clear()
    if asked.output is not None:
        write_tables([point.outcome for point in found], asked.output)
    if asked.as_json:
        import json

        named = f"{other}_{UNITS[other]}" if other in UNITS else other
        rows = [{"tco_usd": p.tco_usd, named: p.other, **p.outcome.row()} for p in found]
        click.echo(json.dumps(rows, indent=1))
    else:
        from dcopt.cli.study_run import shown
        from dcopt.study.report import report_on

        whole = {**plan, "problem": str(asked.problem)}
        click.echo(shown(report_on(whole, [point.outcome for point in found])))


def _ends(problem: Problem, cell: str, between: str | None) -> tuple[float, float]:
    from dcopt.study.pareto import range_of

    try:
        if between is not None:
            low, high = (float(word) for word in between.split(":"))
            if not 0 <= low < high:
                raise ValueError(f"--between {between}: LOW must be below HIGH")
            return low, high
        return range_of(problem, cell)
    except ValueError as error:
        usage_error(str(error))
