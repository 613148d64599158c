"""``dcopt pareto``: the front of two objectives."""

from __future__ import annotations

import sys

import click

from dcopt.cli.inputs import load_or_exit, usage_error
from dcopt.cli.study_options import TIGHT_GAP, Asked, ProgressLine, study_command

UNITS = {"capex": "USD", "energy": "MWh", "carbon": "t"}


@study_command("pareto")
@click.option(
    "--trade",
    "pair",
    nargs=2,
    default=("tco", "carbon"),
    show_default=True,
    metavar="tco OTHER",
    help="tco and one of capex, energy, carbon (all over the horizon).",
)
@click.option("--points", type=click.IntRange(min=2), help="About so many points, evenly spaced (default: all).")
def command(asked: Asked, pair: tuple[str, str], points: int | None) -> None:
    """Show every design of PROBLEM that is not worse than another in both objectives.

    To trade TCO for a promise (days of a job, latency of a service, quality), vary the promise:
    dcopt sensitivity PROBLEM --vary 'training.gpt3.deadline_days=20:60:9'.

    \b
    Example: dcopt pareto chat --trade tco carbon --points 10

    Exit codes: 0 answered, 1 no design exists or a point was not proven, 2 bad input.
    """
    from dcopt.study.ask import Asker
    from dcopt.study.pareto import front
    from dcopt.study.store import StudyFolderError
    from dcopt.study.tables import write_tables

    first, other = pair if pair[0] == "tco" else (pair[1], pair[0])
    if first != "tco" or other not in UNITS:
        usage_error(f"--trade takes tco and one of {', '.join(UNITS)}, not {' '.join(pair)}")
    load_or_exit(asked.problem, asked.sets)
    line = ProgressLine()
    try:
        plan = {"kind": "pareto", "details": {"other": other, "points": points}}
        found = front(
            other,
            Asker(asked.problem, asked.sets, asked.choices(TIGHT_GAP), asked.output, plan, line.outcome),
            points=points,
        )
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

        rows = [{"tco_usd": p.tco_usd, f"{other}_{UNITS[other]}": p.other, **p.outcome.row()} for p in found]
        click.echo(json.dumps(rows, indent=1))
    else:
        from dcopt.cli.study_text import pareto_text

        click.echo(pareto_text(other, UNITS[other], found))
