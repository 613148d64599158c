"""``dcopt pareto``: the front of two objectives."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dcopt.cli.inputs import load_or_exit, usage_error
from dcopt.cli.study_options import TIGHT_GAP, ProgressLine, choices_of, solve_options

UNITS = {"capex": "USD", "energy": "MWh", "carbon": "t"}


@click.command("pareto")
@click.argument("problem", type=click.Path(path_type=Path))
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
@click.option("--json", "as_json", is_flag=True, help="Print the points as JSON.")
@solve_options
def command(
    problem: Path,
    pair: tuple[str, str],
    points: int | None,
    as_json: bool,
    output: Path | None,
    sets: tuple[str, ...],
    time_limit: float | None,
    gap: float | None,
    seed: int,
) -> None:
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
    load_or_exit(problem, sets)
    line = ProgressLine()
    try:
        choices = choices_of(time_limit, TIGHT_GAP if gap is None else gap, seed)
        plan = {"kind": "pareto", "details": {"other": other, "points": points}}
        found = front(other, Asker(problem, sets, choices, output, plan, line.outcome), points=points)
    except StudyFolderError as error:
        usage_error(str(error))
    except ValueError as error:
        line.clear()
        click.echo(f"no front: {error}", err=True)
        sys.exit(1)
    finally:
        line.clear()
    if output is not None:
        write_tables([point.outcome for point in found], output)
    if as_json:
        import json

        rows = [{"tco_usd": p.tco_usd, f"{other}_{UNITS[other]}": p.other, **p.outcome.row()} for p in found]
        click.echo(json.dumps(rows, indent=1))
    else:
        from dcopt.cli.study_text import pareto_text

        click.echo(pareto_text(other, UNITS[other], found))
